//! One turn of a job: finds its server, takes its place up, moves its work on as long as the lease holds, and leaves it so that
//! it can go on. What it leaves behind is told to the store once, at the end.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use super::fence::Lost;
use super::figures;
use super::held::Held;
use super::lease::Lease;
use super::shop::Shop;
use super::trouble::{Meaning, Trouble};
use super::work::{self, Begun, Ending, Ground};
use crate::jobs::job::{Job, Wanted};
use crate::jobs::spec::JobKind;
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::{Finish, Leave};
use crate::limits;
use crate::servers::Identity;

/// Gives a claimed job its turn. It was asked for at `asked`.
pub(super) async fn run(shop: Arc<Shop>, job: Job, asked: Instant) {
    let span = tracing::info_span!("job", id = %job.id, kind = job.spec.kind.as_str(), server = job.spec.server,
        state = tracing::field::Empty);
    turn(shop, job, asked).instrument(span).await;
}

async fn turn(shop: Arc<Shop>, job: Job, asked: Instant) {
    let lease = Lease::new(&shop, &job, asked);
    tracing::info!(job = %job.id, kind = job.spec.kind.as_str(), server = job.spec.server, lease = job.lease,
        restarts = job.restarts, "a job is worked on");
    let mut turn = Turn {
        identity: job.identity.clone(),
        place: shop.files.checkpoint(&job.id, job.lease),
        lease: &lease,
        job: &job,
    };
    let finish = tokio::select! {
        biased;
        () = lease.keep() => Err(Lost),
        finish = turn.work() => finish,
    };
    match finish {
        Ok(finish) => leave(&lease, &job, finish).await,
        Err(Lost) => {
            tracing::warn!(job = %job.id, lease = job.lease, "the lease was lost: work stopped where it was");
        }
    }
}

/// Tells the store, as often as it takes while the lease holds.
async fn leave(lease: &Lease, job: &Job, finish: Finish) {
    let shop = &lease.shop;
    let left = loop {
        let told = shop.store.finish(&lease.id, lease.number, &finish);
        match timeout_at(lease.fence.until(), told).await {
            Ok(Ok(state)) => break state,
            Ok(Err(error)) => {
                tracing::warn!(job = %lease.id, ?error, "the store did not hear how a job was left");
                sleep(limits::JOB_FINISH_PAUSE).await;
            }
            Err(_) => break None,
        }
    };
    let Some(state) = left else {
        tracing::warn!(job = %lease.id, "the lease was lost at the end: the job is done again from its checkpoint");
        return;
    };
    tracing::Span::current().record("state", state.as_str());
    tracing::info!(job = %lease.id, %state, "a job was left");
    if let (true, Some(result)) = (state.is_ended(), &finish.result) {
        figures::failed(&job.spec.server, result);
    }
    if finish.has_backup {
        let files = shop.files.clone();
        tokio::task::spawn_blocking(move || {
            figures::backups(files.backups().iter().map(|file| file.bytes).sum());
        });
    }
    if matches!(
        state,
        JobState::Done | JobState::Planned | JobState::Cancelled
    ) {
        let (files, id) = (shop.files.clone(), lease.id.clone());
        // Nobody goes on from there.
        tokio::task::spawn_blocking(move || files.forget_checkpoints(&id));
    }
}

/// How one round over a server went.
enum Round {
    /// The job is left.
    Leave(Box<Finish>),
    /// The server was away; what was done stands.
    Away(Trouble),
}

/// How work was moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// To its own end.
    ToItsEnd,
    /// Until it had settled after a stop.
    UntilSettled,
    /// Not any more: its place is in memory.
    NotAnyMore,
}

struct Turn<'a> {
    lease: &'a Lease,
    job: &'a Job,
    identity: Option<Identity>,
    place: PathBuf,
}

impl Turn<'_> {
    async fn work(&mut self) -> Result<Finish, Lost> {
        if self.job.restarts > limits::JOB_RESTARTS {
            let text = format!(
                "{} processes have begun it and were not heard of again; look at their logs",
                self.job.restarts
            );
            return Ok(ended(Outcome::Failed, Some(text)));
        }
        let mut is_resumed = match self.take_up().await? {
            Ok(is_resumed) => is_resumed,
            Err(trouble) => return Ok(ended(Outcome::Failed, Some(trouble.text))),
        };
        let mut rounds = 0;
        loop {
            let identity = match self.find_server().await {
                Ok(identity) => identity,
                Err(finish) => return Ok(*finish),
            };
            match self.round(&identity, is_resumed).await? {
                Round::Leave(finish) => return Ok(*finish),
                Round::Away(trouble) if rounds >= limits::SERVER_AWAY_ROUNDS => {
                    return Ok(self
                        .standing(ended(Outcome::Incomplete, Some(trouble.text)))
                        .await);
                }
                Round::Away(trouble) => {
                    tracing::warn!(job = %self.job.id, why = trouble.text, "the server is away");
                }
            }
            rounds += 1;
            self.lease.tell_away();
            tokio::select! {
                () = self.lease.asked() => {}
                () = sleep(limits::SERVER_AWAY_PAUSE) => {}
            }
            is_resumed = self.place.exists();
        }
    }

    /// Puts what there is to go on from into its place. Says whether there is anything.
    async fn take_up(&self) -> Result<Result<bool, Trouble>, Lost> {
        let shop = &self.lease.shop;
        let kept = loop {
            match shop.store.checkpoint(&self.job.id).await {
                Ok(kept) => break kept,
                Err(error) if self.lease.fence.holds() => {
                    tracing::warn!(job = %self.job.id, ?error, "the checkpoint can't be had at the moment");
                    sleep(limits::JOB_FINISH_PAUSE).await;
                }
                Err(_) => return Err(Lost),
            }
        };
        let (files, id, lease) = (shop.files.clone(), self.job.id.clone(), self.job.lease);
        let taken = tokio::task::spawn_blocking(move || {
            let taken = files.take_up(&id, lease, kept.as_deref())?;
            files.tidy(&id, lease);
            Ok::<_, std::io::Error>(taken.is_some())
        });
        let taken = taken.await.map_err(std::io::Error::other).flatten();
        Ok(taken.map_err(|error| {
            Trouble::refused(format!("the checkpoint can't be put in its place: {error}"))
        }))
    }

    /// Waits for the server that the job was begun on. Where another answers, or none does in time, the job is left.
    async fn find_server(&mut self) -> Result<Identity, Box<Finish>> {
        let (lease, job) = (self.lease, self.job);
        let until = Instant::now() + lease.shop.limits.away;
        loop {
            let found = tokio::select! {
                biased;
                () = lease.asked() => return Err(self.standing(Finish::new(Leave::Settled)).await.into()),
                found = lease.shop.servers.identity(&job.spec.server) => found,
            };
            let why = match found {
                Ok(now) => match self
                    .identity
                    .as_ref()
                    .and_then(|begun| begun.difference(&now))
                {
                    Some(difference) => {
                        format!(
                            "{difference}; resume the job if it should go on there, or cancel it"
                        )
                    }
                    None => {
                        lease.tell_identity(&now);
                        self.identity = Some(now.clone());
                        return Ok(now);
                    }
                },
                Err(error) if error.may_pass() && Instant::now() < until => {
                    lease.tell_away();
                    tokio::select! {
                        () = lease.asked() => {}
                        () = sleep(limits::SERVER_AWAY_PAUSE) => {}
                    }
                    continue;
                }
                Err(error) => format!("{error}; resume the job when that is mended"),
            };
            let held = Finish {
                reason: Some(why),
                ..Finish::new(Leave::Held)
            };
            return Err(self.standing(held).await.into());
        }
    }

    async fn round(&mut self, identity: &Identity, is_resumed: bool) -> Result<Round, Lost> {
        let lease = self.lease;
        let held = lease.shop.held().take(&self.job.id);
        let held = held.filter(|held| held.identity == *identity);
        let mut begun = match held {
            Some(held) => held.work,
            None => {
                let begun = tokio::select! {
                    biased;
                    () = lease.asked() => return Ok(self.leave(Finish::new(Leave::Settled)).await),
                    begun = lease.fence.guard(Box::pin(self.begin(is_resumed))) => begun?,
                };
                match begun {
                    Ok(begun) => begun,
                    Err(trouble) => return self.troubled(trouble, None).await,
                }
            }
        };
        let saves =
            self.job.spec.kind == JobKind::Delete && self.job.spec.backup && !self.job.spec.dry_run;
        lease.attach(&begun, self.place.clone(), saves);
        if begun.work.stop().is_some() {
            // Before the first key goes, somebody else knows where to go on from, and which backup is whose.
            if let Err(error) = begun.work.save(&self.place) {
                return self.troubled(Trouble::of(&error), None).await;
            }
            tokio::select! {
                biased;
                told = lease.insist() => told?,
                // Work that is stopped before its first step settles with nothing done.
                () = lease.asked() => {}
            }
        }
        let moved = self.drive(&mut begun).await?;
        self.settle(identity, begun, moved).await
    }

    async fn begin(&self, is_resumed: bool) -> Result<Begun, Trouble> {
        let shop = &self.lease.shop;
        let keyspace = shop.servers.keyspace(&self.job.spec.server).await;
        let keyspace = keyspace.map_err(|error| {
            let meaning = if error.may_pass() {
                Meaning::Away
            } else {
                Meaning::Refused
            };
            Trouble::new(meaning, error.to_string())
        })?;
        work::begin(Ground {
            job: self.job,
            keyspace: &keyspace,
            files: &shop.files,
            indexes: &shop.indexes,
            place: self.place.clone(),
            is_resumed,
            budget: self.lease.budget(),
        })
        .await
    }

    /// Moves work on until it ends, has settled after an order, or is not to be moved any more.
    async fn drive(&self, begun: &mut Begun) -> Result<Moved, Lost> {
        let lease = self.lease;
        let button = begun.work.stop();
        let mut was_asked = false;
        loop {
            // One step is driven to its end: not every work can be let go in the middle of one.
            let mut step = lease.fence.guard(begun.work.step());
            let goes_on = loop {
                tokio::select! {
                    biased;
                    () = lease.asked(), if !was_asked => {
                        was_asked = true;
                        match &button {
                            Some(button) => button.stop(),
                            None => return Ok(Moved::NotAnyMore),
                        }
                    }
                    goes_on = &mut step => break goes_on?,
                }
            };
            if !goes_on {
                return Ok(if was_asked {
                    Moved::UntilSettled
                } else {
                    Moved::ToItsEnd
                });
            }
        }
    }

    async fn settle(
        &mut self,
        identity: &Identity,
        begun: Begun,
        moved: Moved,
    ) -> Result<Round, Lost> {
        let ending = begun.work.ending();
        self.lease.tell_plan(begun.work.plan());
        if ending.complete {
            let finish = ended(ending.whole, None);
            return Ok(self.leave(with(finish, ending.result)).await);
        }
        match moved {
            Moved::NotAnyMore => {
                if self.lease.wanted() == Wanted::Pause {
                    let id = self.job.id.clone();
                    let identity = identity.clone();
                    let held = Held {
                        id,
                        identity,
                        work: begun,
                    };
                    self.lease.shop.held().put(held);
                }
                let finish = Finish::new(Leave::Settled);
                Ok(self.leave(with(finish, ending.result)).await)
            }
            Moved::UntilSettled => {
                let finish = Finish::new(Leave::Settled);
                Ok(self.leave(with(finish, ending.result)).await)
            }
            Moved::ToItsEnd => match ending {
                Ending {
                    trouble: Some(trouble),
                    result,
                    ..
                } => {
                    // Its connections go before the server is looked for.
                    drop(begun);
                    self.troubled(trouble, Some(result)).await
                }
                Ending {
                    lacking, result, ..
                } => {
                    let text =
                        lacking.unwrap_or_else(|| "a part of the keys was not walked".to_owned());
                    let finish = ended(Outcome::Incomplete, Some(text));
                    Ok(self.leave(with(finish, result)).await)
                }
            },
        }
    }

    /// Work could not begin, or go on. Whether that is the work's fault shows when its server is looked for.
    async fn troubled(&mut self, trouble: Trouble, result: Option<Value>) -> Result<Round, Lost> {
        if trouble.meaning == Meaning::Away {
            return Ok(Round::Away(trouble));
        }
        let finish = match self.find_server().await {
            Err(finish) => *finish,
            Ok(_) => {
                let outcome = match trouble.meaning {
                    Meaning::Refused => Outcome::Failed,
                    Meaning::Cut | Meaning::Away => Outcome::Incomplete,
                };
                ended(outcome, Some(trouble.text))
            }
        };
        let finish = match result {
            Some(result) => with(finish, result),
            None => finish,
        };
        Ok(self.leave(finish).await)
    }

    async fn leave(&self, finish: Finish) -> Round {
        Round::Leave(Box::new(self.standing(finish).await))
    }

    /// The same with how the work stands.
    async fn standing(&self, mut finish: Finish) -> Finish {
        // What is planned goes with a heartbeat; one that fails is made good by nobody, and a plan is no more than a help.
        let _ = self.lease.beat().await;
        finish.progress = self.lease.show();
        // What the library calls cancelled is work that was stopped, whatever for.
        let stopped = match (finish.leave, self.lease.wanted()) {
            (Leave::Ended(_), _) => None,
            (Leave::Held, _) | (Leave::Settled, Wanted::Pause) => Some("paused"),
            (Leave::Settled, Wanted::Cancel) => Some("cancelled"),
            (Leave::Settled, Wanted::Run) => Some("waiting"),
        };
        if let (Some(progress), Some(stopped)) = (&mut finish.progress, stopped) {
            progress["state"] = Value::from(stopped);
        }
        finish.checkpoint = self.lease.newest_checkpoint().await;
        let saves = self.job.spec.kind == JobKind::Delete && self.job.spec.backup;
        finish.has_backup = saves && self.lease.shop.files.backup(&self.job.id).exists();
        finish
    }
}

fn ended(outcome: Outcome, reason: Option<String>) -> Finish {
    Finish {
        reason,
        ..Finish::new(Leave::Ended(outcome))
    }
}

fn with(finish: Finish, result: Value) -> Finish {
    Finish {
        result: Some(result),
        ..finish
    }
}
