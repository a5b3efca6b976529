//! What the tests of the binary share: a clean process around it, and what it left behind. Asserts nothing about
//! keypace itself.

pub(crate) mod clusters;
#[cfg(unix)]
pub(crate) mod copies;
#[cfg(unix)]
pub(crate) mod under_way;

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use keypace_lab::{OwnedServer, Program, ServerOptions, install_hint};
use tempfile::TempDir;

/// What a finished run left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Bytes on stdout.
    pub(crate) stdout: Vec<u8>,
    /// Text on stderr.
    pub(crate) stderr: String,
}

impl Ran {
    /// Stdout as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// Stdout as one JSON value.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The run, if it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The run, if stderr says all of this.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {self:?}");
        }
        self
    }
}

/// A home of its own for each test: no settings of the user, no state left behind.
pub(crate) struct Home {
    folder: TempDir,
    url: Option<String>,
}

impl Home {
    /// A home without a server.
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
            url: None,
        }
    }

    /// A home from which `KEYPACE_URL` leads to a server.
    pub(crate) fn with_url(url: &str) -> Self {
        Self {
            url: Some(url.to_owned()),
            ..Self::new()
        }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where checkpoints go when nobody names a file.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state/keypace")
    }

    /// keypace with these arguments, and nobody at its stdin.
    pub(crate) fn keypace<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keypace"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(url) = &self.url {
            command.env("KEYPACE_URL", url);
        }
        command
    }

    /// Runs keypace to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        finished(self.keypace(arguments))
    }
}

/// Runs a command to its end.
pub(crate) fn finished(mut command: Command) -> Ran {
    let output = command.output().expect("keypace runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a child whose stderr was read up to some line, and gathers the rest.
pub(crate) fn gathered(mut child: Child, mut seen: String, mut rest: impl std::io::Read) -> Ran {
    let mut stdout = Vec::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_end(&mut stdout).expect("stdout");
    }
    rest.read_to_string(&mut seen).expect("stderr");
    let status = child.wait().expect("the child ends");
    Ran {
        code: status.code().unwrap_or(-1),
        stdout,
        stderr: seen,
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .expect("the program kill");
    assert!(status.success(), "kill -{name}");
}

/// A server of each kind that this machine has, each private to the test. None at all is a failure: a test that runs
/// against nothing proves nothing.
pub(crate) fn servers() -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program: {}",
        install_hint()
    );
    programs
        .iter()
        .map(|program| OwnedServer::start(program, ServerOptions::default()).expect("a server"))
        .collect()
}

/// The only file in a folder.
pub(crate) fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}
