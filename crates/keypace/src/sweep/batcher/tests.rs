//! Keys in, batches out: by number, by bytes, by slot, and how few commands come of pages in and out of slot order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::{Batcher, Cut};
use crate::key::{Key, Slot};
use crate::limits;

fn slot_of(cut: &Cut) -> BTreeSet<u16> {
    let keys = cut.keys.iter();
    keys.map(|key| Slot::of(key.as_bytes()).number()).collect()
}

/// Keys in no order of slots, as one table gives them.
fn shuffled(keys: u32) -> Vec<Key> {
    (0..keys).map(|n| Key::new(format!("key:{n}"))).collect()
}

/// The same keys as a table per slot gives them.
fn ordered(keys: u32) -> Vec<Key> {
    let mut keys = shuffled(keys);
    keys.sort_by_key(|key| Slot::of(key.as_bytes()));
    keys
}

/// All batches that come of these pages.
fn batches(batcher: &mut Batcher, pages: &[&[Key]]) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let number = number as u64;
        let filled = page.iter().map(|key| batcher.push(key.clone(), 0, number));
        cuts.extend(filled.flatten());
        cuts.extend(batcher.end_page(number));
    }
    cuts.extend(batcher.cut_all());
    cuts
}

#[test]
fn cuts_by_number_and_by_pattern() {
    let mut batcher = Batcher::new(2, 3, false);
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
    let mut batcher = Batcher::new(1, 10_000, false);
    let long = "k".repeat(limits::MAX_BATCH_BYTES / 2);
    assert!(batcher.push(Key::new(long.clone()), 0, 1).is_none());
    assert!(batcher.push(Key::new(long), 0, 1).is_some());
}

#[test]
fn keys_do_not_wait_for_ever() {
    for (by_slot, most) in [
        (false, limits::MAX_PAGES_PER_BATCH),
        (true, limits::MAX_PAGES_PER_SLOT_BATCH),
    ] {
        let mut batcher = Batcher::new(1, 10, by_slot);
        batcher.push(Key::new("a"), 0, 5);
        let last = 5 + most - 1;
        assert!(batcher.end_page(last).is_empty());
        assert_eq!(batcher.end_page(last + 1).len(), 1);
        assert!(batcher.end_page(last + 200).is_empty());
    }
}

#[test]
fn p26_a_batch_holds_one_pattern_and_one_slot() {
    let mut batcher = Batcher::new(2, 500, true);
    for key in ["{a}1", "{b}1", "{a}2", "{b}2", "{a}3"] {
        assert!(batcher.push(Key::new(key), 0, 1).is_none());
    }
    assert!(batcher.push(Key::new("{a}4"), 1, 1).is_none());
    let cuts = batcher.cut_all();
    let mut sizes: Vec<_> = cuts
        .iter()
        .map(|cut| (cut.pattern, cut.keys.len()))
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(0, 2), (0, 3), (1, 1)]);
}

#[test]
fn p26_a_slot_is_cut_as_soon_as_pages_have_passed_it() {
    let keys = ordered(100_000);
    let mut batcher = Batcher::new(1, 500, true);
    let mut most = 0;
    for (number, page) in keys.chunks(500).enumerate() {
        for key in page {
            batcher.push(key.clone(), 0, number as u64);
        }
        batcher.end_page(number as u64);
        most = most.max(batcher.filling.len());
    }
    assert_eq!(most, 1, "the slot that the page stopped in");
}

#[test]
fn p26_slots_of_ordered_pages_are_one_command_each() {
    let keys = ordered(100_000);
    let slots: BTreeSet<_> = keys.iter().map(|key| Slot::of(key.as_bytes())).collect();
    let pages: Vec<&[Key]> = keys.chunks(500).collect();
    let commands = batches(&mut Batcher::new(1, 500, true), &pages).len();
    assert_eq!(commands, slots.len());
    // Four lanes, each through slots of its own, whose pages come by turns.
    let lanes: Vec<Vec<&[Key]>> = keys
        .chunks(25_000)
        .map(|l| l.chunks(500).collect())
        .collect();
    let pages: Vec<&[Key]> = (0..50)
        .flat_map(|at| lanes.iter().map(move |lane| lane[at]))
        .collect();
    let commands = batches(&mut Batcher::new(1, 500, true), &pages).len();
    assert!(
        commands <= slots.len() + 8,
        "{commands} for {}",
        slots.len()
    );
}

#[test]
fn p26_keys_in_no_order_wait_for_others_of_their_slot() {
    // A third of the slots, as of three nodes.
    let all = shuffled(600_000);
    let mine = |key: &&Key| Slot::of(key.as_bytes()).number() < 5461;
    let keys: Vec<Key> = all.iter().filter(mine).cloned().collect();
    let pages: Vec<&[Key]> = keys.chunks(1000).collect();
    let mut batcher = Batcher::new(1, 500, true);
    let commands = batches(&mut batcher, &pages).len();
    let share = commands as f64 / keys.len() as f64;
    assert!(
        share < 0.1,
        "12 keys of a slot in 64 pages of 1000: {share}"
    );
}

#[test]
fn what_waits_is_bounded_by_keys_and_bytes() {
    let keys = shuffled(limits::MAX_WAITING_KEYS as u32 + 10_000);
    let mut batcher = Batcher::new(1, 500, true);
    for (number, page) in keys.chunks(10_000).enumerate() {
        for key in page {
            batcher.push(key.clone(), 0, number as u64);
        }
        batcher.end_page(number as u64);
        assert!(batcher.keys < limits::MAX_WAITING_KEYS);
    }
    let mut batcher = Batcher::new(1, 500, true);
    let name = "k".repeat(limits::MAX_WAITING_BYTES / 20);
    for number in 0..19 {
        batcher.push(Key::new(format!("{number}{name}")), 0, number);
        assert!(batcher.end_page(number).is_empty());
    }
    batcher.push(Key::new(format!("19{name}")), 0, 19);
    assert_eq!(batcher.end_page(19).len(), 20);
    assert_eq!(
        (batcher.keys, batcher.bytes, batcher.pages.len()),
        (0, 0, 0)
    );
}

#[test]
fn at_a_rate_no_key_waits_for_longer_than_a_second() {
    let keys = shuffled(1_000);
    let pages: Vec<&[Key]> = keys.chunks(50).collect();
    let mut batcher = Batcher::new(1, 500, true).at_rate(200);
    let mut cut_by_page = Vec::new();
    for (number, page) in (0u64..).zip(pages) {
        let filled = page.iter().map(|key| batcher.push(key.clone(), 0, number));
        let cuts: Vec<Cut> = filled.flatten().collect();
        let cuts = cuts.into_iter().chain(batcher.end_page(number));
        cut_by_page.push(cuts.map(|cut| cut.keys.len()).sum::<usize>());
    }
    assert_eq!(cut_by_page, [0, 0, 0, 200].repeat(5));
}

#[test]
fn another_process_may_have_another_order() {
    let mut batcher = Batcher::new(1, 500, true);
    let keys = ordered(1000);
    batches(&mut batcher, &[&keys]);
    batcher.push(Key::new("a"), 0, 2);
    assert_eq!(batcher.forget(), 1);
    let (two, pages) = (&keys[..2], 3..3 + limits::MAX_PAGES_PER_BATCH);
    for page in pages {
        for key in two {
            batcher.push(key.clone(), 0, page);
        }
        let cuts = batcher.end_page(page);
        let known = page - 3 >= u64::from(limits::MIN_SLOT_RISES) - 1;
        assert_eq!(cuts.len(), usize::from(known), "page {page}");
    }
}

proptest! {
    /// p29: whatever the pages, each key is in one batch, of its own pattern and slot, with its page in the parts.
    #[test]
    fn p29_every_key_is_cut_once(
        pages in prop::collection::vec(prop::collection::vec((0u32..300, 0usize..3), 0..40), 0..90),
        size in 1usize..30,
        by_slot in any::<bool>(),
        is_sorted in any::<bool>(),
    ) {
        let mut batcher = Batcher::new(3, size, by_slot);
        let mut pushed = BTreeMap::new();
        let mut from_pages = BTreeMap::new();
        let mut cuts = Vec::new();
        for (number, page) in (0u64..).zip(pages) {
            let mut page: Vec<_> = page.into_iter().map(|(n, p)| (Key::new(format!("k{n}")), p)).collect();
            if is_sorted {
                page.sort_by_key(|(key, _)| Slot::of(key.as_bytes()));
            }
            for (key, pattern) in page {
                *pushed.entry((key.clone(), pattern)).or_insert(0) += 1;
                *from_pages.entry(number).or_insert(0) += 1;
                cuts.extend(batcher.push(key, pattern, number));
            }
            cuts.extend(batcher.end_page(number));
            prop_assert!(batcher.pages.front().is_none_or(|(_, keys)| *keys > 0));
            prop_assert_eq!(batcher.pages.iter().map(|(_, keys)| keys).sum::<usize>(), batcher.keys);
        }
        cuts.extend(batcher.cut_all());
        prop_assert_eq!((batcher.keys, batcher.bytes, batcher.pages.len()), (0, 0, 0));
        for cut in cuts {
            prop_assert!(cut.keys.len() <= size);
            prop_assert!(!by_slot || slot_of(&cut).len() == 1);
            prop_assert_eq!(cut.parts.iter().map(|(_, keys)| keys).sum::<u64>(), cut.keys.len() as u64);
            for (page, keys) in &cut.parts {
                *from_pages.get_mut(page).expect("a page") -= *keys;
            }
            for key in cut.keys.iter() {
                *pushed.get_mut(&(key.clone(), cut.pattern)).expect("a key") -= 1;
            }
        }
        prop_assert!(pushed.values().all(|left| *left == 0));
        prop_assert!(from_pages.values().all(|left| *left == 0));
    }
}
