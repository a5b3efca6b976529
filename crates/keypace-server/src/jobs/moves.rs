//! What each move of a store does to a job, as the pure state machine decides. No clock, no store.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::jobs::job::{Job, Wanted};
use crate::jobs::state::{Event, JobState, Refused, apply};
use crate::jobs::store::{Beat, Finish, Leave, Order, OrderError};

/// A holder takes a job that waits.
pub(super) fn claim(
    job: &mut Job,
    holder: &str,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<(), Refused> {
    happen(job, Event::Claim, now)?;
    job.started_at.get_or_insert(now);
    job.lease += 1;
    job.lease_until = Some(after(now, lease));
    job.holder = Some(holder.to_owned());
    job.reason = None;
    Ok(())
}

/// A holder was not heard of in time: the job waits again, or becomes what was wanted of it.
pub(super) fn abandon(job: &mut Job, now: DateTime<Utc>) -> Result<(), Refused> {
    happen(job, Event::Abandon, now)?;
    job.restarts += 1;
    Ok(())
}

/// Whether the holder of this lease holds the job.
pub(super) fn is_held(job: &Job, lease: i64) -> bool {
    job.state == JobState::Running && job.lease == lease
}

/// Its holder is there.
pub(super) fn beat(job: &mut Job, beat: &Beat, now: DateTime<Utc>, keep: Duration) {
    if let Some(progress) = &beat.progress {
        job.progress = Some(progress.clone());
    }
    if let Some(plan) = &beat.plan {
        job.plan = Some(plan.clone());
    }
    if job.identity.is_none() {
        job.identity.clone_from(&beat.identity);
    }
    job.has_backup |= beat.has_backup;
    job.has_checkpoint |= beat.checkpoint.is_some();
    job.lease_until = Some(after(now, keep));
    job.updated_at = now;
}

/// Its holder leaves it.
pub(super) fn finish(job: &mut Job, finish: &Finish, now: DateTime<Utc>) -> Result<(), Refused> {
    job.has_checkpoint |= finish.checkpoint.is_some();
    let event = match finish.leave {
        Leave::Settled => Event::Settle,
        Leave::Held => Event::Hold,
        Leave::Ended(outcome) => Event::End(outcome),
    };
    happen(job, event, now)?;
    if finish.progress.is_some() {
        job.progress.clone_from(&finish.progress);
    }
    if finish.result.is_some() {
        job.result.clone_from(&finish.result);
    }
    job.reason.clone_from(&finish.reason);
    job.has_backup |= finish.has_backup;
    Ok(())
}

/// Somebody wants something of it.
pub(super) fn order(job: &mut Job, order: &Order, now: DateTime<Utc>) -> Result<(), OrderError> {
    match order {
        Order::Pause => happen(job, Event::Pause, now)?,
        Order::Cancel => happen(job, Event::Cancel, now)?,
        Order::Resume(identity) => {
            // One that waits goes on by itself, on the server that it was asked for and on no other; one that is held has
            // begun on what its holder was told.
            let rested = job.state != JobState::Waiting && job.state != JobState::Running;
            happen(job, Event::Resume, now)?;
            job.ended_at = None;
            if rested {
                job.reason = None;
                if identity.is_some() {
                    job.identity.clone_from(identity);
                }
            }
        }
        Order::Budget(_) if job.state.is_ended() => return Err(OrderError::Ended(job.state)),
        Order::Budget(budget) => {
            job.spec.budget = Some(budget.clone());
            job.updated_at = now;
        }
    }
    Ok(())
}

/// A dry run is confirmed, once.
pub(super) fn confirm(job: &mut Job, now: DateTime<Utc>) -> bool {
    let is_free = job.state == JobState::Planned && !job.confirm_used;
    if is_free {
        job.confirm_used = true;
        job.updated_at = now;
    }
    is_free
}

fn happen(job: &mut Job, event: Event, now: DateTime<Utc>) -> Result<(), Refused> {
    let next = apply(job.standing(), event)?;
    (job.state, job.wanted) = (next.state, next.wanted);
    job.updated_at = now;
    if job.state != JobState::Running {
        job.holder = None;
        job.lease_until = None;
        job.wanted = Wanted::Run;
    }
    if job.state.is_ended() {
        job.ended_at.get_or_insert(now);
    }
    if matches!(
        job.state,
        JobState::Done | JobState::Planned | JobState::Cancelled
    ) {
        // Nothing goes on from here.
        job.has_checkpoint = false;
    }
    Ok(())
}

fn after(now: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(time)
        .ok()
        .and_then(|time| now.checked_add_signed(time))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::order;
    use crate::access::KeyId;
    use crate::jobs::id::JobId;
    use crate::jobs::job::Job;
    use crate::jobs::spec::{JobKind, JobSpec};
    use crate::jobs::state::JobState;
    use crate::jobs::store::Order;
    use crate::servers::Identity;

    fn identity(run_id: &str) -> Identity {
        Identity {
            server: "default".to_owned(),
            address: "127.0.0.1:6379".to_owned(),
            database: 0,
            run_id: run_id.to_owned(),
        }
    }

    /// A confirmed delete that waits behind another is bound to the server that was counted: only whoever was told that it is
    /// another by now, and resumes it all the same, means that one.
    #[test]
    fn a_resume_moves_what_rests_and_nothing_that_waits() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        for (state, moves) in [
            (JobState::Waiting, false),
            (JobState::Running, false),
            (JobState::Paused, true),
            (JobState::Incomplete, true),
            (JobState::Failed, true),
        ] {
            let spec = JobSpec::new(JobKind::Delete, "default", vec!["a:*".to_owned()]);
            let mut job = Job::new(JobId::of(1, 1), spec, KeyId::new("k"), now);
            (job.state, job.has_checkpoint) = (state, true);
            job.identity = Some(identity("counted"));
            order(&mut job, &Order::Resume(Some(identity("other"))), now).expect("taken");
            let run_id = job.identity.map(|identity| identity.run_id);
            let expected = if moves { "other" } else { "counted" };
            assert_eq!(run_id.as_deref(), Some(expected), "{state}");
        }
    }
}
