//! How a sweep stands, put together from the books of its shards and readable from anywhere while it works. Changes
//! nothing but what it remembers of having shown.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::books::{Books, SharedBooks};
use super::tallies::Counts;
use crate::report::{NodeProgress, PauseReason, Progress, RunState};

/// Shows how its sweep stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct ProgressHandle(Arc<Overview>);

#[derive(Debug)]
struct Overview {
    started: Instant,
    /// Keys are removed: what was settled is counted, and not what was walked.
    removes: bool,
    all: Mutex<All>,
}

#[derive(Debug)]
struct All {
    books: Vec<SharedBooks>,
    ended: Option<(Duration, RunState)>,
    /// The pass that verifies.
    verify_pass: Option<u32>,
    /// What a walk shows that changes nothing: how far it is stands for the whole.
    followed: Option<ProgressHandle>,
    /// The largest share shown: parts that are walked again don't take it back.
    share: f64,
}

/// One node over all its shards.
struct NodeView {
    shown: NodeProgress,
    total_keys: u64,
    share_before: f64,
}

impl ProgressHandle {
    pub(super) fn new(started: Instant, removes: bool) -> Self {
        Self(Arc::new(Overview {
            started,
            removes,
            all: Mutex::new(All {
                books: Vec::new(),
                ended: None,
                verify_pass: None,
                followed: None,
                share: 0.0,
            }),
        }))
    }

    /// The latest.
    #[must_use]
    pub fn get(&self) -> Progress {
        let followed = self.all().followed.clone();
        let mut own = self.own();
        if let Some(followed) = followed {
            let shown = followed.get();
            own.scanned += shown.scanned;
            own.share = shown.share;
            own.keys_per_s = shown.keys_per_s;
            own.eta_ms = shown.eta_ms;
            own.paused_for = shown.paused_for;
            own.nodes = shown.nodes;
        }
        own
    }

    fn own(&self) -> Progress {
        let mut all = self.all();
        let elapsed = all
            .ended
            .map_or_else(|| self.0.started.elapsed(), |ended| ended.0);
        let state = all.ended.map_or(RunState::Running, |ended| ended.1);
        let mut nodes: Vec<NodeView> = Vec::new();
        let mut total = Counts::default();
        let (mut scanned, mut matched, mut paused_for) = (0, 0, None);
        for shard in &all.books {
            let books = shard.open();
            let counted = books.tallies.total();
            total.tally.add(&counted.tally);
            total.found += counted.found;
            scanned += books.scanned();
            matched += books.matched();
            if state == RunState::Running {
                paused_for = paused_for.or_else(|| pauses_for(&books));
            }
            show(&mut nodes, &books);
        }
        let share = mean(&nodes, |node| node.shown.share);
        let before = mean(&nodes, |node| node.share_before);
        // Another process is another walk; a part that is walked again is not.
        all.share = if nodes.len() > 1 {
            all.share.max(share)
        } else {
            share
        };
        let handled = if self.0.removes { matched } else { scanned };
        let walked = (all.share - before).max(0.0);
        Progress {
            state,
            share: all.share,
            scanned,
            matched: total.matched(),
            deleted: total.tally.deleted,
            restored: None,
            failed: total.tally.failed,
            verify_pass: all.verify_pass,
            keys_per_s: (handled as f64 / elapsed.as_secs_f64().max(0.001)) as u64,
            eta_ms: eta(all.share, walked, elapsed).map(millis),
            paused_for,
            nodes: nodes.into_iter().map(|node| node.shown).collect(),
        }
    }

    /// Another shard takes part.
    pub(super) fn add(&self, books: SharedBooks) {
        self.all().books.push(books);
    }

    /// A pass begins that verifies what was done.
    pub(super) fn verify(&self, pass: u32) {
        self.all().verify_pass = Some(pass);
    }

    /// From now on another walk shows how far the work is.
    pub(super) fn follow(&self, walk: Self) {
        self.all().followed = Some(walk);
    }

    /// The books of all shards, in the order in which they began.
    pub(super) fn books(&self) -> Vec<SharedBooks> {
        self.all().books.clone()
    }

    /// Nothing moves any more.
    pub(super) fn end(&self, state: RunState) {
        self.all().ended = Some((self.0.started.elapsed(), state));
    }

    /// Wall time up to now, or up to the end.
    pub(super) fn elapsed(&self) -> Duration {
        let ended = self.all().ended;
        ended.map_or_else(|| self.0.started.elapsed(), |ended| ended.0)
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters a shard into the line of its node; a later shard of a node shows what it does now.
fn show(nodes: &mut Vec<NodeView>, books: &Books) {
    let figures = books.figures.lock().unwrap_or_else(PoisonError::into_inner);
    let canary = figures.canary_p50_p99_us();
    let recent = figures.canary_recent_p50_p99_us();
    let mut shown = NodeProgress {
        node: books.node.to_string(),
        share: books.walk.share,
        count: figures.last_count(),
        canary_p50_us: canary.map(|(p50, _)| p50),
        canary_p99_us: canary.map(|(_, p99)| p99),
        canary_last_us: figures.last_canary_us(),
        canary_recent_p50_us: recent.map(|(p50, _)| p50),
        canary_recent_p99_us: recent.map(|(_, p99)| p99),
    };
    match nodes.iter_mut().find(|node| node.shown.node == shown.node) {
        Some(node) => {
            shown.share = shown.share.max(node.shown.share);
            node.shown = shown;
        }
        None => nodes.push(NodeView {
            shown,
            total_keys: books.total_keys,
            share_before: books.share_before,
        }),
    }
}

fn pauses_for(books: &Books) -> Option<PauseReason> {
    let figures = books.figures.lock().unwrap_or_else(PoisonError::into_inner);
    let waits = books.waits.any().then_some(PauseReason::Server);
    figures.pauses_for().or(waits)
}

/// Over all nodes, each with the weight of its keys.
fn mean(nodes: &[NodeView], of: impl Fn(&NodeView) -> f64) -> f64 {
    let keys: u64 = nodes.iter().map(|node| node.total_keys.max(1)).sum();
    let sum: f64 = nodes
        .iter()
        .map(|node| of(node) * node.total_keys.max(1) as f64)
        .sum();
    sum / keys.max(1) as f64
}

/// What is left at the speed so far; unknown at the very beginning.
fn eta(share: f64, walked: f64, elapsed: Duration) -> Option<Duration> {
    (walked > 0.001).then(|| elapsed.mul_f64((1.0 - share) / walked))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
