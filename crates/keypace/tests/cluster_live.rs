//! The promise of a cluster's sweep, on real processes: nothing is missed, nothing is counted twice, and a part is never
//! called the whole, whatever befalls the nodes meanwhile. Each test founds its own clusters; what needs an order that
//! real servers can't be held to is in `cluster_sim`.

#[path = "cluster_live/churn.rs"]
mod churn;
mod common;
#[path = "cluster_live/failovers.rs"]
mod failovers;
#[path = "cluster_live/moves.rs"]
mod moves;
#[path = "cluster_live/outages.rs"]
mod outages;
#[path = "cluster_live/refusals.rs"]
mod refusals;
#[path = "cluster_live/stage.rs"]
mod stage;

use keypace::{ConnectOptions, DeleteOptions, Order, Sweep, plan_delete};
use keypace_lab::{ClusterOptions, slot_of};

use common::{deleting, pattern, scan};
use stage::{Stage, each_program, expect_keys, expect_whole, names, quick, repeated};

const SESSIONS: u64 = 60_000;
const OTHERS: u64 = 40_000;

fn three() -> ClusterOptions {
    ClusterOptions::default().with_replicas(0)
}

#[tokio::test]
async fn nothing_happens_and_every_key_is_found_once() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", SESSIONS);
        stage.seed("other:", OTHERS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        assert_eq!(
            (
                keyspace.server().role.as_str(),
                keyspace.server().nodes,
                keyspace.dbsize().await.expect("asked")
            ),
            ("cluster", 3, SESSIONS + OTHERS)
        );

        let exact = quick(scan("session:*").with_order(Order::Exact), 1000);
        let sweep = Sweep::list(&keyspace, exact).await.expect("started");
        let (keys, summary) = stage::drive(sweep, |_| {}).await;
        expect_whole(&summary);
        assert_eq!(keys.len() as u64, SESSIONS, "each key once");
        expect_keys(keys, &names("session:", SESSIONS), &summary);

        let both = keypace::ScanOptions::new(vec![pattern("session:*"), pattern("*")]);
        let both = quick(both.expect("valid"), 1000).with_max_nodes(1);
        let sweep = Sweep::count(&keyspace, both).await.expect("started");
        let (_, summary) = stage::drive(sweep, |_| {}).await;
        expect_whole(&summary);
        let found: Vec<u64> = summary.by_pattern.iter().map(|one| one.matched).collect();
        assert_eq!(
            found,
            [SESSIONS, OTHERS],
            "a key counts for its first pattern"
        );

        let sessions = quick(scan("session:*"), 1000);
        let dry = Sweep::dry_run(&keyspace, sessions.clone(), DeleteOptions::default()).await;
        let (_, summary) = stage::drive(dry.expect("started"), |_| {}).await;
        expect_whole(&summary);
        assert_eq!((summary.would_delete, summary.deleted), (SESSIONS, 0));

        let (_, summary) = stage::drive(deleting(&keyspace, &sessions).await, |_| {}).await;
        expect_whole(&summary);
        assert_eq!(
            (summary.deleted, summary.already_gone),
            (SESSIONS, 0),
            "{summary:?}"
        );
        assert_eq!(
            (summary.shards.len(), repeated(&summary)),
            (3, 0),
            "{summary:?}"
        );
        assert_eq!(stage.keys_left(), OTHERS);
    })
    .await;
}

#[tokio::test]
async fn p13_a_fixed_hash_tag_is_one_owners_business() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("{user7}:", 500);
        stage.seed("{user8}:", 500);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let options = quick(scan("{user7}:*"), 100);
        let sweep = Sweep::list(&keyspace, options.clone())
            .await
            .expect("started");
        let (keys, summary) = stage::drive(sweep, |_| {}).await;
        expect_whole(&summary);
        assert_eq!(summary.shards.len(), 1, "{summary:?}");
        expect_keys(keys, &names("{user7}:", 500), &summary);
        let (_, summary) = stage::drive(deleting(&keyspace, &options).await, |_| {}).await;
        expect_whole(&summary);
        assert_eq!((summary.deleted, stage.keys_left()), (500, 500));
    })
    .await;
}

/// Where the server tells how many keys a slot has, plan and progress are about these and not about the whole node's.
#[tokio::test]
async fn p13_one_slots_total_is_that_of_the_slot_where_the_server_tells() {
    const TAGGED: u64 = 2_000;
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("{user7}:", TAGGED);
        stage.seed("other:", OTHERS);
        let asked = stage.0.raw(0).expect("connected").command(&[
            b"CLUSTER",
            b"SLOT-STATS",
            b"SLOTSRANGE",
            b"0",
            b"0",
        ]);
        let tells = asked.expect("asked").checked().is_ok();
        println!("the server tells: {tells}");
        let mut others = names("other:", OTHERS);
        others.retain(|key| slot_of(key) == slot_of(b"{user7}"));
        let there = TAGGED + others.len() as u64;
        let keyspace = stage.connect(ConnectOptions::default()).await;

        // So small that the plan doesn't come to the end of the slot.
        let plan = plan_delete(&keyspace, &quick(scan("{user7}:*"), 1)).await;
        let plan = plan.expect("planned");
        assert_eq!(plan.total_keys(), TAGGED + OTHERS);
        assert_eq!(plan.slot_keys(), tells.then_some(there));
        assert!(plan.estimate().is_some(), "{plan:?}");
        if tells {
            let estimate = plan.estimate().expect("known");
            assert!((TAGGED / 2..=there).contains(&estimate), "{plan:?}");
        }

        let sweep = Sweep::count(&keyspace, quick(scan("{user7}:*"), 100)).await;
        let sweep = sweep.expect("started");
        let progress = sweep.progress_handle();
        let (_, summary) = stage::drive(sweep, |_| {}).await;
        expect_whole(&summary);
        assert_eq!(summary.matched, TAGGED);
        let scanned = progress.get().scanned;
        if tells {
            assert_eq!(scanned, there, "{summary:?}");
        } else {
            assert!(scanned > there, "the whole node was walked: {summary:?}");
        }
    })
    .await;
}
