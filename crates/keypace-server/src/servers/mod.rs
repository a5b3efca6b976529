//! The servers that work is done on, by the names that the config gives them: one shared keyspace each, so that all work on a
//! server keeps one pace, and who answers there now. Must not know jobs or HTTP, and shows no credentials.

mod describe;
mod error;
mod identity;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use keypace::{ConnectOptions, Keyspace, Target};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub use describe::{NodeView, ServerView};
pub use error::ServerError;
pub use identity::Identity;

use crate::limits;

/// A server of the config.
#[derive(Clone)]
pub struct ServerConfig {
    /// What requests call it.
    pub name: String,
    /// Where it is, and as whom we come.
    pub url: Target,
    /// How to connect.
    pub connect: ConnectOptions,
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A target shows no credentials.
        write!(f, "ServerConfig({}, {})", self.name, self.url)
    }
}

/// All servers of the config. Clones share their keyspaces.
#[derive(Clone, Debug)]
pub struct Servers(Arc<BTreeMap<String, Place>>);

/// A server and what is open to it.
struct Place {
    config: ServerConfig,
    /// Held while somebody connects, so that many who ask open one.
    known: Mutex<Known>,
}

/// What is known of a server.
#[derive(Default)]
struct Known {
    open: Option<Open>,
    failed: Option<Failed>,
}

/// How it went when somebody last asked in vain.
struct Failed {
    asked: Instant,
    why: ServerError,
}

/// A shared keyspace.
struct Open {
    keyspace: Keyspace,
    /// When its process was asked last and answered as itself.
    asked: Instant,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

impl Servers {
    /// Connects to none of them yet. Of two with one name the later counts.
    #[must_use]
    pub fn new(configs: Vec<ServerConfig>) -> Self {
        let places = configs.into_iter().map(|mut config| {
            // Another process has other cursors and maybe other data: nothing goes to it that was begun on this one.
            config.connect = config.connect.with_one_process();
            let place = Place {
                config,
                known: Mutex::default(),
            };
            (place.config.name.clone(), place)
        });
        Self(Arc::new(places.collect()))
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The only server, where there is one.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        let mut names = self.names();
        names.next().filter(|_| names.next().is_none())
    }

    /// The keyspace that everybody shares; connected at first use, and made anew where another process answers by now, which
    /// is looked at once in `limits::IDENTITY_LIFE`. Bounded by twice `limits::IDENTITY_WAIT`, however many ask; cancel-safe.
    ///
    /// # Errors
    /// `Unknown` for a name that is not in the config; `Connect`, and `Silent` where nobody answers in time.
    pub async fn keyspace(&self, name: &str) -> Result<Keyspace, ServerError> {
        let place = self.place(name)?;
        let since = Instant::now();
        let mut known = place.known.lock().await;
        if let Some(open) = &known.open
            && open.asked.elapsed() < limits::IDENTITY_LIFE
        {
            return Ok(open.keyspace.clone());
        }
        match (place.look(&mut known, since).await, &known.open) {
            (Ok(keyspace), _) => Ok(keyspace),
            // Whoever asks it for something hears what is the matter.
            (Err(error), Some(open)) if error.may_pass() => Ok(open.keyspace.clone()),
            (Err(error), _) => Err(error),
        }
    }

    /// Who answers there now, asked anew. Bounded by twice `limits::IDENTITY_WAIT`, however many ask. Where that is another
    /// process than before, the shared keyspace is made anew. Cancel-safe.
    ///
    /// # Errors
    /// As [`Servers::keyspace`].
    pub async fn identity(&self, name: &str) -> Result<Identity, ServerError> {
        let place = self.place(name)?;
        let since = Instant::now();
        let mut known = place.known.lock().await;
        let keyspace = place.look(&mut known, since).await?;
        Ok(Identity::of(name, &place.config.url, keyspace.server()))
    }

    /// The config of a server. For who opens connections of another kind, as sessions do.
    ///
    /// # Errors
    /// `Unknown` for a name that is not in the config.
    pub fn config(&self, name: &str) -> Result<&ServerConfig, ServerError> {
        self.place(name).map(|place| &place.config)
    }

    fn place(&self, name: &str) -> Result<&Place, ServerError> {
        self.0.get(name).ok_or_else(|| ServerError::Unknown {
            name: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })
    }
}

impl Place {
    /// Asks who answers now: the keyspace stays as long as that is its process. Whoever had to wait for somebody else's
    /// question shares its answer, where that was asked later than `since`: else many who ask a server that hangs would wait
    /// for one another, each for as long as it takes.
    async fn look(&self, known: &mut Known, since: Instant) -> Result<Keyspace, ServerError> {
        if let Some(open) = known.open.as_ref().filter(|open| open.asked >= since) {
            return Ok(open.keyspace.clone());
        }
        if let Some(failed) = known.failed.as_ref().filter(|last| last.asked >= since) {
            return Err(failed.why.clone());
        }
        let asked = Instant::now();
        match self.find().await {
            Ok(found) => {
                let ServerConfig { name, url, .. } = &self.config;
                let identity = |keyspace: &Keyspace| Identity::of(name, url, keyspace.server());
                let before = known.open.take().map(|open| open.keyspace);
                let keyspace = before
                    .filter(|before| identity(before) == identity(&found))
                    .unwrap_or(found);
                known.open = Some(Open {
                    keyspace: keyspace.clone(),
                    asked,
                });
                Ok(keyspace)
            }
            Err(why) => {
                known.failed = Some(Failed {
                    asked,
                    why: why.clone(),
                });
                Err(why)
            }
        }
    }

    /// A connection to whoever answers now.
    async fn find(&self) -> Result<Keyspace, ServerError> {
        let ServerConfig { name, url, connect } = &self.config;
        let asked = timeout(
            limits::IDENTITY_WAIT,
            Keyspace::connect(url.clone(), connect.clone()),
        );
        let found = asked.await.map_err(|_| ServerError::Silent {
            name: name.clone(),
            within: limits::IDENTITY_WAIT,
        })?;
        found.map_err(|source| ServerError::Connect {
            name: name.clone(),
            source: Arc::new(source),
        })
    }
}
