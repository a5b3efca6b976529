//! The table by prefix: as many columns as fit, the most telling first, with the sum below. Pure text.

use std::fmt::Write as _;

use keypace::{Escaped, Named, PrefixStats, StatsReport};

use super::super::figures::{bytes, grouped};
use super::super::paint::Paint;
use super::bars::percent;
use super::{ERRORS_SHOWN, shortened};

/// More rows scroll the head away; `--json` has them all.
const MAX_ROWS: usize = 30;
/// The widest name.
const MAX_NAME: usize = 48;
/// Columns that names have before another column is shown.
const MIN_NAME: usize = 16;
/// Types that are named in a row: a prefix has one, or it is a mixture.
const MAX_TYPES: usize = 2;
const GAP: &str = "  ";

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Keys,
    KeysShare,
    Bytes,
    BytesShare,
    /// How far off the bytes may be.
    Error,
    NoTtl,
    Types,
}

/// In the order in which they give way: the last one first.
const BY_WEIGHT: [Column; 7] = [
    Column::Keys,
    Column::Bytes,
    Column::KeysShare,
    Column::NoTtl,
    Column::Types,
    Column::BytesShare,
    Column::Error,
];

/// In the order in which they stand.
const BY_PLACE: [Column; 7] = [
    Column::Keys,
    Column::KeysShare,
    Column::Bytes,
    Column::Error,
    Column::BytesShare,
    Column::NoTtl,
    Column::Types,
];

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Bytes => "bytes",
            Self::KeysShare | Self::BytesShare => "",
            Self::Error => "+-",
            Self::NoTtl => "no TTL",
            Self::Types => "types",
        }
    }

    fn cell(self, row: &PrefixStats, all: &PrefixStats) -> String {
        match self {
            Self::Keys => grouped(row.keys),
            Self::KeysShare => percent(row.keys, all.keys),
            Self::Bytes => bytes(row.bytes),
            Self::BytesShare => percent(row.bytes, all.bytes),
            Self::Error if row.bytes_error == 0 => String::new(),
            Self::Error => percent(
                row.bytes_error.saturating_mul(ERRORS_SHOWN),
                row.bytes.max(1),
            ),
            Self::NoTtl => percent(row.no_ttl, row.keys),
            Self::Types => types(row),
        }
    }

    /// Whether it says anything in this report.
    fn is_known(self, report: &StatsReport, all: &PrefixStats) -> bool {
        match self {
            Self::Keys | Self::KeysShare => true,
            Self::Bytes | Self::BytesShare => all.measured > 0,
            Self::Error => report.bytes_error > 0,
            Self::NoTtl => true,
            Self::Types => !all.types.0.is_empty(),
        }
    }
}

/// The types of a prefix: those with the most keys, and their shares where there are several.
fn types(row: &PrefixStats) -> String {
    let name = |name: &str| Escaped::new(name.as_bytes()).to_string();
    match &row.types.0[..] {
        [] => String::new(),
        [(only, _)] => name(only),
        several => {
            let shown = several.iter().take(MAX_TYPES);
            let mut shown: Vec<String> = shown
                .map(|(kind, keys)| format!("{} {}", name(kind), percent(*keys, row.keys)))
                .collect();
            if several.len() > MAX_TYPES {
                shown.push(super::CUT.to_owned());
            }
            shown.join(", ")
        }
    }
}

/// The table.
pub(super) fn table(report: &StatsReport, columns: usize, paint: Paint) -> String {
    let all = sum("total", &report.prefixes, report);
    let mut rows: Vec<PrefixStats> = report.prefixes.iter().take(MAX_ROWS).cloned().collect();
    for row in &mut rows {
        if row.prefix.is_empty() {
            // Names without a separator.
            "(none)".clone_into(&mut row.prefix);
        }
    }
    if let beyond @ [_, ..] = report.prefixes.get(MAX_ROWS..).unwrap_or_default() {
        let name = format!("({} more)", grouped(beyond.len() as u64));
        rows.push(sum(&name, beyond, report));
    }
    let shown = choose(report, &rows, &all, columns);
    let width = |text: &str| console::measure_text_width(text);
    let cells = |row: &PrefixStats| -> Vec<String> {
        shown.iter().map(|column| column.cell(row, &all)).collect()
    };
    let widths: Vec<usize> = shown
        .iter()
        .map(|column| column_width(*column, &rows, &all))
        .collect();
    let used: usize = widths.iter().map(|width| width + GAP.len()).sum();
    let name = if report.complete { "total" } else { "at least" };
    let longest = rows.iter().map(|row| width(&row.prefix)).max().unwrap_or(0);
    let names = longest
        .max("prefix".len())
        .max(name.len())
        .min(MAX_NAME)
        .min(columns.saturating_sub(used).max(name.len()));
    let line = |name: &str, cells: &[String]| {
        let name = shortened(name, names);
        let mut line = format!("{name}{}", " ".repeat(names - width(&name)));
        for ((cell, column), wide) in cells.iter().zip(&shown).zip(&widths) {
            let gap = " ".repeat(wide - width(cell));
            let _ = match column {
                Column::Types => write!(line, "{GAP}{cell}{gap}"),
                _ => write!(line, "{GAP}{gap}{cell}"),
            };
        }
        line.trim_end().to_owned()
    };
    let titles: Vec<String> = shown.iter().map(|c| c.title().to_owned()).collect();
    let mut text = format!("{}\n", paint.strong(&line("prefix", &titles)));
    for row in &rows {
        let _ = writeln!(text, "{}", line(&row.prefix, &cells(row)));
    }
    let _ = writeln!(text, "{}", paint.strong(&line(name, &cells(&all))));
    text
}

/// The columns that fit beside the names, in the order in which they stand.
fn choose(
    report: &StatsReport,
    rows: &[PrefixStats],
    all: &PrefixStats,
    columns: usize,
) -> Vec<Column> {
    let longest = rows
        .iter()
        .map(|row| console::measure_text_width(&row.prefix));
    let mut used = longest.max().unwrap_or(0).min(MIN_NAME);
    let mut shown: Vec<Column> = Vec::new();
    for column in BY_WEIGHT {
        let wide = column_width(column, rows, all) + GAP.len();
        // Keys are what the table is about: they stand whatever the width.
        let fits = used + wide <= columns || column == Column::Keys;
        if fits && column.is_known(report, all) {
            used += wide;
            shown.push(column);
        }
    }
    BY_PLACE
        .into_iter()
        .filter(|column| shown.contains(column))
        .collect()
}

fn column_width(column: Column, rows: &[PrefixStats], all: &PrefixStats) -> usize {
    let cells = rows.iter().chain([all]);
    let widest = cells
        .map(|row| console::measure_text_width(&column.cell(row, all)))
        .max();
    widest.unwrap_or(0).max(column.title().len())
}

/// Several rows as one; the whole has the report's own figures.
fn sum(name: &str, rows: &[PrefixStats], report: &StatsReport) -> PrefixStats {
    let mut sum = PrefixStats::default();
    name.clone_into(&mut sum.prefix);
    let mut types = Named::default();
    for row in rows {
        sum.keys += row.keys;
        sum.bytes += row.bytes;
        sum.measured += row.measured;
        sum.no_ttl += row.no_ttl;
        types.add(&row.types);
    }
    types
        .0
        .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sum.types = types;
    // Rows are estimated each for itself, so that errors add up as squares.
    let squares: f64 = rows
        .iter()
        .map(|row| (row.bytes_error as f64).powi(2))
        .sum();
    sum.bytes_error = squares.sqrt() as u64;
    if rows.len() == report.prefixes.len() {
        (sum.bytes, sum.bytes_error) = (report.bytes, report.bytes_error);
    }
    sum
}
