//! Sessions in SQLite: one file, embedded. Whole within one process; several processes may share the file on one machine.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use keypace::{RecordId, Tag};
use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::time::{Instant, sleep};

use crate::limits;
use crate::sessions::model::{Session, SessionChange, Status};
use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows::{self, Values, session_of};
use crate::sessions::repository::{Answer, Listed, Repository, Versioned, Window};

const MIGRATIONS: [(&str, &str); 1] = [(
    "sessions",
    include_str!("migrations/sqlite/0001_sessions.sql"),
)];

const UPDATE: &str = "UPDATE keypace_sessions SET version = max(version + 1, $3), updated_us = max(updated_us, $3), \
    model = coalesce($4, model), status = coalesce($5, status), total_turns = coalesce($6, total_turns), \
    total_cost_usd = CASE WHEN $7 THEN $8 ELSE total_cost_usd END, \
    parent_session_id = CASE WHEN $9 THEN $10 ELSE parent_session_id END \
    WHERE owner = $1 AND id = $2 \
    RETURNING id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id";

/// What SQLite calls it in the lowest byte of its codes.
const BUSY: u32 = 5;

/// Sessions in a file of SQLite.
#[derive(Debug, Clone)]
pub struct SqliteRepository {
    pub(super) pool: SqlitePool,
}

impl SqliteRepository {
    /// Opens the file, or makes it with mode 0600, and brings its tables up to date; processes that start at once wait for
    /// one another.
    ///
    /// Cancel-safe: what is half done is done again by the next.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the file can't be made or opened, or is of a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SessionError> {
        let path = path.as_ref();
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a loss of power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(limits::SQLITE_BUSY_TIMEOUT);
        let pool = connected(options).await?;
        // Others that open it at the same time wait here, and then find it done: a migrator locks nothing in SQLite.
        let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
        let migrator = rows::migrator(&MIGRATIONS);
        let migrated = migrator.run_direct(None, &mut *alone, false).await;
        migrated.map_err(SessionError::internal)?;
        alone.commit().await?;
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

/// The switch to a write-ahead log does not wait for others who are at the same, whatever SQLite was told of that: it is tried
/// again here.
async fn connected(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let until = Instant::now() + limits::SQLITE_BUSY_TIMEOUT;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(limits::SQL_CONNECTIONS)
            .acquire_timeout(limits::SQL_TIMEOUT);
        match pool.connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                sleep(limits::SQLITE_OPEN_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

/// Whether another connection is in the way for the moment.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|answer| answer.code());
    code.is_some_and(|code| code.parse().is_ok_and(|code: u32| code & 0xff == BUSY))
}

/// Makes the file where there is none: SQLite would make it readable for all. Its other files take the mode of this one. One
/// that is there is not opened, because closing it would end the locks that this process has on it.
fn make_private(path: &Path) -> Result<(), SessionError> {
    let mut options = OpenOptions::new();
    match options.create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(SessionError::unavailable(error))
        }
        _ => Ok(()),
    }
}

impl Repository for SqliteRepository {
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
