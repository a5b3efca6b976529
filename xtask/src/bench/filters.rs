//! What it costs to ask about each key: `count` with filters against a raw loop that puts the same questions.
//! Must not let one of the two find other keys than the other.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{Endpoint, Raw};
use serde_json::{Value, json};

use super::asking::{self, Question};
use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::process;
use super::rounds;
use super::setting::{PATTERN, Setting};
use super::spent::{self, Spent};
use super::values::Values;
use crate::failure::{Failure, Outcome};

/// The server does most of the work of a question, so keypace may take a fifth longer than the loop.
const WALL_LIMIT_TIMES: f64 = 1.2;
/// Keys that were just written are young; a server's clock for this ticks once a second.
const AGE_S: i64 = 2;
const AGE_PATIENCE: Duration = Duration::from_secs(10);
const AGE_PAUSE: Duration = Duration::from_millis(100);

/// Filters, and what has to be asked for them.
struct Case {
    name: &'static str,
    words: &'static [&'static str],
    questions: &'static [Question],
    asked: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        name: "count --ttl-under 1h",
        words: &["--ttl-under", "1h"],
        questions: &[Question::Ttl],
        asked: "SCAN, PTTL",
    },
    Case {
        name: "count --idle-over 1s",
        words: &["--idle-over", "1s"],
        // All keys pass, and so each is asked both.
        questions: &[Question::Idle, Question::Shares],
        asked: "SCAN, OBJECT IDLETIME and REFCOUNT",
    },
    Case {
        name: "count --idle-over 1s --ttl-under 1h",
        words: &["--idle-over", "1s", "--ttl-under", "1h"],
        // The quarter that passes both is asked for its REFCOUNT besides; the loop is spared that.
        questions: &[Question::Idle, Question::Ttl],
        asked: "SCAN, OBJECT IDLETIME and PTTL",
    },
];

#[derive(Clone, Copy, Debug)]
enum Who {
    Keypace,
    Loop,
}

/// One count.
struct Counted {
    wall_ms: f64,
    found: u64,
    spent: Spent,
}

/// Two rows for each case: keypace, and the loop.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let keys = setting.keys;
    let mut ground = Ground::start_with(setting.program, Values::HalfExpiring, keys, 0)?;
    let address = address(ground.endpoint())?;
    await_age(ground.raw(), keys)?;
    let mut rows = Vec::new();
    for case in &CASES {
        // Warms both up, and says whether they find the same.
        let found = run(setting, &mut ground, address, case, Who::Keypace)?.found;
        let walked = run(setting, &mut ground, address, case, Who::Loop)?.found;
        if found != walked {
            return Err(Failure::new(format!(
                "{} found {found} keys, where the loop found {walked}",
                case.name
            )));
        }
        let seen = rounds::alternate(
            &format!("filters, {}", case.name),
            setting.rounds,
            &[Who::Keypace, Who::Loop],
            |who| run(setting, &mut ground, address, case, who),
        )?;
        rows.extend(rows_of(case, keys, &seen));
    }
    ground.stop()?;
    Ok(rows)
}

fn run(
    setting: &Setting<'_>,
    ground: &mut Ground,
    address: SocketAddr,
    case: &Case,
    who: Who,
) -> Outcome<Counted> {
    spent::forget(ground.raw())?;
    let (wall, found) = match who {
        Who::Keypace => {
            let mut command = setting.keypace_on(&ground.url(), "off");
            command.args(["count", PATTERN, "--json"]).args(case.words);
            let ended = process::piped(vec![command])?;
            let said = ended.said()?;
            let found = said["matched"].as_u64().ok_or_else(|| {
                Failure::new(format!("{} says no number of keys: {said}", case.name))
            })?;
            (ended.wall, found)
        }
        Who::Loop => {
            let asked = asking::walk(address, case.questions)?;
            (asked.wall, asked.passed)
        }
    };
    Ok(Counted {
        wall_ms: wall.as_secs_f64() * 1000.0,
        found,
        spent: spent::read(ground.raw())?,
    })
}

fn rows_of(case: &Case, keys: u64, seen: &[Vec<Counted>]) -> Vec<Row> {
    let [keypace, raw] = seen else {
        return Vec::new();
    };
    let walls = |runs: &[Counted]| runs.iter().map(|run| run.wall_ms).collect::<Vec<_>>();
    let row = |name: String, runs: &[Counted]| {
        let row = Row::new(name)
            .with_field("keys", keys)
            .with_rounds(runs.iter().map(|run| run.to_json(keys)).collect());
        match runs.last() {
            Some(last) => row
                .with_field("found", last.found)
                .with_field("server", last.spent.shown(keys)),
            None => row,
        }
    };
    let times = median(&walls(keypace)) / median(&walls(raw));
    vec![
        row(case.name.to_owned(), keypace)
            .with_ratio("keypace / raw loop", &walls(keypace), &walls(raw))
            .with_verdict(Verdict::at_most(
                format!("{}, wall of the raw loop's", case.words.join(" ")),
                times,
                WALL_LIMIT_TIMES,
                Unit::Times,
            )),
        row(format!("raw loop: {}", case.asked), raw),
    ]
}

impl Counted {
    fn to_json(&self, keys: u64) -> Value {
        json!({
            "wall_ms": (self.wall_ms * 10.0).round() / 10.0,
            "server_us_per_key": (self.spent.us_per_key(keys) * 1000.0).round() / 1000.0,
            "commands_per_key": (self.spent.calls_per_key(keys) * 1000.0).round() / 1000.0,
        })
    }
}

/// Waits until the key that was written last is old enough to be found.
fn await_age(raw: &mut Raw, keys: u64) -> Outcome {
    let last = format!("session:{}", keys - 1);
    let begun = Instant::now();
    loop {
        let reply = raw.command(&[b"OBJECT", b"IDLETIME", last.as_bytes()])?;
        if reply.checked()?.int().is_some_and(|age| age >= AGE_S) {
            return Ok(());
        }
        if begun.elapsed() > AGE_PATIENCE {
            return Err(Failure::new(format!("{last} does not get older")));
        }
        thread::sleep(AGE_PAUSE);
    }
}

fn address(endpoint: &Endpoint) -> Outcome<SocketAddr> {
    match endpoint {
        Endpoint::Tcp(address) => Ok(*address),
        Endpoint::Unix(path) => Err(Failure::new(format!(
            "the loop takes a port, not {}",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{CASES, Counted, Spent, rows_of};

    #[test]
    fn a_fifth_more_than_the_loop_is_the_limit() {
        let run = |wall_ms: f64| Counted {
            wall_ms,
            found: 3,
            spent: Spent::default(),
        };
        let outcome = |ours: f64| {
            let rows = rows_of(&CASES[0], 10, &[vec![run(ours)], vec![run(100.0)]]);
            let row = rows.into_iter().next().expect("a row").into_json();
            row["verdicts"][0]["outcome"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!([outcome(119.0), outcome(121.0)], ["met", "missed"]);
    }
}
