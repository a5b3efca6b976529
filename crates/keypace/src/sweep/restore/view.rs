//! What a restore says of itself: its progress from anywhere, and its Summary. Changes nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::overview::millis;
use super::courier::Courier;
use super::drive::Restore;
use super::state::Outcomes;
use crate::key::{Escaped, Pattern};
use crate::pace;
use crate::port::Waits;
use crate::report::{
    NodeProgress, PaceSummary, PauseReason, Progress, RestoreSummary, RestoredPattern,
    RestoredShard, RunState,
};

/// Shows how its restore stands. Clones show the same one.
#[derive(Debug, Clone)]
pub struct RestoreProgress(Arc<Mutex<Standing>>);

/// How a restore stands.
#[derive(Debug)]
pub(super) struct Standing {
    started: Instant,
    elapsed: Option<Duration>,
    state: RunState,
    share: f64,
    total: Outcomes,
    nodes: Vec<NodeFigures>,
}

/// Where a node's figures are.
#[derive(Debug)]
struct NodeFigures {
    node: String,
    figures: Arc<Mutex<pace::Tally>>,
    waits: Waits,
}

impl Standing {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            elapsed: None,
            state: RunState::Running,
            share: 0.0,
            total: Outcomes::default(),
            nodes: Vec::new(),
        }
    }

    pub(super) fn update(
        &mut self,
        state: RunState,
        share: f64,
        total: Outcomes,
        couriers: &[Courier],
    ) {
        self.state = state;
        self.share = share;
        self.total = total;
        for courier in couriers.iter().skip(self.nodes.len()) {
            self.nodes.push(NodeFigures {
                node: courier.node.name().to_string(),
                figures: courier.paced.figures(),
                waits: courier.node.waits(),
            });
        }
        if state != RunState::Running {
            self.elapsed = Some(self.started.elapsed());
        }
    }

    fn elapsed(&self) -> Duration {
        self.elapsed.unwrap_or_else(|| self.started.elapsed())
    }
}

impl RestoreProgress {
    pub(super) fn new(standing: Arc<Mutex<Standing>>) -> Self {
        Self(standing)
    }

    /// The latest.
    #[must_use]
    pub fn get(&self) -> Progress {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = standing.elapsed();
        let seen = standing.total.sum();
        let mut paused_for = None;
        let mut nodes = Vec::new();
        for node in &standing.nodes {
            let figures = node.figures.lock().unwrap_or_else(PoisonError::into_inner);
            let canary = figures.canary_p50_p99_us();
            let recent = figures.canary_recent_p50_p99_us();
            let waits = node.waits.any().then_some(PauseReason::Server);
            paused_for = paused_for.or(figures.pauses_for()).or(waits);
            nodes.push(NodeProgress {
                node: node.node.clone(),
                share: standing.share,
                count: 0,
                canary_p50_us: canary.map(|(p50, _)| p50),
                canary_p99_us: canary.map(|(_, p99)| p99),
                canary_last_us: figures.last_canary_us(),
                canary_recent_p50_us: recent.map(|(p50, _)| p50),
                canary_recent_p99_us: recent.map(|(_, p99)| p99),
            });
        }
        let share = standing.share;
        Progress {
            state: standing.state,
            share,
            scanned: seen,
            matched: seen,
            deleted: 0,
            restored: Some(standing.total.restored),
            verify_pass: None,
            failed: standing.total.failed + standing.total.refused,
            keys_per_s: (seen as f64 / elapsed.as_secs_f64().max(0.001)) as u64,
            eta_ms: (share > 0.001).then(|| millis(elapsed.mul_f64((1.0 - share) / share))),
            paused_for: paused_for.filter(|_| standing.state == RunState::Running),
            nodes,
        }
    }
}

impl Restore {
    /// How the work stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress_handle().get()
    }

    /// Whether all of the file was dealt with, whatever became of each record.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.has_ended && self.is_through() && self.error.is_none()
    }

    /// What was done so far; final once `next()` gave `None`.
    #[must_use]
    pub fn summary(&self) -> RestoreSummary {
        let total = self.total();
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        RestoreSummary {
            command: "restore",
            dry_run: false,
            complete: self.has_ended && self.is_complete(),
            limited: false,
            matched: total.sum(),
            restored: total.restored,
            existing: total.existing,
            expired: total.expired,
            refused: total.refused,
            failed: total.failed,
            elapsed_ms: millis(standing.elapsed()),
            by_pattern: self.patterns(),
            shards: self.shards(),
            pace: self.pace(),
            errors: self.failures.failures().to_vec(),
        }
    }

    fn patterns(&self) -> Vec<RestoredPattern> {
        let shown = |pattern: &Pattern| Escaped::new(pattern.as_bytes()).to_string();
        let mut names: Vec<String> = self.options.patterns.iter().map(shown).collect();
        if names.is_empty() {
            // All that the file holds.
            names.push("*".to_owned());
        }
        let rows = names.into_iter().zip(&self.by_pattern);
        rows.map(|(pattern, outcomes)| RestoredPattern {
            pattern,
            matched: outcomes.sum(),
            restored: outcomes.restored,
        })
        .collect()
    }

    fn shards(&self) -> Vec<RestoredShard> {
        let couriers = self.routes.couriers.iter();
        couriers
            .map(|courier| RestoredShard {
                node: courier.node.name().to_string(),
                complete: self.has_ended && self.is_complete(),
                matched: courier.matched,
                restored: courier.restored,
                calls: 0,
                lanes: 1,
                restarts: 0,
            })
            .collect()
    }

    fn pace(&self) -> PaceSummary {
        let mut figures = pace::Tally::default();
        let mut waited = Duration::ZERO;
        for courier in &self.routes.couriers {
            let own = courier.paced.figures();
            figures.absorb(&own.lock().unwrap_or_else(PoisonError::into_inner));
            waited += courier.waited;
        }
        let mut pace = figures.summary(self.options.budget.get());
        pace.paused_ms.server += millis(waited);
        pace
    }
}
