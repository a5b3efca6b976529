//! A report as JSON: files, lines, findings. What a program may rely on, and what a baseline is read from.

use serde::Serialize;

use crate::report::{Finding, Report};

#[derive(Serialize)]
struct Document<'a> {
    files: u64,
    lines: u64,
    findings: &'a [Finding],
}

/// One document, on one line.
#[must_use]
pub fn json(report: &Report) -> String {
    let document = Document {
        files: report.files,
        lines: report.lines,
        findings: &report.findings,
    };
    serde_json::to_string(&document).unwrap_or_default()
}
