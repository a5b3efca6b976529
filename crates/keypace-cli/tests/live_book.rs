//! The book is true: what its pages show in a terminal is run in a folder and against a server of the page's own, and
//! what they show of other clients is run with those clients. A block that is not run says why.

#![cfg(unix)]

#[path = "live_wire_layout/blocks.rs"]
mod blocks;
#[path = "live_book/clients.rs"]
mod clients;
#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[expect(dead_code, reason = "the wire layout's own test uses the rest")]
#[path = "live_wire_layout/language.rs"]
mod language;
#[path = "live_book/line.rs"]
mod line;
#[path = "live_book/page.rs"]
mod page;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "live_serve/service.rs"]
mod service;
#[path = "live_book/terminal.rs"]
mod terminal;

use page::{Block, Mark};
use terminal::Terminal;

/// Pages whose blocks another test runs, all of them.
const ELSEWHERE: [(&str, &str); 2] = [
    ("keys-to-index.md", "live_guide.rs"),
    ("wire-layout.md", "live_wire_layout.rs"),
];

/// What a shell runs.
const SHELL: [&str; 2] = ["console", "sh"];
/// What is shown and does nothing.
const SHOWN: [&str; 9] = [
    "text",
    "json",
    "toml",
    "yaml",
    "lua",
    "ini",
    "diff",
    "dockerfile",
    "promql",
];

/// The blocks of all pages that are ours to run.
fn ours() -> Vec<Block> {
    let pages = page::pages();
    let ours = pages
        .iter()
        .filter(|page| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == page));
    ours.flat_map(|page| page::blocks(page)).collect()
}

#[test]
fn what_the_pages_show_in_a_terminal_is_so() {
    let blocks = ours();
    let mut ran = 0;
    for page in page::pages() {
        let mut shown = blocks
            .iter()
            .filter(|block| block.page == page && SHELL.contains(&block.language()))
            .filter(|block| !matches!(block.mark, Mark::NotRun(_)))
            .peekable();
        if shown.peek().is_none() {
            continue;
        }
        let mut terminal = Terminal::new();
        for block in shown {
            terminal.run(block);
            ran += 1;
        }
    }
    assert!(ran >= 10, "too few are found: {ran}");
}

#[test]
fn what_the_pages_show_of_other_clients_is_so() {
    clients::run_all();
}

#[test]
fn every_block_is_run_or_says_why_not() {
    for (page, _) in ELSEWHERE {
        assert!(page::pages().iter().any(|own| own == page), "no {page}");
    }
    let mut silent = Vec::new();
    for block in ours() {
        let is_said = match (&block.mark, block.language()) {
            (Mark::NotRun(why), _) => !why.is_empty(),
            (_, language) if SHELL.contains(&language) => true,
            (_, language) if SHOWN.contains(&language) => true,
            _ => clients::runs(&block.page, &block.info),
        };
        if !is_said {
            silent.push(format!("{}: {}", block.place(), block.info));
        }
    }
    assert!(
        silent.is_empty(),
        "blocks that are not run and don't say why:\n{}",
        silent.join("\n")
    );
}
