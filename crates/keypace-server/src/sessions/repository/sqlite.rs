//! Sessions in SQLite: one file, embedded. Whole within one process; several processes may share the file on one machine.

use std::path::Path;

use sqlx::sqlite::Sqlite;

use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows;
use crate::sessions::repository::sql::{Dialect, SqlRepository};
use crate::sql::{self, Migrations};

const MIGRATIONS: Migrations = Migrations {
    table: rows::MIGRATIONS_TABLE,
    statements: &[(
        "sessions",
        include_str!("migrations/sqlite/0001_sessions.sql"),
    )],
};

impl Dialect for Sqlite {
    const UPDATE: &'static str = "UPDATE keypace_sessions SET version = max(version + 1, $3), updated_us = max(updated_us, $3), \
    model = coalesce($4, model), status = coalesce($5, status), total_turns = coalesce($6, total_turns), \
    total_cost_usd = CASE WHEN $7 THEN $8 ELSE total_cost_usd END, \
    parent_session_id = CASE WHEN $9 THEN $10 ELSE parent_session_id END \
    WHERE owner = $1 AND id = $2 \
    RETURNING id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id";
}

/// Sessions in a file of SQLite.
pub type SqliteRepository = SqlRepository<Sqlite>;

impl SqliteRepository {
    /// Opens the file, or makes it with mode 0600, and brings its tables up to date; processes that start at once wait for
    /// one another.
    ///
    /// Cancel-safe: what is half done is done again by the next.
    ///
    /// # Errors
    /// `Invalid` where the path is no path, but a URL or `:memory:`, which no two connections share. `Unavailable` or `Internal`
    /// where the file can't be made or opened, or is of a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SessionError> {
        let pool = sql::open_sqlite(path.as_ref(), &MIGRATIONS).await?;
        Ok(Self { pool })
    }
}
