//! The sweep itself: takes pages, hands keys on, has them settled, keeps the books, saves checkpoints.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::batcher::Batcher;
use super::checkpoint::Checkpoint;
use super::gauge::ProgressHandle;
use super::options::SweepOptions;
use super::rate;
use super::state::Ledger;
use super::stop::StopHandle;
use super::tallies::Tallies;
use super::view::first_progress;
use super::work::{Work, about, join, keeps_place, push, too_many};
use crate::delete::{Confirmed, DeleteOptions, Deleter, Refused, Selection, Until};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::limits;
use crate::port::{Keyspace, Paced};
use crate::report::PauseReason;
use crate::scan::{Mark, Page, Pages, Step};

/// Something moved.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Keys of a listing.
    Page(Page),
    /// Keys were counted, or handed to be deleted.
    Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Walking,
    Settling,
    Ended,
}

/// One piece of work over a database.
pub struct Sweep {
    pub(super) keyspace: Keyspace,
    pub(super) options: SweepOptions,
    pub(super) work: Work,
    pub(super) max_delete: Option<u64>,
    pub(super) pages: Pages,
    pub(super) paced: Paced,
    pub(super) ledger: Ledger,
    pub(super) tallies: Tallies,
    /// The page that the caller of a listing has in hand: settled when it asks for the next.
    pub(super) listed: Option<Option<Mark>>,
    pub(super) phase: Phase,
    pub(super) stop: StopHandle,
    pub(super) handle: ProgressHandle,
    pub(super) error: Option<Error>,
    pub(super) total_keys: u64,
    /// Keys handed to the work, settled or not, in this run and those that it goes on from.
    pub(super) handed: u64,
    pub(super) rate_due: Duration,
    pub(super) unrated: u64,
    /// The walk has begun again, and the books have yet to.
    pub(super) is_restarting: bool,
    pub(super) walked: bool,
    /// The share that lay behind a resumed run when it began.
    pub(super) share_before: f64,
    /// Keys that other runs had counted before a resumed one.
    pub(super) matched_before: u64,
    pub(super) started: Instant,
    pub(super) elapsed: Duration,
    pub(super) saved_at: Instant,
}

impl Sweep {
    /// Lists keys: `next()` gives pages. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// What DBSIZE gives, and `Checkpoint` where the resumed checkpoint is of other work.
    pub async fn list(keyspace: &Keyspace, options: SweepOptions) -> Result<Self> {
        Self::start(keyspace, options, Work::List, None).await
    }

    /// Counts keys. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Sweep::list`].
    pub async fn count(keyspace: &Keyspace, options: SweepOptions) -> Result<Self> {
        Self::start(keyspace, options, Work::Count, None).await
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
        Self::start(keyspace, options, Work::DryRun, delete.max_delete).await
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
        let batcher = Batcher::new(options.scan.patterns.len(), batch);
        let paced = join(keyspace, &options, true);
        let deleter = Box::new(Deleter::new(keyspace.node(), &confirmed, paced.clone()));
        Self::start_paced(
            keyspace,
            options,
            Work::Delete(deleter, batcher),
            delete.max_delete,
            paced,
        )
        .await
    }

    async fn start(
        keyspace: &Keyspace,
        options: SweepOptions,
        work: Work,
        max_delete: Option<u64>,
    ) -> Result<Self> {
        let paced = join(keyspace, &options, false);
        Self::start_paced(keyspace, options, work, max_delete, paced).await
    }

    async fn start_paced(
        keyspace: &Keyspace,
        options: SweepOptions,
        work: Work,
        max_delete: Option<u64>,
        paced: Paced,
    ) -> Result<Self> {
        if options.checkpoint.is_some() || options.resume.is_some() {
            keeps_place(&options)?;
        }
        let total_keys = keyspace.dbsize().await?;
        // Once more, on a connection that is open now: a first idea of what a round trip takes.
        let asked = Instant::now();
        keyspace.dbsize().await?;
        paced.round_trip(asked.elapsed());
        let mut tallies = Tallies::new(options.scan.patterns.len(), options.prefix_depth);
        let mut mark = Mark::start();
        let mut has_ended = false;
        if let Some(checkpoint) = &options.resume {
            checkpoint.check(&about(&work, keyspace, &options))?;
            checkpoint.restore(&mut tallies);
            mark = checkpoint.mark()?;
            has_ended = checkpoint.has_ended();
            if mark.is_end && !has_ended && matches!(work, Work::Delete(..)) {
                // Walked whole, and not everything went: what failed is found and tried again.
                mark = Mark::start();
                tallies.restart();
            }
        }
        let counted = tallies.total();
        let mut scan = options.scan.clone();
        scan.limit = scan
            .limit
            .map(|limit| limit.saturating_sub(counted.matched()));
        let mut pages = Pages::paced(keyspace, scan, &mark, paced.clone(), options.most_count());
        if !matches!(work, Work::List) {
            pages = pages.run_ahead();
        }
        let share_before = pages.share();
        let now = Instant::now();
        let first = first_progress(keyspace, &pages);
        let handle = ProgressHandle::new(first, keyspace.node().waits(), paced.figures());
        let sweep = Self {
            max_delete,
            ledger: Ledger::new(mark),
            phase: if has_ended {
                Phase::Settling
            } else {
                Phase::Walking
            },
            walked: has_ended,
            listed: None,
            keyspace: keyspace.clone(),
            options,
            work,
            pages,
            paced,
            tallies,
            stop: StopHandle::default(),
            handle,
            error: None,
            total_keys,
            handed: counted.matched(),
            rate_due: Duration::ZERO,
            unrated: 0,
            is_restarting: false,
            share_before,
            matched_before: counted.matched(),
            started: now,
            elapsed: Duration::ZERO,
            saved_at: now,
        };
        sweep.publish();
        Ok(sweep)
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. A failure that ends it
    /// stands in the Summary and in [`Sweep::error`]. Cancel-safe: a dropped future loses no key and no count.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.phase {
                Phase::Walking => {
                    let event = self.walk().await;
                    self.publish();
                    if event.is_some() {
                        return event;
                    }
                }
                Phase::Settling => self.settle().await,
                Phase::Ended => return None,
            }
        }
    }

    /// Stops the work from anywhere.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Shows how the work stands, from anywhere.
    #[must_use]
    pub fn progress_handle(&self) -> ProgressHandle {
        self.handle.clone()
    }

    /// What ended the walk, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// A few of the keys that were found.
    #[must_use]
    pub fn samples(&self) -> &[Key] {
        self.tallies.samples()
    }

    /// Saves where the work stands: every key before that place is settled.
    ///
    /// # Errors
    /// `Io`, and `InvalidOption` for exact and sorted output and KEYS, which keep no place.
    pub fn save_checkpoint(&self, path: &Path) -> Result<()> {
        keeps_place(&self.options)?;
        let about = about(&self.work, &self.keyspace, &self.options);
        let ended = self.is_complete() && !self.pages.is_limited();
        Checkpoint::new(&about, self.ledger.mark(), ended, &self.tallies).save(path)
    }

    async fn walk(&mut self) -> Option<Event> {
        if let Some(mark) = self.listed.take() {
            self.ledger.open_page(mark, 0);
            self.checkpoint_if_due();
        }
        let stop = self.stop.clone();
        let ready = tokio::select! {
            biased;
            () = stop.stopped() => {
                self.phase = Phase::Settling;
                return None;
            }
            ready = self.send() => ready,
        };
        if let Err(error) = ready {
            self.fail(error);
            return None;
        }
        self.keep_rate().await;
        let step = tokio::select! {
            biased;
            () = self.stop.stopped() => return None,
            step = self.pages.next() => step,
        };
        match step {
            Ok(Some(Step::Page(page))) => Some(self.take(page)),
            Ok(Some(Step::Restarted)) => {
                self.is_restarting = true;
                Some(Event::Step)
            }
            Ok(None) => {
                self.walked = true;
                self.phase = Phase::Settling;
                None
            }
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Counts a page's keys, and hands them to the work.
    fn take(&mut self, page: Page) -> Event {
        let room = self.max_delete.map_or(usize::MAX, |max| {
            usize::try_from(max.saturating_sub(self.handed)).unwrap_or(usize::MAX)
        });
        let keys = page.keys().len().min(room);
        self.handed += keys as u64;
        self.unrated += keys as u64;
        if keys < page.keys().len() {
            self.fail(too_many(self.max_delete.unwrap_or(0)));
        }
        let mark = page.mark().filter(|_| keys == page.keys().len()).cloned();
        if let Work::Delete(deleter, batcher) = &mut self.work {
            let number = self.ledger.open_page(mark, keys as u64);
            for (place, key) in page.keys()[..keys].iter().enumerate() {
                self.tallies.sample(key);
                if let Some(cut) = batcher.push(key.clone(), page.pattern_of(place), number) {
                    push(deleter, &mut self.ledger, cut);
                }
            }
            if batcher.is_stale(number) {
                batcher
                    .cut_all()
                    .into_iter()
                    .for_each(|cut| push(deleter, &mut self.ledger, cut));
            }
            self.book();
            return Event::Step;
        }
        for (place, key) in page.keys()[..keys].iter().enumerate() {
            self.tallies.find(key, page.pattern_of(place));
        }
        if matches!(self.work, Work::List) {
            self.listed = Some(mark);
            return Event::Page(page);
        }
        self.ledger.open_page(mark, 0);
        self.checkpoint_if_due();
        Event::Step
    }

    /// Batches that are full go on their way; before the books begin again, all of them are settled. Cancel-safe.
    async fn send(&mut self) -> Result<()> {
        let until = if self.is_restarting {
            Until::Settled
        } else {
            Until::Sent
        };
        if let Work::Delete(deleter, _) = &mut self.work
            && (self.is_restarting || deleter.has_waiting())
        {
            self.pages.land().await;
            let sent = deleter.run(until).await;
            self.book();
            self.checkpoint_if_due();
            sent?;
        }
        if std::mem::take(&mut self.is_restarting) {
            self.restart();
        }
        Ok(())
    }

    /// What is in flight comes to its end; then the work has ended.
    async fn settle(&mut self) {
        self.pages.let_go();
        if self.stop.is_stopped() {
            self.paced.end();
        }
        if let Work::Delete(deleter, batcher) = &mut self.work
            && !deleter.has_given_up()
        {
            // Also where a stop was asked for: what a page has begun is brought to its end, and the Mark behind it holds.
            for cut in batcher.cut_all() {
                push(deleter, &mut self.ledger, cut);
            }
            let settled = deleter.run(Until::Settled).await;
            self.book();
            if let Err(error) = settled {
                self.fail(error);
            }
        }
        self.elapsed = self.started.elapsed();
        if let Some(path) = self.options.checkpoint.clone()
            && let Err(error) = self.save_checkpoint(&path)
        {
            self.fail(error);
        }
        self.phase = Phase::Ended;
        self.publish();
    }

    /// Enters what came to its end into the books.
    fn book(&mut self) {
        let Work::Delete(deleter, _) = &mut self.work else {
            return;
        };
        for settled in deleter.take_settled() {
            // An unknown outcome is no end: no Mark may pass its keys, so that a resumed run asks again.
            let ended = settled.tally.sum() - settled.tally.unknown;
            if let Some(pattern) = self.ledger.settle(settled.batch, ended) {
                self.tallies.settle(pattern, &settled.tally);
            }
            if let Some(refused) = &settled.refused {
                self.tallies
                    .fail(refused, settled.tally.failed + settled.tally.unknown);
            }
        }
    }

    fn restart(&mut self) {
        self.ledger.restart();
        if !matches!(self.work, Work::List) {
            self.tallies.restart();
        }
        if !matches!(self.work, Work::List | Work::Delete(..)) {
            self.pages.forget_handed_out(self.options.scan.limit);
            self.handed = 0;
        }
        if let Work::Delete(_, batcher) = &mut self.work {
            // Found again; sent twice they would be counted twice.
            self.handed -= batcher.forget();
        }
    }

    /// The work can't go on: what is in flight is settled, and the rest is left.
    fn fail(&mut self, error: Error) {
        self.phase = Phase::Settling;
        self.tallies.fail(
            &Refused {
                kind: error.kind(),
                text: error.to_string(),
                sample: None,
            },
            1,
        );
        self.error.get_or_insert(error);
    }

    async fn keep_rate(&mut self) {
        let Some(keys_per_s) = self.options.rate else {
            return;
        };
        let now = self.started.elapsed();
        self.rate_due = rate::next_due(
            self.rate_due,
            now,
            std::mem::take(&mut self.unrated),
            keys_per_s,
        );
        let pause = self.rate_due.saturating_sub(now);
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            () = self.stop.stopped() => return,
            () = self.pages.land() => {}
        }
        tokio::select! {
            () = self.stop.stopped() => {}
            () = self.paced.pause(pause, PauseReason::Rate) => {}
        }
    }

    fn checkpoint_if_due(&mut self) {
        let Some(path) = &self.options.checkpoint else {
            return;
        };
        if self.saved_at.elapsed() < limits::CHECKPOINT_INTERVAL {
            return;
        }
        if let Err(error) = self.save_checkpoint(path) {
            self.fail(error);
        }
        self.saved_at = Instant::now();
    }
}
