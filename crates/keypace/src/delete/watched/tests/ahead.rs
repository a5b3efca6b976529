//! Short strings at full speed, on the simulator: what is watched when, and what becomes of a key that is not what its copy
//! says any more.

use std::collections::{BTreeMap, BTreeSet};

use keypace_testkit::{Action, Rule, Sim, State};

use super::harness::{How, Safe, holds, names, on};
use crate::key::Key;
use crate::limits;

const KEYS: u64 = 600;
const TTL_MS: i64 = 3_600_000;

fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("k:", 0..KEYS);
    sim.with_state(|state| state.set_with_ttl_ms(0, "k:8", "8", TTL_MS));
    sim
}

/// Too long to be read twice.
fn long() -> Vec<u8> {
    let bytes = usize::try_from(limits::READ_TWICE_MAX_BYTES).expect("a size");
    vec![b'l'; bytes + 1]
}

/// What other clients do to keys that are saved and not watched yet.
type Write = fn(&mut State);

#[tokio::test(start_paused = true)]
async fn p32c_few_groups_are_watched_at_a_time_and_only_once_they_are_saved() {
    let (sim, safe) = (seeded(), Safe::new());
    let keyspace = on(&sim).await;
    let came = How::saving(&safe)
        .delete(&keyspace, &names("k:", KEYS))
        .await;
    assert_eq!(came.tally.deleted, KEYS, "{came:?}");
    let mut reads: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let mut watching = BTreeMap::new();
    let mut connections = BTreeSet::new();
    for record in sim.commands() {
        match record.name.as_str() {
            "MGET" => {
                for key in &record.args[1..] {
                    *reads.entry(key.to_vec()).or_default() += 1;
                }
            }
            "WATCH" => {
                let keys = &record.args[1..];
                let is_read = keys.iter().all(|key| reads.get(&key.to_vec()) == Some(&1));
                assert!(is_read, "saved first");
                watching.insert(record.connection, keys.len());
                connections.insert(record.connection);
                assert!(watching.len() <= limits::COMPARED_GROUPS, "{watching:?}");
            }
            "EXEC" => {
                watching.remove(&record.connection);
            }
            _ => {}
        }
    }
    assert!(
        connections.len() > limits::COMPARED_GROUPS,
        "others read meanwhile"
    );
    assert!(reads.values().all(|reads| *reads == 2), "{reads:?}");
}

#[tokio::test(start_paused = true)]
async fn p32_what_is_not_what_its_copy_says_any_more_is_not_removed_by_it() {
    let writes: [(&str, Write, &[u8]); 5] = [
        (
            "another value",
            |state| state.set(0, "k:3", "newer"),
            b"newer",
        ),
        (
            "another value as long",
            |state| state.set(0, "k:3", "4"),
            b"4",
        ),
        (
            "the same with an expiry",
            |state| state.set_with_ttl_ms(0, "k:3", "3", TTL_MS),
            b"3",
        ),
        (
            "the same with another expiry",
            |state| state.set_with_ttl_ms(0, "k:8", "8", 2 * TTL_MS),
            b"8",
        ),
        (
            "the same without its expiry",
            |state| state.set(0, "k:8", "8"),
            b"8",
        ),
    ];
    for (what, write, value) in writes {
        let (sim, safe) = (seeded(), Safe::new());
        // Before the WATCH itself: no EXEC would show it.
        sim.script(Rule::on("WATCH").then(Action::run(write)));
        let keyspace = on(&sim).await;
        let came = How::saving(&safe)
            .delete(&keyspace, &names("k:", KEYS))
            .await;
        assert!(came.error.is_none(), "{what}: {came:?}");
        assert_eq!(came.tally.deleted, KEYS, "{what}: {came:?}");
        let key = Key::new(if value == b"8" { "k:8" } else { "k:3" });
        let copies = safe.copies().await;
        assert!(holds(&copies, &key, value), "{what}");
        assert_eq!(copies[&key].len(), 1, "{what}: the older is void");
        let expires = copies[&key][0].expires_at_ms();
        let now = sim.with_state(|state| u64::try_from(state.now_ms()).expect("a time"));
        let left = expires.map(|at| at.saturating_sub(now) > 3 * TTL_MS.unsigned_abs() / 2);
        let expected = match what {
            "the same with an expiry" => Some(false),
            "the same with another expiry" => Some(true),
            _ => None,
        };
        assert_eq!(left, expected, "{what}: {expires:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_gone_or_is_long_by_now_is_seen() {
    let (sim, safe) = (seeded(), Safe::new());
    let write = Action::run(|state| {
        state.remove(0, "k:4");
        state.set(0, "k:5", long().as_slice());
    });
    sim.script(Rule::on("WATCH").then(write));
    let keyspace = on(&sim).await;
    let came = How::saving(&safe)
        .delete(&keyspace, &names("k:", KEYS))
        .await;
    assert!(came.error.is_none(), "{came:?}");
    let tally = came.tally;
    assert_eq!((tally.deleted, tally.already_gone), (KEYS - 1, 1));
    let copies = safe.copies().await;
    assert!(!copies.contains_key(&Key::new("k:4")), "not ours to save");
    assert!(!holds(&copies, &Key::new("k:5"), b"5"), "void");
    assert!(holds(&copies, &Key::new("k:5"), &long()));
}

#[tokio::test(start_paused = true)]
async fn longer_strings_are_read_under_watch() {
    let (sim, safe) = (seeded(), Safe::new());
    for n in (0..KEYS).step_by(10) {
        sim.set(0, format!("k:{n}"), long().as_slice());
    }
    let keyspace = on(&sim).await;
    let came = How::saving(&safe)
        .delete(&keyspace, &names("k:", KEYS))
        .await;
    assert!(came.error.is_none(), "{came:?}");
    assert_eq!(came.tally.deleted, KEYS, "{came:?}");
    assert_eq!(safe.copies().await.len() as u64, KEYS);
    let mut watched: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for record in sim.commands() {
        let is_watched = |key: &[u8]| {
            let keys = watched.get(&record.connection);
            keys.is_some_and(|keys| keys.iter().any(|other| other == key))
        };
        match record.name.as_str() {
            "WATCH" => {
                let keys = record.args[1..].iter().map(|key| key.to_vec()).collect();
                watched.insert(record.connection, keys);
            }
            "EXEC" | "UNWATCH" | "DISCARD" => {
                watched.remove(&record.connection);
            }
            "MGET" => {
                let is_long = |key: &[u8]| key.ends_with(b"0");
                for key in record.args[1..].iter().filter(|key| is_long(key)) {
                    assert!(is_watched(key), "{key:?}");
                }
            }
            _ => {}
        }
    }
}
