//! The tour, without a terminal: it ends by itself, says what was waited, and leaves nothing behind, also when it is
//! interrupted or nobody reads it.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::io::{BufRead as _, BufReader, Read as _};

use common::{Home, finished, signal};

/// Where the private server's folder goes in these tests, so that what is left behind would be seen.
fn command(home: &Home) -> std::process::Command {
    let folder = home.path("tmp");
    std::fs::create_dir_all(&folder).expect("folder");
    let mut command = home.keypace(["demo"]);
    command.env("TMPDIR", &folder);
    if let Some(program) = std::env::var_os(keypace_lab::SERVER_VARIABLE) {
        command.env(keypace_lab::SERVER_VARIABLE, program);
    }
    command
}

fn assert_nothing_is_left(home: &Home) {
    let left: Vec<_> = std::fs::read_dir(home.path("tmp"))
        .expect("folder")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!home.state().exists());
}

#[test]
fn the_tour_reads_well_without_a_terminal_and_leaves_nothing() {
    let home = Home::new();
    let ran = finished(command(&home)).expect(0);
    let text = ran.text();
    for part in [
        "200,000 keys",
        "$ keypace --use-keys scan '*'",
        "$ keypace count --by-prefix 1 '*'",
        "$ keypace scan 'session:*'",
        "$ keypace delete --dry-run 'session:*'",
        "would delete 90,000 keys",
        "deleted 90,000 of 90,000 matched keys",
        "under KEYS",
        "p99",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");
    assert_nothing_is_left(&home);
}

#[test]
fn an_interrupted_tour_takes_its_server_with_it() {
    let home = Home::new();
    let mut child = command(&home).spawn().expect("keypace starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
    let mut seen = String::new();
    while !seen.contains("$ keypace") {
        assert!(stdout.read_line(&mut seen).expect("a line") > 0, "{seen}");
    }
    signal(&child, "INT");
    stdout.read_to_string(&mut seen).expect("the rest");
    assert_eq!(child.wait().expect("the end").code(), Some(130), "{seen}");
    assert_nothing_is_left(&home);
}

#[test]
fn a_tour_that_nobody_reads_ends_quietly() {
    let home = Home::new();
    let mut child = command(&home).spawn().expect("keypace starts");
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("stderr")
        .read_to_string(&mut stderr)
        .expect("stderr");
    assert_eq!(child.wait().expect("the end").code(), Some(0), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
    assert_nothing_is_left(&home);
}
