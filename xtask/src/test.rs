//! `cargo xtask test`: an audit of this repository, both servers, a PostgreSQL and clients of other languages, then every test and every doctest.
//! Must not pass over a test in silence: what can't run is printed, and fails where CI asks for all.

use crate::api;
use crate::browser;
use crate::clients;
use crate::failure::{Failure, Outcome};
use crate::schema;
use crate::servers;
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

/// Runs every test; `words` go to the test runner.
pub(crate) fn run(words: &[String]) -> Outcome {
    let workspace = Workspace::find()?;
    let (programs, mut missing) = setup::both(&workspace);
    missing.extend(servers::missing(&workspace));
    missing.extend(clients::all(&workspace));
    for program in &programs {
        println!(
            "live tests run on {} ({})",
            program.label(),
            program.path.display()
        );
    }
    match setup::postgres() {
        Ok(program) => println!(
            "tests of sessions run on PostgreSQL {} ({})",
            program.version,
            program.folder.display()
        ),
        Err(line) => missing.push(line),
    }
    let browser = browser::have(&workspace)
        .map_err(|line| missing.push(line))
        .ok();
    let schema = schema::have(&workspace)
        .map_err(|line| missing.push(line))
        .ok();
    for line in &missing {
        println!("{line}");
    }
    if std::env::var("CI").is_ok_and(|value| value == "true") && !missing.is_empty() {
        return Err(Failure::new(
            "CI runs every live test, and not all that they need could be had",
        ));
    }
    let has_nextest = shell::succeeds(shell::cargo(&workspace.root).args(["nextest", "--version"]));
    let runner: &[&str] = if has_nextest {
        &["nextest", "run"]
    } else {
        &["test"]
    };
    let tests = shell::run(
        shell::cargo(&workspace.root)
            .args(runner)
            .arg("--workspace")
            .args(words),
    );
    let docs = shell::run(shell::cargo(&workspace.root).args(["test", "--workspace", "--doc"]));
    let interface = api::check(&workspace);
    // The runner has built keypace by now. One server program is enough: what a page shows doesn't depend on which.
    let page = match (browser, programs.first()) {
        (Some(browser), Some(program)) if words.is_empty() => {
            browser.test(&workspace, std::slice::from_ref(program), &[])
        }
        _ => Ok(()),
    };
    // KEYS stays behind the safety valve: what is meant to be there says so by a comment.
    let audit = shell::run(shell::cargo(&workspace.root).args([
        "run",
        "--quiet",
        "--package",
        "keypace-cli",
        "--",
        "audit",
        "--fail-on",
        "low",
        ".",
    ]));
    let document = match (schema, programs.first()) {
        (Some(python), Some(program)) if words.is_empty() => {
            schema::test(&workspace, program, &python)
        }
        _ => Ok(()),
    };
    tests
        .and(docs)
        .and(interface)
        .and(page)
        .and(document)
        .and(audit)
}
