//! Slots that move while a backed delete of a cluster runs: every key goes, and every key comes back. Decides nothing about
//! nodes that fail.

use std::collections::BTreeMap;

use keypace_lab::seed::SplitMix64;
use keypace_lab::{OwnedCluster, Program, slot_of};

use crate::common::Home;
use crate::common::clusters::lone;
use crate::common::copies::{
    Told, backed, ended, expect_same, made, programs, random, run_all, sessions, started, told,
};

/// Slots that move, each with so many keys.
const SLOTS: usize = 100;
const KEYS_IN_SLOT: u64 = 10;
/// Keys of all slots, and keys that nobody deletes.
const KEYS: u64 = 2_000;
const OTHERS: u64 = 20;
/// A key that is moved is given the time that it has left, and loses what the way takes.
const MOVE_SLACK_MS: i64 = 5_000;
/// A run takes two seconds, and the slots half of one.
const RATE: &str = "1500";

/// One short tag for each of these slots.
fn tags(slots: &[u16]) -> Vec<String> {
    let mut missing: BTreeMap<u16, ()> = slots.iter().map(|slot| (*slot, ())).collect();
    let mut tags = Vec::new();
    let mut number = 0;
    while !missing.is_empty() {
        let tag = format!("t{number}");
        if missing.remove(&slot_of(tag.as_bytes())).is_some() {
            tags.push(tag);
        }
        number += 1;
    }
    tags
}

/// Writes all keys to the owners of their slots.
fn fill(cluster: &OwnedCluster, moving: &[u16], random: &mut SplitMix64) -> u64 {
    let mut names: Vec<String> = tags(moving)
        .iter()
        .flat_map(|tag| (0..KEYS_IN_SLOT).map(move |number| format!("session:{{{tag}}}:{number}")))
        .collect();
    names.extend((0..KEYS).map(|number| format!("session:{number}")));
    let doomed = names.len() as u64;
    names.extend((0..OTHERS).map(|number| format!("other:{number}")));
    let owners = cluster.owners().expect("owners");
    let mut by_node: BTreeMap<usize, Vec<Vec<Vec<u8>>>> = BTreeMap::new();
    for (number, name) in (0..).zip(&names) {
        let owner = owners[usize::from(slot_of(name.as_bytes()))].expect("an owner");
        let commands = made(name.as_bytes(), number, random);
        by_node.entry(owner).or_default().extend(commands);
    }
    for (node, commands) in &by_node {
        run_all(&mut cluster.raw(*node).expect("a connection"), commands);
    }
    doomed
}

fn all_told(cluster: &OwnedCluster) -> Told {
    let nodes = (0..3).flat_map(|node| told(&mut cluster.raw(node).expect("a connection")));
    nodes.collect()
}

fn delete_while_slots_move(program: &Program, random: &mut SplitMix64) {
    let options = lone().with_arg("enable-debug-command", "yes");
    let cluster = OwnedCluster::start(program, options).expect("a cluster");
    let mut slots = cluster.slots_of(0).expect("slots");
    slots.truncate(SLOTS);
    let doomed = fill(&cluster, &slots, random);
    let before = all_told(&cluster);
    assert_eq!(before.len() as u64, doomed + OTHERS);

    let home = Home::with_url(&cluster.urls()[0]);
    let (file, place) = (home.path("run.kpb"), home.path("run.ckpt"));
    let typed = [
        &["--budget", "off", "--rate", RATE],
        &backed(&file, &place)[..],
    ]
    .concat();
    let mut child = started(home.keypace(typed));
    while cluster.key_count().expect("sizes") == doomed + OTHERS {
        assert!(child.try_wait().expect("ours").is_none(), "ended early");
    }
    let moved = cluster.move_slots(0, 1, slots).expect("moved");
    let left = cluster.key_count().expect("sizes") - OTHERS;
    let ran = ended(child).expect(0);
    let summary = ran.json();
    println!(
        "{}: {moved} keys moved with {SLOTS} slots, {left} were left then; {summary}",
        program.label()
    );
    assert!(moved > 0 && left > 0, "the slots moved beside the run");
    assert_eq!(summary["complete"], true, "{summary}");
    let sum = |field: &str| summary[field].as_u64().expect("a number");
    assert_eq!(sum("deleted") + sum("already_gone"), doomed, "{summary}");
    assert_eq!(
        sum("failed") + sum("unknown") + sum("skipped"),
        0,
        "{summary}"
    );
    assert_eq!(cluster.key_count().expect("sizes"), OTHERS);

    let file = file.to_str().expect("a path");
    let ran = home.run(["--budget", "off", "--json", "restore", "--yes", file]);
    let restored = ran.expect(0).json();
    assert_eq!(restored["restored"], doomed, "{restored}");
    let after = all_told(&cluster);
    assert_eq!(sessions(&after).len() as u64, doomed);
    expect_same(&before, &after, MOVE_SLACK_MS, &program.label());
}

#[test]
fn slots_that_move_under_a_backed_delete_lose_no_key() {
    let mut random = random();
    for program in &programs() {
        delete_while_slots_move(program, &mut random);
    }
}
