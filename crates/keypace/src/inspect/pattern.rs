//! Names of keys as patterns: what differs from key to key is a star, so that commands of one shape are one row and no
//! number of a customer is printed. Pure: bytes in, text out, for any bytes.

use crate::key::Escaped;
use crate::limits::inspect::INSPECT_NAME_CHARS;

/// A run of hex digits from here on is an id, and no word (`facade` has six).
const HEX_RUN: usize = 8;
/// A run of letters and digits from here on is an id, whatever it spells.
const OPAQUE_RUN: usize = 16;
/// What is left of a word that is shortened.
const KEPT_OF_WORD: usize = 3;
/// What stands in the place of what is left out.
const CUT: &str = "...";

/// The pattern of a name: runs of digits, hex runs, ids and what holds an `@` become `*`. A pattern stays one.
pub(super) fn generalised(name: &[u8]) -> String {
    let mut starred = Vec::with_capacity(name.len());
    let mut rest = without_cut(name);
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| is_separator(*byte));
        let (segment, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if segment.contains(&b'@') {
            starred.push(b'*');
        } else {
            star_segment(segment, &mut starred);
        }
        let (separator, behind) = behind.split_at(behind.len().min(1));
        starred.extend_from_slice(separator);
        rest = behind;
    }
    bounded(&Escaped::new(&joined(&starred)).to_string())
}

/// The pattern with its words shortened: who has the keys still knows them, and nobody else learns much.
pub(super) fn redacted(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut in_word = 0;
    for character in pattern.chars() {
        if character.is_alphanumeric() {
            in_word += 1;
            if in_word <= KEPT_OF_WORD {
                text.push(character);
            } else if in_word == KEPT_OF_WORD + 1 {
                text.push_str("..");
            }
        } else {
            in_word = 0;
            text.push(character);
        }
    }
    text
}

/// At most so many characters as a row can have.
pub(super) fn bounded(text: &str) -> String {
    match text.char_indices().nth(INSPECT_NAME_CHARS) {
        None => text.to_owned(),
        Some(_) => {
            let kept = INSPECT_NAME_CHARS - CUT.len();
            let kept: String = text.chars().take(kept).collect();
            format!("{kept}{CUT}")
        }
    }
}

/// Logs cut long arguments: `... (123 more bytes)` stands at their end, and is none of the name.
fn without_cut(name: &[u8]) -> &[u8] {
    const MARK: &[u8] = b"... (";
    if !name.ends_with(b" more bytes)") {
        return name;
    }
    let at = name.windows(MARK.len()).rposition(|part| part == MARK);
    at.map_or(name, |at| &name[..at])
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b':' | b'/' | b'|' | b'{' | b'}' | b' ' | b'#' | b',')
}

fn star_segment(segment: &[u8], starred: &mut Vec<u8>) {
    let mut rest = segment;
    while let Some(first) = rest.first() {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
        let kind = is_word(first);
        let end = rest.iter().position(|byte| is_word(byte) != kind);
        let (run, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if kind {
            star_run(run, starred);
        } else {
            starred.extend_from_slice(run);
        }
        rest = behind;
    }
}

/// A run of letters and digits.
fn star_run(run: &[u8], starred: &mut Vec<u8>) {
    let has_digit = run.iter().any(u8::is_ascii_digit);
    let is_hex = run.iter().all(u8::is_ascii_hexdigit);
    // Without a digit a long run of capitals and small letters in turn is no word either.
    let is_mixed = run
        .windows(2)
        .filter(|two| two[0].is_ascii_uppercase() && two[1].is_ascii_lowercase())
        .count()
        > 3;
    if (has_digit && is_hex && run.len() >= HEX_RUN)
        || ((has_digit || is_mixed) && run.len() >= OPAQUE_RUN)
    {
        starred.push(b'*');
        return;
    }
    let mut was_digit = false;
    for byte in run {
        let is_digit = byte.is_ascii_digit();
        if !is_digit {
            starred.push(*byte);
        } else if !was_digit {
            starred.push(b'*');
        }
        was_digit = is_digit;
    }
}

/// Stars that stand together, or with no more than a dash, a dot or a short hex word (of a UUID) between them, are one.
fn joined(starred: &[u8]) -> Vec<u8> {
    let mut done: Vec<u8> = Vec::with_capacity(starred.len());
    let mut at = 0;
    while let Some(byte) = starred.get(at) {
        if *byte == b'*' {
            at += 1;
            while let Some(next) = next_star(&starred[at..]) {
                at += next;
            }
            if done.last() != Some(&b'*') {
                done.push(b'*');
            }
            continue;
        }
        done.push(*byte);
        at += 1;
    }
    done
}

/// Behind a star: how far it is to the end of the next one, if that belongs to it.
fn next_star(rest: &[u8]) -> Option<usize> {
    if rest.first() == Some(&b'*') {
        return Some(1);
    }
    let word = rest.get(1..)?;
    if !matches!(rest.first(), Some(b'-' | b'.' | b'_')) {
        return None;
    }
    // `*-beef-*`: a group of a UUID that happens to have no digit, or some.
    let letters = word
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'*')
        .count();
    (letters > 0 && letters <= 8 && word[..letters].contains(&b'*')).then_some(letters + 1)
}

#[cfg(test)]
mod tests {
    use super::{INSPECT_NAME_CHARS, generalised, redacted};
    use proptest::prelude::{any, prop_assert, proptest};

    #[test]
    fn what_differs_from_key_to_key_is_a_star() {
        for (name, pattern) in [
            ("session:1234", "session:*"),
            ("session:*", "session:*"),
            ("user:42:cart:7", "user:*:cart:*"),
            ("user42", "user*"),
            ("{user:9}:a", "{user:*}:a"),
            ("cache:deadbeef01:x", "cache:*:x"),
            ("cafe:facade", "cafe:facade"),
            ("sess:3f2504e0-4f89-11d3-9a0c-0305e82c3301", "sess:*"),
            ("day:2026-11-21:hits", "day:*:hits"),
            ("ip:10.0.0.1", "ip:*"),
            ("mail:bob@example.com:inbox", "mail:*:inbox"),
            ("tok:01ARZ3NDEKTSV4RRFFQ69G5FAV", "tok:*"),
            ("long:abc... (123 more bytes)", "long:abc"),
            ("", ""),
            ("a?[1-3]*", "a?[*]*"),
        ] {
            assert_eq!(generalised(name.as_bytes()), pattern, "{name}");
        }
        assert_eq!(generalised(b"a\xff\x1b[2J"), "a\\xff\\x1b[*J");
    }

    #[test]
    fn words_are_shortened() {
        assert_eq!(redacted("session:*:cart"), "ses..:*:car..");
        assert_eq!(redacted("a:*"), "a:*");
    }

    proptest! {
        #[test]
        fn any_name_has_a_short_pattern_without_digits_of_its_own(name: Vec<u8>) {
            let pattern = generalised(&name);
            prop_assert!(pattern.chars().count() <= INSPECT_NAME_CHARS);
            prop_assert!(!pattern.chars().any(|c| c.is_control()));
            prop_assert!(!pattern.contains("**"));
            redacted(&pattern);
        }

        #[test]
        fn a_pattern_of_text_is_its_own_pattern(name in "[a-z0-9:*.@_-]{0,60}", _n in any::<u8>()) {
            let pattern = generalised(name.as_bytes());
            prop_assert!(!pattern.chars().any(|c| c.is_ascii_digit()), "{pattern}");
        }
    }
}
