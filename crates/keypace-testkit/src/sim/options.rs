//! Owns what a simulated server is told before it starts: version, role, users, commands it lacks. It must not hold state
//! that changes while it runs.

use std::collections::{BTreeMap, BTreeSet};

use super::database::ScanLayout;

/// Which family a server says it belongs to; several texts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Redis: `redis_version` alone.
    Redis,
    /// Valkey: `valkey_version`, and a `redis_version` of 7.2.4 for old clients.
    Valkey,
}

/// What the server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes writes; `role:master` in INFO.
    Primary,
    /// Refuses writes with READONLY; `role:slave` in INFO.
    Replica,
}

/// A user for AUTH, with as much of an ACL as the texts of NOPERM need.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) only: Option<BTreeSet<String>>,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) prefixes: Option<Vec<Vec<u8>>>,
}

impl User {
    /// A user who may do all.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            only: None,
            denied: BTreeSet::new(),
            prefixes: None,
        }
    }

    /// Allows this command, and from the first call on no command that was not named so: `GET`, `CONFIG GET`, `CLIENT`.
    #[must_use]
    pub fn with_command(mut self, name: &str) -> Self {
        self.only.get_or_insert_default().insert(normal_name(name));
        self
    }

    /// Denies this command, whatever else is allowed: `FLUSHDB`, `CONFIG GET`, `CLIENT`.
    #[must_use]
    pub fn without_command(mut self, name: &str) -> Self {
        self.denied.insert(normal_name(name));
        self
    }

    /// Allows keys with this prefix, and from the first call on no others.
    #[must_use]
    pub fn with_key_prefix(mut self, prefix: impl AsRef<[u8]>) -> Self {
        self.prefixes
            .get_or_insert_default()
            .push(prefix.as_ref().to_vec());
        self
    }

    pub(crate) fn may_run(&self, name: &str) -> bool {
        let container = name.split(' ').next().unwrap_or(name);
        let named = |set: &BTreeSet<String>| set.contains(name) || set.contains(container);
        !named(&self.denied) && self.only.as_ref().is_none_or(named)
    }

    pub(crate) fn may_touch(&self, key: &[u8]) -> bool {
        self.prefixes
            .as_ref()
            .is_none_or(|prefixes| prefixes.iter().any(|prefix| key.starts_with(prefix)))
    }
}

/// How a simulated server starts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimOptions {
    pub(crate) flavour: Flavour,
    pub(crate) version: String,
    pub(crate) run_id: Option<String>,
    pub(crate) role: Role,
    pub(crate) password: Option<String>,
    pub(crate) users: Vec<User>,
    pub(crate) seed: u64,
    pub(crate) off: BTreeSet<String>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) epoch_ms: Option<i64>,
    pub(crate) layout: Option<ScanLayout>,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            flavour: Flavour::Redis,
            version: "7.0.15".to_owned(),
            run_id: None,
            role: Role::Primary,
            password: None,
            users: Vec::new(),
            seed: 0,
            off: BTreeSet::new(),
            config: BTreeMap::new(),
            epoch_ms: None,
            layout: None,
        }
    }
}

impl SimOptions {
    /// Says it is this Redis; commands that it did not have yet are unknown.
    #[must_use]
    pub fn with_redis_version(mut self, version: &str) -> Self {
        self.flavour = Flavour::Redis;
        version.clone_into(&mut self.version);
        self
    }

    /// Says it is this Valkey.
    #[must_use]
    pub fn with_valkey_version(mut self, version: &str) -> Self {
        self.flavour = Flavour::Valkey;
        version.clone_into(&mut self.version);
        self
    }

    /// The `run_id` that INFO says; by default one made from the seed.
    #[must_use]
    pub fn with_run_id(mut self, run_id: &str) -> Self {
        self.run_id = Some(run_id.to_owned());
        self
    }

    /// Primary (the default) or replica.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The default user's password (`requirepass`); without one, connections are let in.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// One more user for `AUTH name password`. One named `default` sets the rights of connections that name no user.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Seeds the hash function and all chance; 0 by default.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The server does not know this command: `UNLINK`, `CLIENT NO-TOUCH`, or the option `SCAN TYPE`.
    #[must_use]
    pub fn without_command(mut self, name: &str) -> Self {
        self.off.insert(normal_name(name));
        self
    }

    /// What CONFIG GET and INFO say of a parameter, such as `maxmemory-policy`.
    #[must_use]
    pub fn with_config(mut self, name: &str, value: &str) -> Self {
        self.config.insert(name.to_lowercase(), value.to_owned());
        self
    }

    /// Where the server's clock starts, in milliseconds since 1970; by default the machine's clock. It runs on by tokio's.
    #[must_use]
    pub fn with_epoch_ms(mut self, epoch_ms: i64) -> Self {
        self.epoch_ms = Some(epoch_ms);
        self
    }

    /// How keys are laid out, and so which cursors SCAN gives. By default as servers of the version do: a table for each
    /// slot in a cluster of Redis 7.4, Valkey 8 and newer, one table elsewhere.
    #[must_use]
    pub fn with_scan_layout(mut self, layout: ScanLayout) -> Self {
        self.layout = Some(layout);
        self
    }

    pub(crate) fn layout(&self, in_cluster: bool) -> ScanLayout {
        let by_version = if in_cluster && self.has_slot_tables() {
            ScanLayout::TablePerSlot
        } else {
            ScanLayout::OneTable
        };
        self.layout.unwrap_or(by_version)
    }

    /// Valkey 7.2 is the one that counts as newest elsewhere and has none.
    fn has_slot_tables(&self) -> bool {
        self.release() >= (7, 4) && !self.version.starts_with("7.2")
    }

    /// The release that decides which commands exist, as major and minor; what is no number counts as newest.
    pub(crate) fn release(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().ok());
        match (self.flavour, parts.next().flatten(), parts.next().flatten()) {
            (Flavour::Redis, Some(major), Some(minor)) => (major, minor),
            _ => (u32::MAX, 0),
        }
    }
}

/// One spelling for command names everywhere: upper case, a blank between container and subcommand.
pub(crate) fn normal_name(name: &str) -> String {
    name.to_ascii_uppercase().replace('|', " ")
}
