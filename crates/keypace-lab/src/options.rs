//! How an owned server is to be started: what it listens on, and its settings.
//! Must not start anything.

/// What an owned server listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// A unix socket in the server's folder: no port to collide on, and closed to other users.
    #[default]
    Unix,
    /// A free port on 127.0.0.1.
    Tcp,
}

/// How to start an owned server.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// What it listens on.
    pub listen: Listen,
    /// Settings on its command line, each a name and its values.
    pub arguments: Vec<(String, Vec<String>)>,
    /// The text of a config file, for a server that wants one: written once into its folder, and the server's from
    /// then on (Sentinel rewrites it, and a restart reads what it wrote).
    pub config_file: Option<String>,
}

impl ServerOptions {
    /// Listens on `listen`.
    #[must_use]
    pub fn with_listen(mut self, listen: Listen) -> Self {
        self.listen = listen;
        self
    }

    /// Adds a setting with one value, as `with_arg("maxmemory-policy", "noeviction")`.
    #[must_use]
    pub fn with_arg(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_args(name, [value])
    }

    /// Adds a setting with several values, as `with_args("client-output-buffer-limit", ["normal", "0", "0", "0"])`.
    #[must_use]
    pub fn with_args<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.arguments
            .push((name.into(), values.into_iter().map(Into::into).collect()));
        self
    }

    /// Starts it with a config file of this text.
    #[must_use]
    pub fn with_config_file(mut self, text: impl Into<String>) -> Self {
        self.config_file = Some(text.into());
        self
    }
}
