//! `cargo xtask bench`: speed against the floor and resident memory, on every server program found.
//! Must not gate on an absolute time: ratios of variants that alternate in one run, and bytes.

mod measure;
mod memory;
mod options;
mod results;
mod speed;

use keypace_lab::Program;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;
use options::{Options, Row};

/// Builds, measures every row on every server, prints the tables and writes the results.
pub(crate) fn run(words: &[String]) -> Outcome {
    let options = Options::read(words)?;
    let workspace = Workspace::find()?;
    setup::any(&workspace)?;
    let packages = ["--package", "keypace-cli", "--package", "xtask"];
    shell::run(
        shell::cargo(&workspace.root)
            .args(["build", "--release"])
            .args(packages),
    )?;
    let machine = results::machine();
    println!("machine: {machine}");
    let mut all_met = true;
    for program in Program::all() {
        println!("\n{}", program.label());
        all_met &= measure_on(&program, &options, &workspace, &machine)?;
    }
    if options.check && !all_met {
        return Err(Failure::new("a limit is not met"));
    }
    Ok(())
}

/// Measures all rows on one server program; whether they meet their limits.
fn measure_on(
    program: &Program,
    options: &Options,
    workspace: &Workspace,
    machine: &serde_json::Value,
) -> Outcome<bool> {
    let mut rows = Vec::new();
    if options.wants(Row::List) || options.wants(Row::Delete) {
        rows.extend(speed::measure(program, options, workspace)?);
    }
    if options.wants(Row::Memory) {
        rows.extend(memory::measure(program, workspace)?);
    }
    results::print(&rows);
    let document = json!({
        "machine": machine,
        "server": { "name": program.name, "version": program.version },
        "rounds": options.rounds,
        "rows": rows.iter().map(results::Line::to_json).collect::<Vec<_>>(),
    });
    if options.wants_all() {
        results::write(workspace, program, &document)?;
    } else {
        println!("no results written: they hold all rows, and some were left out");
    }
    Ok(rows.iter().all(results::Line::is_met))
}
