//! One page of keys, with the Mark behind it.

use super::mark::Mark;
use crate::key::Key;

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

    /// A page of keys that were held back.
    pub(crate) fn of(keys: Vec<(Key, u8)>) -> Self {
        let (keys, pattern_of) = keys.into_iter().unzip();
        Self {
            keys,
            pattern_of,
            mark: None,
        }
    }

    /// Leaves the first keys only; a page that is cut has no Mark.
    pub(crate) fn truncate(&mut self, keys: usize) {
        if keys < self.keys.len() {
            self.keys.truncate(keys);
            self.pattern_of.truncate(keys);
            self.mark = None;
        }
    }

    /// Leaves the keys for which `keep` says so, given the pattern that each matched first.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Key, u8) -> bool) {
        let patterns = std::mem::take(&mut self.pattern_of);
        let mut place = 0;
        let mut kept = Vec::new();
        self.keys.retain(|key| {
            let pattern = patterns.get(place).copied();
            place += 1;
            let keeps = keep(key, pattern.unwrap_or(0));
            if keeps {
                kept.extend(pattern);
            }
            keeps
        });
        self.pattern_of = kept;
    }
}
