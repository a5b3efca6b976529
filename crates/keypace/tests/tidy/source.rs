//! One source as the tidy test sees it, with and without comments and literals, and what is found in it.
//! It knows no rule.

use std::fmt;

/// One file: its path from the workspace root, its text, and the text without comments and literals.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

/// A line that breaks a rule.
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: code_of(text),
        }
    }

    pub(crate) fn finding(&self, offset: usize, rule: impl Into<String>) -> Finding {
        let line = 1 + self.code[..offset].matches('\n').count();
        Finding {
            path: self.path.clone(),
            line,
            rule: rule.into(),
        }
    }

    /// A finding for each place where the code holds one of these words.
    pub(crate) fn without(&self, words: &[&str], rule: &str) -> Vec<Finding> {
        let found = |word: &&str| -> Vec<Finding> {
            let offsets = offsets_of(&self.code, word).into_iter();
            offsets
                .map(|offset| self.finding(offset, format!("`{word}`: {rule}")))
                .collect()
        };
        words.iter().flat_map(found).collect()
    }

    /// The crate's folder name, and the path below its `src/`, if that is where the file is.
    pub(crate) fn in_crate(&self) -> Option<(&str, &str)> {
        let (name, inner) = self.path.strip_prefix("crates/")?.split_once('/')?;
        Some((name, inner.strip_prefix("src/")?))
    }
}

/// The text with comments, strings and characters blanked, each line where it was.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let previous = code.chars().next_back();
        let blank = literal_length(rest, previous);
        let taken = if blank == 0 { first.len_utf8() } else { blank };
        let (piece, tail) = rest.split_at(taken);
        let kept = |c: char| if blank == 0 || c == '\n' { c } else { ' ' };
        code.extend(piece.chars().map(kept));
        rest = tail;
    }
    code
}

/// How many bytes of a comment, string or character begin here; 0 for code.
fn literal_length(rest: &str, previous: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    if let Some(raw) = rest.strip_prefix('r')
        && previous.is_none_or(|c| c == 'b' || c == 'c' || !is_word(c))
    {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let opening = 1 + hashes + 1;
            let body = &rest[opening..];
            return body
                .find(&end)
                .map_or(rest.len(), |at| opening + at + end.len());
        }
    }
    let mut inner = rest.strip_prefix('\'').unwrap_or_default().chars();
    match (inner.next(), inner.next()) {
        (Some('\\'), _) => quoted_length(rest, '\''),
        (Some(character), Some('\'')) => character.len_utf8() + 2,
        // A lifetime, or no quote at all.
        _ => 0,
    }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    rest.len()
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands by itself, not as a part of a longer name.
pub(crate) fn offsets_of(code: &str, word: &str) -> Vec<usize> {
    let stands_alone = |at: &usize| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let goes_on_before = word.starts_with(is_word) && before.is_some_and(is_word);
        let goes_on_after = word.ends_with(is_word) && after.is_some_and(is_word);
        !goes_on_before && !goes_on_after
    };
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(stands_alone)
        .collect()
}
