//! Jobs through the service: made over HTTP, followed to their end while the service is killed and started again, and their
//! results held against the servers. Must not use any other way into keypace.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chaos::Shared;
use super::draw::Draw;
use super::families::{ERRAND, ERRAND_KEYS, ERRAND_PATTERN, Family, STABLE_PATTERN};
use super::judge::{self, Deletion, Ending};
use super::ledger::Invariant;
use super::service::Service;
use super::witness::Census;
use crate::failure::{Failure, Outcome};

/// A job takes seconds; a lease that has to run out first some ten, and a fault as long again.
const JOB_PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks at a job.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// SIGKILLs of the service in one job.
const MAX_KILLS: u64 = 2;
/// From the beginning of a job, or from the last kill.
const KILL_AFTER_MS: std::ops::RangeInclusive<u64> = 100..=2000;
/// A restore that was cut short is made again.
const RESTORES: u32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Delete,
    DeleteKilled,
    DeleteAndRestore,
}

const KINDS: [Kind; 4] = [
    Kind::Count,
    Kind::Delete,
    Kind::DeleteKilled,
    Kind::DeleteAndRestore,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Delete => "delete",
            Self::DeleteKilled => "delete, service killed",
            Self::DeleteAndRestore => "delete and restore",
        }
    }
}

/// How jobs ended, by kind and state.
pub(super) type Jobs = BTreeMap<(&'static str, String), u64>;

/// What came of one.
struct Followed {
    job: Value,
    kills: u64,
}

impl Followed {
    fn state(&self) -> &str {
        self.job["state"].as_str().unwrap_or_default()
    }

    /// As the command line's exit code says it.
    fn ending(&self) -> Ending {
        match self.state() {
            "done" => Ending::Complete,
            "incomplete" => Ending::Incomplete,
            _ => Ending::Refused,
        }
    }
}

/// Who makes them.
pub(super) struct Clerk<'a> {
    pub(super) shared: &'a Shared,
    pub(super) service: Service,
    pub(super) draw: Draw,
    pub(super) surplus_limit: u64,
    pub(super) jobs: Jobs,
    pub(super) kills: u64,
}

impl Clerk<'_> {
    /// Makes one after the other until the soak stops.
    pub(super) fn run(&mut self) -> Outcome {
        let ended = self.all();
        if ended.is_err() {
            self.shared.stop();
        }
        ended
    }

    fn all(&mut self) -> Outcome {
        loop {
            for kind in self.draw.shuffled(&KINDS) {
                if self.shared.is_stopping() {
                    return Ok(());
                }
                self.one(kind)?;
            }
        }
    }

    fn one(&mut self, kind: Kind) -> Outcome {
        let at = self.shared.begun.elapsed().as_secs_f64();
        let state = match kind {
            Kind::Count => self.count(),
            Kind::Delete | Kind::DeleteKilled | Kind::DeleteAndRestore => self.delete(kind),
        };
        let state = state.map_err(|failure| {
            Failure::new(format!(
                "job of {} begun at {at:.1} s: {failure}\n{}",
                kind.name(),
                self.service.said()
            ))
        })?;
        *self.jobs.entry((kind.name(), state)).or_default() += 1;
        Ok(())
    }

    fn count(&mut self) -> Outcome<String> {
        let body = json!({"kind": "count", "patterns": [STABLE_PATTERN, super::families::NEAR_PATTERN], "budget": self.budget()});
        let Some(id) = self.make(&body)? else {
            return Ok("not taken".to_owned());
        };
        let followed = self.follow(&id, 0)?;
        let ending = followed.ending();
        if ending != Ending::Refused {
            let mut ledger = self.shared.ledger();
            judge::count(
                ending,
                &followed.job["result"],
                self.surplus_limit,
                &mut ledger,
            )
            .map_err(Failure::new)?;
        }
        Ok(followed.state().to_owned())
    }

    /// Planned, confirmed, followed; and brought back where that is the kind.
    fn delete(&mut self, kind: Kind) -> Outcome<String> {
        {
            let cluster = self.shared.cluster();
            cluster.seed_strings(ERRAND, 0..ERRAND_KEYS, super::VALUE_BYTES)?;
        }
        let backup = kind == Kind::DeleteAndRestore;
        let mut body = json!({"kind": "delete", "patterns": [ERRAND_PATTERN], "backup": backup, "dry_run": true, "budget": "off"});
        let Some(id) = self.make(&body)? else {
            return Ok("plan not taken".to_owned());
        };
        let planned = self.follow(&id, 0)?;
        if planned.state() != "planned" {
            return Ok(format!("plan {}", planned.state()));
        }
        body["dry_run"] = json!(false);
        body["budget"] = json!(self.budget());
        body["confirm"] = planned.job["confirm"].clone();
        let since = self.shared.begun.elapsed();
        let Some(id) = self.make(&body)? else {
            return Ok("not taken".to_owned());
        };
        let kills = if kind == Kind::DeleteKilled {
            self.draw.among(1..=MAX_KILLS)
        } else {
            0
        };
        let followed = self.follow(&id, kills)?;
        self.check_delete(&followed, since)?;
        if backup && followed.ending() == Ending::Complete {
            self.restore(&id)?;
        }
        Ok(followed.state().to_owned())
    }

    fn check_delete(&self, followed: &Followed, since: Duration) -> Outcome {
        let after = Census::take(&self.shared.cluster(), Family::ERRAND)?;
        let was_forced = self.shared.was_forced_since(since);
        let facts = Deletion {
            before: ERRAND_KEYS,
            after: &after,
            was_killed: followed.kills > 0,
            was_forced,
        };
        let ending = followed.ending();
        let result = &followed.job["result"];
        let summary = Some(result).filter(|_| ending != Ending::Refused);
        let mut ledger = self.shared.ledger();
        judge::delete(ending, summary, &facts, &mut ledger).map_err(Failure::new)?;
        let told = summary.and_then(|summary| summary["deleted"].as_u64());
        told.map_or(Ok(()), |told| {
            judge::told_by_job(told, &facts, &mut ledger).map_err(Failure::new)
        })
    }

    /// All of it is there again, unless the restore itself says that it is not.
    fn restore(&mut self, deleted: &str) -> Outcome {
        for _ in 0..RESTORES {
            let since = self.shared.begun.elapsed();
            let body =
                json!({"kind": "restore", "patterns": [], "from_job": deleted, "budget": "off"});
            let Some(id) = self.make(&body)? else {
                continue;
            };
            let followed = self.follow(&id, 0)?;
            // What a primary took while it was replaced by force may be lost with it.
            if followed.ending() != Ending::Complete || self.shared.was_forced_since(since) {
                continue;
            }
            let after = Census::take(&self.shared.cluster(), Family::ERRAND)?;
            let missing = after.sown.missing();
            let broken = (missing > 0).then(|| {
                format!(
                    "the restore says that it is done, and {missing} keys are not there: {}",
                    followed.job
                )
            });
            let mut ledger = self.shared.ledger();
            let noted = ledger.check(Invariant::JobsTellTruth, ERRAND_KEYS, broken);
            return noted.map_err(Failure::new);
        }
        Ok(())
    }

    fn budget(&mut self) -> &'static str {
        self.draw.pick(&["off", "1ms", "250us"])
    }

    /// Its id, where the service takes it: it may not reach the servers just now, and a plan is of servers that have not been
    /// replaced since.
    fn make(&mut self, body: &Value) -> Outcome<Option<String>> {
        let (status, job) = self.service.ask("POST", "/v1/jobs", Some(body))?;
        let id = job["id"].as_str();
        match (status, id) {
            (202, Some(id)) => Ok(Some(id.to_owned())),
            (409 | 500..=504, _) => {
                let at = self.shared.begun.elapsed().as_secs_f64();
                println!(
                    "{at:8.1} s  a job was not taken: {status} {}",
                    job["detail"]
                );
                Ok(None)
            }
            _ => Err(Failure::new(format!(
                "{body} was answered with {status} {job}"
            ))),
        }
    }

    /// Until it has ended; the service is killed so often meanwhile.
    fn follow(&mut self, id: &str, kills: u64) -> Outcome<Followed> {
        let begun = Instant::now();
        let mut killed = 0;
        let mut kill_at = (kills > 0).then(|| Instant::now() + self.draw.pause_ms(KILL_AFTER_MS));
        loop {
            let (status, job) = self.service.ask("GET", &format!("/v1/jobs/{id}"), None)?;
            let state = job["state"].as_str().unwrap_or_default();
            let has_ended =
                ["done", "failed", "incomplete", "cancelled", "planned"].contains(&state);
            let broken = if status != 200 {
                Some(format!("the job is answered with {status} {job}"))
            } else if state == "paused" {
                // Nobody asked for it, and no server is away for as long as the service waits for one.
                Some(format!("it was paused: {} {job}", job["reason"]))
            } else if !has_ended && begun.elapsed() > JOB_PATIENCE {
                Some(format!(
                    "it did not end within {} s: {job}",
                    JOB_PATIENCE.as_secs()
                ))
            } else {
                None
            };
            if has_ended || broken.is_some() {
                let mut ledger = self.shared.ledger();
                ledger
                    .check(Invariant::JobsEnd, 1, broken)
                    .map_err(Failure::new)?;
                return Ok(Followed { job, kills: killed });
            }
            if kill_at.is_some_and(|at| Instant::now() >= at) {
                self.service.kill_and_start()?;
                killed += 1;
                self.kills += 1;
                kill_at =
                    (killed < kills).then(|| Instant::now() + self.draw.pause_ms(KILL_AFTER_MS));
            }
            thread::sleep(LOOK_PAUSE);
        }
    }
}
