//! Owns what happens to a simulated cluster, at a moment of a test's choosing: slots move, nodes fail over, go and come,
//! views grow stale. Keys go where slots go by `keys.rs`. It must not answer commands.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::data::State;
use super::super::options::{Role, SimOptions};
use super::super::random::Random;
use super::member::Member;
use super::view::{Seen, View};
use crate::limits::{CLUSTER_SLOTS, MAX_CLUSTER_NODES};

/// All nodes of a cluster under one lock, so that several things happen between two commands, and no command between them.
/// Nodes are named by their place: the first is 0.
///
/// # Panics
/// Every method panics on a place where no node is, and on a simulator that is no cluster.
#[derive(Debug)]
pub struct ClusterState {
    /// One for a server that is no cluster.
    pub(crate) nodes: Vec<State>,
    /// What a node knows that hears of everything at once.
    pub(super) truth: View,
    /// Where a node really is, whatever it announces.
    homes: Vec<(String, u16)>,
    random: Random,
}

impl ClusterState {
    pub(crate) fn lone(options: SimOptions) -> Self {
        let random = Random::new(options.seed);
        Self {
            nodes: vec![State::new(options)],
            truth: View::empty(),
            homes: Vec::new(),
            random,
        }
    }

    pub(super) fn unborn(seed: u64) -> Self {
        Self {
            nodes: Vec::new(),
            truth: View::empty(),
            homes: Vec::new(),
            random: Random::new(seed),
        }
    }

    /// One more node, that knows only itself until it is met.
    pub(super) fn add(&mut self, options: SimOptions, host: &str, port: u16) -> usize {
        assert!(
            self.nodes.len() < MAX_CLUSTER_NODES,
            "a simulated cluster has {MAX_CLUSTER_NODES} nodes at most"
        );
        let place = self.nodes.len();
        self.truth.nodes.push(Seen {
            id: self.random.run_id(),
            host: host.to_owned(),
            port,
            hostname: None,
            replica_of: None,
            epoch: 0,
            has_failed: false,
            is_known: false,
        });
        self.homes.push((host.to_owned(), port));
        let mut state = State::new(options);
        state.join(Member::new(place, Arc::new(self.truth.clone())));
        self.nodes.push(state);
        self.publish();
        place
    }

    /// Every slot to the first so many nodes, in equal ranges.
    pub(super) fn share_out(&mut self, primaries: usize) {
        for node in 0..primaries {
            self.truth.nodes[node].is_known = true;
            self.truth.bump_epoch(node);
        }
        for slot in 0..CLUSTER_SLOTS {
            let owner = usize::from(slot) * primaries / usize::from(CLUSTER_SLOTS);
            self.truth.set_owner(slot, Some(owner));
        }
        self.publish();
    }

    /// A node to which this address leads: where it is, what it announces, or its hostname with its port.
    pub(super) fn at_address(&self, address: &str) -> Option<usize> {
        let leads = |place: &usize| {
            let (seen, (host, port)) = (&self.truth.nodes[*place], &self.homes[*place]);
            let by_name = seen.hostname.as_ref();
            seen.address() == address
                || format!("{host}:{port}") == address
                || by_name.is_some_and(|name| format!("{name}:{}", seen.port) == address)
        };
        (0..self.truth.nodes.len()).find(leads)
    }

    /// Tells every node whose view is not frozen.
    pub(super) fn publish(&mut self) {
        self.truth.count();
        let view = Arc::new(self.truth.clone());
        for member in self
            .nodes
            .iter_mut()
            .filter_map(|node| node.member.as_mut())
        {
            if !member.is_view_frozen {
                member.view = Arc::clone(&view);
            }
        }
    }

    pub(super) fn member(&mut self, node: usize) -> &mut Member {
        let member = self.nodes[node].member.as_mut();
        member.expect("this simulator is no cluster: make a SimCluster")
    }

    /// A node's own insides.
    #[must_use]
    pub fn node(&self, node: usize) -> &State {
        &self.nodes[node]
    }

    /// A node's own insides, to change them past every check: a key set here may be one of a slot that it does not own.
    pub fn node_mut(&mut self, node: usize) -> &mut State {
        &mut self.nodes[node]
    }

    /// Nodes, those that are away or forgotten with them.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The forty digits by which the cluster knows a node.
    #[must_use]
    pub fn id(&self, node: usize) -> &str {
        &self.truth.nodes[node].id
    }

    /// What a node announces: `127.0.0.1:7000`.
    #[must_use]
    pub fn address(&self, node: usize) -> String {
        self.truth.nodes[node].address()
    }

    /// The configuration epoch of a node's claims.
    #[must_use]
    pub fn epoch(&self, node: usize) -> u64 {
        self.truth.nodes[node].epoch
    }

    /// Who owns a slot in truth, whatever a stale view says.
    #[must_use]
    pub fn owner(&self, slot: u16) -> Option<usize> {
        self.truth.owner(slot)
    }

    /// Takes slots from their owners, with nobody to serve them. Their keys stay where they are.
    pub fn uncover(&mut self, slots: RangeInclusive<u16>) {
        for slot in slots {
            self.forget_migration(slot);
            self.truth.set_owner(slot, None);
        }
        self.publish();
    }

    pub(super) fn forget_migration(&mut self, slot: u16) {
        for node in 0..self.nodes.len() {
            let member = self.member(node);
            member.migrating.remove(&slot);
            member.importing.remove(&slot);
        }
    }

    /// Gives a node's claims a new epoch, the highest, and changes nothing else.
    pub fn bump_epoch(&mut self, node: usize) {
        self.truth.bump_epoch(node);
        self.publish();
    }

    /// Makes a node without slots the replica of another, with a copy of its keys. What is written to the primary later
    /// reaches it when it is promoted.
    pub fn replicate(&mut self, node: usize, primary: usize) {
        assert!(
            self.truth.ranges_of(node).is_empty(),
            "node {node} owns slots: move them before it becomes a replica"
        );
        self.truth.nodes[node].is_known = true;
        self.demote(node, primary);
        self.copy_keys(primary, node);
        self.publish();
    }

    fn demote(&mut self, node: usize, primary: usize) {
        let replid = self.nodes[primary].replid();
        self.truth.nodes[node].replica_of = Some(primary);
        self.nodes[node].set_role(Role::Replica);
        self.nodes[node].set_info("master_replid", &replid);
    }

    /// A replica takes its primary's place: keys, slots, a higher epoch, a replication id of its own after the old one.
    /// The old primary becomes its replica, or if it was killed a primary without slots.
    pub fn fail_over(&mut self, replica: usize) {
        let old = self.truth.nodes[replica].replica_of;
        let old = old.expect("only a replica takes over: make it one with replicate()");
        self.copy_keys(old, replica);
        for (_, range) in self
            .truth
            .ranges()
            .into_iter()
            .filter(|(owner, _)| *owner == old)
        {
            for slot in range {
                self.truth.set_owner(slot, Some(replica));
            }
        }
        let (before, after) = (self.nodes[old].replid(), self.random.run_id());
        let promoted = &mut self.nodes[replica];
        promoted.set_role(Role::Primary);
        promoted.set_info("master_replid", &after);
        promoted.set_info("master_replid2", &before);
        promoted.set_info("second_repl_offset", "1");
        self.truth.nodes[replica].replica_of = None;
        self.truth.bump_epoch(replica);
        let others: Vec<usize> = self.truth.replicas_of(old).collect();
        for other in others {
            self.demote(other, replica);
        }
        if !self.truth.nodes[old].has_failed {
            self.demote(old, replica);
        }
        self.publish();
    }

    /// The node is gone and the others know it: no connections, `fail` among its flags.
    pub fn kill(&mut self, node: usize) {
        self.isolate(node);
        self.truth.nodes[node].has_failed = true;
        self.publish();
    }

    /// No client reaches the node, and the other nodes do: a partition that is ours alone.
    pub fn isolate(&mut self, node: usize) {
        self.nodes[node].is_away = true;
        self.nodes[node].close_connections(None);
    }

    /// Ends `kill` and `isolate`: the same process answers again. A killed one that was replaced meanwhile owns no slot.
    pub fn revive(&mut self, node: usize) {
        self.nodes[node].is_away = false;
        self.truth.nodes[node].has_failed = false;
        self.publish();
    }

    /// Another process under the same id, with the same keys and slots: `run_id` and hash seed are new, connections end.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].new_run_id();
        self.nodes[node].close_connections(None);
    }

    /// Another node at the same address, with the same keys and slots: the id is new, the `run_id` as well.
    pub fn change_id(&mut self, node: usize) {
        self.truth.nodes[node].id = self.random.run_id();
        self.restart(node);
        self.publish();
    }

    /// The node learns nothing any more: it answers by what it knew here, until `thaw_view`.
    pub fn freeze_view(&mut self, node: usize) {
        self.member(node).is_view_frozen = true;
    }

    /// The node catches up.
    pub fn thaw_view(&mut self, node: usize) {
        self.member(node).is_view_frozen = false;
        self.publish();
    }

    /// The node serves commands for slots that it does not own, from now on: only the client's own check is left.
    pub fn serve_any_slot(&mut self, node: usize) {
        self.member(node).serves_any_slot = true;
    }

    /// What the cluster says of a node's place. Connections still reach it where it was as well.
    pub fn announce(&mut self, node: usize, host: &str, port: u16) {
        let seen = &mut self.truth.nodes[node];
        (seen.host, seen.port) = (host.to_owned(), port);
        self.publish();
    }

    /// `cluster-announce-hostname`.
    pub fn announce_hostname(&mut self, node: usize, hostname: &str) {
        self.truth.nodes[node].hostname = Some(hostname.to_owned());
        self.publish();
    }

    /// The node's line about itself has no ip, as before it was ever met.
    pub fn hide_own_ip(&mut self, node: usize) {
        self.member(node).hides_own_ip = true;
    }

    /// A node that was added becomes known to all: a primary without slots.
    pub fn meet(&mut self, node: usize) {
        self.truth.nodes[node].is_known = true;
        self.publish();
    }

    /// A node without slots is forgotten by all, and knows only itself.
    pub fn forget(&mut self, node: usize) {
        assert!(
            self.truth.ranges_of(node).is_empty(),
            "node {node} owns slots: move them before it is forgotten"
        );
        self.truth.nodes[node].is_known = false;
        self.publish();
    }
}
