//! Owns the proof of the table: its growth, its cursor, and the promise of SCAN under writes. It must not test commands.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};

use super::{Resize, Table, next_cursor};

fn filled(seed: u64, keys: usize) -> Table<usize> {
    let mut table = Table::new(seed);
    for key in 0..keys {
        table.insert(format!("k{key}").as_bytes(), key);
    }
    table
}

fn walk(table: &Table<usize>, count: u64) -> (Vec<Vec<u8>>, usize) {
    let (mut keys, mut calls, mut cursor) = (Vec::new(), 0, 0);
    loop {
        cursor = table.scan_page(cursor, count, |key, _| keys.push(key.to_vec()));
        calls += 1;
        if cursor == 0 {
            return (keys, calls);
        }
    }
}

#[test]
fn cursor_counts_in_reversed_bits() {
    let mut order = vec![0];
    while order.len() == 1 || *order.last().expect("not empty") != 0 {
        order.push(next_cursor(order[order.len() - 1], 7));
    }
    assert_eq!(order, [0, 4, 2, 6, 1, 5, 3, 7, 0]);
}

#[test]
fn grows_at_load_one_and_shrinks_below_an_eighth() {
    let mut table = filled(1, 4);
    assert_eq!(table.buckets(), (4, None));
    table.insert(b"fifth", 5);
    assert_eq!(
        table.buckets(),
        (4, Some(8)),
        "the fifth key of four buckets starts a rehash"
    );
    let mut table = filled(1, 1024);
    table.resize(Resize::Grow);
    table.finish_rehash();
    assert_eq!(table.buckets(), (2048, None));
    let mut left = 1024;
    while table.buckets().1.is_none() {
        left -= 1;
        table.remove(format!("k{left}").as_bytes());
    }
    assert_eq!((left, table.buckets()), (255, (2048, Some(256))));
}

#[test]
fn one_write_moves_one_bucket() {
    let mut table = filled(3, 64);
    table.finish_rehash();
    table.resize(Resize::Grow);
    let before = table.rehash.as_ref().expect("a rehash runs").to.used;
    assert_eq!(before, 0);
    table.remove(b"not there");
    let rehash = table.rehash.as_ref().expect("it still runs");
    assert!(
        rehash.to.used > 0 && rehash.to.used < 16,
        "one chain moved, not {}",
        rehash.to.used
    );
}

#[test]
fn a_quiet_walk_gives_every_key_once_at_any_count() {
    let table = filled(7, 1000);
    for count in [1, 10, 1000, 100_000] {
        let (keys, calls) = walk(&table, count);
        assert_eq!(keys.len(), 1000, "count {count}");
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1000);
        assert!(
            count < 1000 || calls <= 2,
            "{calls} calls for count {count}"
        );
    }
}

#[test]
fn a_desert_is_walked_in_bounded_calls() {
    let mut table = Table::new(1);
    table.insert(b"alone", 0);
    for _ in 0..12 {
        table.resize(Resize::Grow);
        table.finish_rehash();
    }
    assert_eq!(table.buckets().0, 4 << 12);
    let (keys, calls) = walk(&table, 10);
    assert_eq!(keys, [b"alone".to_vec()]);
    assert_eq!(
        calls,
        usize::div_ceil(4 << 12, 101),
        "COUNT 10 passes 101 empty buckets a call"
    );
}

#[test]
fn while_two_tables_stand_a_step_takes_a_small_bucket_with_all_it_expands_to() {
    for way in [Resize::Grow, Resize::Shrink] {
        let mut table = filled(5, 64);
        table.finish_rehash();
        table.resize(way);
        table.remove(b"a write, so that some have moved");
        let (one, two) = table.buckets();
        let small = two.expect("a rehash runs").min(one);
        let (mut keys, mut steps, mut cursor) = (Vec::new(), 0, 0);
        loop {
            cursor = table.scan_bucket(cursor, &mut |key, _| keys.push(key.to_vec()));
            steps += 1;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!((steps, keys.len()), (small, 64), "{way:?}: each key once");
    }
}

#[test]
fn seeds_order_keys_differently_and_reseeding_keeps_them() {
    let mut table = filled(1, 500);
    let first = walk(&table, 10).0;
    table.reseed(2);
    let second = walk(&table, 10).0;
    assert_ne!(first, second);
    assert_eq!(
        first.into_iter().collect::<BTreeSet<_>>(),
        second.into_iter().collect()
    );
}

#[test]
fn a_cursor_may_carry_bits_above_the_table() {
    let table = filled(1, 100);
    let (mut plain, mut high) = (Vec::new(), Vec::new());
    let after = table.scan_page(4, 10, |key, _| plain.push(key.to_vec()));
    let same = table.scan_page(4 | 1 << 63, 10, |key, _| high.push(key.to_vec()));
    assert_eq!((after, plain), (same, high));
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Remove(u16),
    Resize(Resize),
    Scan(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..800_u16).prop_map(Step::Insert),
        8 => (0..800_u16).prop_map(Step::Remove),
        1 => prop_oneof![Just(Resize::Grow), Just(Resize::Shrink)].prop_map(Step::Resize),
        6 => (1..40_u64).prop_map(Step::Scan),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), steps in vec(step(), 0..600)) {
        let (mut table, mut model) = (Table::new(seed), BTreeMap::new());
        for (turn, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(key) => prop_assert!(table.insert(&key.to_be_bytes(), turn) == model.insert(key, turn)),
                Step::Remove(key) => prop_assert!(table.remove(&key.to_be_bytes()) == model.remove(&key)),
                Step::Resize(way) => table.resize(way),
                Step::Scan(_) => prop_assert!(table.len() == model.len()),
            }
        }
        for (key, value) in &model {
            prop_assert!(table.get(&key.to_be_bytes()) == Some(value));
        }
        prop_assert!(table.iter().count() == model.len());
    }

    // What SCAN promises, and all it promises: a key that is there from the first call to the last is returned at least once.
    #[test]
    fn keys_present_throughout_a_scan_are_returned(
        seed in any::<u64>(),
        start in 0..900_u16,
        steps in vec(step(), 1..500),
    ) {
        let mut table = Table::new(seed);
        for key in 0..start {
            table.insert(&key.to_be_bytes(), 0_usize);
        }
        let mut throughout: BTreeSet<u16> = (0..start).collect();
        let mut returned = BTreeSet::new();
        let (mut cursor, mut ended) = (0, false);
        for step in steps {
            match step {
                Step::Insert(key) => { table.insert(&key.to_be_bytes(), 0); }
                Step::Remove(key) => { table.remove(&key.to_be_bytes()); throughout.remove(&key); }
                Step::Resize(way) => table.resize(way),
                Step::Scan(count) => {
                    cursor = table.scan_page(cursor, count, |key, _| { returned.insert(key.to_vec()); });
                    ended = cursor == 0;
                }
            }
            if ended { break; }
        }
        while !ended {
            cursor = table.scan_page(cursor, 10, |key, _| { returned.insert(key.to_vec()); });
            ended = cursor == 0;
        }
        let missed: Vec<u16> = throughout.into_iter().filter(|key| !returned.contains(&key.to_be_bytes()[..])).collect();
        prop_assert!(missed.is_empty(), "missed {missed:?}");
    }
}
