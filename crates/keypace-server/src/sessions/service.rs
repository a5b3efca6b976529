//! The service that applications use: create, get, update, delete and list, for one owner at a time. Must not know where
//! sessions are kept beyond which of the two kinds of place it is.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use keypace::{Owner, RecordId};
use tokio::sync::{Semaphore, oneshot};

use crate::limits;
use crate::sessions::cache::{CacheCounts, RecordFigures};
use crate::sessions::database::SqlCounts;
use crate::sessions::model::{NewSession, Session, SessionChange};
use crate::sessions::page::{PageRequest, SessionPage};
use crate::sessions::problem::SessionError;
use crate::sessions::redis_alone::RedisAlone;
use crate::sessions::with_cache::SqlWithCache;

/// Where a service takes the time from.
pub(super) type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Where a service has its writes carried out: it starts what it is given, and returns at once.
type Tasks = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// What a service counted, for whoever exports it; all 0 where there is no such part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCounts {
    /// Between it and its database.
    pub sql: SqlCounts,
    /// Between it and its cache.
    pub cache: CacheCounts,
}

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
/// A write that was begun is carried out to its end, whether or not somebody waits for it: SQL and the cache never differ
/// because a caller went away. It has a task of its own, and needs a runtime of tokio.
#[derive(Clone)]
pub struct SessionService {
    source: Source,
    clock: Clock,
    tasks: Tasks,
    writes: Arc<Semaphore>,
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
            tasks: Arc::new(|task| drop(tokio::spawn(task))),
            writes: Arc::new(Semaphore::new(limits::WRITES_AT_ONCE)),
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The same with its writes carried out elsewhere than by `tokio::spawn`: where a shutdown waits for them, say.
    #[must_use]
    pub fn with_tasks(
        mut self,
        start: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static,
    ) -> Self {
        self.tasks = Arc::new(start);
        self
    }

    /// Makes a session. Never writes over one: two that make the same id at once get one session and one conflict.
    ///
    /// Cancel-safe: dropped, it was carried out whole or will be, or has not begun.
    ///
    /// # Errors
    /// `Invalid`, `Conflict` where the owner has a session of this id, `Unavailable`.
    pub async fn create(&self, owner: &Owner, new: NewSession) -> Result<Session, SessionError> {
        let session = new.into_session((self.clock)())?;
        let (source, clock, owner) = (self.source.clone(), self.clock.clone(), owner.clone());
        let creating = Box::pin(async move {
            match source {
                Source::SqlWithCache(source) => source.create(&owner, session, &clock).await,
                Source::RedisAlone(source) => source.create(&owner, session).await,
            }
        });
        self.carried_out(creating).await
    }

    /// One session.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `NotFound` where the owner has none of this id, or it can't be read; `Unavailable`.
    pub async fn get(&self, owner: &Owner, id: &RecordId) -> Result<Found, SessionError> {
        let found = match &self.source {
            // In a box, so that the futures of callers stay flat.
            Source::SqlWithCache(source) => Box::pin(source.get(owner, id)).await?,
            Source::RedisAlone(source) => Box::pin(source.get(owner, id)).await?,
        };
        found.ok_or_else(SessionError::not_found)
    }

    /// Changes a session, and gives what it is now. Changes that meet are carried out one after the other.
    ///
    /// Cancel-safe: dropped, it was carried out whole or will be, or has not begun.
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
        let (source, now) = (self.source.clone(), (self.clock)());
        let (owner, id, change) = (owner.clone(), id.clone(), change.clone());
        let updating = Box::pin(async move {
            match source {
                Source::SqlWithCache(source) => source.update(&owner, &id, &change, now).await,
                Source::RedisAlone(source) => source.update(&owner, &id, &change, now).await,
            }
        });
        self.carried_out(updating).await
    }

    /// Deletes a session. Once it has said so, nobody sees the session again, in whichever process.
    ///
    /// Cancel-safe: dropped, it was carried out whole or will be, or has not begun.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn delete(&self, owner: &Owner, id: &RecordId) -> Result<(), SessionError> {
        let (source, clock) = (self.source.clone(), self.clock.clone());
        let (owner, id) = (owner.clone(), id.clone());
        let deleting = Box::pin(async move {
            match source {
                Source::SqlWithCache(source) => source.delete(&owner, &id, &clock).await,
                Source::RedisAlone(source) => source.delete(&owner, &id).await,
            }
        });
        self.carried_out(deleting).await
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
            Source::SqlWithCache(source) => Box::pin(source.list(owner, request)).await,
            Source::RedisAlone(source) => Box::pin(source.list(owner, request)).await,
        }
    }

    /// Waits until no write is under way, those of callers who have gone too. New ones wait behind it.
    ///
    /// Cancel-safe.
    pub async fn settled(&self) {
        let all = u32::try_from(limits::WRITES_AT_ONCE).unwrap_or(u32::MAX);
        // It is closed by nobody.
        let _ = self.writes.acquire_many(all).await;
    }

    /// What the records in Redis have counted so far; nothing where there are none, or their server was away until now.
    #[must_use]
    pub fn records(&self) -> Option<RecordFigures> {
        match &self.source {
            Source::SqlWithCache(source) => source.records(),
            Source::RedisAlone(source) => Some(source.records()),
        }
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> SessionCounts {
        match &self.source {
            Source::SqlWithCache(source) => SessionCounts {
                sql: source.sql_counts(),
                cache: source.cache_counts(),
            },
            Source::RedisAlone(_) => SessionCounts::default(),
        }
    }

    /// A write in a task of its own, one of [`limits::WRITES_AT_ONCE`].
    async fn carried_out<T: Send + 'static>(
        &self,
        write: BoxFuture<'static, Result<T, SessionError>>,
    ) -> Result<T, SessionError> {
        let turn = Arc::clone(&self.writes).acquire_owned().await;
        let turn = turn.map_err(SessionError::internal)?;
        let (tell, told) = oneshot::channel();
        (self.tasks)(Box::pin(async move {
            let answer = write.await;
            drop(turn);
            // Nobody need be there any more.
            let _ = tell.send(answer);
        }));
        // The task ends without an answer where the process does.
        told.await.map_err(SessionError::unavailable)?
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
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
