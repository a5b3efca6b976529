//! A page of records, as JSON lines and as a table that fits the terminal. Builds text; asks nothing.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, SecondsFormat, Utc};
use keypace::{Expiry, RecordPage, Stored};
use serde_json::value::RawValue;

use super::figures::{grouped, plural, span};
use super::paint::Paint;
use crate::exit::{Exit, Halt};

/// Columns of a time.
const TIME_COLUMNS: usize = "2026-11-21 14:46:01".len();
/// Columns of what is left of a record's time.
const LEFT_COLUMNS: usize = "99.9 min".len();
/// Less of a value says nothing.
const MIN_VALUE_COLUMNS: usize = 16;

#[derive(serde::Serialize)]
struct Line<'a> {
    id: &'a str,
    version: u64,
    created_at: String,
    updated_at: String,
    expires_at: Option<String>,
    cursor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_b64: Option<String>,
}

/// One object a line. A value that is no JSON stands as base64.
pub(crate) fn json_lines<B: AsRef<[u8]>>(page: &RecordPage<B>) -> Result<Vec<u8>, Halt> {
    let mut bytes = Vec::new();
    for record in &page.records {
        let body = record.value.as_ref();
        let value = as_it_stands(body);
        let line = Line {
            id: record.id.as_str(),
            version: record.version.get(),
            created_at: rfc3339(record.created_ms),
            updated_at: rfc3339(record.updated_ms),
            expires_at: match record.expiry {
                Expiry::At(ms) => Some(rfc3339(ms)),
                Expiry::Never | Expiry::Unasked => None,
            },
            cursor: record.cursor().to_string(),
            value_b64: value.is_none().then(|| BASE64.encode(body)),
            value,
        };
        serde_json::to_writer(&mut bytes, &line)
            .map_err(|error| Halt::new(Exit::Incomplete, "write JSON").with_cause(&error))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// A value as it was stored, number by number and field by field. Line breaks, which can only stand between its parts, would
/// end the line.
fn as_it_stands(body: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(body).ok()?;
    RawValue::from_string(text.replace(['\n', '\r'], " ")).ok()
}

/// Newest first, one a line; on a narrow terminal two lines each.
pub(crate) fn table<B: AsRef<[u8]>>(
    page: &RecordPage<B>,
    now: DateTime<Utc>,
    columns: usize,
    paint: Paint,
) -> String {
    if page.records.is_empty() {
        return match page.total {
            0 => "no records\n".to_owned(),
            total => format!("no more of {}\n", plural(total, "record")),
        };
    }
    let ids = page.records.iter().map(|record| record.id.as_str().len());
    let id_columns = ids.max().unwrap_or(0).max("id".len());
    let fixed = id_columns + TIME_COLUMNS + LEFT_COLUMNS + 6;
    let is_wide = fixed + MIN_VALUE_COLUMNS <= columns;
    let mut text = String::new();
    if is_wide {
        let head = format!(
            "{:id_columns$}  {:TIME_COLUMNS$}  {:>LEFT_COLUMNS$}  value",
            "id", "created (UTC)", "left"
        );
        let _ = writeln!(text, "{}", paint.strong(&head));
    }
    for record in &page.records {
        let (id, created, left) = (
            record.id.as_str(),
            shown(record.created_ms),
            left(record, now),
        );
        let value = one_line(record.value.as_ref());
        if is_wide {
            let value = cut(&value, columns - fixed);
            let _ = writeln!(
                text,
                "{id:id_columns$}  {created:TIME_COLUMNS$}  {left:>LEFT_COLUMNS$}  {value}"
            );
        } else {
            let _ = writeln!(text, "{}", paint.strong(id));
            let lead = format!("  {created}  {left}");
            let room = columns.saturating_sub(lead.len() + 2);
            if room >= MIN_VALUE_COLUMNS {
                let _ = writeln!(text, "{lead}  {}", cut(&value, room));
            } else {
                let _ = writeln!(text, "{lead}\n  {}", cut(&value, columns.saturating_sub(2)));
            }
        }
    }
    let shown = page.records.len() as u64;
    if shown < page.total {
        let _ = writeln!(
            text,
            "{} of {}",
            grouped(shown),
            plural(page.total, "record")
        );
    }
    text
}

/// How the list goes on, for stderr.
pub(crate) fn next_page(command: &str, paint: Paint) -> String {
    format!("{} for the next page:\n  {command}", paint.advice("hint:"))
}

/// Values that could not be read, for stderr.
pub(crate) fn undecodable(number: u64) -> String {
    let what = plural(number, "record");
    format!(
        "note: {what} of this page can't be read and left out; `keypace index verify` names them"
    )
}

fn rfc3339(ms: i64) -> String {
    at(ms).map_or_else(String::new, |time| {
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    })
}

fn shown(ms: i64) -> String {
    at(ms).map_or_else(String::new, |time| {
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}

fn at(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

fn left<B>(record: &Stored<B>, now: DateTime<Utc>) -> String {
    match record.expiry {
        Expiry::At(ms) => {
            let left = u64::try_from(ms - now.timestamp_millis()).unwrap_or(0);
            span(Duration::from_millis(left))
        }
        Expiry::Never => "-".to_owned(),
        Expiry::Unasked => "?".to_owned(),
    }
}

/// Without anything that moves a terminal's cursor.
fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.collect()
}

fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "...").into_owned()
}

#[cfg(test)]
mod tests {
    use super::{cut, one_line, rfc3339, shown};

    #[test]
    fn times_are_utc_and_exact() {
        assert_eq!(rfc3339(1_795_272_361_250), "2026-11-21T14:46:01.250Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(-1), "1969-12-31 23:59:59");
    }

    #[test]
    fn a_value_stays_on_its_line() {
        assert_eq!(one_line(b"{\"a\":\n\x1b[2J1}"), "{\"a\":  [2J1}");
        assert_eq!(cut("0123456789", 8), "01234...");
    }
}
