//! Layouts of real clusters: what is believed while nodes sleep, wake, take over and hand slots over.

use std::collections::HashMap;
use std::time::Duration;

use keypace_lab::{ClusterOptions, Endpoint, OwnedCluster, Program};

use super::{ConnectOptions, Keyspace, Layout, Primary, Protocol, Target};
use crate::error::ErrorKind;
use crate::key::{Slot, SlotSet};

/// A cluster of each program that is here.
fn clusters(options: &ClusterOptions) -> Vec<(String, OwnedCluster)> {
    let start = |program: &Program| {
        let cluster = OwnedCluster::start(program, options.clone()).expect("a cluster");
        (program.label(), cluster)
    };
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    programs.iter().map(start).collect()
}

fn target(cluster: &OwnedCluster, node: usize) -> Target {
    Target::parse(&cluster.urls()[node]).expect("valid")
}

async fn connect(cluster: &OwnedCluster, node: usize) -> Keyspace {
    Keyspace::connect(target(cluster, node), ConnectOptions::default())
        .await
        .expect("connected")
}

/// The primaries by the lab's own numbers.
fn owners<'a>(cluster: &OwnedCluster, layout: &'a Layout) -> HashMap<usize, &'a Primary> {
    let number = |primary: &Primary| {
        let mut nodes = cluster.nodes();
        let node = nodes.find(|node| node.id == *primary.id).expect("a member");
        assert_eq!(
            node.endpoint.to_string(),
            format!("redis://{}", primary.node.name())
        );
        node.index
    };
    (layout.primaries.iter())
        .map(|primary| (number(primary), primary))
        .collect()
}

fn all_slots(layout: &Layout) -> SlotSet {
    let mut all = layout.uncovered.clone();
    for primary in &layout.primaries {
        all.extend_with(&primary.slots);
    }
    all
}

#[tokio::test]
async fn every_node_leads_to_the_whole_layout() {
    for (program, cluster) in clusters(&ClusterOptions::default()) {
        cluster.seed_strings(b"key:", 0..1000, 8).expect("seeded");
        for node in 0..6 {
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let options = ConnectOptions::default().with_protocol(protocol);
                let keyspace = Keyspace::connect(target(&cluster, node), options).await;
                let keyspace = keyspace.expect("connected");
                assert_eq!(
                    (keyspace.server().nodes, keyspace.server().role.as_str()),
                    (3, "cluster")
                );
                assert_eq!(keyspace.dbsize().await.expect("asked"), 1000);
                let layout = keyspace.layout().await.expect("known");
                assert!(layout.uncovered.is_empty() && layout.moving.is_empty());
                assert_eq!(all_slots(&layout), SlotSet::all());
                let owners = owners(&cluster, &layout);
                for node in 0..3 {
                    assert!(owners[&node].is_reachable, "{program}");
                    assert_eq!(
                        owners[&node].slots.len(),
                        cluster.slots_of(node).expect("told").len()
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn an_old_primary_that_wakes_up_is_not_believed() {
    for (program, mut cluster) in clusters(&ClusterOptions::default()) {
        // A frozen node is waited for no longer than this.
        let options = ConnectOptions::default().with_timeout(Duration::from_secs(1));
        let options = options.expect("allowed");
        let keyspace = Keyspace::connect(target(&cluster, 1), options).await;
        let keyspace = keyspace.expect("connected");
        let before = keyspace.layout().await.expect("known");
        let lost = owners(&cluster, &before)[&0].clone();
        let mut old = cluster.raw(0).expect("connected");
        cluster.freeze(0).expect("frozen");
        let layout = keyspace.layout().await.expect("known");
        assert_eq!(all_slots(&layout), SlotSet::all());
        let heir = cluster.wait_for_promotion(0).expect("promoted");
        // Asked before it wakes, so that it answers before it has heard of anything.
        let first_words = std::thread::spawn(move || {
            let mut asking = old.pipeline();
            asking.add(&[b"CLUSTER", b"NODES"]);
            asking.add(&[b"ROLE"]);
            asking.run().expect("told")
        });
        cluster.wake(0).expect("woken");
        // Redis 7.0.15 and Valkey 9.1.2: `myself,master - 0 0 1 connected 0-5460`, and `master` to ROLE.
        assert_eq!(first_words.join().expect("no panic").len(), 2);
        for node in [0, 1, 2, heir] {
            // Each as the only seed of a fresh handle, and the old handle too.
            for keyspace in [connect(&cluster, node).await, keyspace.clone()] {
                let layout = keyspace.layout().await.expect("known");
                let owners = owners(&cluster, &layout);
                let now = owners[&heir];
                assert_eq!(now.slots, lost.slots, "{program}, by node {node}");
                assert!(now.epoch > lost.epoch && now.is_reachable && !owners.contains_key(&0));
                assert!(layout.uncovered.is_empty());
            }
        }
        cluster.wait_until_settled().expect("settled");
    }
}

#[tokio::test]
async fn slots_on_their_way_show_and_arrive_with_a_higher_epoch() {
    for (program, cluster) in clusters(&ClusterOptions::default().with_replicas(0)) {
        cluster.seed_strings(b"key:", 0..1000, 8).expect("seeded");
        let keyspace = connect(&cluster, 2).await;
        let before = keyspace.layout().await.expect("known");
        let epoch = owners(&cluster, &before)[&1].epoch;
        let slot = Slot::new(5).expect("a slot");
        let moving = cluster.begin_move(0, 1, 5).expect("begun");
        let layout = keyspace.layout().await.expect("known");
        let during = owners(&cluster, &layout);
        assert!(during[&0].slots.contains(slot), "{program}");
        assert_eq!(layout.moving.to_string(), "5");
        moving.finish().expect("moved");
        let layout = keyspace.layout().await.expect("known");
        let after = owners(&cluster, &layout);
        assert!(
            after[&1].slots.contains(slot) && !after[&0].slots.contains(slot),
            "{program}"
        );
        assert!(after[&1].epoch > epoch && layout.moving.is_empty());
        // The nodes stay the same ones: one gauge each.
        assert_eq!(before.primaries[1].node.name(), after[&1].node.name());
    }
}

#[tokio::test]
async fn what_nobody_serves_and_who_is_gone_is_said() {
    let options = ClusterOptions::default()
        .with_replicas(0)
        .without_full_coverage();
    for (program, mut cluster) in clusters(&options) {
        let keyspace = connect(&cluster, 0).await;
        cluster.uncover([7, 8, 16_000]).expect("uncovered");
        let layout = keyspace.layout().await.expect("known");
        assert_eq!(layout.uncovered.to_string(), "7-8 16000", "{program}");
        cluster.kill(2).expect("killed");
        for handle in [connect(&cluster, 1).await, keyspace.clone()] {
            let layout = handle.layout().await.expect("known");
            let owners = owners(&cluster, &layout);
            assert!(
                !owners[&2].is_reachable && owners[&1].is_reachable,
                "{program}"
            );
            assert_eq!(all_slots(&layout), SlotSet::all());
        }
        cluster.kill(0).expect("killed");
        cluster.kill(1).expect("killed");
        let error = keyspace.layout().await.expect_err("nobody is left");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    }
}

#[tokio::test]
async fn another_seed_is_asked_and_a_map_leads_around() {
    for (program, mut cluster) in clusters(&ClusterOptions::default().with_replicas(0)) {
        let nodes: Vec<String> = cluster.nodes().map(|node| place(&node.endpoint)).collect();
        cluster.kill(0).expect("killed");
        let seeded = target(&cluster, 0).with_seeds([target(&cluster, 1)]);
        let keyspace = Keyspace::connect(seeded, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("the second seed answers");
        assert_eq!(keyspace.server().address, nodes[1], "{program}");
        cluster.restart(0).expect("restarted");
        cluster.wait_until_settled().expect("settled");
        // The same servers under another name: what they announce leads there by the map alone.
        let localhost = |place: &String| place.replace("127.0.0.1", "localhost");
        let map = nodes
            .iter()
            .map(|place| (place.clone(), localhost(place)))
            .collect();
        let options = ConnectOptions::default()
            .with_address_map(map)
            .expect("places");
        let keyspace = Keyspace::connect(target(&cluster, 1), options)
            .await
            .expect("connected");
        let layout = keyspace.layout().await.expect("known");
        for primary in &layout.primaries {
            assert!(primary.node.name().starts_with("localhost:") && primary.is_reachable);
        }
    }
}

fn place(endpoint: &Endpoint) -> String {
    endpoint.to_string().replace("redis://", "")
}

#[tokio::test]
async fn without_the_right_to_ask_the_rule_is_named() {
    for (program, cluster) in clusters(&ClusterOptions::default().with_replicas(0)) {
        for node in 0..3 {
            let mut raw = cluster.raw(node).expect("connected");
            let user: [&[u8]; 8] = [
                b"ACL",
                b"SETUSER",
                b"app",
                b"on",
                b">pw",
                b"~*",
                b"+@all",
                b"-cluster",
            ];
            raw.command(&user)
                .and_then(keypace_lab::Value::checked)
                .expect("made");
        }
        let target = target(&cluster, 0).with_user("app").with_password("pw");
        let error = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect_err("no right");
        assert_eq!(error.kind(), ErrorKind::Permission, "{program}: {error}");
        assert!(
            error.hint().expect("hint").contains("+cluster|nodes"),
            "{error:?}"
        );
    }
}
