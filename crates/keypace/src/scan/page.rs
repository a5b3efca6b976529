//! One page of keys, with the Mark behind it.

use super::mark::Mark;
use super::order::Found;
use crate::key::{Facts, Key};

/// Keys that one call found, after all filters. May be empty: long runs of empty pages are usual after a mass
/// delete and where few keys match.
#[derive(Debug, Clone)]
pub struct Page {
    pub(super) keys: Vec<Key>,
    /// For each key the pattern it matched first; empty where there is one pattern.
    pub(super) pattern_of: Vec<u8>,
    /// What was learnt of each key; empty where nothing was asked.
    pub(super) facts: Vec<Facts>,
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

    /// What was learnt of the key at this place, where anything was asked.
    #[must_use]
    pub fn facts_of(&self, place: usize) -> Option<&Facts> {
        self.facts.get(place)
    }

    /// A page of keys that were held back.
    pub(crate) fn of(found: Vec<Found>) -> Self {
        let mut page = Self {
            keys: Vec::with_capacity(found.len()),
            pattern_of: Vec::with_capacity(found.len()),
            facts: Vec::new(),
            mark: None,
        };
        for found in found {
            page.keys.push(found.key);
            page.pattern_of.push(found.pattern);
            page.facts.extend(found.facts.map(|facts| *facts));
        }
        page
    }

    /// Leaves the keys of which something was learnt, with what that was.
    pub(crate) fn describe(&mut self, learnt: Vec<Option<Facts>>) {
        debug_assert_eq!(learnt.len(), self.keys.len(), "one answer a key");
        let mut answers = learnt.iter();
        self.retain(|_, _, _| answers.next().is_some_and(Option::is_some));
        self.facts = learnt.into_iter().flatten().collect();
    }

    /// Leaves the first keys only; a page that is cut has no Mark.
    pub(crate) fn truncate(&mut self, keys: usize) {
        if keys < self.keys.len() {
            self.keys.truncate(keys);
            self.pattern_of.truncate(keys);
            self.facts.truncate(keys);
            self.mark = None;
        }
    }

    /// Leaves the keys for which `keep` says so, given the pattern that each matched first and what was learnt of it.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Key, u8, Option<&Facts>) -> bool) {
        let patterns = std::mem::take(&mut self.pattern_of);
        let mut facts = std::mem::take(&mut self.facts).into_iter();
        let mut place = 0;
        let mut kept = (Vec::new(), Vec::new());
        self.keys.retain(|key| {
            let pattern = patterns.get(place).copied();
            let facts = facts.next();
            place += 1;
            let keeps = keep(key, pattern.unwrap_or(0), facts.as_ref());
            if keeps {
                kept.0.extend(pattern);
                kept.1.extend(facts);
            }
            keeps
        });
        (self.pattern_of, self.facts) = kept;
    }
}
