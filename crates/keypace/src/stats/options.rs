//! What statistics are to be kept: how names are cut, which share is measured, how many keys are named. Checked values.

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// What statistics are to be kept.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct StatsOptions {
    pub(crate) separator: u8,
    pub(crate) depth: usize,
    pub(crate) top: usize,
    pub(crate) share: f64,
    pub(crate) has_exact_sizes: bool,
}

impl Default for StatsOptions {
    /// By the first segment, every key measured, the biggest ten named.
    fn default() -> Self {
        Self {
            separator: limits::DEFAULT_SEPARATOR,
            depth: 1,
            top: limits::STATS_TOP_KEYS,
            share: 1.0,
            has_exact_sizes: false,
        }
    }
}

impl StatsOptions {
    /// What ends a segment of a name; `:` where nothing is said.
    #[must_use]
    pub fn with_separator(mut self, separator: u8) -> Self {
        self.separator = separator;
        self
    }

    /// How many segments are a prefix: 1 to `limits::STATS_MAX_DEPTH`; what is outside is moved to the nearest.
    #[must_use]
    pub fn with_depth(mut self, segments: usize) -> Self {
        self.depth = segments.clamp(1, limits::STATS_MAX_DEPTH);
        self
    }

    /// How many of the biggest keys are named: `limits::STATS_MAX_TOP_KEYS` at most.
    #[must_use]
    pub fn with_top(mut self, keys: usize) -> Self {
        self.top = keys.min(limits::STATS_MAX_TOP_KEYS);
        self
    }

    /// The share of keys that is measured, above 0 and up to 1. Of each prefix and type the first
    /// `limits::STATS_FIRST_MEASURED` are measured besides.
    ///
    /// # Errors
    /// `InvalidOption` for any other number.
    pub fn with_share(mut self, share: f64) -> Result<Self> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                "choose the keys to measure",
                format!("a share of {share} is not above 0 and up to 1"),
            )
            .with_hint("1 measures every key, 0.01 one in a hundred"));
        }
        self.share = share;
        Ok(self)
    }

    /// Measures collections by up to `limits::MAX_SIZE_SAMPLES` of their elements, in place of `limits::SIZE_SAMPLES`: what
    /// has no more is exact. All of larger ones would hold others up, for 15 ms where a set has 100,000 members.
    #[must_use]
    pub fn with_exact_sizes(mut self) -> Self {
        self.has_exact_sizes = true;
        self
    }
}
