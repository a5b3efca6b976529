//! The tidy test: ranks, crate arrows, budgets and house rules, held over the sources of the whole workspace.
//! It reads sources only, needs no server, and changes nothing.

#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{CHECKS, arrows};
use source::{Finding, Source};

fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
    };
    own.ancestors()
        .find(is_root)
        .expect("a workspace around this crate")
        .to_owned()
}

/// All files below `folder` that `is_wanted` by name; build output and hidden folders are nobody's source.
fn files(folder: &Path, is_wanted: &dyn Fn(&str) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            // Fixtures are other people's code, as the auditor meets it.
            let is_ours =
                !name.starts_with('.') && !name.starts_with("target") && name != "fixtures";
            if is_ours {
                files(&path, is_wanted, found);
            }
        } else if is_wanted(&name) {
            found.push(path);
        }
    }
}

fn sources(is_wanted: &dyn Fn(&str) -> bool) -> Vec<Source> {
    let root = workspace_root();
    let mut found = Vec::new();
    files(&root, is_wanted, &mut found);
    found.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a source in UTF-8");
        let inner = path.strip_prefix(&root).expect("a path below the root");
        Source::new(&inner.to_string_lossy().replace('\\', "/"), &text)
    };
    found.iter().map(read).collect()
}

fn expect_none(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn sources_are_tidy() {
    let sources = sources(&|name| name.ends_with(".rs"));
    assert!(
        sources
            .iter()
            .any(|source| source.path == "crates/keypace/tests/tidy.rs"),
        "sources are found"
    );
    let findings: Vec<_> = sources
        .iter()
        .flat_map(|source| CHECKS.iter().flat_map(|check| check(source)))
        .collect();
    expect_none(&findings);
}

#[test]
fn crates_point_one_way() {
    let root_manifest = |source: &Source| source.path == "Cargo.toml";
    let manifests = sources(&|name| name == "Cargo.toml");
    assert!(manifests.iter().any(root_manifest), "manifests are found");
    let members = manifests.iter().filter(|source| !root_manifest(source));
    expect_none(&members.flat_map(arrows).collect::<Vec<_>>());
}
