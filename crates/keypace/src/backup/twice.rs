//! Which keys a file may hold more than once, found while it is read once: of these the newest copy counts. A Bloom filter
//! with one hash (Bloom 1970), so it may name keys that the file holds once, and misses none. Its room is fixed; the names'
//! grows with the keys that are named.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::key::Key;
use crate::limits;

/// Keys seen so far.
#[derive(Debug, Default)]
pub(super) struct Twice {
    hasher: RandomState,
    seen: Vec<u64>,
    maybe: HashSet<u64>,
}

impl Twice {
    pub(super) fn see(&mut self, key: &Key) {
        if self.seen.is_empty() {
            self.seen = vec![0; limits::BACKUP_TWICE_BITS / 64];
        }
        let hash = self.hasher.hash_one(key.as_bytes());
        let bit = usize::try_from(hash % limits::BACKUP_TWICE_BITS as u64).unwrap_or(0);
        let (word, mask) = (bit / 64, 1 << (bit % 64));
        if self.seen[word] & mask != 0 {
            self.maybe.insert(hash);
        }
        self.seen[word] |= mask;
    }

    /// All keys were seen.
    pub(super) fn end(&mut self) {
        self.seen = Vec::new();
    }

    /// Whether the file may hold it more than once. The first of two that share a bit is not named, and needn't be: of the
    /// same key both have the same hash.
    pub(super) fn has(&self, key: &Key) -> bool {
        !self.maybe.is_empty() && self.maybe.contains(&self.hasher.hash_one(key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::Twice;
    use crate::key::Key;

    #[test]
    fn what_comes_twice_is_named_and_little_else() {
        let mut twice = Twice::default();
        let key = |n: u32| Key::new(format!("k:{n}"));
        for n in 0..20_000 {
            twice.see(&key(n));
        }
        for n in 0..100 {
            twice.see(&key(n));
        }
        twice.end();
        assert!((0..100).all(|n| twice.has(&key(n))));
        let others = (100..20_000).filter(|n| twice.has(&key(*n))).count();
        assert!(others < 20, "{others}");
    }
}
