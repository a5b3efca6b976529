//! Owns the lock of one node: all nodes of its cluster are held with it. It must not decide anything.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use super::cluster::ClusterState;
use super::data::State;

/// One node's state, and that of its whole cluster where a script asks for it.
pub(crate) struct NodeGuard<'a> {
    cluster: MutexGuard<'a, ClusterState>,
    place: usize,
}

impl<'a> NodeGuard<'a> {
    pub(crate) fn new(cluster: MutexGuard<'a, ClusterState>, place: usize) -> Self {
        Self { cluster, place }
    }

    pub(crate) fn cluster(&mut self) -> &mut ClusterState {
        &mut self.cluster
    }
}

impl Deref for NodeGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.cluster.nodes[self.place]
    }
}

impl DerefMut for NodeGuard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.cluster.nodes[self.place]
    }
}
