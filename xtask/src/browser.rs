//! `cargo xtask browser`: the page in a real Chromium against a real service. Finds or installs what that needs, each
//! below `target/browser` where it is no package of the system's. Must not count a test that could not run as passed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keypace_lab::Program;

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

/// The tests, below the workspace.
const TESTS: &str = "crates/keypace-server/tests/browser";
/// What browsers of this kind are called.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What drives the browser asks for it.
const NODE_MAJOR: u32 = 20;
/// What says exactly which packages the tests use.
const LOCK: [&str; 2] = ["package.json", "package-lock.json"];

/// What the tests are run with.
pub(crate) struct Browser {
    node: PathBuf,
    chromium: PathBuf,
    /// Where `node_modules` is, and where screenshots go.
    folder: PathBuf,
}

/// Runs the tests on one server program, after building keypace; `words` go to node.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let server = setup::any(&workspace)?;
    let browser = have(&workspace).map_err(Failure::new)?;
    shell::run(shell::cargo(&workspace.root).args(["build", "-p", "keypace-cli"]))?;
    browser.test(&workspace, &[server], words)
}

/// Finds or installs node, Chromium and the packages, or says which tests go without.
pub(crate) fn have(workspace: &Workspace) -> Result<Browser, String> {
    found(workspace).map_err(|reason| format!("not run: tests of the page in a browser ({reason})"))
}

fn found(workspace: &Workspace) -> Outcome<Browser> {
    if shell::which("node").is_none() || shell::which("npm").is_none() {
        setup::packages(&["nodejs", "npm"])?;
    }
    let version =
        shell::output(Command::new("node").args(["-p", "parseInt(process.versions.node)"]))?;
    if version
        .trim()
        .parse()
        .is_ok_and(|major: u32| major < NODE_MAJOR)
    {
        return Err(Failure::new(format!(
            "node {NODE_MAJOR} or newer is needed"
        )));
    }
    if chromium().is_none() {
        setup::packages(&["chromium"])?;
    }
    let folder = workspace.target.join("browser");
    packages(&workspace.root.join(TESTS), &folder)?;
    Ok(Browser {
        node: shell::which("node").ok_or_else(|| Failure::new("there is no node"))?,
        chromium: chromium().ok_or_else(|| Failure::new("there is no chromium"))?,
        folder,
    })
}

fn chromium() -> Option<PathBuf> {
    CHROMIUM.iter().find_map(|name| shell::which(name))
}

/// Installs what the lock names, unless that is there already.
fn packages(tests: &Path, folder: &Path) -> Outcome {
    let failed = |error: std::io::Error| {
        Failure::new(format!("failed to prepare {}: {error}", folder.display()))
    };
    let is_same = |name: &&str| fs::read(tests.join(name)).ok() == fs::read(folder.join(name)).ok();
    if folder.join("node_modules").is_dir() && LOCK.iter().all(is_same) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(failed)?;
    for name in LOCK {
        fs::copy(tests.join(name), folder.join(name)).map_err(failed)?;
    }
    eprintln!("installing what the browser tests need");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder);
    let installed = shell::output(&mut npm);
    if installed.is_err() {
        // Half of it must not pass for the whole next time.
        let _ = fs::remove_file(folder.join(LOCK[1]));
    }
    installed.map(|_| ())
}

impl Browser {
    /// Runs the tests once on each of these server programs.
    pub(crate) fn test(
        &self,
        workspace: &Workspace,
        servers: &[Program],
        words: &[String],
    ) -> Outcome {
        for server in servers {
            println!("the page in a browser, on {}", server.label());
            let mut node = Command::new(&self.node);
            node.current_dir(workspace.root.join(TESTS))
                .args(["--test", "--test-concurrency=1"])
                // Past the first file node takes every word for a file.
                .args(words)
                .args(self.files(workspace)?)
                .env("KEYPACE_TEST_SERVER", &server.path)
                .env("KEYPACE_TEST_PROGRAM", workspace.debug("keypace"))
                .env("KEYPACE_TEST_CHROMIUM", &self.chromium)
                .env("KEYPACE_TEST_MODULES", &self.folder);
            shell::run(&mut node)?;
        }
        Ok(())
    }

    fn files(&self, workspace: &Workspace) -> Outcome<Vec<PathBuf>> {
        let folder = workspace.root.join(TESTS);
        let entries = fs::read_dir(&folder)
            .map_err(|error| Failure::new(format!("failed to read {TESTS}: {error}")))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
        files.sort();
        Ok(files)
    }
}
