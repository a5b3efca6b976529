//! The rivals' programs: found on PATH, or installed below `target/rivals` with pinned versions.
//! Must not install anything outside that folder, nor leave a half installed one to be found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// The newest ones when the figures were made; pinned, so that a later run measures the same rival.
pub(crate) const PYTHON_PACKAGES: [&str; 3] =
    ["redis==8.1.0", "django==5.2.19", "django-redis==7.0.0"];
/// As above.
pub(crate) const NODE_PACKAGES: [&str; 1] = ["ioredis@6.0.0"];

/// Of the rivals on clusters, in an environment of their own: what one of them needs must not change the others.
pub(crate) const CLUSTER_PACKAGES: [&str; 2] = ["redis==8.1.0", "valkey-glide==2.5.3"];

/// What could be had, and why not where it couldn't.
#[derive(Debug)]
pub(crate) struct Tools {
    drivers: PathBuf,
    redis_cli: Option<PathBuf>,
    python: Result<PathBuf, String>,
    node_modules: Result<PathBuf, String>,
}

impl Tools {
    pub(crate) fn find_or_install(workspace: &Workspace) -> Self {
        let folder = workspace.root.join("target/rivals");
        Self {
            drivers: workspace.root.join("xtask/rivals"),
            redis_cli: shell::which("redis-cli"),
            python: python(&folder.join("python"), &PYTHON_PACKAGES)
                .map_err(|failure| failure.to_string()),
            node_modules: node(&folder.join("node")).map_err(|failure| failure.to_string()),
        }
    }

    pub(crate) fn redis_cli(&self) -> Outcome<&Path> {
        self.redis_cli
            .as_deref()
            .ok_or_else(|| Failure::new("there is no redis-cli"))
    }

    pub(crate) fn redis_cli_version(&self) -> String {
        let said = self
            .redis_cli()
            .and_then(|program| shell::output(Command::new(program).arg("--version")));
        said.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    }

    /// Python with the packages, running this driver.
    pub(crate) fn python(&self, driver: &str) -> Outcome<Command> {
        let python = self.python.as_ref().map_err(Failure::new)?;
        let mut command = Command::new(python);
        command.arg(self.drivers.join(driver));
        Ok(command)
    }

    /// Node with the packages, running this driver.
    pub(crate) fn node(&self, driver: &str) -> Outcome<Command> {
        let modules = self.node_modules.as_ref().map_err(Failure::new)?;
        let mut command = Command::new("node");
        command
            .arg(self.drivers.join(driver))
            .env("NODE_PATH", modules);
        Ok(command)
    }
}

/// A Python with packages, and the drivers that it runs.
#[derive(Debug)]
pub(crate) struct Python {
    program: PathBuf,
    drivers: PathBuf,
}

impl Python {
    /// The one with client libraries for clusters.
    pub(crate) fn for_clusters(workspace: &Workspace) -> Outcome<Self> {
        let folder = workspace.root.join("target/rivals/python-cluster");
        Ok(Self {
            program: python(&folder, &CLUSTER_PACKAGES)?,
            drivers: workspace.root.join("xtask/rivals"),
        })
    }

    /// Running this driver.
    pub(crate) fn driver(&self, driver: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(self.drivers.join(driver));
        command
    }
}

/// A virtual environment with the packages; the path of its Python.
fn python(folder: &Path, packages: &[&str]) -> Outcome<PathBuf> {
    let program = folder.join("bin/python");
    installed(folder, packages, |folder| {
        shell::output(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(&program);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        shell::output(pip.args(packages)).map(|_| ())
    })?;
    Ok(program)
}

/// The packages in a folder of their own; the path of their `node_modules`.
fn node(folder: &Path) -> Outcome<PathBuf> {
    shell::which("node").ok_or_else(|| Failure::new("there is no node"))?;
    installed(folder, &NODE_PACKAGES, |folder| {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-save",
            "--no-package-lock",
            "--no-audit",
            "--no-fund",
        ]);
        npm.args(["--ignore-scripts", "--prefix"]).arg(folder);
        shell::output(npm.args(NODE_PACKAGES)).map(|_| ())
    })?;
    Ok(folder.join("node_modules"))
}

/// Runs `install` unless a note in the folder says that these packages are all there. The note is written last.
fn installed(folder: &Path, packages: &[&str], install: impl Fn(&Path) -> Outcome) -> Outcome {
    let note = folder.join("installed.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&note).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    eprintln!(
        "installing {} into {}",
        packages.join(", "),
        folder.display()
    );
    let file = |error: std::io::Error| {
        Failure::new(format!("failed to make {}: {error}", folder.display()))
    };
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(file)?;
    }
    fs::create_dir_all(folder).map_err(file)?;
    install(folder)?;
    fs::write(&note, wanted).map_err(file)
}
