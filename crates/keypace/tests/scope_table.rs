//! The scope guard as a table: what callers are asked to confirm hangs on these rows.
//! Needs no server. A row is changed only with the contract.

use keypace::limits::DEFAULT_SEPARATOR;
use keypace::{Pattern, Scope};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use Scope::{CatchAll, Scoped, Unbounded};

/// With the default separator, `:`.
const TABLE: &[(&str, Scope)] = &[
    // Every key, however it is written.
    ("*", CatchAll),
    ("**", CatchAll),
    ("***", CatchAll),
    ("?*", CatchAll),
    ("*?", CatchAll),
    ("*?*", CatchAll),
    ("[^]*", CatchAll),
    ("*[^]", CatchAll),
    ("[^", CatchAll),
    ("*[^]*[^]*", CatchAll),
    // Every key of a length.
    ("?", CatchAll),
    ("????????", CatchAll),
    ("???*", CatchAll),
    // Separators are in nearly every key.
    ("*:*", CatchAll),
    ("*:*:*", CatchAll),
    (":*", CatchAll),
    ("::*", CatchAll),
    ("*:", CatchAll),
    ("?:*", CatchAll),
    (r"\:*", CatchAll),
    ("*[:]*", CatchAll),
    ("[::]*", CatchAll),
    // Classes too wide to tell keys apart.
    ("[^a]*", CatchAll),
    ("[^:]*", CatchAll),
    ("[a-z]*", CatchAll),
    ("[z-a]*", CatchAll),
    ("[a-zA-Z0-9]*", CatchAll),
    ("[^*]*", CatchAll),
    ("[a-z][a-z]*", CatchAll),
    ("[a-z]:[a-z]:*", CatchAll),
    // A class of nothing matches nothing: no reason to ask less.
    ("[]*", CatchAll),
    ("[", CatchAll),
    // Something literal, but not two segments of it first.
    ("session:*", Unbounded),
    ("session:?", Unbounded),
    ("sess*", Unbounded),
    ("*:42", Unbounded),
    ("*a*", Unbounded),
    ("[ab]*", Unbounded),
    ("[0-9]*", Unbounded),
    ("[0-9a-f]*", Unbounded),
    ("[:a]*", Unbounded),
    ("?a*", Unbounded),
    (r"\**", Unbounded),
    ("{a}*", Unbounded),
    (":a:*", Unbounded),
    ("a::*", Unbounded),
    ("run:42*", Unbounded),
    ("run:4?:*", Unbounded),
    ("*:run:42:", Unbounded),
    ("*run:42:*", Unbounded),
    ("[r]un:42:*", Unbounded),
    ("run/42/*", Unbounded),
    ("a:*:b:c:d", Unbounded),
    // Two literal segments, or one key.
    ("run:42:*", Scoped),
    ("run:42:?", Scoped),
    ("run:42:[^]*", Scoped),
    ("run:42:a*", Scoped),
    ("run:42:state:*", Scoped),
    (":a:b:*", Scoped),
    ("a::b:*", Scoped),
    (r"a\::b:*", Scoped),
    (r"a:\*:*", Scoped),
    ("run:42", Scoped),
    ("run", Scoped),
    (r"run\*", Scoped),
    ("run]", Scoped),
    ("run\\", Scoped),
    (":", Scoped),
    ("::", Scoped),
];

fn pattern(text: &str) -> Pattern {
    Pattern::new(text.to_owned()).expect("an allowed pattern")
}

#[test]
fn every_row_has_its_scope() {
    for (text, scope) in TABLE {
        assert_eq!(pattern(text).scope(DEFAULT_SEPARATOR), *scope, "{text}");
    }
}

#[test]
fn another_separator_moves_the_lines() {
    for (text, separator, scope) in [
        ("run/42/*", b'/', Scoped),
        ("run:42:*", b'/', Unbounded),
        ("*/*", b'/', CatchAll),
        ("*:*", b'/', Unbounded),
        ("[/]*", b'/', CatchAll),
        // Even where the separator is itself a metacharacter: only an escaped one separates.
        (r"a\*b\**", b'*', Scoped),
        ("a*b*", b'*', Unbounded),
        (r"\**", b'*', CatchAll),
        (r"a\\b\\*", b'\\', Scoped),
    ] {
        assert_eq!(
            pattern(text).scope(separator),
            scope,
            "{text} cut by {}",
            separator.escape_ascii()
        );
    }
}

#[test]
fn the_empty_prefix_is_a_catch_all() {
    assert_eq!(Pattern::prefix(b"").scope(DEFAULT_SEPARATOR), CatchAll);
    assert_eq!(Pattern::prefix(b":").scope(DEFAULT_SEPARATOR), CatchAll);
    assert_eq!(Pattern::prefix(b"run:42:").scope(DEFAULT_SEPARATOR), Scoped);
    assert_eq!(Pattern::literal(b"*").scope(DEFAULT_SEPARATOR), Scoped);
}

#[test]
fn scopes_have_the_names_that_logs_and_metrics_use() {
    assert_eq!(
        [CatchAll, Unbounded, Scoped].map(Scope::as_str),
        ["catch-all", "unbounded", "scoped"]
    );
    assert_eq!(format!("{CatchAll:>10}"), " catch-all");
}

proptest! {
    #[test]
    fn any_bytes_have_a_scope(bytes in prop::collection::vec(any::<u8>(), 0..40), separator: u8) {
        if let Ok(pattern) = Pattern::new(bytes) {
            prop_assert!(!pattern.scope(separator).as_str().is_empty());
        }
    }

    /// The dangerous mistake: a pattern that has every key of a sample, and is called better than a catch-all.
    #[test]
    fn what_matches_every_key_is_a_catch_all(
        bytes in prop::collection::vec(prop_oneof![4 => prop::sample::select(&b"**??[]^-:\\"[..]), 1 => any::<u8>()], 1..8),
    ) {
        let Ok(pattern) = Pattern::new(bytes) else { return Ok(()) };
        let is_everything = (0..=u8::MAX).all(|byte| pattern.matches(&[byte; 8]));
        if is_everything {
            prop_assert_eq!(pattern.scope(DEFAULT_SEPARATOR), CatchAll, "{}", pattern);
        }
    }

    /// A scoped pattern with a metacharacter really is confined to two segments.
    #[test]
    fn what_is_scoped_is_confined(bytes in prop::collection::vec(prop::sample::select(&b"ab::*?[]\\"[..]), 1..10)) {
        let Ok(pattern) = Pattern::new(bytes) else { return Ok(()) };
        if pattern.scope(DEFAULT_SEPARATOR) == Scoped && pattern.as_literal().is_none() {
            let prefix = pattern.literal_prefix();
            let segments = prefix.split(|byte| *byte == DEFAULT_SEPARATOR).filter(|segment| !segment.is_empty()).count();
            prop_assert!(segments >= 2, "{}", pattern);
        }
    }
}
