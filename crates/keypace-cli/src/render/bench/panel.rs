//! One panel of the picture: a job's lines with their axes, the promise and the labels. Pure text.

use std::fmt::Write as _;

use super::curve::{Point, line, peak};
use super::labels::{At, Field, Place};
use super::picture::{INK, LEFT, PLOT, RIGHT, TimeUnit, WIDTH, colour, decade, promise_us, text};
use super::report::{Report, Row, Way};
use super::scale::{LinearScale, LogScale};
use crate::args::BenchJob;
use crate::render::figures::grouped;

/// A point every few units: more are noise, fewer lose a stall.
const POINTS: usize = 110;
const X_TICKS: u32 = 6;
/// A line that is this much longer than all others would squeeze them: it is cut, and its label says where it ends.
const CUT_FROM: f64 = 2.0;
/// The others end here then.
const CUT_AT: f64 = 1.12;
/// A label this far from its line needs a hand that points at it.
const HAND_FROM: f64 = 10.0;

/// One job.
pub(super) struct Panel<'a> {
    job: BenchJob,
    keys: u64,
    curves: Vec<Curve<'a>>,
    x: LinearScale,
    y: LogScale,
}

/// One way.
struct Curve<'a> {
    row: &'a Row,
    points: Vec<Point>,
    wall_s: f64,
    /// Where its label belongs: at the shoulder of a stall, else where the line settles.
    anchor: Point,
    /// Where it ends in the picture, unless it is a stall, which speaks for itself.
    end: Option<Point>,
    is_cut: bool,
}

impl<'a> Panel<'a> {
    /// The largest size of a job, unless nothing of it was measured.
    pub(super) fn of(report: &'a Report, job: BenchJob) -> Option<Self> {
        let measured = || {
            report
                .rows
                .iter()
                .filter(move |row| row.job == job && row.found.is_some())
        };
        let keys = measured().map(|row| row.keys).max()?;
        let rows: Vec<&Row> = measured().filter(|row| row.keys == keys).collect();
        let end_s = shown_seconds(rows.iter().map(|row| wall_s(row)).collect());
        let curves: Vec<Curve> = rows.into_iter().map(|row| Curve::of(row, end_s)).collect();
        let idle = [report.idle.p50_us as f64, promise_us(report)];
        let y = LogScale::around(
            (curves.iter().flat_map(|curve| &curve.points))
                .map(|point| point.1)
                .chain(idle),
        );
        Some(Self {
            job,
            keys,
            curves,
            x: LinearScale::to(end_s),
            y,
        })
    }

    pub(super) fn draw(&self, svg: &mut String, top: f64, report: &Report) {
        let what = match self.job {
            BenchJob::Enumerate => "listed",
            BenchJob::Delete => "deleted",
            BenchJob::Read => "read",
            BenchJob::Owner => "searched",
        };
        let title = format!(
            "while {} of {} keys are {what}",
            grouped(self.keys),
            grouped(self.keys.saturating_mul(2))
        );
        text(
            svg,
            (LEFT, top - 12.0),
            "font-size=\"13\" font-weight=\"600\"",
            &title,
        );
        self.axes(svg, top);
        self.promise(svg, top, report);
        for curve in &self.curves {
            self.line(svg, top, curve);
        }
        self.labels(svg, top, report);
    }

    fn axes(&self, svg: &mut String, top: f64) {
        let end = WIDTH - RIGHT;
        for tick in self.y.ticks() {
            let y = top + self.y_of(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{end}\" stroke=\"{INK}\" stroke-opacity=\"0.28\"/>"
            );
            text(
                svg,
                (LEFT - 8.0, y + 4.0),
                "text-anchor=\"end\"",
                &decade(tick),
            );
        }
        let unit = TimeUnit::for_end(self.x.end());
        let bottom = top + PLOT;
        for tick in self.x.ticks(X_TICKS) {
            let x = self.x_of(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {bottom}v5\" stroke=\"{INK}\" stroke-opacity=\"0.6\"/>"
            );
            text(
                svg,
                (x, bottom + 19.0),
                "text-anchor=\"middle\"",
                &unit.show(tick),
            );
        }
        let caption = "font-size=\"11\" text-anchor=\"end\"";
        text(
            svg,
            (end, bottom + 36.0),
            caption,
            "time since the work began",
        );
    }

    /// What keypace has promised: its budget above what the idle server's clients wait.
    fn promise(&self, svg: &mut String, top: f64, report: &Report) {
        let y = top + self.y_of(promise_us(report));
        let end = WIDTH - RIGHT;
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{end}\" stroke=\"{}\" stroke-dasharray=\"5 4\" stroke-opacity=\"0.8\"/>",
            colour(Way::Adaptive)
        );
        let label = format!(
            "idle p99 + {}",
            TimeUnit::Ms.show(report.budget_us as f64 / 1e6)
        );
        text(
            svg,
            (WIDTH - 4.0, y + 4.0),
            "text-anchor=\"end\" font-size=\"11\"",
            &label,
        );
    }

    fn line(&self, svg: &mut String, top: f64, curve: &Curve) {
        let mut path = String::new();
        for (at, point) in curve.points.iter().enumerate() {
            let verb = if at == 0 { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{verb}{:.1} {:.1}",
                self.x_of(point.0),
                top + self.y_of(point.1)
            );
        }
        // A single point is drawn as a dot by its round cap.
        if curve.points.len() == 1 {
            path.push_str("h0.1");
        }
        let is_ours = matches!(curve.row.way, Way::Adaptive | Way::AdaptiveOff);
        let _ = writeln!(
            svg,
            "<path class=\"way\" d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
             stroke-linejoin=\"round\" stroke-linecap=\"round\"/>",
            colour(curve.row.way),
            if is_ours { 2.6 } else { 1.5 }
        );
    }

    /// Each at the end of its line or near it, none on another, and as few as can be on lines.
    fn labels(&self, svg: &mut String, top: f64, report: &Report) {
        let lines: Vec<Vec<At>> = self
            .curves
            .iter()
            .map(|curve| curve.points.iter().map(|point| self.at(*point)).collect())
            .collect();
        let field = Field {
            right: WIDTH - 2.0,
            bottom: PLOT,
            lines: &lines,
        };
        // The promise's own label stands where it must.
        let mut taken = vec![Place {
            left: WIDTH - RIGHT + 2.0,
            right: WIDTH,
            y: self.y_of(promise_us(report)),
        }];
        for curve in &self.curves {
            let words = curve.label();
            let ink = colour(curve.row.way);
            let anchor = self.at(curve.anchor);
            let place = field.place(anchor, words.chars().count(), &taken);
            if let Some(end) = curve.end.map(|end| self.at(end)) {
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{ink}\"/>",
                    end.0,
                    top + end.1
                );
                if (place.y - end.1).abs() >= HAND_FROM {
                    let _ = writeln!(
                        svg,
                        "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{ink}\" stroke-opacity=\"0.7\"/>",
                        end.0,
                        top + end.1,
                        place.left - 2.0,
                        top + place.y
                    );
                }
            }
            text(
                svg,
                (place.left, top + place.y + 4.0),
                &format!("fill=\"{ink}\" font-weight=\"600\" class=\"label\""),
                &words,
            );
            taken.push(place);
        }
    }

    fn at(&self, point: Point) -> At {
        (self.x_of(point.0), self.y_of(point.1))
    }

    fn x_of(&self, seconds: f64) -> f64 {
        LEFT + self.x.place(seconds) * (WIDTH - RIGHT - LEFT)
    }

    fn y_of(&self, micros: f64) -> f64 {
        (1.0 - self.y.place(micros)) * PLOT
    }
}

impl<'a> Curve<'a> {
    fn of(row: &'a Row, end_s: f64) -> Self {
        let wall_s = wall_s(row);
        let points = row
            .found
            .as_ref()
            .map(|found| line(&found.timeline, end_s.min(wall_s), POINTS))
            .unwrap_or_default();
        let is_stall = matches!(row.way, Way::Keys | Way::DelGiant | Way::UnlinkGiant);
        let peak = (row.found.as_ref()).and_then(|found| peak(&found.timeline));
        let (anchor, end) = match (is_stall, peak) {
            (true, Some((begin_s, longest))) => {
                let over_s = (begin_s + longest / 1e6).min(end_s);
                ((over_s, longest / 2.0), None)
            }
            _ => {
                let last = points.last().copied().filter(|_| wall_s <= end_s);
                ((wall_s.min(end_s), settled(&points)), last)
            }
        };
        Self {
            row,
            points,
            wall_s,
            anchor,
            end,
            is_cut: wall_s > end_s,
        }
    }

    fn label(&self) -> String {
        if self.is_cut {
            format!(
                "{} to {}",
                self.row.way.label(),
                TimeUnit::S.show(self.wall_s)
            )
        } else {
            self.row.way.label().to_owned()
        }
    }
}

/// Where a line runs at its end: the median of its last part, as a last point may be a hiccup.
fn settled(points: &[Point]) -> f64 {
    let last = points.len() - points.len().div_ceil(5).min(points.len());
    let mut waits: Vec<f64> = points[last..].iter().map(|point| point.1).collect();
    waits.sort_by(f64::total_cmp);
    waits.get(waits.len() / 2).copied().unwrap_or(0.0)
}

fn wall_s(row: &Row) -> f64 {
    row.found
        .as_ref()
        .map_or(0.0, |found| found.wall_us as f64 / 1e6)
}

/// How much of the time is shown: all of it, unless one line is far longer than the others.
fn shown_seconds(mut walls: Vec<f64>) -> f64 {
    walls.sort_by(|a, b| b.total_cmp(a));
    match walls.as_slice() {
        [longest, next, ..] if *next > 0.0 && *longest > next * CUT_FROM => next * CUT_AT,
        [longest, ..] => *longest,
        [] => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{settled, shown_seconds};

    #[test]
    fn one_long_line_does_not_squeeze_the_others() {
        assert_eq!(shown_seconds(vec![]), 0.0);
        assert_eq!(shown_seconds(vec![3.0]), 3.0);
        assert_eq!(shown_seconds(vec![1.0, 1.9]), 1.9);
        assert!((shown_seconds(vec![8.0, 0.2, 1.0]) - 1.12).abs() < 1e-9);
    }

    #[test]
    fn a_line_settles_at_the_median_of_its_end() {
        assert_eq!(settled(&[]), 0.0);
        assert_eq!(settled(&[(0.0, 9.0), (1.0, 3.0)]), 3.0);
        let mut points = vec![(0.0, 50.0); 17];
        points.extend([(1.0, 20.0), (1.1, 900.0), (1.2, 21.0)]);
        assert_eq!(settled(&points), 50.0);
    }
}
