//! Limits and bounds that hold for all nodes together, while keys are found a second time: what is counted or removed
//! once is taken from them once.

use keypace::{DeleteOptions, Order, Strategy, Sweep, SweepOptions};
use keypace_testkit::{Action, Rule, SimCluster};

use crate::common::{deleting_with, finish, scan};
use crate::harness::{
    LAYOUTS, SESSIONS, Work, at, connect, left, options, options_of, run_with, seeded,
};

/// Slots of the first node go in mid-walk: keys that it has counted are found again.
fn move_some(cluster: &SimCluster) {
    at(cluster, 0, Rule::on("SCAN").nth(6), |cluster| {
        cluster.move_slots(0..=2_000, 1)
    });
}

fn limited(limit: u64) -> SweepOptions {
    options_of(scan("session:*").with_limit(limit))
}

#[tokio::test(start_paused = true)]
async fn p04_a_limit_is_met_to_the_key_while_slots_move() {
    for layout in LAYOUTS {
        for work in [Work::Count, Work::Delete] {
            for limit in [300, SESSIONS - 1] {
                let cluster = seeded(layout, 5);
                move_some(&cluster);
                let outcome = run_with(&cluster, work, limited(limit)).await;
                let what = format!("{layout:?}, {work:?}, limit {limit}: {:?}", outcome.summary);
                let summary = &outcome.summary;
                assert_eq!(summary.matched, limit, "{what}");
                assert!(summary.limited && summary.complete, "{what}");
                if work == Work::Delete {
                    assert_eq!(
                        left(&cluster, "session:") as u64,
                        SESSIONS - limit,
                        "{what}"
                    );
                }
            }
        }
    }
}

/// Keys that were taken for the last of the limit are another node's by the time they are to be removed.
#[tokio::test(start_paused = true)]
async fn p28_a_limit_says_how_it_ended_where_its_last_keys_moved() {
    for layout in LAYOUTS {
        for moment in 1..=4 {
            let cluster = seeded(layout, 5);
            at(&cluster, 0, Rule::on("SCAN").nth(moment), |cluster| {
                cluster.move_slots(0..=4_000, 1)
            });
            let outcome = run_with(&cluster, Work::Delete, limited(100)).await;
            let summary = &outcome.summary;
            let what = format!("{layout:?}, SCAN {moment}: {summary:?}");
            assert!(summary.limited, "{what}");
            assert!(summary.matched <= 100, "{what}");
            let gone = SESSIONS - left(&cluster, "session:") as u64;
            assert_eq!(gone, summary.deleted, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p04_keys_found_again_are_no_more_than_may_be_deleted() {
    for layout in LAYOUTS {
        let cluster = seeded(layout, 3);
        move_some(&cluster);
        let keyspace = connect(&cluster).await;
        let most = DeleteOptions::default().with_max_delete(SESSIONS);
        let sweep = Sweep::dry_run(&keyspace, options(), most).await;
        let summary = finish(sweep.expect("started")).await;
        assert!(summary.complete, "{layout:?}: {summary:?}");
        assert_eq!(summary.would_delete, SESSIONS, "{layout:?}: {summary:?}");
        assert_eq!(summary.errors, [], "{layout:?}: {summary:?}");
    }
}

/// Keys that were never sent count as not handed on.
#[tokio::test(start_paused = true)]
async fn p28_keys_given_up_and_found_again_are_no_more_than_may_be_deleted() {
    for layout in LAYOUTS {
        for moment in [10, 50] {
            let cluster = seeded(layout, 3);
            let away = Action::cluster(|cluster| cluster.isolate(0));
            let rule = Rule::on("UNLINK").nth(moment).then(away);
            cluster.node(0).script(rule.then(Action::DropConnection));
            at(&cluster, 1, Rule::on("CLUSTER NODES").nth(6), |cluster| {
                cluster.revive(0)
            });
            let keyspace = connect(&cluster).await;
            let most = DeleteOptions::default().with_max_delete(SESSIONS);
            let summary = finish(deleting_with(&keyspace, &options(), most).await).await;
            let what = format!("{layout:?}, UNLINK {moment}: {summary:?}");
            assert!(summary.complete, "{what}");
            assert_eq!(left(&cluster, "session:"), 0, "{what}");
            assert_eq!((summary.matched, summary.unknown), (SESSIONS, 0), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_by_keys_stops_where_the_delete_would() {
    let cluster = seeded(LAYOUTS[0], 3);
    let keyspace = connect(&cluster).await;
    let by_keys = options_of(scan("session:*").with_strategy(Strategy::Keys));
    let most = DeleteOptions::default().with_max_delete(100);
    let sweep = Sweep::dry_run(&keyspace, by_keys, most).await;
    let summary = finish(sweep.expect("started")).await;
    assert!(!summary.complete, "{summary:?}");
    assert!(summary.would_delete <= 100, "{summary:?}");
    let is_named = |error: &keypace::Failure| error.text.contains("100");
    assert!(summary.errors.iter().any(is_named), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn p04_an_exact_count_is_right_while_slots_move() {
    for layout in LAYOUTS {
        for order in [Order::Exact, Order::Sorted] {
            let cluster = seeded(layout, 5);
            move_some(&cluster);
            let options = options_of(scan("session:*").with_order(order));
            let outcome = run_with(&cluster, Work::Count, options).await;
            outcome.expect_whole(&format!("{layout:?}, {order:?}"));
        }
    }
}
