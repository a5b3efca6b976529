//! Rebuilding an index of the config out of an application's own keys.

use std::path::Path;

use futures_util::future::BoxFuture;
use keypace::{
    Checkpoint, IndexOptions, OwnerKeys, Pattern, Rebuild, RebuildOptions, ScanOptions, StopHandle,
    SweepOptions, has_index,
};

use super::super::figures;
use super::super::trouble::Trouble;
use super::{Ending, Gauge, Ground, Work, json};
use crate::jobs::state::Outcome;

/// A rebuild.
pub(super) struct Reindexing(Rebuild);

pub(super) async fn begin(ground: &Ground<'_>) -> Result<Reindexing, Trouble> {
    let name = ground.job.spec.patterns.first().map_or("", String::as_str);
    let Some(index) = ground.indexes.get(name) else {
        return Err(Trouble::refused(format!(
            "the config has no index `{name}` any more"
        )));
    };
    // Where there is an index, there has to be its key: with another one every list would be empty.
    let keys = if has_index(ground.keyspace, &index.namespace).await? {
        OwnerKeys::load(&index.owner_keys)
    } else {
        OwnerKeys::load_or_create(&index.owner_keys)
    };
    // Its own patterns are taken: this stands for whatever is walked.
    let scan = ScanOptions::new(vec![Pattern::prefix(b"")])?;
    let mut walk = SweepOptions::new(scan)
        .with_budget_handle(ground.budget.clone())
        .with_checkpoint(&ground.place);
    if ground.is_resumed {
        walk = walk.with_resume(Checkpoint::load(&ground.place)?);
    }
    let mut options = IndexOptions::new(index.namespace.clone(), keys?).with_walk(walk);
    if let Some(old) = &index.old {
        options = options.with_old(old.clone());
    }
    figures::scan("scoped");
    let rebuild = Rebuild::begin(ground.keyspace, options, RebuildOptions::default()).await?;
    Ok(Reindexing(rebuild))
}

impl Work for Reindexing {
    fn step(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.0.next().await.is_some() })
    }

    fn stop(&self) -> Option<StopHandle> {
        Some(self.0.stop_handle())
    }

    fn gauge(&self) -> Gauge {
        let progress = self.0.progress_handle();
        Box::new(move || progress.get())
    }

    fn save(&self, path: &Path) -> Result<(), keypace::Error> {
        self.0.save_checkpoint(path)
    }

    fn ending(&self) -> Ending {
        let report = self.0.report();
        if report.complete {
            figures::drift(&report);
        }
        Ending {
            complete: report.complete,
            whole: Outcome::Done,
            lacking: (!report.complete).then(|| {
                "some records could not be written; the result's errors say why".to_owned()
            }),
            result: json(&report),
            trouble: self.0.error().map(Trouble::of),
        }
    }
}
