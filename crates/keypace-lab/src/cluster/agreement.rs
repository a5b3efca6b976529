//! Whether all live nodes see the same cluster, and waiting until they do.
//! Looks only: it changes nothing.

use std::collections::BTreeMap;

use crate::error::LabError;
use crate::limits;
use crate::raw::Raw;
use crate::wait::{NotYet, wait_until};

use super::view::{Line, View};
use super::{Condition, OwnedCluster};

impl OwnedCluster {
    /// Waits until every live node serves (`cluster_state` ok), sees all live nodes well and in the same roles with
    /// the same slots, and every live replica's link is up. For use after a change; where a slot is left without an
    /// owner, only a cluster without full coverage ever settles.
    ///
    /// # Errors
    /// `Timeout`, with what was missing.
    pub fn wait_until_settled(&self) -> Result<(), LabError> {
        wait_until("see the cluster settled", limits::AGREE_PATIENCE, || {
            self.compare_views(|node, view, raw| {
                self.check_state(node, raw)?;
                self.check_links(node, view, raw)
            })
        })
    }

    /// Waits until all live nodes see each other well, in the same roles and with the same slots, whether they serve
    /// or not.
    pub(super) fn wait_until_agreed(&self) -> Result<(), LabError> {
        wait_until("see all nodes agree", limits::AGREE_PATIENCE, || {
            self.compare_views(|_, _, _| Ok(()))
        })
    }

    /// Waits until `node` says of itself that it is in this state: `ok` or `fail`.
    ///
    /// # Errors
    /// `Timeout` where it doesn't.
    pub fn wait_for_state(&self, node: usize, state: &str) -> Result<(), LabError> {
        let what = format!("see cluster_state {state} on node {node}");
        wait_until(&what, limits::AGREE_PATIENCE, || {
            match state_of(&mut self.look(node)?)? {
                now if now == state => Ok(()),
                now => Err(format!("it is {now}").into()),
            }
        })
    }

    /// Waits until every live node knows every other that was not removed.
    pub(super) fn wait_until_met(&self) -> Result<(), LabError> {
        let what = "see all nodes know each other";
        wait_until(what, limits::AGREE_PATIENCE, || {
            for node in self.live() {
                self.live_part(node, View::ask(&mut self.look(node)?)?)?;
            }
            Ok(())
        })
    }

    /// Whether all live nodes see the same, and `check` finds nothing amiss with any of them.
    fn compare_views(
        &self,
        check: impl Fn(usize, &View, &mut Raw) -> Result<(), NotYet>,
    ) -> Result<(), NotYet> {
        let mut first: Option<(usize, View)> = None;
        for node in self.live() {
            let mut raw = self.look(node)?;
            let view = self.live_part(node, View::ask(&mut raw)?)?;
            check(node, &view, &mut raw)?;
            match &first {
                None => first = Some((node, view)),
                Some((other, theirs)) if *theirs != view => {
                    return Err(format!("nodes {other} and {node} disagree").into());
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn check_state(&self, node: usize, raw: &mut Raw) -> Result<(), NotYet> {
        match state_of(raw)? {
            state if state == "ok" => Ok(()),
            state => Err(format!("cluster_state is {state} on node {node}").into()),
        }
    }

    /// What a node sees of the live ones, without what differs by point of view.
    fn live_part(&self, node: usize, mut view: View) -> Result<View, NotYet> {
        let mut lines = BTreeMap::new();
        for member in &self.members {
            let index = member.node.index;
            match (member.condition, view.lines.remove(&member.node.id)) {
                (Condition::Live, None) => {
                    return Err(format!("node {node} does not know node {index}").into());
                }
                (Condition::Live, Some(line)) => {
                    if let Some(trouble) = line.trouble() {
                        return Err(format!("node {node} says {trouble} of node {index}").into());
                    }
                    let bare = Line {
                        flags: Vec::new(),
                        ..line
                    };
                    lines.insert(member.node.id.clone(), bare);
                }
                (Condition::Removed, Some(_)) => {
                    return Err(format!("node {node} still knows node {index}").into());
                }
                (Condition::Frozen | Condition::Dead, _) | (Condition::Removed, None) => {}
            }
        }
        match view.lines.keys().next() {
            // A node in handshake has no id of its own yet.
            Some(id) => Err(format!("node {node} knows a stranger, {id}").into()),
            None => Ok(View { lines }),
        }
    }

    /// Of a replica that its link is up, of a primary that each of its live replicas is served.
    fn check_links(&self, node: usize, view: &View, raw: &mut Raw) -> Result<(), NotYet> {
        let info = raw.info("replication")?;
        let id = &self.node(node).id;
        let field = |name: &str| info.get(name).map_or("", String::as_str);
        if view.lines[id].primary.is_some() {
            return match field("master_link_status") {
                "up" => Ok(()),
                link => Err(format!("the link of replica {node} is {link:?}").into()),
            };
        }
        if field("role") != "master" {
            return Err(format!("node {node} is still {}", field("role")).into());
        }
        let followers = view.lines.values();
        let expected = followers
            .filter(|line| line.primary.as_ref() == Some(id))
            .count();
        let served = info
            .iter()
            .filter(|(name, value)| name.starts_with("slave") && value.contains("state=online"))
            .count();
        if served < expected {
            return Err(format!("primary {node} serves {served} of {expected} replicas").into());
        }
        Ok(())
    }
}

fn state_of(raw: &mut Raw) -> Result<String, NotYet> {
    let reply = raw.command(&[b"CLUSTER", b"INFO"])?.checked()?;
    let text = String::from_utf8_lossy(reply.bytes().unwrap_or_default()).into_owned();
    let state = text
        .lines()
        .find_map(|line| line.strip_prefix("cluster_state:"));
    Ok(state.ok_or("no cluster_state")?.trim_end().to_owned())
}
