//! One page of keys, and the Mark behind it: where a walk can be taken up again. Opaque to callers.

use bytes::Bytes;

use super::cursor::EDGE;
use crate::key::Key;

/// A place in a walk: the process that gave the cursor, and the cursor. A cursor means nothing to another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub(crate) run_id: Option<Bytes>,
    pub(crate) cursor: Bytes,
    /// The walk was over: 0 is the cursor of the beginning and of the end.
    pub(crate) is_end: bool,
}

impl Mark {
    /// The beginning of a walk.
    #[must_use]
    pub fn start() -> Self {
        Self {
            run_id: None,
            cursor: Bytes::from_static(EDGE),
            is_end: false,
        }
    }
}

/// Keys that one call found, after all filters. May be empty: long runs of empty pages are usual after a mass
/// delete and where few keys match.
#[derive(Debug, Clone)]
pub struct Page {
    pub(super) keys: Vec<Key>,
    /// For each key the pattern it matched first; empty where there is one pattern.
    pub(super) pattern_of: Vec<u8>,
    pub(super) mark: Option<Mark>,
}

impl Page {
    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The same, owned.
    #[must_use]
    pub fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    /// Where to go on once every key of this page and those before is settled. `None` where a walk can't be
    /// taken up here: exact and sorted output, KEYS, and a page that a limit cut.
    #[must_use]
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Which of the patterns the key at this place matched first.
    #[must_use]
    pub fn pattern_of(&self, place: usize) -> usize {
        self.pattern_of.get(place).copied().map_or(0, usize::from)
    }
}
