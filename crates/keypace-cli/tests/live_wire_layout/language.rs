//! A language of docs/wire-layout.md: its program, made of the published blocks and a driver, and whether it can be run
//! here. Installs nothing: `cargo xtask test` does.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::blocks;

/// A language, with all that running it takes.
pub(crate) struct Language {
    pub(crate) name: &'static str,
    /// What runs a file.
    program: &'static str,
    /// Of the file.
    extension: &'static str,
    /// The variable by which it finds libraries in a folder, and the place in that folder.
    path: (&'static str, &'static str),
    /// What loads the client library.
    load: [&'static str; 2],
    driver: &'static str,
    /// Whether its client also knows clusters, by the same calls.
    pub(crate) knows_clusters: bool,
}

pub(crate) const LANGUAGES: [Language; 3] = [
    Language {
        name: "python",
        program: "python3",
        extension: "py",
        path: ("PYTHONPATH", ""),
        load: ["-c", "import redis, django_redis"],
        driver: include_str!("driver.py"),
        knows_clusters: true,
    },
    Language {
        name: "javascript",
        program: "node",
        extension: "cjs",
        path: ("NODE_PATH", "node_modules"),
        load: ["-e", "require('redis'); require('ioredis')"],
        driver: include_str!("driver.js"),
        knows_clusters: true,
    },
    Language {
        name: "ruby",
        program: "ruby",
        extension: "rb",
        path: ("GEM_HOME", ""),
        load: ["-e", "require 'redis'"],
        driver: include_str!("driver.rb"),
        knows_clusters: false,
    },
];

impl Language {
    /// Whether its program and its client library are here. Where CI asks for all, they have to be.
    pub(crate) fn is_here(&self) -> bool {
        let mut command = self.command();
        command.args(self.load).stdout(Stdio::null());
        let is_here = command.status().is_ok_and(|status| status.success());
        let must = std::env::var("CI").is_ok_and(|value| value == "true");
        let hint = "`cargo xtask test` installs it";
        assert!(is_here || !must, "no {} client here; {hint}", self.name);
        if !is_here {
            println!("not run: {}, its client is not here; {hint}", self.name);
        }
        is_here
    }

    /// Writes the program and the scripts that it reads, all as published, and gives the program's file.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let library = blocks::only(self.name);
        let mut text = String::new();
        for line in self.driver.lines() {
            let (indent, word) = line.split_at(line.len() - line.trim_start().len());
            if word == "@USE@" {
                for line in blocks::only(&format!("{} use", self.name)).lines() {
                    text.push_str(&format!("{indent}{line}\n"));
                }
            } else {
                text.push_str(&format!("{line}\n"));
            }
        }
        let file = folder.join(format!("program.{}", self.extension));
        fs::write(&file, format!("{library}\n{text}")).expect("written");
        for block in blocks::all() {
            if let Some(name) = block.info.strip_prefix("lua ") {
                fs::write(folder.join(name), block.text).expect("written");
            }
        }
        file
    }

    /// The same for the part that knows rotations, of Python alone.
    pub(crate) fn write_rotating(&self, folder: &Path) -> PathBuf {
        self.write(folder);
        let parts = [
            blocks::only(self.name),
            blocks::only("python rotation"),
            include_str!("driver_rotating.py").to_owned(),
        ];
        let file = folder.join("rotating.py");
        fs::write(&file, parts.join("\n")).expect("written");
        file
    }

    /// Starts the program; what it prints is read from its pipe, and what goes wrong stands on our stderr.
    pub(crate) fn start(&self, file: &Path, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.arg(file).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().expect("started")
    }

    /// Runs the program with these arguments and this stdin.
    pub(crate) fn run(&self, file: &Path, arguments: &[&str], stdin: &str) -> Output {
        let mut child = self
            .command()
            .arg(file)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        // It may end before it reads all of that.
        let _ = child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(stdin.as_bytes());
        child.wait_with_output().expect("ended")
    }

    fn command(&self) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        // As xtask names the folders.
        let folder = match self.name {
            "javascript" => "node",
            name => name,
        };
        let (variable, place) = self.path;
        let mut command = Command::new(self.program);
        command.env(
            variable,
            root.join("target/clients").join(folder).join(place),
        );
        command
    }
}
