//! SQL as the service asks it: no question waits for long, what fails is counted, and what hangs is left alone. Must not
//! know a statement, and decides nothing about sessions.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, timeout};

use crate::limits;
use crate::sessions::breaker::{Breaker, Turn};
use crate::sessions::problem::{SessionError, SessionErrorKind};
use crate::sessions::repository::Repository;

/// What happened between this process and its database since it was opened. Counts only go up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqlCounts {
    /// Questions that it did not answer: it was away, or hung.
    pub failures: u64,
    /// Those of them that waited for it, a second and more.
    pub hung: u64,
    /// How often it was left alone because it hung, so that reads were answered stale at once.
    pub outages: u64,
    /// Reads that did not ask it meanwhile.
    pub skipped: u64,
    /// Questions whether it is back.
    pub probes: u64,
    /// Rows of lists that were no readable session. The log names each.
    pub unreadable: u64,
}

/// A database, and what is known of how it answers.
pub(super) struct Sql {
    pub(super) repository: Arc<dyn Repository>,
    breaker: Mutex<Breaker>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    failures: AtomicU64,
    hung: AtomicU64,
    outages: AtomicU64,
    skipped: AtomicU64,
    probes: AtomicU64,
    unreadable: AtomicU64,
}

impl Sql {
    pub(super) fn new(repository: Arc<dyn Repository>) -> Self {
        Self {
            repository,
            breaker: Mutex::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn counts(&self) -> SqlCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SqlCounts {
            failures: get(&self.counts.failures),
            hung: get(&self.counts.hung),
            outages: get(&self.counts.outages),
            skipped: get(&self.counts.skipped),
            probes: get(&self.counts.probes),
            unreadable: get(&self.counts.unreadable),
        }
    }

    pub(super) fn note_unreadable(&self, rows: u64) {
        self.counts.unreadable.fetch_add(rows, Ordering::Relaxed);
    }

    /// Waits for an answer no longer than [`limits::SQL_TIMEOUT`].
    pub(super) async fn answer<T>(
        &self,
        question: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let since = Instant::now();
        let answer = match timeout(limits::SQL_TIMEOUT, question).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(SessionError::unavailable(elapsed)),
        };
        match &answer {
            Err(error) if error.kind() == SessionErrorKind::Unavailable => self.failed(since),
            _ if self.breaker().answered() => {
                tracing::info!("the database of sessions answers again");
            }
            _ => {}
        }
        answer
    }

    fn failed(&self, since: Instant) {
        add(&self.counts.failures);
        let now = Instant::now();
        // A refusal comes at once, and waits for nobody.
        if now.duration_since(since) < limits::SQL_SLOW {
            return;
        }
        add(&self.counts.hung);
        if self.breaker().hung(now) {
            add(&self.counts.outages);
            tracing::warn!(
                "the database of sessions hangs; reads that may be stale don't wait for it"
            );
        }
    }

    /// Whether a read that may be stale leaves it alone. Now and then it is asked beside that whether it is back.
    pub(super) fn is_left_alone(self: &Arc<Self>) -> bool {
        let turn = self.breaker().turn(Instant::now());
        if turn == Turn::Probe {
            add(&self.counts.probes);
            let sql = Arc::clone(self);
            tokio::spawn(async move {
                // What it says is told by `answer`.
                let _ = sql.answer(sql.repository.epoch()).await;
                sql.breaker().probed(Instant::now());
            });
        }
        let is_left_alone = turn != Turn::Ask;
        if is_left_alone {
            add(&self.counts.skipped);
        }
        is_left_alone
    }

    /// Nothing in it can be half done, so one that was poisoned is good.
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
