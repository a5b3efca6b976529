//! What both databases have in common: statements that both read alike, and how rows become sessions. Asks nobody.

use chrono::{DateTime, Utc};
use keypace::{Cursor, RecordId, Tag};
use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::limits;
use crate::sessions::body::Unreadable;
use crate::sessions::model::{Session, Status};
use crate::sessions::problem::SessionError;
use crate::sessions::repository::{Listed, Versioned};

pub(super) const INSERT: &str = "INSERT INTO keypace_sessions \
    (owner, id, version, model, status, created_us, updated_us, total_turns, total_cost_usd, parent_session_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (owner, id) DO NOTHING RETURNING version";

pub(super) const GET: &str = "SELECT id, version, model, status, created_us, updated_us, total_turns, \
    total_cost_usd, parent_session_id FROM keypace_sessions WHERE owner = $1 AND id = $2";

pub(super) const DELETE: &str =
    "DELETE FROM keypace_sessions WHERE owner = $1 AND id = $2 RETURNING version";

pub(super) const COUNT: &str = "SELECT COUNT(*) AS total FROM keypace_sessions WHERE owner = $1";

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

/// Why a row gives no session.
#[derive(Debug)]
pub(super) enum Flaw {
    /// Something else has written it: a field holds what no session has.
    Unreadable(Unreadable),
    /// The row is not what was asked for.
    Failed(sqlx::Error),
}

/// One row of `GET`, `PAGE`, `AFTER` or an update, as leniently as `body.rs` reads.
pub(super) fn session_of<R>(row: &R) -> Result<Versioned, Flaw>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
{
    let text = |name: &'static str, field| field_of(row.try_get::<String, _>(name), field);
    let number = |name: &'static str, field| field_of(row.try_get::<i64, _>(name), field);
    let time = |name: &'static str, field| {
        number(name, field).and_then(|us| time_of(us).ok_or(flaw(field)))
    };
    let cost: Option<f64> = field_of(row.try_get("total_cost_usd"), "total_cost_usd")?;
    let parent: Option<String> = field_of(row.try_get("parent_session_id"), "parent_session_id")?;
    let turns = number("total_turns", "total_turns")?;
    let turns = u64::try_from(turns).ok();
    let session = Session {
        id: RecordId::new(text("id", "id")?).map_err(|_| flaw("id"))?,
        model: Some(text("model", "model")?)
            .filter(|model| !model.is_empty())
            .ok_or(flaw("model"))?,
        status: Status::from_name(&text("status", "status")?).unwrap_or_default(),
        created_at: time("created_us", "created_at")?,
        updated_at: time("updated_us", "updated_at")?,
        total_turns: turns
            .filter(|turns| *turns <= limits::MAX_TOTAL_TURNS)
            .unwrap_or(0),
        total_cost_usd: cost.filter(|cost| cost.is_finite()),
        parent_session_id: parent.and_then(|parent| RecordId::new(parent).ok()),
    };
    let version = number("version", "version")?;
    Ok(Versioned { session, version })
}

/// The sessions of the first `count` rows, and where the next page begins, where there are more rows. A row that is no
/// session is left out, and a warning names it.
pub(super) fn page_of<R>(rows: &[R], count: usize, total: u64) -> Result<Listed, SessionError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
{
    let (mut sessions, mut skipped, mut next) = (Vec::new(), 0, None);
    for row in rows.iter().take(count) {
        match session_of(row) {
            Ok(found) => {
                next = Some(found.session.cursor());
                sessions.push(found.session);
            }
            Err(Flaw::Unreadable(Unreadable { field })) => {
                let id = row.try_get::<String, _>("id").unwrap_or_default();
                let created = row.try_get::<i64, _>("created_us").ok().and_then(time_of);
                tracing::warn!(id, field, "a session can't be read");
                skipped += 1;
                // What has no place in the order leaves the one before it.
                next = match (created, RecordId::new(id)) {
                    (Some(at), Ok(id)) => Some(Cursor::behind_created(at.timestamp_millis(), id)),
                    _ => next,
                };
            }
            Err(Flaw::Failed(error)) => return Err(error.into()),
        }
    }
    Ok(Listed {
        sessions,
        total,
        skipped,
        next: next.filter(|_| rows.len() > count),
    })
}

fn flaw(field: &'static str) -> Flaw {
    Flaw::Unreadable(Unreadable { field })
}

/// What a column holds; bytes that are none of its type's make the row unreadable, and no more than that.
fn field_of<T>(value: sqlx::Result<T>, field: &'static str) -> Result<T, Flaw> {
    value.map_err(|error| match error {
        sqlx::Error::ColumnDecode { .. } => flaw(field),
        error => Flaw::Failed(error),
    })
}

fn time_of(microseconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(microseconds)
}
