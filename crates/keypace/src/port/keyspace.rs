//! The handle that callers hold: one database of one server, found and asked who it is.

use std::fmt;
use std::sync::Arc;

use super::connection::Class;
use super::dial::{Dial, TargetDialer};
use super::info::Info;
use super::node::Node;
use super::options::ConnectOptions;
use super::resp::Reply;
use super::target::Target;
use crate::error::{Error, ErrorKind, Result, Retry};

/// One database of a server. Clones are cheap and share its connections.
#[derive(Clone)]
pub struct Keyspace {
    node: Node,
    server: Arc<ServerInfo>,
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

/// Who answers, for people to see before they delete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Host and port, or the socket's path.
    pub address: String,
    /// `Redis` or `Valkey`.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// `primary` or `replica`.
    pub role: String,
    /// Names the process: another one means other cursors.
    pub run_id: String,
    /// The database that is worked on.
    pub database: u32,
}

impl Keyspace {
    /// Connects, and asks the server who it is. A server that is loading is waited for, as often as the options
    /// say; a refused connection is not. Cancel-safe.
    ///
    /// # Errors
    /// `Unreachable`, `Tls`, `Auth`, `Permission` (INFO is needed), `Loading`, `Timeout`, `Protocol`;
    /// `Unsupported` for a cluster's node or a Sentinel, which this version can't walk whole.
    pub async fn connect(target: Target, options: ConnectOptions) -> Result<Self> {
        let dialer = Arc::new(TargetDialer::new(&target)?);
        Self::connect_through(dialer, target, options).await
    }

    /// The same through streams that the caller opens: a tunnel, or a server in a test's memory. The target's
    /// address is not used, its user, password and database are. Cancel-safe.
    ///
    /// # Errors
    /// As [`Keyspace::connect`].
    pub async fn connect_through(
        dialer: Arc<dyn Dial>,
        target: Target,
        options: ConnectOptions,
    ) -> Result<Self> {
        let node = Node::new(dialer, &target, &options);
        let mut backoff = node.backoff();
        loop {
            let error = match ask_server(&node).await {
                Ok(server) => {
                    return Ok(Self {
                        node,
                        server: Arc::new(server),
                    });
                }
                Err(error) => error,
            };
            if error.retry() != Retry::Backoff {
                return Err(error);
            }
            backoff.pause(error).await?;
        }
    }

    /// Who answers.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// How many keys the database holds: `DBSIZE`, at no cost. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn dbsize(&self) -> Result<u64> {
        let mut backoff = self.node.backoff();
        loop {
            match self.try_dbsize().await {
                Ok(size) => return Ok(size),
                Err(error) => backoff.pause(error).await?,
            };
        }
    }

    async fn try_dbsize(&self) -> Result<u64> {
        let mut lease = self.node.lease().await?;
        match lease.call("DBSIZE", Class::Read, ["DBSIZE"].iter()).await? {
            Reply::Int(size) => Ok(u64::try_from(size).unwrap_or(0)),
            _ => Err(lease.unexpected("DBSIZE")),
        }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }
}

async fn ask_server(node: &Node) -> Result<ServerInfo> {
    let mut lease = node.lease().await?;
    let reply = lease.call("INFO", Class::Handshake, ["INFO"].iter()).await;
    let Reply::Bulk(text) = reply.map_err(|error| error.during("ask the server who it is"))? else {
        return Err(lease.unexpected("INFO"));
    };
    let info = Info::parse(&text);
    refuse_other_modes(&info).map_err(|error| error.on_node(node.name()))?;
    if info.get("loading").is_some_and(|loading| loading != "0") {
        let done = info.get("loading_loaded_perc").unwrap_or("0");
        return Err(Error::new(
            ErrorKind::Loading,
            Retry::Backoff,
            "connect to the server",
            format!("the server is loading its dataset ({done} % done)"),
        )
        .on_node(node.name())
        .with_hint("try again when it is done; --retries allows more time"));
    }
    let field = |name: &str| info.get(name).map(str::to_owned);
    let valkey = field("valkey_version");
    Ok(ServerInfo {
        address: node.name().to_string(),
        product: if valkey.is_some() { "Valkey" } else { "Redis" }.to_owned(),
        version: valkey
            .or_else(|| field("redis_version"))
            .unwrap_or_default(),
        role: match info.get("role") {
            Some("slave") => "replica".to_owned(),
            Some("master") => "primary".to_owned(),
            other => other.unwrap_or("unknown").to_owned(),
        },
        run_id: field("run_id").unwrap_or_default(),
        database: node.database(),
    })
}

/// One node's walk would be a part of a cluster's keys, and a part is never called the whole.
fn refuse_other_modes(info: &Info) -> Result<()> {
    let mode = info
        .get("redis_mode")
        .or_else(|| info.get("server_mode"))
        .unwrap_or("standalone");
    let (what, hint) = match mode {
        "standalone" => return Ok(()),
        "cluster" => (
            "it is a node of a cluster, and holds a part of the keys only",
            "this version walks single servers; it refuses rather than call a part the whole",
        ),
        _ => (
            "it is a Sentinel, which holds no keys",
            "give the primary's own address",
        ),
    };
    Err(Error::new(
        ErrorKind::Unsupported,
        Retry::Never,
        "find the topology",
        what,
    )
    .with_hint(hint))
}
