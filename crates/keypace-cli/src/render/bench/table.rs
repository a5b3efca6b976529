//! The findings as a table for a terminal: a section a size, columns that give way where it is narrow. Pure text.

use super::report::{Found, Report, Row};
use crate::args::BenchJob;
use crate::render::figures::{self, bytes, grouped, plural, wait};
use crate::render::paint::Paint;
use crate::render::wrap::wrap;

/// Fewer waits than this say nothing about a percentile of 99.
const COUNT_FOR_P99: u64 = 100;
/// Nor these about one of 99.9.
const COUNT_FOR_P999: u64 = 1_000;
/// What stands for a figure that nobody can tell.
const NONE: &str = "-";

/// The columns behind the name, and in which order they give way: the highest first, 0 never.
const COLUMNS: [(&str, u8); 7] = [
    ("wall", 0),
    ("commands", 2),
    ("bytes", 4),
    ("p50", 3),
    ("p99", 0),
    ("p99.9", 5),
    ("max", 0),
];

/// The whole text.
pub(crate) fn table(report: &Report, columns: usize, paint: Paint) -> String {
    let mut text = head(report, columns);
    let mut first = 0;
    while let Some(row) = report.rows.get(first) {
        let same = |other: &&Row| other.keys == row.keys;
        let rows: Vec<&Row> = report.rows[first..].iter().take_while(same).collect();
        first += rows.len();
        let title = format!(
            "{} of {}",
            plural(row.keys, "key"),
            grouped(row.keys.saturating_mul(2))
        );
        text.push_str(&format!("\n{}\n", paint.strong(&title)));
        text.push_str(&section(&rows, columns));
        for row in rows {
            if let Some(why) = &row.skipped {
                let left_out = format!("{} was left out: {why}", row.way.label());
                text.push_str(&format!("{}\n", wrap(&left_out, columns, "  ")));
            }
        }
    }
    text.push('\n');
    for note in &report.notes {
        text.push_str(&format!("{}\n", wrap(note, columns, "")));
    }
    text
}

fn head(report: &Report, columns: usize) -> String {
    let whose = if report.server.own {
        "a private server, gone now"
    } else {
        "not a server of its own"
    };
    let median = match report.rounds {
        1 => String::new(),
        rounds => format!(" Each row is the median by wall of {rounds} rounds."),
    };
    let idle = report.idle;
    let text = format!(
        "{} {} ({whose}). p50 to max: what another client waited meanwhile, with one GET every {}, corrected for \
         coordinated omission; {NONE} is too few to tell. Alone it waited {}, p99 {}, p99.9 {}, max {}.{median}",
        report.server.product,
        report.server.version,
        wait(report.probe_interval_us),
        wait(idle.p50_us),
        wait(idle.p99_us),
        wait(idle.p999_us),
        wait(idle.max_us),
    );
    format!("{}\n", wrap(&text, columns, ""))
}

/// One size, in as many of the columns as fit.
fn section(rows: &[&Row], columns: usize) -> String {
    let mut kept: Vec<usize> = (0..COLUMNS.len()).collect();
    loop {
        let text = figures::table(&cells(rows, &kept));
        let width = text.lines().map(console::measure_text_width).max();
        let next = (kept.iter().copied())
            .filter(|column| COLUMNS[*column].1 > 0)
            .max_by_key(|column| COLUMNS[*column].1);
        match next {
            Some(next) if width.unwrap_or(0) > columns => kept.retain(|column| *column != next),
            Some(_) | None => return text,
        }
    }
}

fn cells(rows: &[&Row], kept: &[usize]) -> Vec<Vec<String>> {
    let mut cells = Vec::new();
    let mut job = None;
    for row in rows {
        if job != Some(row.job) {
            job = Some(row.job);
            let names = kept.iter().map(|column| COLUMNS[*column].0.to_owned());
            cells.push(
                std::iter::once(heading(row.job).to_owned())
                    .chain(names)
                    .collect(),
            );
        }
        let Some(found) = &row.found else {
            cells.push(vec![
                format!("  {}", row.way.label()),
                "left out".to_owned(),
            ]);
            continue;
        };
        let figures = line(found);
        cells.push(
            std::iter::once(name(row, found))
                .chain(kept.iter().map(|column| figures[*column].clone()))
                .collect(),
        );
    }
    cells
}

fn heading(job: BenchJob) -> &'static str {
    match job {
        BenchJob::Enumerate => "enumerate",
        BenchJob::Delete => "delete",
        BenchJob::Read => "read",
        BenchJob::Owner => "one owner",
    }
}

/// A part of a job must not be taken for the whole.
fn name(row: &Row, found: &Found) -> String {
    if row.job == BenchJob::Read && found.found < row.keys {
        format!("  {} *", row.way.label())
    } else {
        format!("  {}", row.way.label())
    }
}

fn line(found: &Found) -> [String; COLUMNS.len()] {
    let waits = found.wait;
    let enough = |needed: u64, micros: u64| {
        if waits.count >= needed {
            wait(micros)
        } else {
            NONE.to_owned()
        }
    };
    [
        wait(found.wall_us),
        grouped(found.commands),
        bytes(found.bytes_sent.saturating_add(found.bytes_received)),
        enough(1, waits.p50_us),
        enough(COUNT_FOR_P99, waits.p99_us),
        enough(COUNT_FOR_P999, waits.p999_us),
        enough(1, waits.max_us),
    ]
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::args::BenchJob;
    use crate::render::bench::{Found, Report, Row, Server, Wait, Way};
    use crate::render::paint::Paint;
    use keypace_lab::Timeline;

    fn found(found: u64, count: u64) -> Found {
        Found {
            found,
            wall_us: 12_345_678,
            commands: 200_143,
            bytes_sent: 9_000_000,
            bytes_received: 25_800_000,
            wait: Wait {
                count,
                p50_us: 31,
                p99_us: 2_470,
                p999_us: 612_000,
                max_us: 1_234_567,
            },
            timeline: Timeline::default(),
        }
    }

    fn report(count: u64) -> Report {
        let keys = 1_000_000;
        let mut rows: Vec<Row> = Way::of(BenchJob::Enumerate)
            .iter()
            .map(|way| Row::measured(BenchJob::Enumerate, *way, keys, found(keys, count)))
            .collect();
        let why = "the database holds 2,000,000 keys".to_owned();
        rows.push(Row::skipped(BenchJob::Delete, Way::DelGiant, keys, why));
        rows.push(Row::measured(
            BenchJob::Read,
            Way::GetEach,
            keys,
            found(100_000, count),
        ));
        Report {
            command: "bench",
            complete: true,
            server: Server {
                product: "Redis".to_owned(),
                version: "7.0.15".to_owned(),
                own: true,
            },
            budget_us: 1000,
            probe_interval_us: 100,
            rounds: 1,
            notes: vec!["a note that is long enough to be broken into several lines ".repeat(3)],
            idle: found(1, 9).wait,
            rows,
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_longest_wait_always_shows() {
        for columns in [50, 60, 72, 80, 100] {
            let text = table(&report(10_000), columns, Paint::stderr_plain());
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}\n{text}");
            }
            for part in ["wall", "p99", "max", "12.3 s", "1.2 s", "left out"] {
                assert!(text.contains(part), "{columns}: {part} is not in\n{text}");
            }
        }
    }

    #[test]
    fn eighty_columns_show_every_figure() {
        let text = table(&report(10_000), 80, Paint::stderr_plain());
        for part in [
            "1,000,000 keys of 2,000,000",
            "enumerate",
            "commands",
            "bytes",
            "p99.9",
            "34.8 MB",
            "612 ms",
            "one DEL was left out: the database holds 2,000,000 keys",
            "GET each *",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn percentiles_of_few_waits_are_not_shown() {
        let text = table(&report(7), 80, Paint::stderr_plain());
        let keys = text
            .lines()
            .find(|line| line.starts_with("  KEYS"))
            .expect("a row");
        let cells: Vec<&str> = keys.split_whitespace().collect();
        assert_eq!(
            cells,
            [
                "KEYS", "12.3", "s", "200,143", "34.8", "MB", "31", "us", "-", "-", "1.2", "s"
            ]
        );
    }
}
