//! The pure part of clearing: how a page is cut into batches, and what came of the keys of each pattern.
//! Holds no await, clock or randomness.

use std::sync::Arc;

use crate::delete::{Batch, Refused, Tally};
use crate::key::{Key, Pattern};
use crate::limits;

/// What [`Kv::clear`](super::Kv::clear) did for one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// The pattern, as it was given.
    pub pattern: Pattern,
    /// Keys that matched it, and none of the patterns before it: `deleted + already_gone + failed`.
    pub matched: u64,
    /// Keys that the server said it removed.
    pub deleted: u64,
    /// Keys that were not there any more when they were to be removed; a walk may find a key twice.
    pub already_gone: u64,
    /// Keys that the server refused to remove.
    pub failed: u64,
    /// Why the first of them was refused.
    pub reason: Option<String>,
}

/// Cuts keys into batches of at most `limits::BATCH_KEYS` keys and about `limits::MAX_BATCH_BYTES`, each of one
/// pattern, whose place is its number.
pub(super) fn cut(keys: impl Iterator<Item = (Key, usize)>, patterns: usize) -> Vec<Batch> {
    let mut filling: Vec<(Vec<Key>, usize)> = vec![(Vec::new(), 0); patterns];
    let mut batches = Vec::new();
    for (key, pattern) in keys {
        let (keys, bytes) = &mut filling[pattern];
        *bytes += key.as_bytes().len();
        keys.push(key);
        if keys.len() >= limits::BATCH_KEYS || *bytes >= limits::MAX_BATCH_BYTES {
            batches.push(batch(pattern, std::mem::take(keys)));
            *bytes = 0;
        }
    }
    let rest = filling.into_iter().enumerate();
    batches.extend(
        rest.filter(|(_, (keys, _))| !keys.is_empty())
            .map(|(pattern, (keys, _))| batch(pattern, keys)),
    );
    batches
}

fn batch(pattern: usize, keys: Vec<Key>) -> Batch {
    Batch {
        id: pattern as u64,
        keys: Arc::from(keys),
    }
}

/// The counts of all patterns.
#[derive(Debug)]
pub(super) struct Books(Vec<(Tally, Option<String>)>);

impl Books {
    pub(super) fn new(patterns: usize) -> Self {
        Self(vec![Default::default(); patterns])
    }

    /// Keys of the pattern with this number came to their end.
    pub(super) fn enter(&mut self, number: u64, tally: &Tally, refused: Option<Refused>) {
        let place = usize::try_from(number).ok();
        if let Some((sum, reason)) = place.and_then(|place| self.0.get_mut(place)) {
            sum.add(tally);
            *reason = reason.take().or(refused.map(|refused| refused.text));
        }
    }

    /// The walk begins again: what was refused is found again, what was removed stays removed.
    pub(super) fn restart(&mut self) {
        for (tally, reason) in &mut self.0 {
            tally.failed = 0;
            *reason = None;
        }
    }

    /// Keys removed so far, of all patterns.
    pub(super) fn deleted(&self) -> u64 {
        self.0.iter().map(|(tally, _)| tally.deleted).sum()
    }

    pub(super) fn into_cleared(self, patterns: &[Pattern]) -> Vec<Cleared> {
        let counts = self.0.into_iter().zip(patterns);
        let cleared = |((tally, reason), pattern): ((Tally, Option<String>), &Pattern)| Cleared {
            pattern: pattern.clone(),
            matched: tally.sum(),
            deleted: tally.deleted,
            already_gone: tally.already_gone,
            failed: tally.failed,
            reason,
        };
        counts.map(cleared).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Books, cut};
    use crate::delete::{Refused, Tally};
    use crate::error::ErrorKind;
    use crate::key::{Key, Pattern};
    use crate::limits;

    #[test]
    fn p21_batches_are_bounded_by_number_and_by_bytes() {
        let many = (0..2 * limits::BATCH_KEYS + 1).map(|n| (Key::new(n.to_string()), n % 2));
        let sizes: Vec<_> = cut(many, 2).iter().map(|b| (b.id, b.keys.len())).collect();
        assert_eq!(
            sizes,
            [(0, limits::BATCH_KEYS), (1, limits::BATCH_KEYS), (0, 1)]
        );
        let long = "k".repeat(limits::MAX_BATCH_BYTES / 2);
        let long = (0..5).map(|_| (Key::new(long.clone()), 0));
        let sizes: Vec<_> = cut(long, 1).iter().map(|b| b.keys.len()).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert!(cut(std::iter::empty(), 3).is_empty());
    }

    #[test]
    fn p29_counts_add_up_over_a_restart() {
        let refused = |text: &str| {
            Some(Refused {
                kind: ErrorKind::Permission,
                text: text.to_owned(),
                sample: None,
            })
        };
        let failed = Tally {
            failed: 2,
            ..Tally::default()
        };
        let removed = Tally {
            deleted: 5,
            already_gone: 1,
            ..Tally::default()
        };
        let mut books = Books::new(2);
        books.enter(1, &removed, None);
        books.enter(1, &failed, refused("first"));
        books.restart();
        books.enter(1, &failed, refused("second"));
        books.enter(1, &failed, refused("third"));
        assert_eq!(books.deleted(), 5);
        let patterns = ["a*", "b*"].map(|text| Pattern::new(text).expect("allowed"));
        let cleared = books.into_cleared(&patterns);
        assert_eq!(
            (cleared[0].matched, cleared[0].reason.as_deref()),
            (0, None)
        );
        let b = &cleared[1];
        assert_eq!(
            (b.matched, b.deleted, b.already_gone, b.failed),
            (10, 5, 1, 4)
        );
        assert_eq!(b.reason.as_deref(), Some("second"));
        assert_eq!(b.pattern, patterns[1]);
    }
}
