//! How long backups and checkpoints are kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keypace_server::jobs::{JobId, JobKind, JobSpec, JobState, RunnerLimits, WantedState};

use crate::desk::{Desk, fill, folder, open_with, result, servers, started, store};

const LONG: Duration = Duration::from_secs(3_600);

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("read");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn restored(desk: &Desk, from: &JobId) -> Result<JobId, String> {
    let mut back = JobSpec::new(JobKind::Restore, "", Vec::new());
    back.from_job = Some(from.clone());
    let made = desk.service.create(&desk.caller, back, None).await;
    made.map(|job| job.id).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_when_its_time_is_over_and_no_sooner() {
    for server in started() {
        fill(&server, 20_000);
        let folder = folder();
        let (backups, checkpoints) = (
            folder.path().join("backups"),
            folder.path().join("checkpoints"),
        );
        let open = async |limits: RunnerLimits| {
            let store = store(folder.path()).await;
            let none = BTreeMap::new();
            open_with(servers(&server.url()), store, folder.path(), limits, none)
        };
        let desk = open(RunnerLimits::default().with_backups(LONG, 0)).await;
        let first = desk.delete("k:1*", true, "off").await;
        desk.once_in(&first, JobState::Done).await;
        let paused = desk.deleting("k:*", true, 100).await;
        desk.patch(&paused, None, Some(WantedState::Paused)).await;
        desk.once_in(&paused, JobState::Paused).await;
        let unknown = JobId::of(7, 7);
        for path in [
            backups.join(format!("{unknown}.kpb")),
            checkpoints.join(format!("{unknown}.3.ckpt")),
            backups.join("somebody's own"),
        ] {
            std::fs::write(path, "bytes").expect("written");
        }
        let of = |id: &JobId| format!("{id}.kpb");
        // No byte may be kept: the one that was made last stays, and so does that of what may go on.
        desk.runner.tidy().await;
        let last = [of(&first), of(&paused), "somebody's own".to_owned()];
        let mut left = names(&backups);
        left.retain(|name| *name != of(&unknown));
        assert_eq!(left, last);
        assert_eq!(names(&checkpoints).len(), 1, "of the one that may go on");
        assert!(desk.job(&first).await.has_backup);
        desk.close().await;

        // A restore that waits keeps what it is to bring back.
        let desk = open(
            RunnerLimits::default()
                .with_running(1)
                .with_backups(Duration::ZERO, 0),
        )
        .await;
        desk.runner.tidy().await;
        assert_eq!(names(&backups), [of(&paused), "somebody's own".to_owned()]);
        assert!(!desk.job(&first).await.has_backup);
        let refused = restored(&desk, &first).await.expect_err("no backup");
        assert!(refused.contains("kept for a time"), "{refused}");
        let back = restored(&desk, &paused).await.expect("a job");
        let back = desk.once_in(&back, JobState::Done).await;
        assert!(result(&back, "restored") >= 100);
        desk.patch(&paused, None, Some(WantedState::Cancelled))
            .await;
        desk.runner.tidy().await;
        assert_eq!(names(&backups), ["somebody's own"]);
        desk.close().await;
    }
}
