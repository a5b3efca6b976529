//! What both databases have in common: statements that both read alike, and how a row becomes a session.

use chrono::{DateTime, Utc};
use keypace::{RecordId, Tag};
use sqlx::{ColumnIndex, Database, Decode, Row, Type};

use crate::sessions::model::{Session, Status};
use crate::sessions::problem::SessionError;
use crate::sessions::repository::Versioned;

pub(super) const INSERT: &str = "INSERT INTO keypace_sessions \
    (owner, id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (owner, id) DO NOTHING";

pub(super) const GET: &str = "SELECT id, version, model, status, created_us, updated_us, total_turns, \
    total_cost_usd, parent_session_id FROM keypace_sessions WHERE owner = $1 AND id = $2";

pub(super) const DELETE: &str =
    "DELETE FROM keypace_sessions WHERE owner = $1 AND id = $2 RETURNING version";

pub(super) const COUNT: &str = "SELECT COUNT(*) FROM keypace_sessions WHERE owner = $1";

pub(super) const PAGE: &str = "SELECT id, version, model, status, created_us, updated_us, total_turns, \
    total_cost_usd, parent_session_id FROM keypace_sessions WHERE owner = $1 \
    ORDER BY created_us DESC, id ASC LIMIT $2 OFFSET $3";

/// The first of the two conditions is what an index can begin at.
pub(super) const AFTER: &str = "SELECT id, version, model, status, created_us, updated_us, total_turns, \
    total_cost_usd, parent_session_id FROM keypace_sessions WHERE owner = $1 \
    AND created_us <= $2 AND (created_us < $2 OR id > $3) \
    ORDER BY created_us DESC, id ASC LIMIT $4";

pub(super) const KEEP_FINGERPRINT: &str =
    "UPDATE keypace_sessions_state SET keys = coalesce(keys, $1) WHERE state = 1 RETURNING keys";

pub(super) const EPOCH: &str = "SELECT epoch FROM keypace_sessions_state WHERE state = 1";

pub(super) const NEXT_EPOCH: &str =
    "UPDATE keypace_sessions_state SET epoch = epoch + 1 WHERE state = 1 RETURNING epoch";

/// The table where it is noted which migrations were carried out.
pub(super) const MIGRATIONS_TABLE: &str = "keypace_sessions_migrations";

/// A new session as the ten values of `INSERT`.
pub(super) struct Values<'a> {
    pub(super) owner: &'a str,
    pub(super) id: &'a str,
    pub(super) status: &'static str,
    pub(super) created_us: i64,
    pub(super) updated_us: i64,
    pub(super) total_turns: i64,
    pub(super) parent: Option<&'a str>,
}

impl<'a> Values<'a> {
    pub(super) fn of(owner: &'a Tag, session: &'a Session) -> Result<Self, SessionError> {
        Ok(Self {
            owner: owner.as_str(),
            id: session.id.as_str(),
            status: session.status.as_str(),
            created_us: session.created_at.timestamp_micros(),
            updated_us: session.updated_at.timestamp_micros(),
            total_turns: i64::try_from(session.total_turns).map_err(SessionError::internal)?,
            parent: session.parent_session_id.as_ref().map(RecordId::as_str),
        })
    }
}

/// One row of `GET`, `PAGE`, `AFTER` or an update.
pub(super) fn session_of<R>(row: &R) -> Result<Versioned, SessionError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let id: String = row.try_get("id")?;
    let status: String = row.try_get("status")?;
    let turns: i64 = row.try_get("total_turns")?;
    let parent: Option<String> = row.try_get("parent_session_id")?;
    let session = Session {
        id: RecordId::new(id)?,
        model: row.try_get("model")?,
        status: Status::from_name(&status).unwrap_or_default(),
        created_at: time_of(row.try_get("created_us")?)?,
        updated_at: time_of(row.try_get("updated_us")?)?,
        total_turns: u64::try_from(turns).unwrap_or(0),
        total_cost_usd: row.try_get("total_cost_usd")?,
        parent_session_id: parent.map(RecordId::new).transpose()?,
    };
    Ok(Versioned {
        session,
        version: row.try_get("version")?,
    })
}

fn time_of(microseconds: i64) -> Result<DateTime<Utc>, SessionError> {
    DateTime::from_timestamp_micros(microseconds)
        .ok_or_else(|| SessionError::internal("a time in the table is out of all bounds"))
}
