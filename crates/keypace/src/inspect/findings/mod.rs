//! What is worth saying of what was seen: one function a subject, each pure. Asks nothing.

mod commands;
mod connections;
mod keys;
mod logged;
mod settings;

use std::collections::BTreeMap;

use super::commandstats::{Counted, Counts, total_usec};
use super::log::most_frequent;
use super::look::NodeLook;
use super::said::{percent, span};
use crate::report::{
    Caller, InspectFinding, KeySample, LogKind, Severity, Since, SinceKind, SlowShape,
};

/// What findings are made from.
pub(super) struct Scene<'a> {
    /// What each node told, of the time that is reported.
    pub(super) looks: &'a [NodeLook],
    /// Counts over all nodes.
    pub(super) counts: &'a Counts,
    pub(super) since: Since,
    /// Rows of the logs over all nodes.
    pub(super) slow: &'a [SlowShape],
    pub(super) sample: Option<&'a KeySample>,
}

/// All findings, the most severe first.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let subjects = [
        commands::findings,
        logged::findings,
        keys::findings,
        connections::findings,
        settings::findings,
    ];
    let mut findings: Vec<InspectFinding> =
        subjects.iter().flat_map(|subject| subject(scene)).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// A finding about all nodes, or about those that are named with `on`.
fn finding(id: &'static str, severity: Severity, text: String, fix: &str) -> InspectFinding {
    InspectFinding {
        id,
        severity,
        text,
        fix: fix.to_owned(),
        nodes: Vec::new(),
        callers: Vec::new(),
        patterns: Vec::new(),
        sources: Vec::new(),
    }
}

impl Scene<'_> {
    /// One command's counts over all nodes, if it was called.
    fn called(&self, command: &str) -> Option<&Counted> {
        self.counts.get(command).filter(|counted| counted.calls > 0)
    }

    /// A command's part of the time of all.
    fn share(&self, counted: &Counted) -> f64 {
        counted.usec as f64 / total_usec(self.counts).max(1) as f64
    }

    /// `38 % of the commands' time`.
    fn said_share(&self, counted: &Counted) -> String {
        format!("{} of the commands' time", percent(self.share(counted)))
    }

    /// Names the nodes where the command was called, who was seen at it, and with which patterns.
    fn about(&self, mut finding: InspectFinding, commands: &[&str]) -> InspectFinding {
        let is_called = |look: &&NodeLook| {
            let calls = |command: &&str| {
                look.counts
                    .get(*command)
                    .is_some_and(|counted| counted.calls > 0)
            };
            commands.iter().any(calls)
        };
        finding.nodes = self
            .looks
            .iter()
            .filter(is_called)
            .map(|look| look.node.clone())
            .collect();
        finding.callers = self.callers(commands);
        for row in self.rows(commands) {
            if let Some(pattern) = &row.pattern
                && !finding.patterns.contains(pattern)
            {
                finding.patterns.push(pattern.clone());
            }
        }
        finding.patterns.truncate(MAX_PATTERNS);
        finding
    }

    /// Rows of the logs that are of these commands, or of scripts that call them.
    fn rows<'a>(&'a self, commands: &'a [&'a str]) -> impl Iterator<Item = &'a SlowShape> {
        let is_of = |row: &&SlowShape| {
            let calls = |command: &&str| {
                let detail = row
                    .detail
                    .as_deref()
                    .and_then(|detail| detail.strip_prefix("calls "));
                let mut called = detail.unwrap_or_default().split(", ");
                row.command.eq_ignore_ascii_case(command)
                    || called.any(|called| called.eq_ignore_ascii_case(command))
            };
            commands.iter().any(calls)
        };
        self.slow.iter().filter(is_of)
    }

    /// Who sent them: by the logs, and by what connected clients sent last.
    fn callers(&self, commands: &[&str]) -> Vec<Caller> {
        let mut callers: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for row in self.rows(commands) {
            for caller in &row.callers {
                let who = (
                    caller.name.clone(),
                    caller.library.clone(),
                    caller.host.clone(),
                );
                // The other logs have the same commands once more.
                let times = callers.entry(who).or_default();
                *times = if row.log == LogKind::Slow {
                    *times + caller.times
                } else {
                    (*times).max(1)
                };
            }
        }
        for client in self.looks.iter().flat_map(|look| &look.clients) {
            if commands.contains(&&*client.command) {
                let who = (client.name.clone(), client.library.clone(), client.host());
                callers.entry(who).or_insert(1);
            }
        }
        most_frequent(callers)
    }

    /// `in the 60 s of the watch`.
    fn when(&self) -> String {
        match (self.since.kind, self.since.seconds) {
            (SinceKind::Watch, Some(seconds)) => format!("in {}", span(seconds)),
            (SinceKind::Start, Some(seconds)) => format!("since the start {} ago", span(seconds)),
            (SinceKind::Start, None) => "since the start".to_owned(),
            (_, _) => "since the last CONFIG RESETSTAT".to_owned(),
        }
    }

    fn is_watched(&self) -> bool {
        self.since.kind == SinceKind::Watch
    }
}

/// More patterns of one finding say no more.
const MAX_PATTERNS: usize = 5;
