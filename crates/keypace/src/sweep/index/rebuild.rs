//! Makes the index out of an application's own keys, while the application goes on writing them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::leftover;
use super::options::{IndexOptions, RebuildOptions};
use super::progress::IndexProgress;
use super::state::{After, Passes, after};
use super::walk::{self, Failures, millis, pace_of};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::SlotSet;
use crate::port::Keyspace;
use crate::records::{Importer, Migration, Passed, State, switched};
use crate::report::{Progress, RebuildReport};
use crate::sweep::checkpoint::Checkpoint;
use crate::sweep::drive::{Event, Sweep};
use crate::sweep::options::SweepOptions;
use crate::sweep::stop::StopHandle;

/// A rebuild, driven by its caller as a [`Sweep`](crate::Sweep) is: one pass after the other.
pub struct Rebuild {
    keyspace: Keyspace,
    options: RebuildOptions,
    /// How each pass walks.
    walk: SweepOptions,
    sweep: Sweep,
    importer: Importer,
    so_far: SoFar,
    /// The pass that is under way was begun by an earlier run.
    is_resumed: bool,
    /// What the pass that was walked last did.
    last: Passed,
    progress: IndexProgress,
    stop: StopHandle,
    failures: Failures,
    started: Instant,
    error: Option<Error>,
    end: Option<End>,
}

/// What is kept in a checkpoint beside the place of the pass.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SoFar {
    /// Passes that were walked whole.
    passes: u32,
    /// The pass that is under way is the last before a switch.
    is_last: bool,
    /// What they did, all together.
    total: Passed,
    /// What the one that is under way has done up to its place.
    current: Passed,
}

/// How a rebuild ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Switched,
    Unsettled,
    StillWritten,
    Unlisted,
    /// Every key was looked at, and some could not be written.
    Failed,
    /// Stopped, or a part was not walked.
    Cut,
}

impl Rebuild {
    /// Begins, or goes on from the checkpoint of the walk's options. Not cancel-safe: the namespace is told that it follows
    /// the old layout from now on.
    ///
    /// # Errors
    /// `Guard` where the old layout was left behind, where the index follows another one, or the owner keys are not those of
    /// the namespace, also where only its records are left and tell so; `InvalidOption` for a switch by what replicas have; as
    /// [`Sweep::list`](crate::Sweep::list).
    pub async fn begin(
        keyspace: &Keyspace,
        options: IndexOptions,
        rebuild: RebuildOptions,
    ) -> Result<Self> {
        let begun = walk::begin(keyspace, options, "index rebuild").await?;
        if rebuild.switch && begun.walk.from_replica {
            return Err(no_replica());
        }
        let ground = begun.ground;
        if begun.state == State::Switched {
            return Err(switched(&ground.namespace));
        }
        if begun.state == State::Unknown {
            leftover::check(keyspace, &begun.walk, &ground).await?;
        }
        let mut walk = begun.walk;
        let so_far = walk.resume.as_ref().map_or(Ok(SoFar::default()), noted)?;
        walk.notes.set(&so_far);
        let sweep = Sweep::list(keyspace, walk.clone()).await?;
        let is_resumed = walk.resume.take().is_some();
        Migration::follow(
            &ground.router,
            &ground.namespace,
            &ground.keys,
            &ground.layout,
        )
        .await?;
        Ok(Self {
            keyspace: keyspace.clone(),
            options: rebuild,
            walk,
            progress: IndexProgress::new(sweep.progress_handle()),
            stop: StopHandle::default(),
            sweep,
            importer: Importer {
                ground,
                passed: so_far.current,
                faults: Vec::new(),
            },
            last: so_far.current,
            so_far,
            is_resumed,
            failures: Failures::new(),
            started: Instant::now(),
            error: None,
            end: None,
        })
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. Not cancel-safe: what a dropped
    /// future has written stands, and its page is dealt with again only from a checkpoint.
    pub async fn next(&mut self) -> Option<()> {
        if self.end.is_some() {
            return None;
        }
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
            Some(Event::Page(page)) => self.import(page.keys()).await,
            Some(Event::Step) => {}
            None => self.passed().await,
        }
        self.end.is_none().then_some(())
    }

    async fn import(&mut self, keys: &[crate::key::Key]) {
        let done = match self.still_follows().await {
            Ok(()) => self.importer.page(keys).await,
            Err(error) => Err(error),
        };
        self.failures.add(std::mem::take(&mut self.importer.faults));
        match done {
            // The page is behind the next place that is kept, and so is what was counted of it.
            Ok(()) => {
                self.so_far.current = self.importer.passed;
                self.walk.notes.set(&self.so_far);
            }
            Err(error) => {
                self.importer.passed = self.so_far.current;
                self.cut(Some(error));
            }
        }
    }

    /// Somebody else may switch while this works, and from then on the old keys would undo changes.
    async fn still_follows(&mut self) -> Result<()> {
        let ground = &self.importer.ground;
        Migration::still_follows(&ground.router, &ground.namespace).await
    }

    /// A pass has come to its end.
    async fn passed(&mut self) {
        if !self.sweep.is_complete() {
            self.cut(None);
            return;
        }
        self.last = self.importer.passed;
        if self.last.failed > 0 {
            self.close_pass();
            self.end = Some(End::Failed);
            return;
        }
        let next = after(Passes {
            done: self.so_far.passes + 1,
            max: self.options.max_passes,
            changed: self.last.changes(),
            was_last: self.so_far.is_last,
            was_resumed: self.is_resumed,
            follow: self.options.follow,
            switches: self.options.switch,
            unlisted: self.last.ownerless + self.last.undecodable,
            leaves_unlisted: self.options.leaves_unlisted,
        });
        if self.stop.is_stopped() && matches!(next, After::Again | After::Last | After::Switch) {
            self.cut(None);
            return;
        }
        let begun = match next {
            After::Again => self.another(false).await,
            After::Last => self.another(true).await,
            After::Switch => {
                self.close_pass();
                let ground = &self.importer.ground;
                self.end = Some(End::Switched);
                Migration::switch(&ground.router, &ground.namespace).await
            }
            After::Done => self.ends(End::Done),
            After::Unsettled => self.ends(End::Unsettled),
            After::StillWritten => self.ends(End::StillWritten),
            After::Unlisted => self.ends(End::Unlisted),
        };
        if let Err(error) = begun {
            self.cut(Some(error));
        }
    }

    fn ends(&mut self, end: End) -> Result<()> {
        self.close_pass();
        self.end = Some(end);
        Ok(())
    }

    fn close_pass(&mut self) {
        self.so_far.passes += 1;
        self.so_far.total.add(&self.importer.passed);
        self.so_far.current = Passed::default();
        self.importer.passed = Passed::default();
    }

    async fn another(&mut self, is_last: bool) -> Result<()> {
        let sweep = Sweep::list(&self.keyspace, self.walk.clone()).await?;
        self.close_pass();
        self.so_far.is_last = is_last;
        self.is_resumed = false;
        self.walk.notes.set(&self.so_far);
        self.progress.follow(sweep.progress_handle());
        self.sweep = sweep;
        Ok(())
    }

    fn cut(&mut self, error: Option<Error>) {
        self.sweep.stop_handle().stop();
        self.error = self.error.take().or(error);
        self.end = Some(End::Cut);
    }

    /// Stops the work from anywhere: the page that is under way is dealt with.
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

    /// Every pass came to its end, whatever it found.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.end.is_some_and(|end| end != End::Cut)
    }

    /// The last pass before a switch had something to change, and nothing was switched.
    #[must_use]
    pub fn is_still_written(&self) -> bool {
        self.end == Some(End::StillWritten)
    }

    /// The last pass before a switch met records that name nobody or can't be read, and nothing was switched.
    #[must_use]
    pub fn has_unlisted(&self) -> bool {
        self.end == Some(End::Unlisted)
    }

    /// So many passes as were allowed changed too much.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.end == Some(End::Unsettled)
    }

    /// Saves where the work stands: every key before that place was dealt with.
    ///
    /// # Errors
    /// As [`Sweep::save_checkpoint`](crate::Sweep::save_checkpoint).
    pub fn save_checkpoint(&self, path: &Path) -> Result<()> {
        self.sweep.save_checkpoint(path)
    }

    /// What was done so far; final once `next()` gave `None`.
    #[must_use]
    pub fn report(&self) -> RebuildReport {
        let mut total = self.so_far.total;
        total.add(&self.importer.passed);
        let is_under_way = matches!(self.end, None | Some(End::Cut));
        let last = if is_under_way {
            &self.importer.passed
        } else {
            &self.last
        };
        RebuildReport {
            namespace: self.importer.ground.namespace.to_string(),
            complete: matches!(self.end, Some(End::Done | End::Switched)) && self.error.is_none(),
            switched: self.end == Some(End::Switched) && self.error.is_none(),
            passes: self.so_far.passes + u32::from(is_under_way),
            scanned: total.scanned,
            imported: total.imported,
            unchanged: last.unchanged,
            removed: total.removed,
            ownerless: last.ownerless,
            undecodable: last.undecodable,
            not_records: last.not_records,
            undated: total.undated,
            changed: last.changes(),
            elapsed_ms: millis(self.started.elapsed()),
            pace: pace_of(
                &self.sweep,
                &self.importer.ground.router,
                self.walk.budget.get(),
            ),
            errors: self.failures.all(self.error.as_ref(), &self.sweep),
        }
    }
}

/// What a replica has may be from before the last write, and a switch must not miss that one.
fn no_replica() -> Error {
    let context = "replicas may lag behind, and a last pass over them proves nothing";
    let kind = ErrorKind::InvalidOption;
    Error::new(kind, Retry::Never, "leave the old layout behind", context)
        .with_hint("switch without --from-replica; passes before may use it")
}

/// What the earlier runs did.
fn noted(checkpoint: &Checkpoint) -> Result<SoFar> {
    let Some(notes) = checkpoint.notes() else {
        let context = "the checkpoint is of another command";
        return Err(
            Error::new(ErrorKind::Checkpoint, Retry::Never, "resume", context).with_hint(
                "resume with the command line that wrote it, or start anew without --resume",
            ),
        );
    };
    serde_json::from_value(notes.clone()).map_err(|cause| {
        let context = "the counts in the checkpoint can't be read";
        Error::new(ErrorKind::Checkpoint, Retry::Never, "resume", context).with_source(cause)
    })
}
