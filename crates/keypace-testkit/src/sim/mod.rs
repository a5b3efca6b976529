//! Owns the simulator's handle: connections to it, rules, direct access to its data, what it was asked.
//! It must stay independent of `keypace`, whose codec and matcher it is a check on.

mod cluster;
mod command;
mod data;
mod database;
mod glob;
mod guard;
mod info;
mod listener;
mod log;
mod options;
mod plan;
pub(crate) mod random;
mod reply;
mod request;
mod rule;
mod script;
mod serve;
mod session;
mod sha1;
mod slot;
mod table;
mod value;
mod watch;

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use tokio::io::DuplexStream;

pub use cluster::ClusterState;
pub use cluster::SimCluster;
pub use data::State;
pub use database::ScanLayout;
pub use listener::SimListener;
pub use log::CommandRecord;
pub use options::Flavour;
pub use options::Role;
pub use options::SimOptions;
pub use options::User;
pub use reply::Proto;
pub use reply::Reply;
pub use rule::Action;
pub use rule::ClusterFn;
pub use rule::Rule;
pub use rule::StateFn;
pub use script::ScriptCall;
pub use script::ScriptFn;
pub use table::Resize;
pub use value::Value;

use crate::limits::DUPLEX_BYTES;
use guard::NodeGuard;

/// A simulated Redis or Valkey. Clones are handles to the same server; it lives as long as a handle or a connection does.
///
/// Time is tokio's, so a test under paused time moves TTLs and delays by itself. A command takes effect at once and blocks
/// nobody else: what a slow command does to other clients is for real servers.
#[derive(Clone, Debug)]
pub struct Sim {
    /// All nodes of its cluster, under one lock; itself alone outside one.
    cluster: Arc<Mutex<ClusterState>>,
    place: usize,
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

impl Sim {
    /// A Redis 7.0.15, empty, that lets everybody in.
    #[must_use]
    pub fn new() -> Self {
        Self::with(SimOptions::default())
    }

    /// A server as these options say.
    #[must_use]
    pub fn with(options: SimOptions) -> Self {
        Self {
            cluster: Arc::new(Mutex::new(ClusterState::lone(options))),
            place: 0,
        }
    }

    /// A new in-memory connection, served by a task on the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(DUPLEX_BYTES);
        tokio::spawn(serve::serve(self.clone(), server));
        client
    }

    /// Serves TCP on a free port of 127.0.0.1, until the listener is dropped; its connections end with it.
    ///
    /// Cancel-safe: a listener that was not given back is closed.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub async fn listen(&self) -> io::Result<SimListener> {
        SimListener::serve(self.clone(), SimListener::bind().await?)
    }

    /// Adds a rule after those already there.
    ///
    /// # Panics
    /// On a rule without an action, and above `MAX_RULES`.
    pub fn script(&self, rule: Rule) {
        self.lock().rules.add(rule);
    }

    /// Rules that may still fire: 0 when all that was scripted has happened.
    #[must_use]
    pub fn rules_left(&self) -> usize {
        self.lock().rules.len()
    }

    /// Forgets all rules, and what is left of `EmptyPages`.
    pub fn clear_rules(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.empty_pages = 0;
    }

    /// Stands a closure in for a script: EVAL of exactly this text runs it, and so does EVALSHA once the text was loaded.
    pub fn on_script(
        &self,
        text: &str,
        closure: impl Fn(&mut ScriptCall<'_>) -> Reply + Send + Sync + 'static,
    ) {
        self.lock().scripts.register(text, Arc::new(closure));
    }

    /// Does several things in one step that no command comes between. The closure must not use this handle.
    pub fn with_state<T>(&self, closure: impl FnOnce(&mut State) -> T) -> T {
        closure(&mut self.lock())
    }

    /// Sets a key without a TTL.
    pub fn set(&self, database: usize, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        self.lock().set(database, key, value);
    }

    /// Sets `{prefix}{n}` to n for each n of a range, in database 0.
    pub fn insert_strings(&self, prefix: &str, range: Range<u64>) {
        self.lock().insert_strings(0, prefix, range);
    }

    /// All keys of a database that have not expired, sorted bytewise.
    #[must_use]
    pub fn keys(&self, database: usize) -> Vec<Vec<u8>> {
        self.lock().keys(database)
    }

    /// Whether a key is there and has not expired.
    #[must_use]
    pub fn contains(&self, database: usize, key: impl AsRef<[u8]>) -> bool {
        self.lock().contains(database, key)
    }

    /// Takes a key out; false where there was none.
    pub fn remove(&self, database: usize, key: impl AsRef<[u8]>) -> bool {
        self.lock().remove(database, key)
    }

    /// The newest commands that arrived, oldest first, whatever rules made of them. Calls of scripts are not among them.
    #[must_use]
    pub fn commands(&self) -> Vec<CommandRecord> {
        self.lock().log.records()
    }

    /// How many commands of this name arrived: `SCAN`, `CONFIG GET`, or `CONFIG` with any subcommand.
    #[must_use]
    pub fn count_of(&self, name: &str) -> u64 {
        self.lock().log.count_of(name)
    }

    /// Forgets counts, commands and bytes.
    pub fn reset_counts(&self) {
        let mut state = self.lock();
        state.log.clear();
        state.bytes_out = 0;
    }

    /// Bytes of replies sent.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.lock().bytes_out
    }

    /// Connections open now. One that its client just dropped counts until its task has seen that.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.lock().open_connections()
    }

    /// Turns connections beyond so many away, as `maxclients` does. Those that are open stay so.
    pub fn limit_connections(&self, most: usize) {
        self.lock().limit_connections(most);
    }

    /// Ends every connection now, as a server that goes away does.
    pub fn close_connections(&self) {
        self.lock().close_connections(None);
    }

    pub(crate) fn lock(&self) -> NodeGuard<'_> {
        let cluster = self.cluster.lock();
        NodeGuard::new(
            cluster.expect("a scripted closure panicked: its message is above"),
            self.place,
        )
    }
}
