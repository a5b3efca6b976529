//! What handlers have: the services and the settings that they work with, shared by all requests. Holds; does nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use crate::access::{Signer, Tickets};
use crate::http::auth::Auth;
use crate::jobs::{JobService, SqlStore};
use crate::servers::Servers;
use crate::sessions::SessionService;

/// What handlers have. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What all requests share.
pub struct Shared {
    /// Bounds and names.
    pub settings: Settings,
    /// Who asks.
    pub auth: Auth,
    /// Jobs.
    pub jobs: JobService,
    /// Where they are kept, for the figures.
    pub store: SqlStore,
    /// Whether anybody works on them in this process.
    pub is_working: Box<dyn Fn() -> bool + Send + Sync>,
    /// The servers that are worked on.
    pub servers: Servers,
    /// Tickets for watchers.
    pub tickets: Tickets,
    /// Signatures over what goes out and comes back.
    pub signer: Signer,
    /// Sessions, where the config has them.
    pub sessions: Option<SessionService>,
    /// Named groups of patterns.
    pub caches: BTreeMap<String, CacheGroup>,
    /// The figures of this process.
    pub metrics: Option<PrometheusHandle>,
    /// Places for watchers: each holds a permit as long as its socket is open.
    pub watchers: Arc<Semaphore>,
    /// Becomes true when the service is told to stop: watchers are closed with 1001 then.
    pub closing: watch::Receiver<bool>,
}

/// Bounds and names that the config may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the service is.
    pub place: Place,
    /// The longest body.
    pub body_bytes: usize,
    /// How long a request may take.
    pub request_time: Duration,
}

/// A named group of patterns.
#[derive(Debug, Clone)]
pub struct CacheGroup {
    /// The server that it is on.
    pub server: String,
    /// Its patterns by name: none of them matches everything.
    pub patterns: BTreeMap<String, String>,
}

/// Where the service is, for whoever compares Host and Origin with it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address listened on.
    pub address: SocketAddr,
    /// The host, and the port where it is not the scheme's own, of `public_url`.
    pub public_host: Option<String>,
    /// Whether the service speaks TLS itself.
    pub uses_tls: bool,
}

impl Place {
    /// A place.
    #[must_use]
    pub fn new(address: SocketAddr, public_host: Option<String>, uses_tls: bool) -> Self {
        Self {
            address,
            public_host,
            uses_tls,
        }
    }

    /// Whether this is the address listened on, exactly. A browser leaves the scheme's own port out.
    #[must_use]
    pub fn is_address(&self, host: &str) -> bool {
        let own_port = if self.uses_tls { 443 } else { 80 };
        if self.address.port() == own_port {
            let without_port = match self.address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            };
            if host == without_port {
                return true;
            }
        }
        host == self.address.to_string()
    }

    /// Whether this is one of the service's names.
    #[must_use]
    pub fn is_own(&self, host: &str) -> bool {
        let is_public = |public: &String| public.eq_ignore_ascii_case(host);
        self.is_address(host) || self.public_host.as_ref().is_some_and(is_public)
    }
}

impl AppState {
    /// Shares this.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
