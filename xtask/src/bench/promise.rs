//! The promise itself: what a client beside a delete waits under each budget, and what that costs in time.
//! Must not compare runs of different servers or keyspaces: all contestants take turns on one.

use std::time::Duration;

use super::beside::{self, Seen};
use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::listing;
use super::process;
use super::rounds;
use super::setting::Setting;
use crate::failure::Outcome;

/// Long enough for 200 waits above the 99th percentile.
const IDLE: Duration = Duration::from_secs(2);
/// What the promise may cost: half of the budget's speed would be no product, and slack is what it is paid from.
const PACED_LIMIT_TIMES: f64 = 1.4;
/// The server does most of the work of a delete, so keypace may take a fifth longer than a loop that keeps nothing.
const FLOOR_LIMIT_TIMES: f64 = 1.2;

/// A budget that is promised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) text: &'static str,
    pub(crate) us: f64,
}

pub(crate) const MILLISECOND: Budget = Budget {
    text: "1ms",
    us: 1000.0,
};
const QUARTER: Budget = Budget {
    text: "250us",
    us: 250.0,
};

#[derive(Clone, Copy, Debug)]
enum Way {
    Idle,
    Paced(Budget),
    Off,
    Floor,
}

/// The places of these in what `rounds::alternate` returns are used below.
const WAYS: [Way; 5] = [
    Way::Idle,
    Way::Paced(MILLISECOND),
    Way::Paced(QUARTER),
    Way::Off,
    Way::Floor,
];

/// The rows of deleting under each budget, and of listing at full speed.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut rows = deletes(setting)?;
    rows.extend(listing::measure(setting)?);
    Ok(rows)
}

fn deletes(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut ground = Ground::start(setting.program, setting.keys / 2, setting.keys.div_ceil(2))?;
    let url = ground.url();
    // The first delete meets a table that no delete has touched; all that count meet one that was filled again.
    process::wall(setting.floor("delete", &url))?;
    ground.refill()?;
    let seen = rounds::alternate("promise", setting.rounds, &WAYS, |way| {
        let command = match way {
            Way::Idle => return beside::idle(ground.endpoint(), IDLE),
            Way::Paced(budget) => setting.delete(&url, budget.text),
            Way::Off => setting.delete(&url, "off"),
            Way::Floor => setting.floor("delete", &url),
        };
        let seen = beside::run(ground.endpoint(), vec![command])?;
        ground.expect_gone(&format!("{way:?}"))?;
        ground.refill()?;
        Ok(seen)
    })?;
    ground.stop()?;
    rows_of(setting.keys / 2, &seen)
}

/// The rows of what was seen of each way, in the order of `WAYS`.
///
/// The promise is in microseconds, and an absolute time gates nothing. What gates is what the probe waits under a
/// budget against what it waits in the same round under `off`: a controller that ignores the budget makes that 1.
fn rows_of(keys: u64, seen: &[Vec<Seen>]) -> Outcome<Vec<Row>> {
    let [idle, paced, quarter, off, floor] = seen else {
        return Ok(Vec::new());
    };
    let walls = |runs: &[Seen]| runs.iter().map(|seen| seen.wall_ms).collect::<Vec<_>>();
    let (off_ms, floor_ms) = (walls(off), walls(floor));
    let paced_ms = walls(paced);
    let cost = median(&paced_ms) / median(&off_ms);
    let over_floor = median(&off_ms) / median(&floor_ms);
    Ok(vec![
        plain("idle", idle),
        row("delete --budget 1ms", keys, paced)?
            .with_verdict(excess(paced, idle, MILLISECOND))
            .with_wait_ratio("p99 of 1ms / off", &tails_us(paced), &tails_us(off))
            .with_ratio("1ms / off", &paced_ms, &off_ms)
            .with_verdict(Verdict::at_most(
                "wall of `--budget off`",
                cost,
                PACED_LIMIT_TIMES,
                Unit::Times,
            )),
        row("delete --budget 250us", keys, quarter)?
            .with_verdict(excess(quarter, idle, QUARTER))
            .with_wait_ratio("p99 of 250us / off", &tails_us(quarter), &tails_us(off)),
        row("delete --budget off", keys, off)?
            .with_ratio("off / floor", &off_ms, &floor_ms)
            .with_verdict(Verdict::at_most(
                "wall of the floor's",
                over_floor,
                FLOOR_LIMIT_TIMES,
                Unit::Times,
            )),
        plain("the floor's delete", floor).with_field("keys", keys),
    ])
}

/// A row of keypace's own runs, with the pace that each of them tells of.
pub(crate) fn row(name: &str, keys: u64, runs: &[Seen]) -> Outcome<Row> {
    let rounds = runs.iter().map(Seen::to_json_with_pace);
    Ok(Row::new(name)
        .with_field("keys", keys)
        .with_rounds(rounds.collect::<Outcome<_>>()?))
}

/// A row of somebody else's runs.
pub(crate) fn plain(name: &str, runs: &[Seen]) -> Row {
    Row::new(name).with_rounds(runs.iter().map(Seen::to_json).collect())
}

/// How far the probe's p99 lies above its idle p99, held against the budget. Medians of the rounds.
pub(crate) fn excess(runs: &[Seen], idle: &[Seen], budget: Budget) -> Verdict {
    let above = median(&tails_us(runs)) - median(&tails_us(idle));
    Verdict::at_most("p99 above idle", above, budget.us, Unit::Microseconds)
}

/// The probe's 99th percentile in each round.
fn tails_us(runs: &[Seen]) -> Vec<f64> {
    runs.iter().map(|seen| seen.waits.p99_us as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::rows_of;
    use crate::bench::beside::Seen;
    use crate::bench::check;
    use crate::bench::figures::Row;
    use serde_json::{Value, json};

    /// What the probe's p99 is under `off`, in turns: rounds of a shared machine differ by a quarter and more.
    const OFF_US: [u64; 5] = [2400, 3100, 2250, 2700, 2500];
    /// The probe's p99 beside 1ms and beside 250us where the controller does its work, against `off`.
    const HELD: [f64; 2] = [0.4, 0.15];

    /// `rounds` rounds in which the probe's p99 under the two budgets is this share of that under `off`.
    fn document(rounds: usize, [paced, quarter]: [f64; 2]) -> Value {
        let runs = |wall_ms: f64, share: f64| -> Vec<Seen> {
            let off_us = OFF_US.iter().cycle().take(rounds);
            off_us
                .map(|us| Seen::planted(wall_ms, (*us as f64 * share) as u64))
                .collect()
        };
        let seen = [
            runs(2000.0, 0.05),
            runs(1300.0, paced),
            runs(1500.0, quarter),
            runs(1000.0, 1.0),
            runs(900.0, 1.1),
        ];
        let rows = rows_of(500_000, &seen).expect("planted rows");
        json!({
            "group": "promise", "server": { "name": "redis", "version": "7.0.15" }, "keys": 1_000_000,
            "rows": rows.into_iter().map(Row::into_json).collect::<Vec<_>>(),
        })
    }

    #[test]
    fn a_planted_controller_that_ignores_the_budget_is_found() {
        let kept = document(5, HELD);
        assert_eq!(
            check::compare(&kept, &document(15, HELD)),
            Vec::<String>::new()
        );
        let ignored = check::compare(&kept, &document(15, [1.0, 1.0]));
        let begins = [
            "promise on redis 7.0.15: delete --budget 1ms: p99 of 1ms / off grew from 0.40 to 1.00",
            "promise on redis 7.0.15: delete --budget 250us: p99 of 250us / off grew from 0.15 to 1.00",
        ];
        assert_eq!(ignored.len(), begins.len(), "{ignored:#?}");
        for (line, begin) in ignored.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line:?} is not {begin:?}");
        }
    }

    #[test]
    fn a_smaller_budget_that_is_ignored_alone_is_found() {
        let found = check::compare(&document(5, HELD), &document(15, [HELD[0], HELD[0]]));
        assert!(
            found.len() == 1 && found[0].contains("p99 of 250us / off grew from 0.15 to 0.40"),
            "{found:#?}"
        );
    }
}
