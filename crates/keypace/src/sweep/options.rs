//! What a sweep is to do beyond its scan: budget, rate, prefixes, checkpoint, resume. Checked values.

use std::path::PathBuf;
use std::time::Duration;

use super::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;
use crate::scan::{Count, CountChoice, ScanOptions};

/// The extra wait that this work may cause any other client. In this version the promise is recorded and reported,
/// and COUNT is chosen carefully by a constant; nothing is measured and adapted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(Option<Duration>);

impl Default for Budget {
    fn default() -> Self {
        Self(Some(limits::DEFAULT_BUDGET))
    }
}

impl Budget {
    /// So much extra wait.
    ///
    /// # Errors
    /// `InvalidOption` outside `limits::MIN_BUDGET` to `limits::MAX_BUDGET`.
    pub fn of(wait: Duration) -> Result<Self> {
        if wait < limits::MIN_BUDGET || wait > limits::MAX_BUDGET {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                "set the budget",
                format!(
                    "{wait:?} is outside {:?} to {:?}",
                    limits::MIN_BUDGET,
                    limits::MAX_BUDGET
                ),
            )
            .with_hint("1ms is a good budget; off is full speed"));
        }
        Ok(Self(Some(wait)))
    }

    /// Full speed.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// The wait, or `None` for full speed.
    #[must_use]
    pub fn as_duration(self) -> Option<Duration> {
        self.0
    }
}

/// What a sweep is to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SweepOptions {
    pub(super) scan: ScanOptions,
    pub(super) budget: Budget,
    pub(super) rate: Option<u64>,
    pub(super) prefix_depth: Option<usize>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: Option<Checkpoint>,
}

impl SweepOptions {
    /// A sweep over what this scan finds.
    #[must_use]
    pub fn new(scan: ScanOptions) -> Self {
        Self {
            scan,
            budget: Budget::default(),
            rate: None,
            prefix_depth: None,
            checkpoint: None,
            resume: None,
        }
    }

    /// The extra wait that the work may cause.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// At most so many matched keys a second, and at least one.
    #[must_use]
    pub fn with_rate(mut self, keys_per_s: u64) -> Self {
        self.rate = Some(keys_per_s.max(1));
        self
    }

    /// Counts by prefix: up to so many segments of a name. Bounded by `limits::MAX_PREFIXES` prefixes; what comes
    /// beyond is counted together.
    #[must_use]
    pub fn with_prefix_depth(mut self, segments: usize) -> Self {
        self.prefix_depth = Some(segments.max(1));
        self
    }

    /// Saves where the sweep stands into this file, at most every `limits::CHECKPOINT_INTERVAL` and at the end.
    #[must_use]
    pub fn with_checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(path.into());
        self
    }

    /// Goes on from where another sweep stood.
    #[must_use]
    pub fn with_resume(mut self, checkpoint: Checkpoint) -> Self {
        self.resume = Some(checkpoint);
        self
    }

    /// COUNT as budget and rate have it, where the caller left it to us.
    pub(super) fn paced_scan(&self) -> ScanOptions {
        let mut scan = self.scan.clone();
        if scan.count == CountChoice::Auto {
            let asks = scan.types.len() > 1;
            let full_speed = self.budget.0.is_none() && !asks;
            let count = match (full_speed, self.rate) {
                (true, None) => limits::COUNT_FULL_SPEED,
                (_, Some(rate)) => u32::try_from(rate / limits::RATE_BURSTS_PER_S)
                    .unwrap_or(limits::COUNT_AUTO)
                    .clamp(
                        limits::COUNT_RATE_MIN,
                        if asks {
                            limits::COUNT_AUTO_ASKING
                        } else {
                            limits::COUNT_AUTO
                        },
                    ),
                (false, None) => return scan,
            };
            scan = scan.with_count(CountChoice::Fixed(Count::new(i64::from(count))));
        }
        scan
    }
}
