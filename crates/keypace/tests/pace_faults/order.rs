//! How many commands of ours are out at once, and how large they are: under a budget, at full speed, with `--rate`, with a
//! COUNT of the caller's. Faults are others' business.

use keypace::{
    Budget, Count, CountChoice, DeleteOptions, Keyspace, Summary, Sweep, SweepOptions, limits,
};

use crate::common::{deleting, finish, left, list, scan, sweep};
use crate::{KEYS, MILLISECOND, budget, seeded, slow, watched};

const RATE: u64 = 1_000;

/// Each kind of work over the sessions, one after the other.
async fn all_kinds(keyspace: &Keyspace, budget: Budget) -> Vec<Summary> {
    let types = ["string", "hash"].map(str::to_owned).to_vec();
    let typed = SweepOptions::new(scan("session:*").with_types(types).expect("valid"));
    let plain = sweep("session:*").with_budget(budget);
    let typed = typed.with_budget(budget);
    let count = Sweep::count(keyspace, plain.clone())
        .await
        .expect("started");
    let by_type = Sweep::count(keyspace, typed).await.expect("started");
    let listing = Sweep::list(keyspace, plain.clone()).await.expect("started");
    let dry = Sweep::dry_run(keyspace, plain.clone(), DeleteOptions::default());
    let dry = dry.await.expect("started");
    vec![
        finish(count).await,
        finish(by_type).await,
        list(listing).await.1,
        finish(dry).await,
        finish(deleting(keyspace, &plain).await).await,
    ]
}

#[tokio::test(start_paused = true)]
async fn under_a_budget_one_command_is_out_at_a_time() {
    let sim = seeded();
    slow(&sim);
    let (wire, keyspace) = watched(&sim).await;
    for summary in all_kinds(&keyspace, budget(MILLISECOND)).await {
        assert!(summary.complete, "{summary:?}");
        assert_eq!(summary.pace.budget_us, Some(1000));
    }
    assert_eq!(wire.overlaps(), [""; 0]);
    assert!(wire.sent("TYPE") >= KEYS && wire.sent("UNLINK") > 1);
    assert_eq!((wire.sent("KEYS"), left(&sim, "session:")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn sweeps_beside_each_other_send_one_command_at_a_time_between_them() {
    // The smallest promise holds for all, also for work that made none: one that only waits for its caller holds.
    for own in [budget(MILLISECOND), Budget::off()] {
        let sim = seeded();
        slow(&sim);
        let (wire, keyspace) = watched(&sim).await;
        let promise = sweep("nothing:*").with_budget(budget(20 * MILLISECOND));
        let promise = Sweep::count(&keyspace, promise).await.expect("started");
        let delete = deleting(&keyspace, &sweep("session:*").with_budget(own)).await;
        let count = Sweep::count(&keyspace, sweep("other:*").with_budget(own));
        let listing = Sweep::list(&keyspace, sweep("other:*").with_budget(own));
        let (count, listing) = (count.await, listing.await);
        let (deleted, counted, listed) = tokio::join!(
            finish(delete),
            finish(count.expect("started")),
            list(listing.expect("started"))
        );
        assert_eq!(wire.overlaps(), [""; 0], "{own:?}");
        assert!(deleted.complete && counted.complete && listed.1.complete);
        assert_eq!((deleted.deleted, counted.matched), (KEYS, KEYS));
        assert_eq!(listed.0.len() as u64, KEYS);
        assert!(finish(promise).await.complete);
    }
}

#[tokio::test(start_paused = true)]
async fn at_full_speed_several_commands_are_out_at_once() {
    let sim = seeded();
    slow(&sim);
    let (wire, keyspace) = watched(&sim).await;
    let options = SweepOptions::new(scan("session:*")).with_budget(Budget::off());
    let small = DeleteOptions::default().with_batch(20).expect("valid");
    let summary = finish(crate::common::deleting_with(&keyspace, &options, small).await).await;
    assert!(summary.complete && summary.deleted == KEYS, "{summary:?}");
    assert_eq!(wire.most_out(), limits::MAX_BATCHES_IN_FLIGHT);
    let overlaps = wire.overlaps();
    let ahead = "SCAN while UNLINK was out".to_owned();
    assert!(overlaps.contains(&ahead), "{overlaps:?}");
    assert_eq!(summary.pace.budget_us, None);
    assert_eq!(summary.pace.over_budget, 0);
}

#[tokio::test(start_paused = true)]
async fn the_callers_count_is_kept_under_a_budget() {
    let sim = seeded();
    slow(&sim);
    let (wire, keyspace) = watched(&sim).await;
    let fixed = scan("session:*").with_count(CountChoice::Fixed(Count::new(37)));
    let options = SweepOptions::new(fixed).with_budget(budget(MILLISECOND));
    let summary = finish(deleting(&keyspace, &options).await).await;
    assert!(summary.complete && summary.deleted == KEYS, "{summary:?}");
    assert!(wire.counts().iter().all(|count| *count == 37));
    assert_eq!(
        (summary.pace.count_median, summary.pace.count_max),
        (37, 37)
    );
    assert_eq!(wire.overlaps(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_a_ceiling_below_the_budget() {
    let sim = seeded();
    slow(&sim);
    let (wire, keyspace) = watched(&sim).await;
    let options = sweep("session:*").with_rate(RATE);
    let summary = finish(deleting(&keyspace, &options).await).await;
    assert!(summary.complete && summary.deleted == KEYS, "{summary:?}");
    let most = u32::try_from(RATE / limits::RATE_BURSTS_PER_S).expect("small");
    let counts = wire.counts();
    assert!(counts.iter().all(|count| *count <= most), "{counts:?}");
    // The last burst need not be waited for, and one was free.
    let least_ms = (KEYS - 2 * u64::from(most)) * 1000 / RATE;
    assert!(summary.elapsed_ms >= least_ms, "{summary:?}");
    assert!(summary.pace.paused_ms.rate > 0, "{summary:?}");
    assert_eq!(wire.overlaps(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn count_grows_under_a_wide_budget_and_stays_within_its_bounds() {
    let sim = seeded();
    slow(&sim);
    let (wire, keyspace) = watched(&sim).await;
    let options = sweep("session:*").with_budget(budget(limits::MAX_BUDGET));
    let summary = finish(Sweep::count(&keyspace, options).await.expect("started")).await;
    assert!(summary.complete);
    let counts = wire.counts();
    assert_eq!(counts[0], limits::COUNT_FIRST, "{counts:?}");
    let doubled = |pair: &[u32]| pair[1] <= 2 * pair[0];
    assert!(counts.windows(2).all(doubled), "{counts:?}");
    let bounds = limits::COUNT_RATE_MIN..=limits::COUNT_MAX;
    assert!(counts.iter().all(|count| bounds.contains(count)));
    assert!(counts.last() > counts.first(), "{counts:?}");
}
