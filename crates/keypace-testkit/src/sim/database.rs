//! Owns a logical database: one table or one for each slot, and the cursors that a client sees of them. It must not know
//! commands or time.
//!
//! A table for each slot is `kvstore.c` of Redis 7.4 and Valkey 8: the low 14 bits of a cursor are the slot, those above
//! are the cursor in that slot's table.

use std::collections::BTreeMap;

use super::slot;
use super::table::{Resize, Table};
use crate::limits::{CLUSTER_SLOTS, SCAN_BUCKETS_PER_COUNT};

/// Bits of a cursor that hold the slot.
const SLOT_BITS: u32 = CLUSTER_SLOTS.trailing_zeros();

/// Odd, so that multiplying loses nothing (the two of splitmix64).
const SCRAMBLERS: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// How a database's keys are laid out, and so which cursors its SCAN gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanLayout {
    /// One table; the cursor counts its buckets with the bits reversed. Every server without a cluster, and clusters up to
    /// Redis 7.2 and Valkey 7.2.
    OneTable,
    /// A table for each slot, walked in ascending order; the cursor's low 14 bits are the slot. Clusters of Redis 7.4,
    /// Valkey 8 and newer.
    TablePerSlot,
    /// One table, and cursors that are numbers and have no order that a client could know: a proxy's.
    Opaque,
}

#[derive(Debug)]
pub(crate) struct Database<V> {
    layout: ScanLayout,
    seed: u64,
    /// By slot; without slots all keys are in that of 0.
    tables: BTreeMap<u16, Table<V>>,
}

impl<V> Database<V> {
    /// An empty one. The seed is that of every table, as a process has one.
    pub(crate) fn new(layout: ScanLayout, seed: u64) -> Self {
        let tables = BTreeMap::from([(0, Table::new(seed))]);
        Self {
            layout,
            seed,
            tables,
        }
    }

    pub(crate) fn layout(&self) -> ScanLayout {
        self.layout
    }

    fn place(&self, key: &[u8]) -> u16 {
        match self.layout {
            ScanLayout::TablePerSlot => slot::of_key(key),
            ScanLayout::OneTable | ScanLayout::Opaque => 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }

    /// Buckets of the table, or of the old and the new one; of the first one where there are many.
    pub(crate) fn buckets(&self) -> (usize, Option<usize>) {
        let first = self.tables.values().next();
        first.map_or((0, None), Table::buckets)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.tables.get(&self.place(key))?.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.tables.get_mut(&self.place(key))?.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        let (place, seed) = (self.place(key), self.seed);
        let table = self.tables.entry(place);
        table.or_insert_with(|| Table::new(seed)).insert(key, value)
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        self.tables.get_mut(&self.place(key))?.remove(key)
    }

    /// Every key with its value, in no promised order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.tables.values().flat_map(Table::iter)
    }

    pub(crate) fn resize(&mut self, way: Resize) {
        for table in self.tables.values_mut() {
            table.resize(way);
        }
    }

    /// Places every key anew under another seed, as a restart does.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        for table in self.tables.values_mut() {
            table.reseed(seed);
        }
    }

    /// One call of SCAN: the next cursor, 0 at the end. `pattern` narrows a walk to the one slot that it can match in.
    pub(crate) fn scan_page(
        &self,
        cursor: u64,
        count: u64,
        pattern: Option<&[u8]>,
        seen: impl FnMut(&[u8], &V),
    ) -> u64 {
        match self.layout {
            ScanLayout::OneTable => self.tables[&0].scan_page(cursor, count, seen),
            ScanLayout::Opaque => {
                scramble(self.tables[&0].scan_page(unscramble(cursor), count, seen))
            }
            ScanLayout::TablePerSlot => {
                self.scan_slots(cursor, count, pattern.and_then(slot::of_pattern), seen)
            }
        }
    }

    /// The loop of `scanGenericCommand` around `kvstoreScan`.
    fn scan_slots(
        &self,
        cursor: u64,
        count: u64,
        only: Option<u16>,
        mut seen: impl FnMut(&[u8], &V),
    ) -> u64 {
        let mut keys = 0_u64;
        let mut buckets_left = count.saturating_mul(SCAN_BUCKETS_PER_COUNT);
        let mut cursor = cursor;
        loop {
            cursor = self.scan_step(cursor, only, &mut |key, value| {
                keys += 1;
                seen(key, value);
            });
            if cursor == 0 || buckets_left == 0 || keys >= count {
                return cursor;
            }
            buckets_left -= 1;
        }
    }

    /// `kvstoreScan`: one bucket, or on to the next slot that holds something, owned or not.
    fn scan_step(&self, cursor: u64, only: Option<u16>, seen: &mut impl FnMut(&[u8], &V)) -> u64 {
        let (mut slot, mut bucket) = split(cursor);
        if let Some(only) = only {
            if slot > only {
                return 0;
            }
            if slot < only {
                (slot, bucket) = (only, 0);
            }
        }
        let table = self.tables.get(&slot).filter(|table| table.len() > 0);
        let next = table.map_or(0, |table| table.scan_bucket(bucket, seen));
        if next != 0 {
            return join(slot, next);
        }
        if only.is_some() {
            return 0;
        }
        let mut later = self.tables.range(slot + 1..);
        let filled = later.find(|(_, table)| table.len() > 0);
        filled.map_or(0, |(slot, _)| join(*slot, 0))
    }

    /// A cursor that is another number and means the same place, as those that follow each other in a desert. (Bits above
    /// a table's mask are of no account.)
    pub(crate) fn step_aside(&self, cursor: u64) -> u64 {
        let step = |cursor: u64| cursor.reverse_bits().wrapping_add(1).reverse_bits();
        match self.layout {
            ScanLayout::OneTable => step(cursor),
            ScanLayout::Opaque => scramble(step(unscramble(cursor))),
            ScanLayout::TablePerSlot => {
                let (slot, bucket) = split(cursor);
                join(slot, step(bucket << SLOT_BITS) >> SLOT_BITS)
            }
        }
    }
}

fn split(cursor: u64) -> (u16, u64) {
    let slot = u16::try_from(cursor % u64::from(CLUSTER_SLOTS)).expect("slots fit u16");
    (slot, cursor >> SLOT_BITS)
}

fn join(slot: u16, bucket: u64) -> u64 {
    (bucket << SLOT_BITS) | u64::from(slot)
}

/// One to one, and 0 stays 0: it means the begin and the end.
fn scramble(cursor: u64) -> u64 {
    let [first, second] = SCRAMBLERS;
    fold(cursor.wrapping_mul(first)).wrapping_mul(second)
}

fn unscramble(cursor: u64) -> u64 {
    let [first, second] = SCRAMBLERS.map(inverse);
    fold(cursor.wrapping_mul(second)).wrapping_mul(first)
}

/// Its own inverse.
fn fold(number: u64) -> u64 {
    number ^ (number >> 32)
}

/// Of an odd number, modulo 2^64: Newton's steps, each of which doubles the bits that are right.
fn inverse(odd: u64) -> u64 {
    (0..6).fold(odd, |guess, _| {
        guess.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(guess)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Database, ScanLayout, scramble, split, unscramble};
    use crate::sim::slot;

    fn filled(layout: ScanLayout, keys: u64) -> Database<u64> {
        let mut database = Database::new(layout, 7);
        for n in 0..keys {
            database.insert(format!("key:{n}").as_bytes(), n);
        }
        database
    }

    #[test]
    fn every_layout_gives_every_key_once_when_all_is_quiet() {
        for layout in [
            ScanLayout::OneTable,
            ScanLayout::TablePerSlot,
            ScanLayout::Opaque,
        ] {
            for count in [1, 7, 100, 100_000] {
                let database = filled(layout, 3000);
                let (mut cursor, mut keys) = (0, Vec::new());
                loop {
                    cursor = database.scan_page(cursor, count, None, |_, n| keys.push(*n));
                    if cursor == 0 {
                        break;
                    }
                }
                keys.sort_unstable();
                assert_eq!(keys, (0..3000).collect::<Vec<_>>(), "{layout:?} {count}");
            }
        }
    }

    #[test]
    fn slots_ascend_from_a_cursors_low_bits_to_the_next() {
        let database = filled(ScanLayout::TablePerSlot, 3000);
        let (mut cursor, mut from) = (0, 0);
        loop {
            let mut slots = Vec::new();
            cursor = database.scan_page(cursor, 50, None, |key, _| slots.push(slot::of_key(key)));
            let to = if cursor == 0 { 16_383 } else { split(cursor).0 };
            assert!(slots.is_sorted() && slots.iter().all(|slot| (from..=to).contains(slot)));
            if cursor == 0 {
                break;
            }
            from = to;
        }
    }

    #[test]
    fn a_walk_may_begin_at_any_slot() {
        let database = filled(ScanLayout::TablePerSlot, 3000);
        let slot = slot::of_key(b"key:77");
        let (mut cursor, mut keys) = (u64::from(slot), Vec::new());
        while split(cursor).0 == slot && cursor != 0 {
            cursor = database.scan_page(cursor, 1, None, |key, _| keys.push(key.to_vec()));
        }
        assert!(keys.contains(&b"key:77".to_vec()));
        // The page that ends the slot may go on into those behind it.
        keys.retain(|key| slot::of_key(key) < slot);
        assert_eq!(keys.len(), 0);
    }

    #[test]
    fn a_fixed_tag_narrows_the_walk_to_its_slot() {
        let mut database = filled(ScanLayout::TablePerSlot, 3000);
        for n in 0..40 {
            database.insert(format!("{{tag}}{n}").as_bytes(), n);
        }
        let (mut cursor, mut keys, mut calls) = (0, 0, 0);
        loop {
            cursor = database.scan_page(cursor, 10, Some(b"{tag}*"), |_, _| keys += 1);
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        assert!((40..45).contains(&keys) && calls < 6, "{keys} in {calls}");
    }

    #[test]
    fn an_opaque_cursor_comes_back_and_an_aside_means_the_same() {
        for cursor in [0, 1, 77, u64::MAX, 1 << 63] {
            assert_eq!(unscramble(scramble(cursor)), cursor);
        }
        assert_eq!(scramble(0), 0);
        for layout in [
            ScanLayout::OneTable,
            ScanLayout::TablePerSlot,
            ScanLayout::Opaque,
        ] {
            let database = filled(layout, 3000);
            let from = database.scan_page(0, 200, None, |_, _| {});
            let aside = database.step_aside(from);
            assert_ne!(aside, from);
            let rest = |cursor| {
                let mut keys = Vec::new();
                let next = database.scan_page(cursor, 50, None, |_, n| keys.push(*n));
                (next, keys)
            };
            assert_eq!(rest(aside), rest(from), "{layout:?}");
        }
    }
}
