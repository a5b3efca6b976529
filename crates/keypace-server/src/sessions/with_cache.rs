//! Sessions kept in SQL, which is the truth, with Redis in front where there is one. Decides who is asked, in which order,
//! and what is told to whom. Must not know a statement or a command.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use keypace::{Owner, OwnerKeys, RecordId};
use tokio::time::{Instant, sleep, timeout};

use crate::limits;
use crate::sessions::cache::{Cache, CacheCounts, CacheStore, Kept};
use crate::sessions::model::{Session, SessionChange};
use crate::sessions::page::{PageRequest, SessionPage, Start};
use crate::sessions::problem::{SessionError, SessionErrorKind};
use crate::sessions::repository::{Repository, Versioned, Window};
use crate::sessions::service::{Clock, Found};

/// What is read where SQL does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StaleReads {
    /// Nothing: the read fails.
    #[default]
    Refused,
    /// What the cache still has, labelled stale.
    Labelled,
}

/// An SQL database, and a cache or none.
pub struct SqlWithCache {
    repository: Arc<dyn Repository>,
    keys: OwnerKeys,
    cache: Option<Cache>,
    stale_reads: StaleReads,
}

impl SqlWithCache {
    /// The database alone. The keys make owners to what stands in its tables; they have to be the same as ever.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `KeysDiffer` where the database was filled with other keys: every list would be empty with these. `Unavailable`
    /// where it does not answer.
    pub async fn open(
        repository: Arc<dyn Repository>,
        keys: OwnerKeys,
    ) -> Result<Self, SessionError> {
        let fingerprint = keys.fingerprint();
        let kept = answer(repository.keep_fingerprint(&fingerprint)).await?;
        if kept != fingerprint {
            return Err(SessionError::keys_differ(&kept, &fingerprint));
        }
        Ok(Self {
            repository,
            keys,
            cache: None,
            stale_reads: StaleReads::default(),
        })
    }

    /// The same with a cache in front. All processes that share the database need the same cache, or all none: one without
    /// it would not tell the others' cache of what it writes.
    #[must_use]
    pub fn with_cache(mut self, store: Arc<dyn CacheStore>) -> Self {
        self.cache = Some(Cache::new(store));
        self
    }

    /// The same with another answer to reads while SQL is away.
    #[must_use]
    pub fn with_stale_reads(mut self, stale_reads: StaleReads) -> Self {
        self.stale_reads = stale_reads;
        self
    }

    pub(super) fn counts(&self) -> CacheCounts {
        self.cache.as_ref().map(Cache::counts).unwrap_or_default()
    }

    pub(super) async fn create(
        &self,
        owner: &Owner,
        session: Session,
        clock: &Clock,
    ) -> Result<Session, SessionError> {
        let (epoch, since) = self.begin().await?;
        let written = Versioned {
            version: session.updated_at.timestamp_micros(),
            session,
        };
        let tag = self.keys.tag(owner);
        let inserting = self
            .repository
            .insert(&tag, &written.session, written.version);
        if !answer(inserting).await? {
            return Err(SessionError::conflict());
        }
        if let Some(cache) = &self.cache {
            let mut kept = cache.write(owner, &written, epoch, since).await;
            if kept == Some(Kept::NewerThere) {
                // Of a session that had this id before, and is gone: it must not be taken for this one.
                let now = clock().timestamp_micros();
                kept = cache.bury(owner, &written.session.id, now).await;
            }
            if kept != Some(Kept::AsGiven) {
                self.begin_epoch(cache).await?;
            }
        }
        Ok(written.session)
    }

    pub(super) async fn get(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Found>, SessionError> {
        match self.get_fresh(owner, id).await {
            Err(error) => {
                let cache = self.stale_after(error)?;
                let session = cache.read_stale(owner, id).await?;
                Ok(session.map(|session| Found::new(session, true)))
            }
            Ok(session) => Ok(session.map(|session| Found::new(session, false))),
        }
    }

    async fn get_fresh(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Session>, SessionError> {
        let (epoch, since) = self.begin().await?;
        if let Some(cache) = &self.cache
            && let Some(session) = cache.read(owner, id, epoch).await
        {
            return Ok(Some(session));
        }
        let tag = self.keys.tag(owner);
        let found = answer(self.repository.get(&tag, id)).await?;
        if let (Some(cache), Some(found)) = (&self.cache, &found) {
            cache.repair(owner, found, epoch, since).await;
        }
        Ok(found.map(|found| found.session))
    }

    pub(super) async fn update(
        &self,
        owner: &Owner,
        id: &RecordId,
        change: &SessionChange,
        now: DateTime<Utc>,
    ) -> Result<Session, SessionError> {
        let (epoch, since) = self.begin().await?;
        let tag = self.keys.tag(owner);
        let updating = self
            .repository
            .update(&tag, id, change, now.timestamp_micros());
        let Some(written) = answer(updating).await? else {
            return Err(SessionError::not_found());
        };
        if let Some(cache) = &self.cache {
            // What is newer there is another update's.
            if cache.write(owner, &written, epoch, since).await.is_none() {
                self.begin_epoch(cache).await?;
            }
        }
        Ok(written.session)
    }

    /// When it says so, nobody who asks afterwards sees the session again.
    pub(super) async fn delete(
        &self,
        owner: &Owner,
        id: &RecordId,
        clock: &Clock,
    ) -> Result<(), SessionError> {
        let tag = self.keys.tag(owner);
        let gone = answer(self.repository.delete(&tag, id)).await?;
        if let Some(cache) = &self.cache {
            // The cache may have a newer version than SQL had, or one where SQL had none: of a session of the same id that
            // somebody else deletes at this moment, or has deleted and then died.
            let now = clock().timestamp_micros();
            let version = gone.map_or(now, |version| version.max(now));
            if cache.bury(owner, id, version).await != Some(Kept::AsGiven) {
                self.begin_epoch(cache).await?;
                sleep(limits::EPOCH_SPREAD).await;
            }
        }
        gone.map(|_| ()).ok_or_else(SessionError::not_found)
    }

    pub(super) async fn list(
        &self,
        owner: &Owner,
        request: &PageRequest,
    ) -> Result<SessionPage, SessionError> {
        match self.list_fresh(owner, request).await {
            Err(error) => self.stale_after(error)?.list_stale(owner, request).await,
            fresh => fresh,
        }
    }

    async fn list_fresh(
        &self,
        owner: &Owner,
        request: &PageRequest,
    ) -> Result<SessionPage, SessionError> {
        let size = request.size();
        let (window, page) = match request.start() {
            Start::Page(number) => {
                let before = i64::from(number.saturating_sub(1)) * i64::from(size);
                (Window::Offset(before), Some(*number))
            }
            Start::After(cursor) => {
                let created_us = cursor.created_ms().saturating_mul(1000);
                (Window::After(created_us, cursor.id().clone()), None)
            }
        };
        let tag = self.keys.tag(owner);
        // One more than the page holds says whether there is a next one.
        let listed = answer(self.repository.list(&tag, &window, size + 1)).await?;
        let mut sessions = listed.sessions;
        let size_here = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = sessions.len() > size_here;
        sessions.truncate(size_here);
        let next = sessions.last().filter(|_| has_more).map(Session::cursor);
        Ok(SessionPage {
            sessions,
            total: listed.total,
            page,
            page_size: size,
            next,
            skipped: 0,
            stale: false,
        })
    }

    /// The epoch that the cache is read and written in, and since when it is known; asked for before SQL is, so that what
    /// SQL says is never older than its epoch.
    async fn begin(&self) -> Result<(i64, Instant), SessionError> {
        let since = Instant::now();
        let Some(cache) = &self.cache else {
            return Ok((0, since));
        };
        if let Some(epoch) = cache.epoch() {
            return Ok((epoch, since));
        }
        let epoch = answer(self.repository.epoch()).await?;
        cache.learn(epoch, since);
        Ok((epoch, since))
    }

    /// What the cache holds by now is not to be believed any more: a write did not get there for sure.
    async fn begin_epoch(&self, cache: &Cache) -> Result<(), SessionError> {
        let since = Instant::now();
        let epoch = answer(self.repository.next_epoch()).await?;
        cache.learn(epoch, since);
        Ok(())
    }

    /// The cache, where a read that failed for want of SQL may be answered out of it.
    fn stale_after(&self, error: SessionError) -> Result<&Cache, SessionError> {
        let is_outage = error.kind() == SessionErrorKind::Unavailable;
        match (&self.cache, self.stale_reads) {
            (Some(cache), StaleReads::Labelled) if is_outage => Ok(cache),
            _ => Err(error),
        }
    }
}

/// Waits for SQL no longer than this.
async fn answer<T>(
    question: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    match timeout(limits::SQL_TIMEOUT, question).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(SessionError::unavailable(elapsed)),
    }
}
