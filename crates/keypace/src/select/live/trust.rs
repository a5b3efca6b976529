//! Where real servers' idle times would lie: LFU, failovers, restarts, replicas that are read from.

use std::time::{Duration, Instant};

use keypace_lab::{
    ClusterOptions, Endpoint, Listen, OwnedCluster, OwnedSentinels, OwnedServer, Program,
    SentinelOptions, ServerOptions,
};

use super::{ALL, DAY, PATIENCE, age, connect, ground, idle_over, look, passed, raw, run, started};
use crate::error::ErrorKind;
use crate::port::{ConnectOptions, Keyspace, Target};
use crate::select::{Acts, Filters, Guard, Questions, check_ground};

#[tokio::test]
async fn p30_lfu_is_refused_by_the_settings_name() {
    let lfu = ServerOptions::default()
        .with_arg("maxmemory", "100mb")
        .with_arg("maxmemory-policy", "allkeys-lfu");
    for server in started(&lfu) {
        run(&mut raw(&server), &["SET", "k", "v"]);
        let keyspace = connect(&server).await;
        for trust in [false, true] {
            let filters = idle_over(1).with_trust_idle(trust);
            let error = ground(&keyspace, &filters, Acts::Deletes).await;
            let error = error.expect_err("lfu");
            assert_eq!(error.kind(), ErrorKind::Guard);
            assert!(
                error.context().contains("maxmemory-policy allkeys-lfu"),
                "{error}"
            );
            let error = look(&keyspace, &filters, ALL, &["k"]).await;
            assert_eq!(error.expect_err("lfu").kind(), ErrorKind::Guard);
        }
        let looked = look(&keyspace, &Filters::default(), ALL, &["k"]).await;
        let facts = looked.expect("shown").facts[0].clone().expect("there");
        assert!(facts.idle.is_none() && facts.size.is_some());
        // Set at runtime, in mid-run.
        run(
            &mut raw(&server),
            &["CONFIG", "SET", "maxmemory-policy", "noeviction"],
        );
        assert!(
            ground(&keyspace, &idle_over(1), Acts::Deletes)
                .await
                .is_ok()
        );
    }
}

fn tcp(program: &Program, arguments: &[(&str, &[&str])]) -> OwnedServer {
    let mut options = ServerOptions::default().with_listen(Listen::Tcp);
    for (name, values) in arguments {
        options = options.with_args(*name, values.iter().copied());
    }
    OwnedServer::start(program, options).expect("started")
}

fn port(server: &OwnedServer) -> String {
    match server.endpoint() {
        Endpoint::Tcp(address) => address.port().to_string(),
        Endpoint::Unix(_) => panic!("it was told to listen on TCP"),
    }
}

/// A primary and a replica that is in step.
fn pair(program: &Program) -> (OwnedServer, OwnedServer) {
    let primary = tcp(program, &[("repl-diskless-sync-delay", &["0"])]);
    let place = port(&primary);
    let replica = tcp(program, &[("replicaof", &["127.0.0.1", &place])]);
    wait(|| raw(&replica).info("replication").expect("told")["master_link_status"] == "up");
    (primary, replica)
}

fn wait(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never became so");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn in_step(primary: &OwnedServer, replica: &OwnedServer) {
    let offset = |server: &OwnedServer, name: &str| {
        raw(server).info("replication").expect("told")[name].clone()
    };
    wait(|| offset(primary, "master_repl_offset") == offset(replica, "slave_repl_offset"));
}

#[tokio::test]
async fn p30b_replication_is_no_read_and_readers_are_asked() {
    for program in Program::all() {
        let label = program.label();
        let (primary, replica) = pair(&program);
        let mut raw_primary = raw(&primary);
        for key in ["read", "unread", "young"] {
            run(&mut raw_primary, &["SET", key, "v"]);
            run(&mut raw_primary, &["EXPIRE", key, "5000"]);
            run(&mut raw_primary, &["APPEND", key, "w"]);
        }
        for key in ["read", "unread"] {
            age(&mut raw_primary, key, 40 * DAY);
        }
        run(&mut raw_primary, &["DEL", "none"]);
        in_step(&primary, &replica);
        let stats = raw(&replica).info("stats").expect("told");
        assert_eq!(stats["keyspace_hits"], "0", "{label}");
        assert_eq!(stats["keyspace_misses"], "0", "{label}");

        let keyspace = connect(&primary).await;
        let filters = idle_over(30 * DAY);
        let keys = ["read", "unread", "young"];
        let unread = ground(&keyspace, &filters, Acts::Deletes)
            .await
            .expect("allowed");
        assert!(unread.readers().is_empty(), "{label}");
        let looked = look(&keyspace, &filters, Questions::default(), &keys).await;
        assert_eq!(passed(&looked.expect("looked")), [true, true, false]);

        run(&mut raw(&replica), &["GET", "read"]);
        let read = ground(&keyspace, &filters, Acts::Deletes)
            .await
            .expect("allowed");
        assert_eq!(read.readers().len(), 1, "{label}");
        let looked = look(&keyspace, &filters, Questions::default(), &keys).await;
        assert_eq!(
            passed(&looked.expect("looked")),
            [false, true, false],
            "{label}"
        );
        let trusting = filters.clone().with_trust_idle(true);
        let looked = look(&keyspace, &trusting, Questions::default(), &keys).await;
        assert_eq!(
            passed(&looked.expect("looked")),
            [true, true, false],
            "{label}"
        );

        // The replica itself, and a primary whose replica can't be asked.
        let own = connect(&replica).await;
        let error = ground(&own, &filters, Acts::Looks)
            .await
            .expect_err("a replica");
        assert!(error.context().contains("replica"), "{error}");
        run(
            &mut raw(&replica),
            &["CONFIG", "SET", "requirepass", "secret"],
        );
        let error = ground(&keyspace, &filters, Acts::Deletes)
            .await
            .expect_err("shut out");
        assert!(error.context().contains("can't be asked"), "{error}");
        assert!(ground(&keyspace, &trusting, Acts::Deletes).await.is_ok());
    }
}

#[tokio::test]
async fn p30b_a_promoted_node_is_not_trusted() {
    for program in Program::all() {
        let label = program.label();
        let (primary, replica) = pair(&program);
        run(&mut raw(&primary), &["SET", "k", "v"]);
        in_step(&primary, &replica);
        run(&mut raw(&replica), &["REPLICAOF", "NO", "ONE"]);
        let keyspace = connect(&replica).await;
        let error = ground(&keyspace, &idle_over(1), Acts::Looks).await;
        let error = error.expect_err("promoted");
        assert_eq!(error.kind(), ErrorKind::Guard, "{label}");
        assert!(
            error.context().contains("master_replid2"),
            "{label}: {error}"
        );
        let trusting = idle_over(1).with_trust_idle(true);
        assert!(ground(&keyspace, &trusting, Acts::Looks).await.is_ok());
    }
}

#[tokio::test]
async fn p30b_a_restarted_node_with_a_replica_is_not_trusted() {
    for program in Program::all() {
        let label = program.label();
        let (mut primary, replica) = pair(&program);
        run(&mut raw(&primary), &["SET", "k", "v"]);
        in_step(&primary, &replica);
        let keyspace = connect(&primary).await;
        let fresh = ground(&keyspace, &idle_over(1), Acts::Looks).await;
        assert!(fresh.is_ok(), "{label}: {fresh:?}");
        run(&mut raw(&primary), &["SAVE"]);
        primary.restart().expect("restarted");
        let keyspace = connect(&primary).await;
        let error = ground(&keyspace, &idle_over(1), Acts::Looks).await;
        let error = error.expect_err("restarted");
        assert!(
            error.context().contains("master_replid2"),
            "{label}: {error}"
        );
    }
}

#[tokio::test]
async fn p30b_replicas_of_a_cluster_and_behind_sentinels_are_asked_too() {
    for program in Program::all() {
        let label = program.label();
        let filters = idle_over(30 * DAY);
        let cluster = OwnedCluster::start(&program, ClusterOptions::default()).expect("started");
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let layout = keyspace.expect("connected").layout().await.expect("known");
        let guard = Guard::new(&filters, &[]);
        let check = async |node| {
            let asked = check_ground(node, &guard, Questions::default(), Acts::Deletes).await;
            asked.map(|ground| ground.readers().len())
        };
        for primary in &layout.primaries {
            let readers = check(&primary.node).await.expect("allowed");
            assert_eq!(readers, 0, "{label}: nobody reads there");
        }
        for node in cluster.nodes().skip(3) {
            let mut raw = cluster.raw(node.index).expect("connected");
            run(&mut raw, &["READONLY"]);
            for n in 0..100 {
                let _ = raw.command(&[b"GET", format!("k{n}").as_bytes()]);
            }
        }
        for primary in &layout.primaries {
            let readers = check(&primary.node).await.expect("allowed");
            assert_eq!(readers, 1, "{label}: one of its replicas is read");
        }
        drop(cluster);

        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("started");
        let url = format!(
            "redis-sentinel://{}/{}",
            set.sentinel_endpoints()[0]
                .to_string()
                .trim_start_matches("redis://"),
            set.master_name()
        );
        let target = Target::parse(&url).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("connected");
        let found = ground(&keyspace, &filters, Acts::Deletes).await;
        assert!(found.is_ok(), "{label}: {found:?}");
    }
}

#[tokio::test]
async fn below_7_2_a_backup_of_idle_keys_wants_trust() {
    for server in started(&ServerOptions::default()) {
        let keyspace = connect(&server).await;
        let is_no_touch = {
            let lease = keyspace.node().lease().await.expect("leased");
            lease.is_no_touch()
        };
        let backed = ground(&keyspace, &idle_over(1), Acts::BacksUp).await;
        assert_eq!(backed.is_ok(), is_no_touch, "{}", server.program().label());
        assert!(
            ground(&keyspace, &idle_over(1), Acts::Deletes)
                .await
                .is_ok()
        );
        assert!(
            ground(&keyspace, &Filters::default().with_no_ttl(), Acts::BacksUp)
                .await
                .is_ok()
        );
    }
}
