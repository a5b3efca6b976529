//! Asking a sweep to stop, from anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Stops its sweep: what is in flight is settled, then `next()` gives `None`. Clones stop the same sweep.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    was_asked: AtomicBool,
    is_stopped: AtomicBool,
    notify: Notify,
}

impl StopHandle {
    /// Asks the sweep to stop. Calling it again changes nothing.
    pub fn stop(&self) {
        self.0.was_asked.store(true, Ordering::Release);
        self.stop_all();
    }

    /// Ends the work for a reason of its own: a bound was reached, or it can't go on.
    pub(super) fn stop_all(&self) {
        self.0.is_stopped.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Whether somebody asked for the stop.
    pub(super) fn was_asked(&self) -> bool {
        self.0.was_asked.load(Ordering::Acquire)
    }

    /// Whether it stops, or has stopped.
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
