//! Texts that end the process inside a grammar's C code, which no caller can catch: they are not parsed at all.
//! Must hold no text that is only slow or ill-formed, and must be wider than a fault only where its code proves no less.
//!
//! Each function stands for one fault of one version of a grammar, and goes when a version without it is taken.

use std::collections::HashSet;

use crate::language::Language;

/// Whether a grammar may end the process on this text.
pub(super) fn is_fatal(language: Language, text: &str) -> bool {
    match language {
        Language::Shell => has_wide_brace(text),
        Language::Ruby => has_long_heredoc_word(text),
        Language::Python => has_deep_indents(text),
        Language::Kotlin => has_deep_strings(text),
        Language::CSharp
        | Language::Elixir
        | Language::Go
        | Language::Java
        | Language::JavaScript
        | Language::Lua
        | Language::Php
        | Language::Rust
        | Language::TypeScript
        | Language::Tsx => false,
    }
}

/// tree-sitter-bash 0.25.1, `scan` in `src/scanner.c`, lines 1158 and 1172: what follows `{`, digits, `..` and digits is
/// handed to `isdigit` as a code point. That takes bytes; the C library looks into a table of 384 places, and a code point
/// past it reads what lies behind (issue 337 of that project). The scanner may come by wherever a `{` can be a token, so any
/// place counts.
fn has_wide_brace(text: &str) -> bool {
    let is_wide = |rest: &str| rest.chars().next().is_some_and(|c| c > '\u{ff}');
    text.match_indices('{').any(|(at, _)| {
        let first = without_digits(&text[at + 1..]);
        is_wide(first)
            || first
                .strip_prefix("..")
                .is_some_and(|second| is_wide(without_digits(second)))
    })
}

fn without_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// tree-sitter-ruby 0.23.1, `serialize` in `src/scanner.c`, line 116: the length of a heredoc's word is kept in one byte,
/// and the word in full; what reads it back asserts that nothing is left over. Words that the buffer of 1,024 bytes has no
/// room for are not kept, and do no harm.
fn has_long_heredoc_word(text: &str) -> bool {
    const FATAL: std::ops::Range<usize> = 256..1020;
    text.match_indices("<<").any(|(at, _)| {
        let word = &text[at + 2..];
        let word = word.strip_prefix(['-', '~']).unwrap_or(word);
        let chars = match word.chars().next() {
            Some(quote @ ('\'' | '"' | '`')) => {
                let quoted = word.chars().skip(1).take(FATAL.end);
                quoted.take_while(|c| *c != quote).count()
            }
            // What the scanner takes for a letter is up to the C library's locale.
            _ => {
                let is_word = |c: &char| *c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii();
                word.chars().take(FATAL.end).take_while(is_word).count()
            }
        };
        FATAL.contains(&chars)
    })
}

/// tree-sitter-python 0.25.0, `serialize` in `src/scanner.c`, line 383: two bytes are written for each indent while there
/// is room for one, so that 1,025 bytes go into a buffer of 1,024 where the open strings (255 at most) are odd in number.
/// Open indents grow, so each has a width of its own: that of a line, or of lines of which all but the last hold nothing
/// but a backslash.
fn has_deep_indents(text: &str) -> bool {
    const OPEN_STRINGS: usize = 255;
    const INDENTS: usize = (1023 - 2 - OPEN_STRINGS) / 2 + 1;
    let mut widths = HashSet::new();
    let mut continued = 0;
    for line in text.split('\n') {
        let mut width = 0_u16;
        for byte in line.bytes() {
            width = match byte {
                b' ' => width.wrapping_add(1),
                b'\t' => width.wrapping_add(8),
                b'\r' | b'\x0c' => 0,
                b'\\' => {
                    continued += 1;
                    break;
                }
                _ => break,
            };
        }
        widths.insert(width);
    }
    widths.len() + continued >= INDENTS
}

/// tree-sitter-kotlin-sg 0.4.1, `stack_push` in `src/scanner.c`, line 56: calls `abort` at the 513th string that is opened
/// inside others. A string is left without its end at a `$` with a name or a brace behind it, or at a NUL. What the parser
/// skips over to recover from an error is not followed here; random texts of many quotes have shown no other way.
fn has_deep_strings(text: &str) -> bool {
    const STRINGS: usize = 513;
    let mut opened = 0;
    let mut inside = false;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if !inside => {
                inside = true;
                opened += 1;
            }
            b'$' if inside => {
                let next = bytes.peek().copied().unwrap_or_default();
                inside =
                    !(matches!(next, b'{' | b'_') || next.is_ascii_alphabetic() || next >= 0x80);
            }
            0 => inside = false,
            _ => {}
        }
    }
    opened >= STRINGS
}
