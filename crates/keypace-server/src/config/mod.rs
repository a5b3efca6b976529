//! The service's config: a TOML text in, checked values out, and a text that names table and field where one is wrong.
//! Binds nothing and opens no file; what a file name stands for is read when the service is built.

mod named;
mod problem;
mod reader;
mod sessions;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use keypace::{Namespace, OldLayout};

use crate::access::Scope;
use crate::http::CacheGroup;
use crate::limits;
use crate::servers::ServerConfig;

pub use problem::ConfigError;
pub use tables::ServerTable;
pub use tables::ServerTopology;

/// Where the service listens where nobody says otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8420));

/// The name of the one server that is worked on where no config names any.
pub const DEFAULT_SERVER: &str = "default";

/// All that the service is told before it begins.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The host, with a port that is not the scheme's own, under which others reach it.
    pub public_host: Option<String>,
    /// Where jobs, checkpoints and backups are kept.
    pub data_dir: Option<PathBuf>,
    /// The certificate chain and its key, where it speaks TLS itself.
    pub tls: Option<TlsPaths>,
    /// The job store.
    pub store: StorePlace,
    /// Bounds of jobs.
    pub jobs: JobBounds,
    /// Bounds of requests.
    pub requests: RequestBounds,
    /// The servers that are worked on, by name.
    pub servers: BTreeMap<String, ServerPlace>,
    /// Named groups of patterns.
    pub caches: BTreeMap<String, CacheGroup>,
    /// API keys that stand in the config, by name.
    pub keys: BTreeMap<String, ConfigKey>,
    /// The collector that spans are sent to, by a build with the feature `otel`: `http://HOST:PORT`.
    pub collector: Option<String>,
    /// Where an application's sessions are, if the service is to serve them.
    pub sessions: Option<SessionsPlace>,
    /// Indexes that may be rebuilt, by name.
    pub indexes: BTreeMap<String, IndexPlace>,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    /// The certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the job store is.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StorePlace {
    /// A file of SQLite in the data folder.
    #[default]
    Sqlite,
    /// A PostgreSQL database, for several replicas of the service.
    Postgres(DatabaseUrl),
}

/// The URL of a database, and the file that its password stands in.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// `postgres://user@host:port/database`.
    pub url: String,
    /// The file.
    pub password_file: Option<PathBuf>,
}

// A URL may hold a password.
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

impl std::fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "Sqlite",
            Self::Postgres(_) => "Postgres(..)",
        })
    }
}

/// Bounds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobBounds {
    /// How many run at once.
    pub running: u32,
    /// How many wait.
    pub waiting: u32,
    /// How many that have ended are kept.
    pub history: u32,
    /// Days that a backup is kept after its job has ended.
    pub backup_days: u32,
    /// Bytes of backups that are kept by this process.
    pub backup_bytes: u64,
}

impl Default for JobBounds {
    fn default() -> Self {
        Self {
            running: limits::JOBS_RUNNING,
            waiting: limits::JOBS_WAITING,
            history: limits::JOBS_HISTORY,
            backup_days: limits::BACKUP_DAYS,
            backup_bytes: limits::BACKUP_BYTES,
        }
    }
}

/// Bounds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBounds {
    /// Requests a second of one key.
    pub per_second: NonZeroU32,
    /// Requests of one key at once.
    pub burst: NonZeroU32,
    /// The longest body in bytes.
    pub body_bytes: usize,
    /// How long one request may take.
    pub time: Duration,
}

impl Default for RequestBounds {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::new(limits::REQUESTS_PER_SECOND).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(limits::REQUEST_BURST).unwrap_or(NonZeroU32::MIN),
            body_bytes: limits::BODY_BYTES,
            time: limits::REQUEST_TIME,
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone)]
pub enum ServerPlace {
    /// As a table says; its files are still to be read.
    Table(Box<ServerTable>),
    /// As the command line says.
    Ready(Box<ServerConfig>),
}

/// An API key of the config.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigKey {
    /// SHA-256 of the key, as 64 hexadecimal digits.
    pub sha256: String,
    /// What it may do.
    pub scope: Scope,
    /// Whose sessions it stands for.
    pub owner: Option<KeyOwner>,
}

/// Whom a key of the config stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyOwner {
    /// The owner itself.
    Text(String),
    /// The file that the owner stands in.
    File(PathBuf),
}

// An owner may be an application's own API key.
impl std::fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigKey")
            .field("scope", &self.scope)
            .field("has_owner", &self.owner.is_some())
            .finish_non_exhaustive()
    }
}

/// Where sessions are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionsPlace {
    /// Which kind of place.
    pub source: SessionSource,
    /// The server of the config that is in front of SQL, or that they are kept on.
    pub server: Option<String>,
    /// What their keys begin with there: `kp:NAMESPACE:`.
    pub namespace: String,
    /// The owner key file.
    pub owner_keys: PathBuf,
    /// Whether the cache may answer alone, labelled, while SQL is away.
    pub stale_reads: bool,
    /// How long new sessions stay, where they are kept in Redis alone.
    pub ttl: Option<Duration>,
}

/// What sessions are kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionSource {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(DatabaseUrl),
    /// Redis or Valkey alone.
    Redis,
}

/// An index that may be rebuilt.
#[derive(Debug, Clone)]
pub struct IndexPlace {
    /// The server that its records are on.
    pub server: String,
    /// What they are of.
    pub namespace: Namespace,
    /// The owner key file.
    pub owner_keys: PathBuf,
    /// Where the application's own records lie, where anything was said of that.
    pub old: Option<OldLayout>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            public_host: None,
            data_dir: None,
            tls: None,
            store: StorePlace::Sqlite,
            jobs: JobBounds::default(),
            requests: RequestBounds::default(),
            servers: BTreeMap::new(),
            caches: BTreeMap::new(),
            keys: BTreeMap::new(),
            collector: None,
            sessions: None,
            indexes: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads a TOML text.
    ///
    /// # Errors
    /// Names the table and the field, and says what is allowed.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        reader::read(text)
    }
}
