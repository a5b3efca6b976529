//! Sweeps that end early and are resumed while slots move, keys are refused or answers are lost: what the second run
//! says in the end is true of the keys. Each is ended at several steps of its way.

use std::time::Duration;

use keypace::{Summary, Sweep};
use keypace_testkit::{Action, Rule, ScanLayout, SimCluster};

use crate::common::{finish, scan};
use crate::harness::{
    LAYOUTS, SESSIONS, Work, at, checkpoint_of, connect_by, left, options, options_of, seeded,
    start,
};

const REFUSAL: &str = "NOPERM No permissions to access a key";

/// So many steps, or all there are.
async fn steps(sweep: &mut Sweep, number: u32) {
    for _ in 0..number {
        if sweep.next().await.is_none() {
            return;
        }
    }
}

/// Ended as by a kill, once what was on its way has arrived, and resumed from what was saved before.
async fn killed_with_keys_in_flight(cluster: &SimCluster, number: u32) -> Summary {
    let folder = tempfile::tempdir().expect("a folder");
    let with_checkpoint = || options().with_checkpoint(folder.path().join("own"));
    let mut sweep = start(cluster, Work::Delete, with_checkpoint()).await;
    steps(&mut sweep, number).await;
    let checkpoint = checkpoint_of(&sweep);
    tokio::time::sleep(Duration::from_millis(10)).await;
    drop(sweep);
    let resumed = with_checkpoint().with_resume(checkpoint);
    finish(start(cluster, Work::Delete, resumed).await).await
}

/// Ended as by a kill, and resumed.
async fn killed_at(cluster: &SimCluster, work: Work, number: u32) -> Summary {
    let mut sweep = start(cluster, work, options()).await;
    steps(&mut sweep, number).await;
    let checkpoint = checkpoint_of(&sweep);
    drop(sweep);
    finish(start(cluster, work, options().with_resume(checkpoint)).await).await
}

#[track_caller]
fn expect_deleted(cluster: &SimCluster, summary: &Summary, what: &str) {
    assert!(summary.complete, "{what}: {summary:?}");
    assert_eq!(left(cluster, "session:"), 0, "{what}: {summary:?}");
    assert_eq!(summary.matched, SESSIONS, "{what}: {summary:?}");
    let open = (summary.failed, summary.unknown);
    assert_eq!(open, (0, 0), "{what}: {summary:?}");
}

/// The first node is away from one of its commands on, and back when the others are asked about it.
fn away_for_longer_than_the_tries(cluster: &SimCluster, unlink: u64) {
    let away = Action::cluster(|cluster| cluster.isolate(0));
    let rule = Rule::on("UNLINK").nth(unlink).then(away);
    cluster.node(0).script(rule.then(Action::DropConnection));
    at(cluster, 1, Rule::on("CLUSTER NODES").nth(6), |cluster| {
        cluster.revive(0)
    });
}

#[tokio::test(start_paused = true)]
async fn p04_a_count_ended_while_slots_are_walked_again_is_right() {
    for layout in LAYOUTS {
        // In the first round, with what moved seen by the second run alone; and while slots are walked again.
        for number in [8, 41, 45, 50] {
            let cluster = seeded(layout, 5);
            at(&cluster, 0, Rule::on("SCAN").nth(4), |cluster| {
                cluster.move_slots(0..=99, 1)
            });
            let summary = killed_at(&cluster, Work::Count, number).await;
            let what = format!("{layout:?}, step {number}: {summary:?}");
            assert!(summary.complete, "{what}");
            assert_eq!(summary.matched, SESSIONS, "{what}");
        }
    }
}

/// One slot that is walked again takes no failure of another slot with it.
#[tokio::test(start_paused = true)]
async fn p29_refused_keys_are_not_forgotten_by_a_resumed_delete_whose_slots_move() {
    for layout in LAYOUTS {
        for refusals in [60, 100_000] {
            let cluster = seeded(layout, 5);
            let mut sweep = start(&cluster, Work::Delete, options()).await;
            steps(&mut sweep, 3).await;
            let checkpoint = checkpoint_of(&sweep);
            drop(sweep);
            let refusal = Action::Error(REFUSAL.into());
            let rule = Rule::on("UNLINK").times(refusals);
            cluster.node(0).script(rule.then(refusal));
            at(&cluster, 0, Rule::on("SCAN").nth(14), |cluster| {
                cluster.move_slots(0..=9, 1)
            });
            let resumed = options().with_resume(checkpoint);
            let summary = finish(start(&cluster, Work::Delete, resumed).await).await;
            let what = format!("{layout:?}, {refusals} refusals: {summary:?}");
            assert_eq!(left(&cluster, "session:") as u64, summary.failed, "{what}");
            assert_eq!(summary.matched, SESSIONS, "{what}");
            assert_eq!(summary.unknown, 0, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p29_refused_keys_are_tried_again_by_a_resumed_delete() {
    for layout in LAYOUTS {
        let cluster = seeded(layout, 5);
        let refusal = Action::Error(REFUSAL.into());
        let rule = Rule::on("UNLINK").times(200);
        cluster.node(0).script(rule.then(refusal));
        let mut sweep = start(&cluster, Work::Delete, options()).await;
        while sweep.next().await.is_some() {}
        let first = sweep.summary();
        assert!(first.failed > 0, "{layout:?}: {first:?}");
        let checkpoint = checkpoint_of(&sweep);
        cluster.node(0).clear_rules();
        let resumed = options().with_resume(checkpoint);
        let summary = finish(start(&cluster, Work::Delete, resumed).await).await;
        expect_deleted(&cluster, &summary, &format!("{layout:?}"));
    }
}

/// Neither owner nor epoch tells of it: the keys' slots are in the checkpoint.
#[tokio::test(start_paused = true)]
async fn p28_keys_that_were_elsewhere_for_a_moment_are_found_by_a_resumed_delete() {
    for number in [20, 28, 36, 40] {
        let cluster = seeded(ScanLayout::OneTable, 5);
        let script = |nth, text: &str| {
            let answer = Action::Error(text.into());
            let rule = Rule::on("UNLINK").nth(nth);
            cluster.node(0).script(rule.then(answer));
        };
        script(3, "ASK 77 127.0.0.1:7001");
        script(5, "CLUSTERDOWN Hash slot not served");
        let mut sweep = start(&cluster, Work::Delete, options()).await;
        steps(&mut sweep, number).await;
        sweep.stop_handle().stop();
        while sweep.next().await.is_some() {}
        let checkpoint = checkpoint_of(&sweep);
        let resumed = options().with_resume(checkpoint);
        let summary = finish(start(&cluster, Work::Delete, resumed).await).await;
        expect_deleted(&cluster, &summary, &format!("step {number}"));
    }
}

/// A narrow range of slots is one lane: its place is read back like that of many.
#[tokio::test(start_paused = true)]
async fn p13_a_pattern_of_one_slot_goes_on_from_its_checkpoint() {
    for number in [1, 2, 4] {
        let cluster = seeded(ScanLayout::TablePerSlot, 5);
        cluster.with(|cluster| cluster.insert_strings("{t}:", 0..300));
        let options = || options_of(scan("{t}:*"));
        let mut sweep = start(&cluster, Work::Count, options()).await;
        steps(&mut sweep, number).await;
        let resumed = options().with_resume(checkpoint_of(&sweep));
        let summary = finish(start(&cluster, Work::Count, resumed).await).await;
        assert!(summary.complete, "step {number}: {summary:?}");
        assert_eq!(summary.matched, 300, "step {number}: {summary:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p04_a_sweep_that_has_ended_is_resumed_after_a_narrow_range_was_walked_again() {
    for work in [Work::Count, Work::Delete] {
        let cluster = seeded(ScanLayout::TablePerSlot, 5);
        at(&cluster, 0, Rule::on("SCAN").nth(9), |cluster| {
            cluster.move_slots(0..=99, 1)
        });
        // Slow, so that the slots go while the walk is on its way to them.
        let slow = Action::Delay(Duration::from_millis(50));
        cluster.node(0).script(Rule::on("SCAN").always().then(slow));
        let summary = killed_at(&cluster, work, u32::MAX).await;
        assert!(summary.complete, "{work:?}: {summary:?}");
        assert_eq!(summary.matched, SESSIONS, "{work:?}: {summary:?}");
    }
}

/// Keys whose answers were lost are asked for again, and meanwhile their slots go.
#[tokio::test(start_paused = true)]
async fn p28_keys_that_move_while_they_are_asked_for_again_are_settled_once() {
    for layout in LAYOUTS {
        for later in [1, 3, 7] {
            let cluster = seeded(layout, 3);
            away_for_longer_than_the_tries(&cluster, 40);
            let moves = Rule::on("UNLINK").nth(40 + later);
            at(&cluster, 0, moves, |cluster| {
                cluster.move_slots(0..=5_460, 1)
            });
            let summary = finish(start(&cluster, Work::Delete, options()).await).await;
            expect_deleted(&cluster, &summary, &format!("{layout:?}, {later} later"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_lost_answers_of_a_resumed_delete_are_settled_once() {
    for layout in LAYOUTS {
        for (number, by_prefix) in [(1, false), (6, false), (3, true)] {
            let cluster = seeded(layout, 3);
            let options = || {
                let options = options();
                if by_prefix {
                    options.with_prefix_depth(1)
                } else {
                    options
                }
            };
            let mut sweep = start(&cluster, Work::Delete, options()).await;
            steps(&mut sweep, number).await;
            sweep.stop_handle().stop();
            while sweep.next().await.is_some() {}
            let checkpoint = checkpoint_of(&sweep);
            drop(sweep);
            away_for_longer_than_the_tries(&cluster, 40);
            let resumed = options().with_resume(checkpoint);
            let summary = finish(start(&cluster, Work::Delete, resumed).await).await;
            let what = format!("{layout:?}, step {number}, by prefix: {by_prefix}");
            expect_deleted(&cluster, &summary, &what);
        }
    }
}

/// The server has removed them, and nobody has heard of it.
#[tokio::test(start_paused = true)]
async fn p28_keys_in_flight_when_killed_are_counted_once() {
    let mut gone = 0;
    for layout in LAYOUTS {
        for number in [1, 3, 10, 17, 25, 33] {
            let cluster = seeded(layout, 5);
            let summary = killed_with_keys_in_flight(&cluster, number).await;
            let what = format!("{layout:?}, step {number}");
            expect_deleted(&cluster, &summary, &what);
            gone += summary.already_gone;
        }
    }
    assert!(gone > 0, "some were in flight");
}

/// Asked for first they are refused, and found again by the walk: they fail once.
#[tokio::test(start_paused = true)]
async fn p29_keys_in_flight_that_are_refused_later_fail_once() {
    for layout in LAYOUTS {
        for number in [3, 10, 25] {
            let cluster = seeded(layout, 5);
            let silence = Rule::on("UNLINK").always().then(Action::Stall);
            cluster.node(0).script(silence);
            let folder = tempfile::tempdir().expect("a folder");
            let with_checkpoint = || options().with_checkpoint(folder.path().join("own"));
            let mut sweep = start(&cluster, Work::Delete, with_checkpoint()).await;
            steps(&mut sweep, number).await;
            let checkpoint = checkpoint_of(&sweep);
            drop(sweep);
            cluster.node(0).clear_rules();
            let refusal = Action::Error(REFUSAL.into());
            cluster
                .node(0)
                .script(Rule::on("UNLINK").always().then(refusal));
            let resumed = with_checkpoint().with_resume(checkpoint);
            let summary = finish(start(&cluster, Work::Delete, resumed).await).await;
            let what = format!("{layout:?}, step {number}: {summary:?}");
            assert_eq!(left(&cluster, "session:") as u64, summary.failed, "{what}");
            assert_eq!(summary.matched, SESSIONS, "{what}");
        }
    }
}

/// Found by the soak: the node that was asked first was away, and the next one was a replica, which no walk had met.
#[tokio::test(start_paused = true)]
async fn a_cluster_is_the_same_by_whichever_node_it_is_asked() {
    let cluster = seeded(LAYOUTS[0], 5);
    cluster.with(|cluster| {
        cluster.move_slots(0..=16_383, 1);
        cluster.replicate(2, 1);
    });
    let mut sweep = start(&cluster, Work::Count, options()).await;
    steps(&mut sweep, 4).await;
    let checkpoint = checkpoint_of(&sweep);
    drop(sweep);
    let keyspace = connect_by(&cluster, 2).await;
    let resumed = options().with_resume(checkpoint.clone());
    let resumed = Sweep::count(&keyspace, resumed).await;
    let summary = finish(resumed.expect("it is the same cluster")).await;
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.matched, SESSIONS, "{summary:?}");

    // Nobody of another one is known here.
    let other = seeded(LAYOUTS[0], 50);
    other.with(|cluster| {
        (0..3).for_each(|node| cluster.announce(node, "10.0.0.9", 7000 + node as u16))
    });
    let keyspace = connect_by(&other, 0).await;
    let refused = Sweep::count(&keyspace, options().with_resume(checkpoint)).await;
    let error = refused.err().expect("another cluster");
    assert!(error.to_string().contains("another server"), "{error}");
}
