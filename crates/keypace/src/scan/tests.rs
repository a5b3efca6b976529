//! What only the inside can ask of a walk: slots and lanes on nodes of real clusters, and lanes under a pace.

use std::collections::BTreeSet;
use std::time::Duration;

use keypace_lab::{ClusterOptions, OwnedCluster, Program};
use keypace_testkit::{Action, Rule, Sim};

use super::{Count, CountChoice, Ground, Lanes, Mark, Pages, ScanOptions, Step};
use crate::key::{Pattern, Slot, SlotSet};
use crate::limits;
use crate::pace::{Budget, QueryKind, Thresholds};
use crate::port::{ConnectOptions, Keyspace, Node, Paced, Target, Wire};

const KEYS: u64 = 30_000;

const FAR: Ground = Ground {
    total_keys: 1_000_000,
    round_trip: Duration::from_millis(5),
    is_proven: true,
};

fn options(pattern: &'static str, lanes: u32) -> ScanOptions {
    let pattern = Pattern::new(pattern).expect("valid");
    ScanOptions::new(vec![pattern])
        .expect("valid")
        .with_count(CountChoice::Fixed(Count::new(100)))
        .with_lanes(Lanes::Fixed(lanes))
}

fn full_speed(node: &Node, options: ScanOptions, mark: &Mark) -> Pages {
    let paced = Paced::join(node, Budget::off(), Thresholds::default(), false);
    Pages::paced(node, options, mark, paced, limits::COUNT_MAX)
}

/// All keys to the end of a walk, how many were handed out, and a Mark from its midst.
async fn walk(pages: &mut Pages) -> (BTreeSet<Vec<u8>>, u64, Mark) {
    let (mut found, mut number) = (BTreeSet::new(), 0);
    let mut midst = Mark::start();
    let mut share = 0.0;
    while let Some(step) = pages.next().await.expect("walks") {
        let Step::Page(page) = step else {
            panic!("nothing begins again here")
        };
        if pages.share() < 0.5 {
            midst = page.mark().expect("a mark").clone();
        }
        assert!(pages.share() >= share && pages.share() <= 1.0);
        share = pages.share();
        number += page.keys().len() as u64;
        found.extend(page.keys().iter().map(|key| key.as_bytes().to_vec()));
    }
    (found, number, midst)
}

fn expected(slots: &SlotSet) -> BTreeSet<Vec<u8>> {
    let names = (0..KEYS).map(|number| format!("k:{number}").into_bytes());
    names
        .filter(|name| slots.contains(Slot::of(name)))
        .collect()
}

fn range(first: u16, last: u16) -> SlotSet {
    let slot = |number| Slot::new(number).expect("a slot");
    SlotSet::range(slot(first), slot(last))
}

async fn on_clusters(check: impl AsyncFn(&str, &Node, &SlotSet, bool)) {
    for program in Program::all() {
        let label = program.label();
        let two = ClusterOptions::default().with_primaries(2).with_replicas(0);
        let cluster = OwnedCluster::start(&program, two).expect("started");
        cluster.seed_strings(b"k:", 0..KEYS, 3).expect("seeded");
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default());
        let layout = keyspace.await.expect("connected").layout().await;
        for primary in layout.expect("asked").primaries {
            // Which kind of table a version has is what the tests of the kind are about.
            let is_per_slot = label.starts_with("valkey");
            check(&label, &primary.node, &primary.slots, is_per_slot).await;
        }
        cluster.stop().expect("stopped");
    }
}

#[tokio::test]
async fn p10_a_node_of_a_cluster_is_walked_in_lanes_of_either_kind() {
    on_clusters(async |label, node, slots, is_per_slot| {
        let expected = expected(slots);
        for lanes in [1, 4, 16] {
            let mut pages = full_speed(node, options("k:*", lanes), &Mark::start())
                .only_slots(slots.clone())
                .in_lanes(&FAR);
            let (found, number, midst) = walk(&mut pages).await;
            assert_eq!(found, expected, "{label} {lanes}");
            assert_eq!(pages.lanes(), lanes, "{label}");
            if is_per_slot {
                assert_eq!(number, expected.len() as u64, "slots give none twice");
            }
            // Taken up by one walker, and by several.
            for again in [1, 16] {
                let mut pages = full_speed(node, options("k:*", again), &midst)
                    .only_slots(slots.clone())
                    .in_lanes(&FAR);
                let (rest, ..) = walk(&mut pages).await;
                assert!(
                    rest.len() < expected.len() * 3 / 4,
                    "{label} {lanes} {again}"
                );
                assert!(rest.len() > expected.len() / 4, "{label} {lanes} {again}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn p04_few_slots_are_walked_alone_where_each_has_a_table() {
    on_clusters(async |label, node, slots, is_per_slot| {
        for few in [range(8000, 8200), range(0, 0), range(16_000, 16_383)] {
            let mut few = few;
            few.intersect(slots);
            if few.is_empty() {
                continue;
            }
            for lanes in [1, 4] {
                let mut pages = full_speed(node, options("k:*", lanes), &Mark::start())
                    .within_slots(few.clone())
                    .in_lanes(&FAR);
                let (found, ..) = walk(&mut pages).await;
                assert_eq!(found, expected(&few), "{label} {few:?}");
                let whole = KEYS / 2 / 100;
                assert_eq!(
                    is_per_slot,
                    pages.calls() < whole / 2,
                    "{label} {}",
                    pages.calls()
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn p19_keys_of_other_slots_are_left_out() {
    on_clusters(async |label, node, slots, _| {
        let mut mine = slots.clone();
        mine.subtract(&range(4000, 12_000));
        let mut pages = full_speed(node, options("*", 1), &Mark::start()).only_slots(mine.clone());
        let (found, ..) = walk(&mut pages).await;
        assert_eq!(found, expected(&mine), "{label}");
    })
    .await;
}

/// Under a budget one command goes at a time, whatever the number of lanes; and whoever lands, or lets go, keeps nobody
/// waiting for a turn.
#[tokio::test(start_paused = true)]
async fn lanes_take_turns_under_a_budget() {
    let sim = Sim::new();
    sim.insert_strings("k:", 0..KEYS);
    let keyspace = Wire::to(&sim).keyspace().await;
    let node = keyspace.node();
    let paced = Paced::join(node, Budget::default(), Thresholds::default(), false);
    let mut pages = Pages::paced(
        node,
        options("k:*", 8),
        &Mark::start(),
        paced.clone(),
        limits::COUNT_MAX,
    )
    .in_lanes(&FAR)
    .run_ahead();
    sim.script(
        Rule::on("SCAN")
            .every(1)
            .always()
            .then(Action::Delay(Duration::from_millis(2))),
    );
    let mut found = BTreeSet::new();
    let mut steps = 0;
    while !pages.is_ended() {
        let patience = Duration::from_millis(if steps % 5 == 0 { 1 } else { 1000 });
        if let Ok(step) = tokio::time::timeout(patience, pages.next()).await {
            let Some(Step::Page(page)) = step.expect("walks") else {
                break;
            };
            found.extend(page.keys().iter().map(|key| key.as_bytes().to_vec()));
        }
        steps += 1;
        if steps % 50 == 0 {
            pages.let_go();
        } else {
            pages.land().await;
        }
        let turn = tokio::time::timeout(limits::TURN_PATIENCE / 2, paced.turn(QueryKind::Unlink));
        drop(turn.await.expect("nobody keeps the turn"));
    }
    while let Some(Step::Page(page)) = pages.next().await.expect("walks") {
        found.extend(page.keys().iter().map(|key| key.as_bytes().to_vec()));
    }
    assert_eq!(found.len() as u64, KEYS);
    assert_eq!((pages.lanes(), pages.restarts()), (8, 0));
}
