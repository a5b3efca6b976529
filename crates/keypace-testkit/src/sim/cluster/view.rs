//! Owns what a node knows of a cluster: its nodes, who owns which slot, at which epoch. Pure data: it must not decide what
//! a command gets, and holds no keys.

use std::ops::RangeInclusive;

use crate::limits::{BUS_PORT_OFFSET, CLUSTER_SLOTS};

/// One node as others see it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) hostname: Option<String>,
    /// Its primary, by place; none for a primary.
    pub(crate) replica_of: Option<usize>,
    pub(crate) epoch: u64,
    pub(crate) has_failed: bool,
    /// Others have met it and not forgotten it.
    pub(crate) is_known: bool,
}

impl Seen {
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The port of its bus. Above what a port can be it is taken below, so that the line stays one that a server could write.
    pub(crate) fn bus_port(&self) -> u16 {
        let above = self.port.checked_add(BUS_PORT_OFFSET);
        above.unwrap_or_else(|| self.port - BUS_PORT_OFFSET)
    }
}

/// A cluster as one moment knows it. A node's place in it never changes.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) nodes: Vec<Seen>,
    /// By slot.
    owners: Vec<Option<usize>>,
    pub(crate) current_epoch: u64,
    /// Slots with an owner, and those among them whose owner has failed: counted once a change, as every command asks.
    pub(crate) assigned: usize,
    pub(crate) failed: usize,
}

impl View {
    pub(crate) fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            owners: vec![None; usize::from(CLUSTER_SLOTS)],
            current_epoch: 0,
            assigned: 0,
            failed: 0,
        }
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<usize> {
        self.owners[usize::from(slot)]
    }

    pub(crate) fn set_owner(&mut self, slot: u16, owner: Option<usize>) {
        self.owners[usize::from(slot)] = owner;
    }

    /// A higher epoch than any node has had: the node's claims win from now on.
    pub(crate) fn bump_epoch(&mut self, node: usize) {
        self.current_epoch += 1;
        self.nodes[node].epoch = self.current_epoch;
    }

    /// What a node owns, as ranges in order, both ends included.
    pub(crate) fn ranges_of(&self, node: usize) -> Vec<RangeInclusive<u16>> {
        let all = self.ranges();
        let own = all.into_iter().filter(|(owner, _)| *owner == node);
        own.map(|(_, range)| range).collect()
    }

    /// Every range with its owner, in order.
    pub(crate) fn ranges(&self) -> Vec<(usize, RangeInclusive<u16>)> {
        let mut ranges: Vec<(usize, RangeInclusive<u16>)> = Vec::new();
        for slot in 0..CLUSTER_SLOTS {
            let Some(owner) = self.owner(slot) else {
                continue;
            };
            match ranges.last_mut() {
                Some((last, range)) if *last == owner && *range.end() + 1 == slot => {
                    *range = *range.start()..=slot;
                }
                _ => ranges.push((owner, slot..=slot)),
            }
        }
        ranges
    }

    /// Replicas that stand behind a primary.
    pub(crate) fn replicas_of(&self, primary: usize) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(move |(_, node)| node.is_known && node.replica_of == Some(primary))
            .map(|(place, _)| place)
    }

    pub(crate) fn count(&mut self) {
        let owned = self.owners.iter().flatten();
        let failed = owned.clone().filter(|owner| self.nodes[**owner].has_failed);
        (self.assigned, self.failed) = (owned.clone().count(), failed.count());
    }
}
