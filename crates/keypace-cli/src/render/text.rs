//! What people read: errors with hints, the plan before a delete, what a run did. Builds text from the library's
//! reports; writes nothing.

use std::fmt::Write as _;
use std::time::Duration;

use keypace::{Key, PaceSummary, ServerInfo, Summary};

use super::figures::{grouped, percent, plural, span, table, wait};
use super::paint::Paint;
use crate::exit::Halt;

/// More samples push the question off the screen.
const SHOWN_SAMPLES: usize = 5;
/// More columns of a sample key than this say no more about which keys are meant.
const MAX_SAMPLE_CHARS: usize = 60;
/// More rows of a table than this scroll its head away; `--json` has them all.
const MAX_ROWS: usize = 40;
/// The kinds, in a Summary, of keys that were left alone by intent.
const SKIPPED_KINDS: [&str; 2] = ["changed", "too_large"];
/// A pause shorter than this is not worth a word.
const SHOWN_PAUSE_MS: u64 = 100;

/// A failure: one line, its causes, and what to do.
pub(crate) fn halt(halt: &Halt, paint: Paint) -> String {
    let mut text = format!("{} failed to {}", paint.bad("error:"), halt.text);
    for cause in &halt.causes {
        let _ = write!(text, "\n  cause: {}", cause.replace('\n', "\n         "));
    }
    if let Some(hint) = &halt.hint {
        let _ = write!(text, "\n{} {hint}", paint.advice("hint:"));
    }
    text
}

/// Something to know before the run.
pub(crate) fn warning(text: &str, paint: Paint) -> String {
    format!("{} {text}", paint.careful("warning:"))
}

/// Who answers, on one line.
pub(crate) fn server(server: &ServerInfo) -> String {
    let ServerInfo {
        address,
        product,
        version,
        role,
        database,
        nodes,
        ..
    } = server;
    match (role.as_str(), nodes) {
        // Any of its nodes stands for a cluster, which has one database.
        ("cluster", 1) => format!("the cluster of {address} ({product} {version}, 1 primary)"),
        ("cluster", nodes) => {
            format!("the cluster of {address} ({product} {version}, {nodes} primaries)")
        }
        _ => format!("{address} ({product} {version}, {role}, database {database})"),
    }
}

/// A few keys, one a line, the first behind `lead`.
pub(super) fn samples(keys: &[Key], lead: &str) -> String {
    let mut text = String::new();
    for (at, key) in keys.iter().take(SHOWN_SAMPLES).enumerate() {
        let shown = shortened(&key.escaped().to_string());
        if at == 0 {
            let _ = writeln!(text, "{lead}{shown}");
        } else {
            let _ = writeln!(text, "{}{shown}", " ".repeat(lead.len()));
        }
    }
    text
}

fn shortened(text: &str) -> String {
    if text.chars().nth(MAX_SAMPLE_CHARS).is_none() {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(MAX_SAMPLE_CHARS - 3).collect();
    kept.push_str("...");
    kept
}

/// What a count found, for stdout: a number, or a table. A count that is not whole can't be taken for one that is.
pub(crate) fn count(summary: &Summary) -> String {
    let rows: Vec<(String, u64)> = match &summary.prefixes {
        Some(prefixes) => prefixes
            .iter()
            .map(|row| (row.prefix.clone(), row.matched))
            .collect(),
        None => summary
            .by_pattern
            .iter()
            .map(|row| (row.pattern.clone(), row.matched))
            .collect(),
    };
    let is_table = summary.prefixes.is_some() || rows.len() > 1;
    match (is_table, summary.complete) {
        (true, true) => counts(rows, "total", summary.matched),
        (true, false) => counts(rows, "at least", summary.matched),
        (false, true) => format!("{}\n", summary.matched),
        (false, false) => format!("at least {}\n", summary.matched),
    }
}

/// Rows with the most keys first, and their sum.
fn counts(mut rows: Vec<(String, u64)>, sum: &str, total: u64) -> String {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let beyond = rows.len().saturating_sub(MAX_ROWS);
    let rest: u64 = rows.iter().skip(MAX_ROWS).map(|row| row.1).sum();
    let mut cells: Vec<Vec<String>> = rows
        .into_iter()
        .take(MAX_ROWS)
        .map(|(name, keys)| vec![shortened(&name), keys.to_string()])
        .collect();
    if beyond > 0 {
        cells.push(vec![
            format!("({} more)", grouped(beyond as u64)),
            rest.to_string(),
        ]);
    }
    cells.push(vec![sum.to_owned(), total.to_string()]);
    table(&cells)
}

/// What a delete did, for stdout.
pub(crate) fn deleted(summary: &Summary, paint: Paint) -> String {
    let mut text = format!(
        "{} of {} in {}\n",
        paint.strong(&format!("deleted {}", grouped(summary.deleted))),
        plural(summary.matched, "matched key"),
        span(Duration::from_millis(summary.elapsed_ms))
    );
    for (number, what) in [
        (summary.already_gone, "already gone"),
        (summary.skipped, "left alone"),
        (summary.failed, "failed"),
        (summary.unknown, "outcome unknown"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {} {what}", grouped(number));
        }
    }
    text.push_str(&reasons(summary));
    if summary.by_pattern.len() > 1 {
        let rows: Vec<Vec<String>> = std::iter::once(
            ["  pattern", "matched", "deleted"]
                .map(str::to_owned)
                .to_vec(),
        )
        .chain(summary.by_pattern.iter().map(|row| {
            vec![
                format!("  {}", shortened(&row.pattern)),
                grouped(row.matched),
                grouped(row.deleted),
            ]
        }))
        .collect();
        text.push_str(&table(&rows));
    }
    text.push_str(&verified(summary));
    text.push_str(&pace(&summary.pace, summary.shards.len()));
    text
}

/// What further walks found.
fn verified(summary: &Summary) -> String {
    let Some(verified) = &summary.verified else {
        return String::new();
    };
    let passes = match verified.passes {
        1 => "once more".to_owned(),
        passes => format!("{passes} more times"),
    };
    let left_alone = match verified.left_alone {
        1 => "1 key that was left alone".to_owned(),
        keys => format!("{} keys that were left alone", grouped(keys)),
    };
    let found = match (verified.remaining, verified.left_alone) {
        (0, 0) => "nothing matches any more".to_owned(),
        (0, _) => format!("nothing matches but {left_alone}"),
        (keys, 0) => format!("{} there", matches_still(keys)),
        (keys, _) => format!("{} there, besides {left_alone}", matches_still(keys)),
    };
    let mut text = format!("  walked {passes}: {found}\n");
    for key in verified.sample_keys.iter().take(SHOWN_SAMPLES) {
        let _ = writeln!(text, "      {}", shortened(key));
    }
    text
}

fn matches_still(keys: u64) -> String {
    match keys {
        1 => "1 key that matches is still".to_owned(),
        keys => format!("{} keys that match are still", grouped(keys)),
    }
}

/// Why keys were left alone, with a few of them. What failed is told on stderr.
fn reasons(summary: &Summary) -> String {
    let mut text = String::new();
    if summary.skipped == 0 {
        return text;
    }
    for failure in &summary.errors {
        if !SKIPPED_KINDS.contains(&failure.kind.as_str()) {
            continue;
        }
        // The texts begin with what was being done, which is no news here.
        let why = failure
            .text
            .split_once(": ")
            .map_or(failure.text.as_str(), |(_, why)| why);
        let _ = writeln!(text, "    {}: {why}", grouped(failure.count));
        for key in failure.sample_keys.iter().take(SHOWN_SAMPLES) {
            let _ = writeln!(text, "      {}", shortened(key));
        }
    }
    text
}

/// Where a delete's copies are and how to bring them back, for stdout.
pub(crate) fn undo(command: &str, paint: Paint) -> String {
    format!(
        "{} to bring them back:\n  {command}\n",
        paint.advice("undo:")
    )
}

/// That sizes are none of memory, for stderr.
pub(crate) fn sizes_are_elements() -> &'static str {
    "note: this server tells no memory: sizes are elements, and bytes of strings"
}

/// What a dry run found, for stdout.
pub(crate) fn would_delete(summary: &Summary, found: &[Key], total: u64, paint: Paint) -> String {
    let share = if total == 0 {
        0.0
    } else {
        summary.would_delete as f64 / total as f64
    };
    let mut text = format!(
        "{}, {} of the {} there; nothing was deleted\n",
        paint.strong(&format!(
            "would delete {}",
            plural(summary.would_delete, "key")
        )),
        percent(share),
        grouped(total)
    );
    text.push_str(&samples(found, "  such as  "));
    if summary.by_pattern.len() > 1 {
        let rows: Vec<Vec<String>> = summary
            .by_pattern
            .iter()
            .map(|row| {
                vec![
                    format!("  {}", shortened(&row.pattern)),
                    grouped(row.matched),
                ]
            })
            .collect();
        text.push_str(&table(&rows));
    }
    text
}

/// What the pace did, where it did anything that a person would ask about.
pub(super) fn pace(pace: &PaceSummary, nodes: usize) -> String {
    let mut text = String::new();
    let paused = &pace.paused_ms;
    // Nodes wait at the same moment, and their sum may be longer than the run.
    let together = match nodes {
        0 | 1 => String::new(),
        nodes => format!(", {nodes} nodes together"),
    };
    for (ms, why) in [
        (paused.latency, "for other clients"),
        (paused.others, "for other clients that kept the server busy"),
        (paused.replica, "for a replica that lagged"),
        (paused.memory, "for memory"),
        (paused.lazyfree, "for the server to free memory"),
        (paused.rate, "to keep to --rate"),
        (paused.saving, "for a save, while idle times stood still"),
        (paused.server, "for the server to answer again"),
    ] {
        if ms >= SHOWN_PAUSE_MS {
            let waited = span(Duration::from_millis(ms));
            let _ = writeln!(text, "  waited {waited} {why}{together}");
        }
    }
    if let (Some(p50), Some(p99)) = (pace.canary_p50_us, pace.canary_p99_us) {
        let _ = writeln!(
            text,
            "  another client waited {} (median), {} (p99)",
            wait(p50),
            wait(p99)
        );
    }
    text
}

/// Whether every part was walked that was asked for, whatever became of the keys.
pub(crate) fn is_walked(summary: &Summary) -> bool {
    summary.limited || summary.shards.iter().all(|shard| shard.complete)
}

/// Why a run is not what was asked for, for stderr; nothing where it is. `told` is a failure that has been shown.
pub(crate) fn shortfall(summary: &Summary, told: Option<&str>) -> Option<Halt> {
    let mut parts = Vec::new();
    if summary.failed > 0 {
        parts.push(format!(
            "{} could not be deleted",
            plural(summary.failed, "key")
        ));
    }
    if summary.unknown > 0 {
        parts.push(format!(
            "of {} it is not known whether they were deleted",
            plural(summary.unknown, "key")
        ));
    }
    if !is_walked(summary) {
        parts.push("a part of the keyspace was not walked".to_owned());
    }
    if let Some(left) = summary.verified.as_ref().map(|verified| verified.remaining)
        && left > 0
    {
        parts.push(format!("{} there", matches_still(left)));
    }
    if parts.is_empty() && !summary.complete {
        parts.push("the run stopped before its end".to_owned());
    }
    if parts.is_empty() {
        return None;
    }
    let mut halt = Halt::new(
        crate::exit::Exit::Incomplete,
        format!("{} everything: {}", verb(summary), parts.join("; ")),
    );
    for failure in summary
        .errors
        .iter()
        .filter(|failure| told != Some(failure.text.as_str()))
    {
        let keys = if failure.sample_keys.is_empty() {
            String::new()
        } else {
            let shown: Vec<String> = failure
                .sample_keys
                .iter()
                .map(|key| shortened(key))
                .collect();
            format!(" (such as {})", shown.join(", "))
        };
        let times = match (failure.count, failure.sample_keys.is_empty()) {
            (1, true) => String::new(),
            (times, true) => format!("{} times: ", grouped(times)),
            (keys, false) => format!("{}: ", plural(keys, "key")),
        };
        halt.causes.push(format!("{times}{}{keys}", failure.text));
    }
    Some(halt)
}

/// What the command does with keys.
fn verb(summary: &Summary) -> &str {
    match summary.command {
        "stats" => "look at",
        command => command,
    }
}

/// That a limit cut the run, for stderr.
pub(crate) fn limited(summary: &Summary) -> Option<String> {
    summary.limited.then(|| {
        format!(
            "note: stopped at --limit, after {}; more may match",
            plural(summary.matched, "key")
        )
    })
}

/// That replicas were walked, for stderr.
pub(crate) fn from_replica(summary: &Summary) -> Option<String> {
    let is_any = summary.shards.iter().any(|shard| shard.from_replica);
    is_any.then(|| {
        "note: read from replicas, which may be behind and hold keys that have expired".to_owned()
    })
}

/// How an interrupted run can go on.
pub(crate) fn how_to_resume(command: &str, paint: Paint) -> String {
    format!("{} to go on from here:\n  {command}", paint.advice("hint:"))
}

#[cfg(test)]
mod tests {
    use super::{counts, halt, shortened};
    use crate::exit::{Exit, Halt};
    use crate::render::paint::Paint;

    #[test]
    fn an_error_is_a_line_its_causes_and_a_hint() {
        let mut failure =
            Halt::new(Exit::Connection, "connect to 127.0.0.1:1").with_hint("look there");
        failure.causes.push("connection refused".to_owned());
        assert_eq!(
            halt(&failure, Paint::stderr_plain()),
            "error: failed to connect to 127.0.0.1:1\n  cause: connection refused\nhint: look there"
        );
    }

    #[test]
    fn counts_are_sorted_and_bounded() {
        let rows = (0..50).map(|n| (format!("p{n}:"), n)).collect();
        let text = counts(rows, "total", 1225);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("p49:") && lines[0].ends_with("49"));
        assert_eq!(lines.len(), super::MAX_ROWS + 2);
        assert!(lines[super::MAX_ROWS].starts_with("(10 more)"), "{text}");
        assert!(lines.last().expect("total").ends_with("1225"));
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(
            shortened(&"x".repeat(500)).chars().count(),
            super::MAX_SAMPLE_CHARS
        );
    }
}
