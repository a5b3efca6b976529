//! Several futures at once in one task: nothing is spawned, and dropping the whole drops all of them.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// What each of them gives, in their order, once all are done. As cancel-safe as they are.
pub(crate) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = (futures.into_iter())
        .map(|future| (Some(Box::pin(future)), None))
        .collect();
    poll_fn(|cx| {
        let mut is_done = true;
        for (future, output) in &mut running {
            let Some(pending) = future else { continue };
            match pending.as_mut().poll(cx) {
                Poll::Ready(done) => {
                    *output = Some(done);
                    *future = None;
                }
                Poll::Pending => is_done = false,
            }
        }
        if is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::together;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn all_wait_at_once_and_keep_their_order() {
        let began = Instant::now();
        let waits = [30, 10, 20].map(|ms| async move {
            sleep(Duration::from_millis(ms)).await;
            ms
        });
        assert_eq!(together(waits).await, [30, 10, 20]);
        assert_eq!(began.elapsed(), Duration::from_millis(30));
        assert!(
            together(Vec::<std::future::Ready<u8>>::new())
                .await
                .is_empty()
        );
    }
}
