//! Which node a record goes to: the one server, or the owner of its slot, asked anew where it has moved. Sends no record.

use super::courier::Courier;
use super::drive::Common;
use super::state::{Fate, Parcel, Place};
use crate::error::{ErrorKind, Result};
use crate::key::{Slot, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Node, Paced};

/// The nodes that take records.
pub(super) struct Routes {
    keyspace: Keyspace,
    pub(super) couriers: Vec<Courier>,
    /// In a cluster: what each courier's node owns.
    owned: Vec<SlotSet>,
    /// Records that have no way yet.
    pub(super) lost: Vec<Parcel>,
}

impl Routes {
    /// Nodes are asked for with the first record.
    pub(super) fn new(keyspace: &Keyspace, common: &Common) -> Self {
        let mut routes = Self {
            keyspace: keyspace.clone(),
            couriers: Vec::new(),
            owned: Vec::new(),
            lost: Vec::new(),
        };
        if !keyspace.is_cluster() {
            let node = keyspace.node();
            let place = if node.is_watched() {
                Place::Watched
            } else {
                Place::Alone
            };
            routes.add(node, place, common);
        }
        routes
    }

    fn add(&mut self, node: &Node, place: Place, common: &Common) -> usize {
        let paced = Paced::join(node, common.budget.clone(), common.thresholds, false);
        self.couriers.push(Courier::new(node, paced, place));
        self.owned.push(SlotSet::default());
        self.couriers.len() - 1
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lost.is_empty() && self.couriers.iter().all(Courier::is_idle)
    }

    /// Gives each record that has no way to its node. Those that find none, again and again, are given back. Cancel-safe.
    ///
    /// # Errors
    /// What asking the cluster for its nodes gives.
    pub(super) async fn send_out(&mut self, common: &Common) -> Result<Vec<(Parcel, Fate)>> {
        if self.lost.is_empty() {
            return Ok(Vec::new());
        }
        if !self.keyspace.is_cluster() {
            let parcels = self.lost.drain(..);
            self.couriers[0].waiting.extend(parcels);
            return Ok(Vec::new());
        }
        let round = self.lost.iter().map(|parcel| parcel.rounds).max();
        if self.couriers.is_empty() || round > Some(0) {
            if round > Some(1) {
                // News of a slot's new owner takes a moment to reach all nodes.
                tokio::time::sleep(limits::COVERAGE_PAUSE).await;
            }
            self.learn(common).await?;
        }
        let mut hopeless = Vec::new();
        for mut parcel in std::mem::take(&mut self.lost) {
            parcel.rounds += 1;
            match self.way(&parcel) {
                Some(at) => self.couriers[at].waiting.push_back(parcel),
                None if parcel.rounds < limits::MAX_RESTORE_ROUNDS => {
                    parcel.asked_at = None;
                    self.lost.push(parcel);
                }
                None => {
                    let text = "no node of the cluster takes the key's slot".to_owned();
                    hopeless.push((parcel, Fate::Failed(ErrorKind::ClusterDown, text)));
                }
            }
        }
        Ok(hopeless)
    }

    /// What the couriers could not hand over: gone round too often, or to be sent out again.
    pub(super) fn take_back(&mut self) -> Vec<(Parcel, Fate)> {
        let mut hopeless = Vec::new();
        for courier in &mut self.couriers {
            for parcel in courier.elsewhere.drain(..) {
                if parcel.rounds >= limits::MAX_RESTORE_ROUNDS {
                    let text = "the key's slot moves all the time".to_owned();
                    hopeless.push((parcel, Fate::Failed(ErrorKind::Moved, text)));
                } else {
                    self.lost.push(parcel);
                }
            }
        }
        hopeless
    }

    /// Who owns what by now.
    async fn learn(&mut self, common: &Common) -> Result<()> {
        let layout = self.keyspace.layout().await?;
        self.owned
            .iter_mut()
            .for_each(|slots| *slots = SlotSet::default());
        for primary in &layout.primaries {
            let known = self.place_of(primary.node.name());
            let at = known.unwrap_or_else(|| self.add(&primary.node, Place::Cluster, common));
            self.owned[at] = primary.slots.clone();
        }
        Ok(())
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.couriers
            .iter()
            .position(|courier| &**courier.node.name() == name)
    }

    fn way(&self, parcel: &Parcel) -> Option<usize> {
        if let Some(place) = &parcel.asked_at {
            return self.place_of(place);
        }
        let slot = Slot::of(parcel.saved.key().as_bytes());
        self.owned.iter().position(|slots| slots.contains(slot))
    }
}
