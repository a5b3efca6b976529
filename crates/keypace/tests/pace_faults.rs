//! The pace, attacked from outside on the simulator: what is out at once, a canary that fails, reasons to pause, futures
//! dropped or left lying at any moment. Counts and orders; time is paused, so none of it is measured.

#[path = "pace_faults/canary.rs"]
mod canary;
mod common;
#[path = "pace_faults/futures.rs"]
mod futures;
#[path = "pace_faults/order.rs"]
mod order;
#[path = "pace_faults/pressure.rs"]
mod pressure;
#[path = "pace_faults/wire.rs"]
mod wire;

use std::time::Duration;

use common::SimDial;
use keypace::{Budget, Count, CountChoice, DeleteOptions, Keyspace, ScanOptions, SweepOptions};
use keypace_testkit::{Action, Rule, Sim};
use wire::Wire;

pub(crate) const KEYS: u64 = 6_000;
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
/// What a command takes where nothing else is said: with small pages a walk lasts longer than two seconds.
const LATE: Duration = Duration::from_millis(2);

/// Keys to work on, and others with which the table stays as large as it is: one that shrinks in mid-walk may return a
/// key twice (P3), and no count would be exact.
pub(crate) fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..KEYS);
    sim.insert_strings("other:", 0..KEYS);
    sim
}

/// Every command takes as long, so that what is sent too early is sent before an answer. What was scripted before
/// comes first.
pub(crate) fn slow(sim: &Sim) {
    let late = Action::Delay(LATE);
    sim.script(Rule::on_any().always().then(late));
}

/// A simulator, and what passes on the way to it.
pub(crate) async fn watched(sim: &Sim) -> (Wire, Keyspace) {
    let wire = Wire::new(SimDial(sim.clone()));
    let keyspace = wire.keyspace().await;
    (wire, keyspace)
}

pub(crate) fn budget(wait: Duration) -> Budget {
    Budget::of(wait).expect("an allowed budget")
}

/// Small steps: some hundred commands, and with `slow` as many milliseconds.
pub(crate) fn small_pages(scan: ScanOptions) -> SweepOptions {
    SweepOptions::new(scan.with_count(CountChoice::Fixed(Count::new(10))))
}

pub(crate) fn small_batches() -> DeleteOptions {
    DeleteOptions::default().with_batch(10).expect("valid")
}
