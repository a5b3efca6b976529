//! Danger as types: a Plan says what would be deleted where; only a Plan that somebody agreed to becomes Confirmed,
//! and nothing else deletes.

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern, Scope};
use crate::limits;
use crate::port::{Keyspace, Removal, ServerInfo, removal};
use crate::scan::{ListIdentity, ScanOptions};
use crate::select::Filters;

/// What a delete is about: another selection needs another confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    patterns: Vec<Pattern>,
    exclude: Vec<Pattern>,
    types: Vec<String>,
    limit: Option<u64>,
    filters: Filters,
    list: Option<ListIdentity>,
}

impl Selection {
    pub(crate) fn of(options: &ScanOptions) -> Self {
        Self {
            patterns: options.patterns.clone(),
            exclude: options.exclude.clone(),
            types: options.types.clone(),
            limit: options.limit,
            filters: Filters::default(),
            list: options.list.as_ref().map(|from| from.list.identity()),
        }
    }

    pub(crate) fn with_filters(mut self, filters: &Filters) -> Self {
        self.filters = filters.clone();
        self
    }
}

/// What a delete would do, for a person to look at.
#[derive(Debug, Clone)]
pub struct Plan(Draft);

/// The parts of a plan, as whoever looked at the keyspace found them.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) selection: Selection,
    pub(crate) server: ServerInfo,
    pub(crate) removal: Removal,
    pub(crate) total_keys: u64,
    /// Of those, the keys of the slots that the patterns can be in, where that is known.
    pub(crate) slot_keys: Option<u64>,
    /// Nodes whose keys are in no figure here.
    pub(crate) not_asked: Vec<String>,
    pub(crate) estimate: Option<u64>,
    pub(crate) is_exact: bool,
    pub(crate) samples: Vec<Key>,
    /// What the keys take, where some of them were measured.
    pub(crate) estimate_bytes: Option<u64>,
    pub(crate) backup: Option<BackupPlan>,
}

/// What saving the keys would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupPlan {
    /// About how many bytes the values take in the server's memory, by a few of them; the file is compressed. `None` where
    /// nobody looked.
    pub estimate_bytes: Option<u64>,
    /// Bytes that are free where the file goes; `None` where that can't be told.
    pub free_bytes: Option<u64>,
}

/// How far somebody agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Consent {
    /// To what was planned, as long as its patterns hold something literal.
    Scoped,
    /// To what was planned, even where a pattern matches every key.
    All,
}

/// A plan that was agreed to. Good for the server, database and selection it was made for.
#[derive(Debug, Clone)]
pub struct Confirmed {
    selection: Selection,
    address: String,
    database: u32,
    removal: Removal,
}

impl Draft {
    /// A plan's parts where nobody has looked at the keys. A primary that is away holds nothing up: the walk waits for it or
    /// for who takes over. Cancel-safe.
    pub(crate) async fn unseen(keyspace: &Keyspace, scan: &ScanOptions) -> Result<Self> {
        let sizes = keyspace.sizes().await?;
        Ok(Self {
            selection: Selection::of(scan),
            server: keyspace.server().clone(),
            removal: removal(&sizes.answered).await?,
            total_keys: sizes.keys,
            slot_keys: None,
            not_asked: sizes.silent,
            estimate: None,
            is_exact: false,
            samples: Vec::new(),
            estimate_bytes: None,
            backup: None,
        })
    }
}

impl Plan {
    pub(crate) fn new(draft: Draft) -> Self {
        Self(draft)
    }

    /// The server whose keys would go.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.0.server
    }

    /// How many keys the database holds, without those of nodes that were [not asked](Self::not_asked).
    #[must_use]
    pub fn total_keys(&self) -> u64 {
        self.0.total_keys
    }

    /// How many of them are in the few slots that the patterns can be in, by their fixed hash tags, where every owner of
    /// these tells (`CLUSTER SLOT-STATS`: Valkey 8, Redis 8.2). Keys that have expired and not gone are among them.
    #[must_use]
    pub fn slot_keys(&self) -> Option<u64> {
        self.0.slot_keys
    }

    /// Primaries of a cluster that did not answer: what they hold is in no figure of this plan. The delete waits for them, or
    /// for who takes over. Empty elsewhere.
    #[must_use]
    pub fn not_asked(&self) -> &[String] {
        &self.0.not_asked
    }

    /// About how many keys would go; `None` where nobody looked, or not at every node.
    #[must_use]
    pub fn estimate(&self) -> Option<u64> {
        self.0.estimate
    }

    /// Whether the estimate is a count of a whole walk.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.0.is_exact
    }

    /// The estimate's share of all keys, 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        match (self.0.estimate, self.0.total_keys) {
            (Some(estimate), total) if total > 0 => (estimate as f64 / total as f64).min(1.0),
            _ => 0.0,
        }
    }

    /// A few of the keys.
    #[must_use]
    pub fn samples(&self) -> &[Key] {
        &self.0.samples
    }

    /// About how many bytes the keys take in the server's memory, by a few of them; `None` where nobody asked for sizes, as a
    /// backup and [`Describe::with_size`](crate::Describe::with_size) do.
    #[must_use]
    pub fn estimate_bytes(&self) -> Option<u64> {
        self.0.estimate_bytes
    }

    /// What saving the keys would take, where they are to be saved.
    #[must_use]
    pub fn backup(&self) -> Option<BackupPlan> {
        self.0.backup
    }

    /// `UNLINK` or `DEL`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.0.removal.command()
    }

    /// The widest scope of the patterns. A list of keys is scoped: it is exact.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let scopes = self
            .0
            .selection
            .patterns
            .iter()
            .map(|pattern| pattern.scope(limits::DEFAULT_SEPARATOR));
        scopes.fold(Scope::Scoped, |widest, scope| match (widest, scope) {
            (Scope::CatchAll, _) | (_, Scope::CatchAll) => Scope::CatchAll,
            (Scope::Unbounded, _) | (_, Scope::Unbounded) => Scope::Unbounded,
            (Scope::Scoped, Scope::Scoped) => Scope::Scoped,
        })
    }

    /// Somebody agrees.
    ///
    /// # Errors
    /// `Guard` where a pattern matches every key and the consent is not [`Consent::All`].
    pub fn confirm(self, consent: Consent) -> Result<Confirmed> {
        if self.scope() == Scope::CatchAll && consent != Consent::All {
            return Err(Error::new(
                ErrorKind::Guard,
                Retry::Never,
                "confirm the delete",
                "a pattern matches every key of the database",
            )
            .on_node(&self.0.server.address)
            .with_hint("if the whole database is meant, say so with --all; otherwise name a prefix: 'session:*'"));
        }
        Ok(Confirmed {
            selection: self.0.selection,
            address: self.0.server.address,
            database: self.0.server.database,
            removal: self.0.removal,
        })
    }
}

impl Confirmed {
    /// Whether this is what was agreed to.
    pub(crate) fn check(&self, selection: &Selection, server: &ServerInfo) -> Result<()> {
        let is_same = self.selection == *selection
            && (self.address.as_str(), self.database) == (server.address.as_str(), server.database);
        if is_same {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Guard,
            Retry::Never,
            "delete keys",
            "the confirmation is for another selection, server or database",
        )
        .with_hint("plan and confirm this delete by itself"))
    }

    pub(crate) fn removal(&self) -> Removal {
        self.removal
    }
}
