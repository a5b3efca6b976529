//! The sweep itself: one node's shard, or a cluster's; saves checkpoints, and says when the work has ended.

use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::checkpoint::Checkpoint;
use super::ground;
use super::options::SweepOptions;
use super::overview::ProgressHandle;
use super::replicas;
use super::saving;
use super::shared::Shared;
use super::stop::StopHandle;
use super::team::Team;
use super::verify::{self, Verifying};
use super::work::{About, Kind, keeps_place};
use crate::backup::RunToken;
use crate::delete::{Confirmed, DeleteOptions, Selection};
use crate::error::{Error, Result};
use crate::key::{Key, SlotSet};
use crate::limits;
use crate::port::Keyspace;
use crate::report::RunState;
use crate::scan::{Mark, Page};

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
    /// The run that its backup is of.
    pub(super) backup: Option<RunToken>,
    pub(super) verifying: Verifying,
    has_ended: bool,
    saved_at: Instant,
}

impl Sweep {
    /// Lists keys: `next()` gives pages. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// What DBSIZE and finding a cluster's nodes give, `Guard` for a cluster with slots that nobody serves, and
    /// `Checkpoint` where the resumed checkpoint is of other work; `Guard` for a filter that would lie on this server, and
    /// `InvalidOption` for filters that no key passes.
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

    /// Deletes what was confirmed, and goes on by itself to verify that where the options say so. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`], and `Guard` where the confirmation is for something else, where a right that the filters or the
    /// backup need is missing, and where the backup's file is there and not of this run; `InvalidOption` where a limit is to
    /// be verified.
    pub async fn delete(
        keyspace: &Keyspace,
        options: SweepOptions,
        delete: DeleteOptions,
        confirmed: Confirmed,
    ) -> Result<Self> {
        let selection = Selection::of(&options.scan).with_filters(&options.filters);
        confirmed.check(&selection, keyspace.server())?;
        let burst = options
            .rate
            .map(|rate| usize::try_from(rate / limits::RATE_BURSTS_PER_S).unwrap_or(usize::MAX));
        let batch = burst.map_or(delete.batch, |burst| delete.batch.min(burst.max(1)));
        let confirmed = Box::new(confirmed);
        let kind = Kind::Delete { confirmed, batch };
        let verify = verify::wanted(&delete, &options, keyspace.server())?;
        let mut sweep = Self::start(keyspace, options, kind, delete.max_delete).await?;
        sweep.verifying = Verifying::new(verify);
        Ok(sweep)
    }

    pub(super) async fn start(
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
            checkpoint.check(&About::new(&kind, keyspace, &options, checkpoint.backup()?))?;
        }
        if let Some(path) = &options.checkpoint {
            Checkpoint::check_place(path)?;
        }
        let (acts, aim) = (ground::acts(&kind, &options), ground::aim(&kind));
        ground::check_all(keyspace, &options, acts, aim).await?;
        let saving = saving::open(&kind, &options, keyspace.server(), resume.as_ref())?;
        if let (Some((vault, _)), Some(path)) = (&saving, &options.checkpoint)
            && let Err(error) = Checkpoint::check_place(path)
        {
            // One name for both, however it is spelled. The backup is empty, and goes.
            vault.close().await?;
            return Err(error);
        }
        let counted = resume.as_ref().map_or(0, Checkpoint::matched);
        let mut shared = Shared::new(options, max_delete, counted);
        if resume.is_some() && kind.removes() {
            shared.walk_again();
        }
        if kind.looks(&shared.options, shared.has_ceiling) {
            shared = shared.limit_after_look();
        }
        let backup = saving.as_ref().map(|(_, run)| *run);
        shared.vault = saving.map(|(vault, _)| vault);
        let overview = ProgressHandle::new(shared.started, kind.removes());
        let shared = Arc::new(if keyspace.is_cluster() {
            shared.for_many()
        } else {
            shared
        });
        let team = match Team::begin(keyspace, &shared, &overview, &kind, resume).await {
            Ok(team) => team,
            Err(error) => {
                // A file that stays empty goes before anybody hears of it; why it could not be closed tells nothing more.
                if let Some(vault) = &shared.vault {
                    let _ = vault.close().await;
                }
                return Err(error);
            }
        };
        Ok(Self {
            keyspace: keyspace.clone(),
            kind,
            shared,
            overview,
            team,
            errors: Vec::new(),
            backup,
            verifying: Verifying::default(),
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
        let event = match self.verifying.counting() {
            Some(counting) => counting.next().await,
            None => self.team.next().await,
        };
        if event.is_some() {
            self.checkpoint_if_due();
            return event;
        }
        if self.goes_on().await {
            return Some(Event::Step);
        }
        self.close_vault().await;
        self.end();
        None
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
        self.team.uncovered()
    }

    /// Saves where the work stands: every key before that place is settled.
    ///
    /// # Errors
    /// `Io`, and `InvalidOption` for exact and sorted output and KEYS, which keep no place.
    pub fn save_checkpoint(&self, path: &Path) -> Result<()> {
        keeps_place(&self.shared.options)?;
        let about = About::new(
            &self.kind,
            &self.keyspace,
            &self.shared.options,
            self.backup,
        );
        let books = self.overview.books();
        if let Some(of_delete) = self.verifying.books_of_delete() {
            // The delete is done, and another run has to verify it.
            let open = self.uncovered().map(|_| SlotSet::default());
            return Checkpoint::new(&about, true, open.as_ref(), &books[..of_delete]).save(path);
        }
        let ended = self.is_settled() && !self.is_limited();
        Checkpoint::new(&about, ended, self.uncovered(), &books).save(path)
    }

    /// Where a listing stands, as small as it can be told: parts of a cluster that are walked whole, or not begun, need no
    /// word, since the slots that are open say it.
    pub(super) fn place(&self) -> Checkpoint {
        let about = About::new(&self.kind, &self.keyspace, &self.shared.options, None);
        let mut books = self.overview.books();
        if self.uncovered().is_some() {
            books.retain(|books| {
                let books = books.open();
                !books.has_walked && *books.ledger.mark() != Mark::start()
            });
        }
        Checkpoint::new(&about, false, self.uncovered(), &books)
    }

    /// The last of the backup is on disk before the end is told.
    async fn close_vault(&mut self) {
        if let Some(vault) = &self.shared.vault
            && let Err(error) = vault.close().await
        {
            self.errors.push(error);
        }
    }

    fn end(&mut self) {
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
