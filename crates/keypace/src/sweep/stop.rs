//! Asking a sweep to stop, from anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Stops its sweep: what is in flight is settled, then `next()` gives `None`. Clones stop the same sweep.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_stopped: AtomicBool,
    notify: Notify,
}

impl StopHandle {
    /// Asks the sweep to stop. Calling it again changes nothing.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::Acquire)
    }

    /// Waits until it is. Cancel-safe.
    pub(super) async fn stopped(&self) {
        let notified = self.0.notify.notified();
        if !self.is_stopped() {
            notified.await;
        }
    }
}
