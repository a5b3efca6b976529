//! The nodes behind a keyspace, for people to see: who they are now, by their own account. Decides nothing.

use super::keyspace::Keyspace;
use super::node::Node;
use super::server_info::ask_server;
use super::together::together;
use crate::error::Result;

/// A node, as people want to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its address.
    pub node: String,
    /// `primary` or `replica`, by its own account where it answers, else as others have it.
    pub role: String,
    /// Its product's version; empty where it doesn't answer.
    pub version: String,
    /// Whether it answered just now.
    pub reachable: bool,
}

impl Keyspace {
    /// The nodes: one outside clusters, else the primaries with slots and behind each those who follow it. Each is asked once.
    /// Cancel-safe.
    ///
    /// # Errors
    /// What finding a cluster's nodes gives; a node that doesn't answer is no error.
    pub async fn nodes(&self) -> Result<Vec<NodeInfo>> {
        let mut nodes: Vec<(Node, &str)> = Vec::new();
        if self.is_cluster() {
            let layout = self.layout_with_replicas().await?;
            for primary in &layout.primaries {
                nodes.push((primary.node.clone(), "primary"));
                let replicas = layout.replicas_of(&primary.id);
                nodes.extend(replicas.map(|node| (node.clone(), "replica")));
            }
        } else {
            nodes.push((self.node().clone(), &self.server().role));
        }
        Ok(together(nodes.iter().map(|(node, role)| ask(node, role))).await)
    }
}

async fn ask(node: &Node, role: &str) -> NodeInfo {
    let told = ask_server(node).await.ok();
    let reachable = told.is_some();
    let (role, version) = match told {
        Some((server, _)) => (server.role, server.version),
        None => (role.to_owned(), String::new()),
    };
    NodeInfo {
        node: node.name().to_string(),
        role,
        version,
        reachable,
    }
}
