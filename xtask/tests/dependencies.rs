//! What every change of a dependency has to keep, as cargo's metadata has it: licences, sources, and the compilers that
//! our crates promise. Asks nobody outside; advisories and duplicates are cargo-deny's, by `cargo xtask deny`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace around this crate")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "metadata",
            "--locked",
            "--all-features",
            "--format-version",
            "1",
        ])
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("packages")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let file = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let table: toml::Table = file.parse().expect("TOML");
    let list = table["licenses"]["allow"].as_array().expect("a list");
    list.iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

/// Whether one may use it under licences of `allowed` alone.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // Older crates write a slash for OR.
    let Ok(parsed) = Expression::parse_mode(expression, ParseMode::LAX) else {
        return false;
    };
    parsed.evaluate(|requirement| allowed.contains(&requirement.to_string()))
}

#[test]
fn every_dependency_may_be_handed_out() {
    let (metadata, allowed) = (metadata(), allowed());
    let refused: Vec<_> = packages(&metadata)
        .iter()
        .filter(|package| !is_allowed(text(&package["license"]), &allowed))
        .map(|package| format!("{} ({})", text(&package["name"]), package["license"]))
        .collect();
    assert!(refused.is_empty(), "not in deny.toml's list: {refused:#?}");
}

#[test]
fn a_licence_counts_only_when_all_that_it_asks_for_is_allowed() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR ISC",
        "MIT AND ISC",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "", "our own"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_dependency_is_of_the_registry_or_of_this_workspace() {
    let metadata = metadata();
    let others: Vec<_> = packages(&metadata)
        .iter()
        .filter(|package| !package["source"].is_null() && text(&package["source"]) != REGISTRY)
        .map(|package| text(&package["id"]))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

type Version = (u64, u64, u64);

fn version(text: &str) -> Version {
    let mut parts = text.split('.').map(|part| part.parse().expect("a number"));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

/// Everything that is compiled for `id`: what its tests need does not count.
fn needed<'a>(id: &'a str, nodes: &BTreeMap<&'a str, &'a Value>) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![id]);
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        let dependencies = nodes[next]["deps"].as_array().expect("dependencies");
        let is_built = |dependency: &&Value| {
            let kinds = dependency["dep_kinds"].as_array().expect("kinds");
            kinds.iter().any(|kind| kind["kind"] != "dev")
        };
        let built = dependencies.iter().filter(is_built);
        open.extend(built.map(|dependency| text(&dependency["pkg"])));
    }
    seen
}

#[test]
fn no_dependency_asks_for_a_newer_compiler_than_its_crate_promises() {
    let metadata = metadata();
    let by_id: BTreeMap<&str, &Value> = packages(&metadata)
        .iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let nodes = nodes.iter().map(|node| (text(&node["id"]), node)).collect();
    let members = metadata["workspace_members"].as_array().expect("members");
    let mut newer = Vec::new();
    for member in members.iter().map(text) {
        let promised = text(&by_id[member]["rust_version"]);
        assert!(!promised.is_empty(), "{member} promises no compiler");
        for id in needed(member, &nodes) {
            let asked = text(&by_id[id]["rust_version"]);
            if !asked.is_empty() && version(asked) > version(promised) {
                newer.push(format!(
                    "{member} promises {promised}, {id} asks for {asked}"
                ));
            }
        }
    }
    assert!(newer.is_empty(), "{newer:#?}");
}

#[test]
fn what_is_published_says_what_it_is() {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().expect("members");
    let ours = |package: &&Value| members.contains(&package["id"]) && package["publish"].is_null();
    let mut published = 0;
    for package in packages(&metadata).iter().filter(ours) {
        published += 1;
        for field in ["description", "license", "documentation", "readme"] {
            let name = text(&package["name"]);
            assert!(package[field].is_string(), "{name} has no {field}");
        }
        let folder = Path::new(text(&package["manifest_path"]));
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let path = folder.with_file_name(file);
            assert!(path.is_file(), "there is no {}", path.display());
        }
    }
    assert!(published > 0, "crates are found");
}
