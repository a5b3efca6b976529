//! The findings as an SVG picture: what another client waited against time, a panel a job, a line a way. Readable on
//! light and on dark: nothing behind the lines, and colours of middling lightness. Pure text; writes no file.

use std::fmt::Write as _;

use super::panel::Panel;
use super::report::{Report, Way};
use crate::args::BenchJob;
use crate::render::figures::wait;

/// As wide as a README.
pub(super) const WIDTH: f64 = 860.0;
pub(super) const LEFT: f64 = 64.0;
/// Room for the labels of lines that reach the end.
pub(super) const RIGHT: f64 = 136.0;
pub(super) const HEAD: f64 = 52.0;
pub(super) const PANEL_HEAD: f64 = 34.0;
pub(super) const PLOT: f64 = 250.0;
pub(super) const PANEL_FOOT: f64 = 58.0;
/// On white and on a dark page alike these have a contrast of 3 and more.
pub(super) const INK: &str = "#768390";

/// The picture: the largest size that was measured, listing above deleting.
pub(crate) fn picture(report: &Report) -> String {
    let panels: Vec<Panel> = [BenchJob::Enumerate, BenchJob::Delete]
        .into_iter()
        .filter_map(|job| Panel::of(report, job))
        .collect();
    let height = HEAD + panels.len() as f64 * (PANEL_HEAD + PLOT + PANEL_FOOT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\" \
         font-size=\"12\" fill=\"{INK}\">\n<title>What another client waits while keys are listed and deleted</title>\n"
    );
    text(
        &mut svg,
        (LEFT, 20.0),
        "font-size=\"16\" font-weight=\"600\"",
        "What another client of the server waits",
    );
    text(
        &mut svg,
        (LEFT, 40.0),
        "",
        &format!(
            "{} {}; it sends one GET every {}; lower is better, and so is a line that ends early",
            report.server.product,
            report.server.version,
            wait(report.probe_interval_us)
        ),
    );
    let mut top = HEAD;
    for panel in &panels {
        panel.draw(&mut svg, top + PANEL_HEAD, report);
        top += PANEL_HEAD + PLOT + PANEL_FOOT;
    }
    svg.push_str("</svg>\n");
    svg
}

/// What keypace promises: its budget above what an idle server's clients wait.
pub(super) fn promise_us(report: &Report) -> f64 {
    report.idle.p99_us.saturating_add(report.budget_us) as f64
}

/// A colour for each way, the same in both panels; what stalls the server is red.
pub(super) fn colour(way: Way) -> &'static str {
    match way {
        Way::Adaptive => "#2f81f7",
        Way::AdaptiveOff => "#1a9e8f",
        Way::Keys | Way::DelGiant => "#e5484d",
        Way::UnlinkGiant => "#d9730d",
        Way::Scan10 => "#8b949e",
        Way::Scan100 => "#b08800",
        Way::Scan1000 | Way::Batches500 => "#a371f7",
        Way::Scan10000 => "#db61a2",
        Way::GetEach | Way::MgetAll | Way::MgetChunks => INK,
        Way::KeysGet | Way::ScanGet | Way::ScanMget | Way::SmembersGet => INK,
        Way::IndexPage | Way::IndexList => INK,
    }
}

/// A decade of microseconds: `10 us`, `1 ms`, `1 s`.
pub(super) fn decade(micros: f64) -> String {
    if micros < 1e3 {
        format!("{micros:.0} us")
    } else if micros < 1e6 {
        format!("{:.0} ms", micros / 1e3)
    } else {
        format!("{:.0} s", micros / 1e6)
    }
}

/// The unit of an axis, the same for all of its marks.
#[derive(Clone, Copy)]
pub(super) enum TimeUnit {
    S,
    Ms,
}

impl TimeUnit {
    pub(super) fn for_end(seconds: f64) -> Self {
        if seconds < 1.0 { Self::Ms } else { Self::S }
    }

    pub(super) fn show(self, seconds: f64) -> String {
        let (number, unit) = match self {
            Self::S => (seconds, "s"),
            Self::Ms => (seconds * 1e3, "ms"),
        };
        // At most two decimals, and none that says nothing.
        let text = format!("{number:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text} {unit}")
    }
}

/// Words at a place.
pub(super) fn text(svg: &mut String, at: (f64, f64), attributes: &str, words: &str) {
    let words = words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" {attributes}>{words}</text>",
        at.0, at.1
    );
}

#[cfg(test)]
mod tests {
    use super::{TimeUnit, decade, picture, text};
    use crate::args::BenchJob;
    use crate::render::bench::{Found, Report, Row, Server, Wait, Way};
    use keypace_lab::Timeline;

    fn report(rows: Vec<Row>) -> Report {
        Report {
            command: "bench",
            complete: true,
            server: Server {
                product: "Redis".to_owned(),
                version: "<7>".to_owned(),
                own: true,
            },
            budget_us: 1000,
            probe_interval_us: 100,
            rounds: 1,
            notes: Vec::new(),
            idle: Wait::default(),
            rows,
        }
    }

    #[test]
    fn nothing_measured_is_still_a_picture() {
        let why = "no reason".to_owned();
        let rows = vec![Row::skipped(BenchJob::Enumerate, Way::Keys, 100, why)];
        let svg = picture(&report(rows));
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
        assert!(
            svg.contains("&lt;7&gt;") && !svg.contains("class=\"way\""),
            "{svg}"
        );
    }

    #[test]
    fn a_way_that_the_probe_never_saw_has_a_label_and_no_nonsense() {
        let found = Found {
            found: 100,
            wall_us: 60,
            commands: 1,
            bytes_sent: 1,
            bytes_received: 1,
            wait: Wait::default(),
            timeline: Timeline::default(),
        };
        let rows = vec![Row::measured(BenchJob::Enumerate, Way::Keys, 100, found)];
        let svg = picture(&report(rows));
        assert!(svg.contains(">KEYS</text>"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn marks_have_units() {
        assert_eq!(
            [10.0, 1e3, 1e5, 1e6].map(decade),
            ["10 us", "1 ms", "100 ms", "1 s"]
        );
        assert_eq!(TimeUnit::for_end(0.5).show(0.25), "250 ms");
        assert_eq!(TimeUnit::for_end(2.5).show(0.5), "0.5 s");
        assert_eq!(TimeUnit::S.show(0.0), "0 s");
        let mut svg = String::new();
        text(&mut svg, (1.0, 2.0), "", "a < b & c");
        assert!(svg.contains("a &lt; b &amp; c"));
    }
}
