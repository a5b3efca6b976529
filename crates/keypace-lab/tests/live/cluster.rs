//! Owned clusters: they are ready when they say so, their slots move with their keys, nodes die, freeze, come and go,
//! and nothing is left of them.

use crate::programs;
use crate::server::is_alive;
use keypace_lab::ClusterOptions;
use keypace_lab::LabErrorKind;
use keypace_lab::OwnedCluster;
use keypace_lab::Raw;
use keypace_lab::Role;
use keypace_lab::Value;
use keypace_lab::limits;
use keypace_lab::slot_of;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn with_each(options: &ClusterOptions, check: impl Fn(OwnedCluster)) {
    for program in programs() {
        let began = Instant::now();
        let cluster = OwnedCluster::start(&program, options.clone()).expect("a cluster");
        eprintln!("on {}, ready in {:?}", program.label(), began.elapsed());
        check(cluster);
        eprintln!("done after {:?}", began.elapsed());
    }
}

fn lone() -> ClusterOptions {
    ClusterOptions::default().with_replicas(0)
}

/// The reply to one command of a node, which must not be an error.
fn ask(cluster: &OwnedCluster, node: usize, words: &[&[u8]]) -> Value {
    let mut raw = cluster.raw(node).expect("a connection");
    raw.command(words)
        .expect("a reply")
        .checked()
        .expect("no error")
}

fn error_of(raw: &mut Raw, words: &[&[u8]]) -> String {
    match raw.command(words).expect("a reply") {
        Value::Error(text) => text,
        other => panic!("no error but {other:?}"),
    }
}

/// All keys of these nodes; a key that two of them have is told.
fn keys_of(cluster: &OwnedCluster, nodes: &[usize]) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    for node in nodes {
        let reply = ask(cluster, *node, &[b"KEYS", b"*"]);
        for key in reply.items().expect("keys") {
            let key = key.bytes().expect("a key").to_vec();
            assert!(keys.insert(key.clone()), "{key:?} is on two nodes");
        }
    }
    keys
}

#[test]
fn it_is_ready_with_its_replicas() {
    with_each(&ClusterOptions::default(), |cluster| {
        let slots: Vec<_> = cluster
            .nodes()
            .filter_map(|node| node.slots.clone())
            .collect();
        assert_eq!(slots, [0..=5460, 5461..=10_921, 10_922..=16_383]);
        let families: Vec<_> = cluster.nodes().map(|node| node.family).collect();
        assert_eq!(families, [0, 1, 2, 0, 1, 2]);
        assert_eq!(cluster.urls().len(), 6);
        for node in cluster.nodes() {
            let info = ask(&cluster, node.index, &[b"CLUSTER", b"INFO"]);
            let info = String::from_utf8_lossy(info.bytes().expect("a text")).into_owned();
            assert!(info.contains("cluster_state:ok"), "{info}");
            assert!(info.contains("cluster_known_nodes:6"), "{info}");
            assert_eq!(cluster.role(node.index).expect("a role"), node.role);
        }
        let owners = cluster.owners().expect("owners");
        assert_eq!(
            (owners[0], owners[5461], owners[16_383]),
            (Some(0), Some(1), Some(2))
        );
        let left: Vec<_> = (0..6)
            .map(|node| cluster.server(node))
            .map(|server| (server.pid(), server.folder().to_owned()))
            .collect();
        drop(cluster);
        for (pid, folder) in left {
            assert!(!is_alive(pid), "process {pid} is still there");
            assert!(!folder.exists(), "{} is still there", folder.display());
        }
    });
}

#[test]
fn seeding_fills_all_primaries_fast() {
    let number = 300_000;
    with_each(&lone(), |cluster| {
        let began = Instant::now();
        cluster
            .seed_strings(b"session:", 0..number, 16)
            .expect("seeded");
        eprintln!("{number} keys in {:?}", began.elapsed());
        assert_eq!(cluster.key_count().expect("a count"), number);
        for key in [b"session:0".as_slice(), b"session:299999"] {
            let owner = cluster.owners().expect("owners")[usize::from(slot_of(key))];
            let length = ask(&cluster, owner.expect("an owner"), &[b"STRLEN", key]);
            assert_eq!(length.int(), Some(16));
            let slot = ask(&cluster, 0, &[b"CLUSTER", b"KEYSLOT", key]);
            assert_eq!(slot.int(), Some(i64::from(slot_of(key))));
        }
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn slots_move_with_their_keys() {
    with_each(&ClusterOptions::default(), |cluster| {
        cluster.seed_strings(b"k:", 0..50_000, 16).expect("seeded");
        let before = keys_of(&cluster, &[0, 1, 2]);
        let began = Instant::now();
        let moved = cluster.move_slots(0, 2, 0..1000).expect("moved");
        eprintln!("1000 slots, {moved} keys: {:?}", began.elapsed());
        let owners = cluster.owners().expect("owners");
        assert!(owners[..1000].iter().all(|owner| *owner == Some(2)));
        assert_eq!(owners[1000], Some(0));
        let gone = before.iter().filter(|key| slot_of(key) < 1000).count();
        assert_eq!(moved, gone as u64);
        assert_eq!(keys_of(&cluster, &[0, 1, 2]), before);
        cluster.wait_until_settled().expect("settled");
        let refused = cluster
            .move_slots(0, 1, [0])
            .expect_err("it is not its own");
        assert_eq!(refused.kind(), LabErrorKind::Refused);
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn a_slot_stays_half_moved_until_it_is_finished() {
    with_each(&lone(), |cluster| {
        let slot = slot_of(b"{tag}");
        let from = cluster.owners().expect("owners")[usize::from(slot)].expect("an owner");
        let to = (from + 1) % 3;
        cluster.seed_strings(b"{tag}:", 0..300, 16).expect("seeded");
        let mut half = cluster.begin_move(from, to, slot).expect("begun");
        assert_eq!(half.slot(), slot);
        assert_eq!(half.move_keys(120).expect("moved"), 120);
        assert_eq!(keys_of(&cluster, &[from]).len(), 180);
        assert_eq!(keys_of(&cluster, &[to]).len(), 120);
        let mut source = cluster.raw(from).expect("a connection");
        let ask = error_of(&mut source, &[b"GET", b"{tag}:new"]);
        assert!(ask.starts_with("ASK "), "{ask}");
        let mut target = cluster.raw(to).expect("a connection");
        let moved = error_of(&mut target, &[b"GET", b"{tag}:new"]);
        assert!(moved.starts_with("MOVED "), "{moved}");
        assert_eq!(half.finish().expect("finished"), 180);
        let moved = error_of(&mut source, &[b"GET", b"{tag}:new"]);
        assert!(moved.starts_with("MOVED "), "{moved}");
        assert_eq!(keys_of(&cluster, &[to]).len(), 300);
        cluster.wait_until_settled().expect("settled");
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn replicas_take_over_by_order_and_by_death() {
    let options = ClusterOptions::default().with_node_timeout(Duration::from_secs(1));
    with_each(&options, |mut cluster| {
        cluster.seed_strings(b"k:", 0..10_000, 16).expect("seeded");
        let began = Instant::now();
        cluster.fail_over(3).expect("a failover");
        eprintln!("by order: {:?}", began.elapsed());
        assert_eq!(cluster.role(0).expect("a role"), Role::Replica);
        cluster.wait_until_settled().expect("settled");
        eprintln!("settled: {:?}", began.elapsed());
        assert_eq!(cluster.owners().expect("owners")[0], Some(3));

        let began = Instant::now();
        cluster.kill(1).expect("killed");
        assert_eq!(cluster.wait_for_promotion(1).expect("a promotion"), 4);
        eprintln!("by death: {:?}", began.elapsed());
        cluster.wait_until_settled().expect("settled");
        eprintln!("settled: {:?}", began.elapsed());
        assert_eq!(cluster.key_count().expect("a count"), 10_000);

        let began = Instant::now();
        cluster.restart(1).expect("a restart");
        cluster.wait_for_role(1, Role::Replica).expect("a replica");
        cluster.wait_until_settled().expect("settled");
        eprintln!("back as a replica: {:?}", began.elapsed());
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn a_frozen_node_is_replaced_and_goes_on_as_a_replica() {
    let options = ClusterOptions::default().with_node_timeout(Duration::from_secs(1));
    with_each(&options, |mut cluster| {
        cluster.freeze(2).expect("frozen");
        let early = Duration::from_millis(50);
        let mut raw = Raw::connect_within(&cluster.node(2).endpoint, early).expect("it accepts");
        let error = raw.command(&[b"PING"]).expect_err("nothing answers");
        assert_eq!(error.kind(), LabErrorKind::Connection);
        assert_eq!(cluster.wait_for_promotion(2).expect("a promotion"), 5);
        cluster.wake(2).expect("awake");
        cluster.wait_for_role(2, Role::Replica).expect("a replica");
        cluster.wait_until_settled().expect("settled");
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn nodes_come_and_go() {
    with_each(&lone(), |mut cluster| {
        cluster.seed_strings(b"k:", 0..20_000, 16).expect("seeded");
        let before = keys_of(&cluster, &[0, 1, 2]);
        let began = Instant::now();
        let added = cluster.add_node().expect("a node");
        eprintln!("added: {:?}", began.elapsed());
        assert_eq!(added, 3);
        let began = Instant::now();
        let moved = cluster.rebalance_to(added, 500).expect("rebalanced");
        eprintln!("rebalanced: {:?}", began.elapsed());
        assert_eq!(moved.len(), 500);
        assert_eq!(cluster.slots_of(added).expect("slots").len(), 500);
        assert_eq!(keys_of(&cluster, &[0, 1, 2, 3]), before);
        cluster.wait_until_settled().expect("settled");
        let refused = cluster.remove_node(added).expect_err("it has slots");
        assert_eq!(refused.kind(), LabErrorKind::Refused);
        cluster.move_slots(added, 0, moved).expect("moved back");
        cluster.remove_node(added).expect("removed");
        assert_eq!(cluster.urls().len(), 3);
        cluster.wait_until_settled().expect("settled");
        assert_eq!(keys_of(&cluster, &[0, 1, 2]), before);
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn a_hole_stops_a_cluster_that_needs_full_coverage_and_no_other() {
    with_each(&lone(), |cluster| {
        cluster.uncover(0..10).expect("a hole");
        cluster.wait_for_state(1, "fail").expect("down");
        let mut raw = cluster.raw(1).expect("a connection");
        let down = error_of(&mut raw, &[b"GET", b"k"]);
        assert!(down.starts_with("CLUSTERDOWN"), "{down}");
        cluster.stop().expect("a stopped cluster");
    });
    with_each(&lone().without_full_coverage(), |cluster| {
        cluster.uncover(0..10).expect("a hole");
        cluster.wait_until_settled().expect("settled");
        let owners = cluster.owners().expect("owners");
        let holes = owners.iter().filter(|owner| owner.is_none()).count();
        assert_eq!((holes, owners[10]), (10, Some(0)));
        cluster.seed_strings(b"k:", 0..2000, 16).expect("seeded");
        let served = (0..2000)
            .filter(|number| slot_of(format!("k:{number}").as_bytes()) >= 10)
            .count();
        assert_eq!(cluster.key_count().expect("a count"), served as u64);
        cluster.stop().expect("a stopped cluster");
    });
}

#[test]
fn several_clusters_start_at_once() {
    let program = &programs()[0];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let cluster = OwnedCluster::start(program, lone()).expect("a cluster");
                assert_eq!(cluster.nodes().count(), limits::DEFAULT_PRIMARIES);
                cluster.stop().expect("a stopped cluster");
            });
        }
    });
}
