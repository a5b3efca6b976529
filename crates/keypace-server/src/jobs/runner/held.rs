//! Work that was paused and keeps its place in memory only: statistics and restores. It goes on from there in the same
//! process, and begins anew in another. Bounded; does nothing.

use std::collections::VecDeque;

use super::work::Begun;
use crate::jobs::id::JobId;
use crate::limits;
use crate::servers::Identity;

/// Paused works, the oldest first.
#[derive(Default)]
pub(super) struct HeldWorks(VecDeque<Held>);

/// A paused work.
pub(super) struct Held {
    pub(super) id: JobId,
    /// What it was begun on.
    pub(super) identity: Identity,
    pub(super) work: Begun,
}

impl HeldWorks {
    /// Holds one more; the oldest goes where there are too many, and begins anew when it goes on.
    pub(super) fn put(&mut self, held: Held) {
        drop(self.take(&held.id));
        while self.0.len() >= limits::HELD_WORKS {
            self.0.pop_front();
        }
        self.0.push_back(held);
    }

    pub(super) fn take(&mut self, id: &JobId) -> Option<Held> {
        let place = self.0.iter().position(|held| held.id == *id)?;
        self.0.remove(place)
    }
}
