//! What befalls a node: failover, death, a freeze, a restart; and slots that nobody serves.
//! Must not hide how the cluster takes it: each returns as soon as its own change is there, and `wait_until_settled`
//! waits for the rest.

use crate::error::LabError;
use crate::limits;
use crate::wait::wait_until;

use super::{Condition, OwnedCluster, Role};

impl OwnedCluster {
    /// Has a replica take over from its live primary, which becomes its replica; returns when both say so.
    /// It waits first until all live nodes agree: a replica that has not heard of a slot's move stands for election
    /// with a slot that is another's, gets no vote, and gives up without a word.
    ///
    /// # Errors
    /// `Refused` where it is no replica or its primary is gone, `Timeout` where the nodes don't agree or it does not
    /// take over.
    pub fn fail_over(&self, replica: usize) -> Result<(), LabError> {
        self.wait_until_agreed()?;
        let family = self.node(replica).family;
        let old = self
            .live()
            .filter(|node| self.node(*node).family == family && *node != replica)
            .find(|node| self.role(*node).is_ok_and(|role| role == Role::Primary));
        self.raw(replica)?.say(&[b"CLUSTER", b"FAILOVER"])?;
        self.wait_for_role(replica, Role::Primary)?;
        old.map_or(Ok(()), |old| self.wait_for_role(old, Role::Replica))
    }

    /// Waits until a node says of itself that it has this role.
    ///
    /// # Errors
    /// `Timeout` where it doesn't.
    pub fn wait_for_role(&self, node: usize, role: Role) -> Result<(), LabError> {
        let what = format!("see node {node} become a {role:?}");
        wait_until(&what, limits::AGREE_PATIENCE, || match self.role(node)? {
            now if now == role => Ok(()),
            now => Err(format!("it is a {now:?}").into()),
        })
    }

    /// Kills a node (SIGKILL). Where it is a primary, its replica is elected after the node timeout.
    ///
    /// # Errors
    /// `System` where it can't be killed.
    pub fn kill(&mut self, node: usize) -> Result<(), LabError> {
        let member = &mut self.members[node];
        member.server.kill()?;
        member.condition = Condition::Dead;
        Ok(())
    }

    /// Stops a node where it stands (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    /// `System` where the signal can't be sent.
    pub fn freeze(&mut self, node: usize) -> Result<(), LabError> {
        let member = &mut self.members[node];
        member.server.pause()?;
        member.condition = Condition::Frozen;
        Ok(())
    }

    /// Lets a frozen node go on (SIGCONT).
    ///
    /// # Errors
    /// `System` where the signal can't be sent.
    pub fn wake(&mut self, node: usize) -> Result<(), LabError> {
        let member = &mut self.members[node];
        member.server.resume()?;
        member.condition = Condition::Live;
        Ok(())
    }

    /// Kills a node if it lives and starts it again, with its id and what it knew of the cluster, and without its
    /// keys: as a replica it fetches them again; as a primary that was not replaced it is empty, and so are its
    /// replicas soon.
    ///
    /// # Errors
    /// As [`crate::OwnedServer::restart`].
    pub fn restart(&mut self, node: usize) -> Result<(), LabError> {
        let member = &mut self.members[node];
        member.condition = Condition::Dead;
        member.server.restart()?;
        member.condition = Condition::Live;
        Ok(())
    }

    /// Waits until another node of its family has taken over from a dead or frozen primary, and names it.
    ///
    /// # Errors
    /// `Timeout` where none does.
    pub fn wait_for_promotion(&self, lost: usize) -> Result<usize, LabError> {
        let family = self.node(lost).family;
        let what = format!("see a replica take over from node {lost}");
        wait_until(&what, limits::AGREE_PATIENCE, || {
            self.live()
                .filter(|node| *node != lost && self.node(*node).family == family)
                .find(|node| self.role(*node).is_ok_and(|role| role == Role::Primary))
                .ok_or_else(|| "all of its family are replicas still".into())
        })
    }

    /// Takes slots from their owners and gives them to nobody. Keys in them stay where they are, unserved.
    ///
    /// # Errors
    /// As [`crate::Raw::command`]; `Timeout` where a node does not notice.
    pub fn uncover(&self, slots: impl IntoIterator<Item = u16>) -> Result<(), LabError> {
        let owners = self.owners()?;
        for slot in slots {
            let Some(owner) = owners[usize::from(slot)] else {
                continue;
            };
            let name = slot.to_string();
            // The owner first: as long as it claims the slot, the others learn so again.
            for node in std::iter::once(owner).chain(self.live().filter(|node| *node != owner)) {
                let words: [&[u8]; 3] = [b"CLUSTER", b"DELSLOTS", name.as_bytes()];
                let reply = self.raw(node)?.command(&words)?;
                // A node may have learned from the owner's own message that the slot is free.
                if node == owner {
                    reply.checked()?;
                }
            }
        }
        Ok(())
    }
}
