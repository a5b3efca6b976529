//! How a sweep stands, readable from anywhere while it works.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pace::Tally;
use crate::port::Waits;
use crate::report::{PauseReason, Progress, RunState};

/// Shows how its sweep stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct ProgressHandle {
    latest: Arc<Mutex<Progress>>,
    waits: Waits,
    figures: Arc<Mutex<Tally>>,
}

impl ProgressHandle {
    pub(super) fn new(first: Progress, waits: Waits, figures: Arc<Mutex<Tally>>) -> Self {
        Self {
            latest: Arc::new(Mutex::new(first)),
            waits,
            figures,
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
        {
            let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
            if progress.state == RunState::Running {
                progress.paused_for = figures.pauses_for();
            }
            let canary = figures.canary_p50_p99_us();
            for node in &mut progress.nodes {
                node.count = figures.last_count();
                node.canary_p50_us = canary.map(|(p50, _)| p50);
                node.canary_p99_us = canary.map(|(_, p99)| p99);
            }
        }
        if progress.paused_for.is_none() && self.waits.any() {
            progress.paused_for = Some(PauseReason::Server);
        }
        progress
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
