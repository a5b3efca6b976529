//! What a group is measured with: the server program, the sizes, and the command lines of keypace and of the floor.
//! Must not let this machine's own settings into a measured run.

use std::process::Command;

use keypace_lab::Program;

use crate::floor::{DEFAULT_BATCH, DEFAULT_COUNT};
use crate::workspace::Workspace;

/// What is listed and deleted everywhere.
pub(crate) const PATTERN: &str = "session:*";

/// One server program and what is asked of it.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) program: &'a Program,
    pub(crate) workspace: &'a Workspace,
    pub(crate) keys: u64,
    pub(crate) rounds: usize,
}

impl Setting<'_> {
    /// keypace, without what the environment and configuration files of this machine say.
    pub(crate) fn keypace(&self) -> Command {
        self.workspace.keypace(&self.workspace.release("keypace"))
    }

    /// keypace on the server at `url`, with this budget and no progress.
    pub(crate) fn keypace_on(&self, url: &str, budget: &str) -> Command {
        let mut command = self.keypace();
        command.args(["--url", url, "--budget", budget, "--progress", "none"]);
        command
    }

    /// `keypace delete` of all that matches, its Summary as JSON.
    pub(crate) fn delete(&self, url: &str, budget: &str) -> Command {
        let mut command = self.keypace_on(url, budget);
        command.args(["delete", PATTERN, "--yes", "--json"]);
        command
    }

    /// keypace at full speed with the floor's own COUNT, so that the two differ in nothing but the client.
    pub(crate) fn keypace_as_the_floor(&self, url: &str) -> Command {
        let mut command = self.keypace_on(url, "off");
        command.args(["--count", &DEFAULT_COUNT.to_string()]);
        command
    }

    /// The raw-socket loop as a process of its own: `list`, `keys` or `delete`.
    pub(crate) fn floor(&self, what: &str, url: &str) -> Command {
        let mut command = Command::new(self.workspace.release("xtask"));
        command.args(["floor", what, url, PATTERN]);
        command.args([DEFAULT_COUNT.to_string(), DEFAULT_BATCH.to_string()]);
        command
    }
}
