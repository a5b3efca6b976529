//! Slots that move and nodes that are replaced at every moment in turn: before the first SCAN, before the n-th, between
//! the last one and the look at the nodes, in the middle of a volley of deletes.

use std::ops::RangeInclusive;

use keypace_lab::slot_of;
use keypace_testkit::{Action, ClusterState, Rule, ScanLayout, SimCluster};

use crate::common::Random;
use crate::harness::{ALL_WORK, LAYOUTS, Work, at, run, seeded};

/// As many SCANs as a walk of one node sends, and a few more.
const SCANS: RangeInclusive<u64> = 1..=14;
/// More looks at the nodes than a sweep with one fault takes.
const LOOKS: RangeInclusive<u64> = 1..=8;
/// Out of some three hundred: a node's keys are spread over as many slots.
const UNLINKS: [u64; 8] = [1, 2, 3, 40, 100, 200, 300, 330];

/// Runs each kind of work once for each moment of a command at the first node, on one of both layouts in turn. `rule`
/// has the command and its moment already.
async fn at_every(
    command: &str,
    moments: impl IntoIterator<Item = u64>,
    prepare: impl AsyncFn(&SimCluster),
    harm: impl Fn(Rule, u64) -> Rule,
) {
    let mut random = Random::seeded();
    let mut met = [0; 3];
    for moment in moments {
        for (turn, work) in ALL_WORK.into_iter().enumerate() {
            let layout = LAYOUTS[(turn + moment as usize) % LAYOUTS.len()];
            let seed = random.next();
            let cluster = seeded(layout, seed);
            prepare(&cluster).await;
            let node = cluster.node(0);
            node.script(harm(Rule::on(command).nth(moment), seed));
            let outcome = run(&cluster, work).await;
            outcome.expect_whole(&format!("{layout:?}, {command} {moment}, seed {seed}"));
            met[turn] += u64::from(node.rules_left() == 0);
        }
    }
    let is_met = met.map(|times| times > 0);
    assert_eq!(
        is_met,
        [command != "UNLINK", command != "UNLINK", true],
        "{met:?}"
    );
}

fn at_once(rule: Rule, fault: impl Fn(&mut ClusterState) + Send + Sync + 'static) -> Rule {
    rule.then(Action::cluster(fault))
}

/// The process is gone, and with it the answer.
fn unanswered(rule: Rule, fault: impl Fn(&mut ClusterState) + Send + Sync + 'static) -> Rule {
    at_once(rule, fault).then(Action::DropConnection)
}

/// Up to a thousand slots of the first node, from anywhere.
fn some_slots(seed: u64) -> RangeInclusive<u16> {
    let mut random = Random(seed);
    let first = u16::try_from(random.below(4_400)).expect("a slot");
    let more = u16::try_from(random.below(1_000)).expect("a slot");
    first..=first + more
}

async fn nothing(_: &SimCluster) {}

async fn with_replica(cluster: &SimCluster) {
    let replica = cluster.add_node().await.expect("in memory");
    cluster.with(|cluster| cluster.replicate(replica, 0));
}

fn away(rule: Rule, seed: u64) -> Rule {
    at_once(rule, move |cluster| cluster.move_slots(some_slots(seed), 1))
}

#[tokio::test(start_paused = true)]
async fn p04_slots_go_at_every_scan() {
    at_every("SCAN", SCANS, nothing, away).await;
}

#[tokio::test(start_paused = true)]
async fn p04_slots_go_at_every_look_at_the_nodes() {
    at_every("CLUSTER NODES", LOOKS, nothing, away).await;
}

#[tokio::test(start_paused = true)]
async fn p28_slots_go_in_the_middle_of_a_volley() {
    at_every("UNLINK", UNLINKS, nothing, away).await;
}

#[tokio::test(start_paused = true)]
async fn p04_slots_come_at_every_scan() {
    at_every("SCAN", SCANS, nothing, |rule, seed| {
        let slots = some_slots(seed);
        let slots = 6_000 + slots.start()..=6_000 + slots.end();
        at_once(rule, move |cluster| cluster.move_slots(slots.clone(), 0))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p19_slots_go_and_leave_copies_at_every_scan() {
    at_every("SCAN", SCANS, nothing, |rule, seed| {
        at_once(rule, move |cluster| {
            cluster.move_slots_leaving_copies(some_slots(seed), 2);
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p01_a_replica_takes_over_by_order_at_every_scan() {
    at_every("SCAN", SCANS, with_replica, |rule, _| {
        at_once(rule, |cluster| cluster.fail_over(3))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p01_a_replica_takes_over_from_a_dead_primary_at_every_scan() {
    at_every("SCAN", SCANS, with_replica, |rule, _| {
        unanswered(rule, |cluster| {
            cluster.kill(0);
            cluster.fail_over(3);
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p01_another_process_answers_from_every_scan_on() {
    at_every("SCAN", SCANS, nothing, |rule, _| {
        unanswered(rule, |cluster| cluster.restart(0))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn p01_another_node_is_at_the_same_address_from_every_scan_on() {
    at_every("SCAN", SCANS, nothing, |rule, _| {
        unanswered(rule, |cluster| cluster.change_id(0))
    })
    .await;
}

/// Away at one page and back at a later one: no owner differs between two looks, the epoch does.
#[tokio::test(start_paused = true)]
async fn p04_slots_that_go_and_come_back_between_two_looks_are_walked_again() {
    for layout in LAYOUTS {
        for work in ALL_WORK {
            for (goes, comes) in [(1, 2), (2, 5), (4, 9)] {
                let cluster = seeded(layout, goes);
                let script = |moment, to| {
                    let action =
                        Action::cluster(move |cluster| cluster.move_slots(1_000..=3_000, to));
                    cluster
                        .node(0)
                        .script(Rule::on("SCAN").nth(moment).then(action));
                };
                script(goes, 1);
                script(comes, 0);
                let outcome = run(&cluster, work).await;
                let what = format!("{layout:?}, away at {goes}, back at {comes}");
                assert_eq!(cluster.node(0).rules_left(), 0, "{what}: both happened");
                outcome.expect_exact(&what);
                assert!(outcome.repeated() > 0, "{what}: {:?}", outcome.summary);
            }
        }
    }
}

/// A slot is opened, its keys go one by one, and it is handed over: each step at a later page.
#[tokio::test(start_paused = true)]
async fn p28_a_slot_is_moved_key_by_key() {
    for layout in LAYOUTS {
        for work in ALL_WORK {
            for begins in [1, 4] {
                let cluster = seeded(layout, begins);
                // A slot of the first node that holds several keys to go one by one.
                let moving: Vec<Vec<u8>> = cluster.with(|cluster| {
                    for n in 0..9 {
                        cluster.set(format!("session:{{tag}}{n}"), "v");
                    }
                    let mut keys = cluster.keys();
                    keys.retain(|key| key.starts_with(b"session:{tag}"));
                    keys
                });
                let slot = keypace_lab::slot_of(b"{tag}");
                let owner = cluster.with(|cluster| cluster.owner(slot)).expect("owned");
                let to = (owner + 1) % 3;
                let node = cluster.node(owner);
                let at = |moment: u64, action| {
                    node.script(Rule::on("SCAN").nth(moment).then(action));
                };
                at(
                    begins,
                    Action::cluster(move |cluster| cluster.begin_migration(slot, to)),
                );
                for (place, key) in moving.iter().take(4).enumerate() {
                    let key = key.clone();
                    at(
                        begins + 1 + place as u64,
                        Action::cluster(move |cluster| {
                            cluster.migrate_key(&key);
                        }),
                    );
                }
                at(
                    begins + 5,
                    Action::cluster(move |cluster| cluster.end_migration(slot)),
                );
                let outcome = run(&cluster, work).await;
                let what = format!("{layout:?}, begun at {begins}, {work:?}");
                let summary = &outcome.summary;
                assert!(summary.complete, "{what}: {summary:?}");
                let wanted = crate::harness::SESSIONS as usize + moving.len();
                match work {
                    Work::List => assert_eq!(outcome.keys.len(), wanted, "{what}: {summary:?}"),
                    Work::Count => {
                        assert_eq!(summary.matched, wanted as u64, "{what}: {summary:?}")
                    }
                    Work::Delete => assert_eq!(outcome.left("session:"), 0, "{what}: {summary:?}"),
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn several_things_at_once_are_borne() {
    let mut random = Random::seeded();
    for _ in 0..12 {
        let seed = random.next();
        for work in ALL_WORK {
            let mut own = Random(seed);
            let layout = if own.below(2) == 0 {
                ScanLayout::OneTable
            } else {
                ScanLayout::TablePerSlot
            };
            let cluster = seeded(layout, seed);
            for _ in 0..6 {
                let (node, moment) = (own.below(3) as usize, 1 + own.below(12));
                let to = own.below(3) as usize;
                let first = u16::try_from(own.below(15_000)).expect("a slot");
                let action =
                    Action::cluster(move |cluster| cluster.move_slots(first..=first + 800, to));
                cluster
                    .node(node)
                    .script(Rule::on("SCAN").nth(moment).then(action));
            }
            run(&cluster, work)
                .await
                .expect_exact(&format!("seed {seed}"));
        }
    }
}

/// Keys leave, their places are walked, and they come back: neither owner nor epoch nor a marker tells of it.
#[tokio::test(start_paused = true)]
async fn p04_a_migration_that_is_called_off_between_two_looks_is_seen() {
    const SLOTS: RangeInclusive<u16> = 2_200..=2_900;
    let mut random = Random::seeded();
    for layout in LAYOUTS {
        for work in ALL_WORK {
            let seed = random.next();
            let cluster = seeded(layout, seed);
            let node = cluster.node(0);
            node.script(at_once(Rule::on("SCAN").nth(4), |cluster| {
                let keys = cluster.node(0).keys(0);
                SLOTS.for_each(|slot| cluster.begin_migration(slot, 1));
                for key in keys {
                    if SLOTS.contains(&slot_of(&key)) {
                        cluster.migrate_key(key);
                    }
                }
            }));
            node.script(at_once(Rule::on("SCAN").nth(10), |cluster| {
                SLOTS.for_each(|slot| cluster.call_off_migration(slot));
            }));
            let outcome = run(&cluster, work).await;
            outcome.expect_whole(&format!("{layout:?}, seed {seed}"));
            assert_eq!(node.rules_left(), 0, "{layout:?}, {work:?}");
        }
    }
}

/// Keys that only leave a node don't come back to it.
#[tokio::test(start_paused = true)]
async fn p04_a_node_that_gives_slots_away_is_not_walked_again() {
    for layout in LAYOUTS {
        let cluster = seeded(layout, 3);
        cluster.with(|cluster| {
            for slot in 0..=50 {
                cluster.begin_migration(slot, 1);
            }
        });
        let keys = cluster.node(0).keys(0);
        let some = keys.into_iter().filter(|key| slot_of(key) <= 50);
        let some: Vec<Vec<u8>> = some.collect();
        assert!(!some.is_empty());
        at(&cluster, 0, Rule::on("SCAN").nth(3), move |cluster| {
            for key in &some {
                cluster.migrate_key(key);
            }
            (0..=50).for_each(|slot| cluster.end_migration(slot));
        });
        let outcome = run(&cluster, Work::Count).await;
        outcome.expect_whole(&format!("{layout:?}"));
        let shards = &outcome.summary.shards;
        assert_eq!(shards[0].repeated_slots, 0, "{:?}", outcome.summary);
    }
}

/// Keys come and go at every walk of a node: it ends all the same, and says of whom nothing is proven.
#[tokio::test(start_paused = true)]
async fn p04_a_node_whose_keys_come_and_go_all_the_time_is_named_in_the_end() {
    let cluster = seeded(LAYOUTS[0], 3);
    let to_and_fro = Action::cluster(|cluster| {
        let key = cluster.node(0).keys(0).swap_remove(0);
        let slot = slot_of(&key);
        cluster.begin_migration(slot, 1);
        cluster.migrate_key(key);
        cluster.call_off_migration(slot);
    });
    let rule = Rule::on("SCAN").always().then(to_and_fro);
    cluster.node(0).script(rule);
    let outcome = run(&cluster, Work::Count).await;
    let summary = &outcome.summary;
    assert!(!summary.complete, "{summary:?}");
    let named = summary
        .errors
        .iter()
        .any(|error| error.text.contains("MIGRATE"));
    assert!(named, "{summary:?}");
    // The other end of the way gives and takes as well.
    assert!(summary.shards[2].complete, "{summary:?}");
    assert!(summary.shards[0].restarts < 20, "{summary:?}");
}
