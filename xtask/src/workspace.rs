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
    packages: Value,
}

/// A crate of this workspace, as its manifest has it.
#[derive(Debug)]
pub(crate) struct Member {
    /// The crate's name.
    pub(crate) name: String,
    /// Where its manifest is.
    pub(crate) folder: PathBuf,
    /// The oldest compiler that it promises.
    pub(crate) rust_version: Option<String>,
    /// Whether it may be published.
    pub(crate) is_published: bool,
    version: String,
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
            packages: metadata["packages"].clone(),
        })
    }

    /// Its crates.
    pub(crate) fn members(&self) -> Outcome<Vec<Member>> {
        let packages = self.packages.as_array().into_iter().flatten();
        packages
            .map(|package| {
                let text = |field: &str| {
                    let text = package[field].as_str().map(str::to_owned);
                    text.ok_or_else(|| {
                        Failure::new(format!("failed to find {field} in cargo metadata"))
                    })
                };
                let manifest = PathBuf::from(text("manifest_path")?);
                Ok(Member {
                    name: text("name")?,
                    folder: manifest.parent().unwrap_or(&self.root).to_owned(),
                    rust_version: text("rust_version").ok(),
                    // Cargo lists the registries that it may go to: none for what is private, nothing for any.
                    is_published: package["publish"].is_null(),
                    version: text("version")?,
                })
            })
            .collect()
    }

    /// The version of one crate.
    pub(crate) fn version(&self, name: &str) -> Outcome<String> {
        let mut members = self.members()?.into_iter();
        let member = members.find(|member| member.name == name);
        member
            .map(|member| member.version)
            .ok_or_else(|| Failure::new(format!("there is no crate {name}")))
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
