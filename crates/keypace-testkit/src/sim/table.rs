//! Owns the hash table that a simulated database is: chained power-of-two buckets, two of them while it rehashes, and the
//! reverse-binary cursor. Pure: it must not know commands, time or connections.
//!
//! The algorithm is Redis's `dict.c` (Pieter Noordhuis's cursor): the cursor counts with its bits reversed, so that a bucket
//! that splits or merges keeps its place in the order of the walk.

use crate::limits::{
    EMPTY_BUCKETS_PER_STEP, MIN_TABLE_BUCKETS, SCAN_BUCKETS_PER_COUNT, SHRINK_BELOW_ONE_IN,
};

#[cfg(test)]
mod tests;

/// Which way a table is told to rehash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// To twice the buckets.
    Grow,
    /// To half the buckets.
    Shrink,
}

#[derive(Debug)]
struct Slot<V> {
    hash: u64,
    key: Vec<u8>,
    value: V,
}

#[derive(Debug)]
struct Buckets<V> {
    chains: Vec<Vec<Slot<V>>>,
    used: usize,
}

impl<V> Buckets<V> {
    fn new(size: usize) -> Self {
        debug_assert!(
            size == 0 || size.is_power_of_two(),
            "{size} buckets are no power of two"
        );
        let mut chains = Vec::new();
        chains.resize_with(size, Vec::new);
        Self { chains, used: 0 }
    }

    fn mask(&self) -> u64 {
        self.chains.len() as u64 - 1
    }

    fn index(&self, hash: u64) -> usize {
        usize::try_from(hash & self.mask()).expect("a mask of a vector's length fits usize")
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<(usize, usize)> {
        if self.chains.is_empty() {
            return None;
        }
        let bucket = self.index(hash);
        let at = self.chains[bucket]
            .iter()
            .position(|slot| slot.hash == hash && slot.key == key)?;
        Some((bucket, at))
    }

    fn push(&mut self, slot: Slot<V>) {
        let bucket = self.index(slot.hash);
        self.chains[bucket].push(slot);
        self.used += 1;
    }

    fn emit(&self, cursor: u64, seen: &mut impl FnMut(&[u8], &V)) {
        for slot in &self.chains[self.index(cursor)] {
            seen(&slot.key, &slot.value);
        }
    }
}

#[derive(Debug)]
struct Rehash<V> {
    to: Buckets<V>,
    /// First bucket of the old table that has not moved.
    next: usize,
}

/// A hash table with the walk of Redis's own.
#[derive(Debug)]
pub(crate) struct Table<V> {
    seed: u64,
    main: Buckets<V>,
    rehash: Option<Rehash<V>>,
}

impl<V> Table<V> {
    /// An empty table; tables with different seeds order the same keys differently.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            main: Buckets::new(0),
            rehash: None,
        }
    }

    /// Keys held.
    pub(crate) fn len(&self) -> usize {
        self.main.used + self.rehash.as_ref().map_or(0, |rehash| rehash.to.used)
    }

    /// Buckets of the table, or of the old and the new one.
    pub(crate) fn buckets(&self) -> (usize, Option<usize>) {
        (
            self.main.chains.len(),
            self.rehash.as_ref().map(|rehash| rehash.to.chains.len()),
        )
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let hash = hash(self.seed, key);
        let tables = [
            Some(&self.main),
            self.rehash.as_ref().map(|rehash| &rehash.to),
        ];
        tables.into_iter().flatten().find_map(|table| {
            let (bucket, at) = table.find(hash, key)?;
            Some(&table.chains[bucket][at].value)
        })
    }

    /// The value of a key, to change it in place. No write operation of the table itself, so no step of a rehash.
    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let hash = hash(self.seed, key);
        let tables = [
            Some(&mut self.main),
            self.rehash.as_mut().map(|rehash| &mut rehash.to),
        ];
        tables.into_iter().flatten().find_map(|table| {
            let (bucket, at) = table.find(hash, key)?;
            Some(&mut table.chains[bucket][at].value)
        })
    }

    /// Sets a key and gives back what it held. Moves one bucket of a running rehash, and starts one at load 1.
    pub(crate) fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        self.step();
        if let Some(old) = self.get_mut(key) {
            return Some(std::mem::replace(old, value));
        }
        self.grow_if_full();
        let slot = Slot {
            hash: hash(self.seed, key),
            key: key.to_vec(),
            value,
        };
        match &mut self.rehash {
            Some(rehash) => rehash.to.push(slot),
            None => self.main.push(slot),
        }
        None
    }

    /// Takes a key out. Moves one bucket of a running rehash, and starts one below an eighth of fill.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        self.step();
        let hash = hash(self.seed, key);
        let tables = [
            Some(&mut self.main),
            self.rehash.as_mut().map(|rehash| &mut rehash.to),
        ];
        let removed = tables.into_iter().flatten().find_map(|table| {
            let (bucket, at) = table.find(hash, key)?;
            table.used -= 1;
            Some(table.chains[bucket].swap_remove(at).value)
        });
        if removed.is_some() {
            self.shrink_if_sparse();
        }
        removed
    }

    /// Every key with its value, in no promised order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        let tables = [
            Some(&self.main),
            self.rehash.as_ref().map(|rehash| &rehash.to),
        ];
        tables
            .into_iter()
            .flatten()
            .flat_map(|table| table.chains.iter().flatten())
            .map(|slot| (slot.key.as_slice(), &slot.value))
    }

    /// One call of SCAN: visits buckets until `count` keys were seen or ten times as many buckets passed, and gives the
    /// next cursor, 0 at the end. Every bucket is emitted whole, so more keys than `count` may be seen.
    pub(crate) fn scan_page(
        &self,
        cursor: u64,
        count: u64,
        mut seen: impl FnMut(&[u8], &V),
    ) -> u64 {
        let mut keys = 0_u64;
        let mut buckets_left = count.saturating_mul(SCAN_BUCKETS_PER_COUNT);
        let mut cursor = cursor;
        loop {
            cursor = self.scan_bucket(cursor, &mut |key, value| {
                keys += 1;
                seen(key, value);
            });
            // Redis tests with `maxiterations--`, which lets one bucket more pass than the bound says.
            if cursor == 0 || buckets_left == 0 || keys >= count {
                return cursor;
            }
            buckets_left -= 1;
        }
    }

    /// `dictScan`: one bucket of the smaller table, and all buckets of the larger one that it expands to.
    pub(crate) fn scan_bucket(&self, cursor: u64, seen: &mut impl FnMut(&[u8], &V)) -> u64 {
        if self.len() == 0 {
            return 0;
        }
        let Some(rehash) = &self.rehash else {
            self.main.emit(cursor, seen);
            return next_cursor(cursor, self.main.mask());
        };
        let (small, large) = if self.main.chains.len() <= rehash.to.chains.len() {
            (&self.main, &rehash.to)
        } else {
            (&rehash.to, &self.main)
        };
        small.emit(cursor, seen);
        let mut cursor = cursor;
        loop {
            large.emit(cursor, seen);
            cursor = next_cursor(cursor, large.mask());
            if cursor & (small.mask() ^ large.mask()) == 0 {
                return cursor;
            }
        }
    }

    /// Begins a rehash to twice or half the buckets, as if the load had asked for it. One that runs is finished first.
    /// A table of the smallest size does not shrink, an empty one does nothing.
    pub(crate) fn resize(&mut self, way: Resize) {
        self.finish_rehash();
        let size = self.main.chains.len();
        let wanted = match way {
            Resize::Grow => size * 2,
            Resize::Shrink => size / 2,
        };
        if wanted >= MIN_TABLE_BUCKETS {
            self.begin_rehash(wanted);
        }
    }

    /// Places every key anew under another seed, as a restart does.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.finish_rehash();
        let old = std::mem::replace(self, Self::new(seed));
        for slot in old.main.chains.into_iter().flatten() {
            self.insert(&slot.key, slot.value);
        }
    }

    fn grow_if_full(&mut self) {
        if self.rehash.is_some() {
            return;
        }
        if self.main.chains.is_empty() {
            self.main = Buckets::new(MIN_TABLE_BUCKETS);
        } else if self.main.used >= self.main.chains.len() {
            self.begin_rehash((self.main.used + 1).next_power_of_two());
        }
    }

    fn shrink_if_sparse(&mut self) {
        let size = self.main.chains.len();
        if self.rehash.is_none()
            && size > MIN_TABLE_BUCKETS
            && self.main.used * SHRINK_BELOW_ONE_IN < size
        {
            self.begin_rehash(self.main.used.next_power_of_two().max(MIN_TABLE_BUCKETS));
        }
    }

    fn begin_rehash(&mut self, size: usize) {
        if size != self.main.chains.len() {
            self.rehash = Some(Rehash {
                to: Buckets::new(size),
                next: 0,
            });
        }
    }

    fn finish_rehash(&mut self) {
        while self.rehash.is_some() {
            self.step();
        }
    }

    /// `dictRehash(d, 1)`: moves the next bucket that holds something, past ten empty ones at most.
    fn step(&mut self) {
        let Some(rehash) = &mut self.rehash else {
            return;
        };
        let mut empty_left = EMPTY_BUCKETS_PER_STEP;
        while self.main.used > 0 {
            let chain = std::mem::take(&mut self.main.chains[rehash.next]);
            rehash.next += 1;
            if chain.is_empty() {
                empty_left -= 1;
                if empty_left == 0 {
                    return;
                }
                continue;
            }
            self.main.used -= chain.len();
            for slot in chain {
                rehash.to.push(slot);
            }
            break;
        }
        if self.main.used == 0
            && let Some(rehash) = self.rehash.take()
        {
            self.main = rehash.to;
        }
    }
}

/// The cursor after this one: a binary count with the bits reversed, above the mask all ones so that the carry passes them.
fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask)
        .reverse_bits()
        .wrapping_add(1)
        .reverse_bits()
}

/// FNV-1a from a seeded start, finished as splitmix64 does: spreads well in the low bits, and is the same on every machine.
fn hash(seed: u64, key: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    crate::sim::random::mix(hash)
}
