//! `Pattern`: a Redis glob that is safe to send, and what can be told from it without a server.
//! What its bytes mean is `glob`'s business, what they may cost `guard`'s, how far they reach `scope`'s.

use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::limits::MAX_PATTERN_BYTES;

use super::escape::Escaped;
use super::glob::{Glob, Token};
use super::guard::{StallReason, could_stall};
use super::scope::Scope;
use super::slot::{Slot, hash_tag};

/// A glob as the server's `SCAN ... MATCH` and `KEYS` understand it.
///
/// `?` is any byte, `*` any bytes; `[abc]`, `[^a]` and `[a-z]` are one byte of a class, with ranges in either order;
/// `\` takes the next byte as it is, in a class too. `{`, `}` and `/` mean nothing special. No pattern is malformed: an
/// unclosed `[` ends with the pattern, a `\` at the end is itself. `*` alone has the empty key, `**` has not.
///
/// Checked against Redis 7.0 and Valkey 9.1 on x86-64. A range with one end above 0x7f and the other below
/// (`[a-\xff]`) follows the signed bytes of such servers; one on another machine may read it differently.
///
/// ```
/// use keypace::Pattern;
///
/// let pattern = Pattern::new("session:[0-9]*")?;
/// assert!(pattern.matches(b"session:42"));
/// assert!(!pattern.matches(b"session:x"));
/// assert_eq!(pattern.literal_prefix(), b"session:");
/// # Ok::<(), keypace::PatternError>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    bytes: Bytes,
    glob: Glob,
}

/// Why a pattern was refused before any server saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No bytes. A usage error.
    #[error("the pattern is empty")]
    Empty,
    /// More than [`MAX_PATTERN_BYTES`]. A usage error.
    #[error("the pattern is {len} bytes long, at most {max} are allowed")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// One comparison with it could cost a server too much. Refused by a guard.
    #[error("the pattern could stall the server: {reason}")]
    CouldStall {
        /// What makes it expensive.
        reason: StallReason,
    },
}

impl PatternError {
    /// What to do about it, as a line of its own below the error.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "give a pattern such as 'session:*', or '*' for every key",
            Self::TooLong { .. } => {
                "cut it after the part that tells the keys apart, and end it with '*'"
            }
            Self::CouldStall { reason } => reason.hint(),
        }
    }
}

impl Pattern {
    /// A pattern as a person typed it.
    ///
    /// # Errors
    /// [`PatternError`]: empty, over-long, or of a cost that could stall a server.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PatternError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(PatternError::Empty);
        }
        if bytes.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong {
                len: bytes.len(),
                max: MAX_PATTERN_BYTES,
            });
        }
        let pattern = Self::unchecked(bytes);
        match could_stall(pattern.glob.tokens()) {
            Some(reason) => Err(PatternError::CouldStall { reason }),
            None => Ok(pattern),
        }
    }

    /// The pattern that matches exactly these bytes: what comes from outside can't widen it.
    ///
    /// It takes any bytes: no metacharacter is refused, the empty name is the empty key, and a long name is no danger,
    /// since a comparison ends at the first byte that differs.
    #[must_use]
    pub fn literal(bytes: &[u8]) -> Self {
        Self::unchecked(escape_metacharacters(bytes))
    }

    /// The pattern for every key that begins with exactly these bytes. Of the empty prefix that is every key: `*`.
    #[must_use]
    pub fn prefix(bytes: &[u8]) -> Self {
        let mut escaped = escape_metacharacters(bytes);
        escaped.push(b'*');
        Self::unchecked(escaped)
    }

    /// One pattern that matches at least every key that any of these matches, for one walk in place of several.
    ///
    /// Of one pattern (or of equal ones) it is that pattern, else their longest common literal prefix and a `*`; of
    /// none it is `None`.
    #[must_use]
    pub fn covering(patterns: &[Self]) -> Option<Self> {
        let (first, others) = patterns.split_first()?;
        if others.iter().all(|other| other == first) {
            return Some(first.clone());
        }
        let mut common = first.literal_prefix();
        for other in others {
            let prefix = other.literal_prefix();
            let shared = common
                .iter()
                .zip(&prefix)
                .take_while(|(one, other)| one == other)
                .count();
            common.truncate(shared);
        }
        Some(Self::prefix(&common))
    }

    fn unchecked(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let glob = Glob::read(&bytes);
        Self { bytes, glob }
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the server would return this key for this pattern. Allocates nothing.
    #[must_use]
    pub fn matches(&self, key: &[u8]) -> bool {
        self.glob.matches(key)
    }

    /// The one key that it matches, where it has no metacharacter.
    #[must_use]
    pub fn as_literal(&self) -> Option<Vec<u8>> {
        let prefix = self.literal_prefix();
        (prefix.len() == self.glob.tokens().len()).then_some(prefix)
    }

    /// What every key that it matches begins with: the bytes before the first metacharacter, unescaped.
    #[must_use]
    pub fn literal_prefix(&self) -> Vec<u8> {
        let literal = |token: &Token| match token {
            Token::Byte(byte) => Some(*byte),
            Token::Any | Token::Class(_) | Token::Star => None,
        };
        self.glob.tokens().iter().map_while(literal).collect()
    }

    /// The one slot of a cluster that all its keys are in: that of a hash tag which stands before any wildcard, or of
    /// the only key it matches.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        if let Some(key) = self.as_literal() {
            return Some(Slot::of(&key));
        }
        let prefix = self.literal_prefix();
        hash_tag(&prefix).map(|_| Slot::of(&prefix))
    }

    /// How much of a keyspace it may reach, where names are cut by `separator`
    /// ([`DEFAULT_SEPARATOR`](crate::limits::DEFAULT_SEPARATOR) if nobody says otherwise).
    #[must_use]
    pub fn scope(&self, separator: u8) -> Scope {
        Scope::of(self.glob.tokens(), separator)
    }
}

/// Outside a class nothing else is special, so nothing else is escaped.
fn escape_metacharacters(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len() + 1);
    for byte in bytes {
        if matches!(byte, b'*' | b'?' | b'[' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

// The bytes say all; the tokens only follow from them.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// The escaped form: safe on a terminal, and not what to send.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped::new(&self.bytes).fmt(f)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{
        Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };

    use crate::limits::{MAX_CLASS_BYTES, MAX_PATTERN_BYTES};

    use super::{Pattern, PatternError, Slot};

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text.to_owned()).expect("an allowed pattern")
    }

    #[test]
    fn p13_a_tag_before_any_wildcard_fixes_the_slot() {
        let slot = |pattern: &str| Pattern::new(pattern.to_owned()).expect("valid").slot();
        let of = |key: &str| Some(Slot::of(key.as_bytes()));
        assert_eq!(slot("{user:1}:*"), of("user:1"));
        assert_eq!(slot("a{user:1}*"), of("user:1"));
        assert_eq!(slot("plain"), of("plain"));
        assert_eq!(slot("{a\\*b}:*"), of("a*b"));
        for open in [
            "*{user:1}",
            "?{a}*",
            "[x{]a}*",
            "{}a{b}*",
            "{a*}",
            "session:*",
        ] {
            assert_eq!(slot(open), None, "{open}");
        }
    }

    #[test]
    fn bad_patterns_are_refused_with_what_to_do() {
        let refused = |text: String| Pattern::new(text).expect_err("a refused pattern");
        let longest = "a".repeat(MAX_PATTERN_BYTES);
        assert!(Pattern::new(longest.clone()).is_ok());

        let empty = refused(String::new());
        let long = refused(longest + "a");
        let stall = refused(format!("*[{}]", "z".repeat(MAX_CLASS_BYTES + 1)));
        assert_eq!(empty, PatternError::Empty);
        assert_eq!(
            long,
            PatternError::TooLong {
                len: MAX_PATTERN_BYTES + 1,
                max: MAX_PATTERN_BYTES
            }
        );
        assert!(matches!(stall, PatternError::CouldStall { .. }));
        for error in [empty, long, stall] {
            assert!(error.to_string().starts_with("the pattern "), "{error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn a_literal_escapes_what_is_special_and_nothing_else() {
        assert_eq!(
            Pattern::literal(br"a*b?c[d]\e{f}/^-").as_bytes(),
            br"a\*b\?c\[d]\\e{f}/^-"
        );
        assert_eq!(Pattern::prefix(b"a*:").as_bytes(), br"a\*:*");
        assert_eq!(Pattern::prefix(b"").as_bytes(), b"*");
    }

    #[test]
    fn the_empty_literal_is_the_empty_key() {
        assert!(Pattern::literal(b"").matches(b""));
        assert!(!Pattern::literal(b"").matches(b"a"));
        assert_eq!(Pattern::literal(b"").as_literal(), Some(Vec::new()));
    }

    #[test]
    fn literals_and_prefixes_are_told() {
        for (text, literal, prefix) in [
            ("run:42", Some("run:42"), "run:42"),
            (r"a\*b", Some("a*b"), "a*b"),
            ("a\\", Some("a\\"), "a\\"),
            ("a]{}", Some("a]{}"), "a]{}"),
            ("a*", None, "a"),
            ("a?b", None, "a"),
            ("[a]b", None, ""),
            (r"a\?b[", None, "a?b"),
        ] {
            assert_eq!(
                pattern(text).as_literal().as_deref(),
                literal.map(str::as_bytes),
                "{text}"
            );
            assert_eq!(pattern(text).literal_prefix(), prefix.as_bytes(), "{text}");
        }
    }

    #[test]
    fn covering_is_the_common_prefix() {
        let covering = |texts: &[&str]| {
            let patterns: Vec<_> = texts.iter().map(|text| pattern(text)).collect();
            Pattern::covering(&patterns).map(|pattern| pattern.to_string())
        };
        assert_eq!(covering(&[]), None);
        assert_eq!(covering(&["a?b"]).as_deref(), Some("a?b"));
        assert_eq!(covering(&["a?b", "a?b"]).as_deref(), Some("a?b"));
        assert_eq!(
            covering(&["image_proxy:*", "image_metadata:*"]).as_deref(),
            Some("image_*")
        );
        assert_eq!(covering(&["a", "b"]).as_deref(), Some("*"));
        assert_eq!(covering(&["ab", "ab:c*", "ab?"]).as_deref(), Some("ab*"));
        assert_eq!(covering(&[r"a\*b*", r"a\*c*"]).as_deref(), Some(r"a\\**"));
    }

    #[test]
    fn display_is_the_escaped_form() {
        assert_eq!(pattern("a\u{1b}*\n").to_string(), r"a\x1b*\n");
        assert_eq!(format!("{:?}", pattern("a*")), "Pattern(a*)");
    }

    fn tangled() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![prop::sample::select(&b"aab:*?[]^-\\"[..]), any::<u8>()];
        prop::collection::vec(byte, 1..10)
    }

    proptest! {
        #[test]
        fn a_literal_is_one_key(name: Vec<u8>, other: Vec<u8>) {
            let literal = Pattern::literal(&name);
            prop_assert!(literal.matches(&name));
            prop_assert_eq!(literal.matches(&other), name == other);
            prop_assert_eq!(literal.as_literal(), Some(name));
        }

        #[test]
        fn a_prefix_is_starts_with(name: Vec<u8>, tail: Vec<u8>, other: Vec<u8>) {
            let prefix = Pattern::prefix(&name);
            prop_assert!(prefix.matches(&[&name[..], &tail].concat()));
            prop_assert_eq!(prefix.matches(&other), other.starts_with(&name));
        }

        #[test]
        fn what_matches_begins_with_the_prefix_and_is_covered(one in tangled(), two in tangled(), key in tangled()) {
            let patterns: Vec<_> = [one, two].into_iter().filter_map(|bytes| Pattern::new(bytes).ok()).collect();
            let covering = Pattern::covering(&patterns);
            for pattern in patterns.iter().filter(|pattern| pattern.matches(&key)) {
                prop_assert!(key.starts_with(&pattern.literal_prefix()));
                prop_assert!(covering.as_ref().is_some_and(|covering| covering.matches(&key)));
            }
        }
    }
}
