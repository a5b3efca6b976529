//! Live migration of slots, the classic way: importing, migrating, key by key, then the slot itself. Whole, or step by
//! step so that a test can hold a slot half-moved. Must not lose a key: where a step fails, the slot stays open.

use std::net::SocketAddr;

use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::{Raw, Value};

use super::{OwnedCluster, Role};

impl OwnedCluster {
    /// Moves slots with their keys from one primary to another while both serve, a few at a time; how many keys went. All primaries
    /// know the new owner when it returns, replicas soon after.
    ///
    /// # Errors
    /// As [`Raw::command`]; `Refused` where `from` does not own a slot, before any has moved. Where a later step
    /// fails, the slots under way stay half-moved.
    pub fn move_slots(
        &self,
        from: usize,
        to: usize,
        slots: impl IntoIterator<Item = u16>,
    ) -> Result<u64, LabError> {
        let slots: Vec<u16> = slots.into_iter().collect();
        let mut crew = self.crew(from, to, &slots)?;
        let mut keys = 0;
        for group in slots.chunks(limits::SLOTS_UNDER_WAY) {
            crew.begin(group)?;
            keys += crew.finish(group)?;
        }
        Ok(keys)
    }

    /// Opens a slot on both sides: `to` imports, `from` migrates, and no key has gone yet.
    ///
    /// # Errors
    /// As [`Self::move_slots`].
    pub fn begin_move(&self, from: usize, to: usize, slot: u16) -> Result<SlotMove, LabError> {
        let mut crew = self.crew(from, to, &[slot])?;
        crew.begin(&[slot])?;
        Ok(SlotMove { crew, slot })
    }

    /// Moves `count` slots to `node`, from all other owners in turn; says which.
    ///
    /// # Errors
    /// As [`Self::move_slots`].
    pub fn rebalance_to(&self, node: usize, count: usize) -> Result<Vec<u16>, LabError> {
        let owners = self.owners()?;
        let mut givers: Vec<usize> = owners.iter().flatten().copied().collect();
        givers.sort_unstable();
        givers.dedup();
        givers.retain(|giver| *giver != node);
        let mut moved = Vec::new();
        for (place, giver) in givers.iter().enumerate() {
            // The first ones give one more where it does not come out even.
            let share = (count + givers.len() - 1 - place) / givers.len();
            let slots: Vec<u16> = (0..limits::SLOTS)
                .filter(|slot| owners[usize::from(*slot)] == Some(*giver))
                .take(share)
                .collect();
            self.move_slots(*giver, node, slots.iter().copied())?;
            moved.extend(slots);
        }
        Ok(moved)
    }

    /// Checked first, as a target that imports from a node which refuses would be left so.
    fn crew(&self, from: usize, to: usize, slots: &[u16]) -> Result<Crew, LabError> {
        let owners = self.owners()?;
        if let Some(slot) = slots
            .iter()
            .find(|slot| owners[usize::from(**slot)] != Some(from))
        {
            return Err(LabError::new(
                LabErrorKind::Refused,
                format!("move slot {slot} away from node {from}"),
            )
            .with_hint(format!("its owner is {:?}", owners[usize::from(*slot)])));
        }
        let others = self.live().filter(|node| *node != from && *node != to);
        let mut others: Vec<usize> = others.collect();
        others.retain(|node| self.role(*node).is_ok_and(|role| role == Role::Primary));
        let width = slots.len().min(limits::SLOTS_UNDER_WAY);
        let connections = |node| (0..width).map(|_| self.raw(node)).collect();
        Ok(Crew {
            source_id: self.node(from).id.clone(),
            target_id: self.node(to).id.clone(),
            source_address: self.address(from)?,
            target_address: self.address(to)?,
            source: connections(from)?,
            target: connections(to)?,
            others: others
                .into_iter()
                .map(connections)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A slot under way from one node to another. Dropped without `finish`, it stays half-moved.
#[derive(Debug)]
#[must_use = "the slot stays half-moved until `finish`"]
pub struct SlotMove {
    crew: Crew,
    slot: u16,
}

impl SlotMove {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Moves up to `limit` keys that are in the slot now, and says how many it found.
    ///
    /// # Errors
    /// As [`Raw::command`]; `Refused` where a node does not let a key go or come.
    pub fn move_keys(&mut self, limit: usize) -> Result<u64, LabError> {
        self.crew.move_keys(self.slot, limit)
    }

    /// Moves the keys that are left, hands the slot over on the target, the source and all other primaries, and says
    /// how many keys that were.
    ///
    /// # Errors
    /// As [`Self::move_keys`].
    pub fn finish(mut self) -> Result<u64, LabError> {
        self.crew.finish(&[self.slot])
    }

    /// Carries the keys that have moved back, and leaves the slot at rest where it was; how many keys that were.
    ///
    /// # Errors
    /// As [`Self::move_keys`].
    pub fn call_off(mut self) -> Result<u64, LabError> {
        self.crew.call_off(self.slot)
    }
}

/// The connections of a migration: to each node as many as slots are under way at once.
#[derive(Debug)]
struct Crew {
    source_id: String,
    target_id: String,
    source_address: SocketAddr,
    target_address: SocketAddr,
    source: Vec<Raw>,
    target: Vec<Raw>,
    others: Vec<Vec<Raw>>,
}

impl Crew {
    fn begin(&mut self, slots: &[u16]) -> Result<(), LabError> {
        set_slots(&mut self.target, slots, "IMPORTING", &self.source_id)?;
        set_slots(&mut self.source, slots, "MIGRATING", &self.target_id)
    }

    fn call_off(&mut self, slot: u16) -> Result<u64, LabError> {
        // First: the owner of a slot under way asks for the target, and takes nothing in.
        set_slots(&mut self.source, &[slot], "STABLE", "")?;
        let mut moved = 0;
        loop {
            let (from, to) = (&mut self.target[0], self.source_address);
            let keys = carry(from, to, slot, limits::MIGRATE_BATCH_KEYS)?;
            moved += keys;
            if keys == 0 {
                break;
            }
        }
        set_slots(&mut self.target, &[slot], "STABLE", "")?;
        Ok(moved)
    }

    fn move_keys(&mut self, slot: u16, limit: usize) -> Result<u64, LabError> {
        carry(&mut self.source[0], self.target_address, slot, limit)
    }

    /// The source redirects every new key of a slot under way, so the slot stays empty once it is.
    fn finish(&mut self, slots: &[u16]) -> Result<u64, LabError> {
        let mut moved = 0;
        for slot in slots {
            loop {
                let keys = self.move_keys(*slot, limits::MIGRATE_BATCH_KEYS)?;
                moved += keys;
                if keys == 0 {
                    break;
                }
            }
        }
        // The target first: were it last, nobody would own the slots for a moment.
        let nodes = [&mut self.target, &mut self.source].into_iter();
        for node in nodes.chain(&mut self.others) {
            set_slots(node, slots, "NODE", &self.target_id)?;
        }
        // Redis 7.0 was seen to keep a slot's mark after quick moves there and back: it would stay half-moved for ever.
        for node in [&mut self.target, &mut self.source] {
            set_slots(node, slots, "STABLE", "")?;
        }
        Ok(moved)
    }
}

/// Up to so many keys that a node has in a slot go to another; how many there were.
fn carry(from: &mut Raw, to: SocketAddr, slot: u16, limit: usize) -> Result<u64, LabError> {
    let (slot, limit) = (slot.to_string(), limit.to_string());
    let words: [&[u8]; 4] = [
        b"CLUSTER",
        b"GETKEYSINSLOT",
        slot.as_bytes(),
        limit.as_bytes(),
    ];
    let reply = from.command(&words)?.checked()?;
    let keys: Vec<&[u8]> = reply
        .items()
        .unwrap_or_default()
        .iter()
        .filter_map(Value::bytes)
        .collect();
    for batch in keys.chunks(limits::MIGRATE_BATCH_KEYS) {
        migrate(from, to, batch)?;
    }
    Ok(keys.len() as u64)
}

fn migrate(from: &mut Raw, to: SocketAddr, keys: &[&[u8]]) -> Result<(), LabError> {
    let (host, port) = (to.ip().to_string(), to.port().to_string());
    let timeout = limits::MIGRATE_TIMEOUT_MS.to_string();
    let mut words: Vec<&[u8]> = vec![
        b"MIGRATE",
        host.as_bytes(),
        port.as_bytes(),
        b"",
        b"0",
        timeout.as_bytes(),
        b"KEYS",
    ];
    words.extend(keys);
    from.say(&words)
}

/// All at once, each on a connection of its own: Valkey lets a connection wait until its change is with the replicas.
fn set_slots(raws: &mut [Raw], slots: &[u16], how: &str, id: &str) -> Result<(), LabError> {
    for (raw, slot) in raws.iter_mut().zip(slots) {
        let slot = slot.to_string();
        let words = ["CLUSTER", "SETSLOT", &slot, how, id];
        // STABLE names nobody.
        let words: Vec<&[u8]> = words
            .iter()
            .filter(|word| !word.is_empty())
            .map(|word| word.as_bytes())
            .collect();
        raw.begin(&words)?;
    }
    for (raw, slot) in raws.iter_mut().zip(slots) {
        if let Value::Error(text) = raw.end()? {
            let what = format!("set slot {slot} {how}");
            return Err(LabError::new(LabErrorKind::Refused, what).because(text));
        }
    }
    Ok(())
}
