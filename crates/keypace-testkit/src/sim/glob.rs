//! Owns the simulator's glob: a port of Redis's `stringmatchlen` with all its corners. It must stay independent of the
//! library's own matcher, so that each is a check on the other.

use crate::limits::MAX_GLOB_DEPTH;

/// Whether SCAN's MATCH or KEYS with this pattern returns this key. A lone `*` is answered before the matcher is asked,
/// which is why it alone matches the empty key.
pub(crate) fn selects(pattern: &[u8], key: &[u8]) -> bool {
    pattern == b"*" || matches(pattern, key)
}

/// `stringmatchlen` with case: what the server's matcher itself says.
pub(crate) fn matches(pattern: &[u8], string: &[u8]) -> bool {
    let mut hopeless = false;
    match_from(pattern, string, &mut hopeless, 0)
}

/// `hopeless` is Redis's `skipLongerMatches`: what follows a later `*` was found nowhere, so an earlier `*` needn't try on.
fn match_from(mut pattern: &[u8], mut string: &[u8], hopeless: &mut bool, depth: usize) -> bool {
    if depth > MAX_GLOB_DEPTH {
        return false;
    }
    while let (Some(&head), Some(&byte)) = (pattern.first(), string.first()) {
        match head {
            b'*' => return match_star(pattern, string, hopeless, depth),
            b'?' => pattern = &pattern[1..],
            b'[' => {
                let (matched, rest) = match_class(&pattern[1..], byte);
                if !matched {
                    return false;
                }
                pattern = rest;
            }
            _ => {
                // A backslash at the very end stands for itself.
                let escaped = head == b'\\' && pattern.len() >= 2;
                let literal = if escaped { pattern[1] } else { head };
                if literal != byte {
                    return false;
                }
                pattern = &pattern[1 + usize::from(escaped)..];
            }
        }
        string = &string[1..];
        if string.is_empty() {
            while pattern.first() == Some(&b'*') {
                pattern = &pattern[1..];
            }
        }
    }
    pattern.is_empty() && string.is_empty()
}

fn match_star(mut pattern: &[u8], mut string: &[u8], hopeless: &mut bool, depth: usize) -> bool {
    while pattern.get(1) == Some(&b'*') {
        pattern = &pattern[1..];
    }
    if pattern.len() == 1 {
        return true;
    }
    while !string.is_empty() {
        if match_from(&pattern[1..], string, hopeless, depth + 1) {
            return true;
        }
        if *hopeless {
            return false;
        }
        string = &string[1..];
    }
    *hopeless = true;
    false
}

/// A class after its `[`: whether it takes the byte, and the pattern after its `]` (after the end, where there is none).
fn match_class(mut pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let negated = pattern.first() == Some(&b'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut matched = false;
    loop {
        match *pattern {
            [b'\\', escaped, ..] => {
                matched |= escaped == byte;
                pattern = &pattern[2..];
            }
            [b']', ..] => return (matched != negated, &pattern[1..]),
            [] => return (matched != negated, pattern),
            [from, b'-', to, ..] => {
                matched |= in_range(from, to, byte);
                pattern = &pattern[3..];
            }
            [literal, ..] => {
                matched |= literal == byte;
                pattern = &pattern[1..];
            }
        }
    }
}

/// Either order of the ends, compared as the signed `char` of x86-64 and not as bytes: `[a-\xff]` is -1 to 97.
fn in_range(from: u8, to: u8, byte: u8) -> bool {
    let (from, to, byte) = (from.cast_signed(), to.cast_signed(), byte.cast_signed());
    (from.min(to)..=from.max(to)).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{matches, selects};

    #[test]
    fn follows_the_server_in_its_corners() {
        let table: &[(&[u8], &[u8], bool)] = &[
            (b"", b"", true),
            (b"", b"a", false),
            (b"*", b"a", true),
            (b"*", b"", false),
            (b"a*", b"a", true),
            (b"a**", b"a", true),
            (b"a?", b"a", false),
            (b"?", b"\xff", true),
            (b"h[ae]llo", b"hallo", true),
            (b"h[^e]llo", b"hello", false),
            (b"h[^e]llo", b"hallo", true),
            (b"[a-c]", b"b", true),
            (b"[c-a]", b"b", true),
            (b"[a-", b"-", true),
            (b"[ab", b"b", true),
            (b"[", b"a", false),
            (b"[^", b"a", true),
            (b"[]", b"]", false),
            (b"[^]*", b"a", true),
            (b"[\\]]", b"]", true),
            (b"[a\\", b"\\", true),
            (b"a\\", b"a\\", true),
            (b"\\*", b"*", true),
            (b"\\*", b"a", false),
            (b"{a,b}", b"{a,b}", true),
            (b"a/*", b"a/b/c", true),
            (b"[a-\xff]", b"\xff", true),
            (b"[a-\xff]", b"b", false),
            (b"*a*b", b"xaxxb", true),
            (b"*a*b", b"xaxxc", false),
        ];
        for (pattern, key, expected) in table {
            assert_eq!(
                matches(pattern, key),
                *expected,
                "{} on {}",
                pattern.escape_ascii(),
                key.escape_ascii()
            );
        }
    }

    #[test]
    fn only_a_lone_star_selects_the_empty_key() {
        assert!(selects(b"*", b""));
        assert!(!selects(b"**", b""));
    }

    #[test]
    fn many_stars_end_soon_on_a_long_key() {
        let pattern = b"*a".repeat(30);
        assert!(!matches(&[&pattern[..], b"b"].concat(), &b"a".repeat(200)));
    }
}
