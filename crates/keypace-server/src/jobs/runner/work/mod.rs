//! Each sort of work behind one face: moved on step by step, watched, stopped, and asked how it ended. Knows neither leases
//! nor the store.

mod count;
mod delete;
mod dry_run;
mod reindex;
mod restore;
mod stats;
mod sweeping;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use keypace::{BudgetHandle, Keyspace, Progress, StopHandle};
use serde::Serialize;
use serde_json::Value;

use super::files::Files;
use super::index::IndexConfig;
use super::trouble::Trouble;
use crate::jobs::job::Job;
use crate::jobs::spec::JobKind;
use crate::jobs::state::Outcome;

/// Shows how a work stands, from anywhere.
pub(super) type Gauge = Box<dyn Fn() -> Progress + Send + Sync>;

/// One piece of work.
pub(super) trait Work: Send {
    /// Works until something moved; false when it has ended. Cancel-safe where `stop` gives nothing.
    fn step(&mut self) -> BoxFuture<'_, bool>;

    /// What stops it so that everything is settled and its place is kept. `None`: its place is in memory, and who wants a
    /// pause moves it on no more.
    fn stop(&self) -> Option<StopHandle>;

    /// What shows its progress.
    fn gauge(&self) -> Gauge;

    /// Saves its place, where it has one.
    fn save(&self, path: &Path) -> Result<(), keypace::Error>;

    /// How it stands, or has ended.
    fn ending(&self) -> Ending;

    /// What it says beforehand.
    fn plan(&self) -> Option<Value> {
        None
    }
}

/// How a work has ended.
pub(super) struct Ending {
    /// All of it was done.
    pub(super) complete: bool,
    /// What that is called.
    pub(super) whole: Outcome,
    /// The Summary.
    pub(super) result: Value,
    /// What ended it early.
    pub(super) trouble: Option<Trouble>,
    /// What is missing, where nothing ended it early.
    pub(super) lacking: Option<String>,
}

/// A work that has begun.
pub(super) struct Begun {
    pub(super) work: Box<dyn Work>,
    /// Changes its budget.
    pub(super) budget: BudgetHandle,
}

/// What works begin with.
pub(super) struct Ground<'a> {
    pub(super) job: &'a Job,
    pub(super) keyspace: &'a Keyspace,
    pub(super) files: &'a Files,
    pub(super) indexes: &'a BTreeMap<String, IndexConfig>,
    /// Where its checkpoints go.
    pub(super) place: PathBuf,
    /// There is one, and it goes on from there.
    pub(super) is_resumed: bool,
    pub(super) budget: BudgetHandle,
}

/// Begins a job's work. Cancel-safe but for a reindex, which may have told the namespace that it is followed.
pub(super) async fn begin(ground: Ground<'_>) -> Result<Begun, Trouble> {
    let budget = ground.budget.clone();
    let work: Box<dyn Work> = match (ground.job.spec.kind, ground.job.spec.dry_run) {
        (JobKind::Count, _) => Box::new(count::begin(&ground).await?),
        (JobKind::Delete, true) => Box::new(dry_run::begin(&ground).await?),
        (JobKind::Delete, false) => Box::new(delete::begin(&ground).await?),
        (JobKind::Stats, _) => Box::new(stats::begin(&ground).await?),
        (JobKind::Restore, _) => Box::new(restore::begin(&ground).await?),
        (JobKind::Reindex, _) => Box::new(reindex::begin(&ground).await?),
    };
    Ok(Begun { work, budget })
}

/// A report as JSON: the library's are plain data, and always can be written.
fn json(report: &impl Serialize) -> Value {
    serde_json::to_value(report).unwrap_or(Value::Null)
}

/// What failed, as a sentence for people; nothing where nothing did.
fn lacking(failed: u64, unknown: u64, verb: &str) -> Option<String> {
    match (failed, unknown) {
        (0, 0) => None,
        (failed, 0) => Some(format!(
            "{failed} keys could not be {verb}; the result's errors say why"
        )),
        (0, unknown) => Some(format!(
            "it is not known whether {unknown} keys were {verb}"
        )),
        (failed, unknown) => Some(format!(
            "{failed} keys could not be {verb}, and of {unknown} it is not known; the result's errors say why"
        )),
    }
}
