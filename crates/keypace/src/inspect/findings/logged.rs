//! Findings from the logs of slow and large commands, and from the latency monitor. Pure.

use super::{Scene, finding};
use crate::inspect::said::{bytes, number, times};
use crate::limits::inspect::{NOTABLE_LATENCY_MS, STALLING_CALL_US};
use crate::limits::{BULK_CHUNK_KEYS, COUNT_MAX};
use crate::report::{InspectFinding, LogKind, Severity, SlowShape};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let mut findings = Vec::new();
    findings.extend(scan_count(scene));
    findings.extend(many_keys(scene));
    findings.extend(large(scene, LogKind::LargeReply));
    findings.extend(large(scene, LogKind::LargeRequest));
    findings.extend(latency(scene));
    findings
}

/// A finding about rows of a log.
fn about(rows: &[&SlowShape], mut told: InspectFinding) -> InspectFinding {
    for row in rows {
        let new = |nodes: &Vec<String>, node: &String| !nodes.contains(node);
        for node in &row.nodes {
            if new(&told.nodes, node) {
                told.nodes.push(node.clone());
            }
        }
        for caller in &row.callers {
            let is_there = told
                .callers
                .iter()
                .any(|own| (&own.name, &own.host) == (&caller.name, &caller.host));
            if !is_there && told.callers.len() < crate::limits::inspect::INSPECT_CALLERS {
                told.callers.push(caller.clone());
            }
        }
        if let Some(pattern) = &row.pattern
            && new(&told.patterns, pattern)
            && told.patterns.len() < super::MAX_PATTERNS
        {
            told.patterns.push(pattern.clone());
        }
    }
    told
}

fn scan_count(scene: &Scene<'_>) -> Option<InspectFinding> {
    let count = |row: &SlowShape| -> Option<u64> {
        let is_scan = matches!(&*row.command, "SCAN" | "CLUSTERSCAN");
        row.detail
            .as_deref()
            .filter(|_| is_scan)?
            .strip_prefix("COUNT ")?
            .parse()
            .ok()
    };
    let rows: Vec<&SlowShape> = scene
        .slow
        .iter()
        .filter(|row| count(row).is_some_and(|count| count >= u64::from(COUNT_MAX)))
        .collect();
    let largest = rows.iter().filter_map(|row| count(row)).max()?;
    let text = format!(
        "SCAN with COUNT {} was logged as slow: others wait as they do for KEYS",
        number(largest)
    );
    let fix = "COUNT 500 to 1,000 costs a millisecond and less; beyond that nothing is gained";
    Some(about(
        &rows,
        finding("scan-large-count", Severity::Medium, text, fix),
    ))
}

/// One command over very many keys.
fn many_keys(scene: &Scene<'_>) -> Option<InspectFinding> {
    let is_many = |row: &&SlowShape| {
        row.most_keys
            .is_some_and(|keys| keys > BULK_CHUNK_KEYS as u64)
    };
    let rows: Vec<&SlowShape> = scene.slow.iter().filter(is_many).collect();
    let most = rows.iter().max_by_key(|row| row.most_keys)?;
    let text = format!(
        "{} of up to {} keys in one command was logged as slow or large",
        most.command,
        number(most.most_keys.unwrap_or(0))
    );
    let fix = "cut it into chunks of a few hundred keys, pipelined";
    Some(about(
        &rows,
        finding("giant-multikey", Severity::Medium, text, fix),
    ))
}

fn large(scene: &Scene<'_>, kind: LogKind) -> Option<InspectFinding> {
    let rows: Vec<&SlowShape> = scene.slow.iter().filter(|row| row.log == kind).collect();
    let largest = rows.iter().max_by_key(|row| row.max)?;
    let number: u64 = rows.iter().map(|row| row.times).sum();
    let (id, what, fix) = match kind {
        LogKind::LargeReply => (
            "large-reply",
            "replies",
            "read less at once: pieces of collections, fewer keys, only the fields that are needed",
        ),
        _ => (
            "large-request",
            "requests",
            "write less at once: pieces of values, fewer keys in one command",
        ),
    };
    let text = format!(
        "large {what} were logged {}, of up to {} ({})",
        times(number),
        bytes(largest.max),
        largest.command
    );
    Some(about(&rows, finding(id, Severity::Low, text, fix)))
}

fn latency(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let told = scene.looks.iter().flat_map(|look| {
        let long = look
            .latency
            .iter()
            .filter(|event| event.max_ms >= NOTABLE_LATENCY_MS);
        long.map(|event| {
            // What took longer than a second is an outage to somebody.
            let severity = if event.max_ms >= 1_000 {
                Severity::High
            } else {
                Severity::Medium
            };
            let text = format!(
                "the latency monitor saw `{}` take {} ms at most, and {} ms the last time",
                event.event,
                number(event.max_ms),
                number(event.last_ms)
            );
            let mut told = finding("latency-event", severity, text, fix(&event.event));
            told.nodes = vec![look.node.clone()];
            told
        })
    });
    told.collect()
}

/// What helps against an event of the latency monitor.
fn fix(event: &str) -> &'static str {
    match event {
        "fork" => {
            "a fork copies page tables: smaller instances, no transparent huge pages, saves at quiet hours"
        }
        "command" | "fast-command" => "see the slow log for the commands behind it",
        "expire-cycle" => "many keys expire in the same moment: spread their TTLs",
        "eviction-cycle" | "eviction-del" => {
            "memory is at its ceiling: more of it, or fewer keys; lazyfree-lazy-eviction yes"
        }
        _ if event.starts_with("aof") => {
            "the disk is slow: appendfsync everysec, or another disk for the append-only file"
        }
        _ if event.starts_with("rdb") => "the disk is slow while a snapshot is written",
        _ => "LATENCY DOCTOR explains the event",
    }
}

/// How long a logged command may take before somebody notices.
const _: () = assert!(STALLING_CALL_US < NOTABLE_LATENCY_MS as f64 * 1e3);
