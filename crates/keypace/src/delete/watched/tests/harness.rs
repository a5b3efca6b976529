//! What the tests share: a delete with a vault, what came of it, and what the vault would bring back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keypace_testkit::Sim;
use tempfile::TempDir;

use crate::backup::{Backup, BackupHead, RunToken, Saved, SavedKind, Vault};
use crate::delete::state::{Batch, Settled, Tally};
use crate::delete::watched::{Watched, WatchedOptions};
use crate::delete::{Confirmed, Consent, Draft, Plan, Until};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Pattern, Slot};
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Keyspace, Node, Paced, Wire};
use crate::scan::ScanOptions;
use crate::select::{Filters, Guard};

pub(super) async fn on(sim: &Sim) -> Keyspace {
    Wire::to(sim).keyspace().await
}

async fn confirmed(keyspace: &Keyspace) -> Confirmed {
    let pattern = Pattern::new("k:*").expect("valid");
    let scan = ScanOptions::new(vec![pattern]).expect("valid");
    let plan = Plan::new(Draft::unseen(keyspace, &scan).await.expect("planned"));
    plan.confirm(Consent::Scoped).expect("scoped")
}

/// A vault, and what can be read of it.
#[derive(Clone)]
pub(super) struct Safe {
    pub(super) vault: Vault,
    folder: Arc<TempDir>,
}

pub(super) type Copies = BTreeMap<Key, Vec<Saved>>;

impl Safe {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let head = BackupHead {
            server: "server".to_owned(),
            database: 0,
            run_id: String::new(),
            product: "Redis".to_owned(),
            version: "7.0.15".to_owned(),
            patterns: vec![b"k:*".to_vec()],
            created_unix_ms: 0,
            run: RunToken::random(),
        };
        let vault = Vault::create(&folder.path().join("backup"), &head).expect("made");
        Self {
            vault,
            folder: Arc::new(folder),
        }
    }

    /// Closes the vault; what would be brought back of each key, oldest first.
    pub(super) async fn copies(&self) -> Copies {
        // It may be closed already.
        let _ = self.vault.close().await;
        let path = self.folder.path().join("backup");
        if !path.exists() {
            // Nothing was put into it.
            return Copies::new();
        }
        let backup = Backup::open(&path).expect("opened");
        let index = backup.index().expect("read");
        assert_eq!(index.damage(), Vec::<String>::new());
        let mut copies = Copies::new();
        for block in 0..index.blocks() {
            for saved in index.block(block).expect("read") {
                copies.entry(saved.key().clone()).or_default().push(saved);
            }
        }
        copies
    }
}

/// Whether a key's string would be brought back as this.
pub(super) fn holds(copies: &Copies, key: &Key, text: &[u8]) -> bool {
    (copies.get(key).into_iter().flatten())
        .any(|saved| saved.kind() == SavedKind::Text && saved.value() == text)
}

/// How a test deletes.
#[derive(Clone)]
pub(super) struct How {
    pub(super) budget: Budget,
    pub(super) safe: Option<Safe>,
    pub(super) filters: Filters,
    pub(super) types: Vec<String>,
    pub(super) in_cluster: bool,
    pub(super) is_first_look: bool,
    pub(super) max_value_bytes: u64,
    pub(super) batch: usize,
    pub(super) may_run_scripts: bool,
}

impl How {
    pub(super) fn saving(safe: &Safe) -> Self {
        Self {
            safe: Some(safe.clone()),
            ..Self::bare()
        }
    }

    pub(super) fn bare() -> Self {
        Self {
            budget: Budget::off(),
            safe: None,
            filters: Filters::default(),
            types: Vec::new(),
            in_cluster: false,
            is_first_look: true,
            max_value_bytes: 64 * 1024 * 1024,
            batch: limits::BATCH_KEYS,
            may_run_scripts: true,
        }
    }

    pub(super) fn under(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// On this node; batches are numbered from 0.
    pub(super) async fn start(&self, keyspace: &Keyspace, node: &Node) -> Watched {
        let paced = Paced::join(node, self.budget, Thresholds::default(), true);
        let guard = Guard::new(&self.filters, &self.types);
        let options = WatchedOptions {
            batch: self.batch,
            in_cluster: self.in_cluster,
            max_value_bytes: self.max_value_bytes,
            is_first_look: self.is_first_look,
            may_run_scripts: self.may_run_scripts,
        };
        let vault = self.safe.as_ref().map(|safe| safe.vault.clone());
        let confirmed = confirmed(keyspace).await;
        Watched::new(node, &confirmed, paced, guard, vault, options)
    }

    /// Deletes these keys and gives what came of it.
    pub(super) async fn delete(&self, keyspace: &Keyspace, keys: &[Key]) -> Came {
        let mut watched = self.start(keyspace, keyspace.node()).await;
        push(&mut watched, keys, self.batch);
        let result = watched.run(Until::Settled).await;
        Came::of(result, watched.take_settled())
    }
}

pub(super) fn push(watched: &mut Watched, keys: &[Key], batch: usize) {
    for (id, keys) in (0..).zip(keys.chunks(batch)) {
        let keys = keys.into();
        watched.push(Batch { id, keys });
    }
}

/// What came of a delete.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) tally: Tally,
    pub(super) unmatched: u64,
    pub(super) elsewhere: BTreeSet<Slot>,
    pub(super) elsewhere_keys: u64,
    pub(super) lost: usize,
    pub(super) kinds: BTreeSet<String>,
    pub(super) error: Option<Error>,
}

impl Came {
    pub(super) fn of(result: Result<()>, settled: Vec<Settled>) -> Self {
        let mut came = Self {
            error: result.err(),
            ..Self::default()
        };
        for settled in settled {
            came.enter(settled);
        }
        came
    }

    pub(super) fn enter(&mut self, settled: Settled) {
        let counted = settled.tally.sum() + settled.unmatched;
        if settled.elsewhere.is_empty() {
            assert_eq!(counted, settled.keys, "each key ends once: {settled:?}");
        }
        self.tally.add(&settled.tally);
        self.unmatched += settled.unmatched;
        self.elsewhere_keys += settled.keys - counted;
        self.elsewhere.extend(settled.elsewhere);
        self.lost += settled.lost.len();
        self.kinds
            .extend(settled.refused.map(|why| why.kind.as_str().to_owned()));
    }

    /// All keys that have an end of any sort.
    pub(super) fn keys(&self) -> u64 {
        self.tally.sum() + self.unmatched + self.elsewhere_keys
    }

    pub(super) fn error_kind(&self) -> Option<ErrorKind> {
        self.error.as_ref().map(Error::kind)
    }
}

pub(super) fn names(prefix: &str, count: u64) -> Vec<Key> {
    (0..count)
        .map(|n| Key::new(format!("{prefix}{n}")))
        .collect()
}

/// A small generator; its seed is printed by who makes it.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
