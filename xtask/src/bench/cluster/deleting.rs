//! Deleting half of a cluster's keys: how many commands that takes, by the servers' own account, and how long.
//! Must not take keypace's word for what it sent.

use serde_json::{Value, json};

use super::BUDGETS;
use super::ground::Ground;
use crate::bench::figures::{Row, Unit, Verdict, median};
use crate::bench::process;
use crate::bench::rounds;
use crate::bench::setting::Setting;
use crate::failure::Outcome;
use crate::slot_order::has_table_per_slot;

/// Where a page's keys come slot by slot, few commands take them all; where they don't, each key has one almost.
const UNLINKS_PER_KEY_LIMIT: f64 = 0.25;

/// One delete.
struct Deleted {
    wall_ms: f64,
    unlinks: u64,
}

/// A row for each budget.
pub(super) fn measure(setting: &Setting<'_>, ground: &mut Ground) -> Outcome<Vec<Row>> {
    let url = ground.urls().remove(0);
    let keys = ground.matching();
    let seen = rounds::alternate("cluster delete", setting.rounds, &BUDGETS, |budget| {
        ground.forget_commands()?;
        let ended = process::piped(vec![setting.delete(&url, budget)])?;
        ground.expect_gone(&format!("--budget {budget}"))?;
        let unlinks = ground.calls("unlink")? + ground.calls("del")?;
        ground.refill()?;
        Ok(Deleted {
            wall_ms: ended.wall.as_secs_f64() * 1000.0,
            unlinks,
        })
    })?;
    Ok(rows_of(keys, has_table_per_slot(setting.program), &seen))
}

fn rows_of(keys: u64, is_ordered: bool, seen: &[Vec<Deleted>]) -> Vec<Row> {
    let walls = |runs: &[Deleted]| runs.iter().map(|run| run.wall_ms).collect::<Vec<_>>();
    let per_key = |run: &Deleted| run.unlinks as f64 / keys as f64;
    let round = |run: &Deleted| -> Value {
        json!({
            "wall_ms": (run.wall_ms * 10.0).round() / 10.0, "unlinks": run.unlinks,
            "unlinks_per_key": (per_key(run) * 1000.0).round() / 1000.0,
        })
    };
    let mut rows = Vec::new();
    for (budget, runs) in BUDGETS.iter().zip(seen) {
        let mut row = Row::new(format!("delete --budget {budget}"))
            .with_field("keys", keys)
            .with_rounds(runs.iter().map(round).collect());
        if *budget != BUDGETS[0] {
            row = row.with_ratio(&format!("{budget} / off"), &walls(runs), &walls(&seen[0]));
        }
        if is_ordered {
            let calls: Vec<f64> = runs.iter().map(per_key).collect();
            row = row.with_verdict(Verdict::at_most(
                format!("UNLINK calls a key, --budget {budget}"),
                median(&calls),
                UNLINKS_PER_KEY_LIMIT,
                Unit::Count,
            ));
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{Deleted, rows_of};

    #[test]
    fn calls_are_judged_where_pages_are_ordered_and_shown_elsewhere() {
        let seen = || {
            let run = |wall_ms, unlinks| vec![Deleted { wall_ms, unlinks }];
            [run(1000.0, 200), run(2000.0, 300)]
        };
        let judged = rows_of(1000, true, &seen()).into_iter();
        let judged: Vec<_> = judged.map(|row| row.into_json()).collect();
        assert_eq!(judged[0]["verdicts"][0]["outcome"], "met");
        assert_eq!(judged[1]["verdicts"][0]["outcome"], "missed");
        assert_eq!(judged[1]["ratios"][0]["of_medians"], 2.0);
        let shown = rows_of(1000, false, &seen()).remove(0).into_json();
        assert!(shown["verdicts"].is_null());
        assert_eq!(shown["rounds"][0]["unlinks_per_key"], 0.2);
    }
}
