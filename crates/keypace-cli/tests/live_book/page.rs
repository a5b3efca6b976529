//! The pages of the book and their fenced blocks, with what stands above each: whether it is run, and how. Reads files
//! only.

use std::fs;
use std::path::{Path, PathBuf};

/// What a comment above a block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing: it is run as it is.
    None,
    /// `<!-- run: HOW -->`.
    Run(String),
    /// `<!-- not run: WHY -->`.
    NotRun(String),
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The page, below docs.
    pub(crate) page: String,
    /// Of its fence, from 1.
    pub(crate) line: usize,
    /// Behind the fence's signs.
    pub(crate) info: String,
    pub(crate) text: String,
    pub(crate) mark: Mark,
}

impl Block {
    /// The first word behind the fence.
    pub(crate) fn language(&self) -> &str {
        self.info.split(' ').next().unwrap_or_default()
    }

    /// Where it stands, for a person.
    pub(crate) fn place(&self) -> String {
        format!("docs/{}:{}", self.page, self.line)
    }
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The pages that the summary names, in its order. Decisions are notes of their own time, and show nothing to run.
pub(crate) fn pages() -> Vec<String> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).expect("the summary");
    let links = summary.split("](").skip(1);
    let pages = links.filter_map(|part| part.split_once(')'));
    pages
        .map(|(page, _)| page.to_owned())
        .filter(|page| !page.starts_with("decisions/"))
        .collect()
}

/// All blocks of a page, in their order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(docs().join(page)).expect(page);
    read(page, &text)
}

fn read(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut above = "";
    for (number, line) in text.lines().enumerate() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                blocks.push(Block {
                    page: page.to_owned(),
                    line: number + 1,
                    info: info.to_owned(),
                    text: String::new(),
                    mark: mark(above),
                });
            }
        } else if is_open {
            let block = blocks.last_mut().expect("an open block");
            block.text.push_str(line);
            block.text.push('\n');
        }
        if !line.is_empty() {
            above = line;
        }
    }
    assert!(!is_open, "an open fence in {page}");
    blocks
}

fn mark(above: &str) -> Mark {
    let inside = above
        .trim()
        .strip_prefix("<!-- ")
        .and_then(|rest| rest.strip_suffix(" -->"));
    let said = |begin: &str| inside.and_then(|text| text.strip_prefix(begin));
    match (said("run: "), said("not run: ")) {
        (Some(how), _) => Mark::Run(how.to_owned()),
        (_, Some(why)) => Mark::NotRun(why.to_owned()),
        _ => Mark::None,
    }
}

#[test]
fn a_comment_above_a_block_is_its_mark() {
    let blocks = read(
        "p",
        "a\n<!-- not run: b c -->\n```console\n$ x\n```\n<!-- run: d -->\n\n```sh e\n```\n```text\n```\n",
    );
    let marks: Vec<_> = blocks.iter().map(|block| block.mark.clone()).collect();
    assert_eq!(
        marks,
        [
            Mark::NotRun("b c".to_owned()),
            Mark::Run("d".to_owned()),
            Mark::None
        ]
    );
    assert_eq!((blocks[0].line, blocks[0].text.as_str()), (3, "$ x\n"));
    assert_eq!(blocks[1].language(), "sh");
}
