//! Servers that go away and come back, processes that end, and servers that are not what they were.

use std::collections::BTreeMap;
use std::time::Duration;

use keypace_server::jobs::{JobKind, JobState, RunnerLimits};

use crate::desk::{
    Desk, count, dbsize, fill, folder, open, open_with, result, servers, spec, started, store,
};

const KEYS: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_leaves_its_jobs_to_the_next() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.deleting("k:*", true, 100).await;
        desk.runner.drain(Duration::from_secs(20)).await;
        let left = desk.job(&id).await;
        assert_eq!(left.state, JobState::Waiting, "{left:#?}");
        let deleted = result(&left, "deleted");
        assert_eq!(
            KEYS + 100 - deleted,
            u64::try_from(dbsize(&server)).expect("a number")
        );
        drop(desk);

        let desk = open(&server, folder.path()).await;
        desk.patch(&id, Some("off"), None).await;
        let done = desk.once_in(&id, JobState::Done).await;
        assert_eq!((result(&done, "deleted"), dbsize(&server)), (KEYS, 100));
        assert_eq!(done.restarts, 0, "it was left in order");
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_waited_for() {
    for server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.deleting("k:*", false, 100).await;
        server.pause().expect("paused");
        desk.once(&id, "waiting for the server", |job| {
            job.progress
                .as_ref()
                .is_some_and(|now| now["paused_for"] == "server")
        })
        .await;
        assert_eq!(desk.job(&id).await.state, JobState::Running);
        server.resume().expect("resumed");
        desk.patch(&id, Some("off"), None).await;
        let done = desk.once_in(&id, JobState::Done).await;
        assert_eq!(dbsize(&server), 100);
        // What was removed unheard is found gone; so is what a walk over a shrinking table names twice.
        let deleted = result(&done, "deleted");
        assert!(
            deleted <= KEYS && deleted + result(&done, "already_gone") >= KEYS,
            "{done:#?}"
        );
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_pauses_its_jobs() {
    for mut server in started() {
        fill(&server, 100);
        let folder = folder();
        let limits = RunnerLimits::default().with_away(Duration::ZERO);
        let store = store(folder.path()).await;
        let desk = open_with(
            servers(&server.url()),
            store,
            folder.path(),
            limits,
            BTreeMap::new(),
        );
        server.kill().expect("killed");
        let id = desk.start(spec(JobKind::Count, "k:*")).await;
        let job = desk.once_in(&id, JobState::Paused).await;
        let reason = job.reason.expect("a reason");
        assert!(
            reason.contains("can't be reached") && reason.contains("resume"),
            "{reason}"
        );
        server.restart().expect("restarted");
        desk.service
            .resume(&desk.caller, &id)
            .await
            .expect("resumed");
        let job = desk.once_in(&id, JobState::Done).await;
        assert_eq!((result(&job, "matched"), job.reason), (0, None));
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p01_another_process_gets_nothing_until_somebody_says_so() {
    for mut server in started() {
        fill(&server, KEYS);
        let folder = folder();
        let desk = open(&server, folder.path()).await;
        let id = desk.deleting("k:*", false, 100).await;
        server.restart().expect("restarted");
        fill(&server, KEYS);
        let paused = desk.once_in(&id, JobState::Paused).await;
        let reason = paused.reason.clone().expect("a reason");
        assert!(reason.contains("another process"), "{reason}");
        assert_eq!(
            dbsize(&server),
            i64::try_from(KEYS + 100).expect("a number"),
            "{}",
            server.program().label()
        );

        let again = resumed(&desk, &id).await;
        // What went on the process before counts, and so the plan's ceiling may be reached on this one.
        assert!(
            again.state == JobState::Done || again.state == JobState::Incomplete,
            "{again:#?}"
        );
        desk.close().await;
    }
}

async fn resumed(desk: &Desk, id: &keypace_server::jobs::JobId) -> keypace_server::jobs::Job {
    desk.service
        .resume(&desk.caller, id)
        .await
        .expect("resumed");
    desk.patch(id, Some("off"), None).await;
    desk.once(id, "ended", |job| job.state.is_ended()).await;
    desk.job(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_url_under_the_same_name_gets_nothing() {
    let mut all = started();
    let other = all.pop().expect("one");
    let server =
        keypace_lab::OwnedServer::start(other.program(), keypace_lab::ServerOptions::default())
            .expect("a server");
    fill(&server, KEYS);
    fill(&other, 1_000);
    let folder = folder();
    let desk = open(&server, folder.path()).await;
    let id = desk.deleting("k:*", false, 100).await;
    assert!(count(&desk.job(&id).await, "deleted") < KEYS);
    desk.close().await;

    let desk = open(&other, folder.path()).await;
    let paused = desk.once_in(&id, JobState::Paused).await;
    let reason = paused.reason.expect("a reason");
    assert!(reason.contains("it was begun at"), "{reason}");
    assert_eq!(dbsize(&other), 1_100);
    desk.close().await;
}
