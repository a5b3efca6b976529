//! On a real cluster whose slots move: what is another node's by now is told, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use keypace_lab::{ClusterOptions, OwnedCluster, Program};

use super::harness::{Came, Copies, How, Safe, holds};
use crate::delete::Until;
use crate::delete::state::Batch;
use crate::key::{Key, Slot};
use crate::port::{ConnectOptions, Keyspace, Target};

const KEYS: u64 = 3_000;
const ROUNDS: usize = 20;

fn values(cluster: &OwnedCluster, keys: &[Key]) -> BTreeMap<Key, Vec<u8>> {
    let mut raws: Vec<_> = (0..3)
        .map(|node| cluster.raw(node).expect("connected"))
        .collect();
    let owners = cluster.owners().expect("told");
    let mut values = BTreeMap::new();
    for key in keys {
        let slot = Slot::of(key.as_bytes()).number();
        let owner = owners[usize::from(slot)].expect("served");
        let reply = raws[owner]
            .command(&[b"GET", key.as_bytes()])
            .expect("told");
        if let Some(value) = reply.checked().expect("its owner").bytes() {
            values.insert(key.clone(), value.to_vec());
        }
    }
    values
}

#[tokio::test]
async fn p04_slots_that_move_between_watch_and_exec_lose_nothing() {
    for program in Program::all() {
        let label = program.label();
        let options = ClusterOptions::default().with_replicas(0);
        let cluster = OwnedCluster::start(&program, options).expect("a cluster");
        cluster.seed_strings(b"k:", 0..KEYS, 32).expect("seeded");
        let keys: Vec<Key> = (0..KEYS).map(|n| Key::new(format!("k:{n}"))).collect();
        let before = values(&cluster, &keys);
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("connected");
        let layout = keyspace.layout().await.expect("known");
        let safe = Safe::new();
        let (mut deleted, mut elsewhere) = (0, 0);
        // Half of the slots of a node leave while it deletes.
        for primary in &layout.primaries {
            let came = one_node(&cluster, &keyspace, primary, &keys, &safe).await;
            assert!(came.error.is_none(), "{label}: {came:?}");
            deleted += came.tally.deleted;
            elsewhere += came.elsewhere_keys;
        }
        let copies: Copies = safe.copies().await;
        let now = values(&cluster, &keys);
        assert_eq!(
            now.len() as u64 + deleted,
            KEYS,
            "{label}: each key ends once"
        );
        assert!(
            deleted > 0 && elsewhere > 0,
            "{label}: {deleted}, {elsewhere}"
        );
        for (key, value) in &before {
            let is_there = now.get(key) == Some(value);
            assert!(
                is_there || holds(&copies, key, value),
                "{label}: {key:?} is lost"
            );
        }
    }
}

async fn one_node(
    cluster: &OwnedCluster,
    keyspace: &Keyspace,
    primary: &crate::port::Primary,
    keys: &[Key],
    safe: &Safe,
) -> Came {
    let how = How {
        in_cluster: true,
        ..How::saving(safe)
    };
    let mut watched = how.start(keyspace, &primary.node).await;
    let mut by_slot: BTreeMap<Slot, Vec<Key>> = BTreeMap::new();
    for key in keys {
        let slot = Slot::of(key.as_bytes());
        if primary.slots.contains(slot) {
            by_slot.entry(slot).or_default().push(key.clone());
        }
    }
    let slots: Vec<Slot> = by_slot.keys().copied().collect();
    let number = |name: &str| {
        let mut nodes = cluster.nodes();
        nodes
            .find(|node| name == &*node.id)
            .expect("a member")
            .index
    };
    let from = number(&primary.id);
    let mut came = Came::default();
    let mut batches = (0..).zip(by_slot.into_values());
    for round in 0..ROUNDS {
        for (id, keys) in batches.by_ref().take(slots.len().div_ceil(ROUNDS)) {
            watched.push(Batch {
                id,
                keys: keys.into(),
            });
        }
        // Some groups are between WATCH and EXEC when their slot goes, others have yet to begin.
        watched.run(Until::Sent).await.expect("sent");
        let owned = cluster.slots_of(from).expect("told");
        let begun = round * slots.len() / ROUNDS;
        let leaving = [
            begun,
            begun + 1,
            slots.len() - 1 - round * 2,
            slots.len() - 2 - round * 2,
        ];
        let leaving = leaving.map(|place| slots[place].number());
        let leaving: BTreeSet<u16> = leaving
            .into_iter()
            .filter(|slot| owned.contains(slot))
            .collect();
        cluster
            .move_slots(from, (from + 1) % 3, leaving)
            .expect("moved");
    }
    let error = watched.run(Until::Settled).await.err();
    for settled in watched.take_settled() {
        came.enter(settled);
    }
    came.error = error;
    came
}
