//! What people read of an index: what drifts, what a rebuild did, a page of records. Builds text; asks nothing.

use std::fmt::Write as _;
use std::time::Duration;

use keypace::{AssignReport, Failure, RebuildReport, VerifyReport};

use super::figures::{grouped, plural, span};
use super::paint::Paint;
use super::text::pace;
use super::wrap::wrap;
use crate::exit::{Exit, Halt};

/// More keys of one kind say no more; `--json` has the others.
const SHOWN_SAMPLES: usize = 3;
/// A key is cut in its middle below this no further.
const MIN_KEY_COLUMNS: usize = 16;

/// What `verify` found, for stdout.
pub(crate) fn verified(
    report: &VerifyReport,
    nodes: usize,
    columns: usize,
    paint: Paint,
) -> String {
    let drift = report.drift.total();
    let found = match (drift, report.complete) {
        (0, true) => "no drift".to_owned(),
        (0, false) => "no drift so far".to_owned(),
        (number, _) => format!("{} of drift", plural(number, "case")),
    };
    let found = if drift == 0 {
        paint.strong(&found)
    } else {
        paint.careful(&found)
    };
    let head = format!(
        "{}: {} in {}, {found}",
        report.namespace,
        plural(report.records, "record"),
        span(Duration::from_millis(report.elapsed_ms)),
    );
    let mut text = wrap(&head, columns, "");
    text.push('\n');
    let counts = &report.drift;
    for (number, kind, what) in [
        (counts.missing, "missing", "not in the index"),
        (counts.stale, "stale", "no record, or another by now"),
        (counts.wrong_owner, "wrong_owner", "with another owner"),
        (counts.wrong_score, "wrong_score", "with another time"),
        (counts.ownerless, "ownerless", "old records of nobody"),
    ] {
        if number == 0 {
            continue;
        }
        let _ = writeln!(text, "  {:>7} {kind}: {what}", grouped(number));
        let samples = report.samples.iter().filter(|sample| sample.kind == kind);
        for sample in samples.take(SHOWN_SAMPLES) {
            let key = in_the_middle(&sample.key, columns.saturating_sub(10));
            let _ = writeln!(text, "          {key}");
        }
    }
    let old = &report.old_sets;
    for (number, what) in [
        (report.repaired, "mended"),
        (report.expired, "expired, and dropped by the next list"),
        (report.not_records, "old keys that hold no record"),
        (old.stale, "members of old sets without a record"),
        (old.wrong_owner, "members of old sets of another owner"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {:>7} {what}", grouped(number));
        }
    }
    text.push_str(&pace(&report.pace, nodes));
    text
}

/// How far the namespace and the run are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) has_index: bool,
    /// A rebuild is of use: the old layout counts still.
    pub(crate) follows_old: bool,
    /// No more may be mended in this run.
    pub(crate) is_at_its_limit: bool,
}

/// What to do about drift, where anything can be done.
pub(crate) fn what_to_do(
    report: &VerifyReport,
    repairs: bool,
    standing: Standing,
) -> Option<String> {
    let counts = &report.drift;
    let namespace = &report.namespace;
    if !standing.has_index {
        return Some(format!("make the index: keypace index rebuild {namespace}"));
    }
    if repairs && standing.is_at_its_limit {
        return Some(
            "that is as much as --max-repairs allows; the same command goes on".to_owned(),
        );
    }
    if !repairs && counts.missing + counts.stale + counts.wrong_score > 0 {
        return Some(format!(
            "keypace index verify {namespace} --repair mends what is missing, stale or has a wrong score"
        ));
    }
    (counts.wrong_owner > 0).then(|| match standing.follows_old {
        true => format!(
            "keypace index rebuild {namespace} brings records to the owners that they name now"
        ),
        false => "the application put them with another owner than they name: put them with their own, and delete them there".to_owned(),
    })
}

/// A line of advice.
pub(crate) fn hint(text: &str, paint: Paint) -> String {
    format!("{} {text}", paint.advice("hint:"))
}

/// What a rebuild did, for stdout.
pub(crate) fn rebuilt(
    report: &RebuildReport,
    nodes: usize,
    columns: usize,
    paint: Paint,
) -> String {
    let passes = match report.passes {
        1 => String::new(),
        passes => format!(", {} passes", grouped(u64::from(passes))),
    };
    let mut text = format!(
        "{}: {} of {} in {}{passes}\n",
        report.namespace,
        paint.strong(&format!("imported {}", grouped(report.imported))),
        plural(report.scanned, "old key"),
        span(Duration::from_millis(report.elapsed_ms)),
    );
    for (number, what) in [
        (report.unchanged, "unchanged"),
        (
            report.removed,
            "removed: their old key is gone or another's",
        ),
        (report.ownerless, "without an owner: listed to nobody"),
        (report.undecodable, "no JSON object"),
        (report.not_records, "no record"),
        (report.undated, "without a time: listed as the oldest"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "  {:>7} {what}", grouped(number));
        }
    }
    if report.switched {
        let said = "The old layout is left behind: nothing of it was removed, and it is looked at no more.";
        text.push_str(&wrap(said, columns, "  "));
        text.push('\n');
    }
    text.push_str(&pace(&report.pace, nodes));
    text
}

/// Why nothing was switched, for stderr.
pub(crate) fn still_written(report: &RebuildReport) -> Halt {
    let text = format!(
        "leave the old layout behind: the last pass still found {} to change",
        plural(report.changed, "record")
    );
    Halt::new(Exit::Refused, text).with_hint(
        "stop what writes the old way, or keys that expire there, and run the same again",
    )
}

/// Why nothing was switched though nothing changed any more, for stderr.
pub(crate) fn unlisted(report: &RebuildReport) -> Halt {
    let mut what = Vec::new();
    for (number, why) in [
        (report.ownerless, "without an owner"),
        (report.undecodable, "that can't be read"),
    ] {
        if number > 0 {
            what.push(format!("{} {why}", plural(number, "old record")));
        }
    }
    let text = format!(
        "leave the old layout behind: {} would be in nobody's list for good",
        what.join(" and ")
    );
    let namespace = &report.namespace;
    Halt::new(Exit::Refused, text).with_hint(format!(
        "keypace index assign {namespace} ID --owner-file FILE gives them an owner (`index verify` names them); --leave-unlisted leaves them behind"
    ))
}

/// Why following came to no end, for stderr.
pub(crate) fn unsettled(report: &RebuildReport) -> Halt {
    let text = format!(
        "catch up: each of {} passes changed too much, the last one {}",
        report.passes,
        plural(report.changed, "record")
    );
    Halt::new(Exit::Incomplete, text).with_hint(
        "a larger --follow ends earlier; a larger --budget or --max-passes goes on longer",
    )
}

/// What could not be done, for stderr.
pub(crate) fn shortfall(errors: &[Failure], what: &str) -> Option<Halt> {
    if errors.is_empty() {
        return None;
    }
    let mut halt = Halt::new(Exit::Incomplete, what);
    for failure in errors {
        let mut line = format!("{} times: {}", failure.count, failure.text);
        if let Some(key) = failure.sample_keys.first() {
            let _ = write!(line, " ({key})");
        }
        halt.causes.push(line);
    }
    Some(halt)
}

/// Without an index there is nothing to do it to.
pub(crate) fn no_index(action: &str, namespace: &str) -> Halt {
    let text = format!("{action}: there is no index of {namespace}");
    Halt::new(Exit::Refused, text).with_hint(format!("make it: keypace index rebuild {namespace}"))
}

/// What was assigned, for stdout.
pub(crate) fn assigned(report: &AssignReport, paint: Paint) -> String {
    let number = report.assigned.len() as u64;
    let head = format!("assigned {}", plural(number, "record"));
    let mut text = format!("{}: {}\n", report.namespace, paint.strong(&head));
    for (ids, what) in [
        (&report.owned, "names an owner itself"),
        (&report.missing, "no old record"),
    ] {
        for id in ids {
            let _ = writeln!(text, "  {id}: {what}");
        }
    }
    text
}

/// Both ends of a key tell most of it: what it is of, and which.
fn in_the_middle(key: &str, columns: usize) -> String {
    let columns = columns.max(MIN_KEY_COLUMNS);
    let length = key.chars().count();
    if length <= columns {
        return key.to_owned();
    }
    let head = (columns - 3) / 2;
    let tail = columns - 3 - head;
    let start: String = key.chars().take(head).collect();
    let end: String = key.chars().skip(length - tail).collect();
    format!("{start}...{end}")
}

#[cfg(test)]
mod tests {
    use super::in_the_middle;

    #[test]
    fn a_long_key_shows_both_its_ends() {
        let key = "kp:session:{0123456789abcdef0123456789abcdef}:r:the-id";
        assert_eq!(in_the_middle(key, 100), key);
        let cut = in_the_middle(key, 20);
        assert_eq!(cut, "kp:sessi...:r:the-id");
        assert_eq!(in_the_middle(key, 1).chars().count(), 16);
    }
}
