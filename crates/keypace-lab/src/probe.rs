//! A client that does nothing but ask for one key again and again, and keeps how long it waited.
//! Must not share a connection or a lock with the work whose effect it measures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::Raw;

/// The key that the probe asks for. It need not be there.
const PROBE_KEY: &[u8] = b"keypace:probe";

/// What a probe has waited, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// How many waits, with those that a regular client would have had while one reply was out.
    pub count: u64,
    /// Half of the waits were at most this long.
    pub p50_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// 999 of 1,000.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// A thread with a connection of its own that GETs a key at a steady interval.
///
/// Waits are corrected for coordinated omission: while one reply is out the probe can't ask again, so the waits that
/// a client with a steady rhythm would have had are added. What counts is the time from sending to the reply; when
/// the probe itself woke late, that is not the server's doing.
///
/// Dropped, it ends by itself after the reply that is out; `stop` waits for that and says whether it lived until then.
#[derive(Debug)]
pub struct Probe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), LabError>>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    waits: Mutex<Histogram<u64>>,
}

impl Shared {
    fn waits(&self) -> MutexGuard<'_, Histogram<u64>> {
        // Each update is one call, so the histogram is whole even if another holder panicked.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe {
    /// Connects and begins to ask every `interval`, which is held within 20 us and 1 s.
    ///
    /// # Errors
    /// `Connection` where nobody listens there, `System` where no thread can be had.
    pub fn start(endpoint: &Endpoint, interval: Duration) -> Result<Self, LabError> {
        let interval = interval.clamp(limits::MIN_PROBE_INTERVAL, limits::MAX_PROBE_INTERVAL);
        let system = |source: Box<dyn std::error::Error + Send + Sync>| {
            LabError::new(LabErrorKind::System, "start a probe").because(source)
        };
        let waits = Histogram::new_with_bounds(1, limits::MAX_WAIT_US, limits::WAIT_DIGITS)
            .map_err(|error| system(error.into()))?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            waits: Mutex::new(waits),
        });
        let raw = Raw::connect(endpoint)?;
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("keypace-probe".to_owned())
            .spawn(move || ask_until_stopped(raw, &theirs, interval))
            .map_err(|error| system(error.into()))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Whether it still asks. Once the server is lost it doesn't, and its figures stand still; `stop` says why.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// What it has waited since the start or the last `reset`.
    #[must_use]
    pub fn snapshot(&self) -> Waits {
        summary(&self.shared.waits())
    }

    /// What it has waited, and begins anew.
    pub fn reset(&self) -> Waits {
        let mut waits = self.shared.waits();
        let before = summary(&waits);
        waits.reset();
        before
    }

    /// Ends it and returns what it has waited since the start or the last `reset`.
    ///
    /// # Errors
    /// What ended the probe early, if something did: its figures stop there, and would flatter the server.
    pub fn stop(mut self) -> Result<Waits, LabError> {
        self.signal();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_else(|_| {
                Err(LabError::new(LabErrorKind::System, "run a probe")
                    .because("its thread panicked"))
            })?;
        }
        Ok(self.snapshot())
    }

    fn signal(&self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.signal();
    }
}

fn ask_until_stopped(mut raw: Raw, shared: &Shared, interval: Duration) -> Result<(), LabError> {
    let interval_us = micros(interval);
    let mut due = Instant::now();
    while wait_until(due, &shared.stop) {
        let sent = Instant::now();
        raw.command(&[b"GET", PROBE_KEY])?;
        let wait = micros(sent.elapsed()).clamp(1, limits::MAX_WAIT_US);
        shared
            .waits()
            .record_correct(wait, interval_us)
            .map_err(|error| {
                LabError::new(LabErrorKind::System, "record a wait").because(error.to_string())
            })?;
        // Missed turns are in the corrected figures; asking for them as well would be a burst of our own.
        due = (due + interval).max(Instant::now());
    }
    Ok(())
}

/// Parks for the most of it and spins for the rest. False where the probe is to stop.
fn wait_until(due: Instant, stop: &AtomicBool) -> bool {
    loop {
        if stop.load(Ordering::Acquire) {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        match left.checked_sub(limits::PROBE_SPIN) {
            Some(parked) if !parked.is_zero() => thread::park_timeout(parked),
            Some(_) | None => thread::yield_now(),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn summary(waits: &Histogram<u64>) -> Waits {
    // A bucket's upper end may lie above the longest wait that fell into it.
    let at = |quantile| waits.value_at_quantile(quantile).min(waits.max());
    Waits {
        count: waits.len(),
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: waits.max(),
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;
    use super::summary;
    use super::wait_until;
    use hdrhistogram::Histogram;
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    #[test]
    fn a_stall_counts_for_every_turn_that_it_covered() {
        let mut waits = Histogram::<u64>::new_with_bounds(1, 1_000_000, 3).expect("a histogram");
        for _ in 0..99 {
            waits.record_correct(30, 1000).expect("in bounds");
        }
        waits.record_correct(100_000, 1000).expect("in bounds");
        let seen = summary(&waits);
        assert_eq!(seen.count, 199);
        assert!(seen.p50_us >= 1000, "{seen:?}");
        assert!((100_000..=100_100).contains(&seen.max_us), "{seen:?}");
    }

    #[test]
    fn no_waits_are_all_zero() {
        let waits = Histogram::<u64>::new_with_bounds(1, 1_000_000, 3).expect("a histogram");
        assert_eq!(summary(&waits), Waits::default());
    }

    #[test]
    fn a_stopped_probe_does_not_wait() {
        let begun = Instant::now();
        assert!(!wait_until(
            begun + Duration::from_secs(3600),
            &AtomicBool::new(true)
        ));
        assert!(wait_until(begun, &AtomicBool::new(false)));
    }
}
