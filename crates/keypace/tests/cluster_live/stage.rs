//! What the tests on real clusters share: a cluster with keys in it, a sweep that is driven step by step with faults
//! between the steps, and what a whole outcome looks like. Decides nothing about any one fault.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keypace::{
    Budget, ConnectOptions, Count, CountChoice, Event, Keyspace, ScanOptions, Summary, Sweep,
    SweepOptions, Target,
};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, wait_until};
use tokio::time::timeout;

use crate::common::check;

/// For one scenario on one program: several times what the longest needs, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(80);
const VALUE_BYTES: usize = 8;

/// Runs a scenario on each server program that is here, each in bounded time.
pub(crate) async fn each_program(scenario: impl AsyncFn(Program)) {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    for program in programs {
        let label = program.label();
        println!("on {label}");
        bounded(&label, scenario(program)).await;
    }
}

/// Fails with a text where a test would hang.
pub(crate) async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("{what}: not done within {PATIENCE:?}"))
}

/// A cluster of a test's own. Clones of the handle go to threads that harm it.
#[derive(Clone)]
pub(crate) struct Stage(pub(crate) Arc<OwnedCluster>);

impl Stage {
    pub(crate) fn start(program: &Program, options: ClusterOptions) -> Self {
        Self(Arc::new(
            OwnedCluster::start(program, options).expect("a cluster"),
        ))
    }

    pub(crate) fn seed(&self, prefix: &str, keys: u64) {
        let seeded = self.0.seed_strings(prefix.as_bytes(), 0..keys, VALUE_BYTES);
        seeded.expect("seeded");
    }

    pub(crate) fn target(&self) -> Target {
        target(&self.0)
    }

    pub(crate) async fn connect(&self, options: ConnectOptions) -> Keyspace {
        let connected = Keyspace::connect(self.target(), options).await;
        connected.expect("connected")
    }

    pub(crate) fn keys_left(&self) -> u64 {
        self.0.key_count().expect("counted")
    }
}

/// All nodes of a cluster as seeds.
pub(crate) fn target(cluster: &OwnedCluster) -> Target {
    let mut targets = cluster
        .urls()
        .into_iter()
        .map(|url| Target::parse(&url).expect("valid"));
    let first = targets.next().expect("a node");
    first.with_seeds(targets)
}

/// At full speed, with so many keys a page.
pub(crate) fn quick(scan: ScanOptions, count: i64) -> SweepOptions {
    let scan = scan.with_count(CountChoice::Fixed(Count::new(count)));
    SweepOptions::new(scan).with_budget(Budget::off())
}

/// The names that `Stage::seed` gives.
pub(crate) fn names(prefix: &str, keys: u64) -> BTreeSet<Vec<u8>> {
    (0..keys)
        .map(|n| format!("{prefix}{n}").into_bytes())
        .collect()
}

/// Drives a sweep to its end, with `beside` called after each step: nothing of the sweep runs meanwhile, so that a
/// fault there is always in mid-walk. Gives the keys of a listing, as they came.
pub(crate) async fn drive(
    mut sweep: Sweep,
    mut beside: impl FnMut(usize),
) -> (Vec<Vec<u8>>, Summary) {
    let mut keys = Vec::new();
    let mut step = 0;
    while let Some(event) = sweep.next().await {
        if let Event::Page(page) = event {
            keys.extend(page.keys().iter().map(|key| key.as_bytes().to_vec()));
        }
        step += 1;
        beside(step);
    }
    let summary = sweep.summary();
    check(&summary);
    let by_shard: u64 = summary.shards.iter().map(|shard| shard.matched).sum();
    assert_eq!(by_shard, summary.matched, "{summary:?}");
    (keys, summary)
}

/// Complete, and nothing else to be said.
#[track_caller]
pub(crate) fn expect_whole(summary: &Summary) {
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.errors, [], "{summary:?}");
    assert!(
        summary.shards.iter().all(|shard| shard.complete),
        "{summary:?}"
    );
}

/// No key is missing, and none is there that never was.
#[track_caller]
pub(crate) fn expect_keys(listed: Vec<Vec<u8>>, wanted: &BTreeSet<Vec<u8>>, summary: &Summary) {
    let listed: BTreeSet<Vec<u8>> = listed.into_iter().collect();
    let missed: Vec<String> = wanted
        .difference(&listed)
        .take(5)
        .map(|key| key.escape_ascii().to_string())
        .collect();
    let number = wanted.difference(&listed).count();
    assert_eq!(number, 0, "{missed:?} are missed: {summary:?}");
    assert_eq!(listed.len(), wanted.len(), "{summary:?}");
}

/// Cluster slots that were walked once more, over all nodes.
pub(crate) fn repeated(summary: &Summary) -> u64 {
    summary
        .shards
        .iter()
        .map(|shard| shard.repeated_slots)
        .sum()
}

/// Waits until a replica has all that its primary had when this was called.
pub(crate) fn replicated(cluster: &OwnedCluster, primary: usize, replica: usize) {
    let offset =
        |node: usize, field: &str| -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
            let info = cluster.raw(node)?.info("replication")?;
            Ok(info.get(field).ok_or("no offset is told")?.parse()?)
        };
    let wanted = offset(primary, "master_repl_offset").expect("told");
    wait_until("see the replica catch up", PATIENCE, || {
        match offset(replica, "slave_repl_offset")? {
            there if there >= wanted => Ok(()),
            there => Err(format!("it has {there} of {wanted}").into()),
        }
    })
    .expect("replicated");
}
