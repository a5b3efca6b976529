//! Bringing back what a delete has saved. Its place is in memory: anew it finds there what it has brought back before.

use std::path::Path;

use futures_util::future::BoxFuture;
use keypace::{
    Backup, BackupIndex, Existing, Restore, RestoreConsent, RestoreOptions, RestorePlan, StopHandle,
};

use super::super::trouble::{Meaning, Trouble};
use super::{Ending, Gauge, Ground, Work, json};
use crate::jobs::spec::ExistingKeys;
use crate::jobs::state::Outcome;

/// A restore.
pub(super) struct Restoring(Restore);

pub(super) async fn begin(ground: &Ground<'_>) -> Result<Restoring, Trouble> {
    let spec = &ground.job.spec;
    let Some(from) = &spec.from_job else {
        return Err(Trouble::refused(
            "it names no delete whose backup it brings back",
        ));
    };
    let path = ground.files.backup(from);
    if !path.exists() {
        return Err(Trouble::refused(
            "the backup is not in the data folder of this process: it was moved, or made by another replica",
        ));
    }
    let reading = tokio::task::spawn_blocking(move || -> keypace::Result<BackupIndex> {
        Backup::open(&path)?.index()
    });
    let index = reading
        .await
        .map_err(|_| Trouble::new(Meaning::Cut, "the backup could not be read"))??;
    let existing = match spec.existing.unwrap_or_default() {
        ExistingKeys::Skip => Existing::Skip,
        ExistingKeys::Replace => Existing::Replace,
    };
    let options = RestoreOptions::default()
        .with_existing(existing)
        .with_patterns(spec.filters.patterns(&spec.patterns, "patterns")?)
        .with_budget_handle(ground.budget.clone());
    let plan = RestorePlan::new(ground.keyspace, &index, &options).await?;
    if let Some(difference) = plan.differences().first() {
        return Err(Trouble::refused(format!(
            "{difference}; `keypace restore` on the command line can be told to do that all the same"
        )));
    }
    let consent = match existing {
        // Who asked for it has named it.
        Existing::Replace => RestoreConsent::Confirmed,
        _ => RestoreConsent::Additive,
    };
    let restore = Restore::begin(ground.keyspace, index, options, consent).await?;
    Ok(Restoring(restore))
}

impl Work for Restoring {
    fn step(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.0.next().await.is_some() })
    }

    fn stop(&self) -> Option<StopHandle> {
        None
    }

    fn gauge(&self) -> Gauge {
        let progress = self.0.progress_handle();
        Box::new(move || progress.get())
    }

    fn save(&self, _: &Path) -> Result<(), keypace::Error> {
        Ok(())
    }

    fn ending(&self) -> Ending {
        let summary = self.0.summary();
        let lost = summary.failed + summary.refused;
        Ending {
            complete: summary.complete,
            whole: Outcome::Done,
            lacking: (!summary.complete).then(|| {
                format!("{lost} keys could not be restored, or a part of the backup is damaged; the result's errors say more")
            }),
            result: json(&summary),
            trouble: self.0.error().map(Trouble::of),
        }
    }
}
