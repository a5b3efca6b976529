//! Redis in front of SQL: what was written and read there is kept for a while, and is only ever an aid. Must not know SQL,
//! and is never the reason that a read fails or waits for long.
//!
//! What it holds is believed where two things are true. It has the epoch that SQL names: a write that the cache did not
//! confirm begins another, so what it may have left behind is not believed by anybody. And no newer version was written or
//! deleted: the store refuses what is older, and remembers what was deleted for 60 s. What is put there was read in SQL less
//! than 20 s before that was asked what time it is in the store, and the store refuses it 20 s after.

mod counts;
mod epochs;
mod redis_store;

pub use counts::CacheCounts;
pub use redis_store::RedisStore;

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keypace::{ErrorKind, Owner, RecordId, RecordsMetrics, Shelf};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::limits;
use crate::sessions::body::{read_fields, read_session};
use crate::sessions::model::Session;
use crate::sessions::page::{PageRequest, SessionPage};
use crate::sessions::problem::{SessionError, SessionErrorKind};
use crate::sessions::repository::{Answer, Versioned};
use counts::Counts;
use epochs::Epochs;

/// The field of a cached body that holds its epoch. A session has none of this name.
const EPOCH_FIELD: &str = "cache_epoch";

/// A session on its way into the store.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is called within its owner.
    pub id: RecordId,
    /// Its version in SQL.
    pub version: i64,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last written, in milliseconds since 1970.
    pub updated_ms: i64,
    /// The session as JSON, with its epoch.
    pub body: Vec<u8>,
    /// Until when it may be kept, by the store's own clock, in milliseconds since 1970.
    pub not_after_ms: i64,
}

/// What became of an entry or a burial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Kept {
    /// The store has what was given: the entry, or nothing at all.
    AsGiven,
    /// Nothing was done: the store has a newer version. Of an entry, its burial is as good.
    NewerThere,
    /// Nothing was done: the entry came later than it may.
    TooLate,
}

/// Where a cache keeps things. No method need be quick; the cache bounds its own wait. All are dropped at any moment, and
/// what they send may be carried out later all the same.
pub trait CacheStore: Send + Sync {
    /// Makes it ready, where it can be reached. `KeysDiffer` where it was filled with other owner keys: then it is of no use,
    /// however long one waits.
    fn open(&self) -> Answer<'_, ()>;

    /// What time it is in the store, for this owner, in milliseconds since 1970.
    fn now_ms<'a>(&'a self, owner: &'a Owner) -> Answer<'a, i64>;

    /// The body of a session.
    fn read<'a>(&'a self, owner: &'a Owner, id: &'a RecordId) -> Answer<'a, Option<Vec<u8>>>;

    /// Keeps an entry for [`limits::CACHE_TTL`], unless a newer version is there, or the same or a newer one was buried within
    /// the last 60 s, or it is too late.
    fn import<'a>(&'a self, owner: &'a Owner, entry: &'a Entry) -> Answer<'a, Kept>;

    /// Removes a session that was deleted at this version, unless a newer one is there, and keeps imports of it and of what
    /// is older out for 60 s.
    fn bury<'a>(&'a self, owner: &'a Owner, id: &'a RecordId, version: i64) -> Answer<'a, Kept>;

    /// What there is of an owner's sessions.
    fn list<'a>(&'a self, owner: &'a Owner, request: &'a PageRequest) -> Answer<'a, SessionPage>;

    /// What the store's records have counted so far, and of which namespace; nothing where it has none, or is not open yet.
    fn records(&self) -> Option<RecordFigures> {
        None
    }
}

/// What records have counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordFigures {
    /// Of which records.
    pub namespace: String,
    /// What was counted.
    pub metrics: RecordsMetrics,
}

impl RecordFigures {
    pub(in crate::sessions) fn of(shelf: &Shelf) -> Self {
        Self {
            namespace: shelf.namespace().to_string(),
            metrics: shelf.metrics(),
        }
    }
}

/// The cache of one process.
pub(crate) struct Cache {
    store: Arc<dyn CacheStore>,
    believed: Mutex<Believed>,
    calls: Semaphore,
    counts: Counts,
}

/// What this process goes by for a moment.
#[derive(Default)]
struct Believed {
    epochs: Epochs,
    paused_until: Option<Instant>,
}

/// Until when something may be put into the store, by its own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    not_after_ms: i64,
}

/// Of what time that is which is put into the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The epoch that SQL named before it said the rest.
    pub(crate) epoch: i64,
    /// When that was asked for, or before.
    pub(crate) since: Instant,
}

/// What a cached body is: the session's own fields, and the epoch.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    session: &'a Session,
    cache_epoch: i64,
}

impl Cache {
    /// A cache that keeps things in this store. All processes that write the same database need the same, or none.
    pub(crate) fn new(store: Arc<dyn CacheStore>) -> Self {
        Self {
            store,
            believed: Mutex::default(),
            calls: Semaphore::new(limits::CACHE_CALLS),
            counts: Counts::default(),
        }
    }

    /// What has happened so far.
    pub(crate) fn counts(&self) -> CacheCounts {
        self.counts.snapshot()
    }

    /// What the store's records have counted.
    pub(crate) fn records(&self) -> Option<RecordFigures> {
        self.store.records()
    }

    /// Makes the store ready.
    ///
    /// # Errors
    /// `KeysDiffer` where it was filled with other owner keys. A store that can't be reached is none: it is asked again later.
    pub(crate) async fn open(&self) -> Result<(), SessionError> {
        match self
            .bounded(limits::CACHE_OPEN_WAIT, self.store.open())
            .await
        {
            Err(error) if error.kind() == SessionErrorKind::KeysDiffer => Err(error),
            _ => Ok(()),
        }
    }

    /// The epoch, where it was learnt a moment ago.
    pub(crate) fn epoch(&self) -> Option<i64> {
        self.believed().epochs.current(Instant::now())
    }

    /// SQL was asked for the epoch at `since`, or before that.
    pub(crate) fn learn(&self, epoch: i64, since: Instant) {
        self.believed().epochs.learn(epoch, since);
    }

    /// Another epoch began, and was asked for at `since`.
    pub(crate) fn began(&self, epoch: i64, since: Instant) {
        let mut believed = self.believed();
        believed.epochs.learn(epoch, since);
        believed.epochs.began(since);
    }

    /// Another epoch has to begin, at this moment or later; until then this process reads nothing here. Whether somebody has
    /// to see to that, as none was owed until now.
    pub(crate) fn owe_epoch(&self, at: Instant) -> bool {
        self.believed().epochs.owe(at)
    }

    /// Whether it is time to begin the epoch that is owed; `None` where none is.
    pub(crate) fn is_epoch_due(&self) -> Option<bool> {
        let (mut believed, now) = (self.believed(), Instant::now());
        believed.epochs.forget_old(now);
        believed.epochs.is_due(now)
    }

    /// Whether what it holds may be what this process failed to overwrite.
    pub(crate) fn owes_epoch(&self) -> bool {
        self.believed().epochs.owes()
    }

    /// The session, where the cache has it and it is of this epoch; it is not waited for.
    pub(crate) async fn read(&self, owner: &Owner, id: &RecordId, epoch: i64) -> Option<Session> {
        let body = self.read_body(owner, id, limits::CACHE_READ_WAIT).await?;
        let is_believed = |body: &Vec<u8>| epoch_of(body) == Some(epoch);
        let session = body
            .filter(is_believed)
            .and_then(|body| read_session(id, &body).ok());
        self.counts.read(session.is_some());
        session
    }

    /// What a reader needs to put there what SQL says meanwhile.
    pub(crate) async fn ticket_to_repair(&self, owner: &Owner) -> Option<Ticket> {
        if self.is_paused() {
            return None;
        }
        self.ticket(owner, limits::CACHE_READ_WAIT).await
    }

    /// What a writer needs to put there what it writes to SQL meanwhile.
    pub(crate) async fn ticket_to_write(&self, owner: &Owner) -> Option<Ticket> {
        self.ticket(owner, limits::CACHE_WRITE_WAIT).await
    }

    /// A command may be held up on its way for longer than a burial is remembered. By the store's own clock it is refused
    /// then, whatever became of the process that sent it.
    async fn ticket(&self, owner: &Owner, wait: Duration) -> Option<Ticket> {
        let now_ms = self.bounded(wait, self.store.now_ms(owner)).await.ok()?;
        let age_ms = i64::try_from(limits::IMPORT_MAX_AGE.as_millis()).ok()?;
        let not_after_ms = now_ms.checked_add(age_ms)?;
        Some(Ticket { not_after_ms })
    }

    /// The session as it was at some time, where nobody else can be asked.
    ///
    /// # Errors
    /// `Unavailable` where the cache does not answer either.
    pub(crate) async fn read_stale(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Session>, SessionError> {
        let asked = self.bounded(limits::STALE_WAIT, self.store.read(owner, id));
        let body = asked.await?;
        self.counts.stale();
        Ok(body.and_then(|body| read_session(id, &body).ok()))
    }

    /// What there is of an owner's sessions, where nobody else can be asked.
    ///
    /// # Errors
    /// `Unavailable` where the cache does not answer either.
    pub(crate) async fn list_stale(
        &self,
        owner: &Owner,
        request: &PageRequest,
    ) -> Result<SessionPage, SessionError> {
        let asked = self.bounded(limits::STALE_WAIT, self.store.list(owner, request));
        let page = asked.await?;
        self.counts.stale();
        Ok(SessionPage {
            stale: true,
            ..page
        })
    }

    /// Puts what SQL said where a reader finds it. Not worth waiting for.
    pub(crate) async fn repair(
        &self,
        owner: &Owner,
        found: &Versioned,
        origin: Origin,
        ticket: Option<Ticket>,
    ) {
        let wait = limits::CACHE_READ_WAIT;
        if self.import(owner, found, origin, ticket, wait).await == Some(Kept::AsGiven) {
            self.counts.repaired();
        }
    }

    /// Puts what was written to SQL over what is older. `None` where that was not confirmed: it may get there later all the
    /// same, so another epoch has to begin.
    pub(crate) async fn write(
        &self,
        owner: &Owner,
        written: &Versioned,
        origin: Origin,
        ticket: Option<Ticket>,
    ) -> Option<Kept> {
        let wait = limits::CACHE_WRITE_WAIT;
        let kept = self.import(owner, written, origin, ticket, wait).await;
        self.counts.wrote(kept.is_some());
        kept
    }

    /// Takes away what was deleted in SQL, whatever version up to this one it has here, and keeps it away. `None` where that
    /// was not confirmed.
    pub(crate) async fn bury(&self, owner: &Owner, id: &RecordId, version: i64) -> Option<Kept> {
        let burying = self.store.bury(owner, id, version);
        let kept = self.bounded(limits::CACHE_WRITE_WAIT, burying).await.ok();
        self.counts.wrote(kept.is_some());
        kept
    }

    async fn import(
        &self,
        owner: &Owner,
        found: &Versioned,
        origin: Origin,
        ticket: Option<Ticket>,
        wait: Duration,
    ) -> Option<Kept> {
        let entry = entry_of(found, origin.epoch, ticket?)?;
        // A process that stood still may have outlived the tombstone of what it is about to put back. The ticket is from after
        // the question to SQL, and with this no more than 20 s.
        if origin.since.elapsed() > limits::IMPORT_MAX_AGE {
            return None;
        }
        let importing = self.store.import(owner, &entry);
        self.bounded(wait, importing).await.ok()
    }

    /// The outer `None` where the cache is not to be waited for.
    async fn read_body(
        &self,
        owner: &Owner,
        id: &RecordId,
        wait: Duration,
    ) -> Option<Option<Vec<u8>>> {
        if self.is_paused() || self.calls.available_permits() == 0 {
            self.counts.skipped();
            return None;
        }
        self.bounded(wait, self.store.read(owner, id)).await.ok()
    }

    /// Waits no longer than this for an answer. Where there is none the cache is left alone for a moment.
    async fn bounded<T>(
        &self,
        wait: Duration,
        call: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let allowed = async {
            let _permit = self.calls.acquire().await.map_err(SessionError::internal)?;
            call.await
        };
        let answer = match timeout(wait, allowed).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(SessionError::unavailable(elapsed)),
        };
        match &answer {
            Ok(_) => {
                self.counts.answered();
                self.believed().paused_until = None;
            }
            // The others' keys are as good as before.
            Err(error) if is_of_one_key(error) => {
                // Each read of it comes here, so it is counted and not told each time.
                self.counts.refused();
                tracing::debug!(?error, "the cache can't take a session");
            }
            Err(error) => {
                self.believed().paused_until = Some(Instant::now() + limits::CACHE_PAUSE);
                if self.counts.failed() {
                    tracing::warn!(?error, "the cache of sessions fails; SQL is asked alone");
                }
            }
        }
        answer
    }

    fn is_paused(&self) -> bool {
        let until = self.believed().paused_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Nothing in it can be half done, so one that was poisoned is good.
    fn believed(&self) -> std::sync::MutexGuard<'_, Believed> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Whether the cache answered, and what stands in the way is a key that something else has written.
fn is_of_one_key(error: &SessionError) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &keypace::Error| cause.kind() == ErrorKind::WrongType)
}

fn entry_of(found: &Versioned, epoch: i64, ticket: Ticket) -> Option<Entry> {
    let body = Body {
        session: &found.session,
        cache_epoch: epoch,
    };
    Some(Entry {
        id: found.session.id.clone(),
        version: found.version,
        created_ms: found.session.created_at.timestamp_millis(),
        updated_ms: found.session.updated_at.timestamp_millis(),
        body: serde_json::to_vec(&body).ok()?,
        not_after_ms: ticket.not_after_ms,
    })
}

fn epoch_of(body: &[u8]) -> Option<i64> {
    let fields = read_fields(body).ok()?;
    fields.get(EPOCH_FIELD)?.get().parse().ok()
}
