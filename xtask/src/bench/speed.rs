//! Listing and deleting half of a keyspace: keypace against the floor, one process each, in turns.
//! Must not let one of the two run on another keyspace than the other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keypace_lab::{Listen, OwnedServer, Program, Raw, ServerOptions, seed};

use super::measure;
use super::options::{Options, Row};
use super::results::Line;
use crate::failure::{Failure, Outcome};
use crate::floor::{DEFAULT_BATCH, DEFAULT_COUNT};
use crate::workspace::Workspace;

/// The floor keeps no keys and prints none; keypace may take a quarter longer.
const LIST_RATIO_LIMIT: f64 = 1.25;
/// The server does most of the work of a delete, so keypace may take a fifth longer.
const DELETE_RATIO_LIMIT: f64 = 1.2;
/// As in the first figures: a small session.
const VALUE_BYTES: usize = 100;
const PATTERN: &str = "session:*";

struct Bench<'a> {
    server: OwnedServer,
    raw: Raw,
    matching: u64,
    rounds: usize,
    workspace: &'a Workspace,
}

/// The rows of listing and deleting that `options` asks for.
pub(crate) fn measure(
    program: &Program,
    options: &Options,
    workspace: &Workspace,
) -> Outcome<Vec<Line>> {
    let server = OwnedServer::start(program, ServerOptions::default().with_listen(Listen::Tcp))?;
    let mut raw = Raw::connect(server.endpoint())?;
    let matching = options.keys / 2;
    eprintln!("seeding {} keys", options.keys);
    seed::strings(&mut raw, b"other:", 0..options.keys - matching, VALUE_BYTES)?;
    seed::strings(&mut raw, b"session:", 0..matching, VALUE_BYTES)?;
    let mut bench = Bench {
        server,
        raw,
        matching,
        rounds: options.rounds,
        workspace,
    };
    let mut rows = Vec::new();
    if options.wants(Row::List) {
        rows.push(bench.list()?);
    }
    if options.wants(Row::Delete) {
        rows.push(bench.delete()?);
    }
    bench.server.stop()?;
    Ok(rows)
}

impl Bench<'_> {
    fn list(&mut self) -> Outcome<Line> {
        let url = self.server.url();
        // Also warms both programs up. A settled table returns each key once, but the server doesn't promise it.
        let listed = measure::lines(&mut self.scan(&url))?;
        if listed < self.matching {
            return Err(Failure::new(format!(
                "keypace scan printed {listed} of {} keys",
                self.matching
            )));
        }
        measure::wall(&mut self.floor("list", &url))?;
        let mut walls = Walls::default();
        for round in 0..self.rounds {
            eprintln!("list, round {} of {}", round + 1, self.rounds);
            walls.alternate(round, |who| {
                measure::wall(&mut match who {
                    Who::Keypace => self.scan(&url),
                    Who::Floor => self.floor("list", &url),
                })
            })?;
        }
        Ok(walls.line("list", self.matching, LIST_RATIO_LIMIT))
    }

    fn delete(&mut self) -> Outcome<Line> {
        let url = self.server.url();
        let mut walls = Walls::default();
        for round in 0..self.rounds {
            eprintln!("delete, round {} of {}", round + 1, self.rounds);
            walls.alternate(round, |who| {
                let wall = measure::wall(&mut match who {
                    Who::Keypace => {
                        let mut command = keypace(self.workspace, &url);
                        command.args([
                            "delete",
                            PATTERN,
                            "--yes",
                            "--batch",
                            &DEFAULT_BATCH.to_string(),
                        ]);
                        command
                    }
                    Who::Floor => self.floor("delete", &url),
                })?;
                self.check_all_gone(who)?;
                seed::strings(&mut self.raw, b"session:", 0..self.matching, VALUE_BYTES)?;
                Ok(wall)
            })?;
        }
        Ok(walls.line("delete", self.matching, DELETE_RATIO_LIMIT))
    }

    /// A fast delete that forgot some keys is no delete.
    fn check_all_gone(&mut self, who: Who) -> Outcome {
        let left =
            keypace_lab::floor::list(self.server.endpoint(), PATTERN.as_bytes(), DEFAULT_COUNT)?
                .keys;
        if left == 0 {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "{who:?} left {left} of {} keys",
                self.matching
            )))
        }
    }

    fn scan(&self, url: &str) -> Command {
        let mut command = keypace(self.workspace, url);
        command.args(["scan", PATTERN]);
        command
    }

    fn floor(&self, what: &str, url: &str) -> Command {
        let mut command = Command::new(self.workspace.release("xtask"));
        command.args([
            "floor",
            what,
            url,
            PATTERN,
            &DEFAULT_COUNT.to_string(),
            &DEFAULT_BATCH.to_string(),
        ]);
        command
    }
}

/// keypace at full speed with the floor's COUNT; what the machine's own environment says about servers is kept out.
pub(crate) fn keypace(workspace: &Workspace, url: &str) -> Command {
    let program: &Path = &workspace.release("keypace");
    let mut command = Command::new(program);
    command
        .env_remove("KEYPACE_URL")
        .env_remove("KEYPACE_PASSWORD");
    command.args([
        "--url",
        url,
        "--budget",
        "off",
        "--count",
        &DEFAULT_COUNT.to_string(),
        "--progress",
        "none",
    ]);
    command
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Keypace,
    Floor,
}

#[derive(Debug, Default)]
struct Walls {
    keypace: Vec<Duration>,
    floor: Vec<Duration>,
}

impl Walls {
    /// Runs both, and the other one first in every second round, so that drift of the machine hits both alike.
    fn alternate(
        &mut self,
        round: usize,
        mut run: impl FnMut(Who) -> Outcome<Duration>,
    ) -> Outcome {
        let order = if round.is_multiple_of(2) {
            [Who::Keypace, Who::Floor]
        } else {
            [Who::Floor, Who::Keypace]
        };
        for who in order {
            let wall = run(who)?;
            match who {
                Who::Keypace => self.keypace.push(wall),
                Who::Floor => self.floor.push(wall),
            }
        }
        Ok(())
    }

    fn line(&self, name: &str, keys: u64, limit: f64) -> Line {
        let milliseconds = |walls: &[Duration]| {
            walls
                .iter()
                .map(|wall| wall.as_secs_f64() * 1000.0)
                .collect()
        };
        Line::speed(
            name,
            keys,
            milliseconds(&self.keypace),
            milliseconds(&self.floor),
            limit,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Walls;
    use super::Who;
    use std::time::Duration;

    #[test]
    fn each_round_runs_both_and_the_first_one_changes() {
        let mut walls = Walls::default();
        let mut order = Vec::new();
        for round in 0..3 {
            walls
                .alternate(round, |who| {
                    order.push(who);
                    Ok(Duration::from_millis(round as u64))
                })
                .expect("nothing fails");
        }
        assert_eq!(
            order,
            [
                Who::Keypace,
                Who::Floor,
                Who::Floor,
                Who::Keypace,
                Who::Keypace,
                Who::Floor
            ]
        );
        assert_eq!((walls.keypace.len(), walls.floor.len()), (3, 3));
    }
}
