//! The service as a whole: a config becomes an app, which binds and opens; an app serves until it is told to stop, and then
//! settles, saves and closes within a bound. Must not print, and installs no signal handlers.

mod files;
mod parts;
mod problem;
mod serve;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::access::{KeyStore, Signer, Tickets};
use crate::config::{Config, IndexPlace};
use crate::http::{AppState, Auth, Place, Rates, Settings, Shared, server_config};
use crate::jobs::{
    IndexConfig, JobService, JobSettings, JobStore, RunnerHandle, RunnerLimits, SqlStore,
};
use crate::limits;
use crate::metrics;
use crate::servers::Servers;

pub use problem::StartError;
pub use problem::StartErrorKind;

/// A service that is bound and opened, and serves nobody yet.
pub struct App {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    state: AppState,
    closing: watch::Sender<bool>,
    runner: RunnerHandle,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Opens the place where API keys are kept, to make and revoke some: also while a service runs on it.
///
/// Cancel-safe.
///
/// # Errors
/// `Config` where there is no data folder, `Connection` where the database does not answer.
pub async fn open_keys(config: &Config) -> Result<Arc<dyn KeyStore>, StartError> {
    Ok(Arc::new(parts::store(config, data_dir(config)?).await?))
}

fn data_dir(config: &Config) -> Result<&Path, StartError> {
    config.data_dir.as_deref().ok_or_else(|| {
        StartError::new(
            StartErrorKind::Config,
            "start the service: nobody said where its data is kept",
        )
        .with_hint("name a folder with --data-dir, or as data_dir in the config")
    })
}

impl App {
    /// Opens the stores and the sessions, and binds the socket. Connects to no server that is worked on. Beyond loopback it
    /// begins only where there are API keys.
    ///
    /// Cancel-safe, except that files may have been made.
    ///
    /// # Errors
    /// As the kinds say; `Refused` beyond loopback without keys.
    pub async fn build(config: Config) -> Result<Self, StartError> {
        let data = data_dir(&config)?;
        let tls = config
            .tls
            .as_ref()
            .map(|paths| server_config(&paths.cert, &paths.key))
            .transpose()
            .map_err(|error| StartError::config("[tls]", &error).because(error.into_cause()))?;
        let store = parts::store(&config, data).await?;
        let fixed = parts::fixed_keys(&config.keys)?;
        check_reach(&config, &store).await?;
        let configs = parts::servers(&config.servers)?;
        let sessions = match &config.sessions {
            Some(place) => Some(parts::sessions(place, &configs).await?),
            None => None,
        };
        let (listener, address) = bind(config.listen)?;
        let servers = Servers::new(configs);
        let signer = signer(&store).await?;
        let (closing, is_closing) = watch::channel(false);
        let rates = Rates::new(config.requests.per_second, config.requests.burst);
        let keys: Arc<dyn KeyStore> = Arc::new(store.clone());
        let auth = Auth::new(keys, fixed, rates, address.ip().is_loopback())
            .await
            .map_err(|error| parts::store_failed("look for API keys", error))?;
        let jobs: Arc<dyn JobStore> = Arc::new(store.clone());
        let runner = runner(&config, jobs.clone(), servers.clone(), data)?;
        let is_working = runner.clone();
        let shared = Shared {
            settings: Settings {
                place: Place::new(address, config.public_host.clone(), tls.is_some()),
                body_bytes: config.requests.body_bytes,
                request_time: config.requests.time,
            },
            auth,
            jobs: JobService::new(
                jobs,
                Arc::new(servers.clone()),
                Arc::new(runner.clone()),
                signer.clone(),
                job_settings(&config),
            ),
            store,
            is_working: Box::new(move || is_working.is_alive()),
            servers,
            tickets: Tickets::new(signer.clone()),
            signer,
            sessions,
            caches: config.caches,
            metrics: metrics::recorder(),
            watchers: Arc::new(Semaphore::new(limits::WATCHERS)),
            closing: is_closing,
        };
        Ok(Self {
            listener,
            address,
            tls,
            state: AppState::new(shared),
            closing,
            runner,
        })
    }

    /// Where it listens: with the port that the system chose, where the config says 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether callers on loopback need no API key.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        self.state.auth.is_keyless()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.tls.is_some()
    }
}

/// Without keys everybody who reaches the socket may do everything: so only this machine may reach it.
async fn check_reach(config: &Config, keys: &dyn KeyStore) -> Result<(), StartError> {
    if config.listen.ip().is_loopback() || !config.keys.is_empty() {
        return Ok(());
    }
    let found = keys.any().await;
    if found.map_err(|error| parts::store_failed("look for API keys", error))? {
        return Ok(());
    }
    let text = format!(
        "start the service: there are no API keys, and {} is reached from other machines",
        config.listen
    );
    Err(StartError::new(StartErrorKind::Refused, text).with_hint(
        "make one with keypace serve --new-key admin (and the same --config and --data-dir), or listen on 127.0.0.1",
    ))
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error: std::io::Error| {
        StartError::new(StartErrorKind::Config, format!("listen on {address}"))
            .because(error)
            .with_hint("is another service there already? --listen names another address")
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let own = listener.local_addr().map_err(failed)?;
    Ok((listener, own))
}

async fn signer(store: &SqlStore) -> Result<Signer, StartError> {
    let secret = store.secret().await;
    let secret = secret.map_err(|error| parts::store_failed("read the store's secret", error))?;
    Ok(Signer::new(&secret))
}

fn job_settings(config: &Config) -> JobSettings {
    JobSettings {
        waiting: config.jobs.waiting,
        history: config.jobs.history,
        backup_keep: backup_keep(config),
        indexes: config
            .indexes
            .iter()
            .map(|(name, index)| (name.clone(), index.server.clone()))
            .collect(),
    }
}

fn backup_keep(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.jobs.backup_days) * 24 * 60 * 60)
}

/// Whoever works on jobs in this process; nobody does before the app runs.
fn runner(
    config: &Config,
    store: Arc<dyn JobStore>,
    servers: Servers,
    data_dir: &Path,
) -> Result<RunnerHandle, StartError> {
    let limits = RunnerLimits::default()
        .with_running(config.jobs.running)
        .with_backups(backup_keep(config), config.jobs.backup_bytes);
    let index = |(name, place): (&String, &IndexPlace)| {
        let index = IndexConfig {
            server: place.server.clone(),
            namespace: place.namespace.clone(),
            owner_keys: place.owner_keys.clone(),
            old: place.old.clone(),
        };
        (name.clone(), index)
    };
    let indexes = config.indexes.iter().map(index).collect();
    let made = RunnerHandle::new(store, servers, data_dir.to_owned(), limits, indexes);
    made.map_err(|error| {
        let text = "make the folders of checkpoints and backups";
        StartError::new(StartErrorKind::Config, text).because(error)
    })
}
