//! How an owned cluster is to be founded. Must not start anything.

use std::time::Duration;

use crate::limits;
use crate::options::{Listen, ServerOptions};
use crate::program::Program;

/// How to found an owned cluster: 3 primaries with a replica each unless told otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// Primaries, each with an equal part of the slots.
    pub primaries: usize,
    /// Replicas of each primary.
    pub replicas: usize,
    /// After this long without an answer a node is suspected: `cluster-node-timeout`.
    pub node_timeout: Duration,
    /// Whether all of it refuses to serve while one slot has no owner: `cluster-require-full-coverage`.
    pub needs_full_coverage: bool,
    /// Further settings of every node.
    pub server: ServerOptions,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            primaries: limits::DEFAULT_PRIMARIES,
            replicas: limits::DEFAULT_REPLICAS,
            node_timeout: limits::DEFAULT_NODE_TIMEOUT,
            needs_full_coverage: true,
            server: ServerOptions::default(),
        }
    }
}

impl ClusterOptions {
    /// Has this many primaries.
    #[must_use]
    pub fn with_primaries(mut self, primaries: usize) -> Self {
        self.primaries = primaries;
        self
    }

    /// Has this many replicas of each primary.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Suspects a node after this long without an answer.
    #[must_use]
    pub fn with_node_timeout(mut self, node_timeout: Duration) -> Self {
        self.node_timeout = node_timeout;
        self
    }

    /// Serves the other slots while some have no owner.
    #[must_use]
    pub fn without_full_coverage(mut self) -> Self {
        self.needs_full_coverage = false;
        self
    }

    /// Adds a setting of every node, as [`ServerOptions::with_arg`].
    #[must_use]
    pub fn with_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.server = self.server.with_arg(name, value);
        self
    }

    /// What each node is started with; the caller's own settings come last and win.
    pub(crate) fn for_node(&self, program: &Program) -> ServerOptions {
        let coverage = if self.needs_full_coverage {
            "yes"
        } else {
            "no"
        };
        let mut options = ServerOptions::default()
            .with_listen(Listen::Tcp)
            .with_arg("cluster-enabled", "yes")
            .with_arg("cluster-config-file", "nodes.conf")
            .with_arg(
                "cluster-node-timeout",
                self.node_timeout.as_millis().to_string(),
            )
            .with_arg("cluster-require-full-coverage", coverage)
            // However long it has been without its primary, a replica stands for election. The name of before 5.0,
            // which all versions know.
            .with_arg("cluster-slave-validity-factor", "0")
            // A new replica is served at once, not after five seconds in case another one comes.
            .with_arg("repl-diskless-sync-delay", "0");
        if program.release() >= (6, 2) {
            // Replicas stay with their primary, and one that gave all its slots away stays a primary.
            options = options.with_arg("cluster-allow-replica-migration", "no");
        }
        options.arguments.extend(self.server.arguments.clone());
        options
    }
}
