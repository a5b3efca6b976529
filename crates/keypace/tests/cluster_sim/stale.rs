//! Keys that a node still holds of slots that are another's by now (valkey #3456): never listed twice, never counted,
//! never deleted, even where the server would let it happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keypace_testkit::{Action, Rule, SimCluster};

use crate::harness::{ALL_WORK, LAYOUTS, Work, run, seeded};

/// Keys that commands of deletion named at a node.
fn named(cluster: &SimCluster, node: usize) -> BTreeSet<Vec<u8>> {
    let commands = cluster.node(node).commands().into_iter();
    let removals = commands.filter(|command| command.name == "UNLINK" || command.name == "DEL");
    removals
        .flat_map(|command| command.args.into_iter().skip(1))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn p19_copies_left_behind_are_nobodys_business() {
    for layout in LAYOUTS {
        for work in ALL_WORK {
            let cluster = seeded(layout, 7);
            cluster.with(|cluster| {
                cluster.move_slots_leaving_copies(0..=2_000, 1);
                cluster.serve_any_slot(0);
            });
            let stale: BTreeSet<Vec<u8>> = cluster
                .with(|cluster| cluster.stale_keys(0))
                .into_iter()
                .collect();
            assert!(stale.len() > 100, "{} copies", stale.len());
            let outcome = run(&cluster, work).await;
            outcome.expect_exact(&format!("{layout:?}"));
            assert_eq!(
                outcome.summary.matched,
                crate::harness::SESSIONS,
                "{work:?}: none twice"
            );
            let left: BTreeSet<Vec<u8>> = cluster
                .with(|cluster| cluster.stale_keys(0))
                .into_iter()
                .collect();
            assert_eq!(left, stale, "{work:?}: no copy was touched");
            assert_eq!(
                named(&cluster, 0).intersection(&stale).count(),
                0,
                "{work:?}"
            );
        }
    }
}

/// The slots go while the node is walked: from then on nothing of theirs is removed there.
#[tokio::test(start_paused = true)]
async fn p19_copies_that_are_left_in_mid_walk_are_not_deleted() {
    for layout in LAYOUTS {
        for moment in 1..=10 {
            let cluster = seeded(layout, moment);
            let copies = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&copies);
            let action = Action::cluster(move |cluster| {
                cluster.move_slots_leaving_copies(0..=3_000, 1);
                counter.store(cluster.stale_keys(0).len(), Ordering::Relaxed);
            });
            cluster
                .node(0)
                .script(Rule::on("SCAN").nth(moment).then(action));
            let outcome = run(&cluster, Work::Delete).await;
            outcome.expect_exact(&format!("{layout:?}, SCAN {moment}"));
            let left = cluster.with(|cluster| cluster.stale_keys(0)).len();
            assert_eq!(
                left,
                copies.load(Ordering::Relaxed),
                "{layout:?}, SCAN {moment}"
            );
        }
    }
}
