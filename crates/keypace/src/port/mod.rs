//! What we need from a server: connections of our own, a codec, and who it is. The only room that knows sockets
//! and RESP; none of its wire types leave the crate.

mod abilities;
mod backoff;
mod canary;
mod capabilities;
mod carried;
mod claims;
mod cluster;
#[cfg(test)]
mod cluster_live;
mod connection;
mod dial;
mod gauge;
mod handshake;
mod info;
mod keyspace;
mod members;
mod naming;
mod node;
mod nodes_table;
mod options;
pub(crate) mod request;
mod resp;
mod router;
mod sentinel;
mod sentinel_url;
mod server_error;
mod server_info;
mod slot_stats;
mod standing;
mod target;
#[cfg(test)]
mod test_wire;
mod together;
mod topology;
mod turn;
mod vitals;

pub use dial::{Dial, Dialing, Stream};
pub use keyspace::Keyspace;
pub use members::NodeInfo;
pub use options::{ConnectOptions, Protocol, Purpose, Topology};
pub use server_info::ServerInfo;
pub use target::{Target, TlsFiles};

pub(crate) use abilities::{Has, abilities};
pub(crate) use backoff::{Backoff, Waits};
pub(crate) use capabilities::{Removal, removal, scripts_allowed};
pub(crate) use carried::{Carried, carried};
pub(crate) use cluster::{Layout, Primary};
pub(crate) use connection::{Class, Connection};
pub(crate) use gauge::{Paced, Turn};
pub(crate) use info::Info;
pub(crate) use keyspace::{dbsize, is_lost};
pub(crate) use node::{Lease, Node};
pub(crate) use request::{Call, Request, Script};
pub(crate) use resp::{Reply, decimal};
pub(crate) use router::Router;
pub(crate) use server_error::{IDLE_UNTRACKED_HINT, ServerCode, refuses_keys};
pub(crate) use server_info::{label, product, role};
pub(crate) use slot_stats::keys_in_slots;
pub(crate) use standing::{Standing, is_saving, standing};
#[cfg(test)]
pub(crate) use test_wire::Wire;
pub(crate) use together::together;
