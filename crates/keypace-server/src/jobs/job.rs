//! A job as it is kept. Decides nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::access::KeyId;
use crate::jobs::id::JobId;
use crate::jobs::spec::JobSpec;
pub use crate::jobs::state::Wanted;
use crate::jobs::state::{JobState, Standing};
use crate::servers::Identity;

/// A job: what is to be done, for whom, where, how far it came, and who works on it. Never holds credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done; the budget is the newest.
    pub spec: JobSpec,
    /// Where it stands.
    pub state: JobState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When anything of it changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was first claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When it came to its end.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub key: KeyId,
    /// What it was begun on: known from the beginning where it removes, else from the first heartbeat.
    pub identity: Option<Identity>,
    /// The newest Progress.
    pub progress: Option<Value>,
    /// The Summary, once it has stopped.
    pub result: Option<Value>,
    /// What a delete's plan says beforehand.
    pub plan: Option<Value>,
    /// Why it is paused or failed, for the public.
    pub reason: Option<String>,
    /// Grows by 1 with each claim: what a holder writes counts only with the newest.
    pub lease: i64,
    /// Until when it is its holder's without another heartbeat.
    pub lease_until: Option<DateTime<Utc>>,
    /// Who works on it.
    pub holder: Option<String>,
    /// What the holder is asked to do.
    pub wanted: Wanted,
    /// How often another holder had to take it over.
    pub restarts: u32,
    /// Of a dry run: whether it was confirmed.
    pub confirm_used: bool,
    /// Of a confirmed delete: the dry run that it confirms.
    pub confirms: Option<JobId>,
    /// Of a confirmed delete: it stops before it deletes more.
    pub max_delete: Option<u64>,
    /// Whether there is a backup to restore from.
    pub has_backup: bool,
    /// Whether there is a checkpoint to go on from.
    pub has_checkpoint: bool,
}

impl Job {
    /// A job that waits, made at `now` by `key`.
    #[must_use]
    pub fn new(id: JobId, spec: JobSpec, key: KeyId, now: DateTime<Utc>) -> Self {
        Self {
            id,
            spec,
            state: JobState::Waiting,
            created_at: now,
            updated_at: now,
            started_at: None,
            ended_at: None,
            key,
            identity: None,
            progress: None,
            result: None,
            plan: None,
            reason: None,
            lease: 0,
            lease_until: None,
            holder: None,
            wanted: Wanted::Run,
            restarts: 0,
            confirm_used: false,
            confirms: None,
            max_delete: None,
            has_backup: false,
            has_checkpoint: false,
        }
    }

    /// All that decides about its next state.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            wanted: self.wanted,
            has_checkpoint: self.has_checkpoint,
        }
    }

    /// Of a dry run that has ended: how many keys would go.
    #[must_use]
    pub fn planned(&self) -> Option<u64> {
        self.result.as_ref()?.get("would_delete")?.as_u64()
    }
}
