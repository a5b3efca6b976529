//! The probe: it counts, begins anew, sees a stall, and says when it lost the server.

use crate::with_each;
use keypace_lab::LabErrorKind;
use keypace_lab::Probe;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Waits;
use std::time::{Duration, Instant};

/// Far more than a probe at 1 ms needs for what is awaited here, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until `enough` holds.
fn await_waits(probe: &Probe, enough: impl Fn(Waits) -> bool) -> Waits {
    let begun = Instant::now();
    loop {
        let waits = probe.snapshot();
        if enough(waits) {
            return waits;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "after {PATIENCE:?} there is {waits:?}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn it_counts_and_begins_anew() {
    with_each(&ServerOptions::default(), |server| {
        let probe = Probe::start(server.endpoint(), Duration::from_millis(1)).expect("a probe");
        await_waits(&probe, |waits| waits.count >= 20);
        let before = probe.reset();
        assert!(before.count >= 20 && before.p50_us >= 1, "{before:?}");
        assert!(
            before.p50_us <= before.p99_us
                && before.p99_us <= before.p999_us
                && before.p999_us <= before.max_us,
            "{before:?}"
        );
        await_waits(&probe, |waits| waits.count >= 5);
        assert!(probe.stop().expect("it lived").count >= 5);
    });
}

#[test]
fn a_stalled_server_shows_in_the_waits() {
    with_each(&ServerOptions::default(), |server| {
        let interval = Duration::from_millis(1);
        let probe = Probe::start(server.endpoint(), interval).expect("a probe");
        await_waits(&probe, |waits| waits.count >= 5);
        probe.reset();
        // No other client is served while a script runs.
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let begun = Instant::now();
        raw.command(&[b"EVAL", BUSY, b"0"])
            .expect("a reply")
            .checked()
            .expect("a run");
        let stall_us = u64::try_from(begun.elapsed().as_micros()).expect("a short stall");
        let waits = await_waits(&probe, |waits| waits.max_us >= stall_us / 2);
        // An uncorrected probe would have counted one wait where a regular client had one for each millisecond.
        assert!(
            waits.count >= stall_us / 2000,
            "{waits:?} over a stall of {stall_us} us"
        );
        assert!(
            waits.p50_us >= stall_us / 10,
            "{waits:?} over a stall of {stall_us} us"
        );
        probe.stop().expect("it lived");
    });
}

/// Keeps a server busy for some 100 ms. It does not ask for the time, which stands still within a script from 7.0 on.
const BUSY: &[u8] = b"for turn = 1, 2e7 do end return 1";

#[test]
fn a_lost_server_is_an_error_and_not_a_good_figure() {
    with_each(&ServerOptions::default(), |server| {
        let probe = Probe::start(server.endpoint(), Duration::from_millis(1)).expect("a probe");
        await_waits(&probe, |waits| waits.count >= 5);
        server.restart().expect("a restart");
        // Its connection is cut, so its next turn fails; the error is kept until it is asked for.
        let begun = Instant::now();
        while probe.is_alive() {
            assert!(begun.elapsed() < PATIENCE, "the probe still runs");
            std::thread::yield_now();
        }
        let error = probe.stop().expect_err("its connection was cut");
        assert_eq!(error.kind(), LabErrorKind::Connection);
    });
}
