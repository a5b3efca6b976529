//! How an inspection is made: the pace it keeps, how many keys it looks at, what else it asks. Checked values.

use crate::limits::inspect::{INSPECT_MAX_SAMPLE_KEYS, INSPECT_SAMPLE_KEYS};
use crate::pace::{Budget, Thresholds};

/// How an inspection is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InspectOptions {
    pub(crate) budget: Budget,
    pub(crate) thresholds: Thresholds,
    pub(crate) sample_keys: u64,
    pub(crate) has_capabilities: bool,
}

impl Default for InspectOptions {
    /// Under the budget that all work has unless told otherwise, with a sample of keys, without capabilities.
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            thresholds: Thresholds::default(),
            sample_keys: INSPECT_SAMPLE_KEYS,
            has_capabilities: false,
        }
    }
}

impl InspectOptions {
    /// The extra wait that the sample may cause other clients. The rest is a few commands that cost next to nothing.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// From where on to hold back for what the server says of itself.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// How many keys of each node are looked at by chance; 0 for none, and 10,000 at most.
    #[must_use]
    pub fn with_sample_keys(mut self, keys: u64) -> Self {
        self.sample_keys = keys.min(INSPECT_MAX_SAMPLE_KEYS);
        self
    }

    /// Asks each node what it can do.
    #[must_use]
    pub fn with_capabilities(mut self) -> Self {
        self.has_capabilities = true;
        self
    }
}
