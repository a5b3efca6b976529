//! Why a server can't be had. Its texts are for people who use the service: they name no credentials.

use std::sync::Arc;
use std::time::Duration;

/// Why a server can't be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The config has none of this name.
    #[error("no server `{name}` is configured; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nobody answers in time.
    #[error(
        "the server {name} does not say within {within:?} who it is; check that it runs, and the way to it"
    )]
    Silent {
        /// What the config calls it.
        name: String,
        /// How long was waited.
        within: Duration,
    },
    /// Connecting failed.
    #[error("the server {name} can't be reached: {source}")]
    Connect {
        /// What the config calls it.
        name: String,
        /// Why; the same for all who waited for one answer.
        source: Arc<keypace::Error>,
    },
}

impl ServerError {
    /// Whether the same may go well later: nothing is wrong with what was asked for.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        use keypace::ErrorKind::{Disconnected, Limit, Loading, Timeout, Unreachable};
        match self {
            Self::Unknown { .. } => false,
            Self::Silent { .. } => true,
            Self::Connect { source, .. } => matches!(
                source.kind(),
                Unreachable | Timeout | Disconnected | Loading | Limit
            ),
        }
    }
}
