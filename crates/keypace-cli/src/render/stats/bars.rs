//! Shares as bars, one a line: a name, keys, a share in percent, and the same as a length. Pure text.

use std::fmt::Write as _;

use super::super::figures::grouped;
use super::shortened;

/// Longer bars say no more.
const MAX_BAR: usize = 40;
/// Shorter bars say nothing.
const MIN_BAR: usize = 8;
/// The widest name.
const MAX_NAME: usize = 24;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    name: String,
    keys: u64,
}

impl Bar {
    pub(super) fn new(name: &str, keys: u64) -> Self {
        Self {
            name: shortened(name, MAX_NAME),
            keys,
        }
    }
}

/// A share as `42 %`, in at most six columns.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let hundredth = part as f64 / whole.max(1) as f64 * 100.0;
    match hundredth {
        _ if part == 0 => "0 %".to_owned(),
        0.0..0.1 => "<0.1 %".to_owned(),
        0.1..9.95 => format!("{hundredth:.1} %"),
        // Only the whole is a hundred.
        _ if part < whole => format!("{:.0} %", hundredth.min(99.0)),
        _ => "100 %".to_owned(),
    }
}

/// Lines of at most `columns`. `whole` is what a full bar stands for.
pub(super) fn bars(rows: &[Bar], whole: u64, columns: usize) -> String {
    let width = |name: &str| console::measure_text_width(name);
    let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
    let keys = rows.iter().map(|row| grouped(row.keys).len()).max();
    let keys = keys.unwrap_or(0);
    // Two in front, two between the columns, six for the share.
    let used = 2 + names + 2 + keys + 2 + 6 + 2;
    let room = columns.saturating_sub(used).min(MAX_BAR);
    let mut text = String::new();
    for row in rows {
        let gap = " ".repeat(names - width(&row.name));
        let share = percent(row.keys, whole);
        let mut line = format!("  {}{gap}  {:>keys$}", row.name, grouped(row.keys));
        if used <= columns + 2 {
            let _ = write!(line, "  {share:>6}");
        }
        if room >= MIN_BAR {
            let _ = write!(line, "  {}", "#".repeat(length(row.keys, whole, room)));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// What is there at all is seen.
fn length(keys: u64, whole: u64, room: usize) -> usize {
    if keys == 0 {
        return 0;
    }
    let share = keys as f64 / whole.max(1) as f64;
    ((share * room as f64).round() as usize).clamp(1, room)
}

#[cfg(test)]
mod tests {
    use super::{Bar, bars, percent};

    #[test]
    fn shares_take_six_columns_and_only_the_whole_is_a_hundred() {
        for (part, whole, text) in [
            (0, 0, "0 %"),
            (1, 100_000, "<0.1 %"),
            (34, 1_000, "3.4 %"),
            (996, 10_000, "10 %"),
            (42, 100, "42 %"),
            (99_999, 100_000, "99 %"),
            (7, 7, "100 %"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }

    #[test]
    fn bars_show_shares_and_give_way_to_them() {
        let rows = [
            Bar::new("string", 75),
            Bar::new("hash", 25),
            Bar::new("set", 0),
        ];
        let wide = "  string  75    75 %  ###############\n  hash    25    25 %  #####\n  set      0     0 %\n";
        assert_eq!(bars(&rows, 100, 42), wide);
        let narrow = "  string  75    75 %\n  hash    25    25 %\n  set      0     0 %\n";
        assert_eq!(bars(&rows, 100, 24), narrow);
    }
}
