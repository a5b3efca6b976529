//! `cargo xtask api`: the public interface of the library, held against `crates/keypace/public-api.txt`, so that a change of
//! it is seen in review. Must not decide whether a change is allowed: `semver.rs` does, against the last release.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::failure::{Failure, Outcome, usage};
use crate::shell;
use crate::workspace::Workspace;

/// What is kept, below the workspace.
const KEPT: &str = "crates/keypace/public-api.txt";
/// Rustdoc as one of a nightly toolchain: only such a one writes JSON.
const RUSTDOC: &str = "xtask/rustdoc-json.sh";

/// Compares, or with `--bless` writes what is there.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["--check"] => check(&workspace),
        ["--bless"] => {
            let path = workspace.root.join(KEPT);
            fs::write(&path, current(&workspace)?)
                .map_err(|error| Failure::new(format!("failed to write {KEPT}: {error}")))
        }
        _ => Err(usage("api takes --check or --bless")),
    }
}

/// Whether the interface is the one that is kept.
pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let kept = fs::read_to_string(workspace.root.join(KEPT))
        .map_err(|error| Failure::new(format!("failed to read {KEPT}: {error}")))?;
    let now = current(workspace)?;
    let lines = difference(&kept, &now);
    if lines.is_empty() {
        println!(
            "the public interface is as kept: {} items",
            now.lines().count()
        );
        return Ok(());
    }
    Err(Failure::new(format!(
        "the public interface of keypace is not the one in {KEPT}:\n{}\nif that is meant, run `cargo xtask api --bless`",
        lines.join("\n")
    )))
}

/// One item a line. What a derive or the compiler adds by itself is left out, being told by the other lines.
fn current(workspace: &Workspace) -> Outcome<String> {
    let mut rustdoc = shell::cargo(&workspace.root);
    rustdoc
        .args(["rustdoc", "--quiet", "--package", "keypace", "--lib", "--"])
        .args(["-Z", "unstable-options", "--output-format", "json"])
        .args(["--cap-lints", "allow"])
        // In the environment of the whole build, build scripts would see it too, and everything be compiled again.
        .env("RUSTDOC", workspace.root.join(RUSTDOC));
    shell::run(&mut rustdoc)?;
    let json: PathBuf = workspace.target.join("doc/keypace.json");
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| {
            Failure::new(format!(
                "failed to read {}: {error}; is it of the toolchain that CONTRIBUTING.md names?",
                json.display()
            ))
        })?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

fn difference(kept: &str, now: &str) -> Vec<String> {
    let (kept, now): (BTreeSet<_>, BTreeSet<_>) = (kept.lines().collect(), now.lines().collect());
    let gone = kept.difference(&now).map(|line| format!("- {line}"));
    let new = now.difference(&kept).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn what_is_gone_and_what_is_new_are_shown_and_an_order_is_not() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert!(difference("a\nb\n", "b\na\n").is_empty());
    }
}
