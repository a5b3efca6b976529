//! Nodes that don't answer for a while or for good, and that nobody replaces: the walk waits for them within its bounds,
//! and then says whom it missed.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use keypace::{ConnectOptions, Keyspace, Sweep};
use keypace_lab::{ClusterOptions, Endpoint, Program, slot_of};
use keypace_testkit::FaultProxy;

use crate::common::{deleting, scan};
use crate::stage::{Stage, bounded, drive, each_program, expect_keys, expect_whole, names, quick};

const KEYS: u64 = 30_000;
/// Pages of a hundred keys before the fault.
const BEGIN: usize = 40;
/// Longer than a command may take, shorter than the walk's patience with a node.
const FROZEN: Duration = Duration::from_millis(1500);

/// Nobody is replaced: there are no replicas, and the nodes don't call each other down so soon.
fn three() -> ClusterOptions {
    ClusterOptions::default()
        .with_replicas(0)
        .with_node_timeout(Duration::from_secs(60))
}

fn impatient() -> ConnectOptions {
    ConnectOptions::default()
        .with_timeout(Duration::from_secs(1))
        .expect("valid")
        .with_retries(2)
}

/// What the nodes but the first hold.
fn elsewhere(prefix: &str) -> BTreeSet<Vec<u8>> {
    let mut keys = names(prefix, KEYS);
    keys.retain(|key| slot_of(key) >= 5461);
    keys
}

#[tokio::test]
async fn a_frozen_primary_is_waited_for() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(impatient()).await;
        let options = quick(scan("session:*"), 100);
        let freeze = |step| {
            if step == BEGIN {
                stage.0.server(0).pause().expect("frozen");
                let woken = stage.clone();
                tokio::task::spawn_blocking(move || {
                    // The length of the fault itself, and nothing waits for it.
                    std::thread::sleep(FROZEN);
                    woken.0.server(0).resume().expect("woken");
                });
            }
        };
        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), freeze).await;
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);

        let sweep = Sweep::count(&keyspace, options.clone()).await;
        let (_, summary) = drive(sweep.expect("started"), freeze).await;
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");

        let (_, summary) = drive(deleting(&keyspace, &options).await, freeze).await;
        expect_whole(&summary);
        assert_eq!(stage.keys_left(), 0, "{summary:?}");
        // A command whose answer was lost may have run: its keys were gone when it was asked again.
        assert_eq!(summary.deleted + summary.already_gone, KEYS, "{summary:?}");
    })
    .await;
}

#[tokio::test]
async fn a_primary_that_stays_frozen_is_named_and_the_others_are_done() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(impatient()).await;
        let options = quick(scan("session:*"), 100);
        let freeze = |step| {
            if step == BEGIN {
                stage.0.server(0).pause().expect("frozen");
            }
        };
        let node = stage.0.server(0).url().replace("redis://", "");
        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), freeze).await;
        expect_only_missing(&summary, &node);
        let keys: BTreeSet<Vec<u8>> = keys.into_iter().collect();
        assert!(keys.is_superset(&elsewhere("session:")), "{summary:?}");

        stage.0.server(0).resume().expect("woken");
        let (_, summary) = drive(deleting(&keyspace, &options).await, freeze).await;
        expect_only_missing(&summary, &node);
        stage.0.server(0).resume().expect("woken");
        assert!(stage.keys_left() > 0, "{summary:?}");
        let left: i64 = (1..3)
            .map(|node| {
                let size = stage.0.raw(node).expect("connected").command(&[b"DBSIZE"]);
                size.expect("asked").int().expect("a number")
            })
            .sum();
        assert_eq!(left, 0, "{summary:?}");
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_cut_off_from_us_alone_is_named_or_waited_for() {
    each_program(async |program| {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let Endpoint::Tcp(address) = stage.0.server(0).endpoint() else {
            unreachable!("cluster nodes listen on TCP");
        };
        let proxy = FaultProxy::start(*address).await.expect("a proxy");
        let ways = HashMap::from([(address.to_string(), proxy.addr().to_string())]);
        let through = impatient().with_address_map(ways).expect("valid");
        let target = keypace::Target::parse(&stage.0.server(1).url()).expect("valid");
        let keyspace = Keyspace::connect(target, through).await.expect("connected");
        let options = quick(scan("session:*"), 100);
        let cut = |step| {
            if step == BEGIN {
                proxy.refuse_all();
                proxy.cut_all();
            }
        };

        let sweep = Sweep::list(&keyspace, options.clone()).await;
        let (keys, summary) = drive(sweep.expect("started"), |step| {
            cut(step);
            if step == BEGIN + 20 {
                proxy.accept_again();
            }
        })
        .await;
        expect_whole(&summary);
        expect_keys(keys, &names("session:", KEYS), &summary);

        let sweep = Sweep::count(&keyspace, options.clone()).await;
        let (_, summary) = drive(sweep.expect("started"), cut).await;
        expect_only_missing(&summary, &proxy.addr().to_string());
        assert!(summary.matched >= elsewhere("session:").len() as u64);

        // Away before it begins, as well.
        let sweep = Sweep::list(&keyspace, options).await;
        let (keys, summary) = drive(sweep.expect("started"), |_| {}).await;
        expect_only_missing(&summary, &proxy.addr().to_string());
        expect_keys(keys, &elsewhere("session:"), &summary);
    })
    .await;
}

/// The fault as operators know it: the timeouts are those that nobody has changed, and the node is silent for longer than one
/// command may take.
#[tokio::test]
async fn a_primary_frozen_for_20_s_is_waited_for_with_the_usual_timeouts() {
    const FROZEN: Duration = Duration::from_secs(20);
    let program = Program::find().expect("a server program");
    let label = program.label();
    bounded(&label, async {
        let stage = Stage::start(&program, three());
        stage.seed("session:", KEYS);
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let mut woken = None;
        let sweep = Sweep::count(&keyspace, quick(scan("session:*"), 100)).await;
        let (_, summary) = drive(sweep.expect("started"), |step| {
            if step == BEGIN {
                stage.0.server(0).pause().expect("frozen");
                let stage = stage.clone();
                woken = Some(std::thread::spawn(move || {
                    // The length of the fault itself, and nothing waits for it.
                    std::thread::sleep(FROZEN);
                    stage.0.server(0).resume().expect("woken");
                }));
            }
        })
        .await;
        expect_whole(&summary);
        assert_eq!(summary.matched, KEYS, "no key counts twice: {summary:?}");
        // A command that takes longer than its timeout is asked again, so that the whole freeze was waited for.
        assert!(summary.elapsed_ms >= 20_000, "{summary:?}");
        woken.expect("frozen").join().expect("woken");
    })
    .await;
}

/// Incomplete, with the node's name in the errors, and all other nodes done.
#[track_caller]
fn expect_only_missing(summary: &keypace::Summary, node: &str) {
    assert!(!summary.complete, "{summary:?}");
    let is_named = |error: &keypace::Failure| error.text.contains(node);
    assert!(summary.errors.iter().any(is_named), "{node}: {summary:?}");
    for shard in &summary.shards {
        assert_eq!(shard.complete, shard.node != node, "{node}: {summary:?}");
    }
    assert_eq!(summary.shards.len(), 3, "{summary:?}");
}
