//! The restore itself: reads the file load by load, sends each out, and settles all of it before the next, so that of
//! two copies of a key the right one comes first.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::super::rate;
use super::super::stop::StopHandle;
use super::super::tallies::Tallies;
use super::options::{Existing, RestoreConsent, RestoreOptions};
use super::plan::RestorePlan;
use super::routes::Routes;
use super::state::{Fate, Outcomes, Parcel};
use super::view::{RestoreProgress, Standing};
use crate::backup::{BackupIndex, Saved};
use crate::delete::Refused;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::{BudgetHandle, Thresholds};
use crate::port::Keyspace;
use crate::report::RunState;

/// What all couriers share.
pub(super) struct Common {
    pub(super) existing: Existing,
    pub(super) budget: BudgetHandle,
    pub(super) thresholds: Thresholds,
    pub(super) stop: StopHandle,
    rate: Option<u64>,
    /// Keys that go at once, so that a rate is kept in small steps.
    pub(super) burst: u64,
    started: Instant,
    due: Mutex<Duration>,
}

impl Common {
    fn new(options: &RestoreOptions) -> Self {
        Self {
            existing: options.existing,
            budget: options.budget.clone(),
            thresholds: options.thresholds,
            stop: StopHandle::default(),
            rate: options.rate,
            burst: (options.rate)
                .map_or(u64::MAX, |rate| (rate / limits::RATE_BURSTS_PER_S).max(1)),
            started: Instant::now(),
            due: Mutex::new(Duration::ZERO),
        }
    }

    /// How long to wait once so many keys more have gone.
    pub(super) fn pause_after(&self, keys: u64) -> Duration {
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        let now = self.started.elapsed();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = rate::next_due(*due, now, keys, rate);
        due.saturating_sub(now)
    }
}

/// A record that was not brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unrestored {
    /// Its key.
    pub key: Key,
    /// The server can't read the payload; otherwise something else was wrong.
    pub is_refused: bool,
    /// Why.
    pub text: String,
}

/// One piece of work over a backup.
pub struct Restore {
    pub(super) options: RestoreOptions,
    pub(super) common: Arc<Common>,
    pub(super) index: Arc<BackupIndex>,
    pub(super) routes: Routes,
    /// Blocks that were read.
    blocks_read: usize,
    /// Records that were read and belong to no load yet.
    pending: VecDeque<Saved>,
    /// Keys whose newest copy was met, of those that may have others.
    newest: HashSet<Key>,
    pub(super) by_pattern: Vec<Outcomes>,
    pub(super) failures: Tallies,
    unrestored: Vec<Unrestored>,
    pub(super) standing: Arc<Mutex<Standing>>,
    pub(super) error: Option<Error>,
    pub(super) has_ended: bool,
}

impl Restore {
    /// Begins to bring back what the file holds. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// `Guard` where the consent doesn't reach as far as the [`RestorePlan`]; what finding a cluster's nodes gives.
    pub async fn begin(
        keyspace: &Keyspace,
        index: BackupIndex,
        options: RestoreOptions,
        consent: RestoreConsent,
    ) -> Result<Self> {
        RestorePlan::new(keyspace, &index, &options)
            .await?
            .check(consent)?;
        let common = Arc::new(Common::new(&options));
        let mut failures = Tallies::new(1, None);
        for text in index.damage() {
            let refused = Refused {
                kind: ErrorKind::Damaged,
                text,
                sample: None,
            };
            failures.fail(&refused, 1);
        }
        Ok(Self {
            routes: Routes::new(keyspace, &common),
            by_pattern: vec![Outcomes::default(); options.patterns.len().max(1)],
            standing: Arc::new(Mutex::new(Standing::new(common.started))),
            options,
            common,
            index: Arc::new(index),
            blocks_read: 0,
            pending: VecDeque::new(),
            newest: HashSet::new(),
            failures,
            unrestored: Vec::new(),
            error: None,
            has_ended: false,
        })
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. A failure that ends it
    /// stands in the Summary and in [`Restore::error`]. Cancel-safe: a dropped future loses no record and no count.
    pub async fn next(&mut self) -> Option<()> {
        if self.has_ended {
            return None;
        }
        match self.step().await {
            Ok(true) => {
                self.show(RunState::Running);
                Some(())
            }
            Ok(false) => {
                self.end();
                None
            }
            Err(error) => {
                self.settle();
                self.failures.fail_with(&error);
                self.error = Some(error);
                self.end();
                None
            }
        }
    }

    /// Records that were not brought back since the last call of this or of `next()`: who wants to name each of them asks
    /// after each.
    pub fn take_unrestored(&mut self) -> Vec<Unrestored> {
        std::mem::take(&mut self.unrestored)
    }

    /// Stops the work from anywhere.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.common.stop.clone()
    }

    /// Shows how the work stands, from anywhere.
    #[must_use]
    pub fn progress_handle(&self) -> RestoreProgress {
        RestoreProgress::new(Arc::clone(&self.standing))
    }

    /// What ended the work before its end, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// False when nothing is left to be done.
    async fn step(&mut self) -> Result<bool> {
        self.unrestored.clear();
        let is_stopped = self.common.stop.is_stopped();
        if is_stopped
            && !self
                .routes
                .couriers
                .iter()
                .any(|courier| courier.is_flying())
        {
            return Ok(false);
        }
        if self.routes.is_idle() && !self.load().await? {
            return Ok(false);
        }
        let hopeless = self.routes.send_out(&self.common).await?;
        self.enter(hopeless);
        let common = Arc::clone(&self.common);
        let running = self
            .routes
            .couriers
            .iter_mut()
            .map(|courier| courier.run(&common));
        let ran: Result<Vec<()>> = join_all(running).await.into_iter().collect();
        self.settle();
        ran?;
        Ok(true)
    }

    /// The next records, no two of them of one key. False at the end of the file.
    async fn load(&mut self) -> Result<bool> {
        while self.pending.is_empty() && self.blocks_read < self.index.blocks() {
            let (index, from) = (Arc::clone(&self.index), self.blocks_read);
            // Of a dropped call nothing is kept, and the same is read again.
            let reading = tokio::task::spawn_blocking(move || read(&index, from));
            let (saved, blocks_read) = reading.await.map_err(broken)??;
            self.blocks_read = blocks_read;
            self.pending.extend(saved);
        }
        let mut keys: HashSet<Key> = HashSet::new();
        while let Some(saved) = self.pending.front() {
            if keys.contains(saved.key()) {
                break;
            }
            let Some(saved) = self.pending.pop_front() else {
                break;
            };
            if let Some(pattern) = self.options.pattern_of(saved.key().as_bytes()) {
                // The newest copy decides, also where its time has passed or the server can't read it.
                let may_follow = self.index.may_be_twice(saved.key());
                if may_follow && !self.newest.insert(saved.key().detach()) {
                    if let Some(outcomes) = self.by_pattern.get_mut(pattern) {
                        outcomes.count(&Fate::Existing);
                    }
                    continue;
                }
                keys.insert(saved.key().clone());
                self.routes.lost.push(Parcel {
                    saved,
                    pattern,
                    was_sent: false,
                    rounds: 0,
                    is_absolute: false,
                    asked_at: None,
                });
            }
        }
        Ok(!self.routes.lost.is_empty()
            || self.blocks_read < self.index.blocks()
            || !self.pending.is_empty())
    }

    /// Enters what has come to its end, and takes back what has to find another node.
    fn settle(&mut self) {
        let mut ended = self.routes.take_back();
        for courier in &mut self.routes.couriers {
            ended.append(&mut courier.ended);
        }
        self.enter(ended);
    }

    fn enter(&mut self, ended: Vec<(Parcel, Fate)>) {
        for (parcel, fate) in ended {
            if let Some(outcomes) = self.by_pattern.get_mut(parcel.pattern) {
                outcomes.count(&fate);
            }
            let (kind, text, is_refused) = match fate {
                Fate::Refused(text) => (ErrorKind::Unsupported, text, true),
                Fate::Failed(kind, text) => (kind, text, false),
                Fate::Restored | Fate::Existing | Fate::Expired => continue,
            };
            let key = parcel.saved.key().detach();
            let refused = Refused {
                kind,
                text: text.clone(),
                sample: Some(key.clone()),
            };
            self.failures.fail(&refused, 1);
            self.unrestored.push(Unrestored {
                key,
                is_refused,
                text,
            });
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.show(if self.is_complete() {
            RunState::Done
        } else if self.common.stop.was_asked() && self.error.is_none() {
            RunState::Cancelled
        } else {
            RunState::Incomplete
        });
    }

    fn show(&self, state: RunState) {
        let blocks = self.index.blocks().max(1) as f64;
        let share = match state {
            RunState::Done => 1.0,
            _ => self.blocks_read as f64 / blocks,
        };
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.update(state, share, self.total(), &self.routes.couriers);
    }

    pub(super) fn total(&self) -> Outcomes {
        let mut total = Outcomes::default();
        self.by_pattern.iter().for_each(|own| total.add(own));
        total
    }

    /// Whether all of the file was dealt with.
    pub(super) fn is_through(&self) -> bool {
        self.blocks_read == self.index.blocks() && self.pending.is_empty() && self.routes.is_idle()
    }

    pub(super) fn is_complete(&self) -> bool {
        let total = self.total();
        self.is_through()
            && self.error.is_none()
            && total.failed + total.refused == 0
            && self.index.damage().is_empty()
    }
}

/// Whole blocks until they are a load, the newest first, when so many have been read.
fn read(index: &BackupIndex, from: usize) -> Result<(Vec<Saved>, usize)> {
    let (mut all, mut bytes, mut nth) = (Vec::new(), 0, from);
    while nth < index.blocks() && bytes < limits::RESTORE_LOAD_BYTES {
        let mut saved = index.block(index.blocks() - 1 - nth)?;
        saved.reverse();
        bytes += saved.iter().map(|saved| saved.value().len()).sum::<usize>();
        all.append(&mut saved);
        nth += 1;
    }
    Ok((all, nth))
}

fn broken(cause: tokio::task::JoinError) -> Error {
    Error::new(
        ErrorKind::Io,
        Retry::Never,
        "read the backup",
        "the thread that reads has ended",
    )
    .with_source(cause)
}
