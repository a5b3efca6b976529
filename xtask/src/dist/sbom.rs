//! What the program is made of, as CycloneDX, by cargo-cyclonedx. Every crate that cargo builds into it must be there.
//! Must leave nothing in the folders of the crates, where that tool writes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{Built, Ground, io};
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::tools::{self, CARGO_CYCLONEDX};

/// What the tool calls its files, before they are taken away.
const NAME: &str = "keypace-sbom";
/// The newest that it writes.
const SPECIFICATION: &str = "1.5";

pub(super) fn make(ground: &Ground) -> Outcome<Built> {
    let tool = match tools::have(&ground.workspace, &CARGO_CYCLONEDX) {
        Ok(tool) => tool,
        Err(reason) => return Ok(Built::No(reason.to_string())),
    };
    let text = written(ground, &tool)?;
    let sbom: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("failed to read the SBOM: {error}")))?;
    let seen = judge(&sbom, &built_crates(ground)?)?;
    let name = format!("keypace-{}.cdx.json", ground.version);
    let path = ground.folder.join(&name);
    fs::write(&path, text).map_err(|error| io(&path, &error))?;
    Ok(Built::Yes(format!(
        "{name}: CycloneDX {SPECIFICATION}, {seen}"
    )))
}

/// What it writes for the program, without the paths of this machine.
fn written(ground: &Ground, tool: &std::path::Path) -> Outcome<String> {
    let root = &ground.workspace.root;
    let when = shell::output(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root),
    )?;
    let made = shell::output(
        Command::new(tool)
            .current_dir(root)
            .args(["cyclonedx", "--quiet", "--format", "json", "--all"])
            .args(["--spec-version", SPECIFICATION, "--override-filename", NAME])
            // Then neither a time nor a random number of this run stands in it.
            .env("SOURCE_DATE_EPOCH", when.trim()),
    );
    let mut text = Err(Failure::new("cargo-cyclonedx wrote nothing of keypace-cli"));
    for member in ground.workspace.members()? {
        let path = member.folder.join(format!("{NAME}.json"));
        if member.name == "keypace-cli" {
            text = fs::read_to_string(&path).map_err(|error| io(&path, &error));
        }
        // It writes one for every crate.
        let _ = fs::remove_file(&path);
    }
    made?;
    Ok(text?.replace(&format!("file://{}", root.display()), "file://."))
}

/// Names and versions of the crates that go into the program, and those that build it.
fn built_crates(ground: &Ground) -> Outcome<BTreeSet<(String, String)>> {
    let text = shell::output(shell::cargo(&ground.workspace.root).args([
        "tree",
        "--locked",
        "--package",
        "keypace-cli",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    let pair = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        Some((name, words.next()?.trim_start_matches('v').to_owned()))
    };
    Ok(text.lines().filter_map(pair).collect())
}

fn judge(sbom: &Value, built: &BTreeSet<(String, String)>) -> Outcome<String> {
    if sbom["bomFormat"] != "CycloneDX" || sbom["specVersion"] != SPECIFICATION {
        return Err(Failure::new("the SBOM does not say what it is"));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let components = sbom["components"].as_array().into_iter().flatten();
    let subject = std::iter::once(&sbom["metadata"]["component"]);
    let mut listed = BTreeSet::new();
    let mut unlicensed = Vec::new();
    for component in components.chain(subject) {
        if component["licenses"].as_array().is_none_or(Vec::is_empty) {
            unlicensed.push(text(&component["name"]));
        }
        listed.insert((text(&component["name"]), text(&component["version"])));
    }
    let missing: Vec<_> = built
        .difference(&listed)
        .map(|pair| pair.0.as_str())
        .collect();
    if !missing.is_empty() || !unlicensed.is_empty() {
        return Err(Failure::new(format!(
            "the SBOM lacks the crates [{}] and the licences of [{}]",
            missing.join(", "),
            unlicensed.join(", ")
        )));
    }
    Ok(format!(
        "{} crates, each with its licence; the {} that cargo builds are all there",
        listed.len(),
        built.len()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{SPECIFICATION, judge};

    #[test]
    fn a_crate_that_is_built_and_not_listed_is_a_failure_and_so_is_one_without_a_licence() {
        let sbom = |licences: serde_json::Value| {
            json!({
                "bomFormat": "CycloneDX", "specVersion": SPECIFICATION,
                "metadata": {"component": {"name": "a", "version": "1.0.0", "licenses": [{}]}},
                "components": [{"name": "b", "version": "2.0.0", "licenses": licences}],
            })
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let built = BTreeSet::from([pair("a", "1.0.0"), pair("b", "2.0.0")]);
        assert!(judge(&sbom(json!([{}])), &built).is_ok());
        assert!(judge(&sbom(json!([])), &built).is_err());
        let more = BTreeSet::from([pair("b", "2.0.1")]);
        assert!(judge(&sbom(json!([{}])), &more).is_err());
        assert!(judge(&json!({}), &BTreeSet::new()).is_err());
    }
}
