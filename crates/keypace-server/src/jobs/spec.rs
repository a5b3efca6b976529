//! What a job is to do. Fields only, and what they need to be allowed together; talks to no server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use keypace::{Pattern, ScanOptions, Scope as Reach};

use crate::access::Scope;
use crate::jobs::filters::{FilterSpec, budget_of};
use crate::jobs::id::JobId;
use crate::jobs::problem::JobError;
use crate::limits;

/// How many segments a prefix may have.
const DEPTHS: std::ops::RangeInclusive<usize> = 1..=keypace::limits::STATS_MAX_DEPTH;
/// What keys' names are cut by, for telling how far a pattern reaches.
const SEPARATOR: u8 = b':';

/// What sort of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Counts keys.
    Count,
    /// Deletes keys, or says in a dry run how many would go.
    Delete,
    /// Says what a keyspace is made of.
    Stats,
    /// Rebuilds an index of the config.
    Reindex,
    /// Brings back what a delete with `backup` saved.
    Restore,
}

impl JobKind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Delete => "delete",
            Self::Stats => "stats",
            Self::Reindex => "reindex",
            Self::Restore => "restore",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Count,
            Self::Delete,
            Self::Stats,
            Self::Reindex,
            Self::Restore,
        ];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What a restore does where a key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExistingKeys {
    /// Leaves it as it is.
    #[default]
    Skip,
    /// Writes over it.
    Replace,
}

/// What a job is to do, checked by [`JobSpec::check`]. In the store it is JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// What sort of work.
    pub kind: JobKind,
    /// The server's name; empty until the service has found the only one.
    pub server: String,
    /// Patterns as text; those that are not UTF-8 can't be named in JSON. For a reindex the one name of an index of the
    /// config. Of `stats`, none stand for all keys.
    pub patterns: Vec<String>,
    /// Which keys of those.
    pub filters: FilterSpec,
    /// The extra wait that other clients may have, as `1ms` or `off`; without it the default.
    pub budget: Option<String>,
    /// Whether a delete saves what it deletes.
    pub backup: bool,
    /// Whether a delete only says what would go.
    pub dry_run: bool,
    /// Of a restore: the delete whose backup is brought back.
    pub from_job: Option<JobId>,
    /// Of a restore: what is done with keys that are there.
    pub existing: Option<ExistingKeys>,
    /// Whether a delete may have a pattern that matches everything.
    pub all: bool,
    /// Of `stats`: how many segments of a name are a prefix; without it one.
    #[serde(default)]
    pub depth: Option<u8>,
    /// The named cache of the config that a delete clears: its patterns need no confirming. Never from a body.
    pub cache: Option<String>,
}

impl JobSpec {
    /// Work of this kind over these patterns, and no more said.
    #[must_use]
    pub fn new(kind: JobKind, server: impl Into<String>, patterns: Vec<String>) -> Self {
        Self {
            kind,
            server: server.into(),
            patterns,
            filters: FilterSpec::default(),
            budget: None,
            backup: false,
            dry_run: false,
            from_job: None,
            existing: None,
            all: false,
            depth: None,
            cache: None,
        }
    }

    /// Whether it takes keys away or writes them: then it runs alone on its server and database.
    #[must_use]
    pub fn removes(&self) -> bool {
        match self.kind {
            JobKind::Count | JobKind::Stats => false,
            JobKind::Delete => !self.dry_run,
            JobKind::Reindex | JobKind::Restore => true,
        }
    }

    /// The least scope that may start it, and change it later.
    #[must_use]
    pub fn least_scope(&self) -> Scope {
        if self.removes() {
            Scope::Admin
        } else {
            Scope::Operator
        }
    }

    /// Whether one of its patterns matches everything.
    #[must_use]
    pub fn has_catch_all(&self) -> bool {
        self.patterns.iter().any(|text| {
            Pattern::new(text.clone().into_bytes())
                .is_ok_and(|pattern| pattern.scope(SEPARATOR) == Reach::CatchAll)
        })
    }

    /// What to walk, for count, delete and stats.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field.
    pub fn to_scan(&self) -> Result<ScanOptions, JobError> {
        if self.kind == JobKind::Stats && self.patterns.is_empty() {
            return self.filters.to_scan(&["*".to_owned()]);
        }
        self.filters.to_scan(&self.patterns)
    }

    /// Whether the fields go together and each can be read. Asks nobody.
    ///
    /// # Errors
    /// `Invalid`, with a text that names the field.
    pub fn check(&self) -> Result<(), JobError> {
        budget_of(self.budget.as_deref())?;
        self.filters.to_filters()?;
        let is = |kind| self.kind == kind;
        let filtered = self.filters != FilterSpec::default();
        let rows = [
            (
                self.backup && !is(JobKind::Delete),
                "backup goes with a delete only",
            ),
            (
                self.depth.is_some() && !is(JobKind::Stats),
                "depth goes with stats only",
            ),
            (
                self.depth
                    .is_some_and(|depth| !DEPTHS.contains(&usize::from(depth))),
                "depth: 1 to 16 segments",
            ),
            (
                self.all && !is(JobKind::Delete),
                "all goes with a delete only",
            ),
            (
                self.dry_run && (is(JobKind::Restore) || is(JobKind::Reindex)),
                "dry_run: only a delete has one; a restore says in its result what it left alone",
            ),
            (
                self.from_job.is_some() && !is(JobKind::Restore),
                "from_job goes with a restore only",
            ),
            (
                self.existing.is_some() && !is(JobKind::Restore),
                "existing goes with a restore only",
            ),
            (
                is(JobKind::Restore) && self.from_job.is_none(),
                "from_job: a restore needs the id of the delete whose backup it brings back",
            ),
            (
                filtered && (is(JobKind::Restore) || is(JobKind::Reindex)),
                "filters go with count, stats and delete only",
            ),
            (
                is(JobKind::Reindex) && self.patterns.len() != 1,
                "patterns: a reindex names one index of the config",
            ),
            (
                self.server.len() > limits::MAX_NAME_BYTES,
                "server: no name is as long",
            ),
        ];
        if let Some((_, text)) = rows.iter().find(|(wrong, _)| *wrong) {
            return Err(JobError::invalid(*text));
        }
        match self.kind {
            JobKind::Count | JobKind::Delete | JobKind::Stats => self.to_scan().map(drop),
            JobKind::Restore => self.filters.patterns(&self.patterns, "patterns").map(drop),
            JobKind::Reindex => Ok(()),
        }
    }
}
