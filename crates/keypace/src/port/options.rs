//! How to connect: timeouts, retries, protocol, purpose. Checked values; opens nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::naming;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// Which protocol version is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// RESP3 where the server has HELLO, RESP2 elsewhere.
    #[default]
    Auto,
    /// RESP2, without HELLO.
    Resp2,
    /// RESP3, or an error.
    Resp3,
}

/// What the connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Purpose {
    /// Walking and deleting: reads must not make keys look young, so `CLIENT NO-TOUCH` is asked for.
    #[default]
    Maintenance,
    /// An application's own reads, which do refresh idle time.
    Application,
}

/// How the servers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Topology {
    /// Whatever the server says of itself.
    #[default]
    Auto,
    /// One server; a cluster's node is refused, since it holds a part of the keys only.
    Standalone,
    /// The primaries of a cluster.
    Cluster,
    /// The primary that Sentinels name.
    Sentinel,
}

/// How to connect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) protocol: Protocol,
    pub(super) purpose: Purpose,
    pub(super) client_name: String,
    pub(super) topology: Topology,
    /// From an announced address to the one that it has from here.
    /// Commands with keys are meant for replicas of a cluster, which send them on otherwise.
    pub(super) reads_replicas: bool,
    pub(super) one_process: bool,
    pub(super) address_map: Arc<HashMap<String, String>>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            timeout: limits::DEFAULT_TIMEOUT,
            retries: limits::DEFAULT_RETRIES,
            protocol: Protocol::Auto,
            purpose: Purpose::Maintenance,
            client_name: "keypace".to_owned(),
            topology: Topology::Auto,
            reads_replicas: false,
            one_process: false,
            address_map: Arc::default(),
        }
    }
}

impl ConnectOptions {
    /// How long one command may take.
    ///
    /// # Errors
    /// `InvalidOption` for zero and above `limits::MAX_TIMEOUT`.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<Self> {
        if timeout.is_zero() || timeout > limits::MAX_TIMEOUT {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                Retry::Never,
                "set the timeout",
                format!("{timeout:?} is outside 1ms to {:?}", limits::MAX_TIMEOUT),
            )
            .with_hint("10s to 30s is the sensible range"));
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// How often a request that may pass later is tried again; bounded by `limits::MAX_RETRIES`.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries.min(limits::MAX_RETRIES);
        self
    }

    /// Which protocol version is spoken.
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// What the connections are for.
    #[must_use]
    pub fn with_purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// How the servers must stand to each other: anything else is refused.
    #[must_use]
    pub fn with_topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// A single server is served by the process that answered first, and by no other: where another one answers at its place
    /// later, connecting fails, and nothing is sent to it. Says nothing of clusters, nor of what Sentinels name.
    #[must_use]
    pub fn with_one_process(mut self) -> Self {
        self.one_process = true;
        self
    }

    /// Where servers are from here that announce other addresses to each other, as behind NAT, in containers or through
    /// a tunnel: `"10.0.0.1:7000"` to `"127.0.0.1:17000"`. What is not in the map is dialled as announced. With TLS the
    /// certificate has to be made out to the host that is dialled.
    ///
    /// # Errors
    /// `InvalidOption` where one is not a host and a port.
    pub fn with_address_map(mut self, map: HashMap<String, String>) -> Result<Self> {
        for place in map.iter().flat_map(|(from, to)| [from, to]) {
            if naming::split(place).is_none() {
                return Err(Error::new(
                    ErrorKind::InvalidOption,
                    Retry::Never,
                    "set the address map",
                    format!("{place:?} is not a host and a port"),
                )
                .with_hint("write both sides as host:port, an IPv6 address in brackets"));
            }
        }
        self.address_map = Arc::new(map);
        Ok(self)
    }

    /// What CLIENT LIST shows for our connections; characters that the server refuses become `-`.
    #[must_use]
    pub fn with_client_name(mut self, name: &str) -> Self {
        self.client_name = name
            .chars()
            .map(|c| if c.is_ascii_graphic() { c } else { '-' })
            .collect();
        self
    }
}
