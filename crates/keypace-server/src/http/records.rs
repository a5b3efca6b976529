//! What sessions and their records have counted, as figures. They are taken when somebody asks; what lists took is kept in
//! buckets elsewhere, so that it is written here as Prometheus reads it. Names no owner and no session.

use std::fmt::Write as _;

use metrics::{counter, gauge};

use crate::metrics::{
    FIGURES, RECORDS_LARGEST_OWNER, RECORDS_LIST_SECONDS, RECORDS_PRUNED, RECORDS_UNDECODABLE,
    SESSION_CACHE, SESSION_SQL,
};
use crate::sessions::{RecordFigures, SessionService};

const MICROS_PER_S: f64 = 1_000_000.0;

/// Notes what there is, and gives what lists took.
pub(super) fn note(sessions: &SessionService) -> String {
    let counts = sessions.counts();
    let cache = [
        ("hit", counts.cache.hits),
        ("miss", counts.cache.misses),
        ("skipped", counts.cache.skipped),
        ("failure", counts.cache.failures),
        ("outage", counts.cache.outages),
        ("repair", counts.cache.repairs),
        ("write", counts.cache.writes),
        ("unconfirmed", counts.cache.unconfirmed),
        ("stale", counts.cache.stale),
    ];
    for (event, count) in cache {
        counter!(SESSION_CACHE, "event" => event).absolute(count);
    }
    let sql = [
        ("failure", counts.sql.failures),
        ("hung", counts.sql.hung),
        ("outage", counts.sql.outages),
        ("skipped", counts.sql.skipped),
        ("unreadable", counts.sql.unreadable),
    ];
    for (event, count) in sql {
        counter!(SESSION_SQL, "event" => event).absolute(count);
    }
    let Some(records) = sessions.records() else {
        return String::new();
    };
    let namespace = || records.namespace.clone();
    let of = &records.metrics;
    counter!(RECORDS_PRUNED, "namespace" => namespace()).absolute(of.pruned);
    counter!(RECORDS_UNDECODABLE, "namespace" => namespace()).absolute(of.undecodable);
    gauge!(RECORDS_LARGEST_OWNER, "namespace" => namespace()).set(of.largest_total as f64);
    list_times(&records)
}

/// A histogram in Prometheus' text format. The names of namespaces have no character that needs an escape.
fn list_times(records: &RecordFigures) -> String {
    let name = RECORDS_LIST_SECONDS;
    let help = FIGURES.iter().find(|figure| figure.name == name);
    let help = help.map_or("", |figure| figure.help);
    let (namespace, metrics) = (&records.namespace, &records.metrics);
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} histogram\n");
    // Nothing is refused by a text.
    for (bound, lists) in metrics.list_buckets() {
        let le = bound.as_secs_f64();
        let _ = writeln!(
            text,
            "{name}_bucket{{namespace=\"{namespace}\",le=\"{le}\"}} {lists}"
        );
    }
    let (lists, seconds) = (metrics.lists, metrics.list_sum_us as f64 / MICROS_PER_S);
    let _ = writeln!(
        text,
        "{name}_bucket{{namespace=\"{namespace}\",le=\"+Inf\"}} {lists}"
    );
    let _ = writeln!(text, "{name}_sum{{namespace=\"{namespace}\"}} {seconds}");
    let _ = writeln!(text, "{name}_count{{namespace=\"{namespace}\"}} {lists}\n");
    text
}
