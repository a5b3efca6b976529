//! `cargo xtask semver`: whether the version of the library allows what changed since the last release.
//! Must not call a comparison with nothing a success.

use std::process::Command;

use crate::failure::{Outcome, usage};
use crate::shell;
use crate::tools::{self, CARGO_SEMVER_CHECKS};
use crate::workspace::Workspace;

/// Compares with the last tag of a release before this commit.
pub(crate) fn run(words: &[String]) -> Outcome {
    if !words.is_empty() {
        return Err(usage("semver takes nothing"));
    }
    let workspace = Workspace::find()?;
    let Some(tag) = last_release(&workspace) else {
        println!("not run: there is no tag v* before this commit, so no release to compare with");
        return Ok(());
    };
    let tool = tools::have(&workspace, &CARGO_SEMVER_CHECKS)?;
    println!("keypace since {tag}");
    shell::run(
        Command::new(tool)
            .current_dir(&workspace.root)
            // Cargo calls its own commands with their name first.
            .args(["semver-checks", "--package", "keypace"])
            .args(["--baseline-rev", &tag]),
    )
}

fn last_release(workspace: &Workspace) -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(&workspace.root).args([
        "describe",
        "--tags",
        "--abbrev=0",
        "--match",
        "v[0-9]*",
    ]);
    let tag = shell::output(&mut git).ok()?;
    Some(tag.trim().to_owned())
}
