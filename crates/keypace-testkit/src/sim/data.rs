//! Owns the data and the identity of a simulated server: databases, clock, `run_id`, connections. It must not await, and
//! must not know commands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cluster::Member;
use super::database::{Database, ScanLayout};
use super::log::CommandLog;
use super::options::{Role, SimOptions};
use super::random::Random;
use super::rule::RuleBook;
use super::script::Scripts;
use super::table::Resize;
use super::value::{Entry, Value};
use super::watch::Watchers;
use crate::limits::{DATABASES, MAX_CONNECTIONS};

/// A simulated server's insides, for closures that act as another client would at a moment of a test's choosing.
#[derive(Debug)]
pub struct State {
    pub(crate) options: SimOptions,
    pub(crate) run_id: String,
    pub(crate) databases: Vec<Database<Entry>>,
    /// What the server knows of its cluster; none outside one.
    pub(crate) member: Option<Member>,
    /// It takes no connection, as a host that is gone.
    pub(crate) is_away: bool,
    pub(crate) watchers: Watchers,
    pub(crate) rules: RuleBook,
    pub(crate) log: CommandLog,
    pub(crate) scripts: Scripts,
    pub(crate) info: BTreeMap<String, String>,
    /// Calls of commands that no client has sent, by name.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) random: Random,
    pub(crate) empty_pages: u64,
    pub(crate) expired_keys: u64,
    pub(crate) bytes_out: u64,
    connections: BTreeMap<u64, Arc<Notify>>,
    most_connections: usize,
    last_connection: u64,
    epoch_us: i64,
    started: Instant,
}

impl State {
    pub(crate) fn new(options: SimOptions) -> Self {
        let mut random = Random::new(options.seed);
        let layout = options.layout(false);
        let run_id = options.run_id.clone().unwrap_or_else(|| random.run_id());
        let seed = random.next();
        let epoch_us = options
            .epoch_ms
            .map_or_else(machine_clock_us, |epoch_ms| epoch_ms * 1000);
        Self {
            options,
            run_id,
            databases: databases(layout, seed),
            member: None,
            is_away: false,
            watchers: Watchers::default(),
            rules: RuleBook::default(),
            log: CommandLog::default(),
            scripts: Scripts::default(),
            info: BTreeMap::new(),
            calls: BTreeMap::new(),
            random,
            empty_pages: 0,
            expired_keys: 0,
            bytes_out: 0,
            connections: BTreeMap::new(),
            most_connections: MAX_CONNECTIONS,
            last_connection: 0,
            epoch_us,
            started: Instant::now(),
        }
    }

    /// The server's clock, in milliseconds since 1970. It runs with tokio's, so paused time pauses it.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_us() / 1000
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.epoch_us
            + i64::try_from(self.started.elapsed().as_micros())
                .expect("a test ends within 292,000 years")
    }

    pub(crate) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Sets a key without a TTL.
    pub fn set(&mut self, database: usize, key: impl AsRef<[u8]>, value: impl Into<Value>) {
        self.store(database, key.as_ref(), value.into(), None);
    }

    /// Sets a key that expires in so many milliseconds; at 0 or below it is there, and expired.
    pub fn set_with_ttl_ms(
        &mut self,
        database: usize,
        key: impl AsRef<[u8]>,
        value: impl Into<Value>,
        ttl_ms: i64,
    ) {
        let expires = self.now_ms() + ttl_ms;
        self.store(database, key.as_ref(), value.into(), Some(expires));
    }

    /// Sets `{prefix}{n}` to n for each n of a range.
    pub fn insert_strings(&mut self, database: usize, prefix: &str, range: Range<u64>) {
        for n in range {
            self.set(database, format!("{prefix}{n}"), n.to_string().into_bytes());
        }
    }

    /// Takes a key out; false where there was none.
    pub fn remove(&mut self, database: usize, key: impl AsRef<[u8]>) -> bool {
        self.delete(database, key.as_ref())
    }

    /// Whether a key is there and has not expired.
    #[must_use]
    pub fn contains(&self, database: usize, key: impl AsRef<[u8]>) -> bool {
        self.databases[database]
            .get(key.as_ref())
            .is_some_and(|entry| !self.is_due(entry))
    }

    /// All keys that have not expired, sorted bytewise.
    #[must_use]
    pub fn keys(&self, database: usize) -> Vec<Vec<u8>> {
        let live = self.databases[database]
            .iter()
            .filter(|(_, entry)| !self.is_due(entry));
        let mut keys: Vec<_> = live.map(|(key, _)| key.to_vec()).collect();
        keys.sort_unstable();
        keys
    }

    /// Becomes a node of a cluster, still without keys.
    pub(crate) fn join(&mut self, member: Member) {
        let seed = self.random.next();
        self.databases = databases(self.options.layout(true), seed);
        self.member = Some(member);
    }

    pub(crate) fn needs_full_coverage(&self) -> bool {
        let set = self.options.config.get("cluster-require-full-coverage");
        set.is_none_or(|value| value == "yes")
    }

    /// What HELLO and INFO call it.
    pub(crate) fn mode(&self) -> &'static str {
        if self.member.is_some() {
            "cluster"
        } else {
            "standalone"
        }
    }

    /// Of the primary that this replica follows, where its cluster tells.
    pub(crate) fn primary_address(&self) -> Option<(String, u16)> {
        let member = self.member.as_ref()?;
        let primary = &member.view.nodes[member.myself().replica_of?];
        Some((primary.host.clone(), primary.port))
    }

    /// INFO's `master_replid`.
    pub(crate) fn replid(&self) -> String {
        let set = self.info.get("master_replid").cloned();
        set.unwrap_or_else(|| self.run_id.chars().rev().collect())
    }

    /// Begins a rehash of every database that holds something.
    pub fn rehash(&mut self, way: Resize) {
        for table in &mut self.databases {
            table.resize(way);
        }
    }

    /// Buckets of a database's table, and of the one it is moving to while it rehashes.
    #[must_use]
    pub fn buckets(&self, database: usize) -> (usize, Option<usize>) {
        self.databases[database].buckets()
    }

    /// As if restarted: another `run_id`, another hash seed, scripts forgotten, keys kept.
    /// Connections stay; `close_connections` ends them.
    pub fn new_run_id(&mut self) {
        self.calls.clear();
        self.run_id = self.random.run_id();
        let seed = self.random.next();
        self.scripts.forget_loaded();
        for table in &mut self.databases {
            table.reseed(seed);
        }
    }

    /// Ends every connection but the one with this CLIENT ID.
    pub fn close_connections(&mut self, spare: Option<u64>) {
        for (id, end) in &self.connections {
            if Some(*id) != spare {
                end.notify_one();
            }
        }
    }

    /// The `run_id` that INFO says now.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Becomes a primary or a replica, as in a failover.
    pub fn set_role(&mut self, role: Role) {
        self.options.role = role;
    }

    /// What INFO says of a field from now on, such as `lazyfree_pending_objects`.
    pub fn set_info(&mut self, field: &str, value: &str) {
        self.info.insert(field.to_owned(), value.to_owned());
    }

    /// One call more of a command that no client has sent, for `INFO commandstats`.
    pub(crate) fn count_calls(&mut self, command: &str) {
        *self.calls.entry(command.to_owned()).or_default() += 1;
    }

    /// `maxclients` from now on, and at most `MAX_CONNECTIONS`. Connections that are open stay so.
    pub fn limit_connections(&mut self, most: usize) {
        self.most_connections = most.min(MAX_CONNECTIONS);
    }

    pub(crate) fn most_connections(&self) -> usize {
        self.most_connections
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// A new CLIENT ID and the signal that ends the connection; none when there are too many.
    pub(crate) fn register(&mut self) -> Option<(u64, Arc<Notify>)> {
        if self.connections.len() >= self.most_connections {
            return None;
        }
        self.last_connection += 1;
        let end = Arc::new(Notify::new());
        self.connections
            .insert(self.last_connection, Arc::clone(&end));
        Some((self.last_connection, end))
    }

    pub(crate) fn unregister(&mut self, connection: u64) {
        self.connections.remove(&connection);
        self.watchers.forget(connection);
    }

    pub(crate) fn is_due(&self, entry: &Entry) -> bool {
        entry.expires_at_ms.is_some_and(|at| at <= self.now_ms())
    }

    /// A key's entry; one that has expired is deleted on the way, as every access does.
    pub(crate) fn peek(&mut self, database: usize, key: &[u8]) -> Option<&Entry> {
        self.expire_if_due(database, key);
        self.databases[database].get(key)
    }

    pub(crate) fn entry_mut(&mut self, database: usize, key: &[u8]) -> Option<&mut Entry> {
        self.expire_if_due(database, key);
        self.databases[database].get_mut(key)
    }

    pub(crate) fn expire_if_due(&mut self, database: usize, key: &[u8]) -> bool {
        let due = self.databases[database]
            .get(key)
            .is_some_and(|entry| self.is_due(entry));
        if due {
            self.expired_keys += 1;
            self.databases[database].remove(key);
            self.watchers.changed(database, key);
        }
        due
    }

    pub(crate) fn store(
        &mut self,
        database: usize,
        key: &[u8],
        value: Value,
        expires_at_ms: Option<i64>,
    ) {
        let entry = Entry {
            value,
            expires_at_ms,
            touched_at_ms: self.now_ms(),
        };
        self.databases[database].insert(key, entry);
        self.watchers.changed(database, key);
    }

    /// Deletes a key; false where there was none, or only an expired one.
    pub(crate) fn delete(&mut self, database: usize, key: &[u8]) -> bool {
        if self.expire_if_due(database, key) || self.databases[database].remove(key).is_none() {
            return false;
        }
        self.watchers.changed(database, key);
        true
    }

    pub(crate) fn flush(&mut self, database: usize) {
        let seed = self.random.next();
        let empty = Database::new(self.databases[database].layout(), seed);
        let old = std::mem::replace(&mut self.databases[database], empty);
        for (key, _) in old.iter() {
            self.watchers.changed(database, key);
        }
    }
}

fn databases(layout: ScanLayout, seed: u64) -> Vec<Database<Entry>> {
    let empty = |_| Database::new(layout, seed);
    (0..DATABASES).map(empty).collect()
}

fn machine_clock_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the machine's clock is past 1970");
    i64::try_from(since.as_micros()).expect("the machine's clock is not past the year 294,000")
}
