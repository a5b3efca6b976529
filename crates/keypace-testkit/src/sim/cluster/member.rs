//! Owns one node's own account of its cluster, and what that makes of a command with keys: served here, or sent elsewhere.
//! Pure: it must not touch keys itself.
//!
//! The order of the checks is that of `getNodeByQuery` (`cluster.c`, Redis 7.0); the texts were compared with Redis 7.0.15
//! and Valkey 9.1.2.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::slot;
use super::view::{Seen, View};
use crate::limits::CLUSTER_SLOTS;

/// A node's own knowledge. Others may know better: a view can be frozen.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its place in the view.
    pub(crate) me: usize,
    pub(crate) view: Arc<View>,
    pub(crate) is_view_frozen: bool,
    pub(crate) hides_own_ip: bool,
    pub(crate) serves_any_slot: bool,
    /// Slots on their way to another node.
    pub(crate) migrating: BTreeMap<u16, usize>,
    /// Slots on their way here.
    pub(crate) importing: BTreeMap<u16, usize>,
}

/// A command as the routing sees it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) keys: Vec<&'a [u8]>,
    pub(crate) is_write: bool,
    /// ASKING came before it.
    pub(crate) asking: bool,
    /// The connection has said READONLY.
    pub(crate) readonly: bool,
    /// `cluster-require-full-coverage`.
    pub(crate) full_coverage: bool,
}

impl Member {
    pub(crate) fn new(me: usize, view: Arc<View>) -> Self {
        Self {
            me,
            view,
            is_view_frozen: false,
            hides_own_ip: false,
            serves_any_slot: false,
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
        }
    }

    pub(crate) fn myself(&self) -> &Seen {
        &self.view.nodes[self.me]
    }

    /// Nodes that it tells of, by place: itself, and the others once they have met.
    pub(crate) fn known(&self) -> Vec<usize> {
        let has_met = self.myself().is_known;
        let places = 0..self.view.nodes.len();
        places
            .filter(|place| *place == self.me || (has_met && self.view.nodes[*place].is_known))
            .collect()
    }

    /// Whether the cluster serves, as this node sees it.
    pub(crate) fn is_ok(&self, full_coverage: bool) -> bool {
        let is_whole = self.view.assigned == usize::from(CLUSTER_SLOTS);
        !full_coverage || (is_whole && self.view.failed == 0)
    }

    /// The error that a command gets in place of its reply; none where this node serves it.
    pub(crate) fn refusal(
        &self,
        asked: &Asked<'_>,
        holds: impl Fn(&[u8]) -> bool,
    ) -> Option<String> {
        let first = asked.keys.first()?;
        let slot = slot::of_key(first);
        let Some(owner) = self.view.owner(slot) else {
            return (!self.serves_any_slot).then(|| "CLUSTERDOWN Hash slot not served".to_owned());
        };
        if asked.keys.iter().any(|key| slot::of_key(key) != slot) {
            return Some("CROSSSLOT Keys in request don't hash to the same slot".to_owned());
        }
        if self.serves_any_slot {
            return None;
        }
        if !self.is_ok(asked.full_coverage) {
            return Some("CLUSTERDOWN The cluster is down".to_owned());
        }
        self.redirection(asked, slot, owner, holds)
    }

    fn redirection(
        &self,
        asked: &Asked<'_>,
        slot: u16,
        owner: usize,
        holds: impl Fn(&[u8]) -> bool,
    ) -> Option<String> {
        let is_mine = owner == self.me;
        let missing = || asked.keys.iter().filter(|key| !holds(key)).count();
        let try_again = || Some("TRYAGAIN Multiple keys request during rehashing of slot".into());
        if let Some(target) = self.migrating.get(&slot).filter(|_| is_mine)
            && missing() > 0
        {
            return if missing() < asked.keys.len() {
                try_again()
            } else {
                Some(format!("ASK {slot} {}", self.view.nodes[*target].address()))
            };
        }
        if self.importing.contains_key(&slot) && asked.asking {
            let is_several = asked.keys.iter().any(|key| *key != asked.keys[0]);
            return if is_several && missing() > 0 {
                try_again()
            } else {
                None
            };
        }
        let is_my_primary = self.myself().replica_of == Some(owner);
        if is_mine || (asked.readonly && is_my_primary && !asked.is_write) {
            return None;
        }
        Some(format!("MOVED {slot} {}", self.view.nodes[owner].address()))
    }
}
