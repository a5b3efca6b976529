//! How a sweep stands, readable from anywhere while it works.

use std::sync::{Arc, Mutex, PoisonError};

use crate::port::Waits;
use crate::report::{PauseReason, Progress};

/// Shows how its sweep stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct ProgressHandle {
    latest: Arc<Mutex<Progress>>,
    waits: Waits,
}

impl ProgressHandle {
    pub(super) fn new(first: Progress, waits: Waits) -> Self {
        Self {
            latest: Arc::new(Mutex::new(first)),
            waits,
        }
    }

    /// The latest.
    #[must_use]
    pub fn get(&self) -> Progress {
        let mut progress = self
            .latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if progress.paused_for.is_none() && self.waits.any() {
            progress.paused_for = Some(PauseReason::Server);
        }
        progress
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
