//! `cargo xtask deny`: licences, sources, duplicates and advisories of all dependencies, by cargo-deny and `deny.toml`.
//! Must not call advisories clean that could not be fetched.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Outcome, usage};
use crate::shell;
use crate::tools::{self, CARGO_DENY};
use crate::workspace::Workspace;

/// Runs what can be run here, and fails where a part could not.
pub(crate) fn run(words: &[String]) -> Outcome {
    if !words.is_empty() {
        return Err(usage("deny takes nothing"));
    }
    let workspace = Workspace::find()?;
    let tool = tools::have(&workspace, &CARGO_DENY)?;
    let held =
        shell::run(command(&tool, &workspace).args(["check", "bans", "licenses", "sources"]));
    let advisories = match shell::output(command(&tool, &workspace).args(["fetch", "db"])) {
        Ok(_) => shell::run(command(&tool, &workspace).args(["check", "advisories"])),
        Err(reason) => Err(Failure::new(format!("not run: advisories ({reason})"))),
    };
    held.and(advisories)
}

fn command(tool: &Path, workspace: &Workspace) -> Command {
    let mut command = Command::new(tool);
    command
        .current_dir(&workspace.root)
        .args(["--workspace", "--all-features", "--locked"]);
    command
}
