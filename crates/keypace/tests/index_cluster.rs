//! Rebuilding and verifying an index on a cluster while slots go from node to node and a primary gives way: no false drift,
//! and nothing missed; or the result says that it is incomplete. Half-moved slots are read key by key.

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use common::sweep;
use keypace::{
    Budget, Bulk, ConnectOptions, DriftCounts, IndexOptions, IndexVerify, Key, Keyspace, Namespace,
    Owner, OwnerKeys, Rebuild, RebuildOptions, Shelf, SweepOptions, Target,
};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, slot_of};

const RECORDS: u64 = 3_000;
const OWNERS: u64 = 40;
/// That go elsewhere under one walk: each is walked again.
const SLOTS: u64 = 200;
/// A walk takes some seconds, in which all of that happens.
const RATE: u64 = 1_500;
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

struct Stage {
    cluster: Arc<OwnedCluster>,
    keyspace: Keyspace,
    keys: OwnerKeys,
    is_over: Arc<AtomicBool>,
}

impl Stage {
    async fn new(program: &Program, replicas: usize) -> Self {
        let options = ClusterOptions::default().with_replicas(replicas);
        let cluster = OwnedCluster::start(program, options).expect("a cluster");
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        Self {
            cluster: Arc::new(cluster),
            keyspace: keyspace.expect("connected"),
            keys: OwnerKeys::generate_in_memory().expect("random"),
            is_over: Arc::default(),
        }
    }

    /// As the application writes them; every other one expires.
    async fn seed(&self) {
        let record = |number: u64| {
            let body = format!(r#"{{"owner_api_key":"key-{}"}}"#, number % OWNERS);
            (Key::new(format!("session:s{number}")), Bytes::from(body))
        };
        let (odd, even): (Vec<u64>, Vec<u64>) = (0..RECORDS).partition(|number| number % 2 == 1);
        let bulk = Bulk::new(&self.keyspace);
        for (numbers, ttl) in [(odd, None), (even, Some(DAY))] {
            let pairs: Vec<_> = numbers.into_iter().map(record).collect();
            bulk.set_many(&pairs, ttl).await.expect("set");
        }
    }

    fn options(&self, walk: SweepOptions) -> IndexOptions {
        IndexOptions::new(namespace(), self.keys.clone()).with_walk(walk)
    }

    /// Slots go round, a few at a time; a replica takes over in between, in order.
    fn disturb(&self, fail_over: Option<usize>) -> JoinHandle<u64> {
        let (cluster, is_over) = (Arc::clone(&self.cluster), Arc::clone(&self.is_over));
        is_over.store(false, Ordering::Release);
        std::thread::spawn(move || {
            let mut moved = 0;
            let mut taker = fail_over;
            while moved < SLOTS && !is_over.load(Ordering::Acquire) {
                // Nodes that still argue about slots elect nobody, and a replica hears of a move late.
                cluster.wait_until_settled().expect("settled");
                let owners = cluster.owners().expect("known");
                let from = owners[moved as usize % owners.len()].expect("an owner");
                let to = owners.iter().flatten().copied().find(|node| *node != from);
                let slots = cluster.slots_of(from).expect("known").into_iter();
                let slots = slots.skip(moved as usize % 50).step_by(97).take(10);
                let to = to.expect("another");
                cluster.move_slots(from, to, slots).expect("moved");
                moved += 10;
                if moved >= 50
                    && let Some(replica) = taker.take()
                {
                    cluster.fail_over(replica).expect("it takes over");
                }
            }
            moved
        })
    }

    fn settle(&self, disturbing: JoinHandle<u64>) {
        self.is_over.store(true, Ordering::Release);
        let moved = disturbing.join().expect("no panic");
        println!("{moved} slots moved");
        assert!(moved >= 50, "too few slots moved: {moved}");
        self.cluster.wait_until_settled().expect("settled");
    }

    async fn verify(&self, walk: SweepOptions) -> keypace::VerifyReport {
        let begun = IndexVerify::begin(&self.keyspace, self.options(walk)).await;
        let mut verify = begun.expect("begun");
        while verify.next().await.is_some() {}
        verify.report()
    }
}

fn namespace() -> Namespace {
    Namespace::new("session").expect("valid")
}

fn at_full_speed() -> SweepOptions {
    sweep("*").with_budget(Budget::off())
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_and_verifies_are_true_while_slots_and_a_primary_change() {
    for program in Program::all() {
        let stage = Stage::new(&program, 1).await;
        stage.seed().await;

        let disturbing = stage.disturb(Some(3));
        let options = stage.options(at_full_speed().with_rate(RATE));
        let begun = Rebuild::begin(&stage.keyspace, options, RebuildOptions::default()).await;
        let mut rebuild = begun.expect("begun");
        while rebuild.next().await.is_some() {}
        let report = rebuild.report();
        stage.settle(disturbing);
        println!("{}: rebuild complete: {}", program.label(), report.complete);
        if report.complete {
            let quiet = stage.verify(at_full_speed()).await;
            assert!(quiet.complete, "{quiet:?}");
            assert_eq!(quiet.drift, DriftCounts::default(), "{quiet:?}");
            assert_eq!(quiet.records, RECORDS, "{quiet:?}");
        } else {
            assert!(rebuild.error().is_some(), "{report:?}");
            let options = stage.options(at_full_speed());
            let begun = Rebuild::begin(&stage.keyspace, options, RebuildOptions::default()).await;
            let mut rebuild = begun.expect("begun");
            while rebuild.next().await.is_some() {}
            assert!(rebuild.report().complete, "{:?}", rebuild.report());
        }

        let disturbing = stage.disturb(Some(4));
        let report = stage.verify(at_full_speed().with_rate(RATE)).await;
        stage.settle(disturbing);
        println!("{}: verify complete: {}", program.label(), report.complete);
        assert_eq!(report.drift, DriftCounts::default(), "{report:?}");
        if report.complete {
            assert!(report.records >= RECORDS, "{report:?}");
        } else {
            assert!(!report.errors.is_empty(), "{report:?}");
        }
        let shelf = Shelf::open(&stage.keyspace, namespace(), stage.keys.clone()).await;
        let shelf = shelf.expect("opened");
        for number in 0..OWNERS {
            let owner = Owner::new(format!("key-{number}")).expect("valid");
            assert_eq!(
                shelf.count(&owner).await.expect("counted"),
                RECORDS / OWNERS
            );
        }
    }
}

/// No node can answer for several keys of such a slot, and it stays so for longer than anybody tries.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_stays_half_moved_is_read_key_by_key() {
    for program in Program::all() {
        let stage = Stage::new(&program, 0).await;
        let keys: Vec<Key> = (0..20).map(|n| Key::new(format!("{{half}}:{n}"))).collect();
        let pairs: Vec<_> = (keys.iter().cloned())
            .map(|key| (key.clone(), key.into_bytes()))
            .collect();
        let bulk = Bulk::new(&stage.keyspace);
        bulk.set_many(&pairs, None).await.expect("set");
        let slot = slot_of(b"half");
        let from = stage.cluster.owners().expect("known")[usize::from(slot)].expect("an owner");
        let moving = stage.cluster.begin_move(from, (from + 1) % 3, slot);
        let mut moving = moving.expect("begun");
        moving.move_keys(7).expect("moved");
        let mut asked = keys.clone();
        asked.push(Key::new("{half}:nothing"));
        asked.push(Key::new("elsewhere"));
        let read = bulk.get_many(&asked).await.expect("read");
        for (key, value) in keys.iter().zip(&read) {
            assert_eq!(value.as_deref(), Some(key.as_bytes()), "{key:?}");
        }
        assert_eq!((&read[20], &read[21]), (&None, &None));
        moving.finish().expect("finished");
    }
}
