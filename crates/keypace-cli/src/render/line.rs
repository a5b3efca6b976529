//! One line that says how a run stands, fitted to a width. Composes text; writes nothing.

use console::measure_text_width;
use keypace::{PauseReason, Progress};

use super::figures::{grouped, percent, span};
use super::nodes::Nodes;

/// The widest bar: more columns say no more.
const MAX_BAR_COLUMNS: usize = 30;
/// The narrowest bar that can be read.
const MIN_BAR_COLUMNS: usize = 8;
/// Between the parts of a line.
const GAP: &str = "  ";

/// What the run is about, so that the line counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Keys that match.
    Matches,
    /// Keys that are removed.
    Deletions,
    /// Keys that are brought back.
    Restores,
    /// Keys that are compared.
    Comparisons,
}

/// A file on its way into memory, before anything is asked of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Its path, as it was typed.
    pub(crate) file: &'a str,
    /// How much of it has been read, 0 to 1.
    pub(crate) share: f64,
    /// It is read a second time.
    pub(crate) is_again: bool,
}

impl Reading<'_> {
    /// As a bar of at most `columns` columns: what the person typed is known to them, so its end is enough.
    pub(super) fn bar(&self, columns: usize) -> String {
        let share = format!("{:>4}", percent(self.share));
        let again = if self.is_again { " again" } else { "" };
        let taken = share.len() + GAP.len() + "reading ".len() + again.len();
        let file = end_of(self.file, columns.saturating_sub(taken));
        let what = format!("reading {file}{again}");
        fitted(self.share, &[share, what], columns)
    }

    /// As a line of a log.
    pub(super) fn plain(&self) -> String {
        let again = if self.is_again { " again" } else { "" };
        format!("reading {}{again}: {}", self.file, percent(self.share))
    }
}

/// The last so many columns of a path.
fn end_of(path: &str, columns: usize) -> String {
    const CUT: &str = "...";
    if measure_text_width(path) <= columns {
        return path.to_owned();
    }
    let mut end = path;
    while !end.is_empty() && CUT.len() + measure_text_width(end) > columns {
        let mut rest = end.chars();
        rest.next();
        end = rest.as_str();
    }
    format!("{CUT}{end}")
}

/// The figures of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    share: f64,
    counted: String,
    failed: u64,
    keys_per_s: u64,
    eta_ms: Option<u64>,
    paused: Option<&'static str>,
    nodes: Nodes,
}

impl Standing {
    /// The figures that matter for what is watched.
    pub(super) fn of(progress: &Progress, watched: Watched) -> Self {
        Self {
            share: progress.share,
            counted: match watched {
                Watched::Comparisons => format!("{} keys seen", grouped(progress.matched)),
                Watched::Matches => format!("{} matched", grouped(progress.matched)),
                Watched::Deletions => format!("{} deleted", grouped(progress.deleted)),
                Watched::Restores => {
                    format!("{} restored", grouped(progress.restored.unwrap_or(0)))
                }
            },
            failed: progress.failed,
            keys_per_s: progress.keys_per_s,
            eta_ms: progress.eta_ms,
            paused: progress.paused_for.map(pause_text),
            nodes: Nodes::of(progress),
        }
    }

    /// The parts, the most telling first: what a narrow terminal has no room for is left out from the end.
    fn parts(&self) -> Vec<String> {
        let mut parts = vec![format!("{:>4}", percent(self.share)), self.counted.clone()];
        if self.failed > 0 {
            parts.push(format!("{} failed", grouped(self.failed)));
        }
        if let Some(paused) = self.paused {
            parts.push(format!("waiting: {paused}"));
        }
        if self.keys_per_s > 0 {
            parts.push(format!("{} keys/s", grouped(self.keys_per_s)));
        }
        if let Some(eta) = self.eta_ms.filter(|eta| *eta > 0) {
            // Tenths of a second would flicker.
            let whole = std::time::Duration::from_secs(eta.div_ceil(1000));
            parts.push(format!("{} left", span(whole).replace(".0 s", " s")));
        }
        parts
    }

    /// As a bar of at most `columns` columns, and a line for each of several nodes below it. `rows` are the terminal's.
    pub(super) fn bar(&self, columns: usize, rows: usize) -> String {
        let mut lines = vec![fitted(self.share, &self.parts(), columns)];
        lines.extend(self.nodes.lines(columns, rows));
        lines.join("\n")
    }

    /// As a line of a log.
    pub(super) fn plain(&self) -> String {
        let mut parts = self.parts();
        parts.extend(self.nodes.brief());
        parts.join(", ").trim_start().to_owned()
    }
}

/// As many of the parts as `columns` have room for, behind a bar where there is room for one.
fn fitted(share: f64, parts: &[String], columns: usize) -> String {
    let mut text = String::new();
    let mut width = 0;
    for part in parts {
        let gap = if text.is_empty() { "" } else { GAP };
        let with_part = width + gap.len() + measure_text_width(part);
        if with_part > columns {
            break;
        }
        text.push_str(gap);
        text.push_str(part);
        width = with_part;
    }
    // Brackets and a gap.
    let room = columns.saturating_sub(width + 4).min(MAX_BAR_COLUMNS);
    if room < MIN_BAR_COLUMNS {
        return text;
    }
    format!("[{}]{GAP}{text}", gauge(share, room))
}

/// `####>-----`, `columns` wide.
fn gauge(share: f64, columns: usize) -> String {
    let done = (0..columns)
        .take_while(|column| (*column as f64 + 1.0) / columns as f64 <= share)
        .count();
    let mut text = "#".repeat(done);
    if done < columns {
        text.push('>');
        text.push_str(&"-".repeat(columns - done - 1));
    }
    text
}

fn pause_text(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Latency => "other clients first",
        PauseReason::Others => "other clients keep the server busy",
        PauseReason::Replica => "a replica lags",
        PauseReason::Memory => "memory is short",
        PauseReason::Lazyfree => "the server is freeing",
        PauseReason::Rate => "--rate",
        PauseReason::Saving => "a save runs, and idle times stand still",
        PauseReason::Server => "the server can't answer",
        _ => "paused",
    }
}

#[cfg(test)]
mod tests {
    use super::{Nodes, Reading, Standing, gauge};

    fn standing() -> Standing {
        Standing {
            share: 0.42,
            counted: "84,000 deleted".to_owned(),
            failed: 3,
            keys_per_s: 45_000,
            eta_ms: Some(2_400),
            paused: Some("a replica lags"),
            nodes: Nodes::default(),
        }
    }

    #[test]
    fn a_line_never_passes_its_columns_and_keeps_the_share() {
        for columns in 4..200 {
            let text = standing().bar(columns, 24);
            assert!(text.len() <= columns, "{columns}: {text}");
            assert!(text.contains("42 %"), "{columns}: {text}");
        }
    }

    #[test]
    fn eighty_columns_show_everything() {
        let text = Standing {
            failed: 0,
            ..standing()
        }
        .bar(80, 24);
        for part in [
            "84,000 deleted",
            "a replica lags",
            "45,000 keys/s",
            "3 s left",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let text = Standing {
            failed: 0,
            paused: None,
            ..standing()
        }
        .bar(80, 24);
        assert_eq!(
            text,
            "[############>-----------------]  42 %  84,000 deleted  45,000 keys/s  3 s left"
        );
    }

    #[test]
    fn a_file_that_is_read_is_named_by_its_end() {
        let reading = Reading {
            file: "/backups/of/2026/sessions-\u{e4}.kpb",
            share: 0.4,
            is_again: false,
        };
        assert_eq!(
            reading.bar(79),
            "[############>-----------------]  40 %  reading /backups/of/2026/sessions-\u{e4}.kpb"
        );
        assert_eq!(
            reading.bar(45),
            "40 %  reading /backups/of/2026/sessions-\u{e4}.kpb"
        );
        assert_eq!(reading.bar(30), "40 %  reading ...essions-\u{e4}.kpb");
        for columns in 6..100 {
            let again = Reading {
                is_again: true,
                ..reading
            };
            for text in [reading.bar(columns), again.bar(columns)] {
                let width = console::measure_text_width(&text);
                assert!(
                    width <= columns && text.contains("40 %"),
                    "{columns}: {text}"
                );
            }
        }
        assert_eq!(
            reading.plain(),
            "reading /backups/of/2026/sessions-\u{e4}.kpb: 40 %"
        );
    }

    #[test]
    fn the_gauge_is_full_only_at_the_end() {
        assert_eq!(gauge(0.0, 10), ">---------");
        assert_eq!(gauge(0.99, 10), "#########>");
        assert_eq!(gauge(1.0, 10), "##########");
        assert_eq!(gauge(f64::NAN, 3), ">--");
    }

    #[test]
    fn plain_says_the_same_in_words() {
        assert_eq!(
            standing().plain(),
            "42 %, 84,000 deleted, 3 failed, waiting: a replica lags, 45,000 keys/s, 3 s left"
        );
    }
}
