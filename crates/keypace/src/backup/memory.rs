//! What a run may hold in memory of values on their way into its backup. Knows no key and no server.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;

/// A semaphore counts in 32 bits.
const UNIT_BYTES: u64 = 1024;

/// Room for values, shared by all that save into one vault.
#[derive(Debug)]
pub(super) struct Memory {
    free: Arc<Semaphore>,
    units: u32,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(limits::BACKUP_MEMORY_BYTES)
    }
}

impl Memory {
    /// Room for so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let units = units(bytes).min(Semaphore::MAX_PERMITS as u64);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Waits until so much is free; what is larger than all of it waits until nobody else holds any. First come, first
    /// served, so that a large value is not overtaken for ever. Cancel-safe.
    pub(super) async fn hold(&self, bytes: u64) -> Held {
        let wanted = u32::try_from(units(bytes)).unwrap_or(u32::MAX);
        let wanted = wanted.min(self.units);
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted).await;
        Held {
            // It is never closed.
            _permit: permit.ok(),
        }
    }
}

fn units(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT_BYTES).max(1)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::Memory;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_larger_than_all_of_it_passes_alone() {
        let memory = Memory::new(64 * 1024);
        let mut small = pin!(memory.hold(1));
        let Poll::Ready(small) = poll(small.as_mut()) else {
            panic!("there is room")
        };
        let mut large = pin!(memory.hold(u64::MAX));
        assert!(poll(large.as_mut()).is_pending());
        let mut behind = pin!(memory.hold(1));
        assert!(
            poll(behind.as_mut()).is_pending(),
            "first come first served"
        );
        drop(small);
        let Poll::Ready(large) = poll(large.as_mut()) else {
            panic!("nobody else holds any")
        };
        assert!(poll(behind.as_mut()).is_pending());
        drop(large);
        assert!(poll(behind.as_mut()).is_ready());
    }
}
