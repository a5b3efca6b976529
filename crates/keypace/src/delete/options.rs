//! How to delete: batch size and ceiling. Checked values.

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// How to delete.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteOptions {
    pub(crate) batch: usize,
    pub(crate) max_delete: Option<u64>,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            batch: limits::BATCH_KEYS,
            max_delete: None,
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

    /// Stops before more than so many keys are removed; the run is incomplete then.
    #[must_use]
    pub fn with_max_delete(mut self, keys: u64) -> Self {
        self.max_delete = Some(keys);
        self
    }
}
