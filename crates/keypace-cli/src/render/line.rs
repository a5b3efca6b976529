//! One line that says how a run stands, fitted to a width. Composes text; writes nothing.

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
        let mut lines = vec![self.total(columns)];
        lines.extend(self.nodes.lines(columns, rows));
        lines.join("\n")
    }

    fn total(&self, columns: usize) -> String {
        let mut text = String::new();
        for part in self.parts() {
            let gap = if text.is_empty() { "" } else { GAP };
            if text.len() + gap.len() + part.len() > columns {
                break;
            }
            text.push_str(gap);
            text.push_str(&part);
        }
        // Brackets and a gap.
        let room = columns.saturating_sub(text.len() + 4).min(MAX_BAR_COLUMNS);
        if room < MIN_BAR_COLUMNS {
            return text;
        }
        format!("[{}]{GAP}{text}", gauge(self.share, room))
    }

    /// As a line of a log.
    pub(super) fn plain(&self) -> String {
        let mut parts = self.parts();
        parts.extend(self.nodes.brief());
        parts.join(", ").trim_start().to_owned()
    }
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
    use super::{Nodes, Standing, gauge};

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
