//! `cargo xtask soak`: keypace lists, counts, deletes, restores, keeps records and serves jobs in a cluster that is given no
//! rest, and everything is checked. Must not pass over a finding: the first one ends it, with the seed.

mod attempt;
mod books;
mod chaos;
mod draw;
mod families;
mod fault;
mod jobs;
mod judge;
mod kinds;
mod ledger;
mod model;
mod options;
mod pace;
mod plant;
mod proxies;
mod records;
mod runs;
mod service;
mod stage;
mod undo;
mod witness;
mod writers;

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use keypace_lab::Program;

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;
use kinds::Kind;
use ledger::{Invariant, Ledger};
use options::Options;
use stage::Stage;

/// Of values that nobody looks at: the keys are what is walked.
const VALUE_BYTES: usize = 8;
/// A short soak goes on for so long where something was not seen yet: a fault may have hidden all that was tried.
const GRACE: Duration = Duration::from_secs(180);

/// Soaks on a Redis and a Valkey, each for its part of the time.
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
    soak_all(&workspace, &options, seed).map_err(|failure| {
        Failure::new(format!(
            "{failure}\nseed {seed}; again: cargo xtask soak --minutes {} --seed {seed}{}",
            options.minutes,
            if options.is_planted {
                format!(" --plant {}", plant::SKIP_SLOT)
            } else {
                String::new()
            }
        ))
    })
}

fn soak_all(workspace: &Workspace, options: &Options, seed: u64) -> Outcome {
    let programs = Program::all();
    let share = Duration::from_secs(options.minutes * 60) / programs.len().max(1) as u32;
    let mut ledger = Ledger::default();
    let Some((last, others)) = programs.split_last() else {
        return Err(Failure::new("there is no server program"));
    };
    if !options.is_planted {
        prove(workspace, last, seed, &mut ledger)?;
    }
    for program in others.iter().chain([last]) {
        println!("\n{}, {} s, seed {seed}", program.label(), share.as_secs());
        let is_last = program == last;
        let stage = Stage::set(workspace, program, seed, options.is_planted)?;
        let deadline = Instant::now() + share;
        let so_far = ledger.clone();
        let is_enough = |own: &Ledger| {
            let mut all = so_far.clone();
            all.add(own);
            !is_last || all.unseen_but_at_the_end().is_empty() || Instant::now() > deadline + GRACE
        };
        let (own, ended) = stage.soak(deadline, &is_enough);
        ledger.add(&own);
        println!("{}", ledger.report());
        ended.map_err(|failure| Failure::new(format!("{}: {failure}", program.label())))?;
    }
    let unseen = ledger.unseen();
    if !options.is_planted && !unseen.is_empty() {
        return Err(Failure::new(format!("not seen: {}", unseen.join(", "))));
    }
    println!("lost: nothing");
    Ok(())
}

/// The soak is not blind: with one slot left out of the walk, each of these must be a finding. Nothing else befalls them.
fn prove(workspace: &Workspace, program: &Program, seed: u64, ledger: &mut Ledger) -> Outcome {
    let stage = Stage::set(workspace, program, seed, true)?;
    for (kind, invariant) in [
        (Kind::List, Invariant::WalkComplete),
        (Kind::Count, Invariant::WalkComplete),
        (Kind::Delete, Invariant::DeleteComplete),
    ] {
        let found = stage.one(kind);
        let text = found.err().map(|failure| failure.to_string());
        let is_seen = (text.as_ref()).is_some_and(|text| text.contains(&invariant.broken()));
        let broken =
            (!is_seen).then(|| format!("{} left a slot out, and found is {text:?}", kind.name()));
        ledger
            .check(Invariant::PlantSeen, 1, broken)
            .map_err(Failure::new)?;
    }
    println!("a slot left out of a list, a count and a delete was found each time");
    stage.end()
}
