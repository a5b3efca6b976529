//! The cache's place in Redis or Valkey: records of a namespace of its own, each with the version that SQL gave it.
//! Must not decide what is believed.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use keypace::{
    Buried, ConnectOptions, ErrorKind, Import, Imported, Keyspace, Namespace, Owner, OwnerKeys,
    RecordId, Shelf, Target, Version,
};
use tokio::sync::{Mutex, OnceCell};

use crate::limits;
use crate::sessions::cache::{CacheStore, Entry, Kept, RecordFigures};
use crate::sessions::page::{PageRequest, SessionPage};
use crate::sessions::problem::SessionError;
use crate::sessions::redis_alone::list_shelf;
use crate::sessions::repository::Answer;

type Opening = BoxFuture<'static, keypace::Result<Shelf>>;

/// Records of a namespace that nothing else uses. A server that is away when a process starts is connected to when it is
/// back: going without the cache would leave in it what this process overwrites.
pub struct RedisStore {
    shelf: Arc<OnceCell<Shelf>>,
    open: Arc<dyn Fn() -> Opening + Send + Sync>,
    /// Held by who opens it.
    opening: Arc<Mutex<()>>,
}

impl RedisStore {
    /// On this server or cluster; it is connected to when it is first asked.
    #[must_use]
    pub fn new(
        target: Target,
        options: ConnectOptions,
        namespace: Namespace,
        keys: OwnerKeys,
    ) -> Self {
        let parts = Arc::new((target, options, namespace, keys));
        let open = move || -> Opening {
            let parts = Arc::clone(&parts);
            Box::pin(async move {
                let (target, options, namespace, keys) = (*parts).clone();
                let keyspace = Keyspace::connect(target, options).await?;
                Shelf::open(&keyspace, namespace, keys).await
            })
        };
        Self {
            shelf: Arc::default(),
            open: Arc::new(open),
            opening: Arc::default(),
        }
    }

    async fn shelf(&self) -> Result<&Shelf, SessionError> {
        if let Some(shelf) = self.shelf.get() {
            return Ok(shelf);
        }
        let turn = Arc::clone(&self.opening).lock_owned().await;
        if self.shelf.get().is_none() {
            let (shelf, open) = (Arc::clone(&self.shelf), Arc::clone(&self.open));
            // In a task of its own: it takes longer than one call may wait, and goes on when that is given up.
            let opening = tokio::spawn(async move {
                let _turn = turn;
                shelf.get_or_try_init(|| open()).await.map(|_| ())
            });
            let opened = opening.await.map_err(SessionError::internal)?;
            opened.map_err(|error| match error.kind() {
                ErrorKind::Guard => SessionError::cache_keys_differ(error),
                _ => error.into(),
            })?;
        }
        let opened = self.shelf.get();
        opened.ok_or_else(|| SessionError::internal("the cache was opened, and is not there"))
    }
}

impl CacheStore for RedisStore {
    fn open(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.shelf().await.map(|_| ()) })
    }

    fn now_ms<'a>(&'a self, owner: &'a Owner) -> Answer<'a, i64> {
        Box::pin(async move { Ok(self.shelf().await?.server_time_ms(owner).await?) })
    }

    fn read<'a>(&'a self, owner: &'a Owner, id: &'a RecordId) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            match self.shelf().await?.get(owner, id).await {
                Ok(stored) => Ok(stored.map(|stored| stored.value.to_vec())),
                // Nothing that we wrote: as good as nothing.
                Err(error) if error.kind() == ErrorKind::Damaged => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn import<'a>(&'a self, owner: &'a Owner, entry: &'a Entry) -> Answer<'a, Kept> {
        Box::pin(async move {
            let version = version_of(entry.version)?;
            let import = Import::new(version, entry.created_ms, entry.updated_ms)
                .with_ttl(limits::CACHE_TTL)
                .with_not_after_ms(entry.not_after_ms);
            let body = entry.body.clone().into();
            let shelf = self.shelf().await?;
            match shelf.import(owner, &entry.id, body, &import).await? {
                Imported::Written(_) => Ok(Kept::AsGiven),
                Imported::Older(_) | Imported::Expired => Ok(Kept::NewerThere),
                Imported::Late => Ok(Kept::TooLate),
            }
        })
    }

    fn bury<'a>(&'a self, owner: &'a Owner, id: &'a RecordId, version: i64) -> Answer<'a, Kept> {
        Box::pin(async move {
            let version = version_of(version)?;
            match self.shelf().await?.bury(owner, id, version).await? {
                Buried::Gone(_) => Ok(Kept::AsGiven),
                Buried::Older(_) => Ok(Kept::NewerThere),
            }
        })
    }

    fn list<'a>(&'a self, owner: &'a Owner, request: &'a PageRequest) -> Answer<'a, SessionPage> {
        Box::pin(async move { list_shelf(self.shelf().await?, owner, request).await })
    }

    fn records(&self) -> Option<RecordFigures> {
        self.shelf.get().map(RecordFigures::of)
    }
}

fn version_of(version: i64) -> Result<Version, SessionError> {
    let version = u64::try_from(version).map_err(SessionError::internal)?;
    Ok(Version::new(version)?)
}
