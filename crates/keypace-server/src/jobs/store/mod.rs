//! Where jobs are kept: what is asked of a store, and the one over SQL that answers. Must not know how work is done.

mod keys;
mod link;
mod rows;
mod sql;

#[cfg(test)]
mod guards;
#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;

pub use sql::SqlStore;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::jobs::id::JobId;
use crate::jobs::job::{Job, Wanted};
use crate::jobs::spec::JobKind;
use crate::jobs::state::{JobState, Outcome, Refused};
use crate::servers::Identity;
use crate::sql::StoreError;

/// What a store answers, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What became of a job that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inserted {
    /// It is kept.
    Kept,
    /// As many wait or are paused as may; nothing was changed.
    Full,
    /// The dry run that it confirms was confirmed already; nothing was changed.
    Used,
}

/// Which jobs a list is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only those made before this one.
    pub before: Option<JobId>,
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those of this kind.
    pub kind: Option<JobKind>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// The jobs, newest first.
    pub jobs: Vec<Job>,
    /// Whether there may be more behind the last of them.
    pub may_go_on: bool,
}

/// What a holder says with each heartbeat. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beat {
    /// The newest Progress.
    pub progress: Option<Value>,
    /// The newest checkpoint, where it is another.
    pub checkpoint: Option<Vec<u8>>,
    /// What it was begun on. One that is known already stays.
    pub identity: Option<Identity>,
    /// What a delete's plan says beforehand.
    pub plan: Option<Value>,
    /// That there is a backup to restore from.
    pub has_backup: bool,
}

/// What a holder is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// Go on, pause or end.
    pub wanted: Wanted,
    /// The budget that was asked for last, as in the job's spec.
    pub budget: Option<String>,
}

/// How a holder leaves a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leave {
    /// What was under way is settled, as was asked for or because the process ends. What is wanted last decides whether the
    /// job waits, is paused or cancelled: an order that came meanwhile is not lost.
    Settled,
    /// It must not go on without somebody's word: the job is paused, and the reason says why.
    Held,
    /// The work has come to its end.
    Ended(Outcome),
}

/// What a holder says last.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// How it leaves.
    pub leave: Leave,
    /// The Summary so far.
    pub result: Option<Value>,
    /// Why it is paused or failed, for the public.
    pub reason: Option<String>,
    /// The last Progress.
    pub progress: Option<Value>,
    /// The last checkpoint. Of a job that is done, planned or cancelled none is kept.
    pub checkpoint: Option<Vec<u8>>,
    /// That there is a backup to restore from.
    pub has_backup: bool,
}

impl Finish {
    /// It leaves like this, and there is no more to say.
    #[must_use]
    pub fn new(leave: Leave) -> Self {
        Self {
            leave,
            result: None,
            reason: None,
            progress: None,
            checkpoint: None,
            has_backup: false,
        }
    }
}

/// What somebody wants of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A pause.
    Pause,
    /// That it goes on; on this server, where one is named.
    Resume(Option<Identity>),
    /// Its end.
    Cancel,
    /// Another budget.
    Budget(String),
}

/// Why an order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OrderError {
    /// There is no such job.
    #[error("there is no job of this id; old ones are not kept")]
    NotFound,
    /// Not in its state.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It has no budget any more.
    #[error("the job is {0}: it has ended, and its budget says nothing any more")]
    Ended(JobState),
}

/// Keeps jobs. Each method is one transaction: done whole or not at all. What only reads is cancel-safe; a write that is
/// dropped may have been carried out.
///
/// A claim makes the caller a job's holder. What a holder writes carries the number of its lease, and is refused when the job
/// is another's: whatever a frozen process writes when it wakes changes nothing.
pub trait JobStore: Send + Sync {
    /// The time that leases and ends are measured by: one for all that share the store.
    fn now(&self) -> Answer<'_, DateTime<Utc>>;

    /// Keeps a new job, where fewer than `most_waiting` wait or are paused. Where it confirms a dry run, that is used up in
    /// the same transaction.
    fn insert<'a>(&'a self, job: &'a Job, most_waiting: u32) -> Answer<'a, Inserted>;

    /// One job.
    fn get<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Job>>;

    /// At most `limit` jobs, newest first: fewer where those have more than
    /// [`JOBS_PAGE_BYTES`](crate::limits::JOBS_PAGE_BYTES), but one at least.
    fn list<'a>(&'a self, filter: &'a JobFilter, limit: u32) -> Answer<'a, JobPage>;

    /// The oldest job that waits, or whose holder was not heard of in time, if this holder has fewer than `most_running`.
    /// None that removes while another does on the same server and database, in whichever process.
    fn claim<'a>(
        &'a self,
        holder: &'a str,
        lease: Duration,
        most_running: u32,
    ) -> Answer<'a, Option<Job>>;

    /// Keeps a claimed job for another `keep`. `None`: it is another's now, so stop at once; nothing was written.
    fn heartbeat<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        beat: &'a Beat,
        keep: Duration,
    ) -> Answer<'a, Option<Orders>>;

    /// The checkpoint that came with a heartbeat last.
    fn checkpoint<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Vec<u8>>>;

    /// Leaves a claimed job, and gives what it is now. `None`: it is another's; nothing was written.
    fn finish<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        finish: &'a Finish,
    ) -> Answer<'a, Option<JobState>>;

    /// Carries an order out, or passes it on to the holder with its next heartbeat.
    fn order<'a>(&'a self, id: &'a JobId, order: &'a Order) -> Answer<'a, Result<Job, OrderError>>;

    /// Forgets ended jobs but the newest `keep`, and says which. A dry run that a job waits to carry out may be among them; not
    /// the newest `keep` of those that have a backup and ended at `backups_since` or later.
    fn prune(&self, keep: u32, backups_since: DateTime<Utc>) -> Answer<'_, Vec<JobId>>;

    /// Says of a job that it has no backup any more. False where it has not ended, or a restore is to bring it back: nothing
    /// was written, and the backup stays.
    fn drop_backup<'a>(&'a self, id: &'a JobId) -> Answer<'a, bool>;

    /// How many jobs are in each state; states without any are left out.
    fn counts(&self) -> Answer<'_, Vec<(JobState, u64)>>;
}
