//! The token that confirms a delete: what it is bound to, and what is said where it does not fit. Asks nobody.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::access::{KeyId, Signer};
use crate::jobs::filters::FilterSpec;
use crate::jobs::id::JobId;
use crate::jobs::job::Job;
use crate::jobs::problem::JobError;
use crate::jobs::spec::JobSpec;
use crate::jobs::state::JobState;
use crate::limits;
use crate::servers::Identity;

const PURPOSE: &str = "confirm-1";

/// What has to be the same in the dry run and in the delete: JSON with fields in this order.
#[derive(PartialEq, Serialize)]
struct Selection<'a> {
    server: &'a str,
    patterns: &'a [String],
    filters: &'a FilterSpec,
    backup: bool,
}

impl<'a> Selection<'a> {
    fn of(spec: &'a JobSpec) -> Self {
        Self {
            server: &spec.server,
            patterns: &spec.patterns,
            filters: &spec.filters,
            backup: spec.backup,
        }
    }
}

/// The token of a dry run that has ended; `None` where there is none to give at `now`.
pub(super) fn token(signer: &Signer, plan: &Job, now: DateTime<Utc>) -> Option<String> {
    if plan.state != JobState::Planned || plan.confirm_used || !is_fresh(plan, now) {
        return None;
    }
    Some(format!("{}.{}", plan.id, signature(signer, plan)?))
}

/// Which dry run a token names.
pub(super) fn plan_id(token: &str) -> Result<JobId, JobError> {
    let id = token.split_once('.').and_then(|(id, _)| JobId::parse(id));
    id.ok_or_else(unknown)
}

/// Whether the token confirms `spec` for this key on the server that answers `now`.
pub(super) fn check(
    signer: &Signer,
    token: &str,
    plan: &Job,
    spec: &JobSpec,
    key: &KeyId,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let given = token.split_once('.').map_or("", |(_, signature)| signature);
    let parts = signed_parts(plan).ok_or_else(unknown)?;
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    if plan.state != JobState::Planned || !signer.verify(PURPOSE, &parts, given) {
        return Err(unknown());
    }
    if plan.key != *key {
        return Err(JobError::conflict(
            "confirm: this is another key's dry run; make one with this key, and confirm that",
        ));
    }
    if plan.confirm_used {
        return Err(used());
    }
    if !is_fresh(plan, now) {
        return Err(JobError::conflict(
            "confirm: the dry run is older than 15 minutes; make another, and confirm that",
        ));
    }
    if let Some(field) = difference(&plan.spec, spec) {
        return Err(JobError::conflict(format!(
            "confirm: the dry run was of other {field}; send the same server, patterns, filters and backup, or make another dry run"
        )));
    }
    Ok(())
}

/// Whether the server that answers now is the one that was counted.
pub(super) fn check_server(plan: &Job, now: &Identity) -> Result<(), JobError> {
    let Some(then) = &plan.identity else {
        return Err(unknown());
    };
    let what = if then.address != now.address {
        "another address"
    } else if then.database != now.database {
        "another database"
    } else if then.run_id != now.run_id {
        "another process: it was restarted, or another took its place"
    } else {
        return Ok(());
    };
    Err(JobError::conflict(format!(
        "confirm: the server `{}` is not the one that was counted, but {what}; make another dry run",
        now.server
    )))
}

/// The most keys that the confirmed delete may delete.
pub(super) fn most(planned: u64) -> u64 {
    let most = u128::from(planned) * u128::from(limits::CONFIRMED_PERCENT) / 100;
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// The dry run was confirmed before.
pub(super) fn used() -> JobError {
    JobError::conflict(
        "confirm: this dry run was confirmed already; make another, and confirm that",
    )
}

/// Said of whatever is no token of ours, so that it says nothing about others' jobs.
fn unknown() -> JobError {
    JobError::conflict(
        "confirm: this confirms nothing here; make a dry run, and send the `confirm` that stands in its job once it has ended",
    )
}

fn difference(plan: &JobSpec, spec: &JobSpec) -> Option<&'static str> {
    let (then, now) = (Selection::of(plan), Selection::of(spec));
    if then.server != now.server {
        Some("a server")
    } else if then.patterns != now.patterns {
        Some("patterns")
    } else if then.filters != now.filters {
        Some("filters")
    } else if then.backup != now.backup {
        Some("backup")
    } else {
        None
    }
}

fn is_fresh(plan: &Job, now: DateTime<Utc>) -> bool {
    let life = TimeDelta::from_std(limits::CONFIRM_LIFE).unwrap_or(TimeDelta::zero());
    plan.ended_at.is_some_and(|ended| now < ended + life)
}

fn signature(signer: &Signer, plan: &Job) -> Option<String> {
    let parts = signed_parts(plan)?;
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Some(signer.sign(PURPOSE, &parts))
}

/// All that the token is bound to, as the dry run's job has it.
fn signed_parts(plan: &Job) -> Option<[Vec<u8>; 5]> {
    let identity = plan.identity.as_ref()?;
    Some([
        plan.id.as_str().into(),
        plan.key.as_str().into(),
        serde_json::to_vec(&Selection::of(&plan.spec)).ok()?,
        serde_json::to_vec(identity).ok()?,
        plan.planned()?.to_be_bytes().into(),
    ])
}
