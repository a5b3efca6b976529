//! What the config's tables become: a job store, servers, sessions, keys. Opens files and databases; serves nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use keypace::{
    ConnectOptions, Keyspace, Namespace, OwnerKeys, Purpose, Shelf, Target, TlsFiles, Topology,
};
use url::Url;

use crate::access::{Caller, KeyId};
use crate::app::files;
use crate::app::problem::{StartError, StartErrorKind};
use crate::config::{
    Config, ConfigKey, DatabaseUrl, KeyOwner, ServerPlace, ServerTable, ServerTopology,
    SessionSource, SessionsPlace, StorePlace,
};
use crate::jobs::SqlStore;
use crate::servers::ServerConfig;
use crate::sessions::{
    PostgresRepository, RedisAlone, RedisStore, Repository, SessionError, SessionErrorKind,
    SessionService, SqlWithCache, SqliteRepository, StaleReads,
};
use crate::sql::{StoreError, StoreErrorKind};
use crate::units;

/// The file of SQLite that jobs and keys are kept in, below the data folder.
const JOBS_FILE: &str = "jobs.db";

/// Opens the job store, which keeps API keys too.
pub(super) async fn store(config: &Config, data_dir: &Path) -> Result<SqlStore, StartError> {
    files::data_folder(data_dir)?;
    let opened = match &config.store {
        StorePlace::Sqlite => SqlStore::open_sqlite(data_dir.join(JOBS_FILE)).await,
        StorePlace::Postgres(place) => {
            let url = with_password("[store] password_file", place)?;
            SqlStore::connect_postgres(&url).await
        }
    };
    opened.map_err(|error| store_failed("open the job store", error))
}

/// A failure of the store before anything was served.
pub(super) fn store_failed(text: &str, error: StoreError) -> StartError {
    let kind = match error.kind() {
        StoreErrorKind::Invalid => StartErrorKind::Config,
        StoreErrorKind::Unavailable => StartErrorKind::Connection,
        StoreErrorKind::Internal => StartErrorKind::Internal,
    };
    StartError::new(kind, text).because(error)
}

/// The URL with the password of its file.
fn with_password(place: &str, database: &DatabaseUrl) -> Result<String, StartError> {
    let Some(path) = &database.password_file else {
        return Ok(database.url.clone());
    };
    let password = files::secret(place, path)?;
    let wrong = || StartError::config(place, "the URL beside it takes no password");
    let mut url = Url::parse(&database.url).map_err(|_| wrong())?;
    url.set_password(Some(&password)).map_err(|()| wrong())?;
    Ok(url.into())
}

/// The servers, with what their files hold.
pub(super) fn servers(
    places: &BTreeMap<String, ServerPlace>,
) -> Result<Vec<ServerConfig>, StartError> {
    let read = |(name, place): (&String, &ServerPlace)| match place {
        ServerPlace::Ready(ready) => Ok((**ready).clone()),
        ServerPlace::Table(table) => server(name, table),
    };
    places.iter().map(read).collect()
}

fn server(name: &str, table: &ServerTable) -> Result<ServerConfig, StartError> {
    let place = |field: &str| format!("[servers.{name}] {field}");
    let parsed =
        |url: &str| Target::parse(url).map_err(|error| StartError::library(&place("url"), error));
    let urls = table.url.all();
    let (first, seeds) = urls
        .split_first()
        .ok_or_else(|| StartError::config(&place("url"), "there is none"))?;
    let mut target = parsed(first)?;
    if let Some(user) = &table.user {
        target = target.with_user(user.clone());
    }
    if let Some(path) = &table.password_file {
        target = target.with_password(files::secret(&place("password_file"), path)?);
    }
    if target.names_sentinels() {
        let password = table
            .sentinel_password_file
            .as_deref()
            .map(|path| files::secret(&place("sentinel_password_file"), path))
            .transpose()?;
        if table.sentinel_user.is_some() || password.is_some() {
            let password = password.unwrap_or_default();
            target = target.with_sentinel_login(table.sentinel_user.clone(), password);
        }
    }
    if let Some(tls) = tls_files(table) {
        target = target.with_tls(tls);
    }
    let seeds: Vec<Target> = seeds
        .iter()
        .map(|url| parsed(url))
        .collect::<Result<_, _>>()?;
    Ok(ServerConfig {
        name: name.to_owned(),
        url: target.with_seeds(seeds),
        connect: connect_options(name, table)?,
    })
}

fn tls_files(table: &ServerTable) -> Option<TlsFiles> {
    let mut files = TlsFiles::default();
    if let Some(path) = &table.tls_ca {
        files = files.with_ca(path);
    }
    if let Some(path) = &table.tls_cert {
        files = files.with_cert(path);
    }
    if let Some(path) = &table.tls_key {
        files = files.with_key(path);
    }
    (files != TlsFiles::default()).then_some(files)
}

fn connect_options(name: &str, table: &ServerTable) -> Result<ConnectOptions, StartError> {
    let place = |field: &str| format!("[servers.{name}] {field}");
    let mut options = ConnectOptions::default().with_topology(match table.topology {
        ServerTopology::Auto => Topology::Auto,
        ServerTopology::Standalone => Topology::Standalone,
        ServerTopology::Cluster => Topology::Cluster,
        ServerTopology::Sentinel => Topology::Sentinel,
    });
    if let Some(text) = &table.timeout {
        let at = place("timeout");
        let time = units::duration(text).map_err(|why| StartError::config(&at, why))?;
        options = options
            .with_timeout(time)
            .map_err(|error| StartError::library(&at, error))?;
    }
    if let Some(retries) = table.retries {
        options = options.with_retries(retries);
    }
    let map = table.address_map.clone().into_iter().collect();
    options
        .with_address_map(map)
        .map_err(|error| StartError::library(&place("address_map"), error))
}

/// The keys of the config, by the hash of each.
pub(super) fn fixed_keys(
    keys: &BTreeMap<String, ConfigKey>,
) -> Result<HashMap<String, Caller>, StartError> {
    let mut fixed = HashMap::new();
    for (name, key) in keys {
        let owner = match &key.owner {
            None => None,
            Some(KeyOwner::Text(owner)) => Some(owner.clone()),
            Some(KeyOwner::File(path)) => {
                Some(files::secret(&format!("[keys.{name}] owner_file"), path)?)
            }
        };
        let caller = Caller {
            key: KeyId::new(format!("config:{name}")),
            scope: key.scope,
            owner,
        };
        if fixed.insert(key.sha256.clone(), caller).is_some() {
            let place = format!("[keys.{name}] sha256");
            return Err(StartError::config(&place, "another key has the same"));
        }
    }
    Ok(fixed)
}

/// The session service, over what the config says.
pub(super) async fn sessions(
    place: &SessionsPlace,
    servers: &[ServerConfig],
) -> Result<SessionService, StartError> {
    let keys = OwnerKeys::load_or_create(&place.owner_keys)
        .map_err(|error| StartError::library("[sessions] owner_keys", error))?;
    let namespace = Namespace::new(&place.namespace)
        .map_err(|error| StartError::library("[sessions] namespace", error))?;
    let server = place.server.as_ref();
    let server = server.and_then(|name| servers.iter().find(|server| server.name == *name));
    let repository: Arc<dyn Repository> = match &place.source {
        SessionSource::Sqlite(path) => Arc::new(
            SqliteRepository::open(path)
                .await
                .map_err(sessions_failed)?,
        ),
        SessionSource::Postgres(database) => {
            let url = with_password("[sessions] password_file", database)?;
            Arc::new(
                PostgresRepository::connect(&url)
                    .await
                    .map_err(sessions_failed)?,
            )
        }
        SessionSource::Redis => {
            let server =
                server.ok_or_else(|| StartError::config("[sessions] server", "there is none"))?;
            let shelf = shelf(server, namespace, keys).await?;
            let alone = RedisAlone::new(shelf);
            return Ok(SessionService::redis_alone(match place.ttl {
                Some(ttl) => alone.with_ttl(ttl),
                None => alone,
            }));
        }
    };
    let mut source = SqlWithCache::open(repository, keys.clone())
        .await
        .map_err(sessions_failed)?;
    if let Some(server) = server {
        let connect = as_application(server);
        let cache = RedisStore::new(server.url.clone(), connect, namespace, keys);
        source = source
            .with_cache(Arc::new(cache))
            .await
            .map_err(sessions_failed)?;
    }
    if place.stale_reads {
        source = source.with_stale_reads(StaleReads::Labelled);
    }
    Ok(SessionService::sql_with_cache(source))
}

/// Sessions have connections of their own: an application's reads are no maintenance, and keep no pace.
fn as_application(server: &ServerConfig) -> ConnectOptions {
    server.connect.clone().with_purpose(Purpose::Application)
}

async fn shelf(
    server: &ServerConfig,
    namespace: Namespace,
    keys: OwnerKeys,
) -> Result<Shelf, StartError> {
    let connect = as_application(server);
    let failed = |error: keypace::Error| {
        let text = format!("start the service: [sessions] server: failed to {error}");
        StartError::new(StartErrorKind::Connection, text).because(error)
    };
    let keyspace = Keyspace::connect(server.url.clone(), connect)
        .await
        .map_err(failed)?;
    Shelf::open(&keyspace, namespace, keys)
        .await
        .map_err(failed)
}

fn sessions_failed(error: SessionError) -> StartError {
    let kind = match error.kind() {
        SessionErrorKind::Unavailable => StartErrorKind::Connection,
        SessionErrorKind::Internal => StartErrorKind::Internal,
        _ => StartErrorKind::Config,
    };
    StartError::new(kind, format!("start the service: [sessions]: {error}")).because(error)
}
