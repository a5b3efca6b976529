//! When to try again: exponential pauses with jitter, bounded in number. Decides by an error's own advice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::{Error, Result, Retry};
use crate::limits;

/// The tries of one request.
pub(crate) struct Backoff {
    pauses: ExponentialBackoff,
    waits: Waits,
}

/// How many requests to a node wait to be tried again, for others to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(Arc<AtomicU32>);

impl Waits {
    /// Whether any does.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn begin(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }
}

/// One wait; over when dropped.
struct Waiting<'a>(&'a Waits);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backoff {
    pub(super) fn new(retries: u32, waits: Waits) -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(limits::RETRY_FIRST_PAUSE)
            .with_max_delay(limits::RETRY_LONGEST_PAUSE)
            .with_max_times(retries as usize)
            .with_jitter()
            .build();
        Self { pauses, waits }
    }

    /// Waits before the next try and says how long that was, or gives the error back where another try is of no
    /// use or none is left. Cancel-safe, but a cancelled wait counts as a try.
    pub(crate) async fn pause(&mut self, error: Error) -> Result<Duration> {
        let wanted = match error.retry() {
            Retry::Never | Retry::Redirect => None,
            Retry::Backoff | Retry::Reconnect | Retry::AskAgain => self.pauses.next(),
        };
        let Some(pause) = wanted else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "trying again");
        let _waiting = self.waits.begin();
        tokio::time::sleep(pause).await;
        Ok(pause)
    }
}
