//! A look, or what was new between two, as a report. Decides and awaits nothing: `findings` judges, `drive` asks.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::acl;
use super::clients::groups;
use super::commandstats::{Counted, Counts, total_usec};
use super::findings::{Scene, findings};
use super::log::{NodeLog, rows};
use super::look::NodeLook;
use super::pattern::redacted;
use super::sample::merged;
use crate::limits::inspect::INSPECT_ROWS;
use crate::report::{
    AclAdvice, CommandFigures, InspectNode, InspectReport, NotSeen, Since, SinceKind,
};

/// Commands that have a row even where they took no time to speak of.
const NAMED: [&str; 9] = [
    "keys", "smembers", "hgetall", "flushall", "flushdb", "del", "unlink", "scan", "monitor",
];

/// What is told of nodes that said nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Silent {
    /// Primaries and why.
    pub(super) primaries: Vec<(String, String)>,
    /// The same of replicas.
    pub(super) replicas: Vec<(String, String)>,
}

/// The report of what these nodes saw.
pub(super) fn report(looks: &[NodeLook], silent: &Silent) -> InspectReport {
    let counts = merged_counts(looks);
    let since = shortest(looks);
    let logs = looks.iter().flat_map(|look| {
        look.logs.iter().map(|(kind, entries)| NodeLog {
            node: &look.node,
            now: look.now,
            kind: *kind,
            entries,
            clients: &look.clients,
        })
    });
    let slow = rows(logs);
    let sample = merged(looks.iter().filter_map(|look| look.sample.as_ref()));
    let scene = Scene {
        looks,
        counts: &counts,
        since,
        slow: &slow,
        sample: sample.as_ref(),
    };
    InspectReport {
        complete: silent.primaries.is_empty(),
        watched_ms: None,
        since,
        findings: findings(&scene),
        commands: commands(&counts, window_us(looks)),
        clients: groups(looks.iter().flat_map(|look| &look.clients)),
        acl: acl::advice(looks, &counts),
        nodes: nodes(looks, silent),
        sample,
        slow,
    }
}

fn nodes(looks: &[NodeLook], silent: &Silent) -> Vec<InspectNode> {
    let mut nodes: Vec<InspectNode> = looks.iter().map(NodeLook::reported).collect();
    for (role, silent) in [
        ("primary", &silent.primaries),
        ("replica", &silent.replicas),
    ] {
        nodes.extend(silent.iter().map(|(node, why)| InspectNode {
            node: node.clone(),
            role: role.to_owned(),
            not_seen: vec![NotSeen {
                what: "the node".to_owned(),
                why: why.clone(),
            }],
            ..InspectNode::default()
        }));
    }
    nodes
}

/// Rules by all that was counted.
pub(super) fn acl(looks: &[NodeLook]) -> Vec<AclAdvice> {
    acl::advice(looks, &merged_counts(looks))
}

/// Counts over all nodes: sums, and the percentiles of the slowest.
fn merged_counts(looks: &[NodeLook]) -> Counts {
    let mut all: Counts = BTreeMap::new();
    for (name, counted) in looks.iter().flat_map(|look| &look.counts) {
        let sum = all.entry(name.clone()).or_default();
        *sum = Counted {
            calls: sum.calls.saturating_add(counted.calls),
            usec: sum.usec.saturating_add(counted.usec),
            rejected: sum.rejected.saturating_add(counted.rejected),
            failed: sum.failed.saturating_add(counted.failed),
            p50_us: sum.p50_us.max(counted.p50_us),
            p99_us: sum.p99_us.max(counted.p99_us),
        };
    }
    all
}

/// The time that all nodes have counted for together, where each of them knows.
fn window_us(looks: &[NodeLook]) -> Option<f64> {
    let seconds: Option<Vec<u64>> = looks.iter().map(|look| look.since.seconds).collect();
    let sum: u64 = seconds?.into_iter().sum();
    (sum > 0).then_some(sum as f64 * 1e6)
}

/// Since when all of them have counted.
fn shortest(looks: &[NodeLook]) -> Since {
    let rank = |since: &Since| match since.kind {
        SinceKind::Resetstat => (0, 0),
        _ => (1, since.seconds.unwrap_or(u64::MAX)),
    };
    looks
        .iter()
        .map(|look| look.since)
        .min_by_key(rank)
        .unwrap_or_default()
}

fn commands(counts: &Counts, window_us: Option<f64>) -> Vec<CommandFigures> {
    let total = total_usec(counts).max(1) as f64;
    let mut rows: Vec<CommandFigures> = counts
        .iter()
        .filter(|(_, counted)| counted.calls + counted.rejected > 0)
        .map(|(name, counted)| CommandFigures {
            command: name.clone(),
            calls: counted.calls,
            usec: counted.usec,
            usec_per_call: counted.usec as f64 / counted.calls.max(1) as f64,
            share: counted.usec as f64 / total,
            busy: window_us.map(|window| counted.usec as f64 / window),
            p50_us: counted.p50_us,
            p99_us: counted.p99_us,
            rejected: counted.rejected,
            failed: counted.failed,
        })
        .collect();
    rows.sort_by_key(|row| Reverse(row.usec));
    let is_named = |row: &CommandFigures| NAMED.contains(&&*row.command);
    let named = rows.split_off(rows.len().min(INSPECT_ROWS));
    rows.extend(named.into_iter().filter(is_named));
    rows
}

impl InspectReport {
    /// Shortens the names of keys, for reports that are passed on.
    pub fn redact(&mut self) {
        let shapes = self.slow.iter_mut().filter_map(|row| row.pattern.as_mut());
        let found = self
            .findings
            .iter_mut()
            .flat_map(|finding| &mut finding.patterns);
        let sampled = self
            .sample
            .iter_mut()
            .flat_map(|sample| &mut sample.patterns);
        for pattern in shapes
            .chain(found)
            .chain(sampled.map(|row| &mut row.pattern))
        {
            *pattern = redacted(pattern);
        }
        for line in self
            .findings
            .iter_mut()
            .flat_map(|finding| &mut finding.sources)
        {
            line.pattern = redacted(&line.pattern);
        }
        for line in self.slow.iter_mut().flat_map(|row| &mut row.sources) {
            line.pattern = redacted(&line.pattern);
        }
    }
}
