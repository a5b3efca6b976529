//! What people read of a restore: the plan, what was done, what was not, and keys of a file as stdout carries them.
//! Builds text; asks nothing.

use std::fmt::Write as _;
use std::time::Duration;

use keypace::{BackupIndex, RestorePlan, RestoreSummary, Saved, Unrestored};

use super::figures::{bytes, grouped, plural, span};
use super::keys::json_key;
use super::paint::Paint;
use super::plan::row;
use super::text::{pace, server};
use crate::exit::{Exit, Halt};

/// Keys that are named one by one; more would push everything else off the screen.
pub(crate) const NAMED_KEYS: u64 = 20;

/// What is about to be done, before somebody agrees.
pub(crate) fn plan(plan: &RestorePlan, file: &str, columns: usize, paint: Paint) -> String {
    let totals = plan.totals();
    let holds = format!(
        "{file}, {} of {}",
        plural(totals.records, "record"),
        bytes(totals.raw_bytes)
    );
    let existing = if plan.overwrites() {
        "are overwritten"
    } else {
        "stay as they are"
    };
    let mut text = format!("{}\n", paint.strong("About to restore keys"));
    text.push_str(&row("from", &holds, columns));
    text.push_str(&row("to", &server(plan.server()), columns));
    text.push_str(&row(
        "those",
        &format!("that are there {existing}"),
        columns,
    ));
    for difference in plan.differences() {
        text.push_str(&row("but", difference, columns));
    }
    text
}

/// What was done, for stdout.
pub(crate) fn restored(summary: &RestoreSummary, paint: Paint) -> String {
    let mut text = format!(
        "{} of {} in {}\n",
        paint.strong(&format!("restored {}", grouped(summary.restored))),
        plural(summary.matched, "record"),
        span(Duration::from_millis(summary.elapsed_ms))
    );
    for (number, what) in [
        (summary.existing, "left alone: the key is there"),
        (summary.expired, "left out: their time has passed"),
        (
            summary.refused,
            "refused by the server, and still in the file",
        ),
        (summary.failed, "failed"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {} {what}", grouped(number));
        }
    }
    text.push_str(&pace(&summary.pace, summary.shards.len()));
    text
}

/// A key that was not brought back, for stderr.
pub(crate) fn unrestored(one: &Unrestored) -> String {
    let what = if one.is_refused { "refused" } else { "failed" };
    format!("{what}: {}: {}", one.key.escaped(), one.text)
}

/// That a file has no end as a run leaves one, for stderr: a warning, since as a rule nothing is lost by it.
pub(crate) fn unended(index: &BackupIndex) -> Option<String> {
    const WHY: &str = "the run that wrote it did not come to its end, or the file was cut";
    let torn = index.torn_bytes();
    if torn > 0 {
        return Some(format!(
            "the last {} of the file are no whole block: {WHY} later. That run deleted nothing of what it was writing then",
            plural(torn, "byte")
        ));
    }
    (!index.has_ended()).then(|| format!("the file has no end mark: {WHY} later"))
}

/// The damages of a file.
pub(crate) fn damage(file: &str, lines: Vec<String>) -> Option<Halt> {
    if lines.is_empty() {
        return None;
    }
    let mut halt = Halt::new(
        Exit::Incomplete,
        format!("read all of {file}: it is damaged"),
    )
    .with_hint("everything else was read");
    halt.causes = lines;
    Some(halt)
}

/// Why a restore is not what was asked for, for stderr.
pub(crate) fn shortfall(summary: &RestoreSummary) -> Option<Halt> {
    let mut parts = Vec::new();
    if summary.failed > 0 {
        parts.push(format!("{} failed", plural(summary.failed, "record")));
    }
    if summary.refused > 0 {
        parts.push(format!(
            "{} refused by the server",
            plural(summary.refused, "record")
        ));
    }
    if parts.is_empty() {
        return None;
    }
    let mut halt = Halt::new(
        Exit::Incomplete,
        format!("restore everything: {}", parts.join("; ")),
    );
    if summary.refused > 0 {
        halt = halt.with_hint(
            "what was refused stays in the file: a server of the version that it is from, or newer, takes it",
        );
    }
    Some(halt)
}

/// One key of a file as a JSON object on a line of its own.
pub(crate) fn listed_json(saved: &Saved) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Listed<'a> {
        #[serde(flatten)]
        key: super::keys::JsonKey<'a>,
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        type_name: Option<&'static str>,
        expires_at_ms: Option<u64>,
        bytes: usize,
    }
    let listed = Listed {
        key: json_key(saved.key().as_bytes()),
        type_name: saved.type_name(),
        expires_at_ms: saved.expires_at_ms(),
        bytes: saved.value().len(),
    };
    let mut line = serde_json::to_vec(&listed).unwrap_or_default();
    line.push(b'\n');
    line
}
