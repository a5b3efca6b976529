//! Progress, Summary and their parts: the only types written as JSON, with the names that callers rely on.
//! Holds data; decides nothing, measures nothing.

mod index;
mod inspect;
mod stats;

use serde::{Deserialize, Serialize};

pub use self::index::{
    AssignReport, DriftCounts, DriftSample, OldSets, RebuildReport, RekeyReport, VerifyReport,
};
pub use self::inspect::{
    AclAdvice, Caller, Capability, CapabilityState, ClientGroup, CommandFigures, InspectFinding,
    InspectNode, InspectReport, KeySample, LatencyEvent, LogKind, NotSeen, SampledPattern,
    Severity, Since, SinceKind, SlowShape, SourceLine,
};
pub use self::stats::{BigKey, Named, PrefixStats, StatsReport};

/// How a run stands, for people and machines to look at while it goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// `running`, or how it ended.
    pub state: RunState,
    /// Share of the keyspace walked, 0 to 1; never goes back within a walk.
    pub share: f64,
    /// Keys the server has looked at, as far as can be told: an estimate where it filters by itself.
    pub scanned: u64,
    /// Keys that matched so far.
    pub matched: u64,
    /// Keys that the server said it removed.
    pub deleted: u64,
    /// Keys that were brought back; only where that is what is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
    /// Keys that could not be deleted, or brought back.
    pub failed: u64,
    /// The walk that verifies a delete, from 1; absent while keys are deleted for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_pass: Option<u32>,
    /// Keys a second over the whole run: settled ones where keys are deleted, walked ones elsewhere.
    pub keys_per_s: u64,
    /// Milliseconds that are left at this speed; absent until a share is known.
    pub eta_ms: Option<u64>,
    /// Why the run waits at the moment, if it does.
    pub paused_for: Option<PauseReason>,
    /// One entry a node.
    pub nodes: Vec<NodeProgress>,
}

/// The state of a run in [`Progress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunState {
    /// Keys are being walked.
    Running,
    /// Ended complete.
    Done,
    /// Ended with a part that was not walked, or whose outcome isn't known.
    Incomplete,
    /// Stopped by the caller.
    Cancelled,
}

/// One node's part of [`Progress`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeProgress {
    /// Its address.
    pub node: String,
    /// Share of its keyspace walked, 0 to 1.
    pub share: f64,
    /// COUNT of the last SCAN.
    pub count: u32,
    /// Median wait of the canary in microseconds; absent while nothing was measured.
    pub canary_p50_us: Option<u64>,
    /// 99th percentile of the same.
    pub canary_p99_us: Option<u64>,
    /// The last of them: what other clients feel now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_last_us: Option<u64>,
    /// Median of its last waits, some seconds of them: what other clients feel now, where the others above are of the whole
    /// run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_recent_p50_us: Option<u64>,
    /// 99th percentile of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_recent_p99_us: Option<u64>,
}

/// Why a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PauseReason {
    /// Other clients would wait longer than the budget.
    Latency,
    /// Other clients keep the server busy by themselves: the pace is held low until they are done.
    Others,
    /// A replica lags behind.
    Replica,
    /// Memory is near its limit.
    Memory,
    /// Freed values pile up.
    Lazyfree,
    /// The caller's own ceiling (`--rate`).
    Rate,
    /// A save or an AOF rewrite runs, and reads don't refresh idle times meanwhile.
    Saving,
    /// The server can't answer at the moment: waiting to try again.
    Server,
}

/// What a run did. `matched = deleted + already_gone + skipped + failed + unknown`, and in a dry run
/// `matched = would_delete + skipped`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// `scan`, `count` or `delete`.
    pub command: &'static str,
    /// Nothing was changed, by request.
    pub dry_run: bool,
    /// Every part was walked, every outcome is known, and where a delete was to be verified nothing was found left.
    pub complete: bool,
    /// A limit ended the run; what lies beyond was not asked for.
    pub limited: bool,
    /// Keys that matched.
    pub matched: u64,
    /// Keys that the server said it removed.
    pub deleted: u64,
    /// Keys that were not there any more when they were to be removed.
    pub already_gone: u64,
    /// Keys that matched and were left alone.
    pub skipped: u64,
    /// Keys that the server refused to remove.
    pub failed: u64,
    /// Keys of which it isn't known whether they were removed.
    pub unknown: u64,
    /// Keys that a run without `dry_run` would delete.
    pub would_delete: u64,
    /// Wall time.
    pub elapsed_ms: u64,
    /// Counts by pattern, in the order given; a key that matches several counts for the first.
    pub by_pattern: Vec<PatternCount>,
    /// What was found when a delete was verified; absent where it was not, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// Counts by prefix, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<PrefixCount>>,
    /// One entry a node.
    pub shards: Vec<ShardSummary>,
    /// What the pace did.
    pub pace: PaceSummary,
    /// Failures by kind and text, bounded, with sample keys.
    pub errors: Vec<Failure>,
}

/// What walks after a delete found, that matches still: new since, or missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Walks after the first delete, whether they deleted or only counted.
    pub passes: u32,
    /// Keys that the last one found and that are there still, though nothing was to leave them.
    pub remaining: u64,
    /// Keys that it found and that were left alone on purpose; as many as are known by name.
    pub left_alone: u64,
    /// A few of those that remain, unprintable bytes escaped.
    pub sample_keys: Vec<String>,
}

/// What a restore did. `matched = restored + existing + expired + refused + failed`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// `restore`.
    pub command: &'static str,
    /// Always false: `--list` is what looks only.
    pub dry_run: bool,
    /// Every record was dealt with, none failed or was refused, and nothing of the file is damaged.
    pub complete: bool,
    /// Always false.
    pub limited: bool,
    /// Records that matched.
    pub matched: u64,
    /// Keys that the server took.
    pub restored: u64,
    /// Keys that were there, and were left as they are.
    pub existing: u64,
    /// Records whose time has passed.
    pub expired: u64,
    /// Records whose payload this server can't read; they stay in the file.
    pub refused: u64,
    /// Records that could not be restored.
    pub failed: u64,
    /// Wall time.
    pub elapsed_ms: u64,
    /// Counts by pattern, in the order given; a key that matches several counts for the first.
    pub by_pattern: Vec<RestoredPattern>,
    /// One entry a node that was sent anything.
    pub shards: Vec<RestoredShard>,
    /// What the pace did.
    pub pace: PaceSummary,
    /// Failures by kind and text, bounded, with sample keys; damages of the file too.
    pub errors: Vec<Failure>,
}

/// One pattern's part of [`RestoreSummary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RestoredPattern {
    /// The pattern, with unprintable bytes escaped.
    pub pattern: String,
    /// Records that matched it.
    pub matched: u64,
    /// Keys of it that were restored.
    pub restored: u64,
}

/// One node's part of [`RestoreSummary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RestoredShard {
    /// Its address.
    pub node: String,
    /// Every record was dealt with, on this node and the others.
    pub complete: bool,
    /// Records that came to their end on it.
    pub matched: u64,
    /// Keys that it took.
    pub restored: u64,
    /// SCAN calls: none is sent.
    pub calls: u64,
    /// Always 1.
    pub lanes: u32,
    /// Always 0.
    pub restarts: u64,
}

/// One pattern's part of [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PatternCount {
    /// The pattern, with unprintable bytes escaped.
    pub pattern: String,
    /// Keys that matched it.
    pub matched: u64,
    /// Keys of it that were removed.
    pub deleted: u64,
}

/// Keys below one prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrefixCount {
    /// The prefix with its last separator, unprintable bytes escaped; empty for names without a separator.
    pub prefix: String,
    /// Keys that begin with it.
    pub matched: u64,
}

/// One node's part of [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShardSummary {
    /// Its address.
    pub node: String,
    /// It was walked whole.
    pub complete: bool,
    /// Keys that matched on it.
    pub matched: u64,
    /// SCAN calls.
    pub calls: u64,
    /// Walkers at once.
    pub lanes: u32,
    /// How often its walk began again, or a part of it was walked once more.
    pub restarts: u64,
    /// It is a replica: what it shows may be behind its primary.
    pub from_replica: bool,
    /// Cluster slots that were walked once more, as they or their node had moved meanwhile; 0 outside a cluster.
    pub repeated_slots: u64,
}

/// What the pace did. Figures that were not measured are absent (null).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PaceSummary {
    /// The promise in microseconds; null with `--budget off`.
    pub budget_us: Option<u64>,
    /// Median COUNT over the SCAN calls.
    pub count_median: u32,
    /// Largest COUNT sent.
    pub count_max: u32,
    /// What a client beside us waited for a PING.
    pub canary_p50_us: Option<u64>,
    /// 99th percentile of the same.
    pub canary_p99_us: Option<u64>,
    /// Longest of the same.
    pub canary_max_us: Option<u64>,
    /// How many of our commands took longer than the budget, with what they stood behind; 0 with `--budget off`. While
    /// others keep the server busy nothing is counted.
    pub over_budget: u64,
    /// Milliseconds spent waiting, by reason.
    pub paused_ms: PausedMs,
}

/// Milliseconds spent waiting, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PausedMs {
    /// For other clients' latency.
    pub latency: u64,
    /// For other clients that kept the server busy by themselves.
    pub others: u64,
    /// For a replica's lag.
    pub replica: u64,
    /// For memory.
    pub memory: u64,
    /// For the backlog of lazy freeing.
    pub lazyfree: u64,
    /// For the caller's own ceiling (`--rate`).
    pub rate: u64,
    /// For a save or an AOF rewrite, while idle times matter.
    pub saving: u64,
    /// For a server that could not answer (loading, busy, reconnecting).
    pub server: u64,
}

/// Failures of one kind and text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The error's kind, in the words of the JSON (`permission`, `timeout`).
    pub kind: String,
    /// The public text.
    pub text: String,
    /// How many keys (or, where no key is concerned, how many times).
    pub count: u64,
    /// A few of the keys, unprintable bytes escaped.
    pub sample_keys: Vec<String>,
}
