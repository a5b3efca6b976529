//! Which servers are found, on real ones: behind Sentinels, in clusters, over TLS; and what is refused by name.
//! What a layout holds is tested inside the library (`port/cluster_live.rs`).

mod common;

use common::{scan, sorted_keys};
use keypace::{ConnectOptions, ErrorKind, Keyspace, Result, Target, Topology};
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedSentinels, Program, SentinelOptions, seed};

fn programs() -> Vec<Program> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    programs
}

/// `redis-sentinel://` with all sentinels' addresses.
fn sentinel_url(set: &OwnedSentinels, login: &str, name: &str) -> String {
    let places: Vec<String> = (set.sentinel_endpoints().iter())
        .map(|endpoint| endpoint.to_string().replace("redis://", ""))
        .collect();
    format!("redis-sentinel://{login}{}/{name}", places.join(","))
}

async fn connect(url: &str) -> Result<Keyspace> {
    Keyspace::connect(
        Target::parse(url).expect("valid"),
        ConnectOptions::default(),
    )
    .await
}

#[tokio::test]
async fn sentinels_lead_to_the_primary_and_to_the_next_one() {
    for program in programs() {
        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        let mut raw = set.raw(0).expect("connected");
        seed::strings(&mut raw, b"session:", 0..500, 8).expect("seeded");
        set.wait_until_settled().expect("in step");
        let url = sentinel_url(&set, "", set.master_name());
        let keyspace = connect(&url).await.expect("connected");
        let before = keyspace.server().clone();
        assert_eq!(
            (before.role.as_str(), before.nodes),
            ("primary", 1),
            "{}",
            program.label()
        );
        assert!(
            before
                .address
                .starts_with(&format!("{}@127.0.0.1:", set.master_name()))
        );
        assert_eq!(sorted_keys(&keyspace, scan("session:*")).await.len(), 500);
        let now = set.fail_over().expect("failed over");
        set.wait_until_settled().expect("settled");
        // The same handle goes on, with whoever is the primary.
        assert_eq!(keyspace.dbsize().await.expect("asked"), 500);
        assert_eq!(sorted_keys(&keyspace, scan("session:*")).await.len(), 500);
        let again = connect(&url).await.expect("connected");
        assert_eq!(again.server().role, "primary");
        assert_ne!(again.server().run_id, before.run_id);
        let run_id = &set
            .raw(now)
            .expect("connected")
            .info("server")
            .expect("told")["run_id"];
        assert_eq!(&again.server().run_id, run_id);
    }
}

#[tokio::test]
async fn a_dead_primary_and_dead_sentinels_are_got_over() {
    for program in programs() {
        let mut set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        let url = sentinel_url(&set, "", set.master_name());
        let keyspace = connect(&url).await.expect("connected");
        set.kill_primary().expect("killed, and another named");
        assert_eq!(keyspace.dbsize().await.expect("asked of the new one"), 0);
        // One that is frozen costs its second, and no more.
        set.sentinels()[0].pause().expect("frozen");
        for _ in 0..3 {
            connect(&url).await.expect("by another sentinel");
        }
        set.sentinels()[0].resume().expect("woken");
    }
}

#[tokio::test]
async fn sentinels_have_a_login_of_their_own() {
    for program in programs() {
        let options = SentinelOptions::default()
            .with_master_name("cache-1")
            .with_sentinel_password("guarding")
            .with_data_password("holding");
        let set = OwnedSentinels::start(&program, options).expect("a set");
        let url = sentinel_url(&set, ":holding@", "cache-1");
        let error = connect(&url)
            .await
            .expect_err("the sentinels' own is missing");
        assert_eq!(error.kind(), ErrorKind::Auth, "{error:?}");
        assert!(
            error.context().contains("no sentinel lets us in"),
            "{error}"
        );
        let target = Target::parse(&url)
            .expect("valid")
            .with_sentinel_login(None, "guarding");
        let keyspace = Keyspace::connect(target.clone(), ConnectOptions::default()).await;
        assert_eq!(keyspace.expect("connected").server().role, "primary");
        let wrong = target.with_password("wr0ng");
        let error = Keyspace::connect(wrong, ConnectOptions::default()).await;
        let error = error.expect_err("the data servers' is wrong");
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(!format!("{error:?}").contains("wr0ng"), "{error:?}");
    }
}

#[tokio::test]
async fn what_sentinels_can_t_tell_is_said() {
    let program = programs().remove(0);
    let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
    let error = connect(&sentinel_url(&set, "", "other"))
        .await
        .expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.context(), "no sentinel knows a primary named other");
    assert!(error.hint().expect("hint").contains("SENTINEL MASTERS"));
    let error = connect("redis-sentinel://127.0.0.1:1,localhost:1/main").await;
    let error = error.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(
        error.context(),
        "no sentinel answers: tried 127.0.0.1:1, localhost:1"
    );
    // A sentinel as a server, a server as a sentinel, and each against what was asked for.
    let sentinel = set.sentinels()[0].url();
    let error = connect(&sentinel).await.expect_err("holds no keys");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().expect("hint").contains("redis-sentinel://"));
    let server = set.servers()[0]
        .url()
        .replace("redis://", "redis-sentinel://");
    let error = connect(&format!("{server}/main"))
        .await
        .expect_err("no sentinel");
    assert!(error.context().contains("no sentinel answers"), "{error}");
    for (url, topology) in [
        (sentinel_url(&set, "", "main"), Topology::Standalone),
        (set.servers()[0].url(), Topology::Cluster),
        (set.servers()[0].url(), Topology::Sentinel),
    ] {
        let options = ConnectOptions::default().with_topology(topology);
        let target = Target::parse(&url).expect("valid");
        let error = Keyspace::connect(target, options)
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[tokio::test]
async fn p14_a_clusters_node_is_never_taken_for_the_whole() {
    let options = ClusterOptions::default().with_replicas(0);
    for program in programs() {
        let cluster = OwnedCluster::start(&program, options.clone()).expect("a cluster");
        cluster.seed_strings(b"key:", 0..900, 8).expect("seeded");
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let standalone = ConnectOptions::default().with_topology(Topology::Standalone);
        let error = Keyspace::connect(target.clone(), standalone).await;
        let error = error.expect_err("a part of the keys");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.context(),
            "it is a node of a cluster, and holds a part of the keys only"
        );
        let other = target.clone().with_database(3);
        let error = Keyspace::connect(other, ConnectOptions::default()).await;
        assert!(error.expect_err("refused").context().contains("database 3"));
        let clustered = ConnectOptions::default().with_topology(Topology::Cluster);
        let keyspace = Keyspace::connect(target, clustered).await.expect("found");
        assert_eq!(
            (keyspace.server().nodes, keyspace.server().role.as_str()),
            (3, "cluster")
        );
        assert_eq!(keyspace.dbsize().await.expect("asked"), 900);
    }
}

#[tokio::test]
async fn a_cluster_over_tls_goes_by_its_hostnames() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    // Made out to the name alone: by ip no node would be let through.
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    std::fs::write(path("cert.pem"), made.cert.pem()).expect("written");
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let mut ran = 0;
    for program in programs() {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = probe.local_addr().expect("bound").port();
        drop(probe);
        let options = ClusterOptions::default()
            .with_primaries(1)
            .with_replicas(0)
            .with_arg("cluster-announce-hostname", "localhost")
            .with_arg("cluster-announce-ip", "127.0.0.1")
            .with_arg("tls-cluster", "yes")
            .with_arg("tls-port", port.to_string())
            .with_arg("tls-cert-file", path("cert.pem"))
            .with_arg("tls-key-file", path("key.pem"))
            .with_arg("tls-ca-cert-file", path("cert.pem"))
            .with_arg("tls-auth-clients", "no");
        let cluster = match OwnedCluster::start(&program, options) {
            Ok(cluster) => cluster,
            Err(error) => {
                println!(
                    "not run on {}: built without TLS? {error:?}",
                    program.label()
                );
                continue;
            }
        };
        cluster.seed_strings(b"key:", 0..100, 8).expect("seeded");
        let target = Target::parse(&format!("rediss://localhost:{port}")).expect("valid");
        let target = target.with_tls(keypace::TlsFiles::default().with_ca(path("cert.pem")));
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("connected");
        assert_eq!(keyspace.server().nodes, 1);
        assert_eq!(keyspace.dbsize().await.expect("asked by name"), 100);
        ran += 1;
    }
    assert!(ran > 0, "no server here speaks TLS");
}
