//! What a piece of work beside a sweep keeps in the sweep's checkpoint. Holds it; knows no meaning of it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// What is saved with the next checkpoint. Clones are the same notes.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Option<Value>>>);

impl Notes {
    /// They say this from now on.
    pub(super) fn set(&self, said: &impl Serialize) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::to_value(said).ok();
    }

    /// What they say.
    pub(super) fn get(&self) -> Option<Value> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
