//! The kept results: one file for each group and server, with the machine they come from.
//! Must not hold names of machines or people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keypace_lab::Program;
use serde_json::{Value, json};

use super::figures::Row;
use super::options::{Group, Options};
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// Below the workspace.
const FOLDER: &str = "benches/results";

/// What is kept of one group on one server.
pub(crate) fn document(
    group: Group,
    program: &Program,
    options: &Options,
    machine: &Value,
    rows: Vec<Row>,
) -> Value {
    json!({
        "group": group.name(),
        "machine": machine,
        "server": { "name": program.name, "version": program.version },
        "keys": options.keys,
        "rounds": options.rounds(group),
        "rows": rows.into_iter().map(Row::into_json).collect::<Vec<_>>(),
    })
}

/// Writes `benches/results/GROUP-SERVER-VERSION.json`.
pub(crate) fn write(
    workspace: &Workspace,
    group: Group,
    program: &Program,
    document: &Value,
) -> Outcome {
    let path = path(&workspace.root, group, program);
    let folder = path.parent().unwrap_or(Path::new(FOLDER));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, format!("{document:#}\n")))
        .map_err(|error| Failure::new(format!("failed to write {}: {error}", path.display())))?;
    println!("written to {}", path.display());
    Ok(())
}

/// What is kept of a group on a server, or what to do where nothing is.
pub(crate) fn read(root: &Path, group: Group, program: &Program) -> Outcome<Value> {
    let path = path(root, group, program);
    let Ok(text) = fs::read_to_string(&path) else {
        let name = group.name();
        let start = format!("{name}-{}-", program.name);
        let others: Vec<String> = files(root)?
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .filter(|file| file.starts_with(&start))
            .collect();
        let others = match others.as_slice() {
            [] => "none of another version either".to_owned(),
            some => format!("only {}", some.join(", ")),
        };
        return Err(Failure::new(format!(
            "nothing is kept of {name} on {}, {others}: run `cargo xtask bench --only {name}` where the code is known \
             to be good, and commit {FOLDER}/{}",
            program.label(),
            file_name(group, program)
        )));
    };
    parse(&path, &text)
}

/// All that is kept, in the order of file names.
pub(crate) fn all(root: &Path) -> Outcome<Vec<Value>> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("failed to read {}: {error}", path.display())))?;
        parse(&path, &text)
    };
    files(root)?.into_iter().map(read).collect()
}

fn files(root: &Path) -> Outcome<Vec<PathBuf>> {
    let folder = root.join(FOLDER);
    let failed = |error| Failure::new(format!("failed to read {}: {error}", folder.display()));
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    Ok(paths)
}

fn parse(path: &Path, text: &str) -> Outcome<Value> {
    serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("failed to read {}: {error}", path.display())))
}

fn path(root: &Path, group: Group, program: &Program) -> PathBuf {
    root.join(FOLDER).join(file_name(group, program))
}

fn file_name(group: Group, program: &Program) -> String {
    format!("{}-{}-{}.json", group.name(), program.name, program.version)
}

/// What the figures depend on: processor, cores, memory, system and compiler. No names of machines or people.
pub(crate) fn machine() -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| {
            line.strip_prefix(name)?
                .trim_start()
                .strip_prefix(':')
                .map(str::trim)
                .map(str::to_owned)
        });
        line.unwrap_or_else(|| "unknown".to_owned())
    };
    let said = |program: &str, word: &str| {
        shell::output(Command::new(program).arg(word))
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field("/proc/meminfo", "MemTotal"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "compiler": said("rustc", "--version"),
    })
}
