//! Another client that saturates the server half-way through a delete: how far and how soon the delete gives way, and
//! comes back. Its own progress is what is measured: a count of keys would wait behind the load.

use std::thread;
use std::time::{Duration, Instant};

use keypace::{PauseReason, ProgressHandle, Summary};
use keypace_lab::{OwnedServer, Saturate, seed};

use crate::common::{check, connect, deleting, raw, servers, sweep};
use crate::{VALUE_BYTES, one_millisecond};

const KEYS: u64 = 500_000;
/// The median of three is judged: one may meet whatever else the machine does.
const TRIALS: usize = 3;
/// Enough to fill the server's core.
const LOAD_CONNECTIONS: usize = 8;
const LOAD: Duration = Duration::from_millis(1200);
const YIELD_WITHIN: Duration = Duration::from_millis(200);
const YIELD_SHARE: f64 = 0.25;
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// Ten times and more what goes under load. How much of its full pace is back by then is the bench's to judge: here other
/// tests and builds take the cores, and their stalls are a load too.
const BACK_SHARE: f64 = 0.1;
/// A pace is back when it has been for this long. It is held against the slowest stretch of this length before the load:
/// what else the machine does slows both.
const STRETCH: Duration = Duration::from_millis(200);

/// Keys that were deleted by this time.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    deleted: u64,
}

/// Keys a second between two moments; the samples lie closer than what is judged.
fn rate(samples: &[Sample], from: Instant, to: Instant) -> f64 {
    let at = |time: Instant| {
        let place = samples.partition_point(|sample| sample.at <= time);
        samples[..place].last().map_or(0, |sample| sample.deleted)
    };
    at(to).saturating_sub(at(from)) as f64 / to.duration_since(from).as_secs_f64()
}

struct Trial {
    /// Keys a second from `YIELD_WITHIN` on, of those before.
    left_share: f64,
    /// From the end of the load until the pace was back; `None` where the keys came to an end before.
    back: Option<Duration>,
    was_named: bool,
    text: String,
}

fn wait_for(deleted: u64, handle: &ProgressHandle) {
    while handle.get().deleted < deleted {
        assert!(handle.get().paused_for != Some(PauseReason::Server));
        thread::sleep(Duration::from_millis(1));
    }
}

async fn delete_all(
    server: &OwnedServer,
    tell: std::sync::mpsc::Sender<ProgressHandle>,
) -> (Summary, Vec<Sample>) {
    let keyspace = connect(server).await;
    let mut delete = deleting(&keyspace, &sweep("k:*").with_budget(one_millisecond())).await;
    tell.send(delete.progress_handle()).expect("heard");
    let mut samples = Vec::new();
    while delete.next().await.is_some() {
        samples.push(Sample {
            at: Instant::now(),
            deleted: delete.progress().deleted,
        });
    }
    check(&delete.summary());
    (delete.summary(), samples)
}

fn trial(server: &OwnedServer) -> Trial {
    seed::strings(&mut raw(server), b"k:", 0..KEYS, VALUE_BYTES).expect("seeded");
    thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let run = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(delete_all(server, tell))
        });
        let handle = told.recv().expect("it began");
        wait_for(KEYS * 2 / 5, &handle);
        let load = Saturate::start(server.endpoint(), LOAD_CONNECTIONS).expect("a load");
        let from = Instant::now();
        let mut was_named = false;
        while from.elapsed() < LOAD {
            was_named |= handle.get().paused_for == Some(PauseReason::Others);
            thread::sleep(Duration::from_millis(1));
        }
        load.stop().expect("it lived");
        let to = Instant::now();
        let (summary, samples) = run.join().expect("ended");
        assert!(summary.complete, "{summary:?}");
        assert_eq!(summary.deleted, KEYS);
        judge(&samples, from, to, was_named, &summary)
    })
}

fn judge(
    samples: &[Sample],
    from: Instant,
    to: Instant,
    was_named: bool,
    summary: &Summary,
) -> Trial {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    // The first fifth of the run is its start.
    let begun = first.at + (from - first.at) / 5;
    let before = rate(samples, begun, from);
    let stretches = samples
        .iter()
        .map(|sample| (sample.at, sample.at + STRETCH))
        .filter(|(start, end)| *start >= begun && *end <= from);
    let slowest = stretches
        .map(|(start, end)| rate(samples, start, end))
        .fold(before, f64::min);
    let during = rate(samples, from + YIELD_WITHIN, to);
    let is_back = |sample: &&Sample| {
        let end = sample.at + STRETCH;
        end <= last.at && rate(samples, sample.at, end) >= slowest * BACK_SHARE
    };
    let back = samples
        .iter()
        .filter(|sample| sample.at >= to)
        .find(is_back);
    let back = back.map(|sample| sample.at + STRETCH - to);
    Trial {
        left_share: during / before,
        back,
        was_named,
        text: format!(
            "{before:.0} keys a second (at the slowest {slowest:.0}), {during:.0} under load, back after {back:?}, paused {:?}",
            summary.pace.paused_ms
        ),
    }
}

#[test]
fn a_saturating_client_is_given_way_to_at_once_and_only_while_it_lasts() {
    for server in servers() {
        let label = server.program().label();
        let mut trials: Vec<_> = (0..TRIALS).map(|_| trial(&server)).collect();
        for trial in &trials {
            println!("{label}: {}", trial.text);
        }
        let named = trials.iter().filter(|trial| trial.was_named).count();
        assert!(named > TRIALS / 2, "{label}: named in {named} of {TRIALS}");
        trials.sort_by(|one, other| one.left_share.total_cmp(&other.left_share));
        let left = trials[TRIALS / 2].left_share;
        assert!(left < YIELD_SHARE, "{label}: {left:.2} of its pace is left");
        let mut backs: Vec<_> = trials
            .iter()
            .map(|trial| trial.back.unwrap_or(Duration::MAX))
            .collect();
        backs.sort();
        let back = backs[TRIALS / 2];
        assert!(back <= BACK_WITHIN, "{label}: back after {back:?}");
        server.stop().expect("stopped");
    }
}
