//! Prose broken into lines of a width. Pure text.

/// The width of a page where no terminal gives one.
pub(crate) const PAGE_COLUMNS: usize = 80;
/// Lines longer than this are hard to read, however wide the terminal.
const MAX_COLUMNS: usize = 88;
/// Nothing reads well below.
const MIN_COLUMNS: usize = 20;
/// What shows that a line is the rest of the one above.
const FOLD_INDENT: usize = 2;

/// Breaks `text` into lines of at most `columns`, each beginning with `indent`. A word that is longer than a line
/// stands alone.
pub(crate) fn wrap(text: &str, columns: usize, indent: &str) -> String {
    let width = columns.clamp(MIN_COLUMNS, MAX_COLUMNS);
    let mut done = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = console::measure_text_width(&line) + 1 + console::measure_text_width(word);
        if !line.is_empty() && indent.len() + length > width {
            done.push_str(indent);
            done.push_str(&line);
            done.push('\n');
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    done.push_str(indent);
    done.push_str(&line);
    done
}

/// Breaks the lines that are longer than `columns` at their spaces; what follows a break is indented a little more than its
/// line. Spaces that stand together stay so: they may be of a key's name.
pub(crate) fn fold(text: &str, columns: usize) -> String {
    let lines = text.split('\n').map(|line| fold_line(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn fold_line(line: &str, columns: usize) -> String {
    if console::measure_text_width(line) <= columns {
        return line.to_owned();
    }
    let own = line.len() - line.trim_start_matches(' ').len();
    let (mut done, text) = (line[..own].to_owned(), &line[own..]);
    let mut width = own;
    for (at, word) in text.split(' ').enumerate() {
        let length = console::measure_text_width(word);
        if at > 0 && width + 1 + length > columns && !word.is_empty() {
            done.push('\n');
            done.push_str(&" ".repeat(own + FOLD_INDENT));
            width = own + FOLD_INDENT;
        } else if at > 0 {
            done.push(' ');
            width += 1;
        }
        done.push_str(word);
        width += length;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::{fold, wrap};

    #[test]
    fn lines_keep_to_the_width() {
        let text = "one two three four five six seven eight nine ten eleven twelve";
        for columns in 20..100 {
            let wrapped = wrap(text, columns, "  ");
            assert!(
                wrapped.lines().all(|line| line.len() <= columns),
                "{wrapped}"
            );
            assert_eq!(
                wrapped.split_whitespace().collect::<Vec<_>>(),
                text.split_whitespace().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn only_lines_that_are_too_long_are_folded_and_only_at_spaces() {
        let text = "error: failed to restore keys: NOPERM no permissions to run the 'restore' command\n  \
                    cause: short\nhint: add the right to the ACL user: ACL SETUSER <user> +restore";
        assert_eq!(
            fold(text, 46),
            "error: failed to restore keys: NOPERM no\n  permissions to run the 'restore' command\n  \
             cause: short\nhint: add the right to the ACL user: ACL\n  SETUSER <user> +restore"
        );
        assert_eq!(fold(text, 200), text);
        for columns in 16..100 {
            let folded = fold(text, columns);
            assert!(folded.lines().all(|line| line.len() <= columns), "{folded}");
            assert!(folded.split_whitespace().eq(text.split_whitespace()));
        }
    }

    #[test]
    fn folding_counts_columns_and_keeps_spaces_and_long_words() {
        assert_eq!(
            fold("\u{1b}[31merror:\u{1b}[0m a  b 0123456789012345", 12),
            "\u{1b}[31merror:\u{1b}[0m a  b\n  0123456789012345"
        );
        assert_eq!(
            fold("\u{e4}\u{e4}\u{e4} \u{e4}\u{e4}\u{e4}", 7),
            "\u{e4}\u{e4}\u{e4} \u{e4}\u{e4}\u{e4}"
        );
    }

    #[test]
    fn a_long_word_stands_alone() {
        assert_eq!(
            wrap("a 0123456789012345678901234567890 b", 20, ""),
            "a\n0123456789012345678901234567890\nb"
        );
    }
}
