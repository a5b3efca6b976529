//! `cargo xtask soak`: keypace lists, counts and deletes in a cluster that is given no rest, and every run is checked.
//! Must not pass over a finding: the first one ends it, with the seed.

mod attempt;
mod books;
mod chaos;
mod draw;
mod families;
mod fault;
mod judge;
mod runs;
mod witness;
mod writers;

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{ClusterOptions, Endpoint, OwnedCluster, Program};

use crate::failure::{self, Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::slot_order::has_table_per_slot;
use crate::workspace::Workspace;
use chaos::Shared;
use draw::Draw;
use families::{NEAR, NEAR_KEYS, STABLE, STABLE_KEYS};
use runs::{Runner, VALUE_BYTES};
use witness::Census;

/// Clients beside.
const WRITERS: usize = 2;
/// Longer than a month: a number typed by mistake.
const MAX_MINUTES: u64 = 50_000;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    minutes: u64,
    seed: Option<u64>,
}

impl Options {
    fn read(words: &[String]) -> Outcome<Self> {
        let (mut minutes, mut seed) = (None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().and_then(|value| value.parse::<u64>().ok());
            let value = value.ok_or_else(|| failure::usage(format!("{word} takes a number")));
            match word.as_str() {
                "--minutes" => minutes = Some(value?),
                "--seed" => seed = Some(value?),
                other => return Err(failure::usage(format!("soak has no option {other:?}"))),
            }
        }
        match minutes {
            Some(minutes @ 1..=MAX_MINUTES) => Ok(Self { minutes, seed }),
            _ => Err(failure::usage(format!(
                "soak takes --minutes N, from 1 to {MAX_MINUTES}"
            ))),
        }
    }
}

/// Soaks on every server program found, each for its part of the time.
pub(crate) fn run(words: &[String]) -> Outcome {
    let options = Options::read(words)?;
    let workspace = Workspace::find()?;
    setup::any(&workspace)?;
    shell::run(shell::cargo(&workspace.root).args(["build", "--package", "keypace-cli"]))?;
    let folder = workspace.target.join("soak");
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("failed to make {}: {error}", folder.display())))?;
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let programs = Program::all();
    let share = Duration::from_secs(options.minutes * 60) / programs.len().max(1) as u32;
    for program in &programs {
        println!("\n{}, {} s, seed {seed}", program.label(), share.as_secs());
        soak(program, share, seed, &workspace).map_err(|failure| {
            Failure::new(format!(
                "{}, seed {seed}: {failure}\nagain: cargo xtask soak --minutes {} --seed {seed}",
                program.label(),
                options.minutes
            ))
        })?;
    }
    Ok(())
}

/// One cluster, from its founding to its end.
fn soak(program: &Program, share: Duration, seed: u64, workspace: &Workspace) -> Outcome {
    let cluster = OwnedCluster::start(program, ClusterOptions::default())?;
    cluster.seed_strings(STABLE, 0..STABLE_KEYS, VALUE_BYTES)?;
    cluster.seed_strings(NEAR, 0..NEAR_KEYS, VALUE_BYTES)?;
    if let Some(lost) = Census::take(&cluster, 0)?.lost() {
        return Err(Failure::new(format!("the lab: {lost}")));
    }
    let seeds: Vec<Endpoint> = cluster.nodes().map(|node| node.endpoint.clone()).collect();
    let shared = Shared::new(cluster);
    let mut runner = Runner {
        workspace,
        shared: &shared,
        draw: Draw::new(seed, "runs"),
        books: books::Books::default(),
        surplus_limit: if has_table_per_slot(program) {
            judge::SURPLUS_BY_SLOT
        } else {
            judge::SURPLUS_BY_NODE
        },
    };
    let deadline = Instant::now() + share;
    let (ran, faults, written) = thread::scope(|scope| {
        let (shared, seeds) = (&shared, &seeds);
        let faults = scope.spawn(move || chaos::run(shared, seed));
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| scope.spawn(move || writers::run(shared, seeds, seed, number)))
            .collect();
        let ran = runner.run(deadline);
        shared.stop();
        let written = writers.into_iter().map(|writer| writer.join().unwrap_or(0));
        let written: u64 = written.sum();
        let faults = faults
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the faults panicked")));
        (ran, faults, written)
    });
    println!(
        "\n{}\n{}",
        runner.books.table(),
        books::faults(&shared.log())
    );
    println!("{written} commands of writers beside");
    let unproven = runner.books.unproven();
    let census = Census::take(&shared.cluster(), 0);
    shared.into_cluster().stop()?;
    ran?;
    faults?;
    if let Some(lost) = census?.lost() {
        return Err(Failure::new(lost));
    }
    if unproven.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "no run of {} was complete",
            unproven.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn read(text: &str) -> Option<Options> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::read(&words).ok()
    }

    #[test]
    fn options_are_read() {
        let seed = Some(7);
        assert_eq!(
            read("--minutes 2"),
            Some(Options {
                minutes: 2,
                seed: None
            })
        );
        assert_eq!(
            read("--seed 7 --minutes 30"),
            Some(Options { minutes: 30, seed })
        );
        for text in [
            "",
            "--seed 7",
            "--minutes",
            "--minutes 0",
            "--minutes x",
            "--hours 1",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
