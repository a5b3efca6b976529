//! The archive that holds a program, its licences, pages and completions: what one downloads without a package manager.
//! Must come out the same whoever packs it: no names, times or order of this machine.

use std::fs;
use std::process::Command;

use super::program::Program;
use super::{Ground, fresh, io, pages};
use crate::failure::Outcome;
use crate::shell;

/// What goes with the program, from the workspace.
const TEXTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Packs it, and says under which name.
pub(super) fn pack(ground: &Ground, program: &Program) -> Outcome<String> {
    let name = format!("keypace-{}-{}", ground.version, program.target);
    let parent = ground.workspace.target.join("dist-work");
    let folder = parent.join(&name);
    fresh(&folder)?;
    pages::write(&ground.workspace, &program.path, &folder)?;
    let copy = |from: &std::path::Path, to: &str| {
        fs::copy(from, folder.join(to)).map_err(|error| io(from, &error))
    };
    copy(&program.path, "keypace")?;
    for text in TEXTS {
        copy(&ground.workspace.root.join(text), text)?;
    }
    let file = format!("{name}.tar.gz");
    let when = shell::output(
        Command::new("git")
            .args(["log", "-1", "--format=@%ct"])
            .current_dir(&ground.workspace.root),
    )?;
    shell::output(
        Command::new("tar")
            .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .args(["--mode=go=rX,u+rw", &format!("--mtime={}", when.trim())])
            // gzip's own header would hold the time of packing.
            .args(["--use-compress-program", "gzip -9 --no-name"])
            .arg("--create")
            .arg("--file")
            .arg(ground.folder.join(&file))
            .arg("--directory")
            .arg(&parent)
            .arg(&name),
    )?;
    Ok(file)
}
