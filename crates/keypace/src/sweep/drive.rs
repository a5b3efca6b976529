//! The sweep itself: one node's shard, or a cluster's; saves checkpoints, and says when the work has ended.

use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::alone;
use super::checkpoint::Checkpoint;
use super::cluster::Cluster;
use super::options::SweepOptions;
use super::overview::ProgressHandle;
use super::replicas;
use super::shard::Shard;
use super::shared::Shared;
use super::stop::StopHandle;
use super::work::{About, Kind, keeps_place};
use crate::delete::{Confirmed, DeleteOptions, Selection};
use crate::error::{Error, Result};
use crate::key::{Key, SlotSet};
use crate::limits;
use crate::port::Keyspace;
use crate::report::RunState;
use crate::scan::Page;

/// Something moved.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Keys of a listing.
    Page(Page),
    /// Keys were counted, or handed to be deleted.
    Step,
}

/// One piece of work over a database.
pub struct Sweep {
    pub(super) keyspace: Keyspace,
    pub(super) kind: Kind,
    pub(super) shared: Arc<Shared>,
    pub(super) overview: ProgressHandle,
    pub(super) team: Team,
    /// What ended the work, if anything did; the first stands for all.
    pub(super) errors: Vec<Error>,
    has_ended: bool,
    saved_at: Instant,
}

/// Who walks.
pub(super) enum Team {
    /// One server.
    Alone(Box<Shard>),
    /// The primaries of a cluster.
    Cluster(Box<Cluster>),
}

impl Sweep {
    /// Lists keys: `next()` gives pages. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// What DBSIZE and finding a cluster's nodes give, `Guard` for a cluster with slots that nobody serves, and
    /// `Checkpoint` where the resumed checkpoint is of other work.
    pub async fn list(keyspace: &Keyspace, options: SweepOptions) -> Result<Self> {
        Self::start(keyspace, options, Kind::List, None).await
    }

    /// Counts keys. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`].
    pub async fn count(keyspace: &Keyspace, options: SweepOptions) -> Result<Self> {
        Self::start(keyspace, options, Kind::Count, None).await
    }

    /// Finds out what a delete would delete, and deletes nothing. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`].
    pub async fn dry_run(
        keyspace: &Keyspace,
        options: SweepOptions,
        delete: DeleteOptions,
    ) -> Result<Self> {
        Self::start(keyspace, options, Kind::DryRun, delete.max_delete).await
    }

    /// Deletes what was confirmed. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`], and `Guard` where the confirmation is for something else.
    pub async fn delete(
        keyspace: &Keyspace,
        options: SweepOptions,
        delete: DeleteOptions,
        confirmed: Confirmed,
    ) -> Result<Self> {
        confirmed.check(&Selection::of(&options.scan), keyspace.server())?;
        let burst = options
            .rate
            .map(|rate| usize::try_from(rate / limits::RATE_BURSTS_PER_S).unwrap_or(usize::MAX));
        let batch = burst.map_or(delete.batch, |burst| delete.batch.min(burst.max(1)));
        let kind = Kind::Delete { confirmed, batch };
        Self::start(keyspace, options, kind, delete.max_delete).await
    }

    async fn start(
        keyspace: &Keyspace,
        mut options: SweepOptions,
        kind: Kind,
        max_delete: Option<u64>,
    ) -> Result<Self> {
        if options.checkpoint.is_some() || options.resume.is_some() {
            keeps_place(&options)?;
        }
        replicas::check(keyspace.server(), &kind, options.from_replica)?;
        let resume = options.resume.take();
        if let Some(checkpoint) = &resume {
            checkpoint.check(&About::new(&kind, keyspace, &options))?;
        }
        let counted = resume.as_ref().map_or(0, Checkpoint::matched);
        let shared = Shared::new(options, max_delete, counted);
        let overview = ProgressHandle::new(shared.started, kind.removes());
        let (shared, team) = if keyspace.is_cluster() {
            let shared = Arc::new(shared.for_many());
            let cluster = Cluster::new(keyspace, &shared, &overview, &kind, resume).await?;
            (shared, Team::Cluster(Box::new(cluster)))
        } else {
            let shared = Arc::new(shared);
            let shard = alone::begin(keyspace, &shared, &kind, resume).await?;
            overview.add(shard.books().clone());
            (shared, Team::Alone(Box::new(shard)))
        };
        Ok(Self {
            keyspace: keyspace.clone(),
            kind,
            shared,
            overview,
            team,
            errors: Vec::new(),
            has_ended: false,
            saved_at: Instant::now(),
        })
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. A failure that ends it
    /// stands in the Summary and in [`Sweep::error`]. Cancel-safe: a dropped future loses no key and no count.
    pub async fn next(&mut self) -> Option<Event> {
        if self.has_ended {
            return None;
        }
        let event = match &mut self.team {
            Team::Alone(shard) => shard.next().await,
            Team::Cluster(cluster) => cluster.next().await,
        };
        if event.is_some() {
            self.checkpoint_if_due();
        } else {
            self.end();
        }
        event
    }

    /// Stops the work from anywhere.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.shared.stop.clone()
    }

    /// Shows how the work stands, from anywhere.
    #[must_use]
    pub fn progress_handle(&self) -> ProgressHandle {
        self.overview.clone()
    }

    /// What ended the walk, if anything did; known when it has ended.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.errors.first()
    }

    /// A few of the keys that were found.
    #[must_use]
    pub fn samples(&self) -> Vec<Key> {
        self.tallies().samples().to_vec()
    }

    /// The slots of a cluster that are not proven to have been walked whole; `None` where the work is on one server.
    #[must_use]
    pub fn uncovered(&self) -> Option<&SlotSet> {
        match &self.team {
            Team::Alone(_) => None,
            Team::Cluster(cluster) => Some(cluster.open()),
        }
    }

    /// Saves where the work stands: every key before that place is settled.
    ///
    /// # Errors
    /// `Io`, and `InvalidOption` for exact and sorted output and KEYS, which keep no place.
    pub fn save_checkpoint(&self, path: &Path) -> Result<()> {
        keeps_place(&self.shared.options)?;
        let about = About::new(&self.kind, &self.keyspace, &self.shared.options);
        let ended = self.is_complete() && !self.is_limited();
        Checkpoint::new(&about, ended, self.uncovered(), &self.overview.books()).save(path)
    }

    fn end(&mut self) {
        self.errors.extend(match &mut self.team {
            Team::Alone(shard) => shard.books().open().error.take().into_iter().collect(),
            Team::Cluster(cluster) => cluster.take_errors(),
        });
        if let Some(path) = self.shared.options.checkpoint.clone()
            && let Err(error) = self.save_checkpoint(&path)
        {
            self.errors.push(error);
        }
        self.has_ended = true;
        self.overview.end(if self.is_complete() {
            RunState::Done
        } else if self.shared.stop.was_asked() && self.errors.is_empty() {
            RunState::Cancelled
        } else {
            RunState::Incomplete
        });
    }

    fn checkpoint_if_due(&mut self) {
        let Some(path) = &self.shared.options.checkpoint else {
            return;
        };
        if self.saved_at.elapsed() < limits::CHECKPOINT_INTERVAL {
            return;
        }
        if let Err(error) = self.save_checkpoint(path) {
            // What is in flight is settled, and the rest is left.
            self.errors.push(error);
            self.shared.stop.stop_all();
        }
        self.saved_at = Instant::now();
    }
}
