//! `cargo xtask msrv`: every crate, compiled by the oldest compiler that its manifest promises.
//! Must not take a newer one in its place: what can't be had is not run, and that is a failure.

use std::collections::BTreeMap;
use std::process::Command;

use crate::failure::{Failure, Outcome, usage};
use crate::shell;
use crate::workspace::Workspace;

/// Checks them all, each version of the compiler in turn.
pub(crate) fn run(words: &[String]) -> Outcome {
    if !words.is_empty() {
        return Err(usage("msrv takes nothing"));
    }
    let workspace = Workspace::find()?;
    let mut promised: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in workspace.members()? {
        // What is not published promises nothing.
        if let (Some(version), true) = (member.rust_version, member.is_published) {
            promised.entry(version).or_default().push(member.name);
        }
    }
    let mut not_run = Vec::new();
    for (version, names) in &promised {
        if let Err(reason) = have(version) {
            println!("not run: rust {version} ({reason})");
            not_run.push(version.as_str());
            continue;
        }
        check(&workspace, version, names)?;
        println!("rust {version} compiles {}", names.join(", "));
    }
    if not_run.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "not run: rust {}",
        not_run.join(", ")
    )))
}

/// Finds or installs the compiler. A version without its last part means the first of its releases.
fn have(version: &str) -> Outcome {
    let is_there =
        shell::succeeds(Command::new("rustup").args(["run", &full(version), "rustc", "-V"]));
    if is_there {
        return Ok(());
    }
    let mut install = Command::new("rustup");
    install.args([
        "toolchain",
        "install",
        "--no-self-update",
        "--profile",
        "minimal",
    ]);
    shell::output(install.arg(full(version))).map(|_| ())
}

fn check(workspace: &Workspace, version: &str, names: &[String]) -> Outcome {
    let mut check = Command::new("rustup");
    check
        .current_dir(&workspace.root)
        .args([
            "run",
            &full(version),
            "cargo",
            "check",
            "--quiet",
            "--locked",
        ])
        // Each compiler has its own, or they would undo each other's work.
        .arg("--target-dir")
        .arg(workspace.target.join("msrv").join(version));
    for name in names {
        check.args(["--package", name]);
    }
    // What runs us has said which toolchain it is of.
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        check.env_remove(variable);
    }
    shell::run(&mut check)
}

fn full(version: &str) -> String {
    match version.matches('.').count() {
        1 => format!("{version}.0"),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::full;

    #[test]
    fn a_version_in_two_parts_is_its_first_release() {
        assert_eq!(full("1.88"), "1.88.0");
        assert_eq!(full("1.88.1"), "1.88.1");
    }
}
