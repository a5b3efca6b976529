//! How an owned Sentinel set is to be started. Must not start anything.
//! Its passwords are no secrets: the servers are thrown away.

use std::time::Duration;

use crate::limits;
use crate::options::{Listen, ServerOptions};

/// How to start a Sentinel set: no passwords unless given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SentinelOptions {
    /// The name that the sentinels know the primary by.
    pub master_name: String,
    /// After this long without an answer a sentinel calls a server down: `down-after-milliseconds`.
    pub down_after: Duration,
    /// What the sentinels ask of whoever comes.
    pub sentinel_password: Option<String>,
    /// What the two data servers ask of whoever comes.
    pub data_password: Option<String>,
    /// Further settings of the two data servers.
    pub server: ServerOptions,
}

impl Default for SentinelOptions {
    fn default() -> Self {
        Self {
            master_name: limits::DEFAULT_MASTER_NAME.to_owned(),
            down_after: limits::DEFAULT_DOWN_AFTER,
            sentinel_password: None,
            data_password: None,
            server: ServerOptions::default(),
        }
    }
}

impl SentinelOptions {
    /// Has the sentinels know the primary by this name.
    #[must_use]
    pub fn with_master_name(mut self, name: impl Into<String>) -> Self {
        self.master_name = name.into();
        self
    }

    /// Has a sentinel call a server down after this long without an answer.
    #[must_use]
    pub fn with_down_after(mut self, down_after: Duration) -> Self {
        self.down_after = down_after;
        self
    }

    /// Has the sentinels ask for this password; it must not hold spaces or quotes.
    #[must_use]
    pub fn with_sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.sentinel_password = Some(password.into());
        self
    }

    /// Has the data servers ask for this password; it must not hold spaces or quotes.
    #[must_use]
    pub fn with_data_password(mut self, password: impl Into<String>) -> Self {
        self.data_password = Some(password.into());
        self
    }

    /// Adds a setting of both data servers, as [`ServerOptions::with_arg`].
    #[must_use]
    pub fn with_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.server = self.server.with_arg(name, value);
        self
    }

    /// What each data server is started with; the caller's own settings come last and win.
    pub(super) fn for_server(&self) -> ServerOptions {
        let mut options = ServerOptions::default()
            .with_listen(Listen::Tcp)
            .with_arg("repl-diskless-sync-delay", "0");
        if let Some(password) = &self.data_password {
            options = options
                .with_arg("requirepass", password)
                .with_arg("masterauth", password);
        }
        options.arguments.extend(self.server.arguments.clone());
        options
    }

    /// What each sentinel is started with, to watch the primary on `port`.
    pub(super) fn for_sentinel(&self, port: u16) -> ServerOptions {
        let name = &self.master_name;
        let mut text = format!(
            "sentinel monitor {name} 127.0.0.1 {port} {}\n\
             sentinel down-after-milliseconds {name} {}\n\
             sentinel failover-timeout {name} {}\n",
            limits::SENTINEL_QUORUM,
            self.down_after.as_millis(),
            limits::SENTINEL_FAILOVER_TIMEOUT_MS,
        );
        if let Some(password) = &self.data_password {
            text += &format!("sentinel auth-pass {name} {password}\n");
        }
        if let Some(password) = &self.sentinel_password {
            // Asked of clients, and shown to the other sentinels.
            text += &format!("requirepass {password}\nsentinel sentinel-pass {password}\n");
        }
        ServerOptions::default()
            .with_listen(Listen::Tcp)
            .with_config_file(text)
            .with_args("sentinel", [""; 0])
    }
}
