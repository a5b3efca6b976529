//! `keypace count '*'` over a cluster, at full speed and with the default budget, beside everybody else.
//! Must not let a contestant count a part.

use serde_json::{Value, json};

use super::BUDGETS;
use super::ground::Ground;
use super::rivals::{self, Counted, Rival, Tools};
use crate::bench::figures::{Row, Unit, Verdict, median};
use crate::bench::process;
use crate::bench::rounds;
use crate::bench::setting::Setting;
use crate::failure::Outcome;

#[derive(Clone, Copy, Debug)]
enum Way {
    Keypace(&'static str),
    RawLoops,
    Rival(Rival),
}

/// What came of one rival: its work in each round, or why it was not run.
type Theirs = (Rival, Result<Vec<f64>, String>);

/// A row for keypace under each budget, for the raw loops and for each rival.
pub(super) fn measure(setting: &Setting<'_>, ground: &Ground) -> Outcome<Vec<Row>> {
    let tools = Tools::find_or_install(setting);
    let is_there = |rival: &Rival| tools.missing(*rival).is_none();
    let mut ways: Vec<Way> = BUDGETS.map(Way::Keypace).into();
    ways.push(Way::RawLoops);
    ways.extend(Rival::ALL.into_iter().filter(is_there).map(Way::Rival));
    let (urls, keys) = (ground.urls(), ground.keys());
    let seen = rounds::alternate("cluster count", setting.rounds, &ways, |way| match way {
        Way::Keypace(budget) => {
            let mut command = setting.keypace_on(&urls[0], budget);
            command.args(["--json", "count", "*"]);
            let ended = process::piped(vec![command])?;
            Ok(rivals::counted(&ended, keys)?.0)
        }
        Way::RawLoops => rivals::raw_loops(setting, &urls),
        Way::Rival(rival) => tools.run(rival, &urls, keys),
    })?;
    let of = |wanted: Rival| {
        let found = ways.iter().position(|way| {
            let Way::Rival(rival) = way else { return false };
            *rival == wanted
        });
        found.map(|at| &seen[at])
    };
    let theirs: Vec<Theirs> = Rival::ALL
        .into_iter()
        .map(|rival| match of(rival) {
            Some(runs) => (rival, Ok(work(runs))),
            None => (rival, Err(tools.missing(rival).unwrap_or_default())),
        })
        .collect();
    let raw_ms = walls(&seen[BUDGETS.len()]);
    let mut rows = Vec::new();
    for (budget, runs) in BUDGETS.iter().zip(&seen) {
        let row = ours(budget, keys, runs).with_ratio(
            &format!("{budget} / raw loops"),
            &walls(runs),
            &raw_ms,
        );
        let verdicts = verdicts(&walls(runs), &theirs).into_iter();
        rows.push(verdicts.fold(row, Row::with_verdict));
    }
    rows.push(
        Row::new("count: raw loops, all primaries at once")
            .with_field("keys", keys)
            .with_rounds(rounds_of(&seen[BUDGETS.len()])),
    );
    rows.extend(Rival::ALL.into_iter().map(|rival| {
        let row = Row::new(format!("count: {}", rival.name()));
        match (of(rival), tools.missing(rival)) {
            (Some(runs), _) => row
                .with_rounds(rounds_with_work(runs))
                .with_field("versions", tools.versions(rival)),
            (None, why) => row.with_field("not_run", why.unwrap_or_default()),
        }
    }));
    Ok(rows)
}

fn ours(budget: &str, keys: u64, runs: &[Counted]) -> Row {
    Row::new(format!("count --budget {budget}"))
        .with_field("keys", keys)
        .with_rounds(rounds_of(runs))
}

/// keypace's whole process held against the work alone of each rival, or why a rival was not run.
fn verdicts(ours_ms: &[f64], theirs: &[Theirs]) -> Vec<Verdict> {
    let verdict = |(rival, work): &Theirs| {
        let what = format!("wall of {}", rival.name());
        match work {
            Ok(work) => Verdict::below(what, median(ours_ms) / median(work), 1.0, Unit::Times),
            Err(reason) => Verdict::not_run(what, reason),
        }
    };
    theirs.iter().map(verdict).collect()
}

fn walls(runs: &[Counted]) -> Vec<f64> {
    runs.iter().map(|run| run.wall_ms).collect()
}

fn work(runs: &[Counted]) -> Vec<f64> {
    runs.iter().map(|run| run.work_ms).collect()
}

fn rounds_of(runs: &[Counted]) -> Vec<Value> {
    let round = |run: &Counted| json!({ "wall_ms": tenths(run.wall_ms) });
    runs.iter().map(round).collect()
}

fn rounds_with_work(runs: &[Counted]) -> Vec<Value> {
    let round =
        |run: &Counted| json!({ "wall_ms": tenths(run.wall_ms), "work_ms": tenths(run.work_ms) });
    runs.iter().map(round).collect()
}

fn tenths(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::rivals::Rival;
    use super::verdicts;
    use crate::bench::figures::Row;

    #[test]
    fn only_a_rival_that_was_run_and_took_longer_is_beaten() {
        let theirs = [
            (Rival::RedisPy, Ok(vec![2000.0, 2500.0])),
            (Rival::Glide, Ok(vec![1000.0])),
            (Rival::RedisCliInTurn, Ok(Vec::new())),
            (
                Rival::RedisCliAtOnce,
                Err("there is no redis-cli".to_owned()),
            ),
        ];
        let row = verdicts(&[1000.0], &theirs)
            .into_iter()
            .fold(Row::new("count"), Row::with_verdict)
            .into_json();
        let outcomes = [0, 1, 2, 3].map(|at| row["verdicts"][at]["outcome"].clone());
        assert_eq!(outcomes, ["met", "missed", "missed", "not run"]);
    }
}
