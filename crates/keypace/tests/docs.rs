//! Documents name what is there: links lead somewhere, and rooms, tests and limits that they name exist.
//! It reads files only and needs no server; whether command lines parse is the program's own test.

#[path = "docs/markdown.rs"]
mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use markdown::{anchors, code_words, links};

fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
    };
    own.ancestors()
        .find(is_root)
        .expect("a workspace around this crate")
        .to_owned()
}

/// All files below `folder` of this kind; build output and hidden folders are nobody's document.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                files(&path, extension, found);
            }
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

fn all(extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&root(), extension, &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text in UTF-8");
        (path, text)
    };
    found.into_iter().map(read).collect()
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of all functions of the workspace that a test runner could call.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in all("rs") {
        for part in text.split("fn ").skip(1) {
            names.insert(first_word(part));
        }
    }
    names
}

fn first_word(text: &str) -> String {
    let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    text.chars().take_while(is_word).collect()
}

/// `p07` or `p28b` of a test's name, as `P7` or `P28b` of the table.
fn pitfall_of(name: &str) -> Option<String> {
    let (number, _) = name.strip_prefix('p')?.split_once('_')?;
    let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let value: u32 = digits.parse().ok()?;
    Some(format!("P{value}{}", &number[digits.len()..]))
}

fn expect_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let documents = all("md");
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        let path = root().join(name);
        assert!(documents.iter().any(|(own, _)| *own == path), "no {name}");
    }
    let mut broken = Vec::new();
    for (path, text) in &documents {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                path.parent().expect("a folder").join(file)
            };
            let has_anchor = || {
                let text = fs::read_to_string(&target).unwrap_or_default();
                anchors(&text).contains(anchor)
            };
            if !target.exists() || (!anchor.is_empty() && !has_anchor()) {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    expect_none("links that lead nowhere", &broken);
}

/// mdBook shows what its summary names, and nothing else.
#[test]
fn the_book_has_every_page_once() {
    let book = root().join("docs");
    let named: Vec<_> = links(&document("docs/SUMMARY.md"))
        .iter()
        .map(|link| book.join(link))
        .collect();
    let pages = all("md");
    let pages = pages
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.starts_with(&book) && !path.ends_with("SUMMARY.md"));
    let mut wrong = Vec::new();
    for page in pages {
        let times = named.iter().filter(|named| *named == page).count();
        if times != 1 {
            wrong.push(format!("{} {times} times", page.display()));
        }
    }
    expect_none("pages that docs/SUMMARY.md has not once", &wrong);
    let names: BTreeSet<_> = named.iter().collect();
    assert_eq!(names.len(), named.len(), "a page is named twice");
    assert!(named.len() > 20, "too few are found: {named:?}");
}

#[test]
fn every_pitfall_that_a_test_is_named_after_has_a_row() {
    let table = document("docs/pitfalls.md");
    let has_row = |pitfall: &String| table.contains(&format!("\n| {pitfall} |"));
    let missing: Vec<_> = tests()
        .iter()
        .filter_map(|name| Some((name.clone(), pitfall_of(name)?)))
        .filter(|(_, pitfall)| !has_row(pitfall))
        .map(|(name, pitfall)| format!("{pitfall} ({name})"))
        .collect();
    expect_none("pitfalls without a row in docs/pitfalls.md", &missing);
    assert_eq!(pitfall_of("p07_x").as_deref(), Some("P7"));
    assert_eq!(pitfall_of("p28b_x").as_deref(), Some("P28b"));
    assert_eq!(pitfall_of("pattern_x"), None);
}

#[test]
fn tests_that_documents_name_exist() {
    let tests = tests();
    let mut missing = Vec::new();
    for name in [
        "ARCHITECTURE.md",
        "docs/guarantees.md",
        "docs/keys-to-index.md",
        "docs/pitfalls.md",
        "docs/security.md",
        "docs/undo.md",
        "docs/wire-layout.md",
    ] {
        let words = code_words(&document(name));
        // The name of a test is a sentence; shorter words are flags, fields and rooms.
        let named = words.iter().filter(|word| {
            let parts = word.split('_').count();
            parts > 3 && first_word(word) == **word && word.to_lowercase() == **word
        });
        let gone = named.filter(|word| !tests.contains(*word));
        missing.extend(gone.map(|word| format!("{name}: {word}")));
    }
    expect_none("tests that are named and don't exist", &missing);
}

#[test]
fn limits_that_documents_name_exist() {
    let files = ["limits.rs", "limits/backup.rs", "limits/bulk.rs"];
    let limits = files.map(|file| document(&format!("crates/keypace/src/{file}")));
    let limits = limits.concat();
    let mut missing = Vec::new();
    for (path, text) in all("md") {
        for word in code_words(&text) {
            if let Some(limit) = word.strip_prefix("limits::")
                && !limits.contains(&format!("pub const {limit}:"))
            {
                missing.push(format!("{}: {word}", path.display()));
            }
        }
    }
    expect_none("limits that are named and don't exist", &missing);
}

#[test]
fn every_crate_and_room_is_drawn() {
    let drawing = document("ARCHITECTURE.md");
    let mut missing = Vec::new();
    for folder in ["crates", "crates/keypace/src", "crates/keypace-cli/src"] {
        for entry in fs::read_dir(root().join(folder)).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let room = path.file_stem().unwrap_or_default().to_string_lossy();
            if !drawing.contains(&format!("| `{room}` |")) {
                missing.push(format!("{folder}/{room}"));
            }
        }
    }
    expect_none("rooms that ARCHITECTURE.md leaves out", &missing);
}
