//! Owns a simulated cluster's handle: its nodes, connections to them by address, the moments at which it changes.
//! It must not decide what a node answers.

mod control;
mod keys;
mod member;
mod view;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::DuplexStream;

pub use control::ClusterState;
pub(crate) use member::{Asked, Member};

use super::Sim;
use super::listener::SimListener;
use super::options::SimOptions;
use crate::limits::FIRST_CLUSTER_PORT;

/// A simulated cluster. Its nodes are `Sim`s with rules, counts and keys each of its own; they know each other's slots,
/// and answer as cluster nodes do. Clones are handles to the same cluster.
///
/// ```
/// use keypace_testkit::{Action, Rule, SimCluster, SimOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let cluster = SimCluster::new(SimOptions::default(), 3);
/// cluster.with(|cluster| cluster.insert_strings("session:", 0..1000));
/// cluster.node(0).script(Rule::on("SCAN").nth(3).then(Action::cluster(|cluster| cluster.move_slots(0..=100, 1))));
/// let connection = cluster.connect("127.0.0.1:7002")?;
/// # drop(connection);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SimCluster {
    state: Arc<Mutex<ClusterState>>,
    options: SimOptions,
    /// None in memory. Kept for as long as a handle lives.
    listeners: Option<Arc<Mutex<Vec<SimListener>>>>,
}

impl SimCluster {
    /// So many primaries with equal shares of the slots, in memory: they announce `127.0.0.1:7000` and the ports after it,
    /// where nobody listens; `connect` leads there.
    #[must_use]
    pub fn new(options: SimOptions, primaries: usize) -> Self {
        let cluster = Self::without_nodes(options);
        for _ in 0..primaries {
            cluster.add(None);
        }
        cluster.with(|cluster| cluster.share_out(primaries));
        cluster
    }

    /// So many primaries with equal shares of the slots, each on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub async fn start(options: SimOptions, primaries: usize) -> io::Result<Self> {
        let mut cluster = Self::without_nodes(options);
        cluster.listeners = Some(Arc::default());
        for _ in 0..primaries {
            cluster.add_node().await?;
        }
        cluster.with(|cluster| cluster.share_out(primaries));
        Ok(cluster)
    }

    fn without_nodes(options: SimOptions) -> Self {
        Self {
            state: Arc::new(Mutex::new(ClusterState::unborn(options.seed))),
            options,
            listeners: None,
        }
    }

    /// One more node, which knows only itself until `ClusterState::meet`. Gives its place.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub async fn add_node(&self) -> io::Result<usize> {
        let Some(listeners) = &self.listeners else {
            return Ok(self.add(None));
        };
        let door = SimListener::bind().await?;
        let node = self.add(Some(door.local_addr()?));
        let listener = SimListener::serve(self.node(node), door)?;
        let mut listeners = listeners.lock().expect("nothing panics while it is held");
        listeners.push(listener);
        Ok(node)
    }

    /// Every node has a seed of its own, so that its tables and its `run_id` are its own.
    fn add(&self, address: Option<SocketAddr>) -> usize {
        self.with(|cluster| {
            let place = u16::try_from(cluster.node_count()).expect("nodes are few");
            let mut options = self.options.clone();
            options.seed = options.seed.wrapping_add(u64::from(place) + 1);
            options.run_id = None;
            let in_memory = || (Ipv4Addr::LOCALHOST, FIRST_CLUSTER_PORT + place).into();
            let address = address.unwrap_or_else(in_memory);
            cluster.add(options, &address.ip().to_string(), address.port())
        })
    }

    /// A node by its place; the first is 0.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn node(&self, node: usize) -> Sim {
        let nodes = self.with(|cluster| cluster.node_count());
        assert!(node < nodes, "the cluster has {nodes} nodes and no {node}");
        Sim {
            cluster: Arc::clone(&self.state),
            place: node,
        }
    }

    /// Does several things in one step that no command comes between. The closure must not use this handle, nor a node's.
    pub fn with<T>(&self, closure: impl FnOnce(&mut ClusterState) -> T) -> T {
        closure(
            &mut self
                .state
                .lock()
                .expect("a scripted closure panicked: its message is above"),
        )
    }

    /// A new in-memory connection to the node at an address: one that a node announces, by ip or hostname, or its own.
    ///
    /// # Errors
    /// `ConnectionRefused` where there is no node, and where it is away.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(&self, address: &str) -> io::Result<DuplexStream> {
        let refused = |why: &str| {
            let text = format!("{address}: {why}");
            Err(io::Error::new(io::ErrorKind::ConnectionRefused, text))
        };
        let found = self.with(|cluster| {
            let node = cluster.at_address(address)?;
            Some((node, cluster.node(node).is_away))
        });
        match found {
            None => refused("no node is there"),
            Some((_, true)) => refused("the node is away"),
            Some((node, false)) => Ok(self.node(node).connect()),
        }
    }

    /// What each node announces, in order: `127.0.0.1:7000`.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.with(|cluster| {
            (0..cluster.node_count())
                .map(|node| cluster.address(node))
                .collect()
        })
    }

    /// How many commands of this name arrived, at all nodes together.
    #[must_use]
    pub fn count_of(&self, name: &str) -> u64 {
        self.with(|cluster| {
            cluster
                .nodes
                .iter()
                .map(|node| node.log.count_of(name))
                .sum()
        })
    }
}
