//! Sessions kept in SQL, which is the truth, with Redis in front where there is one. Decides who is asked, in which order,
//! and what is told to whom. Must not know a statement or a command.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use keypace::{Owner, OwnerKeys, RecordId};
use tokio::time::{Instant, sleep};

use crate::limits;
use crate::sessions::cache::{Cache, CacheCounts, CacheStore, Kept, Origin, RecordFigures, Ticket};
use crate::sessions::database::{Sql, SqlCounts};
use crate::sessions::model::{Session, SessionChange};
use crate::sessions::page::{PageRequest, SessionPage, Start};
use crate::sessions::problem::{SessionError, SessionErrorKind};
use crate::sessions::repository::{Answer, Repository, Versioned, Window};
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
    sql: Arc<Sql>,
    keys: OwnerKeys,
    cache: Option<Arc<Cache>>,
    stale_reads: StaleReads,
}

impl SqlWithCache {
    /// The database alone. The keys make owners to what stands in its tables. Keys that were rotated since the database was
    /// filled are fine: its owners keep the names that they have there.
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
        let sql = Sql::new(repository);
        let given = keys.fingerprint();
        let kept = sql.answer(sql.repository.keep_fingerprint(&given)).await?;
        let Some(keys) = keys.at_fingerprint(&kept) else {
            return Err(SessionError::keys_differ(&kept, &given));
        };
        if kept != given {
            tracing::info!(
                kept,
                given,
                "owners in the database have the names of an earlier key"
            );
        }
        Ok(Self {
            sql: Arc::new(sql),
            keys,
            cache: None,
            stale_reads: StaleReads::default(),
        })
    }

    /// The same with a cache in front. All processes that share the database need the same cache, or all none: one without
    /// it would not tell the others' cache of what it writes. A server that is away is gone without until it is back.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `KeysDiffer` where the cache was filled with other owner keys.
    pub async fn with_cache(mut self, store: Arc<dyn CacheStore>) -> Result<Self, SessionError> {
        let cache = Cache::new(store);
        cache.open().await?;
        self.cache = Some(Arc::new(cache));
        Ok(self)
    }

    /// The same with another answer to reads while SQL is away.
    #[must_use]
    pub fn with_stale_reads(mut self, stale_reads: StaleReads) -> Self {
        self.stale_reads = stale_reads;
        self
    }

    pub(super) fn cache_counts(&self) -> CacheCounts {
        let counts = self.cache.as_ref().map(|cache| cache.counts());
        counts.unwrap_or_default()
    }

    pub(super) fn records(&self) -> Option<RecordFigures> {
        self.cache.as_ref()?.records()
    }

    pub(super) fn sql_counts(&self) -> SqlCounts {
        self.sql.counts()
    }

    pub(super) async fn create(
        &self,
        owner: &Owner,
        session: Session,
        clock: &Clock,
    ) -> Result<Session, SessionError> {
        let origin = self.begin().await?;
        let written = Versioned {
            version: session.updated_at.timestamp_micros(),
            session,
        };
        let (tag, made) = (self.keys.tag(owner), &written.session);
        let inserting = self.sql.repository.insert(&tag, made, written.version);
        let (is_new, ticket) = self.written(owner, inserting).await?;
        if !is_new {
            return Err(SessionError::conflict());
        }
        if let Some(cache) = &self.cache {
            let mut kept = cache.write(owner, &written, origin, ticket).await;
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
        let cache = match self.stale_only() {
            Some(cache) => cache,
            None => match self.get_fresh(owner, id).await {
                Ok(session) => return Ok(session.map(|session| Found::new(session, false))),
                Err(error) => self.stale_after(error)?,
            },
        };
        let session = cache.read_stale(owner, id).await?;
        Ok(session.map(|session| Found::new(session, true)))
    }

    async fn get_fresh(
        &self,
        owner: &Owner,
        id: &RecordId,
    ) -> Result<Option<Session>, SessionError> {
        let origin = self.begin().await?;
        let tag = self.keys.tag(owner);
        let asking = self.sql.answer(self.sql.repository.get(&tag, id));
        let Some(cache) = self.cache.as_ref().filter(|cache| !cache.owes_epoch()) else {
            return Ok(asking.await?.map(|found| found.session));
        };
        if let Some(session) = cache.read(owner, id, origin.epoch).await {
            return Ok(Some(session));
        }
        let (found, ticket) = tokio::join!(asking, cache.ticket_to_repair(owner));
        let found = found?;
        if let Some(found) = &found {
            cache.repair(owner, found, origin, ticket).await;
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
        let origin = self.begin().await?;
        let (tag, now_us) = (self.keys.tag(owner), now.timestamp_micros());
        let updating = self.sql.repository.update(&tag, id, change, now_us);
        let (written, ticket) = self.written(owner, updating).await?;
        let written = written.ok_or_else(SessionError::not_found)?;
        if let Some(cache) = &self.cache {
            // What is newer there is another update's.
            if cache.write(owner, &written, origin, ticket).await.is_none() {
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
        let deleting = self.sql.answer(self.sql.repository.delete(&tag, id));
        let gone = self.told(deleting.await)?;
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
        let cache = match self.stale_only() {
            Some(cache) => cache,
            None => match self.list_fresh(owner, request).await {
                Err(error) => self.stale_after(error)?,
                fresh => return fresh,
            },
        };
        cache.list_stale(owner, request).await
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
        let listing = self.sql.repository.list(&tag, &window, size);
        let listed = self.sql.answer(listing).await?;
        self.sql.note_unreadable(listed.skipped);
        Ok(SessionPage {
            sessions: listed.sessions,
            total: listed.total,
            page,
            page_size: size,
            next: listed.next,
            skipped: listed.skipped,
            stale: false,
        })
    }

    /// The epoch that the cache is read and written in, and since when it is known; asked for before SQL is, so that what
    /// SQL says is never older than its epoch.
    async fn begin(&self) -> Result<Origin, SessionError> {
        let since = Instant::now();
        let Some(cache) = &self.cache else {
            return Ok(Origin { epoch: 0, since });
        };
        if let Some(epoch) = cache.epoch() {
            return Ok(Origin { epoch, since });
        }
        let epoch = self.sql.answer(self.sql.repository.epoch()).await?;
        cache.learn(epoch, since);
        Ok(Origin { epoch, since })
    }

    /// What a statement that writes says, and what is needed to put it into the cache: asked for beside it.
    async fn written<T>(
        &self,
        owner: &Owner,
        writing: Answer<'_, T>,
    ) -> Result<(T, Option<Ticket>), SessionError> {
        let writing = self.sql.answer(writing);
        let Some(cache) = &self.cache else {
            return Ok((writing.await?, None));
        };
        let (answer, ticket) = tokio::join!(writing, cache.ticket_to_write(owner));
        Ok((self.told(answer)?, ticket))
    }

    /// A write without an answer may be carried out yet, and the cache would not hear of it: once it is over another epoch has
    /// to begin.
    fn told<T>(&self, answer: Result<T, SessionError>) -> Result<T, SessionError> {
        if let (Some(cache), Err(error)) = (&self.cache, &answer)
            && error.kind() == SessionErrorKind::Unavailable
        {
            self.owe_epoch(cache, Instant::now() + limits::SQL_TIMEOUT);
        }
        answer
    }

    /// What the cache holds by now is not to be believed any more: a write did not get there for sure.
    async fn begin_epoch(&self, cache: &Arc<Cache>) -> Result<(), SessionError> {
        let begun = next_epoch(&self.sql, cache).await;
        if begun.is_err() {
            self.owe_epoch(cache, Instant::now());
        }
        begun
    }

    /// Sees to it that another epoch begins, at this moment or later, as soon as SQL takes it. Ends when it has, or when what
    /// the cache holds by now has left it.
    fn owe_epoch(&self, cache: &Arc<Cache>, at: Instant) {
        if !cache.owe_epoch(at) {
            return;
        }
        let (sql, cache) = (Arc::clone(&self.sql), Arc::clone(cache));
        tokio::spawn(async move {
            while let Some(is_due) = cache.is_epoch_due() {
                if is_due && let Err(error) = next_epoch(&sql, &cache).await {
                    tracing::debug!(?error, "an epoch of the cache is owed still");
                }
                sleep(limits::EPOCH_OWED_PAUSE).await;
            }
        });
    }

    /// The cache, where it is all that is asked because SQL hangs.
    fn stale_only(&self) -> Option<&Arc<Cache>> {
        let cache = self.cache.as_ref()?;
        (self.stale_reads == StaleReads::Labelled && self.sql.is_left_alone()).then_some(cache)
    }

    /// The cache, where a read that failed for want of SQL may be answered out of it.
    fn stale_after(&self, error: SessionError) -> Result<&Arc<Cache>, SessionError> {
        let is_outage = error.kind() == SessionErrorKind::Unavailable;
        match (&self.cache, self.stale_reads) {
            (Some(cache), StaleReads::Labelled) if is_outage => Ok(cache),
            _ => Err(error),
        }
    }
}

async fn next_epoch(sql: &Sql, cache: &Cache) -> Result<(), SessionError> {
    let since = Instant::now();
    let epoch = sql.answer(sql.repository.next_epoch()).await?;
    cache.began(epoch, since);
    Ok(())
}
