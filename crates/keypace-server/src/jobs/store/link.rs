//! One transaction in either database, and a statement that both read alike sent through it. Knows no job.

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::sql::StoreError;

/// What PostgreSQL knows the lock by that is held where a decision looks at more than one row.
const ALONE: i64 = 0x6b65_7970_6163_6500;

/// Where the tables are.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction; undone where it is dropped.
pub(super) enum Link {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Pool {
    /// For reading.
    pub(super) async fn reading(&self) -> Result<Link, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Link::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Link::Postgres(pool.begin().await?),
        })
    }

    /// For reading rows under a lock and writing them: SQLite has one lock for all, PostgreSQL one for each row.
    pub(super) async fn writing(&self) -> Result<Link, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Link::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Link::Postgres(pool.begin().await?),
        })
    }

    /// For decisions that look at more than one row: one at a time, over all processes.
    pub(super) async fn alone(&self) -> Result<Link, StoreError> {
        let mut link = self.writing().await?;
        if let Link::Postgres(transaction) = &mut link {
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(ALONE);
            lock.execute(&mut **transaction).await?;
        }
        Ok(link)
    }

    /// Connections that are open, and those of them that are idle.
    pub(super) fn connections(&self) -> (u32, usize) {
        match self {
            Self::Sqlite(pool) => (pool.size(), pool.num_idle()),
            Self::Postgres(pool) => (pool.size(), pool.num_idle()),
        }
    }
}

impl Link {
    /// The statement that locks the rows it reads, where the transaction does not do so by itself.
    pub(super) fn locking(&self, plain: &'static str, locked: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => plain,
            Self::Postgres(_) => locked,
        }
    }

    /// Ends it with nothing written. Dropped alone it would be ended some time later, and until then a claim would pass over
    /// the row that it holds.
    pub(super) async fn leave(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.rollback().await?,
            Self::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// Carries a statement out with these values, and gives how many rows it changed.
macro_rules! execute {
    ($link:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        match $link {
            Link::Sqlite(transaction) => sqlx::query($sql)$(.bind($value))*
                .execute(&mut **transaction).await.map(|done| done.rows_affected()),
            Link::Postgres(transaction) => sqlx::query($sql)$(.bind($value))*
                .execute(&mut **transaction).await.map(|done| done.rows_affected()),
        }
        .map_err(StoreError::from)
    };
}

/// Carries a statement out with these values, and gives its rows as `$read` reads each.
macro_rules! rows {
    ($read:path, $link:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        match $link {
            Link::Sqlite(transaction) => sqlx::query($sql)$(.bind($value))*
                .fetch_all(&mut **transaction).await?.iter().map($read).collect::<Result<Vec<_>, _>>(),
            Link::Postgres(transaction) => sqlx::query($sql)$(.bind($value))*
                .fetch_all(&mut **transaction).await?.iter().map($read).collect::<Result<Vec<_>, _>>(),
        }
    };
}

pub(super) use {execute, rows};
