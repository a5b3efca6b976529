//! Sessions of an application's users: model, service, and the two kinds of place that they are kept in.
//! Must not know HTTP. Nothing here reads, writes or lists without an owner.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use keypace::Owner;
//! use keypace_server::sessions::{NewSession, PageRequest, SessionService, SqlWithCache, SqliteRepository};
//!
//! # async fn example(keys: keypace::OwnerKeys) -> Result<(), Box<dyn std::error::Error>> {
//! let repository = SqliteRepository::open("sessions.db").await?;
//! let source = SqlWithCache::open(Arc::new(repository), keys).await?;
//! let service = SessionService::sql_with_cache(source);
//!
//! let owner = Owner::new("an API key")?;
//! let made = service.create(&owner, NewSession::new("a-model")).await?;
//! let page = service.list(&owner, &PageRequest::default()).await?;
//! assert_eq!((page.total, &page.sessions[0].id), (1, &made.id));
//! # Ok(())
//! # }
//! ```

mod body;
mod breaker;
mod cache;
mod database;
mod iso_time;
mod model;
mod page;
mod problem;
mod redis_alone;
mod repository;
mod request;
mod service;
mod with_cache;

pub use body::Unreadable;
pub use body::read_session;
pub use cache::CacheCounts;
pub use cache::CacheStore;
pub use cache::Entry;
pub use cache::Kept;
pub use cache::RecordFigures;
pub use cache::RedisStore;
pub use database::SqlCounts;
pub use model::NewSession;
pub use model::Session;
pub use model::SessionChange;
pub use model::Status;
pub(crate) use model::time_text;
pub use page::OwnerFilter;
pub use page::PageRequest;
pub use page::SessionPage;
pub use page::Start;
pub use problem::SessionError;
pub use problem::SessionErrorKind;
pub use redis_alone::RedisAlone;
pub use repository::Answer;
pub use repository::Listed;
pub use repository::PostgresRepository;
pub use repository::Repository;
pub use repository::SqlRepository;
pub use repository::SqliteRepository;
pub use repository::Versioned;
pub use repository::Window;
pub use service::Found;
pub use service::SessionCounts;
pub use service::SessionService;
pub use with_cache::SqlWithCache;
pub use with_cache::StaleReads;
