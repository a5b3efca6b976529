//! `cargo xtask demo`: a server program, a release build, the tour.
//! Must not show anything of its own once the tour has begun.

use std::process::Command;

use keypace_lab::SERVER_VARIABLE;

use crate::failure::Outcome;
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

/// Sets up, builds and runs `keypace demo` with `words` added.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let program = setup::any(&workspace)?;
    eprintln!("server: {} ({})", program.label(), program.path.display());
    shell::run(shell::cargo(&workspace.root).args([
        "build",
        "--release",
        "--package",
        "keypace-cli",
    ]))?;
    let mut demo = Command::new(workspace.release("keypace"));
    shell::run(
        demo.arg("demo")
            .args(words)
            .env(SERVER_VARIABLE, &program.path),
    )
}
