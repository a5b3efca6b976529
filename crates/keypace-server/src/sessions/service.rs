//! The service that applications use: create, get, update, delete and list, for one owner at a time. Must not know where
//! sessions are kept beyond which of the two kinds of place it is.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use keypace::{Owner, RecordId};

use crate::sessions::cache::CacheCounts;
use crate::sessions::model::{NewSession, Session, SessionChange};
use crate::sessions::page::{PageRequest, SessionPage};
use crate::sessions::problem::SessionError;
use crate::sessions::redis_alone::RedisAlone;
use crate::sessions::with_cache::SqlWithCache;

/// Where a service takes the time from.
pub(super) type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A session that was found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The session.
    pub session: Session,
    /// Whether it comes from the cache alone, because the database did not answer: it may have been changed or deleted.
    pub stale: bool,
}

impl Found {
    pub(super) fn new(session: Session, stale: bool) -> Self {
        Self { session, stale }
    }
}

/// Sessions of an application's users.
///
/// Writes are not cancel-safe: one that is dropped may have been carried out in SQL and not in the cache, which has then up
/// to [`crate::limits::CACHE_TTL`] what was there before. Whoever may be dropped runs them in a task of their own.
#[derive(Clone)]
pub struct SessionService {
    source: Source,
    clock: Clock,
}

#[derive(Clone)]
enum Source {
    SqlWithCache(Arc<SqlWithCache>),
    RedisAlone(RedisAlone),
}

impl SessionService {
    /// Over an SQL database, with or without Redis in front.
    #[must_use]
    pub fn sql_with_cache(source: SqlWithCache) -> Self {
        Self::over(Source::SqlWithCache(Arc::new(source)))
    }

    /// Over Redis alone.
    #[must_use]
    pub fn redis_alone(source: RedisAlone) -> Self {
        Self::over(Source::RedisAlone(source))
    }

    fn over(source: Source) -> Self {
        Self {
            source,
            clock: Arc::new(Utc::now),
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes a session. Never writes over one: two that make the same id at once get one session and one conflict.
    ///
    /// Not cancel-safe.
    ///
    /// # Errors
    /// `Invalid`, `Conflict` where the owner has a session of this id, `Unavailable`.
    pub async fn create(&self, owner: &Owner, new: NewSession) -> Result<Session, SessionError> {
        let session = new.into_session((self.clock)())?;
        match &self.source {
            Source::SqlWithCache(source) => source.create(owner, session, &self.clock).await,
            Source::RedisAlone(source) => source.create(owner, session).await,
        }
    }

    /// One session.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `NotFound` where the owner has none of this id, or it can't be read; `Unavailable`.
    pub async fn get(&self, owner: &Owner, id: &RecordId) -> Result<Found, SessionError> {
        let found = match &self.source {
            Source::SqlWithCache(source) => source.get(owner, id).await?,
            Source::RedisAlone(source) => source.get(owner, id).await?,
        };
        found.ok_or_else(SessionError::not_found)
    }

    /// Changes a session, and gives what it is now. Changes that meet are carried out one after the other.
    ///
    /// Not cancel-safe.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`, `Changed` where others change it too often (with Redis alone), `Unavailable`.
    pub async fn update(
        &self,
        owner: &Owner,
        id: &RecordId,
        change: &SessionChange,
    ) -> Result<Session, SessionError> {
        change.check()?;
        let now = (self.clock)();
        match &self.source {
            Source::SqlWithCache(source) => source.update(owner, id, change, now).await,
            Source::RedisAlone(source) => source.update(owner, id, change, now).await,
        }
    }

    /// Deletes a session. Once it has said so, nobody sees the session again, in whichever process.
    ///
    /// Not cancel-safe.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn delete(&self, owner: &Owner, id: &RecordId) -> Result<(), SessionError> {
        match &self.source {
            Source::SqlWithCache(source) => source.delete(owner, id, &self.clock).await,
            Source::RedisAlone(source) => source.delete(owner, id).await,
        }
    }

    /// One page of an owner's sessions: newest first, those of one millisecond by id. The order is the same from SQL and
    /// from Redis. The total is counted right after the page is read.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(
        &self,
        owner: &Owner,
        request: &PageRequest,
    ) -> Result<SessionPage, SessionError> {
        match &self.source {
            Source::SqlWithCache(source) => source.list(owner, request).await,
            Source::RedisAlone(source) => source.list(owner, request).await,
        }
    }

    /// What happened between this service and its cache; all 0 where there is none.
    #[must_use]
    pub fn cache_counts(&self) -> CacheCounts {
        match &self.source {
            Source::SqlWithCache(source) => source.counts(),
            Source::RedisAlone(_) => CacheCounts::default(),
        }
    }
}

impl fmt::Debug for SessionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::SqlWithCache(_) => "sql_with_cache",
            Source::RedisAlone(_) => "redis_alone",
        };
        f.debug_struct("SessionService")
            .field("source", &source)
            .field("cache", &self.cache_counts())
            .finish_non_exhaustive()
    }
}
