//! Jobs on a cluster whose nodes change their parts and are restarted: no node is the server that a job was begun on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keypace::Target;
use keypace_lab::{ClusterOptions, OwnedCluster, Program};
use keypace_server::jobs::{JobState, RunnerLimits};

use crate::desk::{Desk, folder, open_with, result, servers_at, store};

const KEYS: u64 = 150_000;

async fn open(cluster: &OwnedCluster, folder: &Path) -> Desk {
    let urls = cluster.urls();
    let mut targets = urls.iter().map(|url| Target::parse(url).expect("valid"));
    let first = targets.next().expect("a node");
    open_with(
        servers_at(first.with_seeds(targets)),
        store(folder).await,
        folder,
        RunnerLimits::default(),
        BTreeMap::new(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_after_the_node_that_was_asked_first_was_replaced_and_restarted() {
    let program = Program::find().unwrap_or_else(|error| panic!("{error:?}"));
    let mut cluster = OwnedCluster::start(&program, ClusterOptions::default()).expect("a cluster");
    cluster.seed_strings(b"k:", 0..KEYS, 8).expect("seeded");
    let folder = folder();
    let desk = open(&cluster, folder.path()).await;
    let id = desk.deleting("k:*", false, 100).await;
    desk.runner.drain(Duration::from_secs(20)).await;
    let left = desk.job(&id).await;
    assert_eq!(left.state, JobState::Waiting, "{left:#?}");
    assert!(
        cluster.key_count().expect("asked") > 1_000,
        "it was to be in mid-run"
    );
    drop(desk);

    // The first URL leads to another process now, which is a replica, and all keys are where they were.
    cluster.fail_over(3).expect("failed over");
    cluster.restart(0).expect("restarted");
    cluster.wait_until_settled().expect("settled");

    let desk = open(&cluster, folder.path()).await;
    desk.patch(&id, Some("off"), None).await;
    let ended = desk
        .once(&id, "done or paused", |job| {
            matches!(job.state, JobState::Done | JobState::Paused)
        })
        .await;
    assert_eq!(ended.state, JobState::Done, "{ended:#?}");
    assert_eq!(cluster.key_count().expect("asked"), 0);
    assert_eq!(result(&ended, "deleted"), KEYS);
    desk.close().await;
}
