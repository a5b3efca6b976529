//! The scope guard: how much of a keyspace a pattern may reach, decided from the pattern alone.
//! It is total (every pattern has a scope) and sends nothing: what a pattern really matches only a walk can tell.

use std::fmt;

use super::glob::Token;

/// A class of more bytes than this says nothing about a key: `[a-z]*` is nearly every keyspace there is. Hexadecimal
/// digits in one case, the widest class that names in practice are cut by, still count as something said.
const WIDE_CLASS_MEMBERS: usize = 16;

/// Literal segments before the first metacharacter that make a pattern scoped: a kind and one of its things, `run:42:*`.
const SCOPED_SEGMENTS: usize = 2;

/// How much of a keyspace a pattern may reach.
///
/// Where a pattern could be read either way, it has the wider scope, since that only asks for one more confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Nothing literal but separators: `*`, `**`, `?*`, `[^]*`, `*:*`, `[a-z]*`.
    ///
    /// A class counts as literal while it takes 1 to 16 different bytes and not only the separator.
    CatchAll,
    /// All else: `session:*`, `sess*`, `*:42`, `[ab]*`.
    Unbounded,
    /// Two literal segments, each closed by a separator, before the first metacharacter (`run:42:*`), or no
    /// metacharacter at all (`run:42`). Empty segments don't count: `::*` is a catch-all.
    Scoped,
}

impl Scope {
    /// `catch-all`, `unbounded` or `scoped`: as logs and metrics name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CatchAll => "catch-all",
            Self::Unbounded => "unbounded",
            Self::Scoped => "scoped",
        }
    }

    pub(super) fn of(tokens: &[Token], separator: u8) -> Self {
        // Before all else: a pattern without a metacharacter is one key, even if it is `:`.
        if tokens.iter().all(|token| matches!(token, Token::Byte(_))) {
            return Self::Scoped;
        }
        if !tokens.iter().any(|token| says_something(token, separator)) {
            return Self::CatchAll;
        }
        if closed_segments(tokens, separator) >= SCOPED_SEGMENTS {
            return Self::Scoped;
        }
        Self::Unbounded
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a key must hold something of its own to pass this token, more than a separator.
fn says_something(token: &Token, separator: u8) -> bool {
    match token {
        Token::Byte(byte) => *byte != separator,
        Token::Class(class) => {
            let telling = class.members() - usize::from(class.contains(separator));
            // An empty class matches no key at all; it is no reason to ask less.
            telling > 0 && class.members() <= WIDE_CLASS_MEMBERS
        }
        Token::Any | Token::Star => false,
    }
}

/// Segments of at least one byte that end with a separator, before the first metacharacter.
fn closed_segments(tokens: &[Token], separator: u8) -> usize {
    let mut closed = 0;
    let mut is_open = false;
    for token in tokens {
        let Token::Byte(byte) = token else { break };
        if *byte == separator {
            closed += usize::from(is_open);
            is_open = false;
        } else {
            is_open = true;
        }
    }
    closed
}
