//! Sessions in SQLite: one file, embedded. Whole within one process; several processes may share the file on one machine.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use tokio::time::{Instant, sleep};

use crate::limits;
use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows;
use crate::sessions::repository::sql::{Dialect, SqlRepository};

const MIGRATIONS: [(&str, &str); 1] = [(
    "sessions",
    include_str!("migrations/sqlite/0001_sessions.sql"),
)];

impl Dialect for Sqlite {
    const UPDATE: &'static str = "UPDATE keypace_sessions SET version = max(version + 1, $3), updated_us = max(updated_us, $3), \
    model = coalesce($4, model), status = coalesce($5, status), total_turns = coalesce($6, total_turns), \
    total_cost_usd = CASE WHEN $7 THEN $8 ELSE total_cost_usd END, \
    parent_session_id = CASE WHEN $9 THEN $10 ELSE parent_session_id END \
    WHERE owner = $1 AND id = $2 \
    RETURNING id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id";
}

/// What SQLite calls it in the lowest byte of its codes.
const BUSY: u32 = 5;

/// What a path begins with that is meant for SQLite itself: memory, or a URL. There is a file in neither.
const NO_PATHS: [&str; 3] = [":memory:", "sqlite:", "file:"];

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
        let path = path.as_ref();
        check(path)?;
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

/// SQLite would take each of these for something else than the file of that name.
fn check(path: &Path) -> Result<(), SessionError> {
    let text = path.to_string_lossy().to_ascii_lowercase();
    if text.is_empty() || NO_PATHS.iter().any(|lead| text.starts_with(lead)) {
        return Err(SessionError::invalid(
            "sessions in SQLite are kept in a file: give its path, not a URL or `:memory:`; a file that is really called so is \
             `./` and its name",
        ));
    }
    Ok(())
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
