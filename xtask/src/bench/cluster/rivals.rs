//! What else counts the keys of a cluster: two client libraries, redis-cli on each primary, and raw loops.
//! Must not report a rival that could not be had as beaten.

use std::process::Command;

use serde_json::Value;

use crate::bench::process::{self, Ended};
use crate::bench::rivals::programs;
use crate::bench::setting::Setting;
use crate::failure::{Failure, Outcome};
use crate::shell;

/// What the libraries and the raw loops send as COUNT, and redis-cli where it can.
const COUNT: &str = "1000";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    RedisPy,
    Glide,
    RedisCliInTurn,
    RedisCliAtOnce,
}

impl Rival {
    pub(super) const ALL: [Self; 4] = [
        Self::RedisPy,
        Self::Glide,
        Self::RedisCliInTurn,
        Self::RedisCliAtOnce,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RedisPy => "redis-py scan_iter(count=1000)",
            Self::Glide => "valkey-glide cluster scan, count 1000",
            Self::RedisCliInTurn => "redis-cli --scan, one primary after the other",
            Self::RedisCliAtOnce => "redis-cli --scan, all primaries at once",
        }
    }
}

/// What could be had of them, and why not where it couldn't.
pub(super) struct Tools {
    python: Result<programs::Python, String>,
    /// redis-cli's version, and the words that give it a COUNT, where it takes one.
    redis_cli: Result<(String, Vec<&'static str>), String>,
}

/// What one run of anybody came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) wall_ms: f64,
    /// Without the start of an interpreter, where the driver tells of it.
    pub(super) work_ms: f64,
}

impl Tools {
    pub(super) fn find_or_install(setting: &Setting<'_>) -> Self {
        let python = programs::Python::for_clusters(setting.workspace);
        Self {
            python: python.map_err(|failure| failure.to_string()),
            redis_cli: redis_cli().map_err(|failure| failure.to_string()),
        }
    }

    /// Why a rival can't be run, where it can't.
    pub(super) fn missing(&self, rival: Rival) -> Option<String> {
        match rival {
            Rival::RedisPy | Rival::Glide => self.python.as_ref().err().cloned(),
            Rival::RedisCliInTurn | Rival::RedisCliAtOnce => self.redis_cli.as_ref().err().cloned(),
        }
    }

    /// What a rival's figures depend on.
    pub(super) fn versions(&self, rival: Rival) -> String {
        match (rival, &self.redis_cli) {
            (Rival::RedisPy | Rival::Glide, _) => programs::CLUSTER_PACKAGES.join(" "),
            (_, Err(_)) => "unknown".to_owned(),
            (_, Ok((version, words))) if words.is_empty() => {
                format!("{version}, which takes no COUNT: the server's 10")
            }
            (_, Ok((version, _))) => format!("{version}, COUNT {COUNT}"),
        }
    }

    /// Has `rival` count all keys of the cluster whose primaries these are.
    pub(super) fn run(&self, rival: Rival, urls: &[String], keys: u64) -> Outcome<Counted> {
        match rival {
            Rival::RedisPy => self.driver("cluster_redis_py.py", urls, keys),
            Rival::Glide => self.driver("cluster_glide.py", urls, keys),
            Rival::RedisCliInTurn => {
                let ended = self.scans(urls)?.into_iter();
                let ended = ended.map(|scan| process::piped(vec![scan]));
                printed(ended.collect::<Outcome<Vec<_>>>()?, keys, |walls| {
                    walls.sum()
                })
            }
            Rival::RedisCliAtOnce => {
                let ended = process::at_once(self.scans(urls)?)?;
                printed(ended, keys, |walls| walls.fold(0.0, f64::max))
            }
        }
    }

    fn driver(&self, driver: &str, urls: &[String], keys: u64) -> Outcome<Counted> {
        let mut command = self.python.as_ref().map_err(Failure::new)?.driver(driver);
        command.args(urls.first());
        let ended = process::piped(vec![command])?;
        let said = ended.said()?;
        expect_all(driver, said["counted"].as_u64(), keys)?;
        let wall_ms = ended.wall.as_secs_f64() * 1000.0;
        Ok(Counted {
            wall_ms,
            work_ms: said["work_ms"].as_f64().unwrap_or(wall_ms),
        })
    }

    fn scans(&self, urls: &[String]) -> Outcome<Vec<Command>> {
        let (_, count) = self.redis_cli.as_ref().map_err(Failure::new)?;
        let scan = |url: &String| {
            let mut command = Command::new("redis-cli");
            command.args(["-u", url, "--scan"]).args(count);
            command
        };
        Ok(urls.iter().map(scan).collect())
    }
}

/// keypace's own run, which must have counted all keys.
pub(super) fn counted(ended: &Ended, keys: u64) -> Outcome<(Counted, Value)> {
    let said = ended.said()?;
    expect_all("keypace count", said["matched"].as_u64(), keys)?;
    let wall_ms = ended.wall.as_secs_f64() * 1000.0;
    let work_ms = wall_ms;
    Ok((Counted { wall_ms, work_ms }, said))
}

/// A loop over a raw socket for each primary, all at once: what the servers and the machine alone take.
pub(super) fn raw_loops(setting: &Setting<'_>, urls: &[String]) -> Outcome<Counted> {
    let floor = |url: &String| {
        let mut command = Command::new(setting.workspace.release("xtask"));
        command.args(["floor", "list", url, "*", COUNT]);
        command
    };
    let ended = process::at_once(urls.iter().map(floor).collect())?;
    let walls = ended.iter().map(|ended| ended.wall.as_secs_f64() * 1000.0);
    let wall_ms = walls.fold(0.0, f64::max);
    let work_ms = wall_ms;
    Ok(Counted { wall_ms, work_ms })
}

/// Programs that print a key a line, with the wall that `together` makes of theirs in milliseconds.
fn printed(
    ended: Vec<Ended>,
    keys: u64,
    together: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
) -> Outcome<Counted> {
    let lines = ended.iter().map(|ended| ended.lines).sum();
    expect_all("redis-cli --scan", Some(lines), keys)?;
    let mut walls = ended.iter().map(|ended| ended.wall.as_secs_f64() * 1000.0);
    let wall_ms = together(&mut walls);
    let work_ms = wall_ms;
    Ok(Counted { wall_ms, work_ms })
}

/// A settled table returns each key once, but no server promises it.
fn expect_all(who: &str, counted: Option<u64>, keys: u64) -> Outcome {
    match counted {
        Some(counted) if counted >= keys => Ok(()),
        counted => Err(Failure::new(format!(
            "{who} counted {counted:?} of {keys} keys"
        ))),
    }
}

/// Whether `--scan` takes a COUNT is in its help: since 7.2 it does.
fn redis_cli() -> Outcome<(String, Vec<&'static str>)> {
    let program = shell::which("redis-cli").ok_or_else(|| Failure::new("there is no redis-cli"))?;
    let version = shell::output(Command::new(&program).arg("--version"))?;
    let help = shell::output(Command::new(&program).arg("--help"))?;
    let words = if help.contains("--count") {
        vec!["--count", COUNT]
    } else {
        Vec::new()
    };
    Ok((version.trim().to_owned(), words))
}
