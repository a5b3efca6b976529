//! What all that is kept in SQL has in common: a file of SQLite that is nobody else's, migrations, and which failures pass.
//! Must not know what is in the tables.

use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::time::{Instant, sleep};

use crate::limits;

/// What SQLite calls it in the lowest byte of its codes.
const BUSY: u32 = 5;
/// What PostgreSQL says of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";
/// What a path begins with that is meant for SQLite itself: memory, or a URL. There is a file in neither.
const NO_PATHS: [&str; 3] = [":memory:", "sqlite:", "file:"];

/// What sort of thing failed with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// What it is told can't be used; the text says why.
    Invalid,
    /// The database does not answer, or says that it can't at the moment. A write may have been carried out or not.
    Unavailable,
    /// Anything else: the cause says more, and is not for the public.
    Internal,
}

/// Why a store failed. `Display` is a public text; the cause is in `source()`, for the log.
pub struct StoreError {
    kind: StoreErrorKind,
    text: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// What was asked of it can't be done; says why.
    #[must_use]
    pub fn invalid(text: &'static str) -> Self {
        Self {
            kind: StoreErrorKind::Invalid,
            text,
            source: None,
        }
    }

    /// Somebody who is asked does not answer; the cause goes to the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
            text: "the job store can't be reached at the moment; look before a write is repeated, as it may have been \
                carried out",
            source: Some(source.into()),
        }
    }

    /// Anything that is no fault of the caller's; the cause goes to the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: StoreErrorKind::Internal,
            text: "something went wrong with the job store; the log says what",
            source: Some(source.into()),
        }
    }

    /// What sort of thing failed.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The public text.
    #[must_use]
    pub fn text(&self) -> &'static str {
        self.text
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_deref();
        source.map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// Whether the same may work later: nobody answered, or the database itself says that it can't at the moment.
pub(crate) fn passes(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    match error {
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => true,
        sqlx::Error::Database(answer) => answer.code().is_some_and(|code| is_outage(&code)),
        _ => false,
    }
}

/// PostgreSQL's classes of lost connections, resources and its operator, of serialization and locks; SQLite's BUSY, LOCKED,
/// IOERR, FULL and CANTOPEN, extended or not.
fn is_outage(code: &str) -> bool {
    if code.len() == 5 {
        let classes = ["08", "53", "57", "58", "40"];
        return classes.iter().any(|class| code.starts_with(class))
            || code == "55P03"
            || code == "25006";
    }
    let primary = code.parse::<u32>().map(|code| code & 0xff);
    matches!(primary, Ok(5 | 6 | 10 | 13 | 14))
}

/// Migrations, in order, and the table where it is noted which were carried out: one of our own, as others may keep theirs in
/// the same database. They are in the program, and no file is read.
pub(crate) struct Migrations {
    pub(crate) table: &'static str,
    pub(crate) statements: &'static [(&'static str, &'static str)],
}

impl Migrations {
    fn migrator(&self) -> Migrator {
        let migrations = (1..).zip(self.statements).map(|(version, (name, sql))| {
            let (name, sql) = ((*name).into(), (*sql).into_sql_str());
            Migration::new(version, name, MigrationType::Simple, sql, false)
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        migrator.dangerous_set_table_name(self.table);
        migrator
    }
}

/// Opens a file of SQLite, or makes it with mode 0600, and brings its tables up to date; processes that start at once wait for
/// one another.
///
/// Cancel-safe: what is half done is done again by the next.
pub(crate) async fn open_sqlite(
    path: &Path,
    migrations: &Migrations,
) -> Result<SqlitePool, StoreError> {
    check(path)?;
    make_private(path).map_err(StoreError::unavailable)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged survives a loss of power.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(limits::SQLITE_BUSY_TIMEOUT);
    let pool = connected(options).await?;
    // Others that open it at the same time wait here, and then find it done: a migrator locks nothing in SQLite.
    let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
    let migrator = migrations.migrator();
    let migrated = migrator.run_direct(None, &mut *alone, false).await;
    migrated.map_err(StoreError::internal)?;
    alone.commit().await?;
    Ok(pool)
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

/// SQLite would take each of these for something else than the file of that name; each connection has a memory of its own.
fn check(path: &Path) -> Result<(), StoreError> {
    let text = path.to_string_lossy().to_ascii_lowercase();
    if text.is_empty() || NO_PATHS.iter().any(|lead| text.starts_with(lead)) {
        return Err(StoreError::invalid(
            "SQLite is kept in a file: give its path, not a URL or `:memory:`; a file that is really called so is `./` and its \
             name",
        ));
    }
    Ok(())
}

/// Makes the file where there is none: SQLite would make it readable for all. Its other files take the mode of this one. One
/// that is there is not opened, because closing it would end the locks that this process has on it.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    match options.create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Connects to `postgres://user:password@host/database`, and brings its tables up to date; processes that start at once wait
/// for one another. Where they are up to date nothing is made, so that a user without the right to make tables is enough: one
/// who may read the table of migrations. TLS is as `sslmode` in the URL says.
///
/// Cancel-safe: what is half done is done again by the next.
pub(crate) async fn connect_postgres(
    url: &str,
    migrations: &Migrations,
) -> Result<PgPool, StoreError> {
    // The URL may hold a password, and the reason a part of the URL.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        StoreError::invalid(
            "the URL of the database can't be read; it is postgres://user:password@host:port/database",
        )
    })?;
    let pool = PgPoolOptions::new()
        .max_connections(limits::SQL_CONNECTIONS)
        .acquire_timeout(limits::SQL_TIMEOUT)
        .connect_with(options)
        .await?;
    if !is_up_to_date(&pool, migrations).await? {
        let migrated = migrations.migrator().run(&pool).await;
        migrated.map_err(StoreError::internal)?;
    }
    Ok(pool)
}

/// Whether all migrations were carried out, and no other. A migrator would make its table first, and ask for the right to.
async fn is_up_to_date(pool: &PgPool, migrations: &Migrations) -> Result<bool, StoreError> {
    let statement = format!(
        "SELECT version, checksum FROM {} WHERE success ORDER BY version",
        migrations.table
    );
    let applied = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(pool);
    let applied: Vec<(i64, Vec<u8>)> = match applied.await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            return Ok(false);
        }
        applied => applied?,
    };
    let migrator = migrations.migrator();
    let known = migrator.iter();
    let known = known.map(|migration| (migration.version, migration.checksum.to_vec()));
    Ok(known.eq(applied))
}

#[cfg(test)]
mod tests {
    use super::is_outage;

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for code in ["57P03", "08006", "53300", "40001", "5", "2053", "14"] {
            assert!(is_outage(code), "{code}");
        }
        for code in ["23505", "42P01", "1", "19", "2067", ""] {
            assert!(!is_outage(code), "{code}");
        }
    }
}
