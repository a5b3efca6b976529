//! Deleting what a dry run has shown and somebody has confirmed. The store has seen to the confirmation; the library sees to
//! it that nothing else goes.

use keypace::{BackupTarget, Checkpoint, Consent, DeleteOptions, Sweep, plan_delete_unseen};

use super::super::trouble::Trouble;
use super::Ground;
use super::sweeping::{Sweeping, options};

pub(super) async fn begin(ground: &Ground<'_>) -> Result<Sweeping, Trouble> {
    let job = ground.job;
    let mut options = options(ground)?;
    if job.spec.backup {
        check_backup(ground)?;
        options = options.with_backup(BackupTarget::new(ground.files.backup(&job.id)));
    }
    let consent = if job.spec.all {
        Consent::All
    } else {
        Consent::Scoped
    };
    let plan = plan_delete_unseen(ground.keyspace, &options).await?;
    let confirmed = plan.confirm(consent)?;
    let mut delete = DeleteOptions::default();
    if let Some(most) = job.max_delete {
        delete = delete.with_max_delete(most);
    }
    let sweep = Sweep::delete(ground.keyspace, options, delete, confirmed).await?;
    Ok(Sweeping {
        sweep,
        most: job.max_delete,
    })
}

/// A backup belongs to the run whose checkpoint names it. Without a checkpoint nothing was deleted yet, as the first one is
/// saved before the first key goes: what is there is an empty file, and is kept all the same.
fn check_backup(ground: &Ground<'_>) -> Result<(), Trouble> {
    let path = ground.files.backup(&ground.job.id);
    if !ground.is_resumed {
        return ground.files.move_backup_aside(ground.job).map_err(|error| {
            Trouble::refused(format!("the place of the backup can't be cleared: {error}"))
        });
    }
    // That it is one is checked by who reads it next.
    let _ = Checkpoint::load(&ground.place)?;
    if ground.job.has_backup && !path.exists() {
        return Err(Trouble::refused(
            "its backup is not in the data folder of this process, and nothing is deleted that is not in it; give all \
             replicas one data folder, or let the first one go on",
        ));
    }
    Ok(())
}
