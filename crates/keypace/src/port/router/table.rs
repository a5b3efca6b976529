//! Who has which slot, as far as that is known by now: the last look at the cluster, and what redirects have said since.
//! Asks nobody.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::key::Slot;
use crate::limits;
use crate::pace::{BudgetHandle, Thresholds};
use crate::port::cluster::Layout;
use crate::port::gauge::Paced;
use crate::port::node::Node;

/// A node that calls go to.
pub(super) struct Station {
    pub(super) node: Node,
    pace: Option<(BudgetHandle, Thresholds)>,
    paced: OnceLock<Paced>,
}

impl Station {
    pub(super) fn new(node: &Node, pace: Option<(BudgetHandle, Thresholds)>) -> Arc<Self> {
        Arc::new(Self {
            node: node.clone(),
            pace,
            paced: OnceLock::new(),
        })
    }

    /// Its node's pace, joined when it is first asked for.
    pub(super) fn paced(&self) -> Option<&Paced> {
        let (budget, thresholds) = self.pace.as_ref()?;
        let join = || Paced::join(&self.node, budget.clone(), *thresholds, false);
        Some(self.paced.get_or_init(join))
    }

    /// Its node's pace, if it was joined.
    pub(super) fn joined(&self) -> Option<&Paced> {
        self.paced.get()
    }
}

/// Where calls go.
pub(super) struct Table {
    pub(super) stations: Vec<Arc<Station>>,
    /// By the slot's number; empty where one station has them all.
    owners: Vec<Option<Arc<Station>>>,
    /// Counts the looks at the whole cluster.
    pub(super) looks: u64,
    looked_at: Option<Instant>,
    /// A redirect has shown that it is not quite true any more.
    is_doubted: bool,
}

impl Table {
    /// One server has all the slots.
    pub(super) fn single(station: Arc<Station>) -> Self {
        Self {
            stations: vec![station],
            owners: Vec::new(),
            looks: 1,
            looked_at: None,
            is_doubted: false,
        }
    }

    /// A cluster nobody has looked at.
    pub(super) fn unknown() -> Self {
        Self {
            stations: Vec::new(),
            owners: Vec::new(),
            looks: 0,
            looked_at: None,
            is_doubted: false,
        }
    }

    pub(super) fn owner(&self, slot: Slot) -> Option<Arc<Station>> {
        if self.owners.is_empty() {
            return self.stations.first().cloned();
        }
        self.owners[usize::from(slot.number())].clone()
    }

    /// What the cluster's nodes say.
    pub(super) fn learn(&mut self, layout: &Layout, pace: Option<&(BudgetHandle, Thresholds)>) {
        let mut stations = Vec::with_capacity(layout.primaries.len());
        let mut owners = vec![None; usize::from(u16::MAX / 4) + 1];
        for primary in &layout.primaries {
            let station = self.station(&primary.node, pace);
            for slot in primary.slots.iter() {
                owners[usize::from(slot.number())] = Some(Arc::clone(&station));
            }
            stations.push(station);
        }
        (self.stations, self.owners) = (stations, owners);
        self.looks += 1;
        self.looked_at = Some(Instant::now());
        self.is_doubted = false;
    }

    /// What one node says of one slot.
    pub(super) fn believe(&mut self, slot: Slot, station: &Arc<Station>) {
        if let Some(owner) = self.owners.get_mut(usize::from(slot.number())) {
            *owner = Some(Arc::clone(station));
            self.is_doubted = true;
        }
    }

    pub(super) fn doubt(&mut self) {
        self.is_doubted = true;
    }

    /// The station of a node, the same as before where it had one: its place in the node's pace is kept.
    pub(super) fn station(
        &mut self,
        node: &Node,
        pace: Option<&(BudgetHandle, Thresholds)>,
    ) -> Arc<Station> {
        let known = (self.stations.iter()).find(|station| station.node.name() == node.name());
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let station = Station::new(node, pace.cloned());
        if self.stations.len() < limits::MAX_CLUSTER_NODES {
            self.stations.push(Arc::clone(&station));
        }
        station
    }

    /// Whether to look at the cluster beside the next calls. Counts as a look, so that many callers send one.
    pub(super) fn wants_look(&mut self) -> bool {
        let is_due = |at: Instant| at.elapsed() >= limits::LAYOUT_PAUSE;
        let wants = self.is_doubted && self.looked_at.is_none_or(is_due);
        if wants {
            self.looked_at = Some(Instant::now());
        }
        wants
    }
}

/// How long a call waits that was sent on so many times.
pub(super) fn pause_before(redirects: u32) -> Duration {
    if redirects > limits::SUDDEN_REDIRECTS {
        limits::REDIRECT_PAUSE
    } else {
        Duration::ZERO
    }
}
