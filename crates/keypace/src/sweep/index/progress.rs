//! How a verify or a rebuild stands, readable from anywhere while it works. Changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use crate::report::Progress;
use crate::sweep::overview::ProgressHandle;

/// Shows how its verify or rebuild stands: the pass that is under way. Clones show the same one.
#[derive(Debug, Clone)]
pub struct IndexProgress(Arc<Mutex<ProgressHandle>>);

impl IndexProgress {
    pub(super) fn new(walk: ProgressHandle) -> Self {
        Self(Arc::new(Mutex::new(walk)))
    }

    /// Another pass is under way.
    pub(super) fn follow(&self, walk: ProgressHandle) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = walk;
    }

    /// The latest.
    #[must_use]
    pub fn get(&self) -> Progress {
        let walk = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        walk.get()
    }
}
