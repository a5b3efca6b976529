//! Client libraries of other languages, with which the snippets of docs/wire-layout.md and docs/keys-to-scan.md are run:
//! redis-py, django-redis, node-redis, ioredis and Ruby's redis, each below `target/clients`. Must not install any of them for the whole machine, only the language
//! where there is none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

/// A language, and how its client library is had.
struct Client {
    language: &'static str,
    /// The program that runs a snippet, and the one that installs libraries.
    programs: [&'static str; 2],
    /// Debian's packages that bring the programs.
    packages: &'static [&'static str],
    /// Debian's package of the library, where that is new enough.
    library: Option<&'static str>,
    /// The variable by which the program finds a library in a folder of ours, and the place below that folder.
    path: (&'static str, &'static str),
    /// What loads the library, and fails where there is none.
    load: [&'static str; 2],
    install: fn(&Path) -> Command,
}

const CLIENTS: [Client; 3] = [
    Client {
        language: "python",
        programs: ["python3", "python3"],
        packages: &["python3", "python3-pip"],
        library: None,
        path: ("PYTHONPATH", ""),
        load: ["-c", "import redis, django, django_redis"],
        install: pip,
    },
    Client {
        language: "node",
        programs: ["node", "npm"],
        packages: &["nodejs", "npm"],
        library: None,
        path: ("NODE_PATH", "node_modules"),
        load: ["-e", "require('redis'); require('ioredis')"],
        install: npm,
    },
    Client {
        language: "ruby",
        programs: ["ruby", "gem"],
        packages: &["ruby"],
        library: Some("ruby-redis"),
        path: ("GEM_HOME", ""),
        load: ["-e", "require 'redis'"],
        install: gem,
    },
];

/// Tries to have all of them, and gives a line for each that could not be had.
pub(crate) fn all(workspace: &Workspace) -> Vec<String> {
    let missing = CLIENTS.iter().filter_map(|client| {
        let reason = have(client, workspace).err()?;
        Some(format!(
            "not run: the snippets of the book in {} ({reason})",
            client.language
        ))
    });
    missing.collect()
}

/// What is there stays as it is; then Debian is asked, then the language's own registry.
fn have(client: &Client, workspace: &Workspace) -> Outcome {
    let folder = workspace.clients().join(client.language);
    if loads(client, &folder) {
        return Ok(());
    }
    let has_programs = || {
        let mut programs = client.programs.iter();
        programs.all(|name| shell::which(name).is_some())
    };
    if !has_programs() {
        setup::packages(client.packages)?;
    }
    // Where this fails, say for want of root, the language's own registry is asked.
    if let Some(library) = client.library
        && setup::packages(&[library]).is_ok()
        && loads(client, &folder)
    {
        return Ok(());
    }
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("failed to make {}: {error}", folder.display())))?;
    eprintln!("installing the client library for {}", client.language);
    shell::output(&mut (client.install)(&folder))?;
    if loads(client, &folder) {
        Ok(())
    } else {
        Err(Failure::new("it was installed and can't be loaded"))
    }
}

/// Whether a program of the language finds the library.
fn loads(client: &Client, folder: &Path) -> bool {
    let mut command = Command::new(client.programs[0]);
    let (variable, place) = client.path;
    command.args(client.load).env(variable, folder.join(place));
    shell::succeeds(&mut command)
}

/// Into a folder that PYTHONPATH names: a virtual environment would need a package of its own on Debian.
fn pip(folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(folder)
        .args(["redis==6.4.0", "django==5.2.19", "django-redis==6.0.0"]);
    command
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .arg("--prefix")
        .arg(folder)
        .args(["redis@5.9.0", "ioredis@6.0.0"]);
    command
}

fn gem(folder: &Path) -> Command {
    let mut command = Command::new("gem");
    command
        .args(["install", "--no-document", "--install-dir"])
        .arg(folder)
        .args(["redis", "--version", "5.4.1"]);
    command
}

impl Workspace {
    /// Where client libraries of other languages go. Always below the workspace, as the test looks for them there.
    fn clients(&self) -> PathBuf {
        self.root.join("target/clients")
    }
}
