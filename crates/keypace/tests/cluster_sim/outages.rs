//! Nodes that can't be reached and slots that lose their owner, on a clock that runs as fast as it is waited for: the rest
//! is done, and what was missed is named.

use std::time::Duration;

use keypace::{Consent, DeleteOptions, Summary, Sweep, plan_delete, plan_delete_unseen};
use keypace_testkit::{Action, Rule, SimOptions};
use tokio::time::{Instant, sleep};

use crate::common::{Random, finish};
use crate::harness::{
    ALL_WORK, LAYOUTS, SESSIONS, Work, at, connect, left, options, run, run_with, seeded,
    seeded_with, start,
};

#[track_caller]
fn expect_named(summary: &Summary, name: &str, what: &str) {
    assert!(!summary.complete, "{what}: {summary:?}");
    let is_named = |error: &keypace::Failure| error.text.contains(name);
    assert!(
        summary.errors.iter().any(is_named),
        "{what}: {name}: {summary:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_we_alone_can_t_reach_is_named_and_the_others_are_done() {
    for layout in LAYOUTS {
        for work in ALL_WORK {
            for moment in [1, 2, 7] {
                let cluster = seeded(layout, moment);
                at(&cluster, 0, Rule::on("SCAN").nth(moment), |cluster| {
                    cluster.isolate(0)
                });
                let outcome = run(&cluster, work).await;
                let what = format!("{work:?}, {layout:?}, SCAN {moment}");
                expect_named(&outcome.summary, &cluster.addresses()[0], &what);
                for shard in &outcome.summary.shards {
                    let is_whole = shard.node != cluster.addresses()[0];
                    assert_eq!(shard.complete, is_whole, "{what}: {:?}", outcome.summary);
                }
                let others = |place: usize| cluster.node(place).keys(0);
                let sessions = [1, 2].map(|place| {
                    let keys = others(place).into_iter();
                    keys.filter(|key| key.starts_with(b"session:")).count()
                });
                match work {
                    Work::List => assert!(
                        others(1)
                            .iter()
                            .filter(|key| key.starts_with(b"session:"))
                            .all(|key| outcome.keys.contains(key))
                    ),
                    Work::Count => {
                        assert!(outcome.summary.matched >= sessions.iter().sum::<usize>() as u64)
                    }
                    Work::Delete => assert_eq!(sessions, [0, 0], "{what}"),
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_back_in_time_is_walked() {
    for layout in LAYOUTS {
        for work in ALL_WORK {
            let cluster = seeded(layout, 3);
            at(&cluster, 0, Rule::on("SCAN").nth(5), |cluster| {
                cluster.isolate(0)
            });
            let asked = Rule::on("CLUSTER NODES").nth(6);
            at(&cluster, 1, asked, |cluster| cluster.revive(0));
            let outcome = run(&cluster, work).await;
            outcome.expect_whole(&format!("{layout:?}"));
            // A command whose answer was lost had run: its keys were gone when it was sent again.
            if work != Work::List {
                assert_eq!(outcome.summary.matched, SESSIONS, "{:?}", outcome.summary);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slots_that_lose_their_owner_in_mid_walk_are_named() {
    for work in ALL_WORK {
        for allowed in [false, true] {
            let partial = SimOptions::default().with_config("cluster-require-full-coverage", "no");
            let cluster = seeded_with(partial, LAYOUTS[0], 3);
            at(&cluster, 0, Rule::on("SCAN").nth(5), |cluster| {
                cluster.uncover(40..=59)
            });
            let outcome = run_with(&cluster, work, options().with_allow_uncovered(allowed)).await;
            expect_named(&outcome.summary, "40-59", &format!("{work:?}, {allowed}"));
            assert!(outcome.summary.matched <= SESSIONS, "{:?}", outcome.summary);
        }
    }
}

/// A primary is dead for a while before its replica is voted in: nothing answers for its slots meanwhile.
#[tokio::test(start_paused = true)]
async fn p01_a_promotion_is_waited_for() {
    let mut random = Random::seeded();
    for layout in LAYOUTS {
        for work in ALL_WORK {
            let seed = random.next();
            let cluster = seeded(layout, seed);
            let replica = cluster.add_node().await.expect("in memory");
            cluster.with(|cluster| cluster.replicate(replica, 0));
            let moment = 1 + random.below(9);
            at(&cluster, 0, Rule::on("SCAN").nth(moment), |cluster| {
                cluster.kill(0)
            });
            let asked = Rule::on("CLUSTER NODES").nth(5);
            at(&cluster, 1, asked, move |cluster| {
                cluster.fail_over(replica)
            });
            let what = format!("{layout:?}, SCAN {moment}, seed {seed}");
            run(&cluster, work).await.expect_whole(&what);
        }
    }
}

/// The plan says whom it has not seen, also where that is the node that the cluster was found by, and the delete waits.
#[tokio::test(start_paused = true)]
async fn p01_a_delete_begins_while_a_primary_is_away_and_waits_for_its_replica() {
    for layout in LAYOUTS {
        for away in [0, 1] {
            let cluster = seeded(layout, 3);
            let replica = cluster.add_node().await.expect("in memory");
            cluster.with(|cluster| cluster.replicate(replica, away));
            let keyspace = connect(&cluster).await;
            cluster.with(|cluster| cluster.kill(away));
            let what = format!("{layout:?}, {away} away");
            let name = cluster.addresses()[away].clone();
            let others: usize = (0..3)
                .filter(|node| *node != away)
                .map(|node| cluster.node(node).keys(0).len())
                .sum();
            let seen = plan_delete(&keyspace, &options()).await;
            let unseen = plan_delete_unseen(&keyspace, &options()).await;
            for plan in [seen, unseen] {
                let plan = plan.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(plan.not_asked(), std::slice::from_ref(&name), "{what}");
                assert_eq!(plan.total_keys(), others as u64, "{what}");
                let estimate = (plan.estimate(), plan.is_exact());
                assert_eq!(estimate, (None, false), "{what}");
            }
            at(
                &cluster,
                2,
                Rule::on("CLUSTER NODES").nth(5),
                move |cluster| cluster.fail_over(replica),
            );
            let plan = plan_delete(&keyspace, &options()).await.expect("planned");
            let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
            let delete = DeleteOptions::default();
            let sweep = Sweep::delete(&keyspace, options(), delete, confirmed).await;
            let summary = finish(sweep.expect("started")).await;
            assert!(summary.complete, "{what}: {summary:?}");
            assert_eq!(left(&cluster, "session:"), 0, "{what}: {summary:?}");
        }
    }
}

/// A failure that is over takes nothing from the patience with the next one.
#[tokio::test(start_paused = true)]
async fn p01_a_second_outage_is_waited_for_as_long_as_the_first() {
    for is_first_away in [false, true] {
        let cluster = seeded(LAYOUTS[0], 3);
        if is_first_away {
            at(&cluster, 0, Rule::on("SCAN").nth(2), |cluster| {
                cluster.isolate(0)
            });
            at(&cluster, 2, Rule::on("SCAN").nth(6), |cluster| {
                cluster.revive(0)
            });
        }
        // The last node walks slowly, and then is away for a moment.
        let away = Rule::on("SCAN").nth(10);
        let isolate = Action::cluster(|cluster| cluster.isolate(2));
        let last = cluster.node(2);
        last.script(away.then(isolate).then(Action::DropConnection));
        let slow = Action::Delay(Duration::from_millis(500));
        last.script(Rule::on("SCAN").always().then(slow));
        let back = cluster.clone();
        let revival = tokio::spawn(async move {
            sleep(Duration::from_millis(5_500)).await;
            back.with(|cluster| cluster.revive(2));
        });
        let outcome = run(&cluster, Work::Count).await;
        revival.await.expect("revived");
        outcome.expect_whole(&format!("the first away: {is_first_away}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_silent_nodes() {
    let cluster = seeded(LAYOUTS[0], 5);
    let mut sweep = start(&cluster, Work::Count, options()).await;
    for node in 0..3 {
        let silence = Rule::on("CLUSTER NODES").always().then(Action::Stall);
        cluster.node(node).script(silence);
    }
    let handle = sweep.stop_handle();
    let began = Instant::now();
    let stop = tokio::spawn(async move {
        sleep(Duration::from_millis(100)).await;
        handle.stop();
    });
    while sweep.next().await.is_some() {}
    stop.await.expect("stopped");
    let took = began.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn another_replica_is_walked_where_one_is_away() {
    for away in [3, 4] {
        let cluster = seeded(LAYOUTS[0], 3);
        for primary in 0..3 {
            for _ in 0..2 {
                let replica = cluster.add_node().await.expect("in memory");
                cluster.with(|cluster| cluster.replicate(replica, primary));
            }
        }
        cluster.with(|cluster| cluster.isolate(away));
        let keyspace = connect(&cluster).await;
        let sweep = Sweep::count(&keyspace, options().with_from_replica(true)).await;
        let summary = finish(sweep.expect("started")).await;
        assert!(summary.complete, "{away}: {summary:?}");
        assert_eq!(summary.matched, SESSIONS, "{away}: {summary:?}");
    }
}
