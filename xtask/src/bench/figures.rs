//! What the benchmarks found, as it is kept: rows with their rounds, verdicts, ratios and counts.
//! Must not hold a verdict without its figure and its limit.

use serde_json::{Map, Value, json};

/// One row of a group.
#[derive(Debug, Default)]
pub(crate) struct Row {
    name: String,
    fields: Map<String, Value>,
    rounds: Vec<Value>,
    verdicts: Vec<Value>,
    ratios: Vec<Value>,
    counts: Map<String, Value>,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// What the row is about, beside its name.
    pub(crate) fn with_field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// What was measured, an object for each round.
    pub(crate) fn with_rounds(mut self, rounds: Vec<Value>) -> Self {
        self.rounds = rounds;
        self
    }

    /// What was measured.
    pub(crate) fn rounds(&self) -> &[Value] {
        &self.rounds
    }

    pub(crate) fn with_verdict(mut self, verdict: Verdict) -> Self {
        self.verdicts.push(verdict.into_json());
        self
    }

    /// Walls in milliseconds of two variants that alternated, and what they are compared as.
    pub(crate) fn with_ratio(self, name: &str, ours_ms: &[f64], base_ms: &[f64]) -> Self {
        self.with_sides(name, ["ours_ms", "base_ms"], [ours_ms, base_ms])
    }

    /// The same of a probe's waits, in microseconds.
    pub(crate) fn with_wait_ratio(self, name: &str, ours_us: &[f64], base_us: &[f64]) -> Self {
        self.with_sides(name, ["ours_us", "base_us"], [ours_us, base_us])
    }

    fn with_sides(mut self, name: &str, fields: [&str; 2], [ours, base]: [&[f64]; 2]) -> Self {
        let [ours_field, base_field] = fields;
        self.ratios.push(json!({
            "ratio": name, ours_field: rounded(ours), base_field: rounded(base),
            "of_medians": round(median(ours) / median(base), 1000.0),
            "of_bests": round(best(ours) / best(base), 1000.0),
        }));
        self
    }

    /// A number of commands or bytes, which only a change of the program moves.
    pub(crate) fn with_count(mut self, name: &str, count: u64) -> Self {
        self.counts.insert(name.to_owned(), count.into());
        self
    }

    /// The row with all its rounds. Parts that it doesn't have are left out.
    pub(crate) fn into_json(self) -> Value {
        let mut row = json!({ "row": self.name });
        for (name, value) in self.fields {
            row[name] = value;
        }
        let lists = [
            ("rounds", self.rounds),
            ("verdicts", self.verdicts),
            ("ratios", self.ratios),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                row[name] = list.into();
            }
        }
        if !self.counts.is_empty() {
            row["counts"] = self.counts.into();
        }
        row
    }
}

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microseconds,
    Milliseconds,
    Bytes,
    Times,
    Count,
    /// 1 for yes, 0 for no.
    Yes,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Bytes => "bytes",
            Self::Times => "times",
            Self::Count => "count",
            Self::Yes => "yes",
        }
    }
}

/// On which side of its limit a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    AtMost,
    Below,
    AtLeast,
}

/// A figure held against its limit.
#[derive(Debug)]
pub(crate) struct Verdict {
    what: String,
    unit: Unit,
    side: Side,
    limit: f64,
    /// The figure, or why there is none.
    value: Result<f64, String>,
}

impl Verdict {
    pub(crate) fn at_most(what: impl Into<String>, value: f64, limit: f64, unit: Unit) -> Self {
        Self::on(Side::AtMost, what, value, limit, unit)
    }

    pub(crate) fn below(what: impl Into<String>, value: f64, limit: f64, unit: Unit) -> Self {
        Self::on(Side::Below, what, value, limit, unit)
    }

    pub(crate) fn at_least(what: impl Into<String>, value: f64, limit: f64, unit: Unit) -> Self {
        Self::on(Side::AtLeast, what, value, limit, unit)
    }

    /// Something that must hold.
    pub(crate) fn yes(what: impl Into<String>, holds: bool) -> Self {
        Self::on(
            Side::AtLeast,
            what,
            f64::from(u8::from(holds)),
            1.0,
            Unit::Yes,
        )
    }

    /// Nothing was measured, for this reason. That is no pass.
    pub(crate) fn not_run(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            value: Err(why.into()),
            ..Self::on(Side::AtMost, what, f64::NAN, f64::NAN, Unit::Yes)
        }
    }

    fn on(side: Side, what: impl Into<String>, value: f64, limit: f64, unit: Unit) -> Self {
        Self {
            what: what.into(),
            unit,
            side,
            limit,
            value: Ok(value),
        }
    }

    fn is_met(&self, value: f64) -> bool {
        // A figure that is no number is on no side.
        match self.side {
            Side::AtMost => value <= self.limit,
            Side::Below => value < self.limit,
            Side::AtLeast => value >= self.limit,
        }
    }

    fn into_json(self) -> Value {
        let value = match &self.value {
            Ok(value) => *value,
            Err(why) => return json!({ "what": self.what, "outcome": "not run", "why": why }),
        };
        let side = match self.side {
            Side::AtMost => "at most",
            Side::Below => "below",
            Side::AtLeast => "at least",
        };
        json!({
            "what": self.what, "value": round(value, 1000.0), "unit": self.unit.name(),
            "side": side, "limit": self.limit,
            "outcome": if self.is_met(value) { "met" } else { "missed" },
        })
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The shortest.
pub(crate) fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

/// `field` of each of these objects, where it is a number.
pub(crate) fn column(rounds: &[Value], field: &str) -> Vec<f64> {
    let numbers = rounds.iter().filter_map(|round| round[field].as_f64());
    numbers.collect()
}

fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| round(*value, 10.0)).collect()
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::Row;
    use super::Unit;
    use super::Verdict;
    use super::best;
    use super::median;
    use serde_json::json;

    #[test]
    fn the_median_is_in_the_middle_and_the_best_is_the_shortest() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!((best(&[3.0, 1.0, 2.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan() && best(&[]).is_nan());
    }

    #[test]
    fn limits_decide() {
        let outcome = |verdict: Verdict| verdict.into_json()["outcome"].clone();
        let us = Unit::Microseconds;
        assert_eq!(outcome(Verdict::at_most("a", 10.0, 10.0, us)), "met");
        assert_eq!(outcome(Verdict::at_most("a", 10.1, 10.0, us)), "missed");
        assert_eq!(outcome(Verdict::below("a", 10.0, 10.0, us)), "missed");
        assert_eq!(outcome(Verdict::at_least("a", 3.0, 3.0, us)), "met");
        assert_eq!(outcome(Verdict::yes("a", false)), "missed");
    }

    #[test]
    fn what_was_not_measured_is_never_met() {
        let nothing = median(&[]);
        for verdict in [
            Verdict::at_most("a", nothing, 1.0, Unit::Times),
            Verdict::at_least("a", nothing, 1.0, Unit::Times),
        ] {
            assert_eq!(verdict.into_json()["outcome"], "missed");
        }
        let not_run = Verdict::not_run("a", "no such program").into_json();
        assert_eq!(
            not_run,
            json!({ "what": "a", "outcome": "not run", "why": "no such program" })
        );
    }

    #[test]
    fn a_row_leaves_out_what_it_does_not_have() {
        let row = Row::new("a")
            .with_field("keys", 5)
            .with_count("commands", 2);
        assert_eq!(
            row.into_json(),
            json!({ "row": "a", "keys": 5, "counts": { "commands": 2 } })
        );
        let row = Row::new("b").with_ratio("x / y", &[2.0, 9.0, 3.0], &[2.0, 2.0, 1.0]);
        let ratio = &row.into_json()["ratios"][0];
        assert_eq!(
            (&ratio["of_medians"], &ratio["of_bests"]),
            (&json!(1.5), &json!(2.0))
        );
    }
}
