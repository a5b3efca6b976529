//! An inspection's text at several widths.

use keypace::InspectReport;

use super::text;
use crate::render::paint::Paint;

/// From JSON, as no other crate can make one with all its fields.
fn shown(report: &InspectReport, columns: usize) -> String {
    text(report, columns, Paint::stderr_plain())
}

#[test]
fn nothing_seen_is_said_in_a_few_lines() {
    let text = shown(&InspectReport::default(), 80);
    assert!(text.contains("no findings"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
