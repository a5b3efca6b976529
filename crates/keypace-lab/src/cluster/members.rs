//! Nodes that come and go while the cluster runs. Must not move a slot: that is `moving`'s.

use crate::error::{LabError, LabErrorKind};

use super::{Condition, OwnedCluster, Role};

impl OwnedCluster {
    /// Starts another node, a primary without slots, and returns its index once all nodes know it and it serves.
    ///
    /// # Errors
    /// As [`OwnedCluster::start`].
    pub fn add_node(&mut self) -> Result<usize, LabError> {
        let program = self.server(0).program().clone();
        let family = self.members.len();
        let index = self.start_node(&program, Role::Primary, family)?;
        for other in self.live().filter(|node| *node != index) {
            self.introduce(index, other)?;
        }
        self.wait_until_met()?;
        self.wait_for_state(index, "ok")?;
        Ok(index)
    }

    /// Has all live nodes forget a node that owns no slots and has no replicas, and ends it. Its index stays its own.
    ///
    /// # Errors
    /// `Refused` where it still has slots or replicas; as [`crate::Raw::command`].
    pub fn remove_node(&mut self, node: usize) -> Result<(), LabError> {
        if !self.slots_of(node)?.is_empty() {
            return Err(
                LabError::new(LabErrorKind::Refused, format!("remove node {node}"))
                    .with_hint("it owns slots: move them to another node first"),
            );
        }
        let id = self.node(node).id.clone();
        for other in self.live().filter(|other| *other != node) {
            self.raw(other)?
                .say(&[b"CLUSTER", b"FORGET", id.as_bytes()])?;
        }
        let member = &mut self.members[node];
        member.server.kill()?;
        member.condition = Condition::Removed;
        self.wait_until_met()
    }
}
