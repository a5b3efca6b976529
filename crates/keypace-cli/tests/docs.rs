//! Command lines of the documents are ones that the program takes: each is run against a server that is not there.
//! Starts no server; what commands do is tested elsewhere.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;
use std::path::Path;

use common::{Home, Ran, finished};

/// Nobody listens there.
const NOBODY: &str = "unix:///nonexistent.sock";

/// What the documents show, without the prompt: (document, command line).
fn shown() -> Vec<(&'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut lines = Vec::new();
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/audit.md",
        "docs/cluster.md",
        "docs/guarantees.md",
        "docs/undo.md",
    ] {
        let text = fs::read_to_string(root.join(name)).expect(name);
        let mut is_fenced = false;
        for line in text.lines() {
            if line.starts_with("```") {
                is_fenced = !is_fenced;
            }
            let line = line.trim_start().trim_start_matches("$ ");
            if is_fenced && line.starts_with("keypace ") {
                lines.push((name, line.to_owned()));
            }
        }
    }
    lines
}

/// A command line's words behind `keypace`, as a shell would read them: quotes, and an end at a comment, `>` or `|`.
/// Nothing else that a shell knows is used in the documents.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '>' | '|') => break,
            (None, '#') if word.is_none() => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "an open quote: {line}");
    words.extend(word);
    words.split_off(1)
}

fn run(line: &str) -> Ran {
    let mut words = words(line);
    for place in 0..words.len() {
        if words[place] == "--url" {
            NOBODY.clone_into(&mut words[place + 1]);
        }
    }
    let home = Home::with_url(NOBODY);
    let mut command = home.keypace(words);
    // What a line writes goes with the home.
    command.current_dir(home.path("."));
    // The tour would start a server.
    command.env("KEYPACE_SERVER", "/nonexistent");
    finished(command)
}

#[test]
fn command_lines_of_the_documents_are_taken() {
    let lines = shown();
    assert!(lines.len() >= 10, "too few are found: {lines:?}");
    for (name, line) in lines {
        let ran = run(&line);
        let is_as_meant = match ran.code {
            // No connection: everything before was understood.
            3 => true,
            // Needs no server: whether it finds something is not the document's affair.
            0 | 1 if line.starts_with("keypace audit ") => true,
            // Needs no server at all.
            0 => ["completions", "man", "help", "--help", "--version"]
                .iter()
                .any(|word| line.contains(word)),
            // Nobody is at the terminal to be asked, which comes after all else was understood.
            4 if line.contains(" delete ") => ran.stderr.contains("nobody is at a terminal"),
            // There is no such file, or nobody can be asked.
            4 => {
                line.contains(" restore ")
                    && ["failed to read the backup", "nobody is at a terminal"]
                        .iter()
                        .any(|text| ran.stderr.contains(text))
            }
            // The place was never kept, and the list never written.
            2 => [
                (" --resume ", "failed to read the checkpoint"),
                (" --keys-from ", "failed to read the list of keys"),
            ]
            .iter()
            .any(|(flag, text)| line.contains(flag) && ran.stderr.contains(text)),
            _ => false,
        };
        assert!(is_as_meant, "{name}: {line}\n{ran:?}");
    }
}

#[test]
fn words_are_read_as_a_shell_reads_them() {
    assert_eq!(
        words("keypace scan 'a b*' --type hash > keys.txt"),
        ["scan", "a b*", "--type", "hash"]
    );
    assert_eq!(
        words("keypace scan -0 'a' | xargs -0 wc"),
        ["scan", "-0", "a"]
    );
    assert_eq!(words("keypace count ''   # none"), ["count", ""]);
}
