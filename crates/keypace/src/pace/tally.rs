//! What the pace did for one piece of work: sizes, waits of the canary, commands over the budget, pauses. Figures for
//! a Summary; decides nothing and reads no clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::budget::Budget;
use crate::limits;
use crate::report::{PaceSummary, PauseReason, PausedMs};

/// The figures of one piece of work.
#[derive(Debug)]
pub(crate) struct Tally {
    /// SCAN calls by COUNT. Bounded by `limits::COUNT_MAX` entries, but for a COUNT that the caller fixed above.
    counts: BTreeMap<u32, u64>,
    last_count: u32,
    canary: Option<Histogram<u64>>,
    /// The last `limits::CANARY_RECENT` of them, oldest first.
    recent_us: VecDeque<u64>,
    over_budget: u64,
    paused: BTreeMap<&'static str, Duration>,
    pauses_for: Option<PauseReason>,
}

impl Default for Tally {
    fn default() -> Self {
        let bounds = (1, limits::CANARY_MAX_WAIT_US, limits::CANARY_DIGITS);
        Self {
            counts: BTreeMap::new(),
            last_count: 0,
            // These bounds are good ones, which a test shows.
            canary: Histogram::new_with_bounds(bounds.0, bounds.1, bounds.2).ok(),
            recent_us: VecDeque::new(),
            over_budget: 0,
            paused: BTreeMap::new(),
            pauses_for: None,
        }
    }
}

impl Tally {
    /// A SCAN with this COUNT was sent.
    pub(crate) fn scan(&mut self, count: u32) {
        *self.counts.entry(count).or_default() += 1;
        self.last_count = count;
    }

    /// COUNT of the last SCAN; 0 before the first.
    pub(crate) fn last_count(&self) -> u32 {
        self.last_count
    }

    /// The canary has waited so long.
    pub(crate) fn canary(&mut self, wait_us: u64) {
        if self.recent_us.len() >= limits::CANARY_RECENT {
            self.recent_us.pop_front();
        }
        self.recent_us.push_back(wait_us);
        if let Some(canary) = &mut self.canary {
            canary.saturating_record(wait_us.max(1));
        }
    }

    /// What the canary waited last.
    pub(crate) fn last_canary_us(&self) -> Option<u64> {
        self.recent_us.back().copied()
    }

    /// A command took longer than the budget.
    pub(crate) fn over_budget(&mut self) {
        self.over_budget += 1;
    }

    /// The work waits, for this reason.
    pub(crate) fn pause(&mut self, reason: PauseReason) {
        self.pauses_for = Some(reason);
    }

    /// It goes on after so long.
    pub(crate) fn resume(&mut self, reason: PauseReason, waited: Duration) {
        self.pauses_for = None;
        *self.paused.entry(name(reason)).or_default() += waited;
    }

    /// Why the work waits at the moment, if it does.
    pub(crate) fn pauses_for(&self) -> Option<PauseReason> {
        self.pauses_for
    }

    /// Median and 99th percentile of what the canary waited; unknown before its first answer.
    pub(crate) fn canary_p50_p99_us(&self) -> Option<(u64, u64)> {
        Some((self.canary_at(0.5)?, self.canary_at(0.99)?))
    }

    /// The same of its last waits alone: what other clients feel now, however long the run.
    pub(crate) fn canary_recent_p50_p99_us(&self) -> Option<(u64, u64)> {
        let mut waits: Vec<u64> = self.recent_us.iter().copied().collect();
        waits.sort_unstable();
        // The smallest wait that so many of a hundred are not above.
        let at = |percent: usize| {
            let rank = (waits.len() * percent).div_ceil(100);
            waits.get(rank.saturating_sub(1)).copied()
        };
        Some((at(50)?, at(99)?))
    }

    /// Adds the figures of other work.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for (count, calls) in &other.counts {
            *self.counts.entry(*count).or_default() += calls;
        }
        if let (Some(canary), Some(others)) = (&mut self.canary, &other.canary) {
            // Both have the same bounds, so that nothing falls outside.
            let _ = canary.add(others);
        }
        self.over_budget += other.over_budget;
        for (reason, waited) in &other.paused {
            *self.paused.entry(reason).or_default() += *waited;
        }
    }

    /// All of it.
    pub(crate) fn summary(&self, budget: Budget) -> PaceSummary {
        let paused = |reason| {
            let waited = self.paused.get(name(reason)).copied().unwrap_or_default();
            u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)
        };
        PaceSummary {
            budget_us: budget.as_micros(),
            count_median: self.count_median(),
            count_max: self.counts.last_key_value().map_or(0, |(count, _)| *count),
            canary_p50_us: self.canary_at(0.5),
            canary_p99_us: self.canary_at(0.99),
            canary_max_us: self.canary_at(1.0),
            over_budget: self.over_budget,
            paused_ms: PausedMs {
                latency: paused(PauseReason::Latency),
                others: paused(PauseReason::Others),
                replica: paused(PauseReason::Replica),
                memory: paused(PauseReason::Memory),
                lazyfree: paused(PauseReason::Lazyfree),
                rate: paused(PauseReason::Rate),
                saving: paused(PauseReason::Saving),
                server: paused(PauseReason::Server),
            },
        }
    }

    fn count_median(&self) -> u32 {
        let calls: u64 = self.counts.values().sum();
        let mut before = 0;
        for (count, calls_of) in &self.counts {
            before += calls_of;
            if before * 2 >= calls {
                return *count;
            }
        }
        0
    }

    fn canary_at(&self, quantile: f64) -> Option<u64> {
        let canary = self.canary.as_ref().filter(|canary| !canary.is_empty())?;
        Some(canary.value_at_quantile(quantile))
    }
}

fn name(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Latency => "latency",
        PauseReason::Others => "others",
        PauseReason::Replica => "replica",
        PauseReason::Memory => "memory",
        PauseReason::Lazyfree => "lazyfree",
        PauseReason::Rate => "rate",
        PauseReason::Saving => "saving",
        PauseReason::Server => "server",
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Tally};
    use crate::limits;
    use crate::report::PauseReason;
    use std::time::Duration;

    #[test]
    fn nothing_measured_is_nothing_said() {
        let summary = Tally::default().summary(Budget::off());
        assert_eq!(
            (summary.budget_us, summary.count_median, summary.count_max),
            (None, 0, 0)
        );
        assert_eq!(
            (
                summary.canary_p50_us,
                summary.canary_max_us,
                summary.over_budget
            ),
            (None, None, 0)
        );
    }

    #[test]
    fn what_was_long_ago_is_in_the_whole_and_not_in_what_is_felt_now() {
        let mut tally = Tally::default();
        assert_eq!(tally.canary_recent_p50_p99_us(), None);
        for _ in 0..limits::CANARY_RECENT {
            tally.canary(90_000);
        }
        assert_eq!(tally.canary_recent_p50_p99_us(), Some((90_000, 90_000)));
        for wait in 1..=limits::CANARY_RECENT as u64 {
            tally.canary(wait);
        }
        assert_eq!(tally.canary_recent_p50_p99_us(), Some((256, 507)));
        let (_, whole) = tally.canary_p50_p99_us().expect("measured");
        assert!(whole > 80_000, "{whole}");
        assert_eq!(tally.last_canary_us(), Some(512));
    }

    #[test]
    fn figures_add_up() {
        let mut tally = Tally::default();
        for (count, wait) in [(10, 100), (500, 200), (500, 300), (1000, 90_000)] {
            tally.scan(count);
            tally.canary(wait);
        }
        tally.pause(PauseReason::Replica);
        assert_eq!(tally.pauses_for(), Some(PauseReason::Replica));
        tally.resume(PauseReason::Replica, Duration::from_millis(30));
        tally.resume(PauseReason::Replica, Duration::from_millis(12));
        tally.over_budget();
        let summary = tally.summary(Budget::default());
        assert_eq!((summary.count_median, summary.count_max), (500, 1000));
        assert_eq!((summary.canary_p50_us, summary.over_budget), (Some(200), 1));
        let max = summary.canary_max_us.expect("measured");
        assert!((89_000..=91_000).contains(&max), "{max}");
        assert_eq!(
            (summary.paused_ms.replica, summary.paused_ms.latency),
            (42, 0)
        );
        assert_eq!(tally.pauses_for(), None);
        assert_eq!(tally.last_count(), 1000);
    }
}
