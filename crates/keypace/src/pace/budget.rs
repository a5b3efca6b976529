//! The promise itself: the extra wait that work may cause any other client. A checked value.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// The extra wait that this work may cause any other client of the server.
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

    /// The wait in microseconds, or `None` for full speed.
    #[must_use]
    pub fn as_micros(self) -> Option<u64> {
        self.0
            .map(|wait| u64::try_from(wait.as_micros()).unwrap_or(u64::MAX))
    }
}
