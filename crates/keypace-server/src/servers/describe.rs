//! The servers as people see them: who answers, and its nodes. Shows no credentials; a server that is away holds up nobody.

use futures_util::future::join_all;
use keypace::Keyspace;
use serde::Serialize;
use tokio::time::timeout;

use super::Servers;
use crate::limits;

/// A server of the config, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ServerView {
    /// What requests call it.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// `Redis` or `Valkey`; empty while it was never reached.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// `primary`, `replica` or `cluster`.
    pub role: String,
    /// The database that is worked on.
    pub database: u32,
    /// It answered just now.
    pub reachable: bool,
    /// Its nodes; one outside clusters, none while it was never reached.
    pub nodes: Vec<NodeView>,
}

/// A node of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NodeView {
    /// Its address.
    pub node: String,
    /// `primary` or `replica`.
    pub role: String,
    /// Its product's version; empty where it does not answer.
    pub version: String,
}

impl Servers {
    /// All of them, asked at once, each within a few times `limits::IDENTITY_WAIT`. Cancel-safe.
    pub async fn describe(&self) -> Vec<ServerView> {
        join_all(self.names().map(|name| self.describe_one(name))).await
    }

    async fn describe_one(&self, name: &str) -> ServerView {
        // Who it is may have changed, and then so has the shared keyspace.
        let is_there = self.identity(name).await.is_ok();
        let known = match self.place(name) {
            Ok(place) => {
                let known = place.known.lock().await;
                known.open.as_ref().map(|open| open.keyspace.clone())
            }
            Err(_) => None,
        };
        let Some(keyspace) = known else {
            return self.unreached(name);
        };
        let mut nodes = Vec::new();
        let mut reachable = false;
        if is_there && let Ok(Ok(found)) = timeout(limits::IDENTITY_WAIT, keyspace.nodes()).await {
            reachable = found.iter().any(|node| node.reachable);
            nodes.extend(found.into_iter().map(|node| NodeView {
                node: node.node,
                role: node.role,
                version: node.version,
            }));
        }
        view(name, &keyspace, reachable, nodes)
    }

    fn unreached(&self, name: &str) -> ServerView {
        let url = self.config(name).ok().map(|config| &config.url);
        ServerView {
            name: name.to_owned(),
            address: url.map_or_else(String::new, ToString::to_string),
            product: String::new(),
            version: String::new(),
            role: String::new(),
            database: url.map_or(0, keypace::Target::database),
            reachable: false,
            nodes: Vec::new(),
        }
    }
}

fn view(name: &str, keyspace: &Keyspace, reachable: bool, nodes: Vec<NodeView>) -> ServerView {
    let server = keyspace.server();
    ServerView {
        name: name.to_owned(),
        address: server.address.clone(),
        product: server.product.clone(),
        version: server.version.clone(),
        role: server.role.clone(),
        database: server.database,
        reachable,
        nodes,
    }
}
