//! What a request may say of a job. Field by field as the contract has it: an unknown one is an error.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::jobs::filters::FilterSpec;
use crate::jobs::id::JobId;
use crate::jobs::problem::JobError;
use crate::jobs::spec::{ExistingKeys, JobKind, JobSpec};

/// `POST /v1/jobs`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobBody {
    /// What sort of work.
    pub kind: JobKind,
    /// The server's name; may be left out while one is configured.
    #[schema(min_length = 1)]
    pub server: Option<String>,
    /// Patterns as text. A restore may have none, and `stats` without any looks at all keys.
    pub patterns: Vec<String>,
    /// Which keys of those.
    #[serde(default)]
    pub filters: FilterSpec,
    /// The extra wait that other clients may have: `1ms`, or `off`.
    #[schema(
        pattern = r"^(off|([0-9]{1,9}(\.[0-9]{1,9})?(ms|us|µs|ns|s|m|h|d|w))+)$",
        max_length = 64
    )]
    pub budget: Option<String>,
    /// Whether a delete saves what it deletes.
    #[serde(default)]
    pub backup: bool,
    /// Whether a delete only says what would go.
    #[serde(default)]
    pub dry_run: bool,
    /// Of a delete: what its dry run gave.
    pub confirm: Option<String>,
    /// Of a restore: the delete whose backup is brought back.
    #[schema(value_type = Option<String>, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    pub from_job: Option<JobId>,
    /// Of a restore: what is done with keys that are there.
    pub existing: Option<ExistingKeys>,
    /// Whether a delete may have a pattern that matches everything.
    #[serde(default)]
    pub all: bool,
    /// Of `stats`: how many segments of a name are a prefix, 1 where nothing is said.
    #[schema(minimum = 1, maximum = 16)]
    pub depth: Option<u8>,
}

impl JobBody {
    /// What is to be done, and what confirms it.
    ///
    /// # Errors
    /// `Invalid` where the server's name is empty.
    pub fn into_parts(self) -> Result<(JobSpec, Option<String>), JobError> {
        if self.server.as_ref().is_some_and(String::is_empty) {
            return Err(JobError::invalid(
                "server: the name is empty; leave it out while one server is configured",
            ));
        }
        let spec = JobSpec {
            kind: self.kind,
            server: self.server.unwrap_or_default(),
            patterns: self.patterns,
            filters: self.filters,
            budget: self.budget,
            backup: self.backup,
            dry_run: self.dry_run,
            from_job: self.from_job,
            existing: self.existing,
            all: self.all,
            depth: self.depth,
            cache: None,
        };
        Ok((spec, self.confirm))
    }
}

/// What a job can be told to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WantedState {
    /// Settle what is under way, and stop until it is resumed.
    Paused,
    /// Go on.
    Running,
    /// Settle what is under way, and end.
    Cancelled,
}

/// `PATCH /v1/jobs/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobPatch {
    /// Another budget: `250us`, or `off`.
    #[schema(
        pattern = r"^(off|([0-9]{1,9}(\.[0-9]{1,9})?(ms|us|µs|ns|s|m|h|d|w))+)$",
        max_length = 64
    )]
    pub budget: Option<String>,
    /// What it is to become.
    pub state: Option<WantedState>,
}
