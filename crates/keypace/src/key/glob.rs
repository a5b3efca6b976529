//! The server's glob: a pattern is read once into tokens, then keys are matched against these.
//! It judges nothing (that is `guard` and `scope`) and knows no text: bytes only.
//!
//! What the tokens mean was found by asking servers (Redis 7.0, Valkey 9.1), not by a grammar; there is no invalid
//! pattern. `glob_golden` holds what they answered, and `tests/glob_live.rs` asks live servers again.

/// One step of a pattern; each but `Star` takes exactly one byte of the key.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// This byte.
    Byte(u8),
    /// `?`: any byte.
    Any,
    /// `[...]`: a byte of this set. Boxed, so that the common tokens stay small.
    Class(Box<Class>),
    /// `*`: any bytes, or none. Stars side by side are one.
    Star,
}

/// A set of bytes, and how long it was written: servers read it again at each position they try.
#[derive(Clone, Debug)]
pub(super) struct Class {
    members: [bool; 256],
    written_bytes: usize,
}

impl Class {
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.members[usize::from(byte)]
    }

    /// How many different bytes it takes, 0 to 256.
    pub(super) fn members(&self) -> usize {
        self.members.iter().filter(|is_member| **is_member).count()
    }

    /// How many bytes stand between the brackets.
    pub(super) fn written_bytes(&self) -> usize {
        self.written_bytes
    }

    fn insert(&mut self, byte: u8) {
        self.members[usize::from(byte)] = true;
    }

    /// Both ends belong to a range, in whichever order they are written.
    ///
    /// The ends compare as *signed* bytes, as on servers built for x86-64: `[a-\xff]` is 0xff and 0x00 to 0x61.
    /// That is C's plain `char`, which is unsigned on some other machines, so a range with one end above 0x7f and
    /// the other below has no one meaning; all other ranges have.
    fn insert_range(&mut self, one: u8, other: u8) {
        let (one, other) = (one.cast_signed(), other.cast_signed());
        for byte in one.min(other)..=one.max(other) {
            self.insert(byte.cast_unsigned());
        }
    }
}

impl Token {
    /// Whether it takes this byte; a `Star` is not asked.
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::Any => true,
            Self::Class(class) => class.contains(byte),
            Self::Star => false,
        }
    }
}

/// A pattern, read.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    tokens: Box<[Token]>,
    /// The pattern is `*` itself, which servers don't even compare: it is the only one with a star that has the empty key.
    is_bare_star: bool,
}

impl Glob {
    pub(super) fn read(pattern: &[u8]) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some((token, tail)) = read_token(rest) {
            rest = tail;
            if !matches!((&token, tokens.last()), (Token::Star, Some(Token::Star))) {
                tokens.push(token);
            }
        }
        Self {
            tokens: tokens.into(),
            is_bare_star: pattern == b"*",
        }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Whether the whole key matches. Allocates nothing; at worst tokens x key length steps.
    ///
    /// Only the last star is ever tried again: where it fails from every position, an earlier star, which could
    /// only leave it fewer positions, fails too. So there is no exponential case.
    pub(super) fn matches(&self, key: &[u8]) -> bool {
        // Servers stop before the pattern when the key has no bytes, so `**` doesn't have the empty key.
        if key.is_empty() {
            return self.is_bare_star || self.tokens.is_empty();
        }
        let tokens = &*self.tokens;
        let (mut at_token, mut at_byte) = (0, 0);
        // Where to go on when the current try fails: the token after the last star, and the byte it is tried at.
        let mut last_star = None;
        while let Some(byte) = key.get(at_byte) {
            match tokens.get(at_token) {
                Some(Token::Star) => {
                    at_token += 1;
                    if at_token == tokens.len() {
                        return true;
                    }
                    last_star = Some((at_token, at_byte));
                }
                Some(token) if token.takes(*byte) => {
                    at_token += 1;
                    at_byte += 1;
                }
                Some(_) | None => {
                    let Some((after_star, tried)) = last_star else {
                        return false;
                    };
                    (at_token, at_byte) = (after_star, tried + 1);
                    last_star = Some((at_token, at_byte));
                }
            }
        }
        matches!(tokens.get(at_token..), Some([] | [Token::Star]))
    }
}

fn read_token(pattern: &[u8]) -> Option<(Token, &[u8])> {
    match pattern {
        [] => None,
        [b'*', rest @ ..] => Some((Token::Star, rest)),
        [b'?', rest @ ..] => Some((Token::Any, rest)),
        [b'[', rest @ ..] => Some(read_class(rest)),
        [b'\\', byte, rest @ ..] => Some((Token::Byte(*byte), rest)),
        // A backslash at the end is itself, and so is everything else: `{`, `}`, `/`, `]`, `^`, `-` among it.
        [byte, rest @ ..] => Some((Token::Byte(*byte), rest)),
    }
}

/// Reads what follows a `[`. The order of the arms is the meaning: `[]` is closed and empty, an escape can't begin a
/// range, a range may end with `]` or a backslash, and what the end of the pattern cuts off counts as it stands.
fn read_class(body: &[u8]) -> (Token, &[u8]) {
    let (is_negated, mut rest) = match body {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, body),
    };
    let mut class = Class {
        members: [false; 256],
        written_bytes: 0,
    };
    let after = loop {
        rest = match rest {
            [] => break rest,
            [b'\\', byte, tail @ ..] => {
                class.insert(*byte);
                tail
            }
            [b']', tail @ ..] => break tail,
            [one, b'-', other, tail @ ..] => {
                class.insert_range(*one, *other);
                tail
            }
            [byte, tail @ ..] => {
                class.insert(*byte);
                tail
            }
        };
    };
    class.written_bytes = body.len() - rest.len();
    if is_negated {
        class.members = class.members.map(|is_member| !is_member);
    }
    (Token::Class(Box::new(class)), after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

    use super::{Glob, Token};

    /// The same meaning by plain recursion: slow, and simple enough to be seen right.
    fn matches_plainly(tokens: &[Token], key: &[u8]) -> bool {
        match (tokens, key) {
            ([], []) => true,
            ([Token::Star, rest @ ..], _) => {
                (0..=key.len()).any(|taken| matches_plainly(rest, &key[taken..]))
            }
            ([token, tokens @ ..], [byte, key @ ..]) => {
                token.takes(*byte) && matches_plainly(tokens, key)
            }
            ([], _) | (_, []) => false,
        }
    }

    fn tangled() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![prop::sample::select(&b"aab**?[]^-\\"[..]), any::<u8>()];
        prop::collection::vec(byte, 0..12)
    }

    proptest! {
        #[test]
        fn the_loop_is_the_recursion(pattern in tangled(), key in prop::collection::vec(prop::sample::select(&b"ab]^-\\"[..]), 1..12)) {
            let glob = Glob::read(&pattern);
            prop_assert_eq!(glob.matches(&key), matches_plainly(glob.tokens(), &key));
        }

        #[test]
        fn no_bytes_panic(pattern: Vec<u8>, key: Vec<u8>) {
            Glob::read(&pattern).matches(&key);
        }
    }

    #[test]
    fn many_stars_cost_no_exponential_time() {
        // By naive backtracking this is more than 10^17 steps; it would never end.
        let glob = Glob::read(&[&b"*a".repeat(32)[..], b"b"].concat());
        assert!(!glob.matches(&[b'a'; 200]));
    }

    #[test]
    fn a_class_knows_how_it_was_written() {
        for (pattern, written, members) in [
            (&b"[abc]*"[..], 3, 3),
            (b"[^a]", 2, 255),
            (b"[a-z]", 3, 26),
            (b"[]", 0, 0),
            (b"[^", 1, 256),
            (br"[a\]", 3, 2),
            (b"[zzzz]", 4, 1),
        ] {
            let glob = Glob::read(pattern);
            let Some(Token::Class(class)) = glob.tokens().first() else {
                panic!("{pattern:?} begins with a class")
            };
            assert_eq!(
                (class.written_bytes(), class.members()),
                (written, members),
                "{}",
                pattern.escape_ascii()
            );
        }
    }
}
