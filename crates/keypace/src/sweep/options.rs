//! What a sweep is to do beyond its scan: budget, thresholds, rate, prefixes, checkpoint, resume. Checked values.

use std::path::PathBuf;

use super::checkpoint::Checkpoint;
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::scan::ScanOptions;

/// What a sweep is to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SweepOptions {
    pub(super) scan: ScanOptions,
    pub(super) budget: Budget,
    pub(super) thresholds: Thresholds,
    pub(super) rate: Option<u64>,
    pub(super) prefix_depth: Option<usize>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: Option<Checkpoint>,
    pub(super) max_nodes: usize,
    pub(super) allow_uncovered: bool,
    pub(super) from_replica: bool,
}

impl SweepOptions {
    /// A sweep over what this scan finds.
    #[must_use]
    pub fn new(scan: ScanOptions) -> Self {
        Self {
            scan,
            budget: Budget::default(),
            thresholds: Thresholds::default(),
            rate: None,
            prefix_depth: None,
            checkpoint: None,
            resume: None,
            max_nodes: usize::MAX,
            allow_uncovered: false,
            from_replica: false,
        }
    }

    /// The extra wait that the work may cause.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// When to hold back for what the server says of itself. With the budget off nothing is held back.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
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

    /// In a cluster: walks at most so many nodes at once, and at least one. All, where nothing is said.
    #[must_use]
    pub fn with_max_nodes(mut self, nodes: usize) -> Self {
        self.max_nodes = nodes.max(1);
        self
    }

    /// In a cluster: walks what is served where some slots are not, and ends incomplete. Refused otherwise.
    #[must_use]
    pub fn with_allow_uncovered(mut self, allow: bool) -> Self {
        self.allow_uncovered = allow;
        self
    }

    /// Walks replicas in place of primaries: they may be behind, and hold keys that have expired, so that the outcome is
    /// labelled. Refused where keys are deleted. Without it a replica is refused.
    #[must_use]
    pub fn with_from_replica(mut self, from_replica: bool) -> Self {
        self.from_replica = from_replica;
        self
    }

    /// The largest COUNT that the rate leaves room for: a page is one of its bursts.
    pub(super) fn most_count(&self) -> u32 {
        self.rate.map_or(limits::COUNT_MAX, |rate| {
            u32::try_from(rate / limits::RATE_BURSTS_PER_S)
                .unwrap_or(limits::COUNT_MAX)
                .clamp(limits::COUNT_RATE_MIN, limits::COUNT_AUTO)
        })
    }
}
