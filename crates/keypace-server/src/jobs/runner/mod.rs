//! Whoever does the jobs in this process: claims them, does the library's work, keeps their leases, and leaves them so that
//! somebody else can go on. Must not know HTTP, and decides nothing about states: the store does.
//!
//! A job is worked on by one turn at a time, in whichever process. While a turn goes on its lease is kept by heartbeats; work
//! is only ever moved on while the lease holds by this process's own clock, so that one that was frozen, or that has lost its
//! store, stops at once and writes nothing.
//!
//! What the counts promise: of work that was paused, slowed, drained or moved to another replica in order, they are those of
//! one run. After a kill the job goes on from its last checkpoint, at most half a second old: a key that was deleted behind it
//! is found gone, where the checkpoint has it as on its way, and else is in no count. None is counted as deleted twice, and
//! none that matches stays. A backup has every key that went, whatever the counts say.

mod crew;
mod fence;
mod figures;
mod files;
mod held;
mod index;
mod keep;
mod lease;
mod shop;
mod trouble;
mod turn;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use index::IndexConfig;

use self::files::Files;
use self::shop::Shop;
use crate::jobs::id::JobId;
use crate::jobs::service::Hands;
use crate::jobs::store::JobStore;
use crate::limits;
use crate::servers::Servers;

/// How much a runner does at once, and how it keeps its leases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunnerLimits {
    /// Jobs at once.
    pub running: u32,
    /// How long a job is this process's without a heartbeat.
    pub lease: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// Between two looks for jobs that nobody announced: those of other replicas.
    pub look: Duration,
    /// How long a server that is away is waited for before its job is paused.
    pub away: Duration,
    /// How long a backup is kept after its job has ended.
    pub backup_keep: Duration,
    /// Bytes of backups that are kept: above it the oldest go first.
    pub backup_bytes: u64,
}

impl Default for RunnerLimits {
    fn default() -> Self {
        Self {
            running: limits::JOBS_RUNNING,
            lease: limits::JOB_LEASE,
            heartbeat: limits::JOB_HEARTBEAT,
            look: limits::JOB_LOOK,
            away: limits::SERVER_AWAY,
            backup_keep: Duration::from_secs(u64::from(limits::BACKUP_DAYS) * 24 * 60 * 60),
            backup_bytes: limits::BACKUP_BYTES,
        }
    }
}

impl RunnerLimits {
    /// So many jobs at once, and at least one.
    #[must_use]
    pub fn with_running(mut self, jobs: u32) -> Self {
        self.running = jobs.max(1);
        self
    }

    /// Other leases and heartbeats.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration, heartbeat: Duration) -> Self {
        (self.lease, self.heartbeat) = (lease, heartbeat);
        self
    }

    /// Backups are kept for so long after their jobs have ended, and so many bytes of them.
    #[must_use]
    pub fn with_backups(mut self, keep: Duration, bytes: u64) -> Self {
        (self.backup_keep, self.backup_bytes) = (keep, bytes);
        self
    }

    /// A server that is away is waited for so long.
    #[must_use]
    pub fn with_away(mut self, away: Duration) -> Self {
        self.away = away;
        self
    }
}

/// Whoever does the jobs of this process. Clones are the same one; it does nothing before [`RunnerHandle::begin`].
#[derive(Clone)]
pub struct RunnerHandle(Arc<Inner>);

struct Inner {
    shop: Arc<Shop>,
    crew: Mutex<Option<JoinHandle<()>>>,
}

impl RunnerHandle {
    /// A runner over this store and these servers, with its checkpoints and backups below `data_dir`.
    ///
    /// # Errors
    /// Where its folders can't be made.
    pub fn new(
        store: Arc<dyn JobStore>,
        servers: Servers,
        data_dir: PathBuf,
        limits: RunnerLimits,
        indexes: BTreeMap<String, IndexConfig>,
    ) -> io::Result<Self> {
        let files = Files::new(data_dir)?;
        let shop = Shop::new(store, servers, files, limits, indexes)?;
        Ok(Self(Arc::new(Inner {
            shop: Arc::new(shop),
            crew: Mutex::new(None),
        })))
    }

    /// Begins to claim jobs. A second call changes nothing.
    pub fn begin(&self) {
        let mut crew = self.0.crew.lock().unwrap_or_else(PoisonError::into_inner);
        if crew.is_none() {
            *crew = Some(tokio::spawn(crew::run(Arc::clone(&self.0.shop))));
        }
    }

    /// Whether it works on jobs, or is still to begin: not after [`RunnerHandle::drain`], and not where a fault ended it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let crew = self.0.crew.lock().unwrap_or_else(PoisonError::into_inner);
        !self.0.shop.is_closing() && crew.as_ref().is_none_or(|crew| !crew.is_finished())
    }

    /// Looks which backups and checkpoints have had their time, and removes them: what a runner does by itself when it begins,
    /// and every hour.
    ///
    /// Cancel-safe: what was not removed is by the next look.
    pub async fn tidy(&self) {
        keep::tidy(&self.0.shop).await;
    }

    /// Claims nothing more, settles what is under way and leaves every job where it can go on from. What has not settled
    /// within this time is dropped, and its lease runs out.
    ///
    /// Not cancel-safe: dropped, the rest is not waited for.
    pub async fn drain(&self, within: Duration) {
        self.0.shop.close();
        let crew = (self.0.crew.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut crew) = crew else {
            return;
        };
        if timeout(within, &mut crew).await.is_err() {
            tracing::warn!(
                "jobs had not settled when the time was over: they go on when their leases have run out"
            );
            crew.abort();
            // It ends at its next await, which is now: whatever it says then is of no use.
            let _ = crew.await;
        }
    }
}

impl Hands for RunnerHandle {
    fn wake(&self) {
        self.0.shop.wake();
    }

    fn live(&self, id: &JobId) -> Option<watch::Receiver<Arc<Value>>> {
        self.0.shop.live(id)
    }

    fn forget(&self, ids: &[JobId]) {
        self.0.shop.forget(ids);
    }
}

impl std::fmt::Debug for RunnerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunnerHandle")
    }
}
