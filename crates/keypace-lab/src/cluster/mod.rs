//! A cluster of owned servers: its nodes, who owns which slot now, and seed data for all of it.
//! Founding, moving slots and harming nodes have files of their own. Must not touch a node that it did not start.

use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::Raw;
use crate::seed;
use crate::server::OwnedServer;
use crate::slot::slot_of;

mod agreement;
mod faults;
mod founding;
mod members;
mod moving;
mod options;
mod view;

pub use moving::SlotMove;
pub use options::ClusterOptions;

use view::View;

/// What a node was when it joined; `role` of the cluster asks what it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It owns slots and takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

/// A node, as it joined. It is named by its index all along, whatever it becomes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterNode {
    /// Its place among all nodes: primaries first, then the replicas of the first primary, and so on.
    pub index: usize,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The id by which nodes know each other; it survives a restart.
    pub id: String,
    /// What it was when it joined.
    pub role: Role,
    /// The index of the primary that it followed then; a primary's own.
    pub family: usize,
    /// What it owned then; none for replicas and for nodes that were added.
    pub slots: Option<RangeInclusive<u16>>,
}

/// What we did to a node last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Live,
    Frozen,
    Dead,
    Removed,
}

#[derive(Debug)]
struct Member {
    server: OwnedServer,
    node: ClusterNode,
    condition: Condition,
}

/// A running cluster, ready when `start` returns. All processes and folders go with this value, as an
/// [`OwnedServer`]'s do.
///
/// Nodes are named by their index: with 3 primaries and a replica each, 0 to 2 are the primaries at the start and 3
/// to 5 their replicas, in order. An index that no node has is a panic, as everywhere.
#[derive(Debug)]
pub struct OwnedCluster {
    members: Vec<Member>,
    options: ClusterOptions,
}

impl OwnedCluster {
    /// All nodes that ever joined, by index.
    pub fn nodes(&self) -> impl Iterator<Item = &ClusterNode> {
        self.members.iter().map(|member| &member.node)
    }

    /// One node, as it joined.
    #[must_use]
    pub fn node(&self, node: usize) -> &ClusterNode {
        &self.members[node].node
    }

    /// The process of one node: its id, folder and log.
    #[must_use]
    pub fn server(&self, node: usize) -> &OwnedServer {
        &self.members[node].server
    }

    /// The URL of every node that was not removed, by index.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        let here = self.members.iter();
        here.filter(|member| member.condition != Condition::Removed)
            .map(|member| member.server.url())
            .collect()
    }

    /// A connection to one node.
    ///
    /// # Errors
    /// `Connection` where it is dead.
    pub fn raw(&self, node: usize) -> Result<Raw, LabError> {
        Raw::connect(self.server(node).endpoint())
    }

    /// What one node is now, by its own account.
    ///
    /// # Errors
    /// As [`Raw::command`]; a frozen node does not answer.
    pub fn role(&self, node: usize) -> Result<Role, LabError> {
        let mut raw = self.look(node)?;
        Ok(if raw.info("replication")?["role"] == "master" {
            Role::Primary
        } else {
            Role::Replica
        })
    }

    /// The owner of each of the 16,384 slots, as the first live node sees it; none for a slot that nobody serves.
    ///
    /// # Errors
    /// As [`Raw::command`]; `Stopped` where no node is live.
    pub fn owners(&self) -> Result<Vec<Option<usize>>, LabError> {
        let witness = self.live().next().ok_or_else(|| {
            LabError::new(LabErrorKind::Stopped, "ask a live node of the cluster")
        })?;
        let view = View::ask(&mut self.look(witness)?)?;
        let mut owners = vec![None; usize::from(limits::SLOTS)];
        for (id, line) in &view.lines {
            let owner = self.nodes().find(|node| node.id == *id);
            for slot in line.slots.iter().cloned().flatten() {
                owners[usize::from(slot)] = owner.map(|node| node.index);
            }
        }
        Ok(owners)
    }

    /// What one node owns now, in order, as the first live node sees it.
    ///
    /// # Errors
    /// As [`Self::owners`].
    pub fn slots_of(&self, node: usize) -> Result<Vec<u16>, LabError> {
        let owners = self.owners()?;
        Ok((0..limits::SLOTS)
            .filter(|slot| owners[usize::from(*slot)] == Some(node))
            .collect())
    }

    /// How many keys the primaries that own slots hold together.
    ///
    /// # Errors
    /// As [`Self::owners`]; none of them may be dead or frozen.
    pub fn key_count(&self) -> Result<u64, LabError> {
        let mut owners: Vec<usize> = self.owners()?.into_iter().flatten().collect();
        owners.sort_unstable();
        owners.dedup();
        let mut total = 0;
        for owner in owners {
            let size = self.raw(owner)?.command(&[b"DBSIZE"])?.checked()?;
            total += size.int().unwrap_or(0).unsigned_abs();
        }
        Ok(total)
    }

    /// Writes one string for each number in `range`, as [`seed::strings`], each to the owner of its slot, all owners
    /// at once. Not for use while slots move or nodes fail over.
    ///
    /// # Errors
    /// As [`seed::strings`]; keys of slots that nobody serves are left out.
    pub fn seed_strings(
        &self,
        prefix: &[u8],
        range: Range<u64>,
        value_bytes: usize,
    ) -> Result<(), LabError> {
        let owners = self.owners()?;
        let mut busy: Vec<usize> = owners.iter().flatten().copied().collect();
        busy.sort_unstable();
        busy.dedup();
        let mut raws = busy
            .iter()
            .map(|owner| self.raw(*owner))
            .collect::<Result<Vec<_>, _>>()?;
        let places: Vec<Option<usize>> = owners
            .iter()
            .map(|owner| busy.iter().position(|node| Some(*node) == *owner))
            .collect();
        let place = |key: &[u8]| {
            let slot = slot_of(key);
            places[usize::from(slot)].map(|server| (server, slot))
        };
        seed::spread(&mut raws, place, prefix, range, value_bytes)
    }

    /// Ends all processes and removes their folders. `Drop` does the same and can't say that it failed.
    ///
    /// # Errors
    /// `System` where a process can't be killed; the others are killed all the same.
    pub fn stop(self) -> Result<(), LabError> {
        let stopped: Vec<_> = self
            .members
            .into_iter()
            .map(|member| member.server.stop())
            .collect();
        stopped.into_iter().collect()
    }

    fn live(&self) -> impl Iterator<Item = usize> {
        let live = self.members.iter();
        live.filter(|member| member.condition == Condition::Live)
            .map(|member| member.node.index)
    }

    /// A connection for a look: it gives up early, so that waiting stays within its bounds.
    fn look(&self, node: usize) -> Result<Raw, LabError> {
        Raw::connect_within(self.server(node).endpoint(), limits::LOOK_TIMEOUT)
    }

    /// The address as `CLUSTER MEET` wants it.
    fn address(&self, node: usize) -> Result<SocketAddr, LabError> {
        match self.server(node).endpoint() {
            Endpoint::Tcp(address) => Ok(*address),
            Endpoint::Unix(path) => Err(LabError::new(
                LabErrorKind::Address,
                format!("have a cluster node at {}", path.display()),
            )),
        }
    }
}
