//! Where things of this workspace are, as cargo says.
//! Must not guess: a configured target folder is honoured.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::shell;

/// The folders of this workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where the workspace's manifest is.
    pub(crate) root: PathBuf,
    /// Where cargo builds to.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Outcome<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = shell::output(shell::cargo(here).args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("failed to read cargo metadata: {error}")))?;
        let folder = |field: &str| {
            let path = metadata[field].as_str().map(PathBuf::from);
            path.ok_or_else(|| Failure::new(format!("failed to find {field} in cargo metadata")))
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
        })
    }

    /// Where server programs that we unpack go. Always below the workspace, as the lab looks for them there.
    pub(crate) fn servers(&self) -> PathBuf {
        self.root.join("target/servers")
    }

    /// keypace at `program`, without what the environment and configuration files of this machine say.
    pub(crate) fn keypace(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for variable in ["KEYPACE_URL", "KEYPACE_PASSWORD", "KEYPACE_LOG"] {
            command.env_remove(variable);
        }
        let home = self.target.join("bench");
        command
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"));
        command
    }

    /// A program of the build with debug checks.
    pub(crate) fn debug(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// A program of the release build.
    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}
