//! The tables of the config as they are written: names and types alone. An unknown name is an error in each of them.
//! What the values mean is `reader`'s business.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) tls: Option<Tls>,
    pub(super) store: Store,
    pub(super) jobs: Jobs,
    pub(super) limits: Limits,
    pub(super) servers: BTreeMap<String, ServerTable>,
    pub(super) caches: BTreeMap<String, Cache>,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) otel: Option<Otel>,
    pub(super) sessions: Option<Sessions>,
    pub(super) indexes: BTreeMap<String, IndexTable>,
}

/// `[tls]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

/// `[otel]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Otel {
    pub(super) endpoint: String,
}

/// `[store]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    pub(super) url: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

// The URL may hold a password.
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

/// `[jobs]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Jobs {
    pub(super) running: Option<u32>,
    pub(super) waiting: Option<u32>,
    pub(super) history: Option<u32>,
    pub(super) backup_days: Option<u32>,
    pub(super) backup_bytes: Option<String>,
}

/// `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) requests_per_second: Option<u32>,
    pub(super) burst: Option<u32>,
    pub(super) body: Option<String>,
    pub(super) request_time: Option<String>,
}

/// `[servers.NAME]`: the names are those of the command line's own settings.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTable {
    /// One URL, or several ways into one cluster.
    pub url: OneOrSeveral,
    /// As whom we come.
    pub user: Option<String>,
    /// The file that the password stands in.
    pub password_file: Option<PathBuf>,
    /// As whom we come to Sentinels.
    pub sentinel_user: Option<String>,
    /// The file that the Sentinels' password stands in.
    pub sentinel_password_file: Option<PathBuf>,
    /// Authorities to trust.
    pub tls_ca: Option<PathBuf>,
    /// Our own certificate.
    pub tls_cert: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// How the servers stand to each other.
    #[serde(default)]
    pub topology: ServerTopology,
    /// How long one command may take.
    pub timeout: Option<String>,
    /// How often a command is tried again.
    pub retries: Option<u32>,
    /// From an announced address to the one that it has from here.
    #[serde(default)]
    pub address_map: BTreeMap<String, String>,
}

// A URL may hold a password.
impl std::fmt::Debug for ServerTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTable(..)")
    }
}

/// `url = "..."` as well as `url = ["...", "..."]`.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "a URL, or a list of URLs")]
pub enum OneOrSeveral {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl OneOrSeveral {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<&str> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several.iter().map(String::as_str).collect(),
        }
    }
}

/// How the servers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerTopology {
    /// Find out.
    #[default]
    Auto,
    /// One server.
    Standalone,
    /// The primaries of a cluster.
    Cluster,
    /// The primary that Sentinels name.
    Sentinel,
}

/// `[caches.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cache {
    pub(super) server: Option<String>,
    pub(super) patterns: BTreeMap<String, String>,
}

/// `[keys.NAME]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) sha256: String,
    pub(super) scope: String,
    pub(super) owner: Option<String>,
    pub(super) owner_file: Option<PathBuf>,
}

// An owner may be an application's own API key.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// `[sessions]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sessions {
    pub(super) source: Source,
    pub(super) path: Option<PathBuf>,
    pub(super) url: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) server: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) owner_keys: PathBuf,
    pub(super) stale_reads: Option<bool>,
    pub(super) ttl: Option<String>,
}

// The URL may hold a password.
impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions(..)")
    }
}

/// What sessions are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Sqlite,
    Postgres,
    Redis,
}

/// `[indexes.NAME]`: what `keypace index rebuild` is told by flags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexTable {
    /// The server; left out where there is only one.
    pub(super) server: Option<String>,
    /// What the records are of.
    pub(super) namespace: String,
    /// The owner key file.
    pub(super) owner_keys: PathBuf,
    /// What the application's own keys begin with.
    pub(super) old_prefix: Option<String>,
    /// The field of their JSON that names the owner.
    pub(super) owner_field: Option<String>,
    /// The field that says when a record was created.
    pub(super) created_field: Option<String>,
    /// The field that says when it was last changed.
    pub(super) updated_field: Option<String>,
}
