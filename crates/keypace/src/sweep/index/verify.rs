//! Compares a namespace's records with their index, and with the old layout as long as that counts.

use tokio::time::Instant;

use super::options::IndexOptions;
use super::progress::IndexProgress;
use super::walk::{self, Failures, millis, pace_of};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Escaped, SlotSet};
use crate::limits::index as limits;
use crate::pace::Budget;
use crate::port::Keyspace;
use crate::records::{Drift, Findings, State, Verifier};
use crate::report::{DriftCounts, DriftSample, OldSets, Progress, VerifyReport};
use crate::sweep::drive::{Event, Sweep};
use crate::sweep::stop::StopHandle;

/// A look at an index, driven by its caller as a [`Sweep`](crate::Sweep) is.
pub struct Verify {
    sweep: Sweep,
    verifier: Verifier,
    progress: IndexProgress,
    stop: StopHandle,
    failures: Failures,
    budget: Budget,
    /// Whether there is anything that could be verified.
    state: State,
    started: Instant,
    error: Option<Error>,
    /// A page was not dealt with whole.
    was_cut: bool,
    has_ended: bool,
}

impl Verify {
    /// Begins to look. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// `Guard` where the owner keys are not those of the namespace, and as [`Sweep::list`](crate::Sweep::list).
    pub async fn begin(keyspace: &Keyspace, options: IndexOptions) -> Result<Self> {
        Self::start(keyspace, options, None).await
    }

    /// The same, and mends what can be mended without guessing, up to so many times: members that are missing, stale or have
    /// a wrong score, old records without a new one or with another by now, and new ones without an old one. What lies with a
    /// wrong owner, or names nobody, stays as it is. Cancel-safe: the work begins with `next()`.
    ///
    /// # Errors
    /// As [`Verify::begin`], and `Guard` where there is no index yet.
    pub async fn repair(
        keyspace: &Keyspace,
        options: IndexOptions,
        max_repairs: Option<u64>,
    ) -> Result<Self> {
        let most = max_repairs.unwrap_or(limits::MAX_REPAIRS);
        Self::start(keyspace, options, Some(most)).await
    }

    async fn start(
        keyspace: &Keyspace,
        options: IndexOptions,
        repairs_left: Option<u64>,
    ) -> Result<Self> {
        let namespace = options.namespace.clone();
        let begun = walk::begin(keyspace, options, "index verify").await?;
        if begun.state == State::Unknown && repairs_left.is_some() {
            let context = format!("there is no index of {namespace} that could be repaired");
            return Err(
                Error::new(ErrorKind::Guard, Retry::Never, "repair the index", context)
                    .with_hint(format!("make it: keypace index rebuild {namespace}")),
            );
        }
        let budget = begun.walk.budget.get();
        let sweep = Sweep::list(keyspace, begun.walk).await?;
        Ok(Self {
            progress: IndexProgress::new(sweep.progress_handle()),
            stop: sweep.stop_handle(),
            sweep,
            verifier: Verifier {
                ground: begun.ground,
                compares_old: begun.state != State::Switched,
                has_followed: begun.state == State::Following,
                repairs_left,
                findings: Findings::default(),
            },
            failures: Failures::new(),
            budget,
            state: begun.state,
            started: Instant::now(),
            error: None,
            was_cut: false,
            has_ended: false,
        })
    }

    /// Works until something moved; `None` when the work has ended, whether complete or not. Not cancel-safe: a page whose
    /// handling was dropped is not looked at again.
    pub async fn next(&mut self) -> Option<()> {
        if self.has_ended {
            return None;
        }
        match self.sweep.next().await {
            Some(Event::Page(page)) => {
                let stop = self.stop.clone();
                let looked = (self.verifier)
                    .page(page.keys(), || stop.is_stopped())
                    .await;
                self.failures
                    .add(std::mem::take(&mut self.verifier.findings.faults));
                match looked {
                    Ok(true) => return Some(()),
                    Ok(false) => self.was_cut = true,
                    Err(error) => self.error = Some(error),
                }
                self.stop.stop();
                self.has_ended = true;
                None
            }
            Some(Event::Step) => Some(()),
            None => {
                self.has_ended = true;
                None
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

    /// Every key was looked at.
    #[must_use]
    pub fn is_walked(&self) -> bool {
        self.has_ended && !self.was_cut && self.error.is_none() && self.sweep.is_complete()
    }

    /// Nothing was ever written by this layout, and no record of the old one was found either.
    #[must_use]
    pub fn found_nothing(&self) -> bool {
        let report = self.report();
        self.state == State::Unknown && report.drift.total() + report.records == 0
    }

    /// There is no index yet.
    #[must_use]
    pub fn has_no_index(&self) -> bool {
        self.state == State::Unknown
    }

    /// The old layout is where the truth is still.
    #[must_use]
    pub fn follows_old(&self) -> bool {
        self.state == State::Following
    }

    /// No more may be mended in this run.
    #[must_use]
    pub fn is_at_its_limit(&self) -> bool {
        self.verifier.repairs_left == Some(0)
    }

    /// What was found so far; final once `next()` gave `None`.
    #[must_use]
    pub fn report(&self) -> VerifyReport {
        let counts = &self.verifier.findings.counts;
        let [missing, stale, wrong_owner, wrong_score, ownerless] = counts.drift;
        let samples = self.verifier.findings.samples().iter();
        VerifyReport {
            namespace: self.verifier.ground.namespace.to_string(),
            complete: self.is_walked() && self.failures.is_empty(),
            records: counts.records,
            members: counts.members,
            drift: DriftCounts {
                missing,
                stale,
                wrong_owner,
                wrong_score,
                ownerless,
            },
            expired: counts.expired,
            not_records: counts.not_records,
            repaired: counts.repaired,
            old_sets: OldSets {
                members: counts.old_members,
                stale: counts.old_stale,
                wrong_owner: counts.old_wrong_owner,
            },
            elapsed_ms: millis(self.started.elapsed()),
            pace: pace_of(&self.sweep, &self.verifier.ground.router, self.budget),
            errors: self.failures.all(self.error.as_ref(), &self.sweep),
            samples: samples
                .map(|(drift, key)| DriftSample {
                    kind: Drift::as_str(*drift),
                    key: Escaped::new(key.as_bytes()).to_string(),
                })
                .collect(),
        }
    }
}
