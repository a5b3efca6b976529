//! The statements, which both databases read alike, and how a row becomes a job and a job a row. Sends nothing.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{ColumnIndex, Database, Decode, Row, Type};

use crate::access::{KeyId, KeyRow, Scope};
use crate::jobs::id::JobId;
use crate::jobs::job::Job;
use crate::jobs::spec::JobSpec;
use crate::jobs::state::{JobState, Wanted};
use crate::sql::StoreError;

macro_rules! jobs_where {
    ($($rest:tt)+) => {
        concat!(
            "SELECT id, state, spec_json, budget, key_id, identity_json, progress_json, result_json, plan_json, reason, \
             created_us, updated_us, started_us, ended_us, lease, lease_until_us, holder, wanted, restarts, confirm_used, \
             confirms, max_delete, has_backup, has_checkpoint FROM keypace_jobs AS job ",
            $($rest)+
        )
    };
}

pub(super) const GET: &str = jobs_where!("WHERE id = $1");
pub(super) const GET_LOCKED: &str = jobs_where!("WHERE id = $1 FOR UPDATE");

/// `~` is behind all ids.
macro_rules! listed {
    () => {
        "WHERE id < coalesce($1, '~') AND state = coalesce($2, state) AND kind = coalesce($3, kind) ORDER BY id DESC LIMIT $4"
    };
}

pub(super) const LIST: &str = jobs_where!(listed!());

/// How large each job of [`LIST`] is, without reading it.
pub(super) const LIST_BYTES: &str = concat!(
    "SELECT CAST(octet_length(spec_json) + coalesce(octet_length(result_json), 0) + coalesce(octet_length(plan_json), 0) \
     + coalesce(octet_length(progress_json), 0) AS BIGINT) FROM keypace_jobs ",
    listed!()
);

/// The oldest that waits or has lost its holder, unless it removes while another does on the same server and database.
macro_rules! claimable {
    ($rest:literal) => {
        jobs_where!(
            "WHERE (state = 'waiting' OR (state = 'running' AND lease_until_us < $1)) \
             AND NOT (removes AND EXISTS (SELECT 1 FROM keypace_jobs AS other WHERE other.removes \
             AND other.state = 'running' AND other.id <> job.id AND (other.place = job.place OR other.run = job.run))) \
             ORDER BY id LIMIT 1",
            $rest
        )
    };
}

pub(super) const CLAIMABLE: &str = claimable!("");
pub(super) const CLAIMABLE_LOCKED: &str = claimable!(" FOR UPDATE OF job SKIP LOCKED");

/// How many this holder holds.
pub(super) const HELD: &str =
    "SELECT COUNT(*) FROM keypace_jobs WHERE state = 'running' AND holder = $1";

/// How many a person has to let end before there is room for more.
pub(super) const OPEN: &str =
    "SELECT COUNT(*) FROM keypace_jobs WHERE state IN ('waiting', 'paused')";

pub(super) const COUNTS: &str =
    "SELECT state, COUNT(*) AS jobs FROM keypace_jobs GROUP BY state ORDER BY state";

/// All of a job: new, or as it has become. What a job is about never changes.
pub(super) const PUT: &str = "INSERT INTO keypace_jobs \
    (id, kind, state, spec_json, budget, key_id, source, removes, place, run, identity_json, progress_json, result_json, \
    plan_json, reason, created_us, updated_us, started_us, ended_us, lease, lease_until_us, holder, wanted, restarts, \
    confirm_used, confirms, max_delete, has_backup, has_checkpoint) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
    $25, $26, $27, $28, $29) \
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, budget = excluded.budget, place = excluded.place, \
    run = excluded.run, identity_json = excluded.identity_json, progress_json = excluded.progress_json, \
    result_json = excluded.result_json, plan_json = excluded.plan_json, reason = excluded.reason, \
    updated_us = excluded.updated_us, started_us = excluded.started_us, ended_us = excluded.ended_us, \
    lease = excluded.lease, lease_until_us = excluded.lease_until_us, holder = excluded.holder, wanted = excluded.wanted, \
    restarts = excluded.restarts, confirm_used = excluded.confirm_used, has_backup = excluded.has_backup, \
    has_checkpoint = excluded.has_checkpoint";

/// Never the backup that an open restore brings back, nor one that is young enough to be kept.
pub(super) const PRUNE: &str = "DELETE FROM keypace_jobs WHERE id IN (SELECT id FROM keypace_jobs \
    WHERE state NOT IN ('waiting', 'running', 'paused') ORDER BY id DESC LIMIT $1 OFFSET $2) \
    AND id NOT IN (SELECT source FROM keypace_jobs WHERE source IS NOT NULL AND state IN ('waiting', 'running', 'paused')) \
    AND id NOT IN (SELECT id FROM keypace_jobs WHERE has_backup AND ended_us >= $3 ORDER BY id DESC LIMIT $2) \
    RETURNING id";

pub(super) const DROP_BACKUP: &str = "UPDATE keypace_jobs SET has_backup = FALSE WHERE id = $1 \
    AND state NOT IN ('waiting', 'running', 'paused') AND NOT EXISTS (SELECT 1 FROM keypace_jobs AS other \
    WHERE other.source = $1 AND other.state IN ('waiting', 'running', 'paused'))";

pub(super) const CHECKPOINT: &str = "SELECT checkpoint FROM keypace_job_checkpoints WHERE id = $1";
pub(super) const PUT_CHECKPOINT: &str = "INSERT INTO keypace_job_checkpoints (id, checkpoint) VALUES ($1, $2) \
    ON CONFLICT (id) DO UPDATE SET checkpoint = excluded.checkpoint";
pub(super) const DROP_CHECKPOINT: &str = "DELETE FROM keypace_job_checkpoints WHERE id = $1";

pub(super) const ADD_KEY: &str = "INSERT INTO keypace_keys (id, hash, scope, owner, created_us) \
    SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM keypace_keys) < $6";
pub(super) const FIND_KEY: &str = "SELECT id, scope, owner FROM keypace_keys WHERE hash = $1";
pub(super) const HAS_KEY: &str = "SELECT COUNT(*) FROM keypace_keys WHERE id = $1";
pub(super) const REVOKE_KEY: &str = "DELETE FROM keypace_keys WHERE id = $1";
pub(super) const KEYS: &str =
    "SELECT id, scope, owner, created_us FROM keypace_keys ORDER BY created_us, id";
pub(super) const COUNT_KEYS: &str = "SELECT COUNT(*) FROM keypace_keys";

pub(super) const KEEP_SECRET: &str = "INSERT INTO keypace_secret (secret_number, secret) VALUES (1, $1) ON CONFLICT (secret_number) DO NOTHING";
pub(super) const SECRET: &str = "SELECT secret FROM keypace_secret WHERE secret_number = 1";

pub(super) const POSTGRES_NOW: &str =
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// A job as the values of [`PUT`] that are not fields of it as they are.
pub(super) struct Values {
    pub(super) spec: String,
    pub(super) place: Option<String>,
    pub(super) run: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) progress: Option<String>,
    pub(super) result: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) max_delete: Option<i64>,
}

impl Values {
    pub(super) fn of(job: &Job) -> Result<Self, StoreError> {
        let removes = job.spec.removes();
        let identity = job.identity.as_ref();
        // Where it is not known yet, jobs of one name are at least told.
        let place = identity.map_or_else(
            || format!("name {}", job.spec.server),
            |identity| format!("{} {}", identity.database, identity.address),
        );
        let run = identity.map(|identity| format!("{} {}", identity.database, identity.run_id));
        Ok(Self {
            spec: json(&job.spec)?,
            place: removes.then_some(place),
            run: run.filter(|_| removes),
            identity: optional(identity)?,
            progress: optional(job.progress.as_ref())?,
            result: optional(job.result.as_ref())?,
            plan: optional(job.plan.as_ref())?,
            max_delete: job
                .max_delete
                .map(|most| i64::try_from(most).unwrap_or(i64::MAX)),
        })
    }
}

/// Reads one row of [`GET`], [`LIST`] or [`CLAIMABLE`].
pub(super) fn job_of<R>(row: &R) -> Result<Job, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let text = |column: &'static str| row.try_get::<Option<String>, _>(column);
    let number = |column: &'static str| row.try_get::<Option<i64>, _>(column);
    let state: String = row.try_get("state")?;
    let wanted: String = row.try_get("wanted")?;
    let mut spec: JobSpec = parsed(&row.try_get::<String, _>("spec_json")?)?;
    spec.budget = text("budget")?;
    Ok(Job {
        id: id_of(row)?,
        spec,
        state: JobState::from_name(&state).ok_or_else(|| unreadable("state"))?,
        created_at: time_of(row.try_get("created_us")?)?,
        updated_at: time_of(row.try_get("updated_us")?)?,
        started_at: number("started_us")?.map(time_of).transpose()?,
        ended_at: number("ended_us")?.map(time_of).transpose()?,
        key: KeyId::new(row.try_get::<String, _>("key_id")?),
        identity: optionally(text("identity_json")?)?,
        progress: optionally::<Value>(text("progress_json")?)?,
        result: optionally::<Value>(text("result_json")?)?,
        plan: optionally::<Value>(text("plan_json")?)?,
        reason: text("reason")?,
        lease: row.try_get("lease")?,
        lease_until: number("lease_until_us")?.map(time_of).transpose()?,
        holder: text("holder")?,
        wanted: Wanted::from_name(&wanted).ok_or_else(|| unreadable("wanted"))?,
        restarts: u32::try_from(row.try_get::<i64, _>("restarts")?).unwrap_or(u32::MAX),
        confirm_used: row.try_get("confirm_used")?,
        confirms: text("confirms")?.as_deref().and_then(JobId::parse),
        max_delete: number("max_delete")?.map(|most| u64::try_from(most).unwrap_or(0)),
        has_backup: row.try_get("has_backup")?,
        has_checkpoint: row.try_get("has_checkpoint")?,
    })
}

/// Reads the id of a row of a job.
pub(super) fn id_of<R>(row: &R) -> Result<JobId, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let id: String = row.try_get("id")?;
    JobId::parse(&id).ok_or_else(|| unreadable("id"))
}

/// Reads one row of [`COUNTS`].
pub(super) fn count_of<R>(row: &R) -> Result<(JobState, u64), StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let state: String = row.try_get("state")?;
    let jobs: i64 = row.try_get("jobs")?;
    let state = JobState::from_name(&state).ok_or_else(|| unreadable("state"))?;
    Ok((state, u64::try_from(jobs).unwrap_or(0)))
}

/// Reads a row of one number.
pub(super) fn number_of<R>(row: &R) -> Result<i64, StoreError>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    Ok(row.try_get(0)?)
}

/// Reads a row of bytes.
pub(super) fn bytes_of<R>(row: &R) -> Result<Vec<u8>, StoreError>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    Ok(row.try_get(0)?)
}

/// A key as it is kept, its owner sealed.
pub(super) struct KeptKey {
    pub(super) id: KeyId,
    pub(super) scope: Scope,
    pub(super) owner: Option<Vec<u8>>,
}

/// Reads one row of [`FIND_KEY`].
pub(super) fn key_of<R>(row: &R) -> Result<KeptKey, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let scope: String = row.try_get("scope")?;
    Ok(KeptKey {
        id: KeyId::new(row.try_get::<String, _>("id")?),
        scope: scope.parse().map_err(StoreError::internal)?,
        owner: row.try_get("owner")?,
    })
}

/// Reads one row of [`KEYS`].
pub(super) fn key_row_of<R>(row: &R) -> Result<KeyRow, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database,
{
    let KeptKey { id, scope, owner } = key_of(row)?;
    Ok(KeyRow {
        id,
        scope,
        has_owner: owner.is_some(),
        created_at: time_of(row.try_get("created_us")?)?,
    })
}

pub(super) fn time_of(microseconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(microseconds).ok_or_else(|| unreadable("time"))
}

fn unreadable(what: &str) -> StoreError {
    StoreError::internal(format!(
        "a row has a {what} that can't be read: written by a newer version?"
    ))
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::internal)
}

fn optional(value: Option<&impl Serialize>) -> Result<Option<String>, StoreError> {
    value.map(json).transpose()
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(StoreError::internal)
}

fn optionally<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, StoreError> {
    text.map(|text| parsed(&text)).transpose()
}
