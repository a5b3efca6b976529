//! docs/keys-to-index.md is true: its commands are run in their order, each ends as the page says, and prints what stands below
//! it. Knows nothing of what they are to do but that page.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[path = "live_book/line.rs"]
mod line;

use std::fs;
use std::path::Path;

use keypace_lab::{ClusterOptions, OwnedCluster, Program, Raw, Value, slot_of};

use common::{Home, servers};
use line::fits;

/// A command of the page, and the lines below it.
#[derive(Debug, Default)]
struct Command {
    words: Vec<String>,
    code: i32,
    /// `...` stands for anything. The page leaves lines out.
    wanted: Vec<String>,
}

/// A comment behind a command that does not end with 0.
const CODE: &str = "  # exit code ";

fn commands() -> Vec<Command> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/keys-to-index.md");
    let text = fs::read_to_string(path).expect("the page");
    let mut commands: Vec<Command> = Vec::new();
    let mut is_console = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if is_console && let Some(line) = line.strip_prefix("$ ") {
            let (line, code) = line.split_once(CODE).unwrap_or((line, "0"));
            commands.push(Command {
                words: words(line),
                code: code.parse().expect("a code"),
                wanted: Vec::new(),
            });
        } else if is_console {
            let command = commands.last_mut().expect("a command above its output");
            command.wanted.push(line.to_owned());
        }
    }
    commands
}

/// As a shell reads them: blanks part words, single quotes hold them together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(c),
        }
    }
    assert!(!is_quoted, "an open quote: {line}");
    words
}

/// Runs the page, with `raw_of` for the connection that redis-cli would choose for a key.
fn follow(home: &Home, raw_of: impl Fn(&[u8]) -> Raw) {
    let commands = commands();
    assert!(commands.len() > 15, "too few are found: {commands:?}");
    for command in commands {
        let (program, words) = command.words.split_first().expect("a program");
        if program == "redis-cli" {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let reply = raw_of(words[1]).command(&words).and_then(Value::checked);
            reply.expect("accepted");
            continue;
        }
        assert_eq!(program, "keypace");
        // Below the test's own folder, where the page names files.
        let mut process = home.keypace(words);
        process.current_dir(home.path(""));
        let ran = common::finished(process);
        assert_eq!(ran.code, command.code, "{command:?}\n{ran:?}");
        // In their order; others, of how long it took, may stand between them.
        let mut printed = ran.text().lines().chain(ran.stderr.lines());
        for wanted in &command.wanted {
            let found = printed.any(|line| fits(line, wanted));
            assert!(found, "{wanted:?} of {command:?}\n{ran:?}");
        }
    }
}

#[test]
fn the_guide_from_keys_to_an_index_is_true() {
    for server in servers() {
        let home = Home::with_url(&server.url());
        follow(&home, |_| {
            Raw::connect(server.endpoint()).expect("connected")
        });
    }
}

#[test]
fn the_guide_from_keys_to_an_index_is_true_of_clusters() {
    let options = ClusterOptions::default().with_replicas(0);
    let program = Program::find().expect("a program");
    let cluster = OwnedCluster::start(&program, options).expect("a cluster");
    let home = Home::with_url(&cluster.urls()[0]);
    follow(&home, |key| {
        let owners = cluster.owners().expect("known");
        let owner = owners[usize::from(slot_of(key))].expect("served");
        cluster.raw(owner).expect("connected")
    });
}

#[test]
fn dots_stand_for_anything() {
    assert!(fits("a 12 ms b", "a ... b"));
    assert!(fits("a 12 ms", "a ..."));
    assert!(fits("a", "a"));
    assert!(!fits("a b", "a"));
    assert!(!fits("b 12 ms", "a ..."));
}
