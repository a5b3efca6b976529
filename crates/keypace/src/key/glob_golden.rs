//! What real servers answered: the same for Redis 7.0.15 and Valkey 9.1.2 on x86-64, by `KEYS` and by `SCAN ... MATCH`.
//! Answers only: a row is never changed to please `glob`. `tests/glob_live.rs` asks servers again, at random.

use super::glob::Glob;

/// Which of [`KEYS`] the servers returned.
enum Returned {
    Only(&'static [&'static [u8]]),
    AllBut(&'static [&'static [u8]]),
}

use Returned::{AllBut, Only};

/// The keys that the servers held when they were asked.
#[rustfmt::skip]
const KEYS: &[&[u8]] = &[
    b"", b"a", b"b", b"c", b"z", b"ab", b"abc", b"a*", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a\\", b"[a",
    b"[a]", b"a]", b"{a}", b"a/b", b"/", b":", b"a:b", b"\xff", b"\x80", b"\0", b"a\0b", b"\n", b"a\nb", b"m", b"A", b"^a", b"\x7f",
];

/// Each pattern, and what came back.
#[rustfmt::skip]
const ANSWERS: &[(&[u8], Returned)] = &[
    (b"", Only(&[b""])),
    (b"*", AllBut(&[])),
    (b"**", AllBut(&[b""])),
    (b"***", AllBut(&[b""])),
    (b"?", AllBut(&[b"", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"??", Only(&[b"ab", b"a*", b"a\\", b"[a", b"a]", b"^a"])),
    (b"a*", Only(&[b"a", b"ab", b"abc", b"a*", b"a\\", b"a]", b"a/b", b"a:b", b"a\0b", b"a\nb"])),
    (b"a**", Only(&[b"a", b"ab", b"abc", b"a*", b"a\\", b"a]", b"a/b", b"a:b", b"a\0b", b"a\nb"])),
    (b"*a", Only(&[b"a", b"[a", b"^a"])),
    (b"*b*", Only(&[b"b", b"ab", b"abc", b"a/b", b"a:b", b"a\0b", b"a\nb"])),
    (b"a?", Only(&[b"ab", b"a*", b"a\\", b"a]"])),
    (b"[abc]", Only(&[b"a", b"b", b"c"])),
    (b"[^a]", AllBut(&[b"", b"a", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[^abc]", Only(&[b"z", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"/", b":", b"\xff", b"\x80", b"\0", b"\n", b"m", b"A", b"\x7f"])),
    (b"[a-c]", Only(&[b"a", b"b", b"c"])),
    (b"[c-a]", Only(&[b"a", b"b", b"c"])),
    (b"[a-]", Only(&[b"a", b"]", b"^"])),
    (b"[a-]x", Only(&[b"a", b"]", b"^"])),
    (b"[-a]", Only(&[b"a", b"-"])),
    (b"[a", Only(&[b"a"])),
    (b"[", Only(&[])),
    (b"[^", AllBut(&[b"", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[]", Only(&[])),
    (b"[^]", AllBut(&[b"", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[]a]", Only(&[])),
    (b"[^]a]", Only(&[b"[a]"])),
    (b"[\\]]", Only(&[b"]"])),
    (b"[\\]a]", Only(&[b"a", b"]"])),
    (b"[\\", Only(&[b"\\"])),
    (b"[\\a-c]", Only(&[b"a", b"c", b"-"])),
    (b"[a-\\c]", Only(&[b"a", b"c", b"]", b"^", b"\\"])),
    (b"[a\\-c]", Only(&[b"a", b"c", b"-"])),
    (b"\\", Only(&[b"\\"])),
    (b"a\\", Only(&[b"a\\"])),
    (b"\\a", Only(&[b"a"])),
    (b"\\*", Only(&[b"*"])),
    (b"\\\\", Only(&[b"\\"])),
    (b"[a^]", Only(&[b"a", b"^"])),
    (b"[\\^a]", Only(&[b"a", b"^"])),
    (b"{a}", Only(&[b"{a}"])),
    (b"{a,b}", Only(&[])),
    (b"a/b", Only(&[b"a/b"])),
    (b"*/*", Only(&[b"a/b", b"/"])),
    (b"[a-\xff]", Only(&[b"a", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"/", b":", b"\xff", b"\0", b"\n", b"A"])),
    (b"[\x80-\xff]", Only(&[b"\xff", b"\x80"])),
    (b"[\x80-\x7f]", AllBut(&[b"", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[\0-\xff]", Only(&[b"\xff", b"\0"])),
    (b"[\xff-\0]", Only(&[b"\xff", b"\0"])),
    (b"[a-z", Only(&[b"a", b"b", b"c", b"z", b"m"])),
    (b"[a-", Only(&[b"a", b"-"])),
    (b"[^a-", AllBut(&[b"", b"a", b"ab", b"abc", b"a*", b"-", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[--a]", Only(&[b"a", b"?", b"[", b"]", b"^", b"-", b"\\", b"/", b":", b"A"])),
    (b"[^^]", AllBut(&[b"", b"ab", b"abc", b"a*", b"^", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[[]", Only(&[b"["])),
    (b"[*]", Only(&[b"*"])),
    (b"[?]", Only(&[b"?"])),
    (b"a\0b", Only(&[b"a\0b"])),
    (b"a?b", Only(&[b"a/b", b"a:b", b"a\0b", b"a\nb"])),
    (b"*\xff", Only(&[b"\xff"])),
    (b"\xff", Only(&[b"\xff"])),
    (b"[a]]", Only(&[b"a]"])),
    (b"*[a]*", Only(&[b"a", b"ab", b"abc", b"a*", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"?*", AllBut(&[b""])),
    (b"[^]*", AllBut(&[b""])),
    (b"*[", Only(&[])),
    (b"*\\", Only(&[b"\\", b"a\\"])),
    (b"*[^", AllBut(&[b""])),
    (b"[^-a]", AllBut(&[b"", b"a", b"ab", b"abc", b"a*", b"-", b"a\\", b"[a", b"[a]", b"a]", b"{a}", b"a/b", b"a:b", b"a\0b", b"a\nb", b"^a"])),
    (b"[a-b-c]", Only(&[b"a", b"b", b"c", b"-"])),
    (b"[\\\\]", Only(&[b"\\"])),
];

#[test]
fn patterns_match_what_the_servers_matched() {
    for (pattern, returned) in ANSWERS {
        let glob = Glob::read(pattern);
        for key in KEYS {
            let expected = match returned {
                Only(keys) => keys.contains(key),
                AllBut(keys) => !keys.contains(key),
            };
            assert_eq!(
                glob.matches(key),
                expected,
                "pattern {} key {}",
                pattern.escape_ascii(),
                key.escape_ascii()
            );
        }
    }
}
