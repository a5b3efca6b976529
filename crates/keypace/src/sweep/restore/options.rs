//! What a restore is to do. Checked values.

use crate::key::Pattern;
use crate::pace::{Budget, BudgetHandle, Thresholds};

/// What to do about keys that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// They stay as they are.
    #[default]
    Skip,
    /// They are overwritten. Needs [`RestoreConsent::Confirmed`].
    Replace,
    /// They stay as they are, and each is a failure.
    Fail,
}

/// How far somebody agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreConsent {
    /// To bring keys back where they were deleted, and to overwrite nothing.
    Additive,
    /// To what the [`RestorePlan`](super::RestorePlan) says.
    Confirmed,
}

/// What a restore is to do.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    pub(super) existing: Existing,
    pub(super) patterns: Vec<Pattern>,
    pub(super) budget: BudgetHandle,
    pub(super) thresholds: Thresholds,
    pub(super) rate: Option<u64>,
}

impl RestoreOptions {
    /// What to do about keys that are there; they are skipped where nothing is said.
    #[must_use]
    pub fn with_existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Only the keys that match one of these; all, where there are none.
    #[must_use]
    pub fn with_patterns(mut self, patterns: Vec<Pattern>) -> Self {
        self.patterns = patterns;
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

    /// At most so many keys a second, and at least one.
    #[must_use]
    pub fn with_rate(mut self, keys_per_s: u64) -> Self {
        self.rate = Some(keys_per_s.max(1));
        self
    }

    /// The number of the first pattern that a key matches; 0 where all are meant.
    pub(super) fn pattern_of(&self, key: &[u8]) -> Option<usize> {
        if self.patterns.is_empty() {
            return Some(0);
        }
        self.patterns
            .iter()
            .position(|pattern| pattern.matches(key))
    }
}
