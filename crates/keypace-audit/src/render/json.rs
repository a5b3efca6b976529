//! A report as JSON: files, lines, findings. What a program may rely on, and what a baseline is read from.

use std::iter;

use crate::report::{Finding, Report};

/// One document, on one line, in pieces: of hundreds of thousands of findings only some are text at a time.
pub fn json(report: &Report) -> impl Iterator<Item = String> {
    let head = format!(
        r#"{{"files":{},"lines":{},"findings":["#,
        report.files, report.lines
    );
    let groups = report.findings.chunks(super::PIECE).enumerate();
    let pieces = groups.map(|(at, group)| piece(group, at > 0));
    iter::once(head)
        .chain(pieces)
        .chain(iter::once("]}\n".to_owned()))
}

fn piece(group: &[Finding], follows: bool) -> String {
    let mut out = String::new();
    for (at, finding) in group.iter().enumerate() {
        if follows || at > 0 {
            out.push(',');
        }
        // Plain data: there is nothing in it that JSON has not.
        out += &serde_json::to_string(finding).unwrap_or_default();
    }
    out
}
