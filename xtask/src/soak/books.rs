//! What a soak came to: runs by kind, and faults by kind, as tables.
//! Must not judge.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::chaos::Happened;
use super::judge::Ending;

/// Runs of one kind.
#[derive(Debug, Default)]
struct Line {
    runs: u64,
    complete: u64,
    incomplete: u64,
    refused: u64,
    kills: u64,
    repeated_slots: u64,
    restarts: u64,
    surplus: u64,
    longest: Duration,
    peak_bytes: u64,
}

/// What is added of one run.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) ending: Ending,
    pub(super) kills: u64,
    /// Keys that came twice.
    pub(super) surplus: u64,
    /// All attempts of it.
    pub(super) wall: Duration,
    pub(super) peak_bytes: u64,
    /// Where it printed one.
    pub(super) summary: Option<&'a Value>,
}

/// All runs of a soak.
#[derive(Debug, Default)]
pub(super) struct Books {
    lines: BTreeMap<&'static str, Line>,
}

impl Books {
    pub(super) fn add(&mut self, kind: &'static str, entry: &Entry<'_>) {
        let line = self.lines.entry(kind).or_default();
        line.runs += 1;
        match entry.ending {
            Ending::Complete => line.complete += 1,
            Ending::Incomplete => line.incomplete += 1,
            Ending::Refused => line.refused += 1,
        }
        line.kills += entry.kills;
        line.surplus = line.surplus.max(entry.surplus);
        line.longest = line.longest.max(entry.wall);
        line.peak_bytes = line.peak_bytes.max(entry.peak_bytes);
        let shards = entry
            .summary
            .and_then(|summary| summary["shards"].as_array());
        for shard in shards.into_iter().flatten() {
            line.repeated_slots += shard["repeated_slots"].as_u64().unwrap_or(0);
            line.restarts += shard["restarts"].as_u64().unwrap_or(0);
        }
    }

    /// The kinds of which no run came to its end: nothing was shown by them.
    pub(super) fn unproven(&self) -> Vec<&'static str> {
        let lines = self.lines.iter();
        lines
            .filter(|(_, line)| line.complete == 0)
            .map(|(kind, _)| *kind)
            .collect()
    }

    /// The table of runs.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:<24}{:>6}{:>10}{:>12}{:>9}{:>7}{:>16}{:>10}{:>13}{:>11}{:>10}\n",
            "runs",
            "all",
            "complete",
            "incomplete",
            "refused",
            "kills",
            "repeated slots",
            "restarts",
            "key repeats",
            "longest s",
            "peak MiB"
        );
        for (kind, line) in &self.lines {
            // A String takes every write.
            let _ = writeln!(
                text,
                "{kind:<24}{:>6}{:>10}{:>12}{:>9}{:>7}{:>16}{:>10}{:>13}{:>11.1}{:>10}",
                line.runs,
                line.complete,
                line.incomplete,
                line.refused,
                line.kills,
                line.repeated_slots,
                line.restarts,
                line.surplus,
                line.longest.as_secs_f64(),
                line.peak_bytes >> 20
            );
        }
        text
    }
}

/// The table of faults.
pub(super) fn faults(log: &[Happened]) -> String {
    let mut kinds: BTreeMap<&str, (u64, Duration)> = BTreeMap::new();
    for one in log {
        let (times, longest) = kinds.entry(one.fault.name()).or_default();
        *times += 1;
        let lasted = one.to.map_or(Duration::ZERO, |to| to - one.from);
        *longest = (*longest).max(lasted);
    }
    let mut text = format!("{:<24}{:>6}{:>11}\n", "faults", "all", "longest s");
    for (kind, (times, longest)) in kinds {
        let _ = writeln!(text, "{kind:<24}{times:>6}{:>11.1}", longest.as_secs_f64());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Books, Entry, faults};
    use crate::soak::chaos::Happened;
    use crate::soak::fault::Fault;
    use crate::soak::judge::Ending;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn runs_are_summed_by_kind() {
        let mut books = Books::default();
        let summary =
            json!({ "shards": [{ "repeated_slots": 3, "restarts": 1 }, { "repeated_slots": 4 }] });
        for ending in [Ending::Complete, Ending::Incomplete] {
            let entry = Entry {
                ending,
                kills: 2,
                surplus: 5,
                wall: Duration::from_millis(1500),
                peak_bytes: 20 << 20,
                summary: Some(&summary),
            };
            books.add("count", &entry);
        }
        let table = books.table();
        let cells: Vec<&str> = table
            .lines()
            .nth(1)
            .expect("a line")
            .split_whitespace()
            .collect();
        assert_eq!(
            cells,
            [
                "count", "2", "1", "1", "0", "4", "14", "2", "5", "1.5", "20"
            ]
        );
        assert!(books.unproven().is_empty());
    }

    #[test]
    fn faults_are_summed_by_kind() {
        let happened = |from, to| Happened {
            fault: Fault::FailOver { family: 1 },
            from: Duration::from_secs(from),
            to: Some(Duration::from_secs(to)),
        };
        let table = faults(&[happened(1, 3), happened(10, 17)]);
        assert!(
            table
                .lines()
                .any(|line| line == "failover by order            2        7.0"),
            "{table}"
        );
    }
}
