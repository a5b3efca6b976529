//! The copy of `docs/` that mdBook reads. Links that leave the book are made plain there: the page names the file.
//! Must not touch anything within a fence, nor the pages themselves.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// What a book is made of, below the workspace.
const PARTS: [&str; 2] = ["book.toml", "docs"];

/// Copies all of it.
pub(super) fn whole(root: &Path, target: &Path) -> Outcome {
    PARTS.iter().try_for_each(|part| {
        tree(&root.join(part), &target.join(part), 0)
            .map_err(|error| Failure::new(format!("failed to copy {part}: {error}")))
    })
}

fn tree(from: &Path, to: &Path, depth: usize) -> std::io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            tree(&from.join(&name), &to.join(&name), depth + 1)?;
        }
        return Ok(());
    }
    if from.extension().is_some_and(|ending| ending == "md") {
        // `docs/page.md` is one folder below `docs`'s own parent, which is not in the book.
        return fs::write(to, plain(&fs::read_to_string(from)?, depth));
    }
    fs::copy(from, to).map(|_| ())
}

/// A page's text without links to files above `docs`, where the page is so many folders below the workspace.
fn plain(text: &str, depth: usize) -> String {
    let up = "../".repeat(depth);
    let mut is_fenced = false;
    let mut made = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        is_fenced ^= line.starts_with("```");
        if is_fenced || !line.contains(&format!("]({up}")) {
            made.push_str(line);
        } else {
            made.push_str(&unlinked(line, &up));
        }
    }
    made
}

/// `[text](../file)` as `text (file)`, or as the file alone where the text is its name.
fn unlinked(line: &str, up: &str) -> String {
    let mut made = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(&format!("]({up}")) {
        let (Some((ahead, text)), Some((file, behind))) =
            (before.rsplit_once('['), after.split_once(')'))
        else {
            break;
        };
        made.push_str(ahead);
        if text.trim_matches('`') == file {
            made.push_str(&format!("`{file}`"));
        } else {
            made.push_str(&format!("{text} (`{file}`)"));
        }
        rest = behind;
    }
    made + rest
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn links_that_leave_the_book_become_names() {
        let text = "a [b](../c.md) and [`d/e`](../d/e), [f](g.md)\n```text\n[h](../i)\n```\n";
        assert_eq!(
            plain(text, 1),
            "a b (`c.md`) and `d/e`, [f](g.md)\n```text\n[h](../i)\n```\n"
        );
        // From a folder of docs, one step up is still in the book.
        assert_eq!(plain("[b](../c.md)", 2), "[b](../c.md)");
        assert_eq!(plain("[b](../../c.md)", 2), "b (`c.md`)");
    }
}
