//! Sessions in PostgreSQL: for several processes on several machines.

use sqlx::postgres::Postgres;

use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows;
use crate::sessions::repository::sql::{Dialect, SqlRepository};
use crate::sql::{self, Migrations};

const MIGRATIONS: Migrations = Migrations {
    table: rows::MIGRATIONS_TABLE,
    statements: &[(
        "sessions",
        include_str!("migrations/postgres/0001_sessions.sql"),
    )],
};

impl Dialect for Postgres {
    const UPDATE: &'static str = "UPDATE keypace_sessions SET version = greatest(version + 1, $3), \
    updated_us = greatest(updated_us, $3), \
    model = coalesce($4, model), status = coalesce($5, status), total_turns = coalesce($6, total_turns), \
    total_cost_usd = CASE WHEN $7 THEN $8 ELSE total_cost_usd END, \
    parent_session_id = CASE WHEN $9 THEN $10 ELSE parent_session_id END \
    WHERE owner = $1 AND id = $2 \
    RETURNING id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id";
}

/// Sessions in a PostgreSQL database.
pub type PostgresRepository = SqlRepository<Postgres>;

impl PostgresRepository {
    /// Connects to `postgres://user:password@host/database`, and brings its tables up to date; processes that start at once
    /// wait for one another. Where they are up to date nothing is made, so that a user without the right to make tables is
    /// enough: one who may read and write `keypace_sessions` and `keypace_sessions_state`, and read
    /// `keypace_sessions_migrations`. TLS is as `sslmode` in the URL says.
    ///
    /// Cancel-safe: what is half done is done again by the next.
    ///
    /// # Errors
    /// `Invalid` where the URL can't be read, `Unavailable` where nobody answers, `Internal` where the tables are of a newer
    /// version or the user has no right to make them.
    pub async fn connect(url: &str) -> Result<Self, SessionError> {
        let pool = sql::connect_postgres(url, &MIGRATIONS).await?;
        Ok(Self { pool })
    }
}
