//! A job as it is shown. Never holds credentials, nor who holds its lease.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::jobs::filters::FilterSpec;
use crate::jobs::job::Job;
use crate::jobs::spec::{ExistingKeys, JobKind};
use crate::jobs::state::JobState;

/// A job as every answer shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    pub id: String,
    /// What sort of work.
    pub kind: JobKind,
    /// The server's name.
    pub server: String,
    /// Where it stands.
    pub state: JobState,
    /// Whether a delete only says what would go.
    pub dry_run: bool,
    /// When it was made, in UTC.
    pub created_at: String,
    /// When anything of it changed last.
    pub updated_at: String,
    /// When it was first begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Its patterns.
    pub patterns: Vec<String>,
    /// Which keys of those.
    pub filters: FilterSpec,
    /// The budget that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// Whether a delete saves what it deletes.
    pub backup: bool,
    /// Of a restore: the delete whose backup is brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_job: Option<String>,
    /// Of a restore: what is done with keys that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingKeys>,
    /// Whether a delete may have a pattern that matches everything: what confirms it has to say the same.
    pub all: bool,
    /// Of stats: how many segments of a name are a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u8>,
    /// The named cache that it clears.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// The newest Progress; empty before there is any.
    #[schema(value_type = Object)]
    pub progress: Value,
    /// The Summary; empty before there is one.
    #[schema(value_type = Object)]
    pub result: Value,
    /// What a delete's plan says beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Value>,
    /// Why it is paused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether there is a backup to restore from.
    pub has_backup: bool,
    /// How often another process had to take it over.
    pub restarts: u32,
    /// What confirms the delete that this dry run is of: only for the key that asked, once, and for a quarter of an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

impl JobView {
    pub(super) fn of(job: &Job, confirm: Option<String>) -> Self {
        let spec = &job.spec;
        let shown =
            |value: &Option<Value>| value.clone().unwrap_or_else(|| Value::Object(Map::new()));
        Self {
            id: job.id.to_string(),
            kind: spec.kind,
            server: spec.server.clone(),
            state: job.state,
            dry_run: spec.dry_run,
            created_at: time_text(job.created_at),
            updated_at: time_text(job.updated_at),
            started_at: job.started_at.map(time_text),
            ended_at: job.ended_at.map(time_text),
            patterns: spec.patterns.clone(),
            filters: spec.filters.clone(),
            budget: spec.budget.clone(),
            backup: spec.backup,
            from_job: spec.from_job.as_ref().map(ToString::to_string),
            existing: spec.existing,
            all: spec.all,
            depth: spec.depth,
            cache: spec.cache.clone(),
            progress: shown(&job.progress),
            result: shown(&job.result),
            plan: job.plan.clone(),
            reason: job.reason.clone(),
            has_backup: job.has_backup,
            restarts: job.restarts,
            confirm,
        }
    }
}

fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
