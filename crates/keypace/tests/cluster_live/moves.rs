//! Slots that go elsewhere while their keys are listed, counted and deleted: by live migration, left half-moved, and to a
//! node that comes new.

use std::sync::mpsc;
use std::time::Duration;

use keypace::{ConnectOptions, Sweep, SweepOptions};
use keypace_lab::{ClusterOptions, OwnedCluster};

use crate::common::{deleting, scan};
use crate::stage::{
    Stage, drive, each_program, expect_keys, expect_whole, names, quick, repeated, target,
};

const KEYS: u64 = 30_000;
const SLOTS: usize = 100;
/// Pages of a hundred keys before the first slot goes.
const BEGIN: usize = 20;

fn three() -> ClusterOptions {
    ClusterOptions::default().with_replicas(0)
}

/// Moves a slot after each second page, from one node to the next.
struct Mover<'a> {
    cluster: &'a OwnedCluster,
    from: usize,
    to: usize,
    slots: Vec<u16>,
}

impl<'a> Mover<'a> {
    fn new(cluster: &'a OwnedCluster, from: usize, to: usize) -> Self {
        let mut slots = cluster.slots_of(from).expect("asked");
        slots.truncate(SLOTS);
        Self {
            cluster,
            from,
            to,
            slots,
        }
    }

    fn step(&mut self, step: usize) {
        if step >= BEGIN
            && step.is_multiple_of(2)
            && let Some(slot) = self.slots.pop()
        {
            let moved = self.cluster.move_slots(self.from, self.to, [slot]);
            moved.expect("moved");
        }
    }

    /// Moved within the walk, and not after it.
    fn expect_done(&self) {
        assert!(
            self.slots.is_empty(),
            "the walk ended before all slots had moved"
        );
    }
}

#[tokio::test]
async fn p04_slots_move_under_a_list_a_count_and_a_delete() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 100);

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let mut mover = Mover::new(&stage.0, 0, 1);
        let (keys, summary) = drive(sweep.expect("started"), |step| mover.step(step)).await;
        mover.expect_done();
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);
        assert!(repeated(&summary) >= SLOTS as u64, "{summary:?}");

        let sweep = Sweep::count(&keyspace, options.clone()).await;
        let mut mover = Mover::new(&stage.0, 1, 2);
        let (_, summary) = drive(sweep.expect("started"), |step| mover.step(step)).await;
        mover.expect_done();
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");
        assert!(repeated(&summary) >= SLOTS as u64, "{summary:?}");

        let sweep = deleting(&keyspace, &options).await;
        let mut mover = Mover::new(&stage.0, 2, 0);
        let (_, summary) = drive(sweep, |step| mover.step(step)).await;
        mover.expect_done();
        expect_whole(&summary);
        assert_eq!(stage.keys_left(), 0, "{summary:?}");
        assert_eq!(
            summary.deleted, KEYS,
            "each key by one command: {summary:?}"
        );
        assert!(repeated(&summary) >= SLOTS as u64, "{summary:?}");
    })
    .await;
}

/// No owner is another one at the end: only epochs tell.
#[tokio::test]
async fn p04_slots_go_and_come_back_under_a_list_and_a_count() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 100);
        let there_and_back = |step: usize| {
            let move_slots = |from: usize, to: usize, of: usize| {
                let first = u16::try_from(of * 8).expect("a slot");
                let moved = stage.0.move_slots(from, to, first..first + 40);
                moved.expect("moved");
            };
            // Away for some pages, or for none.
            match step {
                40 | 80 | 120 => move_slots(0, 1, step),
                60 | 100 => move_slots(1, 0, step - 20),
                121 => move_slots(1, 0, 120),
                _ => {}
            }
        };
        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), there_and_back).await;
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);
        assert!(repeated(&summary) > 0, "{summary:?}");
        let sweep = Sweep::count(&keyspace, options).await;
        let (_, summary) = drive(sweep.expect("started"), there_and_back).await;
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "{summary:?}");
    })
    .await;
}

/// The issue's own row: a thousand slots of 300,000 keys, moved by another process at its own speed.
#[tokio::test]
async fn p04_a_thousand_slots_move_beside_a_list_and_a_delete_of_300k_keys() {
    const MANY_KEYS: u64 = 300_000;
    const MANY_SLOTS: usize = 1_000;
    const GROUP: usize = 5;
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", MANY_KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 500);
        for (from, is_delete) in [(0, false), (1, true)] {
            let (moved, movement) = mpsc::channel();
            let (begun, beginning) = mpsc::channel();
            let mover = stage.clone();
            let moving = tokio::task::spawn_blocking(move || {
                let slots = mover.0.slots_of(from).expect("asked");
                beginning.recv().expect("the walk begins");
                for group in slots[..MANY_SLOTS].chunks(GROUP) {
                    let group = group.iter().copied();
                    mover.0.move_slots(from, from + 1, group).expect("moved");
                    // Nobody listens any more where the walk has failed.
                    let _gone = moved.send(());
                }
            });
            // Neither outruns the other by much: the walk waits for a group at every second page.
            let beside = |step: usize| {
                if step == 1 {
                    begun.send(()).expect("the mover is there");
                }
                if step.is_multiple_of(2) {
                    // Ends where all have moved.
                    let _ended = movement.recv_timeout(Duration::from_secs(10));
                }
            };
            let (keys, summary) = if is_delete {
                drive(deleting(&keyspace, &options).await, beside).await
            } else {
                let sweep = Sweep::list(&keyspace, options.clone()).await;
                drive(sweep.expect("started"), beside).await
            };
            moving.await.expect("all moved");
            expect_whole(&summary);
            assert!(repeated(&summary) >= MANY_SLOTS as u64, "{summary:?}");
            if is_delete {
                assert_eq!((stage.keys_left(), summary.deleted), (0, MANY_KEYS));
            } else {
                expect_keys(keys, &names("session:", MANY_KEYS), &summary);
            }
        }
    })
    .await;
}

/// As a person would run it: with a budget and a rate, while another process moves slots and has a replica take over.
#[tokio::test]
async fn slots_and_primaries_change_beside_a_paced_count_and_delete() {
    const KEYS_A_SECOND: u64 = 15_000;
    each_program(async |program| {
        let stage = Stage::start(&program, ClusterOptions::default());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = SweepOptions::new(scan("session:*")).with_rate(KEYS_A_SECOND);
        // Node 5 follows node 2, and takes its place; then the other way round.
        for (from, to, heir, is_delete) in [(0, 1, 5, false), (1, 0, 2, true)] {
            let mut changing = None;
            let change = |step| {
                if step == 5 {
                    let stage = stage.clone();
                    changing = Some(tokio::task::spawn_blocking(move || {
                        let slots = stage.0.slots_of(from).expect("asked");
                        let slots = slots.into_iter().take(SLOTS);
                        stage.0.move_slots(from, to, slots).expect("moved");
                        stage.0.fail_over(heir).expect("taken over");
                    }));
                }
            };
            let summary = if is_delete {
                drive(deleting(&keyspace, &options).await, change).await.1
            } else {
                let sweep = Sweep::count(&keyspace, options.clone()).await;
                drive(sweep.expect("started"), change).await.1
            };
            changing.expect("begun").await.expect("all changed");
            expect_whole(&summary);
            assert!(repeated(&summary) > 0, "{summary:?}");
            if is_delete {
                assert_eq!(stage.keys_left(), 0, "{summary:?}");
            } else {
                assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn slots_that_are_half_moved_are_walked_where_they_come_to_rest() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 100);
        let half = |slot| {
            let mut slot_move = stage.0.begin_move(0, 1, slot).expect("opened");
            slot_move.move_keys(1).expect("moved");
            slot_move
        };
        for (slots, is_delete) in [([3, 4, 5], false), ([6, 7, 8], true)] {
            let mut moves: Vec<_> = slots.into_iter().map(half).collect();
            let finish = |step| {
                if step > BEGIN
                    && let Some(slot_move) = moves.pop()
                {
                    slot_move.finish().expect("finished");
                }
            };
            let (keys, summary) = if is_delete {
                drive(deleting(&keyspace, &options).await, finish).await
            } else {
                let sweep = Sweep::list(&keyspace, options.clone()).await;
                drive(sweep.expect("started"), finish).await
            };
            expect_whole(&summary);
            if is_delete {
                assert_eq!(
                    (stage.keys_left(), summary.deleted),
                    (0, KEYS),
                    "{summary:?}"
                );
            } else {
                expect_keys(keys, &names("session:", KEYS), &summary);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_slot_that_stays_half_moved_is_named_and_the_rest_is_done() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", 3_000);
        let short = ConnectOptions::default()
            .with_timeout(Duration::from_secs(1))
            .expect("valid");
        let keyspace = stage.connect(short).await;
        let slot_move = stage.0.begin_move(0, 1, 7).expect("opened");
        let sweep = Sweep::list(&keyspace, quick(scan("session:*"), 100)).await;
        let mut sweep = sweep.expect("started");
        while sweep.next().await.is_some() {}
        let summary = sweep.summary();
        assert!(!summary.complete, "{summary:?}");
        assert_eq!(sweep.uncovered().expect("a cluster").to_string(), "7");
        let texts: Vec<&str> = summary.errors.iter().map(|e| e.text.as_str()).collect();
        assert!(
            texts.iter().any(|text| text.contains("1 slot (7)")),
            "{texts:?}"
        );
        slot_move.finish().expect("finished");
    })
    .await;
}

#[tokio::test]
async fn a_node_joins_and_takes_slots_under_a_list_and_a_delete() {
    each_program(async |program| {
        let mut cluster = OwnedCluster::start(&program, three()).expect("a cluster");
        cluster
            .seed_strings(b"session:", 0..KEYS, 8)
            .expect("seeded");
        let connected =
            keypace::Keyspace::connect(target(&cluster), ConnectOptions::default()).await;
        let keyspace = connected.expect("connected");
        let options = quick(scan("session:*"), 100);

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let join = |step| {
            if step == BEGIN {
                let node = cluster.add_node().expect("joined");
                cluster.rebalance_to(node, 300).expect("rebalanced");
            }
        };
        let (keys, summary) = drive(sweep.expect("started"), join).await;
        expect_whole(&summary);
        assert_eq!(summary.shards.len(), 4, "{summary:?}");
        expect_keys(keys, &names("session:", KEYS), &summary);

        let sweep = deleting(&keyspace, &options).await;
        let join = |step| {
            if step == BEGIN {
                let node = cluster.add_node().expect("joined");
                cluster.rebalance_to(node, 300).expect("rebalanced");
            }
        };
        let (_, summary) = drive(sweep, join).await;
        expect_whole(&summary);
        let left = cluster.key_count().expect("counted");
        assert_eq!((left, summary.deleted), (0, KEYS), "{summary:?}");
    })
    .await;
}

/// Decision 0007: nothing of it stays in CLUSTER NODES.
#[tokio::test]
async fn p04_a_migration_that_is_called_off_in_mid_walk_is_seen() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("session:*"), 100);
        for is_delete in [false, true] {
            let mut away = Vec::new();
            let to_and_fro = |step| {
                if step == BEGIN {
                    away = (3_000..3_300)
                        .map(|slot| {
                            let mut slot_move = stage.0.begin_move(0, 1, slot).expect("opened");
                            slot_move.move_keys(1_000).expect("moved");
                            slot_move
                        })
                        .collect();
                }
                // The walk has passed where they were, and is under way still.
                if step == BEGIN + 150 {
                    for slot_move in away.drain(..) {
                        slot_move.call_off().expect("called off");
                    }
                }
            };
            let (keys, summary) = if is_delete {
                drive(deleting(&keyspace, &options).await, to_and_fro).await
            } else {
                let sweep = Sweep::list(&keyspace, options.clone()).await;
                drive(sweep.expect("started"), to_and_fro).await
            };
            assert!(away.is_empty(), "called off in time: {summary:?}");
            expect_whole(&summary);
            if is_delete {
                assert_eq!(stage.keys_left(), 0, "{summary:?}");
            } else {
                expect_keys(keys, &names("session:", KEYS), &summary);
            }
            assert!(repeated(&summary) > 0, "{summary:?}");
        }
    })
    .await;
}
