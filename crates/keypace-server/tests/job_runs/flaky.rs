//! A job store that can be told to deny a holder, or to be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use keypace_server::jobs::{
    Answer, Beat, Finish, Inserted, Job, JobFilter, JobId, JobPage, JobState, JobStore, Order,
    OrderError, Orders,
};
use keypace_server::sql::StoreError;

const WELL: u8 = 0;
const DENIES: u8 = 1;
const AWAY: u8 = 2;
const DEAF: u8 = 3;

/// Passes on what it is asked, until it is told otherwise.
pub(crate) struct Flaky {
    inner: Arc<dyn JobStore>,
    mood: AtomicU8,
    /// How often a holder has left a job.
    pub(crate) finishes: AtomicU32,
}

impl Flaky {
    pub(crate) fn new(inner: Arc<dyn JobStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mood: AtomicU8::new(WELL),
            finishes: AtomicU32::new(0),
        })
    }

    /// Every lease is another's from now on.
    pub(crate) fn deny(&self) {
        self.mood.store(DENIES, Ordering::SeqCst);
    }

    /// It does not answer from now on.
    pub(crate) fn go_away(&self) {
        self.mood.store(AWAY, Ordering::SeqCst);
    }

    /// It answers no heartbeat of a delete that is no dry run from now on, and takes all else.
    pub(crate) fn deafen(&self) {
        self.mood.store(DEAF, Ordering::SeqCst);
    }

    /// It is well again.
    pub(crate) fn recover(&self) {
        self.mood.store(WELL, Ordering::SeqCst);
    }

    fn mood(&self) -> u8 {
        self.mood.load(Ordering::SeqCst)
    }
}

impl JobStore for Flaky {
    fn now(&self) -> Answer<'_, DateTime<Utc>> {
        self.inner.now()
    }

    fn insert<'a>(&'a self, job: &'a Job, most_waiting: u32) -> Answer<'a, Inserted> {
        self.inner.insert(job, most_waiting)
    }

    fn get<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Job>> {
        self.inner.get(id)
    }

    fn list<'a>(&'a self, filter: &'a JobFilter, limit: u32) -> Answer<'a, JobPage> {
        self.inner.list(filter, limit)
    }

    fn claim<'a>(&'a self, holder: &'a str, lease: Duration, most: u32) -> Answer<'a, Option<Job>> {
        match self.mood() {
            WELL | DEAF => self.inner.claim(holder, lease, most),
            _ => Box::pin(async { Ok(None) }),
        }
    }

    fn heartbeat<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        beat: &'a Beat,
        keep: Duration,
    ) -> Answer<'a, Option<Orders>> {
        match self.mood() {
            WELL => self.inner.heartbeat(id, lease, beat, keep),
            DENIES => Box::pin(async { Ok(None) }),
            DEAF => Box::pin(async move {
                let job = self.inner.get(id).await?;
                if job.is_some_and(|job| job.spec.removes()) {
                    return Err(StoreError::unavailable("deaf"));
                }
                self.inner.heartbeat(id, lease, beat, keep).await
            }),
            _ => Box::pin(async { Err(StoreError::unavailable("away")) }),
        }
    }

    fn checkpoint<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Vec<u8>>> {
        self.inner.checkpoint(id)
    }

    fn finish<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        finish: &'a Finish,
    ) -> Answer<'a, Option<JobState>> {
        self.finishes.fetch_add(1, Ordering::SeqCst);
        match self.mood() {
            WELL | DEAF => self.inner.finish(id, lease, finish),
            _ => Box::pin(async { Err(StoreError::unavailable("away")) }),
        }
    }

    fn order<'a>(&'a self, id: &'a JobId, order: &'a Order) -> Answer<'a, Result<Job, OrderError>> {
        self.inner.order(id, order)
    }

    fn prune(&self, keep: u32, backups_since: DateTime<Utc>) -> Answer<'_, Vec<JobId>> {
        self.inner.prune(keep, backups_since)
    }

    fn drop_backup<'a>(&'a self, id: &'a JobId) -> Answer<'a, bool> {
        self.inner.drop_backup(id)
    }

    fn counts(&self) -> Answer<'_, Vec<(JobState, u64)>> {
        self.inner.counts()
    }
}
