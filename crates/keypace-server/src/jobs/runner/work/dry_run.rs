//! What a delete would delete: a look first, for what people want to know at once, then a count of the whole.

use std::path::Path;

use futures_util::future::BoxFuture;
use keypace::{
    BackupTarget, DeleteOptions, Describe, Escaped, Plan, Scope, StopHandle, Sweep, plan_delete,
};
use serde_json::{Value, json};

use super::super::trouble::Trouble;
use super::sweeping::{Sweeping, options};
use super::{Ending, Gauge, Ground, Work};
use crate::jobs::state::Outcome;
use crate::limits;

/// A dry run.
pub(super) struct DryRun {
    counting: Sweeping,
    plan: Option<Value>,
    backs_up: bool,
    is_paced: bool,
}

pub(super) async fn begin(ground: &Ground<'_>) -> Result<DryRun, Trouble> {
    let job = ground.job;
    let options = options(ground)?;
    let plan = match &job.plan {
        // It was looked at before.
        Some(plan) => Some(plan.clone()),
        None => {
            let mut looked = options
                .clone()
                .with_describe(Describe::default().with_size());
            if job.spec.backup {
                looked = looked.with_backup(BackupTarget::new(ground.files.backup(&job.id)));
            }
            Some(shown(&plan_delete(ground.keyspace, &looked).await?))
        }
    };
    let sweep = Sweep::dry_run(ground.keyspace, options, DeleteOptions::default()).await?;
    Ok(DryRun {
        counting: Sweeping { sweep, most: None },
        plan,
        backs_up: job.spec.backup,
        is_paced: ground.budget.get().as_duration().is_some(),
    })
}

fn shown(plan: &Plan) -> Value {
    let samples = plan.samples().iter().map(|key| sample(key.as_bytes()));
    json!({
        "estimate": plan.estimate(),
        "exact": plan.is_exact(),
        "total_keys": plan.total_keys(),
        "share": plan.share(),
        "bytes": plan.estimate_bytes(),
        "free_bytes": plan.backup().and_then(|backup| backup.free_bytes),
        "samples": samples.collect::<Vec<_>>(),
        "verb": plan.verb(),
        "scope": match plan.scope() {
            Scope::Scoped => "scoped",
            Scope::Unbounded => "unbounded",
            Scope::CatchAll => "catch_all",
        },
        "not_asked": plan.not_asked(),
    })
}

/// A name for people to look at: of a long one the beginning, as it goes into the job's row and to all who watch.
fn sample(name: &[u8]) -> String {
    match name.get(..limits::SAMPLE_NAME_BYTES) {
        Some(start) if start.len() < name.len() => format!("{}…", Escaped::new(start)),
        _ => Escaped::new(name).to_string(),
    }
}

impl DryRun {
    /// About how long the delete takes at this budget: the walk as it went, and a guess of what removing takes beside it.
    fn expected_ms(&self) -> u64 {
        let summary = self.counting.sweep.summary();
        let keys_per_s = match (self.backs_up, self.is_paced) {
            (true, _) => limits::PLAN_SAVED_KEYS_PER_S,
            (false, true) => limits::PLAN_PACED_KEYS_PER_S,
            (false, false) => limits::PLAN_FAST_KEYS_PER_S,
        };
        summary.elapsed_ms + summary.would_delete.saturating_mul(1_000) / keys_per_s
    }
}

impl Work for DryRun {
    fn step(&mut self) -> BoxFuture<'_, bool> {
        self.counting.step()
    }

    fn stop(&self) -> Option<StopHandle> {
        self.counting.stop()
    }

    fn gauge(&self) -> Gauge {
        self.counting.gauge()
    }

    fn save(&self, path: &Path) -> Result<(), keypace::Error> {
        self.counting.save(path)
    }

    fn ending(&self) -> Ending {
        Ending {
            whole: Outcome::Planned,
            ..self.counting.ending()
        }
    }

    fn plan(&self) -> Option<Value> {
        let mut plan = self.plan.clone()?;
        let ending = self.counting.ending();
        if ending.complete {
            let keys = self.counting.sweep.summary().would_delete;
            // What the look measured, for as many keys as there are.
            let mean = plan["bytes"].as_f64().zip(plan["estimate"].as_f64());
            if let Some((bytes, estimate)) = mean.filter(|(_, estimate)| *estimate > 0.0) {
                plan["bytes"] = json!((bytes / estimate * keys as f64).round() as u64);
            }
            plan["estimate"] = json!(keys);
            plan["exact"] = json!(true);
            plan["expected_ms"] = json!(self.expected_ms());
        }
        Some(plan)
    }
}
