//! Statistics as people read them: a table by prefix, shares of types, TTLs and idle times as bars, the biggest keys. Fits
//! the width it is given; says with words and signs what colour would only repeat. Builds text; writes nothing.

mod bars;
mod prefixes;

use std::fmt::Write as _;

use keypace::{BigKey, Escaped, Named, StatsReport};

use self::bars::{Bar, bars};
use super::figures::{bytes, grouped, plural};
use super::paint::Paint;
use super::wrap::wrap;

/// What stands in the place of what is left out.
const CUT: &str = "...";
/// Nothing reads well below.
const MIN_COLUMNS: usize = 24;
/// Standard errors to either side: right 19 times of 20.
const ERRORS_SHOWN: u64 = 2;

/// Statistics, for stdout.
pub(crate) fn table(report: &StatsReport, columns: usize, paint: Paint) -> String {
    let columns = columns.max(MIN_COLUMNS);
    let mut text = head(report, columns, paint);
    if report.keys == 0 {
        return text;
    }
    text.push('\n');
    text.push_str(&prefixes::table(report, columns, paint));
    for (title, rows) in [
        ("types", types(report)),
        ("time to live", ttl(report)),
        ("idle for", idle(report)),
    ] {
        if !rows.is_empty() {
            let _ = write!(text, "\n{}\n", paint.strong(title));
            text.push_str(&bars(&rows, report.keys, columns));
        }
    }
    text.push_str(&biggest(report, columns, paint));
    for note in notes(report) {
        let _ = write!(text, "\n{}\n", wrap(&note, columns, ""));
    }
    text
}

/// How many keys there are and what they take, in a line or two.
fn head(report: &StatsReport, columns: usize, paint: Paint) -> String {
    let least = if report.complete { "" } else { "at least " };
    let mut said = format!("{least}{}", plural(report.keys, "key"));
    if report.bytes_note.is_none() && report.measured > 0 {
        let about = if report.measured < report.keys {
            "about "
        } else {
            ""
        };
        let _ = write!(said, ", {about}{}", bytes(report.bytes));
    }
    let mut text = format!("{}\n", paint.strong(&said));
    if report.bytes_note.is_none() && report.measured < report.keys && report.measured > 0 {
        let error = report.bytes_error.saturating_mul(ERRORS_SHOWN);
        let how = format!(
            "+-{} (19 times of 20), from the sizes of {}",
            bytes(error),
            plural(report.measured, "key")
        );
        let _ = writeln!(text, "{}", wrap(&how, columns, "  "));
    }
    text
}

/// Keys by type over all prefixes, the most first.
fn types(report: &StatsReport) -> Vec<Bar> {
    let mut all = Named::default();
    for row in &report.prefixes {
        all.add(&row.types);
    }
    all.0
        .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rows = all.0.into_iter();
    rows.map(|(name, keys)| Bar::new(&Escaped::new(name.as_bytes()).to_string(), keys))
        .collect()
}

/// Keys by what is left to them over all prefixes, those that never expire first.
fn ttl(report: &StatsReport) -> Vec<Bar> {
    let never = report.prefixes.iter().map(|row| row.no_ttl).sum();
    let classes = ages(report.prefixes.iter().map(|row| &row.ttl_seconds));
    if never == 0 && classes.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Bar::new("never expire", never)];
    rows.extend(classes);
    rows
}

fn idle(report: &StatsReport) -> Vec<Bar> {
    ages(report.prefixes.iter().map(|row| &row.idle_seconds))
}

/// The sum of several histograms, the shortest ages first.
fn ages<'a>(parts: impl Iterator<Item = &'a Named>) -> Vec<Bar> {
    let mut all = Named::default();
    parts.for_each(|part| all.add(part));
    let bound = |name: &str| name.parse::<u64>().unwrap_or(u64::MAX);
    all.0.sort_by_key(|(name, _)| bound(name));
    let rows = all.0.into_iter();
    rows.map(|(name, keys)| Bar::new(&age(bound(&name)), keys))
        .collect()
}

/// A class of ages by its upper bound in seconds.
fn age(bound: u64) -> String {
    let (number, unit) = match bound {
        u64::MAX => return "longer".to_owned(),
        86_400.. => (bound / 86_400, "day"),
        3_600.. => (bound / 3_600, "hour"),
        60.. => (bound / 60, "minute"),
        _ => (bound, "second"),
    };
    format!("up to {}", plural(number, unit))
}

/// The biggest keys, one a line: names may be long, so they stand last.
fn biggest(report: &StatsReport, columns: usize, paint: Paint) -> String {
    if report.biggest.is_empty() {
        return String::new();
    }
    let of = if report.measured > 0 && report.measured < report.keys {
        format!(", of the {} measured", grouped(report.measured))
    } else {
        String::new()
    };
    let title = wrap(&format!("biggest keys{of}"), columns, "");
    let mut text = format!("\n{}\n", paint.strong(&title));
    let sizes: Vec<String> = report.biggest.iter().map(size).collect();
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let size_columns = widest(&mut sizes.iter().map(String::len));
    let kinds: Vec<String> = report
        .biggest
        .iter()
        .map(|big| shortened(&Escaped::new(big.kind.as_bytes()).to_string(), 10))
        .collect();
    let kind_columns = widest(&mut kinds.iter().map(|kind| console::measure_text_width(kind)));
    for ((big, size), kind) in report.biggest.iter().zip(sizes).zip(kinds) {
        let gap = " ".repeat(kind_columns - console::measure_text_width(&kind));
        let lead = format!("  {size:>size_columns$}  {kind}{gap}  ");
        let room = columns.saturating_sub(console::measure_text_width(&lead));
        let _ = writeln!(text, "{lead}{}", shortened(&name(big), room));
    }
    text
}

fn size(big: &BigKey) -> String {
    match big.elements {
        Some(elements) => plural(elements, "element"),
        None => bytes(big.bytes),
    }
}

/// The name of a key, in a form that a terminal can take.
fn name(big: &BigKey) -> String {
    match big.key_b64 {
        // No text: it is escaped already.
        Some(_) => big.key.clone(),
        None => Escaped::new(big.key.as_bytes()).to_string(),
    }
}

fn notes(report: &StatsReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.prefix_keys_error > 0 {
        notes.push(format!(
            "note: there are more prefixes than rows; a row may lack up to {}, which are among the (others)",
            plural(report.prefix_keys_error, "key")
        ));
    }
    for (what, note) in [
        ("no bytes", &report.bytes_note),
        ("no idle times", &report.idle_note),
    ] {
        notes.extend(note.as_ref().map(|note| format!("note: {what}: {note}")));
    }
    notes
}

/// A text of at most `columns`, without its middle where it is longer: prefixes begin alike, and keys end in what
/// tells them apart.
pub(in crate::render) fn shortened(text: &str, columns: usize) -> String {
    if console::measure_text_width(text) <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(CUT.len());
    let tail = kept / 2;
    let from_start = fitting(text.chars(), kept - tail);
    let from_end = fitting(text.chars().rev(), tail);
    let head: String = text.chars().take(from_start).collect();
    let skipped = text.chars().count() - from_end;
    let tail: String = text.chars().skip(skipped).collect();
    let cut: String = CUT.chars().take(columns).collect();
    format!("{head}{cut}{tail}")
}

/// How many of these characters fit into so many columns.
fn fitting(characters: impl Iterator<Item = char>, columns: usize) -> usize {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += console::measure_text_width(character.encode_utf8(&mut [0; 4]));
            used <= columns
        })
        .count()
}

#[cfg(test)]
mod tests;
