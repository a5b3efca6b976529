//! Leases that are lost: work stops at once, writes nothing, and another goes on from the checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keypace_lab::OwnedServer;
use keypace_server::jobs::{JobState, RunnerLimits};
use tokio::time::{Instant, sleep};

use crate::desk::{Desk, dbsize, fill, folder, open_with, result, servers, started, store};
use crate::flaky::Flaky;

const KEYS: u64 = 200_000;
const LEASE: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_millis(100);

fn limits() -> RunnerLimits {
    RunnerLimits::default().with_lease(LEASE, HEARTBEAT)
}

/// Until nothing is deleted any more, and how long that took. Whoever has lost its lease has no end to be waited for.
async fn quiet(server: &OwnedServer) -> (i64, Duration) {
    let began = Instant::now();
    let mut last = dbsize(server);
    loop {
        sleep(HEARTBEAT * 3).await;
        let now = dbsize(server);
        if now == last {
            return (now, began.elapsed());
        }
        last = now;
        assert!(began.elapsed() < LEASE * 5, "it goes on deleting");
    }
}

async fn begun(
    server: &OwnedServer,
    folder: &std::path::Path,
) -> (Desk, Arc<Flaky>, keypace_server::jobs::JobId) {
    fill(server, KEYS);
    let flaky = Flaky::new(store(folder).await);
    let desk = open_with(
        servers(&server.url()),
        flaky.clone(),
        folder,
        limits(),
        BTreeMap::new(),
    );
    let id = desk.deleting("k:*", true, 100).await;
    (desk, flaky, id)
}

/// Another process takes it over, and each key went once.
async fn taken_over(
    server: &OwnedServer,
    folder: &std::path::Path,
    id: &keypace_server::jobs::JobId,
) {
    let desk = open_with(
        servers(&server.url()),
        store(folder).await,
        folder,
        limits(),
        BTreeMap::new(),
    );
    desk.patch(id, Some("off"), None).await;
    let done = desk.once_in(id, JobState::Done).await;
    assert_eq!((done.restarts, dbsize(server)), (1, 100));
    // Keys that went behind the checkpoint without being counted are in no count; those that were on their way, and those that
    // a walk over a shrinking table names twice, are found gone.
    let deleted = result(&done, "deleted");
    println!(
        "deleted {deleted}, already gone {}",
        result(&done, "already_gone")
    );
    assert!(deleted <= KEYS, "none is deleted twice: {done:#?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_denied_stops_at_once() {
    for server in started() {
        let folder = folder();
        let (desk, flaky, id) = begun(&server, folder.path()).await;
        let finishes = flaky.finishes.load(Ordering::SeqCst);
        flaky.deny();
        let (left, _) = quiet(&server).await;
        assert!(left > 1_000, "it was to be in mid-run: {left}");
        assert_eq!(
            flaky.finishes.load(Ordering::SeqCst),
            finishes,
            "it had nothing to say"
        );
        assert_eq!(desk.job(&id).await.state, JobState::Running);
        desk.close().await;
        taken_over(&server, folder.path(), &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_whose_store_is_away_stops_before_its_lease_is_over() {
    for server in started() {
        let folder = folder();
        let (desk, flaky, id) = begun(&server, folder.path()).await;
        flaky.go_away();
        let (left, took) = quiet(&server).await;
        assert!(left > 1_000, "it was to be in mid-run: {left}");
        assert!(took < LEASE + HEARTBEAT * 10, "{took:?}");
        desk.close().await;
        taken_over(&server, folder.path(), &id).await;
    }
}

/// Without the store nobody else would know where to go on from, nor which backup has the keys.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_before_the_store_has_the_first_checkpoint() {
    for server in started() {
        let folder = folder();
        fill(&server, 1_000);
        let flaky = Flaky::new(store(folder.path()).await);
        let desk = open_with(
            servers(&server.url()),
            flaky.clone(),
            folder.path(),
            limits(),
            BTreeMap::new(),
        );
        flaky.deafen();
        let id = desk.delete("k:*", true, "off").await;
        desk.once(&id, "claimed", |job| job.state == JobState::Running)
            .await;
        let (left, _) = quiet(&server).await;
        sleep(LEASE).await;
        assert_eq!((left, dbsize(&server)), (1_100, 1_100));
        assert_eq!(desk.store.checkpoint(&id).await.expect("read"), None);
        flaky.recover();
        let done = desk.once_in(&id, JobState::Done).await;
        assert_eq!((result(&done, "deleted"), dbsize(&server)), (1_000, 100));
        desk.close().await;
    }
}
