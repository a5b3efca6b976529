//! Blocking work, one piece at a time, that can be told to stop: when a bench is interrupted, what still runs on a
//! thread must have ended before its keys are taken away. Knows nothing of what runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use keypace_lab::{LabError, LabErrorKind};

use super::Trouble;
use crate::cmd::lab::from_lab;
use crate::exit::{Exit, Halt};

/// One piece at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    stop: Arc<AtomicBool>,
    turn: Arc<Mutex<()>>,
}

impl Lane {
    /// Runs `work` on a thread that may block; `work` looks at the flag it is given between two steps. Dropped early,
    /// the work goes on until it looks.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<AtomicBool>) -> Result<T, LabError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let Self { stop, turn } = self.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            if stop.load(Ordering::Acquire) {
                return None;
            }
            Some(work(&stop))
        });
        match running.await {
            Ok(Some(Ok(done))) => Ok(done),
            Ok(Some(Err(error))) if error.kind() == LabErrorKind::Refused => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                Err(Trouble::Refused(cause.unwrap_or_else(|| error.to_string())))
            }
            Ok(Some(Err(error))) => Err(Trouble::Halted(from_lab(&error, Exit::Incomplete))),
            Ok(None) => Err(Trouble::Halted(stopped())),
            Err(error) => Err(Trouble::Halted(
                Halt::new(Exit::Incomplete, "run a measurement").with_cause(&error),
            )),
        }
    }

    /// Stops what runs, waits for its end, and runs this as the last piece.
    pub(super) async fn close<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LabError> + Send + 'static,
    ) -> Result<T, Halt> {
        self.stop.store(true, Ordering::Release);
        let turn = Arc::clone(&self.turn);
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            work()
        });
        match running.await {
            Ok(done) => done.map_err(|error| from_lab(&error, Exit::Incomplete)),
            Err(error) => Err(Halt::new(Exit::Incomplete, "clean up").with_cause(&error)),
        }
    }
}

/// Why work that looked at the flag gives nothing.
pub(super) fn stopped() -> Halt {
    Halt::new(Exit::Interrupted, "finish the measurements: interrupted")
}

#[cfg(test)]
mod tests {
    use super::Lane;
    use std::sync::atomic::Ordering;
    use std::sync::mpsc;

    #[tokio::test]
    async fn the_last_piece_waits_for_the_one_before_and_none_follows() {
        let lane = Lane::default();
        let (started, is_started) = mpsc::channel();
        let (ended, is_ended) = mpsc::channel();
        let long = {
            let lane = lane.clone();
            async move {
                let _ = lane
                    .run(move |stop| {
                        started.send(()).expect("somebody waits");
                        while !stop.load(Ordering::Acquire) {
                            std::thread::yield_now();
                        }
                        ended.send(()).expect("somebody looks");
                        Ok(())
                    })
                    .await;
            }
        };
        let long = tokio::spawn(long);
        tokio::task::spawn_blocking(move || is_started.recv())
            .await
            .expect("a thread")
            .expect("it started");
        let closed = lane.close(move || Ok(is_ended.try_recv().is_ok())).await;
        assert!(closed.is_ok_and(|had_ended| had_ended));
        long.await.expect("it ended");
        assert!(lane.run(|_| Ok(())).await.is_err());
    }
}
