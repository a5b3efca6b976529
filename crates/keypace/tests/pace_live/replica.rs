//! A replica behind a slow link: the delete waits for it, and its lag stays below the caller's threshold. The lag is
//! read off the primary by a connection of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keypace::{PauseReason, Thresholds, limits};
use keypace_lab::{Endpoint, Listen, OwnedServer, Program, Raw, ServerOptions, seed};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

use crate::common::{connect, deleting, finish, raw, sweep};
use crate::{VALUE_BYTES, keys_left, one_millisecond};

const MIB: u64 = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

fn tcp(program: &Program, arguments: &[(&str, &[&str])]) -> OwnedServer {
    let mut options = ServerOptions::default().with_listen(Listen::Tcp);
    for (name, values) in arguments {
        options = options.with_args(*name, values.iter().copied());
    }
    OwnedServer::start(program, options).expect("started")
}

fn address(server: &OwnedServer) -> std::net::SocketAddr {
    match server.endpoint() {
        Endpoint::Tcp(address) => *address,
        Endpoint::Unix(_) => panic!("it was told to listen on TCP"),
    }
}

/// How far the replica is behind by its own account, as the primary heard it; `None` while it isn't in step.
fn lag(raw: &mut Raw) -> Option<u64> {
    let info = raw.info("replication").expect("told");
    let fields = info
        .get("slave0")
        .filter(|text| text.contains("state=online"))?;
    let offset = fields
        .split(',')
        .find_map(|field| field.strip_prefix("offset="))?;
    let written: u64 = info["master_repl_offset"].parse().expect("a number");
    Some(written.saturating_sub(offset.parse().expect("a number")))
}

fn wait_until_in_step(raw: &mut Raw) {
    let begun = Instant::now();
    while lag(raw) != Some(0) {
        assert!(begun.elapsed() < PATIENCE, "the replica follows");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The largest lag until told to stop.
fn watch(mut raw: Raw, is_over: Arc<AtomicBool>) -> thread::JoinHandle<u64> {
    thread::spawn(move || {
        let mut most = 0;
        while !is_over.load(Ordering::Acquire) {
            most = most.max(lag(&mut raw).expect("the replica stays attached"));
            thread::sleep(Duration::from_millis(20));
        }
        most
    })
}

/// What is deleted, over what link, and how far the replica may be behind.
struct Trial {
    prefix: String,
    keys: u64,
    link_bytes_per_s: u64,
    most_lag_bytes: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p24_a_replica_behind_a_slow_link_is_waited_for() {
    // Some 11 MB of replication stream, three times as fast as the link; half as fast on a machine with other work, and
    // it is still to be waited for.
    let trial = Trial {
        prefix: "k:".to_owned(),
        keys: 800_000,
        link_bytes_per_s: MIB,
        most_lag_bytes: 6 * MIB,
    };
    waits(&trial).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p24_long_names_fill_the_stream_no_further() {
    // Each key is as much of the stream as ten others are: what counts is bytes, and not time.
    let trial = Trial {
        prefix: format!("k:{}:", "x".repeat(200)),
        keys: 250_000,
        link_bytes_per_s: 8 * MIB,
        most_lag_bytes: limits::REPLICA_LAG_MAX_BYTES,
    };
    waits(&trial).await;
}

async fn waits(trial: &Trial) {
    for program in Program::all() {
        let label = program.label();
        // A primary waits 5 s for further replicas unless it is told otherwise.
        let primary = tcp(&program, &[("repl-diskless-sync-delay", &["0"])]);
        let mut raw = raw(&primary);
        seed::strings(
            &mut raw,
            trial.prefix.as_bytes(),
            0..trial.keys,
            VALUE_BYTES,
        )
        .expect("seeded");
        seed::strings(&mut raw, b"keep:", 0..100, VALUE_BYTES).expect("seeded");
        let proxy = FaultProxy::start(address(&primary)).await.expect("a port");
        let port = proxy.addr().port().to_string();
        let replica = tcp(&program, &[("replicaof", &["127.0.0.1", &port])]);
        tokio::task::block_in_place(|| wait_until_in_step(&mut raw));
        proxy.script(FaultRule::new(Fault::Throttle(trial.link_bytes_per_s)).from_now());

        let is_over = Arc::new(AtomicBool::new(false));
        let watched = watch(crate::common::raw(&primary), Arc::clone(&is_over));
        let keyspace = connect(&primary).await;
        let options = sweep("k:*")
            .with_budget(one_millisecond())
            .with_thresholds(Thresholds::default().with_replica_lag_bytes(trial.most_lag_bytes));
        let delete = deleting(&keyspace, &options).await;
        let handle = delete.progress_handle();
        let run = tokio::spawn(finish(delete));
        let mut was_named = false;
        while !run.is_finished() {
            was_named |= handle.get().paused_for == Some(PauseReason::Replica);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let summary = run.await.expect("ended");
        is_over.store(true, Ordering::Release);
        let most = watched.join().expect("watched");
        println!(
            "{label}: lag {most} bytes, {} ms, {:?}",
            summary.elapsed_ms, summary.pace
        );
        assert!(summary.complete, "{label}: {summary:?}");
        assert_eq!(
            (summary.deleted, keys_left(&mut raw)),
            (trial.keys, 100),
            "{label}"
        );
        assert!(
            was_named && summary.pace.paused_ms.replica > 0,
            "{label}: {summary:?}"
        );
        assert!(most < trial.most_lag_bytes, "{label}: {most} bytes behind");

        proxy.script(FaultRule::new(Fault::Throttle(u64::MAX)).from_now());
        tokio::task::block_in_place(|| wait_until_in_step(&mut raw));
        let kept = keys_left(&mut crate::common::raw(&replica));
        assert_eq!(kept, 100, "{label}: the replica has what the primary has");
        replica.stop().expect("stopped");
        primary.stop().expect("stopped");
    }
}
