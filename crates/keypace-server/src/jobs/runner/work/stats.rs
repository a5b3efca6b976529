//! Saying what a keyspace is made of. What was learnt is in memory only: a pause keeps it there.

use std::path::Path;

use futures_util::future::BoxFuture;
use keypace::{StatsOptions, StopHandle, Sweep, SweepOptions};

use super::super::figures;
use super::super::trouble::Trouble;
use super::sweeping::{gauge, step, widest};
use super::{Ending, Gauge, Ground, Work, json};
use crate::jobs::state::Outcome;

/// Statistics.
pub(super) struct Stats(Sweep);

pub(super) async fn begin(ground: &Ground<'_>) -> Result<Stats, Trouble> {
    let spec = &ground.job.spec;
    let options = SweepOptions::new(spec.to_scan()?)
        .with_filters(spec.filters.to_filters()?)
        .with_budget_handle(ground.budget.clone());
    let mut wanted = StatsOptions::default();
    if let Some(depth) = spec.depth {
        wanted = wanted.with_depth(usize::from(depth));
    }
    figures::scan(&widest(&spec.patterns));
    let sweep = Sweep::stats(ground.keyspace, options, wanted).await?;
    Ok(Stats(sweep))
}

impl Work for Stats {
    fn step(&mut self) -> BoxFuture<'_, bool> {
        step(&mut self.0)
    }

    fn stop(&self) -> Option<StopHandle> {
        None
    }

    fn gauge(&self) -> Gauge {
        gauge(&self.0)
    }

    fn save(&self, _: &Path) -> Result<(), keypace::Error> {
        Ok(())
    }

    fn ending(&self) -> Ending {
        let report = self.0.stats_report();
        Ending {
            complete: report.complete,
            whole: Outcome::Done,
            lacking: None,
            result: json(&report),
            trouble: self.0.error().map(Trouble::of),
        }
    }
}
