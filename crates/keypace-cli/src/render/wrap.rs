//! Prose broken into lines of a width. Pure text.

/// The width of a page where no terminal gives one.
pub(crate) const PAGE_COLUMNS: usize = 80;
/// Lines longer than this are hard to read, however wide the terminal.
const MAX_COLUMNS: usize = 88;
/// Nothing reads well below.
const MIN_COLUMNS: usize = 20;

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

#[cfg(test)]
mod tests {
    use super::wrap;

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
    fn a_long_word_stands_alone() {
        assert_eq!(
            wrap("a 0123456789012345678901234567890 b", 20, ""),
            "a\n0123456789012345678901234567890\nb"
        );
    }
}
