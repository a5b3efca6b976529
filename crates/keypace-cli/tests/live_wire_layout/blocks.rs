//! The fenced blocks of docs/wire-layout.md, by their first line. Reads that document only.

use std::fs;
use std::path::Path;

/// What stands behind the fence's signs, and the text up to its end.
pub(crate) struct Block {
    pub(crate) info: String,
    pub(crate) text: String,
}

/// The whole text.
pub(crate) fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire-layout.md");
    fs::read_to_string(path).expect("the document")
}

/// All of them, in their order.
pub(crate) fn all() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in document().lines() {
        let Some(info) = line.strip_prefix("```") else {
            if let Some(block) = &mut open {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        };
        match open.take() {
            Some(block) => blocks.push(block),
            None => {
                open = Some(Block {
                    info: info.to_owned(),
                    text: String::new(),
                });
            }
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// The one block with this first line.
pub(crate) fn only(info: &str) -> String {
    let mut found = all().into_iter().filter(|block| block.info == info);
    let block = found.next().unwrap_or_else(|| panic!("no block {info}"));
    assert!(found.next().is_none(), "several blocks {info}");
    block.text
}
