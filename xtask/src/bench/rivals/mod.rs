//! Deleting with the tools that people have, beside keypace at full speed: same server, same keyspace, same run.
//! Must not report a rival that could not be had as beaten.

pub(crate) mod programs;

use std::process::Command;

use serde_json::Value;

use super::beside::{self, Seen};
use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::promise::{plain, row};
use super::rounds;
use super::setting::{PATTERN, Setting};
use crate::failure::{Failure, Outcome};
use programs::Tools;

/// The rivals, as the first figures have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    RedisCli,
    RedisPy,
    Ioredis,
    DjangoRedis,
}

const RIVALS: [Rival; 4] = [
    Rival::RedisCli,
    Rival::RedisPy,
    Rival::Ioredis,
    Rival::DjangoRedis,
];

impl Rival {
    fn name(self) -> &'static str {
        match self {
            Self::RedisCli => "redis-cli --scan, xargs -n 500 unlink",
            Self::RedisPy => "redis-py scan_iter(1000), unlink of 500",
            Self::Ioredis => "ioredis scanStream(1000), unlink",
            Self::DjangoRedis => "django-redis delete_pattern",
        }
    }

    /// The processes, each reading what the one before it prints.
    fn stages(self, tools: &Tools, url: &str) -> Outcome<Vec<Command>> {
        let driver = |mut command: Command| {
            command.args([url, PATTERN]);
            vec![command]
        };
        match self {
            Self::RedisCli => {
                let mut scan = Command::new(tools.redis_cli()?);
                scan.args(["-u", url, "--scan", "--pattern", PATTERN]);
                let mut unlink = Command::new("xargs");
                unlink.args(["-n", "500"]).arg(tools.redis_cli()?);
                unlink.args(["-u", url, "unlink"]);
                Ok(vec![scan, unlink])
            }
            Self::RedisPy => tools.python("redis_py.py").map(driver),
            Self::Ioredis => tools.node("ioredis.js").map(driver),
            Self::DjangoRedis => tools.python("django_cache.py").map(driver),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Keypace,
    Rival(Rival),
}

/// A row for keypace and one for each rival.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let tools = Tools::find_or_install(setting.workspace);
    let mut missing = Vec::new();
    let mut ways = vec![Way::Keypace];
    for rival in RIVALS {
        match rival.stages(&tools, "") {
            Ok(_) => ways.push(Way::Rival(rival)),
            Err(reason) => missing.push((rival, reason.to_string())),
        }
    }
    let mut ground = Ground::start(setting.program, setting.keys / 2, setting.keys.div_ceil(2))?;
    let url = ground.url();
    let seen = rounds::alternate("rivals", setting.rounds, &ways, |way| {
        let stages = match way {
            Way::Keypace => vec![setting.delete(&url, "off")],
            Way::Rival(rival) => rival.stages(&tools, &url)?,
        };
        let seen = beside::run(ground.endpoint(), stages)?;
        ground.expect_gone(&format!("{way:?}"))?;
        ground.refill()?;
        Ok(seen)
    })?;
    ground.stop()?;
    let Some((ours, theirs)) = seen.split_first() else {
        return Err(Failure::new("nothing was measured"));
    };
    let ours_ms: Vec<f64> = ours.iter().map(|seen| seen.wall_ms).collect();
    let mut outcomes = Vec::new();
    let mut rows = Vec::new();
    for (way, runs) in ways.iter().skip(1).zip(theirs) {
        let Way::Rival(rival) = way else { continue };
        let work: Vec<f64> = runs.iter().map(work_ms).collect();
        rows.push(their_row(*rival, &tools, runs, &work));
        outcomes.push((*rival, Ok(work)));
    }
    for (rival, reason) in missing {
        rows.push(Row::new(rival.name()).with_field("not_run", reason.as_str()));
        outcomes.push((rival, Err(reason)));
    }
    let keypace = row("keypace delete --budget off", setting.keys / 2, ours)?;
    let keypace = verdicts(&ours_ms, &outcomes)
        .into_iter()
        .fold(keypace, Row::with_verdict);
    rows.insert(0, keypace);
    Ok(rows)
}

/// keypace's wall held against the work of each rival, or why a rival was not run.
fn verdicts(ours_ms: &[f64], theirs: &[(Rival, Result<Vec<f64>, String>)]) -> Vec<Verdict> {
    let verdict = |(rival, work): &(Rival, Result<Vec<f64>, String>)| match work {
        Ok(work) => {
            let times = median(ours_ms) / median(work);
            Verdict::below(format!("wall of {}", rival.name()), times, 1.0, Unit::Times)
        }
        Err(reason) => Verdict::not_run(rival.name(), reason),
    };
    theirs.iter().map(verdict).collect()
}

/// What a rival is compared by: its work alone where its driver tells of it, so that no interpreter's start is held
/// against it; keypace has its whole process counted.
fn work_ms(seen: &Seen) -> f64 {
    let said = seen.said().ok();
    said.as_ref()
        .and_then(|said| said["work_ms"].as_f64())
        .unwrap_or(seen.wall_ms)
}

fn their_row(rival: Rival, tools: &Tools, runs: &[Seen], work: &[f64]) -> Row {
    let with_work = |(seen, work): (&Seen, &f64)| -> Value {
        let mut round = seen.to_json();
        round["work_ms"] = ((work * 10.0).round() / 10.0).into();
        round
    };
    plain(rival.name(), &[])
        .with_rounds(runs.iter().zip(work).map(with_work).collect())
        .with_field("versions", tools.versions(rival))
}

impl Tools {
    /// What a rival's figures depend on.
    fn versions(&self, rival: Rival) -> String {
        match rival {
            Rival::RedisCli => self.redis_cli_version(),
            Rival::RedisPy | Rival::DjangoRedis => programs::PYTHON_PACKAGES.join(" "),
            Rival::Ioredis => programs::NODE_PACKAGES.join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rival;
    use super::verdicts;
    use crate::bench::figures::Row;

    #[test]
    fn a_rival_that_could_not_be_had_is_not_beaten() {
        let theirs = [
            (Rival::RedisPy, Ok(vec![2000.0, 2500.0])),
            (Rival::Ioredis, Ok(vec![900.0])),
            (Rival::RedisCli, Ok(Vec::new())),
            (Rival::DjangoRedis, Err("no pip".to_owned())),
        ];
        let row = verdicts(&[1000.0], &theirs)
            .into_iter()
            .fold(Row::new("keypace"), Row::with_verdict)
            .into_json();
        let outcomes = [0, 1, 2, 3].map(|at| row["verdicts"][at]["outcome"].clone());
        assert_eq!(outcomes, ["met", "missed", "missed", "not run"]);
    }
}
