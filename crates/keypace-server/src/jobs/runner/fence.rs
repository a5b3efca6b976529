//! Lets work be moved on only while its lease holds. A process that was frozen is woken with its work in its hands: it must
//! look at the clock before anything else.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::time::Instant;

/// Until when a job is ours, by our own clock.
#[derive(Debug)]
pub(super) struct Fence(Mutex<Instant>);

/// The lease has run out, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

impl Fence {
    pub(super) fn new(until: Instant) -> Self {
        Self(Mutex::new(until))
    }

    pub(super) fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store has heard of us.
    pub(super) fn extend(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// It is another's.
    pub(super) fn close(&self) {
        self.extend(Instant::now());
    }

    pub(super) fn holds(&self) -> bool {
        Instant::now() < self.until()
    }

    /// The work, looked at before each of its moves. Once the lease is lost it is not moved any more.
    pub(super) fn guard<F: Future + Unpin>(&self, work: F) -> Guarded<'_, F> {
        Guarded { fence: self, work }
    }
}

/// See [`Fence::guard`].
pub(super) struct Guarded<'a, F> {
    fence: &'a Fence,
    work: F,
}

impl<F: Future + Unpin> Future for Guarded<'_, F> {
    type Output = Result<F::Output, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.fence.holds() {
            return Poll::Ready(Err(Lost));
        }
        Pin::new(&mut self.work).poll(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fence, Lost};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tokio::time::{Instant, advance, sleep};

    #[tokio::test(start_paused = true)]
    async fn work_that_wakes_too_late_does_not_move() {
        let moves = AtomicU32::new(0);
        let fence = Fence::new(Instant::now() + Duration::from_secs(10));
        let work = Box::pin(async {
            for _ in 0..3 {
                moves.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_secs(4)).await;
            }
        });
        let mut guarded = fence.guard(work);
        assert_eq!((&mut guarded).await, Err(Lost));
        assert_eq!(moves.load(Ordering::Relaxed), 3);
        advance(Duration::from_secs(60)).await;
        assert_eq!((&mut guarded).await, Err(Lost));
        fence.extend(Instant::now() + Duration::from_secs(10));
        assert_eq!(guarded.await, Ok(()));
        fence.close();
        assert!(!fence.holds());
    }
}
