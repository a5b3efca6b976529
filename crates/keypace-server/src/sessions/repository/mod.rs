//! Sessions in SQL: what is asked of a database, and the two that answer. Owners come as tags and leave as none: no API
//! key stands in a table. Must not know Redis, and decides nothing about sessions.

mod postgres;
mod rows;
mod sql;
mod sqlite;

#[cfg(test)]
mod explained;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tests;

pub use postgres::PostgresRepository;
pub use sql::SqlRepository;
pub use sqlite::SqliteRepository;

use futures_util::future::BoxFuture;
use keypace::{Cursor, RecordId, Tag};

use crate::sessions::model::{Session, SessionChange};
use crate::sessions::problem::SessionError;

/// What a database answers, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, SessionError>>;

/// A session and the version that it has in SQL: never the same twice, and never going back while it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned {
    /// The session.
    pub session: Session,
    /// Its version: the previous one and 1, or the time in microseconds, whichever is more.
    pub version: i64,
}

/// Which part of an owner's sessions is asked for, in their order: newest first, then by id in bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// From this rank, which begins at 0.
    Offset(i64),
    /// Behind the place of a session that was made then (microseconds since 1970) and is called so.
    After(i64, RecordId),
}

/// The sessions of a window and how many the owner has.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// In order; at most as many as were asked for.
    pub sessions: Vec<Session>,
    /// All of the owner's.
    pub total: u64,
    /// Rows of the window that are no readable session; they take their place in it. The log names each.
    pub skipped: u64,
    /// Behind the last row of the window, where there are more. Nothing too where no row of it can be named.
    pub next: Option<Cursor>,
}

/// A database that keeps sessions. Each method is one statement, or two that only read, so that each is done whole or not
/// at all. None is cancel-safe but those that read: a write that is dropped may have been carried out, or be carried out
/// yet.
pub trait Repository: Send + Sync {
    /// Adds a session, unless the owner has one of its id; says whether it did.
    fn insert<'a>(&'a self, owner: &'a Tag, session: &'a Session, version: i64)
    -> Answer<'a, bool>;

    /// One session; nothing where its row is no readable one, which the log names.
    fn get<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<Versioned>>;

    /// Carries a change out at `now_us` (microseconds since 1970), and gives what the session is now.
    fn update<'a>(
        &'a self,
        owner: &'a Tag,
        id: &'a RecordId,
        change: &'a SessionChange,
        now_us: i64,
    ) -> Answer<'a, Option<Versioned>>;

    /// Removes a session, and gives the version that it had.
    fn delete<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<i64>>;

    /// At most `count` sessions of a window, and how many there are.
    fn list<'a>(&'a self, owner: &'a Tag, window: &'a Window, count: u32) -> Answer<'a, Listed>;

    /// Notes with which owner keys the tags were made, where nothing is noted yet, and gives what is noted.
    fn keep_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Answer<'a, String>;

    /// The epoch that the cache's contents must be of to be believed.
    fn epoch(&self) -> Answer<'_, i64>;

    /// Begins another epoch, and gives it.
    fn next_epoch(&self) -> Answer<'_, i64>;
}
