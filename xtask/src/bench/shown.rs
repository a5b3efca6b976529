//! Kept rows as text: verdicts, and rounds as their medians. The console and the document say the same words.
//! Must not judge: outcomes are read, not made.

use serde_json::Value;

use super::figures::{column, median};

/// Columns of rounds, in the order in which they are shown: the field, its title, and what it is divided by.
const COLUMNS: &[(&str, &str, f64)] = &[
    ("wall_ms", "wall ms", 1.0),
    ("work_ms", "work alone ms", 1.0),
    ("gets_ms", "GETs ms", 1.0),
    ("bulk_ms", "get_many ms", 1.0),
    ("json_ms", "get_many_json ms", 1.0),
    ("list_us", "list us", 1.0),
    ("round_trips", "round trips", 1.0),
    ("index_bytes_per_record", "index bytes a record", 1.0),
    ("record_bytes", "bytes a record without it", 1.0),
    ("commands", "commands", 1.0),
    ("server_us_per_key", "server us a key", 1.0),
    ("commands_per_key", "commands a key", 1.0),
    ("file_bytes", "file MiB", MIB),
    ("peak_bytes", "peak MiB", MIB),
    ("idle_p99_us", "idle p99 us", 1.0),
    ("p50_us", "p50 us", 1.0),
    ("p99_us", "p99 us", 1.0),
    ("p999_us", "p99.9 us", 1.0),
    ("max_us", "longest wait us", 1.0),
    ("over_budget", "over budget", 1.0),
    ("before_keys_per_s", "before keys/s", 1.0),
    ("during_keys_per_s", "during keys/s", 1.0),
    ("after_keys_per_s", "after keys/s", 1.0),
    ("to_half_ms", "to a half ms", 1.0),
    ("to_tenth_ms", "to a tenth ms", 1.0),
    ("back_ms", "back ms", 1.0),
    ("load_per_s", "load commands/s", 1.0),
    ("stream_bytes", "stream MiB", MIB),
    ("largest_lag_bytes", "largest lag MiB", MIB),
    ("paused_replica_ms", "paused for it ms", 1.0),
    ("unlinks_per_key", "UNLINK calls a key", 1.0),
    ("lanes", "lanes", 1.0),
    ("small_bytes", "small MiB", MIB),
    ("large_bytes", "large MiB", MIB),
];
const MIB: f64 = 1024.0 * 1024.0;

/// The titles of the columns that any of `rows` has, with their places in `COLUMNS`.
pub(crate) fn columns(rows: &[&Value]) -> Vec<(usize, &'static str)> {
    let has = |field: &str| rows.iter().any(|row| !rounds_of(row, field).is_empty());
    let found = COLUMNS.iter().enumerate();
    found
        .filter(|(_, (field, ..))| has(field))
        .map(|(at, (_, title, _))| (at, *title))
        .collect()
}

/// A row's median in one of these columns; empty where it has none.
pub(crate) fn cell(row: &Value, column_at: usize) -> String {
    let (field, _, divisor) = COLUMNS[column_at];
    match rounds_of(row, field) {
        values if values.is_empty() => String::new(),
        values => number(median(&values) / divisor),
    }
}

fn rounds_of(row: &Value, field: &str) -> Vec<f64> {
    column(row["rounds"].as_array().map_or(&[], Vec::as_slice), field)
}

/// Four digits are more than any of these figures is good for.
pub(crate) fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A verdict in words: what, the figure, the limit, the outcome.
pub(crate) fn verdict(verdict: &Value) -> String {
    let what = verdict["what"].as_str().unwrap_or_default();
    let outcome = verdict["outcome"].as_str().unwrap_or_default();
    if let Some(why) = verdict["why"].as_str() {
        return format!("{what}: {outcome} ({why})");
    }
    let unit = verdict["unit"].as_str().unwrap_or_default();
    if unit == "yes" {
        let said = if outcome == "met" { "yes" } else { "no" };
        return format!("{what}: {said}, {outcome}");
    }
    let figure = |field: &str| amount(verdict[field].as_f64(), unit);
    let side = verdict["side"].as_str().unwrap_or_default();
    format!(
        "{what}: {} ({side} {}), {outcome}",
        figure("value"),
        figure("limit")
    )
}

fn amount(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    match unit {
        "bytes" => format!("{} MiB", number(value / MIB)),
        "count" => number(value),
        "times" => format!("{value:.2} times"),
        unit => format!("{} {unit}", number(value)),
    }
}

/// A ratio in words. Load from outside only adds time, so where the best rounds tell another story it was there.
fn ratio(ratio: &Value) -> String {
    let name = ratio["ratio"].as_str().unwrap_or_default();
    let of = |field: &str| ratio[field].as_f64().unwrap_or(f64::NAN);
    format!(
        "{name}: {:.2} of the medians, {:.2} of the best rounds",
        of("of_medians"),
        of("of_bests")
    )
}

/// Prints rows to the console.
pub(crate) fn print(rows: &[Value]) {
    let columns = columns(&rows.iter().collect::<Vec<_>>());
    for row in rows {
        let name = row["row"].as_str().unwrap_or_default();
        let cells: Vec<String> = columns
            .iter()
            .map(|(at, title)| (cell(row, *at), title))
            .filter(|(cell, _)| !cell.is_empty())
            .map(|(cell, title)| format!("{title} {cell}"))
            .collect();
        println!("{name:<34} {}", cells.join(", "));
        let list = |field: &str| row[field].as_array().cloned().unwrap_or_default();
        for line in list("ratios").iter().map(ratio) {
            println!("    {line}");
        }
        for line in list("verdicts").iter().map(verdict) {
            println!("    {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cell;
    use super::columns;
    use super::verdict;
    use serde_json::json;

    #[test]
    fn verdicts_say_figure_limit_and_outcome() {
        let said = |what: serde_json::Value| verdict(&what);
        let p99 = json!({
            "what": "p99", "value": 412.0, "unit": "us",
            "side": "at most", "limit": 1000.0, "outcome": "met",
        });
        assert_eq!(said(p99), "p99: 412 us (at most 1000 us), met");
        let ratio = json!({
            "what": "wall", "value": 1.512, "unit": "times",
            "side": "below", "limit": 1.4, "outcome": "missed",
        });
        assert_eq!(said(ratio), "wall: 1.51 times (below 1.40 times), missed");
        let whole = json!({
            "what": "complete", "value": 0.0, "unit": "yes",
            "side": "at least", "limit": 1.0, "outcome": "missed",
        });
        assert_eq!(said(whole), "complete: no, missed");
        let none = json!({ "what": "ioredis", "outcome": "not run", "why": "no npm" });
        assert_eq!(said(none), "ioredis: not run (no npm)");
    }

    #[test]
    fn only_columns_with_figures_are_shown() {
        let row = json!({ "rounds": [{ "wall_ms": 1500.0, "pace": {} }, { "wall_ms": 1300.0 }] });
        let other = json!({ "rounds": [{ "p99_us": 80 }] });
        let found = columns(&[&row, &other]);
        let titles: Vec<_> = found.iter().map(|(_, title)| *title).collect();
        assert_eq!(titles, ["wall ms", "p99 us"]);
        let cells: Vec<_> = found.iter().map(|(at, _)| cell(&row, *at)).collect();
        assert_eq!(cells, ["1400", ""]);
    }
}
