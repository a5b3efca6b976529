//! Moves a namespace to another version of its owner key, while its clients go on: walks until nothing is left under former
//! names, and everybody has heard.

use tokio::time::{Instant, sleep_until};

use super::options::{IndexOptions, RekeyConsent};
use super::progress::IndexProgress;
use super::walk::{self, Failures, millis, pace_of};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::SlotSet;
use crate::limits::index as limits;
use crate::port::{Keyspace, Router};
use crate::records::{Mover, Namespace, OwnerKeys, add_key};
use crate::report::{Progress, RekeyReport};
use crate::sweep::drive::{Event, Sweep};
use crate::sweep::options::SweepOptions;
use crate::sweep::stop::StopHandle;

/// Adds a key to the file that these came from, for a later [`Rekey`]; the former file stays beside it as `.bak`. Nothing on
/// the server is changed. Gives all keys. Not cancel-safe: the file may have been written or not.
///
/// # Errors
/// `Guard` where there is no index, where a key was added already or owners are being moved, and where an old layout is
/// followed; `Io` where the file can't be written.
pub async fn add_owner_key(
    keyspace: &Keyspace,
    namespace: &Namespace,
    keys: &OwnerKeys,
) -> Result<OwnerKeys> {
    add_key(&Router::new(keyspace), namespace, keys).await
}

/// A move to the last key of a key file, driven by its caller as a [`Sweep`](crate::Sweep) is.
pub struct Rekey {
    keyspace: Keyspace,
    /// How each pass walks.
    walk: SweepOptions,
    sweep: Sweep,
    mover: Mover,
    phase: Phase,
    walks: u32,
    /// When the walk that is under way has begun.
    walk_began: Instant,
    /// From then on everybody has heard that owners move.
    heard_at: Instant,
    progress: IndexProgress,
    stop: StopHandle,
    failures: Failures,
    started: Instant,
    error: Option<Error>,
}

/// What it is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Walking,
    /// Nothing was found, and not everybody has heard.
    Waiting,
    /// The rotation has ended; its marks stay until everybody has heard of that too, and no failover takes it back.
    Ended,
    /// They go.
    Cleaning,
    Done,
    /// Every key was looked at, and some could not be moved.
    Failed,
    /// Stopped, or a part was not walked.
    Cut,
}

impl Rekey {
    /// Begins, or goes on where an earlier run was cut short. Not cancel-safe: from now on clients need the whole key file.
    ///
    /// # Errors
    /// `Guard` where the key file has no further key, where it is not the namespace's, where another run is under way or an
    /// old layout is followed; as [`Sweep::list`](crate::Sweep::list).
    pub async fn begin(
        keyspace: &Keyspace,
        options: IndexOptions,
        consent: RekeyConsent,
    ) -> Result<Self> {
        let RekeyConsent::Confirmed = consent;
        let (ground, walk) = walk::whole(keyspace, options, "index rekey")?;
        let mover = Mover::begin(ground).await?;
        let started = Instant::now();
        let sweep = Sweep::list(keyspace, walk.clone()).await?;
        Ok(Self {
            keyspace: keyspace.clone(),
            walk,
            progress: IndexProgress::new(sweep.progress_handle()),
            stop: StopHandle::default(),
            sweep,
            mover,
            phase: Phase::Walking,
            walks: 1,
            walk_began: started,
            heard_at: started + limits::REKEY_HEARD,
            failures: Failures::new(),
            started,
            error: None,
        })
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. Not cancel-safe: an owner whose
    /// move was dropped stays closed until it is begun again.
    pub async fn next(&mut self) -> Option<()> {
        let done = match self.phase {
            Phase::Done | Phase::Failed | Phase::Cut => return None,
            Phase::Waiting | Phase::Ended => self.wait().await,
            Phase::Walking | Phase::Cleaning => self.walk().await,
        };
        if let Err(error) = done {
            self.cut(Some(error));
        }
        (!self.has_ended()).then_some(())
    }

    fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed | Phase::Cut)
    }

    async fn walk(&mut self) -> Result<()> {
        let moved = {
            let own = self.sweep.stop_handle();
            let next = self.sweep.next();
            tokio::pin!(next);
            tokio::select! {
                biased;
                moved = &mut next => moved,
                () = self.stop.stopped() => {
                    own.stop();
                    next.await
                }
            }
        };
        match moved {
            Some(Event::Page(page)) if self.phase == Phase::Cleaning => {
                self.mover.clean(page.keys()).await
            }
            Some(Event::Page(page)) => {
                let stop = self.stop.clone();
                let dealt = self.mover.page(page.keys(), || stop.is_stopped()).await;
                self.failures.add(std::mem::take(&mut self.mover.faults));
                if !dealt? {
                    self.cut(None);
                }
                Ok(())
            }
            // A walk may wait for long between two pages.
            Some(Event::Step) if self.phase == Phase::Walking => self.mover.hold().await,
            Some(Event::Step) => Ok(()),
            None => self.walked().await,
        }
    }

    /// A walk has come to its end.
    async fn walked(&mut self) -> Result<()> {
        if !self.sweep.is_complete() {
            self.cut(None);
            return Ok(());
        }
        if self.phase == Phase::Cleaning {
            self.phase = Phase::Done;
            return Ok(());
        }
        let has_settled = self.mover.found == 0 && self.walk_began >= self.heard_at;
        if has_settled && !self.failures.is_empty() {
            self.phase = Phase::Failed;
            return Ok(());
        }
        if has_settled {
            self.mover.end().await?;
            self.heard_at = Instant::now() + limits::REKEY_HEARD;
            self.phase = Phase::Ended;
            return Ok(());
        }
        if self.mover.found == 0 {
            self.phase = Phase::Waiting;
            return Ok(());
        }
        if self.walks >= limits::MAX_PASSES {
            let context = "somebody goes on writing under the former owner key";
            return Err(
                Error::new(ErrorKind::Limit, Retry::Never, "end the move", context).with_hint(
                    "stop writers that never read the namespace's meta, and run the same again",
                ),
            );
        }
        self.another().await
    }

    async fn another(&mut self) -> Result<()> {
        self.walk_began = Instant::now();
        let sweep = Sweep::list(&self.keyspace, self.walk.clone()).await?;
        self.walks += 1;
        self.mover.found = 0;
        self.progress.follow(sweep.progress_handle());
        self.sweep = sweep;
        Ok(())
    }

    /// Until everybody has heard, a part of it.
    async fn wait(&mut self) -> Result<()> {
        let until = self.heard_at.min(Instant::now() + limits::REKEY_HOLD_EVERY);
        tokio::select! {
            () = self.stop.stopped() => self.cut(None),
            () = sleep_until(until) => {
                let has_heard = Instant::now() >= self.heard_at;
                match self.phase {
                    Phase::Ended if has_heard => self.clean().await?,
                    Phase::Ended => {}
                    _ => {
                        self.mover.hold().await?;
                        if has_heard {
                            self.phase = Phase::Walking;
                            self.another().await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn clean(&mut self) -> Result<()> {
        if let Err(error) = self.mover.has_ended().await {
            // It goes on, with the marks that it needs for that.
            self.phase = Phase::Walking;
            return Err(error);
        }
        self.phase = Phase::Cleaning;
        self.another().await
    }

    fn cut(&mut self, error: Option<Error>) {
        self.sweep.stop_handle().stop();
        self.error = self.error.take().or(error);
        self.phase = match self.phase {
            // The rotation has ended; marks that stay do no harm.
            Phase::Ended | Phase::Cleaning => Phase::Done,
            _ => Phase::Cut,
        };
    }

    /// Stops the work from anywhere: the owner who is under way is moved.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Shows how the work stands, from anywhere.
    #[must_use]
    pub fn progress_handle(&self) -> IndexProgress {
        self.progress.clone()
    }

    /// How the work stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// What ended the work early, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref().or(self.sweep.error())
    }

    /// The slots of a cluster that are not proven to have been walked whole; `None` on one server.
    #[must_use]
    pub fn uncovered(&self) -> Option<&SlotSet> {
        self.sweep.uncovered()
    }

    /// Every key was looked at, by a walk that found nothing more to move.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Failed)
    }

    /// What was done so far; final once `next()` gave `None`.
    #[must_use]
    pub fn report(&self) -> RekeyReport {
        RekeyReport {
            namespace: self.mover.namespace().to_string(),
            complete: self.phase == Phase::Done && self.error.is_none(),
            owners: self.mover.owners,
            moved: self.mover.moved,
            elapsed_ms: millis(self.started.elapsed()),
            pace: pace_of(&self.sweep, self.mover.router(), self.walk.budget.get()),
            errors: self.failures.all(self.error.as_ref(), &self.sweep),
        }
    }
}
