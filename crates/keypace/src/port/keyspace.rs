//! The handle that callers hold: one database of one server, or of all primaries of a cluster, found and asked.

use std::fmt;
use std::sync::Arc;

use super::cluster::{Cluster, Layout};
use super::connection::Class;
use super::dial::{Dial, TargetDialer};
use super::node::Node;
use super::options::ConnectOptions;
use super::resp::Reply;
use super::sentinel::SentinelDialer;
use super::server_info::{Mode, ServerInfo, ask_server};
use super::target::{Address, Target};
use super::together::together;
use super::topology;
use crate::error::{Error, ErrorKind, Result, Retry};

/// One database of a server, or a whole cluster. Clones are cheap and share its connections.
#[derive(Clone)]
pub struct Keyspace {
    node: Node,
    server: Arc<ServerInfo>,
    cluster: Option<Arc<Cluster>>,
}

/// How many keys there are, as far as that could be asked.
pub(crate) struct Sizes {
    pub(crate) keys: u64,
    /// Primaries that did not say.
    pub(crate) silent: Vec<String>,
    /// One of those that did, if any: for whatever else is to be asked of just anyone.
    pub(crate) answered: Node,
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Keyspace({}, database {})",
            self.server.address, self.server.database
        )
    }
}

impl Keyspace {
    /// Connects, asks the server who it is, and finds the rest of its cluster, or the primary that Sentinels name. A
    /// server that is loading is waited for, as often as the options say; a refused connection is not, but the target's
    /// further seeds are asked. Cancel-safe.
    ///
    /// # Errors
    /// `Unreachable`, `Tls`, `Auth`, `Permission` (INFO is needed, and in a cluster CLUSTER NODES), `Loading`,
    /// `Timeout`, `Protocol`; `Unsupported` where the topology is another than the options ask for, for a database of
    /// a cluster other than 0, and for a Sentinel that is given as a server.
    pub async fn connect(target: Target, options: ConnectOptions) -> Result<Self> {
        let dialer = Arc::new(TargetDialer::new(&target)?);
        Self::connect_through(dialer, target, options).await
    }

    /// The same through streams that the caller opens: a tunnel, or a server in a test's memory. The target's
    /// address is not used, its user, password and database are. Other nodes, seeds and Sentinels are reached by
    /// [`Dial::another`]. Cancel-safe.
    ///
    /// # Errors
    /// As [`Keyspace::connect`].
    pub async fn connect_through(
        dialer: Arc<dyn Dial>,
        target: Target,
        options: ConnectOptions,
    ) -> Result<Self> {
        topology::check_names(target.names_sentinels(), options.topology)?;
        if let Some(watched) = &target.sentinel {
            let dialer = SentinelDialer::new(dialer, &target, watched, &options)?;
            return Self::watched(Arc::new(dialer), &target, &options).await;
        }
        let seeds = seeds(&dialer, &target, &options)?;
        let mut trouble = None;
        for seed in &seeds {
            match ask_patiently(seed).await {
                Ok((server, mode)) => {
                    let is_cluster = topology::is_cluster(mode, options.topology)
                        .map_err(|error| error.on_node(seed.name()))?;
                    if is_cluster {
                        let node = seed.clone();
                        let cluster = Cluster::new(dialer, target, options, seeds);
                        return Self::clustered(node, server, cluster).await;
                    }
                    if seeds.len() > 1 {
                        return Err(topology::several_singles().on_node(seed.name()));
                    }
                    if options.one_process {
                        seed.pin(&server.run_id);
                    }
                    return Ok(Self::single(seed.clone(), server));
                }
                Err(error) if is_lost(&error) => {
                    trouble.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(trouble.unwrap_or_else(nobody))
    }

    async fn watched(
        dialer: Arc<SentinelDialer>,
        target: &Target,
        options: &ConnectOptions,
    ) -> Result<Self> {
        let node = Node::new(Arc::clone(&dialer) as Arc<dyn Dial>, target, options);
        let (server, mode) = ask_patiently(&node).await?;
        topology::is_cluster(mode, super::options::Topology::Sentinel)
            .map_err(|error| error.on_node(node.name()))?;
        tracing::debug!(primary = ?dialer.last(), "a sentinel named the primary");
        Ok(Self::single(node, server))
    }

    fn single(node: Node, server: ServerInfo) -> Self {
        Self {
            node,
            server: Arc::new(server),
            cluster: None,
        }
    }

    async fn clustered(node: Node, mut server: ServerInfo, cluster: Cluster) -> Result<Self> {
        let layout = cluster.layout().await?;
        "cluster".clone_into(&mut server.role);
        server.nodes = layout.primaries.len();
        Ok(Self {
            node,
            server: Arc::new(server),
            cluster: Some(Arc::new(cluster)),
        })
    }

    /// Who answers.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// How many keys the database holds: `DBSIZE`, at no cost; in a cluster the sum over its primaries. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give, on any of the primaries.
    pub async fn dbsize(&self) -> Result<u64> {
        if self.cluster.is_none() {
            return dbsize(&self.node).await;
        }
        let layout = self.layout().await?;
        let sizes = together(layout.primaries.iter().map(|primary| dbsize(&primary.node)));
        sizes.await.into_iter().sum()
    }

    /// The same as far as it can be asked: primaries that are away are named and not waited for. Cancel-safe.
    ///
    /// # Errors
    /// On a single server any that one command can give; in a cluster what finding its nodes gives, and what is not due to a
    /// node being away.
    pub(crate) async fn sizes(&self) -> Result<Sizes> {
        let (mut keys, mut silent, mut answered) = (0, Vec::new(), None);
        if self.cluster.is_none() {
            keys = dbsize(&self.node).await?;
        } else {
            let primaries = self.layout().await?.primaries;
            let (there, away): (Vec<_>, Vec<_>) = primaries
                .into_iter()
                .partition(|primary| primary.is_reachable);
            silent.extend(away.iter().map(|primary| primary.node.name().to_string()));
            let asked = together(there.iter().map(|primary| dbsize(&primary.node)));
            for (primary, answer) in there.iter().zip(asked.await) {
                match answer {
                    Ok(size) => {
                        keys += size;
                        answered.get_or_insert_with(|| primary.node.clone());
                    }
                    Err(error) if is_lost(&error) => silent.push(primary.node.name().to_string()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Sizes {
            keys,
            silent,
            answered: answered.unwrap_or_else(|| self.node.clone()),
        })
    }

    /// Whether several nodes hold a part each: then `node` is one of them, and not the whole.
    pub(crate) fn is_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// Where the nodes of a cluster were when it was last asked for its layout, as connecting does; none outside clusters.
    pub(crate) fn places(&self) -> Vec<String> {
        let cluster = self.cluster.as_ref();
        cluster.map_or_else(Vec::new, |cluster| cluster.places())
    }

    /// For work that knows one server only: on a cluster it would be done on a part, and called the whole.
    ///
    /// # Errors
    /// `Unsupported` on a cluster.
    pub(crate) fn refuse_cluster(&self, operation: &'static str) -> Result<()> {
        if self.is_cluster() {
            let context = "this is a cluster, and one node holds a part of the keys only";
            return Err(
                Error::new(ErrorKind::Unsupported, Retry::Never, operation, context)
                    .on_node(self.node.name())
                    .with_hint("this version does that on single servers and behind Sentinels"),
            );
        }
        Ok(())
    }

    /// Who owns which slot, asked anew each time. Tried again while no node answers. Cancel-safe.
    ///
    /// # Errors
    /// `Permission` without the right to CLUSTER NODES; what the nodes gave where none of them answers; `Unsupported`
    /// outside clusters.
    pub(crate) async fn layout(&self) -> Result<Layout> {
        self.find_layout(false).await
    }

    /// The same with the primaries' replicas.
    pub(crate) async fn layout_with_replicas(&self) -> Result<Layout> {
        self.find_layout(true).await
    }

    async fn find_layout(&self, with_replicas: bool) -> Result<Layout> {
        let Some(cluster) = &self.cluster else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                Retry::Never,
                "find the cluster's nodes",
                "it is a single server, and no node of a cluster",
            )
            .on_node(self.node.name()));
        };
        let mut backoff = self.node.backoff();
        loop {
            let found = if with_replicas {
                cluster.layout_with_replicas().await
            } else {
                cluster.layout().await
            };
            match found {
                Ok(layout) => return Ok(layout),
                Err(error) => backoff.pause(error).await?,
            };
        }
    }

    /// The node that a MOVED or an ASK of `asked` names, if that is told well enough; `None` outside clusters.
    pub(super) fn redirected(&self, told: &str, asked: &Node) -> Option<Node> {
        self.cluster.as_ref()?.redirected(told, asked)
    }

    /// The server; in a cluster the node that said so first.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}

/// The places that the target names, the dialer's own first.
fn seeds(dialer: &Arc<dyn Dial>, target: &Target, options: &ConnectOptions) -> Result<Vec<Node>> {
    let mut seeds = vec![Node::new(Arc::clone(dialer), target, options)];
    for address in &target.seeds {
        let way = match address {
            Address::Tcp { host, port } => dialer.another(host, *port),
            Address::Unix(_) => None,
        };
        let way = way.ok_or_else(|| topology::no_way(&address.to_string()))?;
        seeds.push(Node::new(way, target, options));
    }
    Ok(seeds)
}

/// Waits where the server says that it will do: one that is loading, or a failover that is under way.
async fn ask_patiently(node: &Node) -> Result<(ServerInfo, Mode)> {
    let mut backoff = node.backoff();
    loop {
        match ask_server(node).await {
            Ok(told) => return Ok(told),
            Err(error) if error.retry() == Retry::Backoff => backoff.pause(error).await?,
            Err(error) => return Err(error),
        };
    }
}

/// Whether another seed or node may be there where this one isn't.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Disconnected | ErrorKind::Loading
    )
}

fn nobody() -> Error {
    Error::new(
        ErrorKind::Unreachable,
        Retry::Never,
        "connect to the server",
        "no server is named",
    )
}

/// How many keys one node holds.
pub(crate) async fn dbsize(node: &Node) -> Result<u64> {
    let mut backoff = node.backoff();
    loop {
        match try_dbsize(node).await {
            Ok(size) => return Ok(size),
            Err(error) => backoff.pause(error).await?,
        };
    }
}

async fn try_dbsize(node: &Node) -> Result<u64> {
    let mut lease = node.lease().await?;
    match lease.call("DBSIZE", Class::Read, ["DBSIZE"].iter()).await? {
        Reply::Int(size) => Ok(u64::try_from(size).unwrap_or(0)),
        _ => Err(lease.unexpected("DBSIZE")),
    }
}
