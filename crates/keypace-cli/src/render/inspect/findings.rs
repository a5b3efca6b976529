//! Findings and suggestions of an inspection. Builds text.

use std::fmt::Write as _;

use keypace::{Caller, InspectFinding, InspectReport, Severity, SinceKind};

use super::{age, heading};
use crate::render::figures::plural;
use crate::render::paint::Paint;
use crate::render::wrap::wrap;

/// The findings, the most severe first.
pub(super) fn list(report: &InspectReport, columns: usize, paint: Paint) -> String {
    if report.findings.is_empty() {
        return heading("no findings", columns, paint);
    }
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts: Vec<String> = [Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| format!("{} {}", count(severity), word(severity)))
        .collect();
    let all = plural(report.findings.len() as u64, "finding");
    let mut text = heading(&format!("{all}: {}", counts.join(", ")), columns, paint);
    for finding in &report.findings {
        text.push_str(&one(finding, report.nodes.len() > 1, columns, paint));
    }
    text
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        _ => "low",
    }
}

fn one(finding: &InspectFinding, has_nodes: bool, columns: usize, paint: Paint) -> String {
    let severity = match finding.severity {
        Severity::High => paint.bad("high"),
        Severity::Medium => paint.careful("medium"),
        _ => word(finding.severity).to_owned(),
    };
    let mut text = format!("{severity} {}\n", paint.strong(finding.id));
    let mut said = |what: &str| {
        let _ = writeln!(text, "{}", wrap(what, columns, "  "));
    };
    said(&finding.text);
    if !finding.callers.is_empty() {
        let callers: Vec<String> = finding.callers.iter().map(who).collect();
        said(&format!("by: {}", callers.join("; ")));
    }
    if !finding.patterns.is_empty() {
        said(&format!("keys: {}", finding.patterns.join(", ")));
    }
    if has_nodes && !finding.nodes.is_empty() {
        said(&format!("on: {}", finding.nodes.join(", ")));
    }
    if !finding.sources.is_empty() {
        let lines = finding
            .sources
            .iter()
            .map(|line| format!("{}:{}", line.file, line.line));
        said(&format!("from: {}", lines.collect::<Vec<_>>().join(", ")));
    }
    said(&format!("fix: {}", finding.fix));
    text
}

/// Who sends something, in a few words.
fn who(caller: &Caller) -> String {
    if caller.host == "a script" {
        return caller.host.clone();
    }
    let name = match (&*caller.name, &*caller.library) {
        ("", "") => "a client".to_owned(),
        ("", library) => library.to_owned(),
        (name, "") => name.to_owned(),
        (name, library) => format!("{name} ({library})"),
    };
    if caller.host.is_empty() {
        name
    } else {
        format!("{name} at {}", caller.host)
    }
}

/// What nobody calls, and the rules that forbid it. A rule is one line, so that it can be copied.
pub(super) fn acl(report: &InspectReport, columns: usize, paint: Paint) -> String {
    if report.acl.is_empty() {
        return String::new();
    }
    let since = match (report.since.kind, report.since.seconds) {
        (SinceKind::Start, Some(seconds)) => format!(" in {}", age(seconds)),
        _ => String::new(),
    };
    let title = format!(
        "what nobody has called{since} can be forbidden (suggestions: nothing was changed)"
    );
    let mut text = heading(&title, columns, paint);
    for advice in &report.acl {
        let _ = writeln!(text, "  {}", advice.rule);
    }
    text
}
