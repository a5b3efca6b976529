//! What the tests on the simulated cluster share: a way in, keys, the three kinds of work and what is expected of each
//! whatever happened meanwhile. Scripts nothing by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keypace::{
    Budget, Checkpoint, ConnectOptions, Count, CountChoice, Dial, Dialing, Keyspace, Result,
    ScanOptions, Stream, Summary, Sweep, SweepOptions,
};
use keypace_testkit::{Action, ClusterState, Rule, ScanLayout, SimCluster, SimOptions};
use tokio::time::timeout;

use crate::common::{deleting, finish, list, scan, target};

/// Keys below `session:`, a third at each node.
pub(crate) const SESSIONS: u64 = 1_200;
/// Keys that no test asks for.
pub(crate) const OTHERS: u64 = 300;
/// So that a walk of a node takes a dozen pages.
const PAGE: i64 = 40;
/// On the simulator's clock, or at most on a busy machine's.
const PATIENCE: Duration = Duration::from_secs(600);

/// Dials into the nodes' memory.
#[derive(Debug)]
struct ClusterDial {
    cluster: SimCluster,
    address: String,
}

impl Dial for ClusterDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let stream = self.cluster.connect(&self.address)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn name(&self) -> String {
        self.address.clone()
    }

    fn another(&self, host: &str, port: u16) -> Option<Arc<dyn Dial>> {
        Some(Arc::new(Self {
            cluster: self.cluster.clone(),
            address: format!("{host}:{port}"),
        }))
    }
}

/// Both ways in which servers lay out their keys.
pub(crate) const LAYOUTS: [ScanLayout; 2] = [ScanLayout::OneTable, ScanLayout::TablePerSlot];

/// Three primaries with keys.
pub(crate) fn seeded(layout: ScanLayout, seed: u64) -> SimCluster {
    seeded_with(SimOptions::default(), layout, seed)
}

pub(crate) fn seeded_with(options: SimOptions, layout: ScanLayout, seed: u64) -> SimCluster {
    let options = options.with_scan_layout(layout).with_seed(seed);
    let cluster = SimCluster::new(options, 3);
    cluster.with(|cluster| {
        cluster.insert_strings("session:", 0..SESSIONS);
        cluster.insert_strings("other:", 0..OTHERS);
    });
    cluster
}

/// By the second node, so that the first can be harmed.
pub(crate) async fn connect(cluster: &SimCluster) -> Keyspace {
    connect_by(cluster, 1).await
}

/// By this node.
pub(crate) async fn connect_by(cluster: &SimCluster, node: usize) -> Keyspace {
    let dial = Arc::new(ClusterDial {
        cluster: cluster.clone(),
        address: cluster.addresses()[node].clone(),
    });
    let options = ConnectOptions::default()
        .with_timeout(Duration::from_secs(1))
        .expect("valid")
        .with_retries(2);
    let connected = Keyspace::connect_through(dial, target(), options).await;
    connected.expect("the simulator answers")
}

pub(crate) fn options() -> SweepOptions {
    options_of(scan("session:*"))
}

/// In small pages and unpaced, as all are here.
pub(crate) fn options_of(scan: ScanOptions) -> SweepOptions {
    let scan = scan.with_count(CountChoice::Fixed(Count::new(PAGE)));
    SweepOptions::new(scan).with_budget(Budget::off())
}

/// Something befalls the cluster when a node meets what a rule names.
pub(crate) fn at(
    cluster: &SimCluster,
    node: usize,
    rule: Rule,
    what: impl Fn(&mut ClusterState) + Send + Sync + 'static,
) {
    cluster.node(node).script(rule.then(Action::cluster(what)));
}

/// A sweep that has sent nothing of its walk yet.
pub(crate) async fn start(cluster: &SimCluster, work: Work, options: SweepOptions) -> Sweep {
    let keyspace = connect(cluster).await;
    let started: Result<Sweep> = match work {
        Work::List => Sweep::list(&keyspace, options).await,
        Work::Count => Sweep::count(&keyspace, options).await,
        Work::Delete => Ok(deleting(&keyspace, &options).await),
    };
    started.expect("started")
}

/// What a sweep would be resumed from if it ended here.
pub(crate) fn checkpoint_of(sweep: &Sweep) -> Checkpoint {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint");
    sweep.save_checkpoint(&path).expect("written");
    Checkpoint::load(&path).expect("read back")
}

/// Keys of a prefix that are where they are served.
pub(crate) fn left(cluster: &SimCluster, prefix: &str) -> usize {
    let keys = cluster.with(|cluster| cluster.keys());
    let with_prefix = keys.iter();
    with_prefix
        .filter(|key| key.starts_with(prefix.as_bytes()))
        .count()
}

pub(crate) fn names() -> BTreeSet<Vec<u8>> {
    (0..SESSIONS)
        .map(|n| format!("session:{n}").into_bytes())
        .collect()
}

/// What a sweep does with its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    List,
    Count,
    Delete,
}

pub(crate) const ALL_WORK: [Work; 3] = [Work::List, Work::Count, Work::Delete];

/// What came of a sweep.
pub(crate) struct Outcome {
    pub(crate) work: Work,
    pub(crate) keys: BTreeSet<Vec<u8>>,
    pub(crate) summary: Summary,
    pub(crate) cluster: SimCluster,
}

/// Connects and runs a sweep to its end, in bounded time.
pub(crate) async fn run(cluster: &SimCluster, work: Work) -> Outcome {
    run_with(cluster, work, options()).await
}

pub(crate) async fn run_with(cluster: &SimCluster, work: Work, options: SweepOptions) -> Outcome {
    let done = timeout(PATIENCE, async {
        let keyspace = connect(cluster).await;
        match work {
            Work::List => list(Sweep::list(&keyspace, options).await.expect("started")).await,
            Work::Count => {
                let sweep = Sweep::count(&keyspace, options).await.expect("started");
                (Vec::new(), finish(sweep).await)
            }
            Work::Delete => (
                Vec::new(),
                finish(deleting(&keyspace, &options).await).await,
            ),
        }
    })
    .await;
    let (keys, summary) = done.unwrap_or_else(|_| panic!("{work:?}: not done in {PATIENCE:?}"));
    Outcome {
        work,
        keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
        summary,
        cluster: cluster.clone(),
    }
}

impl Outcome {
    /// Complete, with every key listed, counted once or deleted, and no other touched.
    #[track_caller]
    pub(crate) fn expect_whole(&self, what: &str) {
        let (work, summary) = (self.work, &self.summary);
        assert!(summary.complete, "{work:?}, {what}: {summary:?}");
        assert_eq!(summary.errors, [], "{work:?}, {what}: {summary:?}");
        match work {
            Work::List => {
                let missed = names().difference(&self.keys).count();
                assert_eq!(missed, 0, "{what}: keys are missed: {summary:?}");
                assert_eq!(self.keys.len() as u64, SESSIONS, "{what}: {summary:?}");
            }
            Work::Count => assert_eq!(summary.matched, SESSIONS, "{what}: {summary:?}"),
            Work::Delete => {
                assert_eq!(self.left("session:"), 0, "{what}: {summary:?}");
                assert_eq!(self.left("other:") as u64, OTHERS, "{what}: {summary:?}");
            }
        }
    }

    /// And each key by one command that said so.
    #[track_caller]
    pub(crate) fn expect_exact(&self, what: &str) {
        self.expect_whole(what);
        if self.work == Work::Delete {
            let summary = &self.summary;
            assert_eq!(summary.deleted, SESSIONS, "{what}: {summary:?}");
            assert_eq!(summary.already_gone, 0, "{what}: {summary:?}");
        }
    }

    /// Keys with this prefix that are where they are served.
    pub(crate) fn left(&self, prefix: &str) -> usize {
        left(&self.cluster, prefix)
    }

    pub(crate) fn repeated(&self) -> u64 {
        let shards = self.summary.shards.iter();
        shards.map(|shard| shard.repeated_slots).sum()
    }
}
