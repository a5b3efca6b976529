//! The names of all figures that the service counts, with their help, and the one recorder of the process. Every figure is
//! counted under one of these names, so that alerts and dashboards can be held against them. No label holds a key's name.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Keys that walks have seen, by `server`.
pub const KEYS_WALKED: &str = "keypace_keys_walked_total";
/// Keys that were deleted, by `server`.
pub const KEYS_DELETED: &str = "keypace_keys_deleted_total";
/// Keys that could not be deleted or restored, by `server` and `kind` of failure.
pub const KEYS_FAILED: &str = "keypace_keys_failed_total";
/// Walks that were begun, by `scope` of their patterns.
pub const SCANS: &str = "keypace_scans_total";
/// What the canary waited, by `server`: what any other client felt.
pub const CANARY_WAIT: &str = "keypace_canary_wait_seconds";
/// What the work on a `server` may cost any other client; 0 where it is off.
pub const BUDGET: &str = "keypace_budget_seconds";
/// Time that work stood still, by `reason`.
pub const PAUSES: &str = "keypace_pauses_seconds_total";
/// Jobs in the store by `state`.
pub const JOBS: &str = "keypace_jobs";
/// What the last rebuild of an index could not set right, by `namespace` and `kind`.
pub const INDEX_DRIFT: &str = "keypace_index_drift";
/// Records that the last rebuild of an index has left in it, by `namespace`.
pub const INDEX_RECORDS: &str = "keypace_index_records";
/// What one page of an owner's records took in Redis, by `namespace`.
pub const RECORDS_LIST_SECONDS: &str = "keypace_records_list_seconds";
/// Members without a record that lists found and dropped, by `namespace`.
pub const RECORDS_PRUNED: &str = "keypace_records_pruned_total";
/// Records that could not be read, by `namespace`.
pub const RECORDS_UNDECODABLE: &str = "keypace_records_undecodable_total";
/// The most records that a list has found an owner to have, by `namespace`.
pub const RECORDS_LARGEST_OWNER: &str = "keypace_records_largest_owner";
/// What happened between the sessions and their cache, by `event`.
pub const SESSION_CACHE: &str = "keypace_session_cache_events_total";
/// What went wrong between the sessions and their database, by `event`.
pub const SESSION_SQL: &str = "keypace_session_sql_events_total";
/// Bytes of backups in the folder of this process.
pub const BACKUP_BYTES: &str = "keypace_backup_bytes";
/// Requests by `route`, `method` and `status`.
pub const HTTP_REQUESTS: &str = "keypace_http_requests_total";
/// How long requests took by `route` and `method`.
pub const HTTP_SECONDS: &str = "keypace_http_request_seconds";
/// Connections to the job store's database by `state`.
pub const SQL_CONNECTIONS: &str = "keypace_sql_pool_connections";
/// Watchers of jobs that are connected.
pub const WATCHERS: &str = "keypace_watchers";

/// What sort of figure a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counted in buckets: `_bucket`, `_sum` and `_count` are behind its name.
    Histogram,
}

/// One figure.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// Its sort.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub help: &'static str,
}

const fn figure(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Figure {
    Figure {
        name,
        kind,
        labels,
        help,
    }
}

/// All figures.
pub const FIGURES: &[Figure] = &[
    figure(
        KEYS_WALKED,
        Kind::Counter,
        &["server"],
        "Keys that walks have seen",
    ),
    figure(
        KEYS_DELETED,
        Kind::Counter,
        &["server"],
        "Keys that were deleted",
    ),
    figure(
        KEYS_FAILED,
        Kind::Counter,
        &["server", "kind"],
        "Keys that could not be deleted or restored",
    ),
    figure(
        SCANS,
        Kind::Counter,
        &["scope"],
        "Walks that were begun, by the scope of their patterns",
    ),
    figure(
        CANARY_WAIT,
        Kind::Histogram,
        &["server"],
        "What the canary waited while work went on",
    ),
    figure(
        BUDGET,
        Kind::Gauge,
        &["server"],
        "What the work may cost any other client; 0 where it is off",
    ),
    figure(
        PAUSES,
        Kind::Counter,
        &["reason"],
        "Time that work stood still for a server's sake",
    ),
    figure(JOBS, Kind::Gauge, &["state"], "Jobs in the store"),
    figure(
        INDEX_DRIFT,
        Kind::Gauge,
        &["namespace", "kind"],
        "What the last rebuild of an index could not set right",
    ),
    figure(
        INDEX_RECORDS,
        Kind::Gauge,
        &["namespace"],
        "Records that the last rebuild of an index has left in it",
    ),
    figure(
        RECORDS_LIST_SECONDS,
        Kind::Histogram,
        &["namespace"],
        "What one page of an owner's records took in Redis",
    ),
    figure(
        RECORDS_PRUNED,
        Kind::Counter,
        &["namespace"],
        "Members without a record that lists found and dropped",
    ),
    figure(
        RECORDS_UNDECODABLE,
        Kind::Counter,
        &["namespace"],
        "Records that could not be read",
    ),
    figure(
        RECORDS_LARGEST_OWNER,
        Kind::Gauge,
        &["namespace"],
        "The most records that a list has found an owner to have",
    ),
    figure(
        SESSION_CACHE,
        Kind::Counter,
        &["event"],
        "What happened between the sessions and their cache",
    ),
    figure(
        SESSION_SQL,
        Kind::Counter,
        &["event"],
        "What went wrong between the sessions and their database",
    ),
    figure(
        BACKUP_BYTES,
        Kind::Gauge,
        &[],
        "Bytes of backups in the data folder",
    ),
    figure(
        HTTP_REQUESTS,
        Kind::Counter,
        &["route", "method", "status"],
        "Requests that were answered",
    ),
    figure(
        HTTP_SECONDS,
        Kind::Histogram,
        &["route", "method"],
        "How long requests took",
    ),
    figure(
        SQL_CONNECTIONS,
        Kind::Gauge,
        &["state"],
        "Connections to the job store's database",
    ),
    figure(
        WATCHERS,
        Kind::Gauge,
        &[],
        "Watchers of jobs that are connected",
    ),
];

/// What the canary waits lies between a loopback's 50 us and a budget gone wrong by far.
const CANARY_BUCKETS_S: [f64; 11] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1.0,
];
/// From what a list of sessions out of the cache takes to the end of a request's time.
const HTTP_BUCKETS_S: [f64; 11] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// The recorder of this process, installed at the first call. None where another program's recorder is installed already:
/// the figures go there then.
pub fn recorder() -> Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).clone()
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(CANARY_WAIT.to_owned()), &CANARY_BUCKETS_S)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full(HTTP_SECONDS.to_owned()), &HTTP_BUCKETS_S)
        });
    // Only empty buckets are refused.
    let recorder = builder.ok()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    for figure in FIGURES {
        match figure.kind {
            Kind::Counter => describe_counter!(figure.name, figure.help),
            Kind::Gauge => describe_gauge!(figure.name, figure.help),
            Kind::Histogram => describe_histogram!(figure.name, Unit::Seconds, figure.help),
        }
    }
    Some(handle)
}
