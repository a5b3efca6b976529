//! What a sweep is to do beyond its scan: filters, budget, thresholds, rate, prefixes, backup, checkpoint, resume. Checked
//! values.

use std::path::PathBuf;

use super::checkpoint::Checkpoint;
use super::notes::Notes;
use crate::limits;
use crate::pace::{Budget, BudgetHandle, Thresholds};
use crate::scan::ScanOptions;
use crate::select::{Filters, Questions};

/// What a sweep is to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SweepOptions {
    pub(super) scan: ScanOptions,
    pub(super) filters: Filters,
    pub(super) describe: Describe,
    pub(super) backup: Option<BackupTarget>,
    pub(super) budget: BudgetHandle,
    pub(super) thresholds: Thresholds,
    pub(super) rate: Option<u64>,
    pub(super) prefix_depth: Option<usize>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: Option<Checkpoint>,
    pub(super) max_nodes: usize,
    pub(super) allow_uncovered: bool,
    pub(super) from_replica: bool,
    /// What a listing is a part of: a checkpoint of another command is refused.
    pub(super) command: Option<&'static str>,
    pub(super) notes: Notes,
}

impl SweepOptions {
    /// A sweep over what this scan finds.
    #[must_use]
    pub fn new(scan: ScanOptions) -> Self {
        Self {
            scan,
            filters: Filters::default(),
            describe: Describe::default(),
            backup: None,
            budget: BudgetHandle::default(),
            thresholds: Thresholds::default(),
            rate: None,
            prefix_depth: None,
            checkpoint: None,
            resume: None,
            max_nodes: usize::MAX,
            allow_uncovered: false,
            from_replica: false,
            command: None,
            notes: Notes::default(),
        }
    }

    /// Only keys that these let pass.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// What a listing is to say of each key: it stands beside the keys in its pages.
    #[must_use]
    pub fn with_describe(mut self, describe: Describe) -> Self {
        self.describe = describe;
        self
    }

    /// Deletes nothing that is not in this file before, from where it can be restored.
    #[must_use]
    pub fn with_backup(mut self, backup: BackupTarget) -> Self {
        self.backup = Some(backup);
        self
    }

    /// The extra wait that the work may cause.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget.into();
        self
    }

    /// The same, to be changed through the handle while the work goes on.
    #[must_use]
    pub fn with_budget_handle(mut self, budget: BudgetHandle) -> Self {
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

/// What is to be asked of each key of a listing, beside its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Describe(pub(super) Questions);

impl Describe {
    /// Its type.
    #[must_use]
    pub fn with_type(mut self) -> Self {
        self.0.kind = true;
        self
    }

    /// How long it is to live.
    #[must_use]
    pub fn with_ttl(mut self) -> Self {
        self.0.ttl = true;
        self
    }

    /// How long ago it was read or written.
    #[must_use]
    pub fn with_idle(mut self) -> Self {
        self.0.idle = true;
        self
    }

    /// What its value takes.
    #[must_use]
    pub fn with_size(mut self) -> Self {
        self.0.size = true;
        self
    }
}

/// The file that deleted keys are saved in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupTarget {
    pub(super) path: PathBuf,
    pub(super) max_value_bytes: u64,
}

impl BackupTarget {
    /// A file that is not there yet, or that of the run which is resumed.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_value_bytes: limits::BACKUP_MAX_VALUE_BYTES,
        }
    }

    /// Keys with larger values are skipped: they are neither saved nor deleted.
    #[must_use]
    pub fn with_max_value_bytes(mut self, bytes: u64) -> Self {
        self.max_value_bytes = bytes;
        self
    }
}
