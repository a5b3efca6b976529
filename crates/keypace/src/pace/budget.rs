//! The promise itself: the extra wait that work may cause any other client. A checked value, and a handle to change it by
//! while work goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// The wait in nanoseconds that stands for full speed.
const OFF: u64 = u64::MAX;

/// A budget that can be changed while work goes on under it. Clones are the same one.
#[derive(Debug, Clone)]
pub struct BudgetHandle(Arc<AtomicU64>);

impl BudgetHandle {
    /// Begins with this budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self(Arc::new(AtomicU64::new(in_nanos(budget))))
    }

    /// Another budget from now on: what is on its way stays as it is, and the next command heeds it.
    pub fn set(&self, budget: Budget) {
        self.0.store(in_nanos(budget), Ordering::Release);
    }

    /// The budget that holds now.
    #[must_use]
    pub fn get(&self) -> Budget {
        match self.0.load(Ordering::Acquire) {
            OFF => Budget(None),
            nanos => Budget(Some(Duration::from_nanos(nanos))),
        }
    }
}

impl Default for BudgetHandle {
    fn default() -> Self {
        Self::new(Budget::default())
    }
}

impl From<Budget> for BudgetHandle {
    fn from(budget: Budget) -> Self {
        Self::new(budget)
    }
}

fn in_nanos(budget: Budget) -> u64 {
    budget.0.map_or(OFF, |wait| {
        u64::try_from(wait.as_nanos()).unwrap_or(OFF - 1)
    })
}
