//! What we need from a server: connections of our own, a codec, and who it is. The only room that knows sockets
//! and RESP; none of its wire types leave the crate.

mod backoff;
mod canary;
mod capabilities;
mod connection;
mod dial;
mod gauge;
mod handshake;
mod info;
mod keyspace;
mod node;
mod options;
mod resp;
mod server_error;
mod target;
mod turn;
mod vitals;

pub use dial::{Dial, Dialing, Stream};
pub use keyspace::{Keyspace, ServerInfo};
pub use options::{ConnectOptions, Protocol, Purpose};
pub use target::{Target, TlsFiles};

pub(crate) use backoff::{Backoff, Waits};
pub(crate) use capabilities::{Removal, removal};
pub(crate) use connection::{Class, Connection};
pub(crate) use gauge::{Paced, Turn};
pub(crate) use node::{Lease, Node};
pub(crate) use resp::{Reply, decimal};
pub(crate) use server_error::{ServerCode, refuses_keys};
