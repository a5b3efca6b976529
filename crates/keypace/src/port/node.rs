//! One server process: its connections, handed out one user at a time. Bounded, and nothing is sent on `Drop`.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::backoff::{Backoff, Waits};
use super::connection::{Class, Connection, Timeouts};
use super::dial::Dial;
use super::gauge::Gauge;
use super::handshake::{Login, timeouts};
use super::naming::split;
use super::options::ConnectOptions;
use super::target::Target;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// A server and its idle connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Node(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    dialer: Arc<dyn Dial>,
    login: Login,
    timeouts: Timeouts,
    retries: u32,
    is_watched: bool,
    /// From an announced address to the one that it has from here.
    address_map: Arc<HashMap<String, String>>,
    /// The `run_id` of the only process that is meant, once that is known.
    process: OnceLock<String>,
    waits: Waits,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    walks: Arc<Semaphore>,
    lanes: Arc<Semaphore>,
    gauge: Gauge,
}

/// What a node is made of, before anything has happened on it.
struct Parts {
    dialer: Arc<dyn Dial>,
    login: Login,
    timeouts: Timeouts,
    retries: u32,
    is_watched: bool,
    address_map: Arc<HashMap<String, String>>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.0.name)
    }
}

impl Node {
    /// Opens nothing yet.
    pub(super) fn new(dialer: Arc<dyn Dial>, target: &Target, options: &ConnectOptions) -> Self {
        Self::of(Parts {
            dialer,
            login: Login::new(target, options),
            timeouts: timeouts(options.timeout),
            retries: options.retries,
            is_watched: target.names_sentinels(),
            address_map: Arc::clone(&options.address_map),
        })
    }

    /// A replica of this server at the place that it announces, to read from it as who we are here. `None` where no way
    /// leads there. Opens nothing yet.
    pub(crate) fn replica(&self, place: &str) -> Option<Self> {
        let inner = &self.0;
        let place = inner.address_map.get(place).map_or(place, String::as_str);
        let (host, port) = split(place)?;
        Some(Self::of(Parts {
            dialer: inner.dialer.another(host, port)?,
            login: inner.login.to_replica(),
            timeouts: inner.timeouts,
            retries: inner.retries,
            is_watched: false,
            address_map: Arc::clone(&inner.address_map),
        }))
    }

    fn of(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            name: parts.dialer.name().into(),
            dialer: parts.dialer,
            login: parts.login,
            timeouts: parts.timeouts,
            retries: parts.retries,
            is_watched: parts.is_watched,
            address_map: parts.address_map,
            process: OnceLock::new(),
            waits: Waits::default(),
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(limits::MAX_CONNECTIONS_PER_NODE)),
            walks: Arc::new(Semaphore::new(limits::MAX_WALKS_PER_NODE)),
            lanes: Arc::new(Semaphore::new(limits::MAX_LANES as usize)),
            gauge: Gauge::new(),
        }))
    }

    /// A connection of one's own until the lease is dropped. Waits where all of them are in use. Cancel-safe.
    ///
    /// # Errors
    /// What connecting and the handshake give.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        let acquired = Arc::clone(&self.0.permits).acquire_owned();
        let permit = tokio::time::timeout(self.0.timeouts.of(Class::Write), acquired)
            .await
            .map_err(|_| {
                Error::new(
                    ErrorKind::Limit,
                    Retry::Backoff,
                    "connect",
                    format!(
                        "all {} connections are in use",
                        limits::MAX_CONNECTIONS_PER_NODE
                    ),
                )
                .on_node(&self.0.name)
            })?
            .map_err(|cause| {
                Error::new(
                    ErrorKind::Disconnected,
                    Retry::Never,
                    "connect to the server",
                    "the node is closed",
                )
                .with_source(cause)
            })?;
        let connection = match self.open_idle() {
            Some(connection) => connection,
            None => match self.open().await {
                Ok(connection) => connection,
                Err(error) => {
                    // Where the server has no room, the work comes before its gauge.
                    if error.kind() == ErrorKind::Unreachable {
                        self.0.gauge.give_way();
                    }
                    return Err(error);
                }
            },
        };
        Ok(Lease {
            connection: Some(connection),
            node: self.clone(),
            permit: Some(permit),
            is_watching: false,
        })
    }

    /// The same for who holds a `lane_permit`: beyond the connections that others wait for. Cancel-safe.
    pub(crate) async fn lease_beside(&self) -> Result<Lease> {
        let connection = self.open().await?;
        Ok(Lease {
            connection: Some(connection),
            node: self.clone(),
            permit: None,
            is_watching: false,
        })
    }

    /// Rights to connections of further lanes, at most so many: what other walks have is not waited for.
    pub(crate) fn lane_permits(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        let permit = || Arc::clone(&self.0.lanes).try_acquire_owned().ok();
        std::iter::repeat_with(permit)
            .take(most)
            .map_while(|permit| permit)
            .collect()
    }

    /// A connection beyond those that are handed out: the canary's own.
    pub(super) async fn open(&self) -> Result<Connection> {
        let inner = &self.0;
        let opening = (inner.login).open(inner.dialer.as_ref(), &inner.name, inner.timeouts);
        let connection = opening.await?;
        let is_meant = match (inner.process.get(), connection.run_id()) {
            (Some(meant), Some(found)) => meant.as_bytes() == &found[..],
            _ => true,
        };
        if is_meant {
            return Ok(connection);
        }
        Err(another_process().on_node(&inner.name))
    }

    /// From now on no other process than this one is meant.
    pub(super) fn pin(&self, run_id: &str) {
        if !run_id.is_empty() {
            self.0.process.get_or_init(|| run_id.to_owned());
        }
    }

    /// What all the work on this node shares.
    pub(super) fn gauge(&self) -> &Gauge {
        &self.0.gauge
    }

    /// An idle connection that its server has not closed meanwhile, as after a restart or its own `timeout`.
    fn open_idle(&self) -> Option<Connection> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut connection) = idle.pop() {
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// The right to walk until it is dropped: waits while too many others do. Cancel-safe.
    pub(crate) async fn walk_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.walks).acquire_owned().await.ok()
    }

    /// How long the handshake, and what is asked with it, may take.
    pub(super) fn handshake_timeout(&self) -> std::time::Duration {
        self.0.timeouts.of(Class::Handshake)
    }

    /// Whether Sentinels say who it is: another process may be it at any time, and its own word is not enough.
    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_watched
    }

    /// How long one command may take.
    pub(crate) fn timeout(&self) -> std::time::Duration {
        self.0.timeouts.of(Class::Read)
    }

    /// The address, as people call it.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// The database that its connections have selected.
    pub(crate) fn database(&self) -> u32 {
        self.0.login.database()
    }

    /// The tries of one request.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.0.retries, self.0.waits.clone())
    }

    /// Shows whether any request waits to be tried again.
    pub(crate) fn waits(&self) -> Waits {
        self.0.waits.clone()
    }

    /// Forgets idle connections: after one failure the others are likely dead too.
    pub(crate) fn forget_idle(&self) {
        self.0
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

fn another_process() -> Error {
    Error::new(
        ErrorKind::Guard,
        Retry::Never,
        "connect to the server",
        "another process answers there than before",
    )
    .with_hint(
        "it may be another server, or the same one with other data: look, and begin the work anew",
    )
}

/// A connection that nobody else uses meanwhile. Dropping it gives the connection back where nothing is owed
/// on it, and closes it otherwise; nothing is sent.
pub(crate) struct Lease {
    connection: Option<Connection>,
    node: Node,
    /// `None` for a lane's, whose connection is closed with it.
    permit: Option<OwnedSemaphorePermit>,
    /// The connection watches keys: the next user's EXEC would answer for them.
    is_watching: bool,
}

impl Lease {
    /// Keys are watched on it from now on, or are not any more. One that watches is closed when it is dropped.
    pub(crate) fn set_watching(&mut self, is_watching: bool) {
        self.is_watching = is_watching;
    }

    /// Whether keys are watched on it.
    pub(crate) fn is_watching(&self) -> bool {
        self.is_watching
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a lease holds its connection until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_free = |connection: &Connection| !self.is_watching && connection.is_idle();
        let connection = self.connection.take().filter(is_free);
        if let (Some(mut connection), Some(_)) = (connection, &self.permit) {
            connection.shed();
            let mut idle = (self.node.0.idle)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        }
    }
}
