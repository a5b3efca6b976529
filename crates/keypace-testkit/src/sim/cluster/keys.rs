//! Owns where a cluster's keys are: placing them at their owners, and carrying them along when slots move. It must not
//! answer commands. A cluster has database 0 alone.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use super::super::slot;
use super::super::value::{Entry, Value};
use super::control::ClusterState;

/// What becomes of keys where their slot was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Nothing,
    Copies,
}

impl ClusterState {
    /// Sets a key without a TTL, at the owner of its slot.
    ///
    /// # Panics
    /// Where nobody owns the slot.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        let slot = slot::of_key(key.as_ref());
        let owner = self.owner(slot);
        let owner = owner.unwrap_or_else(|| panic!("nobody owns slot {slot}"));
        self.nodes[owner].set(0, key, value);
    }

    /// Sets `{prefix}{n}` to n for each n of a range, each at its owner.
    pub fn insert_strings(&mut self, prefix: &str, range: Range<u64>) {
        for n in range {
            self.set(format!("{prefix}{n}"), n.to_string().into_bytes());
        }
    }

    /// The keys that are at the owners of their slots and have not expired, sorted bytewise: what a whole and right walk
    /// finds. A slot that moves has its keys at both ends.
    #[must_use]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys = BTreeSet::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let imports = |slot: u16| {
                let member = node.member.as_ref();
                member.is_some_and(|member| member.importing.contains_key(&slot))
            };
            keys.extend(node.keys(0).into_iter().filter(|key| {
                let slot = slot::of_key(key);
                self.owner(slot) == Some(place) || imports(slot)
            }));
        }
        keys.into_iter().collect()
    }

    /// The keys that a node holds of slots that it does not own, sorted bytewise.
    #[must_use]
    pub fn stale_keys(&self, node: usize) -> Vec<Vec<u8>> {
        let mut keys = self.nodes[node].keys(0);
        keys.retain(|key| self.owner(slot::of_key(key)) != Some(node));
        keys
    }

    /// Slots go to another node at once, their keys with them, and its epoch is the highest.
    pub fn move_slots(&mut self, slots: RangeInclusive<u16>, to: usize) {
        self.hand_over(slots, to, Behind::Nothing);
    }

    /// As `move_slots`, and the old owners keep copies of the keys: their SCAN gives keys of slots that they no longer own
    /// (valkey #3456).
    pub fn move_slots_leaving_copies(&mut self, slots: RangeInclusive<u16>, to: usize) {
        self.hand_over(slots, to, Behind::Copies);
    }

    fn hand_over(&mut self, slots: RangeInclusive<u16>, to: usize, behind: Behind) {
        for from in (0..self.nodes.len()).filter(|from| *from != to) {
            let goes = |key: &[u8]| {
                let slot = slot::of_key(key);
                let was_here = self.owner(slot) == Some(from);
                slots.contains(&slot) && (was_here || self.is_migrating_to(slot, from))
            };
            let keys = self.entries(from, goes);
            self.carry(keys, from, to, behind);
        }
        for slot in slots {
            self.forget_migration(slot);
            self.truth.set_owner(slot, Some(to));
        }
        self.bump_epoch(to);
    }

    fn is_migrating_to(&self, slot: u16, node: usize) -> bool {
        let member = self.nodes[node].member.as_ref();
        member.is_some_and(|member| member.importing.contains_key(&slot))
    }

    fn entries(&self, node: usize, wanted: impl Fn(&[u8]) -> bool) -> Vec<(Vec<u8>, Entry)> {
        let all = self.nodes[node].databases[0].iter();
        let wanted = all.filter(|(key, _)| wanted(key));
        wanted
            .map(|(key, entry)| (key.to_vec(), entry.clone()))
            .collect()
    }

    fn carry(&mut self, keys: Vec<(Vec<u8>, Entry)>, from: usize, to: usize, behind: Behind) {
        for (key, entry) in keys {
            if behind == Behind::Nothing {
                self.nodes[from].count_calls("migrate");
                self.nodes[to].count_calls("restore-asking");
                self.nodes[from].databases[0].remove(&key);
                self.nodes[from].watchers.changed(0, &key);
            }
            self.nodes[to].databases[0].insert(&key, entry);
            self.nodes[to].watchers.changed(0, &key);
        }
    }

    /// A replica's keys become those of its primary.
    pub(super) fn copy_keys(&mut self, from: usize, to: usize) {
        self.nodes[to].flush(0);
        let keys = self.entries(from, |_| true);
        self.carry(keys, from, to, Behind::Copies);
    }

    /// A slot is on its way to another node: markers on both, keys and ownership where they were.
    ///
    /// # Panics
    /// Where nobody owns the slot, or the other node does.
    pub fn begin_migration(&mut self, slot: u16, to: usize) {
        let from = self.owner(slot).filter(|from| *from != to);
        let from = from.unwrap_or_else(|| panic!("slot {slot} has no owner that could give it"));
        self.member(from).migrating.insert(slot, to);
        self.member(to).importing.insert(slot, from);
    }

    /// One key of a slot on its way goes over; false where the owner has no such key.
    ///
    /// # Panics
    /// Where its slot is not on its way.
    pub fn migrate_key(&mut self, key: impl AsRef<[u8]>) -> bool {
        let (key, slot) = (key.as_ref(), slot::of_key(key.as_ref()));
        let from = self.owner(slot).expect("a slot on its way has an owner");
        let target = self.member(from).migrating.get(&slot).copied();
        let to = target.unwrap_or_else(|| panic!("slot {slot} is not on its way"));
        let keys = self.entries(from, |other| other == key);
        let is_there = !keys.is_empty();
        self.carry(keys, from, to, Behind::Nothing);
        is_there
    }

    /// Gives up on handing a slot over: keys that have moved are carried back to its owner, and both sides are at rest.
    ///
    /// # Panics
    /// Where the slot is not on its way.
    pub fn call_off_migration(&mut self, slot: u16) {
        let owner = self.owner(slot).expect("a slot on its way has an owner");
        let target = self.member(owner).migrating.get(&slot).copied();
        let to = target.unwrap_or_else(|| panic!("slot {slot} is not on its way"));
        let keys = self.entries(to, |key| slot::of_key(key) == slot);
        self.carry(keys, to, owner, Behind::Nothing);
        self.forget_migration(slot);
    }

    /// The rest of a slot's keys goes over and the other node owns it, at a higher epoch.
    ///
    /// # Panics
    /// Where the slot is not on its way.
    pub fn end_migration(&mut self, slot: u16) {
        let from = self.owner(slot).expect("a slot on its way has an owner");
        let target = self.member(from).migrating.get(&slot).copied();
        let to = target.unwrap_or_else(|| panic!("slot {slot} is not on its way"));
        self.move_slots(slot..=slot, to);
    }
}
