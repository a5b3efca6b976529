//! `cargo xtask bench`: the promise, what it costs, and what others do, measured on every server program found.
//! Must not gate on an absolute time: counts, bytes, and ratios of variants that take turns in one run.

mod asking;
mod audit;
mod backup;
mod beside;
mod big;
mod bulk;
mod check;
mod cluster;
mod doc;
mod figures;
mod filters;
mod ground;
mod kept;
mod lanes;
mod listing;
mod memory;
mod options;
pub(crate) mod process;
mod promise;
mod rank;
mod records;
mod relay;
mod replica;
mod rivals;
mod rounds;
pub(crate) mod saving;
mod setting;
mod shown;
mod speed;
mod spent;
mod stats;
mod steady;
mod values;
mod ways;
mod yielding;

use keypace_lab::Program;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;
use figures::Row;
use options::{Group, Options, Task};
use setting::Setting;

/// Builds, measures every group on every server, prints the tables, and keeps or compares the results.
pub(crate) fn run(words: &[String]) -> Outcome {
    let options = Options::read(words)?;
    let workspace = Workspace::find()?;
    if options.task == Task::Document {
        return doc::write(&workspace.root);
    }
    setup::any(&workspace)?;
    let programs = Program::all();
    let pairs = || {
        let groups = options.groups.iter();
        groups.flat_map(|group| {
            let some = programs.iter().take(options.programs_of(*group));
            some.map(|program| (*group, program))
        })
    };
    if options.task == Task::Check {
        // Before the first minute of measuring, not after the last.
        for (group, program) in pairs() {
            let kept = kept::read(&workspace.root, group, program)?;
            if let Some(why) = check::nothing_to_compare(&kept) {
                return Err(Failure::new(why));
            }
        }
        println!("{}", check::METHOD);
    }
    let packages = ["--package", "keypace-cli", "--package", "xtask"];
    shell::run(
        shell::cargo(&workspace.root)
            .args(["build", "--release"])
            .args(packages),
    )?;
    let machine = kept::machine();
    println!("machine: {machine}");
    let mut failures = Vec::new();
    for (group, program) in pairs() {
        println!("\n{} on {}", group.name(), program.label());
        // One group that can't be measured leaves the others their half hour.
        match measure(group, program, &options, &workspace, &machine) {
            Ok(found) => failures.extend(found),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    if options.task == Task::Keep && options.is_full_size() {
        doc::write(&workspace.root)?;
    }
    match failures.as_slice() {
        [] => Ok(()),
        some => Err(Failure::new(some.join("\n"))),
    }
}

/// Measures a group on one server, and keeps it or compares it: what a comparison found.
fn measure(
    group: Group,
    program: &Program,
    options: &Options,
    workspace: &Workspace,
    machine: &Value,
) -> Outcome<Vec<String>> {
    let setting = Setting {
        program,
        workspace,
        keys: options.keys,
        rounds: options.rounds(group),
    };
    let failed = |failure: Failure| {
        Failure::new(format!(
            "{} on {}: {failure}",
            group.name(),
            program.label()
        ))
    };
    let rows = rows(group, &setting).map_err(failed)?;
    let document = kept::document(group, program, options, machine, rows);
    shown::print(document["rows"].as_array().map_or(&[], Vec::as_slice));
    match options.task {
        Task::Check => {
            let kept = kept::read(&workspace.root, group, program)?;
            let found = check::compare(&kept, &document);
            for line in &found {
                println!("{line}");
            }
            Ok(found)
        }
        Task::Keep if options.is_full_size() => {
            kept::write(workspace, group, program, &document)?;
            Ok(Vec::new())
        }
        Task::Keep | Task::Document => {
            println!("not kept: the kept figures are those at full size, with 5 rounds or more");
            Ok(Vec::new())
        }
    }
}

fn rows(group: Group, setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    match group {
        Group::List => speed::list(setting),
        Group::Delete => speed::delete(setting),
        Group::Memory => memory::measure(setting),
        Group::Ways => ways::measure(setting),
        Group::Promise => promise::measure(setting),
        Group::Rivals => rivals::measure(setting),
        Group::Yield => yielding::measure(setting),
        Group::Big => big::measure(setting),
        Group::Replica => replica::measure(setting),
        Group::Steady => steady::measure(setting),
        Group::Cluster => cluster::measure(setting),
        Group::Lanes => lanes::measure(setting),
        Group::Backup => backup::measure(setting),
        Group::Filters => filters::measure(setting),
        Group::Stats => stats::measure(setting),
        Group::Bulk => bulk::measure(setting),
        Group::Records => records::measure(setting),
        Group::Audit => audit::measure(setting),
    }
}
