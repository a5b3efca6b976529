//! What jobs tell the figures of the process. Names no key and no pattern; decides nothing.

use std::collections::HashMap;
use std::time::Duration;

use keypace::{Budget, Progress, RebuildReport};
use metrics::{counter, gauge, histogram};
use serde_json::Value;

use crate::jobs::state::JobState;
use crate::metrics::{
    BACKUP_BYTES, BUDGET, CANARY_WAIT, INDEX_DRIFT, INDEX_RECORDS, JOBS, KEYS_DELETED, KEYS_FAILED,
    KEYS_WALKED, PAUSES, SCANS,
};

const MICROS_PER_S: u64 = 1_000_000;

/// A walk begins, over patterns of this scope.
pub(super) fn scan(scope: &str) {
    counter!(SCANS, "scope" => scope.to_owned()).increment(1);
}

/// The budget of work on a server is this now.
pub(super) fn budget(server: &str, budget: Budget) {
    let seconds = budget.as_duration().map_or(0.0, |wait| wait.as_secs_f64());
    gauge!(BUDGET, "server" => server.to_owned()).set(seconds);
}

/// A rebuild has ended whole: what it could not set right, and what there is now. What it changed is right by then.
pub(super) fn drift(report: &RebuildReport) {
    let rows = [
        ("ownerless", report.ownerless),
        ("undecodable", report.undecodable),
        ("undated", report.undated),
    ];
    for (kind, found) in rows {
        gauge!(INDEX_DRIFT, "namespace" => report.namespace.clone(), "kind" => kind)
            .set(found as f64);
    }
    let records = report.unchanged.saturating_add(report.changed);
    gauge!(INDEX_RECORDS, "namespace" => report.namespace.clone()).set(records as f64);
}

/// So many bytes of backups are in the folder of this process.
pub(super) fn backups(bytes: u64) {
    gauge!(BACKUP_BYTES).set(bytes as f64);
}

/// What failed, once a job has ended with this result.
pub(super) fn failed(server: &str, result: &Value) {
    let errors = result.get("errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        let kind = error.get("kind").and_then(Value::as_str).unwrap_or("other");
        let count = error.get("count").and_then(Value::as_u64).unwrap_or(0);
        counter!(KEYS_FAILED, "server" => server.to_owned(), "kind" => kind.to_owned())
            .increment(count);
    }
}

/// So many jobs are in each state.
pub(super) fn jobs(counts: &[(JobState, u64)]) {
    for state in JobState::ALL {
        let own = counts.iter().find(|(own, _)| *own == state);
        gauge!(JOBS, "state" => state.as_str()).set(own.map_or(0, |(_, count)| *count) as f64);
    }
}

/// Turns the progress of one job into what the figures grow by.
pub(super) struct Meter {
    server: String,
    /// What was counted by earlier runs is none of this process's.
    scanned: u64,
    deleted: u64,
    /// The last wait of each node's canary.
    canaries: HashMap<String, u64>,
    /// Microseconds of pauses that are no whole second yet, by reason.
    paused_us: HashMap<String, u64>,
}

impl Meter {
    pub(super) fn new(server: &str, begun_with: &Progress) -> Self {
        Self {
            server: server.to_owned(),
            scanned: begun_with.scanned,
            deleted: begun_with.deleted,
            canaries: HashMap::new(),
            paused_us: HashMap::new(),
        }
    }

    /// The progress now, and how long ago the last one was.
    pub(super) fn observe(&mut self, progress: &Progress, since: Duration) {
        let server = || self.server.clone();
        let walked = progress.scanned.saturating_sub(self.scanned);
        counter!(KEYS_WALKED, "server" => server()).increment(walked);
        let deleted = progress.deleted.saturating_sub(self.deleted);
        counter!(KEYS_DELETED, "server" => server()).increment(deleted);
        (self.scanned, self.deleted) = (progress.scanned, progress.deleted);
        if let Some(reason) = progress.paused_for {
            // As it stands in the progress: a pause is seen some times a second.
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let reason = reason.as_str().unwrap_or("other").to_owned();
            let own = self.paused_us.entry(reason.clone()).or_default();
            *own += u64::try_from(since.as_micros()).unwrap_or(0);
            // Counters are whole.
            counter!(PAUSES, "reason" => reason).increment(*own / MICROS_PER_S);
            *own %= MICROS_PER_S;
        }
        for node in &progress.nodes {
            let Some(wait_us) = node.canary_last_us else {
                continue;
            };
            let known = self.canaries.insert(node.node.clone(), wait_us);
            if known != Some(wait_us) {
                histogram!(CANARY_WAIT, "server" => server())
                    .record(Duration::from_micros(wait_us).as_secs_f64());
            }
        }
    }
}
