//! What all works that walk keys share: the sweep, its options, and its end. Decides nothing.

use std::path::Path;

use futures_util::future::BoxFuture;
use keypace::{Checkpoint, Pattern, Scope, StopHandle, Sweep, SweepOptions};

use super::super::figures;
use super::super::trouble::Trouble;
use super::{Ending, Gauge, Ground, Work, json, lacking};
use crate::jobs::state::Outcome;

/// What keys' names are cut by, for telling how far a pattern reaches.
const SEPARATOR: u8 = b':';

/// A count or a delete.
pub(super) struct Sweeping {
    pub(super) sweep: Sweep,
    /// Of a confirmed delete: the most that may go.
    pub(super) most: Option<u64>,
}

/// How the job's keys are walked, from its checkpoint where there is one.
pub(super) fn options(ground: &Ground<'_>) -> Result<SweepOptions, Trouble> {
    let spec = &ground.job.spec;
    let mut options = SweepOptions::new(spec.to_scan()?)
        .with_filters(spec.filters.to_filters()?)
        .with_budget_handle(ground.budget.clone())
        .with_checkpoint(&ground.place);
    if ground.is_resumed {
        options = options.with_resume(Checkpoint::load(&ground.place)?);
    }
    figures::scan(&widest(&spec.patterns));
    Ok(options)
}

/// How far the widest of the patterns reaches.
pub(super) fn widest(patterns: &[String]) -> String {
    let scopes = patterns.iter().map(|text| {
        let pattern = Pattern::new(text.clone().into_bytes());
        pattern.map_or(Scope::Scoped, |pattern| pattern.scope(SEPARATOR))
    });
    let is = |wanted: Scope| scopes.clone().any(|scope| scope == wanted);
    if is(Scope::CatchAll) || patterns.is_empty() {
        "catch_all"
    } else if is(Scope::Unbounded) {
        "unbounded"
    } else {
        "scoped"
    }
    .to_owned()
}

/// Waits for a sweep's next move; false when it has ended.
pub(super) fn step(sweep: &mut Sweep) -> BoxFuture<'_, bool> {
    Box::pin(async move { sweep.next().await.is_some() })
}

/// What shows a sweep's progress.
pub(super) fn gauge(sweep: &Sweep) -> Gauge {
    let progress = sweep.progress_handle();
    Box::new(move || progress.get())
}

impl Work for Sweeping {
    fn step(&mut self) -> BoxFuture<'_, bool> {
        step(&mut self.sweep)
    }

    fn stop(&self) -> Option<StopHandle> {
        Some(self.sweep.stop_handle())
    }

    fn gauge(&self) -> Gauge {
        gauge(&self.sweep)
    }

    fn save(&self, path: &Path) -> Result<(), keypace::Error> {
        self.sweep.save_checkpoint(path)
    }

    fn ending(&self) -> Ending {
        let summary = self.sweep.summary();
        let trouble = self.sweep.error().map(|error| {
            let mut trouble = Trouble::of(error);
            if let Some(most) = self.most
                && error.kind() == keypace::ErrorKind::Limit
            {
                trouble.text = format!(
                    "more keys match than the {most} that the plan leaves room for; what was deleted stays deleted: make another dry run"
                );
            }
            trouble
        });
        Ending {
            complete: summary.complete,
            whole: Outcome::Done,
            lacking: lacking(summary.failed, summary.unknown, "deleted"),
            result: json(&summary),
            trouble,
        }
    }
}
