//! `cargo xtask web`: the page's front-end parts, fetched from the npm registry at pinned versions, checked by their
//! SHA-512, and kept with their licences in the server's `web/vendor`. Must not run any of their code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::failure::{Failure, Outcome, usage};
use crate::shell;
use crate::workspace::Workspace;

/// Where they are kept, below the workspace.
const VENDOR: &str = "crates/keypace-server/web/vendor";
/// What says which file came from where, and what it hashes to.
const MANIFEST: &str = "vendored.json";

/// A package, as the registry has it.
struct Package {
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    /// SHA-512 of the package's archive in base64, as the registry's own lock files write it.
    sha512: &'static str,
    /// A file of the archive, and the name that it has here.
    files: &'static [(&'static str, &'static str)],
}

const PACKAGES: [Package; 4] = [
    Package {
        name: "htm",
        version: "3.1.1",
        licence: "Apache-2.0",
        sha512: "983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        files: &[
            // Holds Preact too: one file, without names that a page can't resolve.
            ("preact/standalone.module.js", "preact-htm.js"),
            ("LICENSE", "LICENSE-htm.txt"),
        ],
    },
    Package {
        name: "preact",
        version: "11.2.0",
        licence: "MIT",
        sha512: "/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        // Its code comes with htm; what it asks for is that its licence goes with it.
        files: &[("LICENSE", "LICENSE-preact.txt")],
    },
    Package {
        name: "uplot",
        version: "1.6.32",
        licence: "MIT",
        sha512: "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        files: &[
            ("dist/uPlot.esm.js", "uplot.js"),
            ("dist/uPlot.min.css", "uplot.css"),
            ("LICENSE", "LICENSE-uplot.txt"),
        ],
    },
    Package {
        name: "d3-hierarchy",
        version: "3.1.3",
        licence: "ISC",
        sha512: "GRajN5ZcnEwYFWqqdzhG1qJ3+fDg6WWzk47TJg7ePY7yvYAgRfD2r1mUx+wviBOWuCwamCUzjwMSdato43jbGA==",
        files: &[
            ("dist/d3-hierarchy.min.mjs", "d3-hierarchy.js"),
            ("LICENSE", "LICENSE-d3-hierarchy.txt"),
        ],
    },
];

/// Fetches all of them anew, or with `--check` only looks whether what is kept is what was fetched.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let folder = workspace.root.join(VENDOR);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => fetch(&folder, &workspace.target.join("web")),
        ["--check"] => check(&folder),
        _ => Err(usage("web takes --check or nothing")),
    }
}

/// Whether `folder` holds just the pinned files, each as it was fetched. Asks nobody outside.
fn check(folder: &Path) -> Outcome {
    let text = fs::read_to_string(folder.join(MANIFEST)).map_err(|error| io(folder, &error))?;
    let kept: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("failed to read {MANIFEST}: {error}")))?;
    let found = hashes(folder)?;
    let expected = manifest(&found)?;
    if kept == expected {
        println!("{} vendored files are as they were fetched", found.len());
        return Ok(());
    }
    Err(Failure::new(format!(
        "the files in {VENDOR} are not those that {MANIFEST} names; run `cargo xtask web` to fetch them anew"
    )))
}

fn fetch(folder: &Path, temporary: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| io(folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
    for package in &PACKAGES {
        let unpacked = unpack(package, temporary)?;
        for (theirs, ours) in package.files {
            let text = fs::read(unpacked.join(theirs)).map_err(|error| io(&unpacked, &error))?;
            fs::write(folder.join(ours), text).map_err(|error| io(folder, &error))?;
        }
        println!("{} {} ({})", package.name, package.version, package.licence);
    }
    let text = format!("{:#}\n", manifest(&hashes(folder)?)?);
    fs::write(folder.join(MANIFEST), text).map_err(|error| io(folder, &error))?;
    check(folder)
}

/// The package's files below `temporary`, after its archive was held against the pinned hash.
fn unpack(package: &Package, temporary: &Path) -> Outcome<PathBuf> {
    let place = temporary.join(package.name);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| io(&place, &error))?;
    }
    fs::create_dir_all(&place).map_err(|error| io(&place, &error))?;
    let wanted = format!("{}@{}", package.name, package.version);
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .arg(&place)
        .arg(&wanted);
    shell::output(&mut npm)?;
    let archive = place.join(format!("{}-{}.tgz", package.name, package.version));
    let bytes = fs::read(&archive).map_err(|error| io(&archive, &error))?;
    let hash = STANDARD.encode(Sha512::digest(&bytes));
    if hash != package.sha512 {
        return Err(Failure::new(format!(
            "{wanted} is not what was pinned: its SHA-512 is {hash}"
        )));
    }
    shell::output(
        Command::new("tar")
            .arg("xzf")
            .arg(&archive)
            .arg("-C")
            .arg(&place),
    )?;
    Ok(place.join("package"))
}

/// SHA-256 of each file but the manifest, by name.
fn hashes(folder: &Path) -> Outcome<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let entries = fs::read_dir(folder).map_err(|error| io(folder, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            let bytes = fs::read(entry.path()).map_err(|error| io(folder, &error))?;
            found.insert(name, hex::encode(Sha256::digest(&bytes)));
        }
    }
    Ok(found)
}

/// What is kept beside the files; fails where a file is missing or nobody's.
fn manifest(found: &BTreeMap<String, String>) -> Outcome<Value> {
    let mut left = found.clone();
    let mut packages = Vec::new();
    for package in &PACKAGES {
        let mut files = BTreeMap::new();
        for (theirs, ours) in package.files {
            let hash = left
                .remove(*ours)
                .ok_or_else(|| Failure::new(format!("{VENDOR}/{ours} is missing")))?;
            files.insert(*ours, json!({"from": theirs, "sha256": hash}));
        }
        packages.push(json!({
            "name": package.name,
            "version": package.version,
            "licence": package.licence,
            "integrity": format!("sha512-{}", package.sha512),
            "files": files,
        }));
    }
    match left.into_keys().next() {
        Some(name) => Err(Failure::new(format!(
            "{VENDOR}/{name} belongs to no pinned package"
        ))),
        None => Ok(json!({ "packages": packages })),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed at {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{MANIFEST, VENDOR, check};

    fn vendor() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(VENDOR)
    }

    #[test]
    fn what_is_vendored_is_what_was_fetched() {
        check(&vendor()).expect("the pinned files");
    }

    #[test]
    fn a_file_that_was_edited_or_added_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(vendor())
            .expect("the vendored files")
            .flatten()
        {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
        }
        check(folder.path()).expect("the copy is as good");
        fs::write(folder.path().join("more.js"), "1").expect("a file more");
        check(folder.path()).expect_err("a file of no package");
        fs::remove_file(folder.path().join("more.js")).expect("gone again");
        fs::write(folder.path().join("uplot.js"), "1").expect("an edit");
        check(folder.path()).expect_err("an edited file");
        fs::remove_file(folder.path().join(MANIFEST)).expect("gone");
        check(folder.path()).expect_err("no manifest");
    }
}
