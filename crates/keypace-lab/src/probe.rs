//! A client that does nothing but ask for one key again and again, and keeps how long it waited.
//! Must not share a connection or a lock with the work whose effect it measures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::Raw;
use crate::timeline::Timeline;
use crate::traffic::Traffic;
use crate::visit::Visit;

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

/// All that a probe has to tell at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probed {
    /// What it has waited since the start or the last beginning anew.
    pub waits: Waits,
    /// When it waited how long, counted from there too.
    pub timeline: Timeline,
    /// All that it has sent and received in its life: what it adds to a server's own counters.
    pub traffic: Traffic,
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
    thread: Option<JoinHandle<Result<Traffic, LabError>>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    seen: Mutex<Seen>,
    answered: Condvar,
}

/// What the probe has seen since `begun`.
#[derive(Debug)]
struct Seen {
    begun: Instant,
    asks: u64,
    waits: Histogram<u64>,
    timeline: Timeline,
}

impl Seen {
    fn begin_anew(&mut self) {
        self.begun = Instant::now();
        self.asks = 0;
        self.waits.reset();
        self.timeline = Timeline::default();
    }

    fn record(&mut self, sent: Instant, wait_us: u64, interval_us: u64) -> Result<(), LabError> {
        self.asks += 1;
        // Of what was asked before the beginning, the rest is what lies in the picture.
        let early_us = micros(self.begun.saturating_duration_since(sent));
        let sent_us = micros(sent.saturating_duration_since(self.begun));
        self.timeline
            .record(sent_us, wait_us.saturating_sub(early_us));
        self.waits
            .record_correct(wait_us, interval_us)
            .map_err(|error| {
                LabError::new(LabErrorKind::System, "record a wait").because(error.to_string())
            })
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What each holder changes is whole again after any one call, also where another one panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe {
    /// Connects and begins to ask every `interval`, which is held within 20 us and 1 s.
    ///
    /// # Errors
    /// `Connection` where nobody listens there, `System` where no thread can be had.
    pub fn start(endpoint: &Endpoint, interval: Duration) -> Result<Self, LabError> {
        Self::start_visiting(&Visit::from(endpoint), interval)
    }

    /// The same on a server that wants to know who comes.
    ///
    /// # Errors
    /// As `start`, and `Refused` where the server doesn't let us in.
    pub fn start_visiting(visit: &Visit, interval: Duration) -> Result<Self, LabError> {
        let interval = interval.clamp(limits::MIN_PROBE_INTERVAL, limits::MAX_PROBE_INTERVAL);
        let system = |source: Box<dyn std::error::Error + Send + Sync>| {
            LabError::new(LabErrorKind::System, "start a probe").because(source)
        };
        let waits = Histogram::new_with_bounds(1, limits::MAX_WAIT_US, limits::WAIT_DIGITS)
            .map_err(|error| system(error.into()))?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            seen: Mutex::new(Seen {
                begun: Instant::now(),
                asks: 0,
                waits,
                timeline: Timeline::default(),
            }),
            answered: Condvar::new(),
        });
        let raw = Raw::visit(visit)?;
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
        summary(&self.shared.seen().waits)
    }

    /// What it has waited, and begins anew.
    pub fn reset(&self) -> Waits {
        let mut seen = self.shared.seen();
        let before = summary(&seen.waits);
        seen.begin_anew();
        before
    }

    /// Waits until it has asked often enough to be warm, and begins anew. A probe that has lost its server is not
    /// waited for: `stop` and `finish` say why.
    pub fn warm_up(&self) {
        let mut seen = self.shared.seen();
        while seen.asks < limits::PROBE_WARM_ASKS && self.is_alive() {
            // The time only serves to look again whether it is alive.
            (seen, _) = self
                .shared
                .answered
                .wait_timeout(seen, limits::MAX_PROBE_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner);
        }
        seen.begin_anew();
    }

    /// Ends it and returns what it has waited since the start or the last `reset`.
    ///
    /// # Errors
    /// What ended the probe early, if something did: its figures stop there, and would flatter the server.
    pub fn stop(self) -> Result<Waits, LabError> {
        self.finish().map(|probed| probed.waits)
    }

    /// Ends it after the reply that is out, and returns all that it has to tell.
    ///
    /// # Errors
    /// As `stop`.
    pub fn finish(mut self) -> Result<Probed, LabError> {
        self.signal();
        let traffic = match self.thread.take() {
            None => Traffic::default(),
            Some(thread) => thread.join().unwrap_or_else(|_| {
                Err(LabError::new(LabErrorKind::System, "run a probe")
                    .because("its thread panicked"))
            })?,
        };
        let seen = self.shared.seen();
        Ok(Probed {
            waits: summary(&seen.waits),
            timeline: seen.timeline.clone(),
            traffic,
        })
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

/// Returns what passed on its connection.
fn ask_until_stopped(
    mut raw: Raw,
    shared: &Shared,
    interval: Duration,
) -> Result<Traffic, LabError> {
    let interval_us = micros(interval);
    let mut due = Instant::now();
    while wait_until(due, &shared.stop) {
        let sent = Instant::now();
        raw.command(&[b"GET", PROBE_KEY])?;
        let wait = micros(sent.elapsed()).clamp(1, limits::MAX_WAIT_US);
        shared.seen().record(sent, wait, interval_us)?;
        shared.answered.notify_all();
        // Missed turns are in the corrected figures; asking for them as well would be a burst of our own.
        due = (due + interval).max(Instant::now());
    }
    Ok(raw.traffic())
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
