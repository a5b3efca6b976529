//! Records on a cluster: an owner's keys are of one slot, whatever moves.

use bytes::Bytes;
use keypace::{ConnectOptions, Keyspace, Owner, PageRequest, PutOptions, Shelf, Target};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, slot_of};

use crate::stage::{self, HOUR, id, namespace, owner, owner_keys};

const OWNERS: usize = 24;
/// What a move of one slot takes on a busy machine, three times.
const MOVE_MS: i64 = 10_000;

async fn connect(cluster: &OwnedCluster) -> Keyspace {
    let target = Target::parse(&cluster.urls()[0]).expect("valid");
    Keyspace::connect(target, ConnectOptions::default())
        .await
        .expect("connected")
}

fn check(cluster: &OwnedCluster, shelf: &Shelf, owner: &Owner) -> Vec<String> {
    let slot = slot_of(&stage::key(shelf, owner, "c"));
    let owners = cluster.owners().expect("known");
    let node = owners[usize::from(slot)].expect("an owner");
    let mut raw = cluster.raw(node).expect("connected");
    stage::check_within(MOVE_MS, &mut raw, shelf, owner)
}

/// P41: an index that is in another slot than its record.
#[tokio::test]
async fn p41_records_and_index_are_in_step_on_a_cluster_whose_slots_move() {
    for program in Program::all() {
        let cluster = OwnedCluster::start(&program, ClusterOptions::default()).expect("a cluster");
        let keyspace = connect(&cluster).await;
        let shelf = Shelf::open(&keyspace, namespace(), owner_keys())
            .await
            .expect("opened");
        let owners: Vec<Owner> = (0..OWNERS).map(|n| owner(&format!("o{n}"))).collect();
        let hour = PutOptions::default().with_ttl(HOUR);
        for round in 0..3_i64 {
            for owner in &owners {
                for n in 0..4 {
                    let (id, body) = (id(&format!("r{n}")), Bytes::from(round.to_string()));
                    shelf.put(owner, &id, body, &hour).await.expect("put");
                }
                shelf.touch(owner, &id("r0"), None).await.expect("touched");
                shelf.delete(owner, &id("r3")).await.expect("deleted");
            }
            let slot = slot_of(&stage::key(&shelf, &owners[0], "c"));
            let from = cluster.owners().expect("known")[usize::from(slot)].expect("an owner");
            let to = (from + 1) % 3;
            let mut moving = cluster.begin_move(from, to, slot).expect("begun");
            // Some of the owner's keys are here and some there.
            moving.move_keys(2).expect("moved");
            let page = PageRequest::first(10).expect("a page");
            let (listed, finished) = tokio::join!(shelf.list(&owners[0], &page), async {
                // The list waits for it: with its keys apart no server can answer.
                tokio::task::spawn_blocking(move || moving.finish().map(|_| ())).await
            });
            finished.expect("no panic").expect("moved");
            assert_eq!(listed.expect("listed").total, 3);
            for owner in &owners {
                assert_eq!(check(&cluster, &shelf, owner), ["r0", "r1", "r2"]);
                let page = shelf.list(owner, &page).await.expect("listed");
                assert_eq!((page.records.len(), page.total), (3, 3));
                let values = page.records.iter().map(|one| one.value.clone());
                assert!(values.eq([round; 3].map(|round| Bytes::from(round.to_string()))));
            }
        }
        for owner in &owners {
            assert_eq!(shelf.delete_owner(owner).await.expect("deleted"), 3);
        }
        assert_eq!(cluster.key_count().expect("counted"), 1, "meta is left");
    }
}
