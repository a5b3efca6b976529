//! Runs that are stopped on their way, and the command that they print to go on. Waits for lines, never for time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use super::{Home, Ran, finished, gathered, signal};

/// Slow enough that a run of some thousand keys is still under way when its first lines have been read, on a machine that
/// has other work too.
pub(crate) const RATE: &str = "500";

/// Slow enough for what is done to a cluster meanwhile, for runs that go on to their end.
pub(crate) const BRISK: &str = "2500";

/// Starts keypace and reads its progress until some keys are done.
pub(crate) fn under_way(
    home: &Home,
    arguments: &[&str],
    counted: &str,
) -> (Child, String, BufReader<ChildStderr>) {
    let slowly = [&["--rate", RATE], arguments].concat();
    under_way_until(home, &slowly, counted, 1)
}

/// The same until so many keys are done.
pub(crate) fn under_way_until(
    home: &Home,
    arguments: &[&str],
    counted: &str,
    least: u64,
) -> (Child, String, BufReader<ChildStderr>) {
    let mut child = home
        .keypace(["--progress", "json"].iter().chain(arguments))
        .stdin(Stdio::null())
        .spawn()
        .expect("keypace starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut seen = String::new();
    loop {
        let start = seen.len();
        assert!(
            stderr.read_line(&mut seen).expect("a line") > 0,
            "ended early: {seen}"
        );
        let progress: serde_json::Value = serde_json::from_str(&seen[start..]).expect("JSON");
        if progress[counted].as_u64().expect("a number") >= least {
            break;
        }
    }
    (child, seen, stderr)
}

/// Interrupts a run that is under way.
pub(crate) fn interrupted(home: &Home, arguments: &[&str], counted: &str, name: &str) -> Ran {
    let (child, seen, stderr) = under_way(home, arguments, counted);
    signal(&child, name);
    gathered(child, seen, stderr)
}

/// The printed command, as a shell runs it.
pub(crate) fn resumed(home: &Home, ran: &Ran) -> Ran {
    let (_, after) = ran
        .stderr
        .split_once("to go on from here:\n")
        .expect("a command");
    let line = after.lines().next().expect("a line").trim();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_keypace"))
        .parent()
        .expect("a folder");
    let typed = home.keypace(["--version"]);
    let mut command = Command::new("sh");
    command.env_clear();
    for (name, value) in typed.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let path = format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    // The rate held the first run back so that it could be interrupted.
    let line = line.replace(&format!("--rate {RATE}"), "--rate 1000000");
    command
        .env("PATH", path)
        .args(["-c", &line])
        .stdin(Stdio::null());
    finished(command)
}
