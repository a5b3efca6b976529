//! A second client saturates the server half-way through a delete: how fast keypace gives way, and comes back.
//! Must not take keypace's word for it: what it removes is read off the server's own count of keys.

use std::time::{Duration, Instant};

use keypace_lab::{Endpoint, Raw, Saturate};
use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, column, median};
use super::ground::{self, Ground};
use super::process;
use super::promise::MILLISECOND;
use super::rounds;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};

/// How much larger than the others' the keyspace is: the run has to last through the load, with seconds to both sides.
const KEYS_TIMES: u64 = 3;
/// How often keys are counted: a tenth of what is judged, and no load by itself.
const SAMPLE_PAUSE: Duration = Duration::from_millis(20);
/// Enough to fill the server's core, with batches waiting at any time.
const LOAD_CONNECTIONS: usize = 8;
const LOAD_SECONDS: f64 = 3.0;
/// The load begins when a third is gone: a steady pace was found by then, and two thirds are left for after.
const LOAD_AFTER_SHARE: f64 = 1.0 / 3.0;
/// The pace before is that of the last second.
const BEFORE_SECONDS: f64 = 1.0;
/// A pace is back when it has been for this long; what one sample holds may be one batch.
const BACK_SECONDS: f64 = 0.2;
const BACK_SHARE: f64 = 0.8;
const YIELD_LIMIT_MS: f64 = 200.0;
/// Sharing alone leaves a third to a half of the pace (the row with `--budget off`); who keeps a quarter has yielded.
const YIELD_SHARE: f64 = 0.25;
const BACK_LIMIT_MS: f64 = 2000.0;

/// Keys that are left, and when that was, in seconds from the start.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: f64,
    left: f64,
}

/// One run: what was counted, and when the load was there.
#[derive(Debug, Default)]
struct Run {
    samples: Vec<Sample>,
    load_from: f64,
    load_to: f64,
    load_per_s: f64,
}

/// What one run shows. A pace that never fell or never came back has the whole time that it had for it.
#[derive(Debug, PartialEq)]
struct Yielded {
    before: f64,
    during: f64,
    after: f64,
    to_half_ms: f64,
    to_tenth_ms: f64,
    back_ms: f64,
}

/// A row for the promised budget, and one at full speed: what fair sharing alone would take away.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let keys = setting.keys * KEYS_TIMES;
    let mut ground = Ground::start(setting.program, keys, 0)?;
    let budgets = [MILLISECOND.text, "off"];
    let seen = rounds::alternate("yield", setting.rounds, &budgets, |budget| {
        ground.refill()?;
        let run = run(setting, &ground, budget)?;
        Ok(run.yielded()?.to_json(run.load_per_s))
    })?;
    ground.stop()?;
    let mut rows = budgets.iter().zip(seen).map(|(budget, rounds)| {
        Row::new(format!("delete --budget {budget} under load"))
            .with_field("keys", keys)
            .with_rounds(rounds)
    });
    let paced = rows.next().map(|row| {
        let of = |field: &str| median(&column(row.rounds(), field));
        let (fell, back) = (of("to_half_ms"), of("back_ms"));
        let left = of("during_keys_per_s") / of("before_keys_per_s");
        let ms = Unit::Milliseconds;
        row.with_verdict(Verdict::at_most(
            "below a half of its pace after",
            fell,
            YIELD_LIMIT_MS,
            ms,
        ))
        .with_verdict(Verdict::at_most(
            "pace from 200 ms on, of that before",
            left,
            YIELD_SHARE,
            Unit::Times,
        ))
        .with_verdict(Verdict::at_most(
            "back at 80 % after",
            back,
            BACK_LIMIT_MS,
            ms,
        ))
    });
    Ok(paced.into_iter().chain(rows).collect())
}

fn run(setting: &Setting<'_>, ground: &Ground, budget: &str) -> Outcome<Run> {
    let mut raw = Raw::connect(ground.endpoint())?;
    let begun = Instant::now();
    let mut load = Load::NotYet;
    let mut run = Run::default();
    let load_below = ground.matching() as f64 * (1.0 - LOAD_AFTER_SHARE);
    let command = setting.delete(&ground.url(), budget);
    // Incomplete is no failure here: the pace is what counts, and a run under load may give something up.
    process::watched(command, &[0, 1], SAMPLE_PAUSE, |_| {
        let left = ground::size(&mut raw)? as f64;
        let at = begun.elapsed().as_secs_f64();
        run.samples.push(Sample { at, left });
        load.step(at, left < load_below, ground.endpoint(), &mut run)
    })?;
    match load {
        Load::Over => Ok(run),
        Load::NotYet | Load::On(_) => Err(Failure::new(format!(
            "the delete of {} keys ended before the load did: it takes more keys to see it give way",
            ground.matching()
        ))),
    }
}

enum Load {
    NotYet,
    On(Saturate),
    Over,
}

impl Load {
    /// Begins it when it is due, and ends it when it has lasted.
    fn step(&mut self, at: f64, is_due: bool, endpoint: &Endpoint, run: &mut Run) -> Outcome {
        match std::mem::replace(self, Self::Over) {
            Self::NotYet if is_due => {
                *self = Self::On(Saturate::start(endpoint, LOAD_CONNECTIONS)?);
                run.load_from = at;
            }
            Self::On(load) if at >= run.load_from + LOAD_SECONDS => {
                let seconds = at - run.load_from;
                run.load_per_s = load.stop()? as f64 / seconds;
                run.load_to = at;
            }
            other => *self = other,
        }
        Ok(())
    }
}

impl Run {
    fn yielded(&self) -> Outcome<Yielded> {
        let rate = |from: f64, to: f64| {
            rate(&self.samples, from, to).ok_or_else(|| {
                Failure::new(format!(
                    "no keys were counted from {from:.2} s to {to:.2} s"
                ))
            })
        };
        let settled_from = self.load_from + YIELD_LIMIT_MS / 1000.0;
        let end = self.samples.last().map_or(self.load_to, |sample| sample.at);
        let before = rate(self.load_from - BEFORE_SECONDS, self.load_from)?;
        let back = self.back_at(before * BACK_SHARE).unwrap_or(end);
        let fell = |share: f64| {
            let at = self.fell_at(before * share).unwrap_or(self.load_to);
            (at - self.load_from) * 1000.0
        };
        Ok(Yielded {
            before,
            during: rate(settled_from, self.load_to)?,
            after: rate(back, end).unwrap_or(0.0),
            to_half_ms: fell(0.5),
            to_tenth_ms: fell(0.1),
            back_ms: (back - self.load_to) * 1000.0,
        })
    }

    /// The end of the first of two intervals in a row, within the load, in which fewer keys went than `keys_per_s`.
    fn fell_at(&self, keys_per_s: f64) -> Option<f64> {
        let is_slow = |pair: &[Sample]| between(pair[0], pair[1]) < keys_per_s;
        let within: Vec<Sample> = self
            .samples
            .iter()
            .copied()
            .filter(|sample| self.is_loaded(sample))
            .collect();
        let found = within
            .windows(3)
            .find(|three| is_slow(&three[..2]) && is_slow(&three[1..]));
        found.map(|three| three[1].at)
    }

    /// The end of the first stretch after the load in which keys went at `keys_per_s`.
    fn back_at(&self, keys_per_s: f64) -> Option<f64> {
        let after = self
            .samples
            .iter()
            .filter(|sample| sample.at >= self.load_to + BACK_SECONDS);
        let mut ends = after.map(|sample| sample.at);
        ends.find(|end| {
            rate(&self.samples, end - BACK_SECONDS, *end).is_some_and(|rate| rate >= keys_per_s)
        })
    }

    fn is_loaded(&self, sample: &Sample) -> bool {
        (self.load_from..=self.load_to).contains(&sample.at)
    }
}

impl Yielded {
    fn to_json(&self, load_per_s: f64) -> Value {
        json!({
            "before_keys_per_s": self.before.round(), "during_keys_per_s": self.during.round(),
            "after_keys_per_s": self.after.round(), "to_half_ms": self.to_half_ms.round(),
            "to_tenth_ms": self.to_tenth_ms.round(), "back_ms": self.back_ms.round(),
            "load_per_s": load_per_s.round(),
        })
    }
}

/// Keys a second that went between the first and the last sample within these times.
fn rate(samples: &[Sample], from: f64, to: f64) -> Option<f64> {
    let mut within = samples
        .iter()
        .filter(|sample| (from..=to).contains(&sample.at));
    let first = within.next()?;
    let last = within.next_back()?;
    Some(between(*first, *last))
}

fn between(first: Sample, last: Sample) -> f64 {
    (first.left - last.left) / (last.at - first.at)
}

#[cfg(test)]
mod tests {
    use super::Run;
    use super::Sample;

    /// Counted every 20 ms: 1,000 keys a second, but `pace(at)` of it from 2 s on, when the load comes until 5 s.
    fn run(pace: impl Fn(f64) -> f64) -> Run {
        let mut left = 1e6;
        let samples = (0..450).map(|number| {
            let at = f64::from(number) * 0.02;
            left -= 20.0 * if at > 2.0 { pace(at) } else { 1.0 };
            Sample { at, left }
        });
        Run {
            samples: samples.collect(),
            load_from: 2.0,
            load_to: 5.0,
            load_per_s: 0.0,
        }
    }

    #[test]
    fn falling_and_coming_back_are_timed() {
        // A third at once, a twentieth after 100 ms; back one second after the load.
        let yielded = run(|at| match at {
            at if at < 2.1 => 0.33,
            at if at < 6.0 => 0.05,
            _ => 1.0,
        })
        .yielded()
        .expect("samples");
        assert!((yielded.before - 1000.0).abs() < 1.0, "{yielded:?}");
        assert!((yielded.during - 50.0).abs() < 1.0, "{yielded:?}");
        assert!((yielded.after - 1000.0).abs() < 1.0, "{yielded:?}");
        assert!((yielded.to_half_ms - 20.0).abs() < 1.0, "{yielded:?}");
        assert!(
            (100.0..=140.0).contains(&yielded.to_tenth_ms),
            "{yielded:?}"
        );
        assert!((1100.0..=1220.0).contains(&yielded.back_ms), "{yielded:?}");
    }

    #[test]
    fn who_never_yields_or_never_comes_back_has_the_whole_time() {
        let stubborn = run(|_| 1.0).yielded().expect("samples");
        assert!((stubborn.to_half_ms - 3000.0).abs() < 1.0, "{stubborn:?}");
        let gone = run(|_| 0.05).yielded().expect("samples");
        assert!((gone.back_ms - 3980.0).abs() < 1.0, "{gone:?}");
    }

    #[test]
    fn one_slow_interval_is_no_yielding() {
        let hiccup = run(|at| if (2.5..2.51).contains(&at) { 0.0 } else { 1.0 });
        assert_eq!(hiccup.fell_at(500.0), None);
    }
}
