//! The repository over a database's connections: the same for both, which differ in how they are opened and in one word of
//! one statement. Must not open anything.

use keypace::{RecordId, Tag};
use sqlx::{ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Pool, Row, Type};

use crate::sessions::body::Unreadable;
use crate::sessions::model::{Session, SessionChange, Status};
use crate::sessions::problem::SessionError;
use crate::sessions::repository::rows::{self, Flaw, Values};
use crate::sessions::repository::{Answer, Listed, Repository, Versioned, Window};

/// What one kind of database says in its own way.
pub trait Dialect: Database {
    /// The change of a session.
    const UPDATE: &'static str;
}

/// Sessions in an SQL database.
#[derive(Debug, Clone)]
pub struct SqlRepository<DB: Database> {
    pub(super) pool: Pool<DB>,
}

impl<DB> Repository for SqlRepository<DB>
where
    DB: Dialect,
    &'static str: ColumnIndex<DB::Row>,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    str: Type<DB>,
    for<'v> String: Decode<'v, DB> + Type<DB>,
    for<'v> i64: Decode<'v, DB> + Encode<'v, DB> + Type<DB>,
    for<'v> f64: Decode<'v, DB> + Type<DB>,
    for<'v> bool: Encode<'v, DB> + Type<DB>,
    for<'v> &'v str: Encode<'v, DB>,
    for<'v> Option<&'v str>: Encode<'v, DB>,
    for<'v> Option<i64>: Encode<'v, DB>,
    for<'v> Option<f64>: Encode<'v, DB>,
{
    fn insert<'a>(
        &'a self,
        owner: &'a Tag,
        session: &'a Session,
        version: i64,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let values = Values::of(owner, session)?;
            let query = sqlx::query(rows::INSERT)
                .bind(values.owner)
                .bind(values.id)
                .bind(version)
                .bind(session.model.as_str())
                .bind(values.status)
                .bind(values.created_us)
                .bind(values.updated_us)
                .bind(values.total_turns)
                .bind(session.total_cost_usd)
                .bind(values.parent);
            Ok(query.fetch_optional(&self.pool).await?.is_some())
        })
    }

    fn get<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<Versioned>> {
        Box::pin(async move {
            let query = sqlx::query(rows::GET)
                .bind(owner.as_str())
                .bind(id.as_str());
            let row = query.fetch_optional(&self.pool).await?;
            row.map_or(Ok(None), |row| readable(rows::session_of(&row), id))
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
            let query = sqlx::query(DB::UPDATE)
                .bind(owner.as_str())
                .bind(id.as_str())
                .bind(now_us)
                .bind(change.model.as_deref())
                .bind(change.status.map(Status::as_str))
                .bind(turns.map_err(SessionError::internal)?)
                .bind(change.total_cost_usd.is_some())
                .bind(change.total_cost_usd.flatten())
                .bind(parent.is_some())
                .bind(parent.and_then(|parent| parent.as_ref().map(RecordId::as_str)));
            let row = query.fetch_optional(&self.pool).await?;
            row.map_or(Ok(None), |row| readable(rows::session_of(&row), id))
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
            // One more than is wanted says whether there is another page.
            let most = i64::from(count) + 1;
            let query = match window {
                Window::Offset(offset) => sqlx::query(rows::PAGE)
                    .bind(owner.as_str())
                    .bind(most)
                    .bind(*offset),
                Window::After(created_us, id) => sqlx::query(rows::AFTER)
                    .bind(owner.as_str())
                    .bind(*created_us)
                    .bind(id.as_str())
                    .bind(most),
            };
            let found = query.fetch_all(&self.pool).await?;
            let total = sqlx::query(rows::COUNT).bind(owner.as_str());
            let total: i64 = total.fetch_one(&self.pool).await?.try_get("total")?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            rows::page_of(&found, count, u64::try_from(total).unwrap_or(0))
        })
    }

    fn keep_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let query = sqlx::query(rows::KEEP_FINGERPRINT).bind(fingerprint);
            Ok(query.fetch_one(&self.pool).await?.try_get("keys")?)
        })
    }

    fn epoch(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            let row = sqlx::query(rows::EPOCH).fetch_one(&self.pool).await?;
            Ok(row.try_get("epoch")?)
        })
    }

    fn next_epoch(&self) -> Answer<'_, i64> {
        Box::pin(async move {
            let row = sqlx::query(rows::NEXT_EPOCH).fetch_one(&self.pool).await?;
            Ok(row.try_get("epoch")?)
        })
    }
}

/// A row that is no session is as good as none.
fn readable(
    read: Result<Versioned, Flaw>,
    id: &RecordId,
) -> Result<Option<Versioned>, SessionError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Flaw::Unreadable(Unreadable { field })) => {
            tracing::warn!(%id, field, "a session can't be read");
            Ok(None)
        }
        Err(Flaw::Failed(error)) => Err(error.into()),
    }
}
