//! Tables of an inspection: columns that fall away where a terminal is narrow, and one that is cut in its middle. Pure text.

use crate::render::paint::Paint;
use crate::render::stats::shortened;

/// Spaces between columns.
const GAP: &str = "  ";
/// What the column that is cut keeps before another one falls away.
const LEAST_NAME: usize = 22;

/// One column.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) cells: Vec<String>,
    /// Names stand to the left, numbers to the right.
    pub(super) is_name: bool,
    /// Those with the least fall away first; `None` stays whatever the width.
    pub(super) weight: Option<u8>,
}

impl Column {
    /// Numbers.
    pub(super) fn numbers(title: &'static str, weight: Option<u8>, cells: Vec<String>) -> Self {
        Self {
            title,
            cells,
            is_name: false,
            weight,
        }
    }

    /// Words.
    pub(super) fn names(title: &'static str, weight: Option<u8>, cells: Vec<String>) -> Self {
        Self {
            is_name: true,
            ..Self::numbers(title, weight, cells)
        }
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }

    fn width(&self) -> usize {
        let widest = self
            .cells
            .iter()
            .map(|cell| console::measure_text_width(cell))
            .max();
        widest.unwrap_or(0).max(self.title.len())
    }
}

/// The table. Its first column is cut where there is no room; columns that say nothing are left out.
pub(super) fn grid(mut columns: Vec<Column>, width: usize, paint: Paint) -> String {
    let mut place = 0;
    columns.retain(|column| {
        place += 1;
        place == 1 || !column.is_empty()
    });
    let Some(first) = columns.first() else {
        return String::new();
    };
    let wanted = first.width();
    let rest = |columns: &[Column]| -> usize {
        columns[1..]
            .iter()
            .map(|column| column.width() + GAP.len())
            .sum()
    };
    while rest(&columns) + wanted.min(LEAST_NAME) > width {
        let lightest = columns.iter().enumerate().skip(1);
        let lightest = lightest
            .filter_map(|(at, column)| Some((column.weight?, at)))
            .min();
        let Some((_, at)) = lightest else { break };
        columns.remove(at);
    }
    let name = wanted.min(width.saturating_sub(rest(&columns)).max(4));
    let rows = columns[0].cells.len();
    let mut text = String::new();
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    text.push_str(&paint.strong(&line(&columns, &titles, name)));
    text.push('\n');
    for row in 0..rows {
        let cells: Vec<&str> = columns
            .iter()
            .map(|column| column.cells.get(row).map_or("", String::as_str))
            .collect();
        text.push_str(&line(&columns, &cells, name));
        text.push('\n');
    }
    text
}

fn line(columns: &[Column], cells: &[&str], name: usize) -> String {
    let mut line = String::new();
    for (at, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let width = if at == 0 { name } else { column.width() };
        let cell = shortened(cell, width);
        let gap = " ".repeat(width.saturating_sub(console::measure_text_width(&cell)));
        if at > 0 {
            line.push_str(GAP);
        }
        if column.is_name {
            line.push_str(&cell);
            line.push_str(&gap);
        } else {
            line.push_str(&gap);
            line.push_str(&cell);
        }
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Column, grid};
    use crate::render::paint::Paint;

    fn table(width: usize) -> String {
        let owned = |cells: &[&str]| {
            cells
                .iter()
                .map(|cell| (*cell).to_owned())
                .collect::<Vec<_>>()
        };
        grid(
            vec![
                Column::names(
                    "shape",
                    None,
                    owned(&["KEYS session:*", "MGET a-very-long-pattern-of-keys:*:x"]),
                ),
                Column::numbers("times", None, owned(&["12", "3"])),
                Column::numbers("longest", Some(2), owned(&["440 ms", "3 ms"])),
                Column::names("who", Some(1), owned(&["billing at 10.0.0.5", ""])),
                Column::names("nothing", Some(9), owned(&["", ""])),
            ],
            width,
            Paint::stderr_plain(),
        )
    }

    #[test]
    fn columns_fall_away_by_their_weight() {
        assert_eq!(
            table(80),
            "shape                                 times  longest  who\n\
             KEYS session:*                           12   440 ms  billing at 10.0.0.5\n\
             MGET a-very-long-pattern-of-keys:*:x      3     3 ms\n"
        );
        assert_eq!(
            table(46),
            "shape                           times  longest\n\
             KEYS session:*                     12   440 ms\n\
             MGET a-very-lo...n-of-keys:*:x      3     3 ms\n"
        );
        for width in 24..100 {
            let text = table(width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{width}: {text}"
            );
        }
    }
}
