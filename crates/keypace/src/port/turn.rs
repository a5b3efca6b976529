//! The right to send, one command at a time on a node, first come first served. It can't be kept by who has stopped
//! asking: after a while it is taken away.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits;

/// The one right of a node.
#[derive(Clone)]
pub(super) struct Slot {
    free: Arc<Semaphore>,
    holder: Arc<Mutex<Holder>>,
}

#[derive(Default)]
struct Holder {
    number: u64,
    permit: Option<OwnedSemaphorePermit>,
}

/// Held until dropped, or until it was taken away.
pub(super) struct Held {
    slot: Slot,
    number: u64,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(1)),
            holder: Arc::default(),
        }
    }
}

impl Slot {
    /// Waits for the right. Cancel-safe.
    pub(super) async fn acquire(&self) -> Held {
        loop {
            let mut free = Arc::clone(&self.free).try_acquire_owned().ok();
            if free.is_none() {
                let acquired = Arc::clone(&self.free).acquire_owned();
                free = timeout(limits::TURN_PATIENCE, acquired)
                    .await
                    .ok()
                    .and_then(Result::ok);
            }
            let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
            match free {
                Some(permit) => {
                    holder.number += 1;
                    holder.permit = Some(permit);
                    return Held {
                        slot: self.clone(),
                        number: holder.number,
                    };
                }
                // Its future is kept somewhere and not asked any more. What it has sent is long done.
                None => holder.permit = None,
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut holder = self
            .slot
            .holder
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if holder.number == self.number {
            holder.permit = None;
        }
    }
}
