//! Restoring to where keys belong: in clusters, while slots move, and over connections that are cut.

use std::time::Duration;

use keypace::{Budget, ConnectOptions, Keyspace, Target};
use keypace_lab::{ClusterOptions, Endpoint, OwnedCluster, Raw};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

use super::backup_bytes::Record;
use super::{ask, connect, from, full_speed, programs, restore, start};

fn records(count: usize, length: usize) -> Vec<Record> {
    let value = "v".repeat(length);
    (0..count)
        .map(|n| Record::text(&format!("key:{n}"), &value))
        .collect()
}

#[tokio::test]
async fn in_a_cluster_each_key_goes_to_the_owner_of_its_slot() {
    for program in programs() {
        let cluster = OwnedCluster::start(&program, ClusterOptions::default().with_replicas(0))
            .expect("a cluster");
        let keyspace = connect(&cluster.urls()[0]).await;
        let records = records(3000, 20);
        for budget in [Budget::off(), Budget::default()] {
            for node in 0..3 {
                ask(&mut cluster.raw(node).expect("connected"), &[b"FLUSHALL"]);
            }
            let index = from(&keyspace, &records);
            let done = restore(&keyspace, index, full_speed().with_budget(budget)).await;
            assert_eq!((done.restored, done.complete), (3000, true), "{done:?}");
            assert_eq!(cluster.key_count().expect("told"), 3000);
            assert_eq!(done.shards.len(), 3);
            assert!(done.shards.iter().all(|shard| shard.restored > 700));
        }
    }
}

#[tokio::test]
async fn slots_on_their_way_and_moved_ones_are_followed() {
    for program in programs() {
        let cluster = OwnedCluster::start(&program, ClusterOptions::default().with_replicas(0))
            .expect("a cluster");
        let keyspace = connect(&cluster.urls()[0]).await;
        // All keys are of one slot, which is on its way: its owner answers ASK for each.
        let records: Vec<_> = (0..300)
            .map(|n| Record::text(&format!("{{moved}}:{n}"), "value"))
            .collect();
        let slot = keypace_lab::slot_of(b"moved");
        let owner = (0..3)
            .find(|node| cluster.slots_of(*node).expect("told").contains(&slot))
            .expect("owned");
        let heir = (owner + 1) % 3;
        let moving = cluster.begin_move(owner, heir, slot).expect("begun");
        let done = restore(&keyspace, from(&keyspace, &records), full_speed()).await;
        assert_eq!((done.restored, done.complete), (300, true), "{done:?}");
        moving.finish().expect("moved");
        // The same handle, whose nodes' words have changed meanwhile.
        let done = restore(&keyspace, from(&keyspace, &records), full_speed()).await;
        assert_eq!((done.existing, done.complete), (300, true), "{done:?}");
        assert_eq!(cluster.key_count().expect("told"), 300);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_loses_no_key() {
    for program in programs() {
        let server = start(&program);
        let Endpoint::Unix(path) = server.endpoint().clone() else {
            panic!("it listens on a socket");
        };
        for after in [0, 41, 1000, 2000] {
            let mut raw = Raw::connect(server.endpoint()).expect("connected");
            ask(&mut raw, &[b"FLUSHALL"]);
            let proxy = FaultProxy::start(path.clone()).await.expect("a proxy");
            let target = Target::parse(&format!("redis://{}", proxy.addr())).expect("valid");
            let options = ConnectOptions::default()
                .with_timeout(Duration::from_secs(5))
                .expect("allowed");
            let keyspace = Keyspace::connect(target, options).await.expect("connected");
            proxy.script(
                FaultRule::new(Fault::Cut)
                    .from_now()
                    .after_bytes(after)
                    .times(1),
            );
            let records = records(500, 1000);
            let done = restore(&keyspace, from(&keyspace, &records), full_speed()).await;
            assert_eq!((done.matched, done.failed), (500, 0), "{after}: {done:?}");
            assert_eq!(done.restored + done.existing, 500);
            assert_eq!(ask(&mut raw, &[b"DBSIZE"]).int(), Some(500), "{after}");
        }
    }
}
