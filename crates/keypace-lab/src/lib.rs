//! Owned Redis and Valkey servers, clusters and Sentinel sets, seed data, a waiting probe, a delay relay and the
//! raw-socket floor: what `keypace demo` and `bench` ship with and what the tests use. Must not import any other crate
//! of this workspace, nor share code with the library's own codec: it is the independent witness of what the library
//! claims.
//!
//! Everything here is blocking and built on threads. A server is a value: it lives in its own temporary folder and
//! goes with its owner.
//!
//! ```
//! use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, seed};
//!
//! let server = OwnedServer::start(&Program::find()?, ServerOptions::default())?;
//! let mut raw = Raw::connect(server.endpoint())?;
//! seed::strings(&mut raw, b"session:", 0..1000, 16)?;
//! assert_eq!(raw.command(&[b"DBSIZE"])?.int(), Some(1000));
//! server.stop()?;
//! # Ok::<(), keypace_lab::LabError>(())
//! ```

mod cluster;
mod delay;
mod endpoint;
mod error;
pub mod floor;
mod launch;
pub mod limits;
mod load;
mod options;
mod ports;
mod postgres;
mod probe;
mod program;
mod raw;
pub mod seed;
mod sentinel;
mod server;
mod slot;
mod timeline;
mod traffic;
mod visit;
mod wait;

pub use cluster::ClusterNode;
pub use cluster::ClusterOptions;
pub use cluster::OwnedCluster;
pub use cluster::Role;
pub use cluster::SlotMove;
pub use delay::Delay;
pub use endpoint::Endpoint;
pub use error::LabError;
pub use error::LabErrorKind;
pub use load::Saturate;
pub use options::Listen;
pub use options::ServerOptions;
pub use postgres::OwnedPostgres;
pub use postgres::POSTGRES_VARIABLE;
pub use postgres::PostgresProgram;
pub use postgres::postgres_install_hint;
pub use probe::Probe;
pub use probe::Probed;
pub use probe::Waits;
pub use program::Program;
pub use program::SERVER_VARIABLE;
pub use program::install_hint;
pub use raw::Pipeline;
pub use raw::Raw;
pub use raw::Value;
pub use sentinel::OwnedSentinels;
pub use sentinel::SentinelOptions;
pub use server::OwnedServer;
pub use slot::slot_of;
pub use timeline::Timeline;
pub use traffic::Meter;
pub use traffic::Traffic;
pub use visit::Visit;
pub use wait::NotYet;
pub use wait::wait_until;
