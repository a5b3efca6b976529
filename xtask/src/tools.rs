//! Cargo's further commands, each at one version, built below `target/tools` when they are asked for.
//! Must not use one that happens to be on PATH: another version finds other things.

use std::path::PathBuf;

use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// A crate that holds a program of the same name.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Makes the Debian package.
pub(crate) const CARGO_DEB: Tool = Tool {
    name: "cargo-deb",
    version: "3.8.0",
};
/// Writes what a program is made of, as CycloneDX; it is of those who write that standard.
pub(crate) const CARGO_CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    version: "0.5.9",
};
/// Looks into licences, sources, duplicates and advisories.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
/// Finds what breaks those who build on an earlier version.
pub(crate) const CARGO_SEMVER_CHECKS: Tool = Tool {
    name: "cargo-semver-checks",
    version: "0.51.0",
};

/// Where the program is, after building it where it is not there yet.
pub(crate) fn have(workspace: &Workspace, tool: &Tool) -> Outcome<PathBuf> {
    let folder = workspace
        .target
        .join("tools")
        .join(format!("{}-{}", tool.name, tool.version));
    let program = folder.join("bin").join(tool.name);
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("building {} {}", tool.name, tool.version);
    let mut install = shell::cargo(&workspace.root);
    install
        .args(["install", "--quiet", "--locked", tool.name])
        .args(["--version", &format!("={}", tool.version), "--root"])
        .arg(&folder)
        // They run for seconds: what counts is how soon they are built.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    shell::run(&mut install)?;
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::new(format!(
        "{} {} brought no program",
        tool.name, tool.version
    )))
}
