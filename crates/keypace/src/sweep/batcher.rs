//! Cuts keys into batches: one pattern each, and in a cluster one slot, bounded by number and by bytes, across pages.
//! Decides by what it is given; sends nothing and knows no node.
//!
//! In a cluster a command is a slot's, so keys wait for others of their slot. Where pages go slot by slot a batch is
//! cut as soon as pages have passed its slot. Where they don't, a slot's keys are spread over the whole walk: batches
//! are kept for as many pages and as many keys as the limits allow.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::key::{Key, Slot};
use crate::limits;

/// What the keys of a batch have in common. Slots come first, so that those which were passed lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    /// `None` where slots don't matter.
    slot: Option<Slot>,
    pattern: usize,
}

/// Keys of one group that wait for company.
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

/// The batches being filled, one a pattern, or one a pattern and slot.
#[derive(Debug)]
pub(super) struct Batcher {
    filling: BTreeMap<Group, Filling>,
    size: usize,
    /// What is known of the order of slots; `None` where slots don't matter.
    order: Option<SlotOrder>,
    /// How many keys of which page wait here, in the order of pages; those of the first are more than none.
    pages: VecDeque<(u64, usize)>,
    keys: usize,
    bytes: usize,
    /// How many keys of many slots wait at most.
    most_waiting: usize,
}

impl Batcher {
    /// For so many patterns, with batches of at most so many keys; `by_slot` where a batch may hold one slot's only.
    pub(super) fn new(patterns: usize, size: usize, by_slot: bool) -> Self {
        debug_assert!(patterns > 0, "keys are found by a pattern");
        Self {
            filling: BTreeMap::new(),
            size: size.max(1),
            order: by_slot.then(SlotOrder::default),
            pages: VecDeque::new(),
            keys: 0,
            bytes: 0,
            most_waiting: limits::MAX_WAITING_KEYS,
        }
    }

    /// Where keys are found at a rate: none waits for much longer than a second, and no more go at once than a second finds.
    pub(super) fn at_rate(mut self, keys_per_s: u64) -> Self {
        let keys = usize::try_from(keys_per_s).unwrap_or(usize::MAX);
        self.most_waiting = self.most_waiting.min(keys.max(1));
        self
    }

    /// Takes a key of a page; gives the batch that it filled. Pages come in the order of their numbers.
    pub(super) fn push(&mut self, key: Key, pattern: usize, page: u64) -> Option<Cut> {
        let slot = self.order.is_some().then(|| Slot::of(key.as_bytes()));
        if let (Some(order), Some(slot)) = (&mut self.order, slot) {
            order.see(slot);
        }
        let group = Group { slot, pattern };
        let filling = self.filling.entry(group).or_default();
        let bytes = key.as_bytes().len();
        filling.bytes += bytes;
        filling.keys.push(key);
        match filling.parts.last_mut() {
            Some((last, keys)) if *last == page => *keys += 1,
            _ => filling.parts.push((page, 1)),
        }
        let is_full = filling.keys.len() >= self.size || filling.bytes >= limits::MAX_BATCH_BYTES;
        self.keys += 1;
        self.bytes += bytes;
        match self.pages.back_mut() {
            Some((last, keys)) if *last == page => *keys += 1,
            _ => self.pages.push_back((page, 1)),
        }
        if is_full { self.cut(group) } else { None }
    }

    /// A page is at its end, which may have had no keys: gives what has no company to wait for, or has waited too long.
    pub(super) fn end_page(&mut self, page: u64) -> Vec<Cut> {
        let passed = self.order.as_mut().and_then(SlotOrder::end_page);
        if self.is_stale(page) || self.is_heavy() {
            return self.cut_all();
        }
        passed.map_or_else(Vec::new, |passed| self.cut_passed(passed, page))
    }

    /// Everything that waits.
    pub(super) fn cut_all(&mut self) -> Vec<Cut> {
        let groups: Vec<Group> = self.filling.keys().copied().collect();
        self.cut_each(groups)
    }

    /// Drops everything that waits, and what was learnt of the pages: another process answers. Gives how many keys that
    /// were.
    pub(super) fn forget(&mut self) -> u64 {
        let keys = std::mem::take(&mut self.keys);
        self.filling.clear();
        self.pages.clear();
        self.bytes = 0;
        self.order = self.order.is_some().then(SlotOrder::default);
        keys as u64
    }

    /// Whether keys have waited here since too many pages.
    fn is_stale(&self, page: u64) -> bool {
        let most = if self.order.is_some() {
            limits::MAX_PAGES_PER_SLOT_BATCH
        } else {
            limits::MAX_PAGES_PER_BATCH
        };
        let oldest = self.pages.front();
        oldest.is_some_and(|(oldest, _)| page.saturating_sub(*oldest) >= most)
    }

    /// Whether the keys of many slots are too much together. Those of a pattern each are bounded by their batch.
    fn is_heavy(&self) -> bool {
        self.order.is_some()
            && (self.keys >= self.most_waiting || self.bytes >= limits::MAX_WAITING_BYTES)
    }

    /// Batches of the slots that a page has passed, and of the one where the page before it stopped: the page's first, or
    /// else the nearest below. No others, as several lanes of a walk stop at slots of their own.
    fn cut_passed(&mut self, passed: Range<Slot>, page: u64) -> Vec<Cut> {
        let of = |slot| Group {
            slot: Some(slot),
            pattern: 0,
        };
        let mut up_to_first = self.filling.range(..of(passed.end)).rev();
        let stopped = up_to_first.find(|(group, filling)| {
            group.slot < Some(passed.start) || filling.parts.first().is_some_and(|p| p.0 < page)
        });
        let from = stopped.and_then(|(group, _)| group.slot);
        let from = from.map_or(passed.start, |slot| slot.min(passed.start));
        let groups = self.filling.range(of(from)..of(passed.end));
        let groups: Vec<Group> = groups.map(|(group, _)| *group).collect();
        self.cut_each(groups)
    }

    fn cut_each(&mut self, groups: Vec<Group>) -> Vec<Cut> {
        let cuts = groups.into_iter().filter_map(|group| self.cut(group));
        cuts.collect()
    }

    fn cut(&mut self, group: Group) -> Option<Cut> {
        let filled = self.filling.remove(&group)?;
        self.keys -= filled.keys.len();
        self.bytes -= filled.bytes;
        for (page, keys) in &filled.parts {
            if let Ok(place) = self.pages.binary_search_by_key(page, |(page, _)| *page) {
                self.pages[place].1 -= *keys as usize;
            }
        }
        while self.pages.front().is_some_and(|(_, keys)| *keys == 0) {
            self.pages.pop_front();
        }
        Some(Cut {
            pattern: group.pattern,
            keys: filled.keys.into(),
            parts: filled.parts,
        })
    }
}

/// Whether pages go slot by slot, as where a server has a table per slot. Learnt from the slots of each page's keys, of
/// which one below the last is proof that they don't; pages of several lanes may follow each other in any order.
#[derive(Debug, Default)]
struct SlotOrder {
    /// The slots of this page's first and last key.
    page: Option<(Slot, Slot)>,
    rises: u32,
    has_fallen: bool,
}

impl SlotOrder {
    fn see(&mut self, slot: Slot) {
        let (first, last) = *self.page.get_or_insert((slot, slot));
        self.has_fallen |= slot < last;
        self.rises = self.rises.saturating_add(u32::from(slot > last));
        self.page = Some((first, slot));
    }

    /// The slots that the page has left behind: from its first key's to the one before its last key's.
    fn end_page(&mut self) -> Option<Range<Slot>> {
        let (first, last) = self.page.take()?;
        let is_known = !self.has_fallen && self.rises >= limits::MIN_SLOT_RISES;
        is_known.then_some(first..last)
    }
}

#[cfg(test)]
mod tests;
