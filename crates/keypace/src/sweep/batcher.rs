//! Cuts keys into batches: one pattern each, bounded by number and by bytes, across pages.

use std::sync::Arc;

use crate::key::Key;
use crate::limits;

/// Keys of one pattern that wait for company.
#[derive(Debug, Default)]
struct Filling {
    keys: Vec<Key>,
    bytes: usize,
    parts: Vec<(u64, u64)>,
}

/// A batch that is full, or full enough.
#[derive(Debug, PartialEq)]
pub(super) struct Cut {
    pub(super) pattern: usize,
    pub(super) keys: Arc<[Key]>,
    /// How many of them come from which page.
    pub(super) parts: Vec<(u64, u64)>,
}

/// The batches being filled, one a pattern.
#[derive(Debug)]
pub(super) struct Batcher {
    filling: Vec<Filling>,
    size: usize,
    /// The first page that has a key in here.
    oldest: Option<u64>,
}

impl Batcher {
    pub(super) fn new(patterns: usize, size: usize) -> Self {
        Self {
            filling: (0..patterns).map(|_| Filling::default()).collect(),
            size: size.max(1),
            oldest: None,
        }
    }

    /// Takes a key; gives the batch that it filled.
    pub(super) fn push(&mut self, key: Key, pattern: usize, page: u64) -> Option<Cut> {
        let filling = self.filling.get_mut(pattern)?;
        filling.bytes += key.as_bytes().len();
        filling.keys.push(key);
        match filling.parts.last_mut() {
            Some((last, keys)) if *last == page => *keys += 1,
            _ => filling.parts.push((page, 1)),
        }
        self.oldest.get_or_insert(page);
        let is_full = filling.keys.len() >= self.size || filling.bytes >= limits::MAX_BATCH_BYTES;
        if is_full { self.cut(pattern) } else { None }
    }

    /// Whether keys have waited here since too many pages.
    pub(super) fn is_stale(&self, page: u64) -> bool {
        self.oldest
            .is_some_and(|oldest| page.saturating_sub(oldest) >= limits::MAX_PAGES_PER_BATCH)
    }

    /// Everything that waits.
    pub(super) fn cut_all(&mut self) -> Vec<Cut> {
        (0..self.filling.len())
            .filter_map(|pattern| self.cut(pattern))
            .collect()
    }

    /// Drops everything that waits. Gives how many keys that were.
    pub(super) fn forget(&mut self) -> u64 {
        self.oldest = None;
        let waiting = self.filling.iter_mut().map(std::mem::take);
        waiting.map(|filling| filling.keys.len() as u64).sum()
    }

    fn cut(&mut self, pattern: usize) -> Option<Cut> {
        let filled = std::mem::take(self.filling.get_mut(pattern)?);
        self.oldest = self
            .filling
            .iter()
            .filter_map(|f| f.parts.first().map(|(page, _)| *page))
            .min();
        let is_empty = filled.keys.is_empty();
        (!is_empty).then(|| Cut {
            pattern,
            keys: filled.keys.into(),
            parts: filled.parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Batcher;
    use crate::key::Key;
    use crate::limits;

    #[test]
    fn cuts_by_number_and_by_pattern() {
        let mut batcher = Batcher::new(2, 3);
        assert!(batcher.push(Key::new("a"), 0, 1).is_none());
        assert!(batcher.push(Key::new("x"), 1, 1).is_none());
        assert!(batcher.push(Key::new("b"), 0, 2).is_none());
        let cut = batcher.push(Key::new("c"), 0, 2).expect("full");
        assert_eq!(
            (cut.pattern, cut.keys.len(), cut.parts),
            (0, 3, vec![(1, 1), (2, 2)])
        );
        let rest = batcher.cut_all();
        assert_eq!((rest.len(), rest[0].pattern), (1, 1));
        assert!(batcher.cut_all().is_empty());
    }

    #[test]
    fn p21_cuts_by_bytes() {
        let mut batcher = Batcher::new(1, 10_000);
        let long = "k".repeat(limits::MAX_BATCH_BYTES / 2);
        assert!(batcher.push(Key::new(long.clone()), 0, 1).is_none());
        assert!(batcher.push(Key::new(long), 0, 1).is_some());
    }

    #[test]
    fn keys_do_not_wait_for_ever() {
        let mut batcher = Batcher::new(1, 10);
        batcher.push(Key::new("a"), 0, 5);
        assert!(!batcher.is_stale(5 + limits::MAX_PAGES_PER_BATCH - 1));
        assert!(batcher.is_stale(5 + limits::MAX_PAGES_PER_BATCH));
    }
}
