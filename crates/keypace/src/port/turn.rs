//! The right to send, one command at a time on a node, first come first served. It can't be kept by who has stopped
//! asking: after a while it is taken away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits;

/// The one right of a node.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Right>>);

struct Right {
    free: Arc<Semaphore>,
    /// Counts who held it; the permit is the last one's.
    holder: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Default for Right {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(1)),
            holder: 0,
            permit: None,
        }
    }
}

/// Held until dropped, or until it was taken away.
pub(super) struct Held {
    slot: Slot,
    number: u64,
}

impl Slot {
    /// Waits for the right. Cancel-safe.
    pub(super) async fn acquire(&self) -> Held {
        loop {
            let (free, holder) = {
                let right = self.right();
                (Arc::clone(&right.free), right.holder)
            };
            let mut permit = Arc::clone(&free).try_acquire_owned().ok();
            if permit.is_none() {
                let acquired = Arc::clone(&free).acquire_owned();
                let waited = timeout(limits::TURN_PATIENCE, acquired).await;
                permit = waited.ok().and_then(Result::ok);
            }
            let mut right = self.right();
            if !Arc::ptr_eq(&right.free, &free) {
                // Somebody has lost patience meanwhile, and this is the right of yesterday.
                continue;
            }
            let Some(permit) = permit else {
                if right.holder != holder {
                    // It goes from hand to hand, only not to us yet.
                    continue;
                }
                // Who holds it, or is next in line, is kept somewhere and not asked any more. What it has sent is
                // long done.
                *right = Right {
                    holder: right.holder + 1,
                    ..Right::default()
                };
                continue;
            };
            right.holder += 1;
            right.permit = Some(permit);
            return Held {
                slot: self.clone(),
                number: right.holder,
            };
        }
    }

    fn right(&self) -> MutexGuard<'_, Right> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut right = self.slot.right();
        if right.holder == self.number {
            right.permit = None;
        }
    }
}
