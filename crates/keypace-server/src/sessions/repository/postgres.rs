//! Sessions in PostgreSQL: for several processes on several machines.

use std::str::FromStr;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};

use crate::limits;
use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows;
use crate::sessions::repository::sql::{Dialect, SqlRepository};

const MIGRATIONS: [(&str, &str); 1] = [(
    "sessions",
    include_str!("migrations/postgres/0001_sessions.sql"),
)];

/// What PostgreSQL says of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

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
        // The URL may hold a password, and the reason a part of the URL.
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            SessionError::invalid(
                "the URL of the database can't be read; it is postgres://user:password@host:port/database",
            )
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(limits::SQL_CONNECTIONS)
            .acquire_timeout(limits::SQL_TIMEOUT)
            .connect_with(options)
            .await?;
        let migrator = rows::migrator(&MIGRATIONS);
        if !is_up_to_date(&pool, &migrator).await? {
            let migrated = migrator.run(&pool).await;
            migrated.map_err(SessionError::internal)?;
        }
        Ok(Self { pool })
    }
}

/// Whether all migrations were carried out, and no other. A migrator would make its table first, and ask for the right to.
async fn is_up_to_date(pool: &PgPool, migrator: &Migrator) -> Result<bool, SessionError> {
    let statement = format!(
        "SELECT version, checksum FROM {} WHERE success ORDER BY version",
        rows::MIGRATIONS_TABLE
    );
    let applied = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(pool);
    let applied: Vec<(i64, Vec<u8>)> = match applied.await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            return Ok(false);
        }
        applied => applied?,
    };
    let known = migrator.iter();
    let known = known.map(|migration| (migration.version, migration.checksum.to_vec()));
    Ok(known.eq(applied))
}
