//! The book's *before* and *after* blocks, as `keypace audit` sees them: each parses, each before has KEYS, and no after
//! does. Reads docs/keys-to-scan.md only; whether the blocks run is tested beside the program.

use ast_grep_core::tree_sitter::LanguageExt as _;
use ast_grep_language::SupportLang;
use keypace_audit::{Audit, Options, Severity};

const PAGE: &str = include_str!("../../../docs/keys-to-scan.md");

/// A block's language and ending, when it is of code that lists keys, and its text.
struct Block {
    language: SupportLang,
    ending: &'static str,
    is_before: bool,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut is_code = false;
    for line in PAGE.lines() {
        if let Some(info) = line.strip_prefix("```") {
            is_open = !is_open;
            let words: Vec<&str> = info.split(' ').collect();
            let last = words.last().copied().unwrap_or_default();
            is_code = is_open && ["before", "after"].contains(&last);
            if is_code {
                let (language, ending) = match words[0] {
                    "python" => (SupportLang::Python, "py"),
                    "javascript" => (SupportLang::JavaScript, "js"),
                    "ruby" => (SupportLang::Ruby, "rb"),
                    "java" => (SupportLang::Java, "java"),
                    "php" => (SupportLang::Php, "php"),
                    other => panic!("no grammar for {other}"),
                };
                blocks.push(Block {
                    language,
                    ending,
                    is_before: last == "before",
                    text: String::new(),
                });
            }
        } else if is_code {
            let block = blocks.last_mut().expect("an open block");
            block.text.push_str(line);
            block.text.push('\n');
        }
    }
    blocks
}

fn is_code_of(language: SupportLang, text: &str) -> bool {
    let tree = language.ast_grep(text);
    tree.root()
        .dfs()
        .all(|node| !node.is_error() && !node.is_missing())
}

/// The rules that find something in a block, high ones only.
fn found(block: &Block) -> Vec<&'static str> {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("block.{}", block.ending);
    // The page names the client beside the block, and code names it where it makes one.
    let head = match block.ending {
        "py" => "import redis\n",
        "js" => "const Redis = require('ioredis');\n",
        "rb" => "require 'redis'\n",
        _ => "",
    };
    std::fs::write(folder.path().join(name), format!("{head}{}", block.text)).expect("written");
    let report = Audit::new(Options::default()).run(&[folder.path().to_owned()]);
    let report = report.expect("audited");
    assert_eq!(report.files, 1, "{}", block.text);
    let high = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::High);
    high.map(|finding| finding.rule).collect()
}

#[test]
fn each_block_is_code_and_the_audit_tells_before_from_after() {
    let blocks = blocks();
    let before = blocks.iter().filter(|block| block.is_before).count();
    assert!(before >= 7 && blocks.len() == 2 * before, "{before}");
    for block in &blocks {
        assert!(is_code_of(block.language, &block.text), "{}", block.text);
        let rules = found(block);
        let has_keys = rules
            .iter()
            .any(|rule| ["keys-command", "framework-default-keys"].contains(rule));
        assert_eq!(has_keys, block.is_before, "{rules:?}\n{}", block.text);
        assert!(block.is_before || rules.is_empty(), "{rules:?}");
    }
    assert!(!is_code_of(SupportLang::Java, "class { int ; )"));
}
