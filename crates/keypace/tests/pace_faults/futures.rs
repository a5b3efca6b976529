//! Futures of a sweep that are dropped at any await point, or left lying; sweeps that are dropped in mid-run. No key is
//! lost or counted twice, nobody waits for ever, and nothing stays open.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use keypace::{Budget, Count, CountChoice, Event, Key, Keyspace, Sweep, SweepOptions, limits};
use keypace_testkit::{Action, Rule, Sim};
use tokio::time::{Instant, sleep, timeout};

use crate::common::{SimDial, check, deleting_with, finish, left, on, scan};
use crate::wire::Wire;
use crate::{KEYS, MILLISECOND, budget, slow};

/// More polls than a small sweep has await points to stand at.
const MOST_POLLS: usize = 200;
/// The sweeps that are dropped again and again are small ones.
const FEW: u64 = 300;
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Delete,
    Count,
    CountTypes,
    List,
}

const KINDS: [Kind; 4] = [Kind::Delete, Kind::Count, Kind::CountTypes, Kind::List];

fn few() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..FEW);
    sim.insert_strings("other:", 0..FEW);
    slow(&sim);
    sim
}

async fn begin(keyspace: &Keyspace, kind: Kind, budget: Budget) -> Sweep {
    over("session:*", keyspace, kind, budget).await
}

async fn over(pattern: &str, keyspace: &Keyspace, kind: Kind, budget: Budget) -> Sweep {
    let pages = scan(pattern).with_count(CountChoice::Fixed(Count::new(40)));
    let types = ["string", "hash"].map(str::to_owned).to_vec();
    let options = SweepOptions::new(match kind {
        Kind::CountTypes => pages.with_types(types).expect("valid"),
        Kind::Delete | Kind::Count | Kind::List => pages,
    })
    .with_budget(budget);
    match kind {
        Kind::Delete => {
            let small = keypace::DeleteOptions::default().with_batch(16);
            deleting_with(keyspace, &options, small.expect("valid")).await
        }
        Kind::Count | Kind::CountTypes => Sweep::count(keyspace, options).await.expect("started"),
        Kind::List => Sweep::list(keyspace, options).await.expect("started"),
    }
}

/// Polls `future` until it is done, or has been left waiting so many times.
async fn polled<F: Future>(mut future: Pin<&mut F>, waits: &mut usize) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if *waits == 0 => Poll::Ready(None),
        Poll::Pending => {
            *waits -= 1;
            Poll::Pending
        }
    })
    .await
}

/// What a sweep handed out, and whether it has ended.
#[derive(Default)]
struct Seen {
    keys: Vec<Key>,
    is_over: bool,
}

impl Seen {
    fn take(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Page(page)) => self.keys.extend(page.into_keys()),
            Some(_) => {}
            None => self.is_over = true,
        }
    }

    /// Goes on until the future has waited so often, and drops it there. False where the sweep ended before.
    async fn drop_after(&mut self, sweep: &mut Sweep, mut waits: usize) -> bool {
        while !self.is_over {
            let next = pin!(sweep.next());
            match polled(next, &mut waits).await {
                Some(event) => self.take(event),
                None => return true,
            }
        }
        false
    }

    fn check(&self, sweep: &Sweep, sim: &Sim, kind: Kind, label: &str) {
        let summary = sweep.summary();
        check(&summary);
        assert!(summary.complete, "{label}: {summary:?}");
        assert_eq!(summary.matched, FEW, "{label}: {summary:?}");
        let there = if matches!(kind, Kind::Delete) { 0 } else { FEW };
        assert_eq!(left(sim, "session:") as u64, there, "{label}");
        assert_eq!(left(sim, "other:") as u64, FEW, "{label}");
        if matches!(kind, Kind::List) {
            let distinct: BTreeSet<_> = self.keys.iter().collect();
            assert_eq!(
                (distinct.len() as u64, self.keys.len() as u64),
                (FEW, FEW),
                "{label}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_at_any_await_point_loses_nothing() {
    for kind in KINDS {
        for budget in [Budget::off(), budget(MILLISECOND), budget(20 * MILLISECOND)] {
            let mut reached = 0;
            for waits in 0..MOST_POLLS {
                let label = format!("{kind:?} {budget:?} dropped after {waits} polls");
                let sim = few();
                let mut sweep = begin(&on(&sim).await, kind, budget).await;
                let mut seen = Seen::default();
                let goes_on = async {
                    if seen.drop_after(&mut sweep, waits).await {
                        reached = waits;
                        seen.drop_after(&mut sweep, usize::MAX).await;
                    }
                };
                timeout(HOUR, goes_on).await.expect(&label);
                seen.check(&sweep, &sim, kind, &label);
                if reached < waits {
                    break;
                }
            }
            assert!(reached > 10, "{kind:?} {budget:?}: {reached} polls in all");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn futures_dropped_again_and_again_lose_nothing() {
    const MOST_DROPS: u32 = 20_000;
    for kind in KINDS {
        for budget in [Budget::off(), budget(MILLISECOND)] {
            for waits in 0..12 {
                let label = format!("{kind:?} {budget:?} dropped after every {waits} polls");
                let sim = few();
                let mut sweep = begin(&on(&sim).await, kind, budget).await;
                let mut seen = Seen::default();
                let mut drops = 0;
                // A connection is opened in one go or begun anew, so those of the work are open before.
                while matches!(kind, Kind::Delete) && sim.count_of("UNLINK") == 0 {
                    seen.take(sweep.next().await);
                }
                while seen.drop_after(&mut sweep, waits).await {
                    drops += 1;
                    assert!(drops < MOST_DROPS, "{label}: it does not go on");
                    // Time is paused: it passes only while everybody waits.
                    sleep(MILLISECOND).await;
                }
                seen.check(&sweep, &sim, kind, &label);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_left_lying_holds_another_up_for_a_moment_only() {
    for kind in KINDS {
        let alone = {
            let sim = few();
            let begun = Instant::now();
            finish(begin(&on(&sim).await, Kind::Count, budget(MILLISECOND)).await).await;
            begun.elapsed()
        };
        for waits in 0..60 {
            let sim = few();
            let keyspace = on(&sim).await;
            let mut kept = begin(&keyspace, kind, budget(MILLISECOND)).await;
            let mut next = Box::pin(async move {
                let mut seen = Seen::default();
                seen.drop_after(&mut kept, usize::MAX).await;
            });
            let mut left_over = waits;
            let _ended = polled(next.as_mut(), &mut left_over).await;
            // Its future is still there, and nobody asks it any more.
            let begun = Instant::now();
            let other = over("other:*", &keyspace, Kind::Count, budget(MILLISECOND)).await;
            let label = format!("{kind:?} left lying after {waits} polls");
            let summary = timeout(HOUR, finish(other)).await.expect(&label);
            assert!(summary.complete && summary.matched == FEW, "{label}");
            let took = begun.elapsed();
            let most = alone + limits::TURN_PATIENCE + alone;
            assert!(took <= most, "{label}: {took:?}, alone {alone:?}");
            drop(next);
        }
    }
}

/// Lets the tasks of the simulator see what has happened.
async fn let_others_run() {
    sleep(10 * MILLISECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_sweep_dropped_in_mid_run_sends_nothing_and_leaves_nothing_open() {
    for kind in KINDS {
        for budget in [Budget::off(), budget(MILLISECOND)] {
            for waits in 0..MOST_POLLS / 2 {
                let label = format!("{kind:?} {budget:?} dropped after {waits} polls");
                let sim = few();
                let wire = Wire::new(SimDial(sim.clone()));
                let keyspace = wire.keyspace().await;
                let mut sweep = begin(&keyspace, kind, budget).await;
                let mut seen = Seen::default();
                seen.drop_after(&mut sweep, waits).await;
                drop(sweep);
                let_others_run().await;
                let before = sim.commands().len();
                // The canary's is closed; the work's are for the next one, as far as nothing is owed on them.
                let kept = 1 + usize::from(matches!(kind, Kind::Delete));
                assert!(sim.connections() <= kept, "{label}");
                sleep(5 * limits::CANARY_REOPEN_PAUSE).await;
                assert_eq!(sim.commands().len(), before, "{label}: it sends nothing");
                // What is kept for the next piece of work serves it, and goes with the keyspace.
                let next = begin(&keyspace, Kind::Count, budget).await;
                assert!(finish(next).await.complete, "{label}");
                drop(keyspace);
                let_others_run().await;
                assert_eq!(sim.connections(), 0, "{label}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_being_opened_goes_with_its_sweep() {
    let sim = few();
    sim.insert_strings("session:", FEW..KEYS);
    let keyspace = on(&sim).await;
    // The next connection's greeting is answered long after the sweep has gone.
    let mut sweep = begin(&keyspace, Kind::Count, budget(MILLISECOND)).await;
    sweep.next().await.expect("it goes on");
    sim.clear_rules();
    let greetings = ["HELLO", "AUTH", "SELECT", "CLIENT", "INFO"];
    for name in greetings {
        let late = Action::Delay(Duration::from_secs(4));
        sim.script(Rule::on(name).always().then(late));
    }
    slow(&sim);
    let before = sim.connections();
    while sim.connections() == before {
        sweep.next().await.expect("it outlasts the first look");
    }
    drop(sweep);
    drop(keyspace);
    sleep(HOUR).await;
    assert_eq!(sim.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_left_lying_while_it_waits_for_its_turn_holds_nobody_up() {
    for first_waits in 0..12 {
        for waits in 0..12 {
            let sim = few();
            let keyspace = on(&sim).await;
            let mut first = begin(&keyspace, Kind::Count, budget(MILLISECOND)).await;
            let mut kept = begin(&keyspace, Kind::Count, budget(MILLISECOND)).await;
            let mut seen = Seen::default();
            let mut first = Box::pin(async move {
                seen.drop_after(&mut first, usize::MAX).await;
                first.summary()
            });
            let mut kept = Box::pin(async move { kept.next().await.is_some() });
            let (mut before, mut after) = (first_waits, waits);
            let ended = polled(first.as_mut(), &mut before).await;
            assert!(ended.is_none(), "it takes more polls than {first_waits}");
            let _ended = polled(kept.as_mut(), &mut after).await;
            let label = format!("after {first_waits} and {waits} polls");
            let summary = timeout(HOUR, first).await.expect(&label);
            assert!(summary.complete && summary.matched == FEW, "{label}");
            drop(kept);
        }
    }
}
