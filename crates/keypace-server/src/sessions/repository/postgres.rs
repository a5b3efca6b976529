//! Sessions in PostgreSQL: for several processes on several machines.

use keypace::{RecordId, Tag};
use sqlx::Row;
use sqlx::postgres::PgPool;

use crate::sessions::model::{Session, SessionChange, Status};
use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows::{self, Values, session_of};
use crate::sessions::repository::{Answer, Listed, Repository, Versioned, Window};
use crate::sql::{self, Migrations};

const MIGRATIONS: Migrations = Migrations {
    table: rows::MIGRATIONS_TABLE,
    statements: &[(
        "sessions",
        include_str!("migrations/postgres/0001_sessions.sql"),
    )],
};

const UPDATE: &str = "UPDATE keypace_sessions SET version = greatest(version + 1, $3), \
    updated_us = greatest(updated_us, $3), \
    model = coalesce($4, model), status = coalesce($5, status), total_turns = coalesce($6, total_turns), \
    total_cost_usd = CASE WHEN $7 THEN $8 ELSE total_cost_usd END, \
    parent_session_id = CASE WHEN $9 THEN $10 ELSE parent_session_id END \
    WHERE owner = $1 AND id = $2 \
    RETURNING id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id";

/// Sessions in a PostgreSQL database.
#[derive(Debug, Clone)]
pub struct PostgresRepository {
    pub(super) pool: PgPool,
}

impl PostgresRepository {
    /// Connects to `postgres://user:password@host/database`, and brings its tables up to date; processes that start at once
    /// wait for one another. TLS is as `sslmode` in the URL says.
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

    async fn rows(
        &self,
        owner: &Tag,
        window: &Window,
        count: u32,
    ) -> Result<Vec<Session>, SessionError> {
        let query = match window {
            Window::Offset(offset) => sqlx::query(rows::PAGE)
                .bind(owner.as_str())
                .bind(i64::from(count))
                .bind(*offset),
            Window::After(created_us, id) => sqlx::query(rows::AFTER)
                .bind(owner.as_str())
                .bind(*created_us)
                .bind(id.as_str())
                .bind(i64::from(count)),
        };
        let rows = query.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| session_of(row).map(|found| found.session))
            .collect()
    }
}

impl Repository for PostgresRepository {
    fn insert<'a>(
        &'a self,
        owner: &'a Tag,
        session: &'a Session,
        version: i64,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let values = Values::of(owner, session)?;
            let done = sqlx::query(rows::INSERT)
                .bind(values.owner)
                .bind(values.id)
                .bind(version)
                .bind(&session.model)
                .bind(values.status)
                .bind(values.created_us)
                .bind(values.updated_us)
                .bind(values.total_turns)
                .bind(session.total_cost_usd)
                .bind(values.parent)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn get<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<Versioned>> {
        Box::pin(async move {
            let query = sqlx::query(rows::GET)
                .bind(owner.as_str())
                .bind(id.as_str());
            let row = query.fetch_optional(&self.pool).await?;
            row.as_ref().map(session_of).transpose()
        })
    }

    fn update<'a>(
        &'a self,
        owner: &'a Tag,
        id: &'a RecordId,
        change: &'a SessionChange,
        now_us: i64,
    ) -> Answer<'a, Option<Versioned>> {
        Box::pin(async move {
            let turns = change.total_turns.map(i64::try_from).transpose();
            let parent = change.parent_session_id.as_ref();
            let row = sqlx::query(UPDATE)
                .bind(owner.as_str())
                .bind(id.as_str())
                .bind(now_us)
                .bind(change.model.as_deref())
                .bind(change.status.map(Status::as_str))
                .bind(turns.map_err(SessionError::internal)?)
                .bind(change.total_cost_usd.is_some())
                .bind(change.total_cost_usd.flatten())
                .bind(parent.is_some())
                .bind(parent.and_then(|parent| parent.as_ref().map(RecordId::as_str)))
                .fetch_optional(&self.pool)
                .await?;
            row.as_ref().map(session_of).transpose()
        })
    }

    fn delete<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<i64>> {
        Box::pin(async move {
            let query = sqlx::query(rows::DELETE)
                .bind(owner.as_str())
                .bind(id.as_str());
            let row = query.fetch_optional(&self.pool).await?;
            Ok(row.map(|row| row.try_get("version")).transpose()?)
        })
    }

    fn list<'a>(&'a self, owner: &'a Tag, window: &'a Window, count: u32) -> Answer<'a, Listed> {
        Box::pin(async move {
            let sessions = self.rows(owner, window, count).await?;
            let query = sqlx::query(rows::COUNT).bind(owner.as_str());
            let total: i64 = query.fetch_one(&self.pool).await?.try_get(0)?;
            Ok(Listed {
                sessions,
                total: u64::try_from(total).unwrap_or(0),
            })
        })
    }

    fn keep_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let query = sqlx::query(rows::KEEP_FINGERPRINT).bind(fingerprint);
            let row = query.fetch_one(&self.pool).await?;
            Ok(row.try_get(0)?)
        })
    }

    fn epoch(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            let row = sqlx::query(rows::EPOCH).fetch_one(&self.pool).await?;
            Ok(row.try_get(0)?)
        })
    }

    fn next_epoch(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            let row = sqlx::query(rows::NEXT_EPOCH).fetch_one(&self.pool).await?;
            Ok(row.try_get(0)?)
        })
    }
}
