//! From nothing to a cluster that is ready: servers, slots, meeting, replicas.
//! Must not be used on nodes that have keys.

use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::program::Program;
use crate::raw::Raw;
use crate::server::OwnedServer;

use super::{ClusterNode, ClusterOptions, Condition, Member, OwnedCluster, Role};

impl OwnedCluster {
    /// Starts all nodes of `program` and returns once every one of them serves, knows all others and agrees on the
    /// slots, with all replicas attached: some three seconds.
    ///
    /// # Errors
    /// As [`OwnedServer::start`]; `Start` for no primaries or more than slots; `Timeout` where they don't agree.
    pub fn start(program: &Program, options: ClusterOptions) -> Result<Self, LabError> {
        let primaries = options.primaries;
        if primaries == 0 || primaries > usize::from(limits::SLOTS) {
            return Err(LabError::new(
                LabErrorKind::Start,
                format!("found a cluster of {primaries} primaries"),
            )
            .with_hint("ask for one at least, and for no more than there are slots"));
        }
        let mut cluster = Self {
            members: Vec::new(),
            options,
        };
        for family in 0..primaries {
            cluster.start_node(program, Role::Primary, family)?;
        }
        for family in 0..primaries {
            for _ in 0..cluster.options.replicas {
                cluster.start_node(program, Role::Replica, family)?;
            }
        }
        cluster.give_out_slots()?;
        cluster.introduce_all()?;
        cluster.wait_until_met()?;
        for node in cluster.nodes().filter(|node| node.role == Role::Replica) {
            let primary = cluster.node(node.family).id.as_bytes();
            let mut raw = cluster.raw(node.index)?;
            raw.say(&[b"CLUSTER", b"REPLICATE", primary])?;
        }
        cluster.wait_until_settled()?;
        Ok(cluster)
    }

    pub(super) fn start_node(
        &mut self,
        program: &Program,
        role: Role,
        family: usize,
    ) -> Result<usize, LabError> {
        let server = OwnedServer::start_steady(program, self.options.for_node(program))?;
        let mut raw = Raw::connect(server.endpoint())?;
        let id = raw.command(&[b"CLUSTER", b"MYID"])?.checked()?;
        let index = self.members.len();
        let node = ClusterNode {
            index,
            endpoint: server.endpoint().clone(),
            id: String::from_utf8_lossy(id.bytes().unwrap_or_default()).into_owned(),
            role,
            family,
            slots: None,
        };
        self.members.push(Member {
            server,
            node,
            condition: Condition::Live,
        });
        Ok(index)
    }

    /// Equal parts, in order; and an epoch of its own for each node, so that no two ever argue.
    fn give_out_slots(&mut self) -> Result<(), LabError> {
        let primaries = self.options.primaries;
        let slots = usize::from(limits::SLOTS);
        for index in 0..self.members.len() {
            let mut raw = self.raw(index)?;
            let epoch = (index + 1).to_string();
            raw.say(&[b"CLUSTER", b"SET-CONFIG-EPOCH", epoch.as_bytes()])?;
            if index < primaries {
                // Both are at most 16,384.
                let first = (index * slots / primaries) as u16;
                let last = ((index + 1) * slots / primaries - 1) as u16;
                let names: Vec<String> = (first..=last).map(|slot| slot.to_string()).collect();
                let mut words: Vec<&[u8]> = vec![b"CLUSTER", b"ADDSLOTS"];
                words.extend(names.iter().map(String::as_bytes));
                raw.say(&words)?;
                self.members[index].node.slots = Some(first..=last);
            }
        }
        Ok(())
    }

    /// Every node to every later one: gossip alone would take seconds.
    fn introduce_all(&self) -> Result<(), LabError> {
        for first in 0..self.members.len() {
            for second in first + 1..self.members.len() {
                self.introduce(first, second)?;
            }
        }
        Ok(())
    }

    pub(super) fn introduce(&self, first: usize, second: usize) -> Result<(), LabError> {
        let address = self.address(second)?;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut raw = self.raw(first)?;
        raw.say(&[b"CLUSTER", b"MEET", host.as_bytes(), port.as_bytes()])
    }
}
