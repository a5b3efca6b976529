//! What is refused when the servers are found: another topology than was asked for, and what no topology can give.
//! Texts only; asks nothing.

use super::options::Topology;
use super::server_info::Mode;
use crate::error::{Error, ErrorKind, Result, Retry};

/// Whether this server may be worked on as what was asked for; true where it is a cluster's node.
pub(super) fn is_cluster(mode: Mode, wanted: Topology) -> Result<bool> {
    match (mode, wanted) {
        (Mode::Standalone, Topology::Auto | Topology::Standalone | Topology::Sentinel) => Ok(false),
        (Mode::ClusterNode, Topology::Auto | Topology::Cluster) => Ok(true),
        (Mode::Standalone, Topology::Cluster) => Err(refused(
            "it is a single server, and no node of a cluster",
            "leave --topology out, or name a node of the cluster",
        )),
        // One node's walk would be a part of a cluster's keys, and a part is never called the whole.
        (Mode::ClusterNode, Topology::Standalone | Topology::Sentinel) => Err(refused(
            "it is a node of a cluster, and holds a part of the keys only",
            "leave --topology out: all primaries of the cluster are found then",
        )),
        (Mode::Sentinel, _) => Err(refused(
            "it is a Sentinel, which holds no keys",
            "name the primary that it watches: redis-sentinel://host:26379/NAME",
        )),
    }
}

/// Whether the way of naming the servers fits what was asked for, before any is asked.
pub(super) fn check_names(names_sentinels: bool, wanted: Topology) -> Result<()> {
    match (names_sentinels, wanted) {
        (true, Topology::Standalone | Topology::Cluster) => Err(refused(
            "the URL names Sentinels",
            "leave --topology out, or give a server's own address: redis://host:6379",
        )),
        (false, Topology::Sentinel) => Err(refused(
            "the URL names no Sentinel",
            "write it as redis-sentinel://host:26379/NAME",
        )),
        (true, Topology::Auto | Topology::Sentinel)
        | (false, Topology::Auto | Topology::Standalone | Topology::Cluster) => Ok(()),
    }
}

/// Several addresses are several ways into one cluster, and nothing else.
pub(super) fn several_singles() -> Error {
    refused(
        "it is a single server, and several addresses were given",
        "give the one server's address; several are for the nodes of one cluster, or for Sentinels",
    )
}

/// A cluster's keys are in database 0: what a second database of a cluster (Valkey 9) holds is not worked on.
pub(super) fn other_database(database: u32) -> Error {
    refused(
        format!("it is a node of a cluster, and database {database} was asked for"),
        "clusters are walked in database 0: leave the database out of the URL",
    )
}

/// A Sentinel's word is older than the failover, or its failover is not done.
pub(super) fn no_primary() -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        Retry::Backoff,
        "find the primary",
        "the server that a sentinel names says that it is a replica",
    )
    .with_hint("a failover is under way, or the sentinel is behind: SENTINEL MASTERS")
}

/// The caller's dialer knows one server only.
pub(super) fn no_way(place: &str) -> Error {
    refused(
        format!("this dialer leads to one server only, and not to {place}"),
        "clusters and Sentinels need a dialer with Dial::another",
    )
}

fn refused(context: impl Into<String>, hint: &'static str) -> Error {
    let operation = "find the topology";
    Error::new(ErrorKind::Unsupported, Retry::Never, operation, context).with_hint(hint)
}
