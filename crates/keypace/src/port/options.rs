//! How to connect: timeouts, retries, protocol, purpose. Checked values; opens nothing.

use std::time::Duration;

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

/// How to connect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) protocol: Protocol,
    pub(super) purpose: Purpose,
    pub(super) client_name: String,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            timeout: limits::DEFAULT_TIMEOUT,
            retries: limits::DEFAULT_RETRIES,
            protocol: Protocol::Auto,
            purpose: Purpose::Maintenance,
            client_name: "keypace".to_owned(),
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
