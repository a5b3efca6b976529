//! How to delete: batch size and ceiling. Checked values.

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// How to delete.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteOptions {
    pub(crate) batch: usize,
    pub(crate) max_delete: Option<u64>,
    pub(crate) verify: Verify,
}

/// Whether a delete that has ended complete is followed by a look at what still matches: new since, or missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Only on Redis before 5.0, whose SCAN can miss keys while tables shrink: as [`Verify::Once`] there. Not with a limit,
    /// and not for a list of keys.
    #[default]
    No,
    /// Walks once more with the same selection, and counts. What remains makes the outcome incomplete.
    Once,
    /// Deletes again, at most so many times and at least once, until a walk finds nothing to delete. Where the last one still
    /// did, one more walk counts what remains.
    UntilEmpty(u32),
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            batch: limits::BATCH_KEYS,
            max_delete: None,
            verify: Verify::No,
        }
    }
}

impl DeleteOptions {
    /// Keys of one UNLINK.
    ///
    /// # Errors
    /// `InvalidOption` for 0 and above `limits::MAX_BATCH_KEYS`.
    pub fn with_batch(mut self, keys: usize) -> Result<Self> {
        if keys == 0 || keys > limits::MAX_BATCH_KEYS {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                "set the batch size",
                format!("{keys} keys are outside 1 to {}", limits::MAX_BATCH_KEYS),
            )
            .with_hint(
                "500 is a good size: larger batches hold other clients up and gain nothing",
            ));
        }
        self.batch = keys;
        Ok(self)
    }

    /// Whether to look afterwards at what still matches. Refused together with a limit.
    #[must_use]
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// Stops before more than so many keys are removed; the run is incomplete then.
    #[must_use]
    pub fn with_max_delete(mut self, keys: u64) -> Self {
        self.max_delete = Some(keys);
        self
    }
}
