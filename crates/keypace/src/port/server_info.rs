//! Who answers: one INFO, read for people and for the topology. Decides nothing about what may be walked.

use super::connection::{Class, Connection};
use super::info::Info;
use super::node::Node;
use super::resp::Reply;
use crate::error::{Error, ErrorKind, Result, Retry};

/// Who answers, for people to see before they delete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Host and port, or the socket's path; `name@host:port` of the first Sentinel where Sentinels name the server, and
    /// the node that was asked in a cluster.
    pub address: String,
    /// `Redis`, `Valkey`, or another that names itself in INFO.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// `primary`, `replica` or `cluster`.
    pub role: String,
    /// Names the process: another one means other cursors. In a cluster that of the node that was asked.
    pub run_id: String,
    /// The database that is worked on.
    pub database: u32,
    /// Primaries with slots at the time of connecting; 1 outside clusters.
    pub nodes: usize,
}

/// What a server is, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Standalone,
    ClusterNode,
    Sentinel,
}

/// Asks a server who it is. One that is loading gives an error that may pass.
pub(super) async fn ask_server(node: &Node) -> Result<(ServerInfo, Mode)> {
    let mut lease = node.lease().await?;
    let reply = lease.call("INFO", Class::Handshake, ["INFO"].iter()).await;
    let Reply::Bulk(text) = reply.map_err(|error| error.during("ask the server who it is"))? else {
        return Err(lease.unexpected("INFO"));
    };
    let info = Info::parse(&text);
    let mode = mode(&info);
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
    Ok((described(node, &info), mode))
}

fn mode(info: &Info) -> Mode {
    match (info.get("redis_mode")).or_else(|| info.get("server_mode")) {
        None | Some("standalone") => Mode::Standalone,
        Some("cluster") => Mode::ClusterNode,
        Some(_) => Mode::Sentinel,
    }
}

fn described(node: &Node, info: &Info) -> ServerInfo {
    let field = |name: &str| info.get(name).map(str::to_owned);
    let (product, version) = product(info);
    ServerInfo {
        address: node.name().to_string(),
        product: product.to_owned(),
        version,
        role: role(info),
        run_id: field("run_id").unwrap_or_default(),
        database: node.database(),
        nodes: 1,
    }
}

/// The product, and its version. Others than Redis tell a version of Redis besides, for old clients.
pub(crate) fn product(info: &Info) -> (&'static str, String) {
    let others = [
        ("Valkey", "valkey_version"),
        ("Dragonfly", "dragonfly_version"),
        ("Kvrocks", "kvrocks_version"),
        ("Garnet", "garnet_version"),
    ];
    let told = others
        .into_iter()
        .find_map(|(product, field)| Some((product, info.get(field)?)));
    let (product, version) =
        told.unwrap_or_else(|| ("Redis", info.get("redis_version").unwrap_or_default()));
    (product, version.to_owned())
}

/// Product and version in one, as `Redis 2.6.17`, of who is at the other end.
///
/// # Errors
/// What INFO gives.
pub(crate) async fn label(connection: &mut Connection) -> Result<String> {
    let words = ["INFO", "server"];
    let reply = connection
        .call("INFO", Class::Handshake, words.iter())
        .await?;
    let Reply::Bulk(text) = reply else {
        return Err(connection.unexpected("INFO"));
    };
    let (product, version) = product(&Info::parse(&text));
    Ok(format!("{product} {version}"))
}

/// `primary` or `replica`, or what the server calls it.
pub(crate) fn role(info: &Info) -> String {
    match info.get("role") {
        Some("slave") => "replica".to_owned(),
        Some("master") => "primary".to_owned(),
        other => other.unwrap_or("unknown").to_owned(),
    }
}
