//! Orders in mid-run: pause, resume, another budget, the end; and how many run at once.

use keypace_server::jobs::{JobKind, JobSpec, JobState, RunnerLimits, WantedState};
use std::collections::BTreeMap;

use crate::desk::{
    SLOW, count, dbsize, fill, folder, open, open_with, result, servers, spec, started, store,
};

const KEYS: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_is_paused_resumed_and_made_faster() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.deleting("k:*", true, 100).await;
        desk.patch(&id, None, Some(WantedState::Paused)).await;
        let paused = desk.once_in(&id, JobState::Paused).await;
        let deleted = result(&paused, "deleted");
        let left = dbsize(&server);
        assert!(paused.has_checkpoint && paused.has_backup, "{paused:#?}");
        assert_eq!(
            i64::try_from(KEYS + 100 - deleted),
            Ok(left),
            "all is settled"
        );
        assert!(left > 1_000, "it was to be in mid-run");

        // Another job of the same process goes on meanwhile.
        let other = desk.start(spec(JobKind::Count, "keep:*")).await;
        desk.once_in(&other, JobState::Done).await;
        assert_eq!(dbsize(&server), left);

        desk.service
            .resume(&desk.caller, &id)
            .await
            .expect("resumed");
        desk.once(&id, "running", |job| job.state == JobState::Running)
            .await;
        desk.patch(&id, Some("off"), None).await;
        let done = desk.once_in(&id, JobState::Done).await;
        assert_eq!((result(&done, "deleted"), dbsize(&server)), (KEYS, 100));
        assert_eq!(
            (done.restarts, done.spec.budget.as_deref()),
            (0, Some("off"))
        );
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_is_cancelled_has_ended_and_says_how_far_it_came() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.deleting("k:*", false, 100).await;
        desk.patch(&id, None, Some(WantedState::Cancelled)).await;
        let job = desk.once_in(&id, JobState::Cancelled).await;
        let left = u64::try_from(dbsize(&server)).expect("a number");
        assert_eq!(KEYS + 100 - result(&job, "deleted"), left);
        assert!(left > 1_000, "it was to be in mid-run");
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_go_on_in_memory() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let mut stats = JobSpec::new(JobKind::Stats, "default", vec!["k:*".to_owned()]);
        stats.budget = Some(SLOW.to_owned());
        let id = desk.start(stats).await;
        desk.once(&id, "under way", |job| count(job, "matched") > 500)
            .await;
        desk.patch(&id, None, Some(WantedState::Paused)).await;
        let paused = desk.once_in(&id, JobState::Paused).await;
        let before = count(&paused, "matched");
        assert!(before > 500 && before < KEYS, "{paused:#?}");
        desk.patch(&id, Some("off"), Some(WantedState::Running))
            .await;
        let seen = desk
            .once(&id, "running", |job| job.state == JobState::Running)
            .await;
        assert!(
            count(&seen, "matched") >= before,
            "it began anew: {seen:#?}"
        );
        let done = desk.once_in(&id, JobState::Done).await;
        assert_eq!(result(&done, "keys"), KEYS);
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delete_at_a_time_and_so_many_jobs_as_are_allowed() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let limits = RunnerLimits::default().with_running(3);
        let store = store(folder.path()).await;
        let desk = open_with(
            servers(&server.url()),
            store,
            folder.path(),
            limits,
            BTreeMap::new(),
        );
        let first = desk.deleting("k:*", false, 100).await;
        let second = desk.delete("keep:*", false, "off").await;
        // The count was made after both, and is done while the second delete waits.
        let count = desk.start(spec(JobKind::Count, "keep:*")).await;
        desk.once_in(&count, JobState::Done).await;
        assert_eq!(desk.job(&second).await.state, JobState::Waiting);
        assert_eq!(desk.job(&first).await.state, JobState::Running);
        desk.patch(&first, Some("off"), None).await;
        desk.once_in(&second, JobState::Done).await;
        assert_eq!(
            (desk.job(&first).await.state, dbsize(&server)),
            (JobState::Done, 0)
        );
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_the_bound_waits() {
    let server = started().remove(0);
    fill(&server, KEYS);
    let folder = folder();
    let limits = RunnerLimits::default().with_running(1);
    let store = store(folder.path()).await;
    let desk = open_with(
        servers(&server.url()),
        store,
        folder.path(),
        limits,
        BTreeMap::new(),
    );
    let slow = JobSpec {
        budget: Some(SLOW.to_owned()),
        ..spec(JobKind::Count, "k:*")
    };
    let first = desk.start(slow).await;
    desk.once(&first, "under way", |job| count(job, "scanned") > 0)
        .await;
    let second = desk.start(spec(JobKind::Count, "keep:*")).await;
    assert_eq!(desk.job(&second).await.state, JobState::Waiting);
    desk.patch(&first, None, Some(WantedState::Cancelled)).await;
    desk.once_in(&second, JobState::Done).await;
    desk.close().await;
}
