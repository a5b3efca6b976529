//! The service that HTTP calls: makes jobs, shows them, passes orders on. Must not know HTTP, nor do any of the work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;

use crate::access::{Caller, Scope, Signer};
use crate::jobs::body::{JobPatch, WantedState};
use crate::jobs::confirm;
use crate::jobs::filters::budget_of;
use crate::jobs::id::{IdMaker, JobId};
use crate::jobs::job::Job;
use crate::jobs::problem::{JobError, JobErrorKind};
use crate::jobs::spec::{JobKind, JobSpec};
use crate::jobs::state::{Event, JobState, apply};
use crate::jobs::store::{Inserted, JobFilter, JobPage, JobStore, Order, OrderError};
use crate::jobs::view::JobView;
use crate::jobs::watchers::Watchers;
use crate::limits;
use crate::servers::{Identity, Servers};

/// The servers, as far as jobs need to know them.
pub trait Identify: Send + Sync {
    /// Their names.
    fn names(&self) -> Vec<String>;

    /// Who answers under this name now. Bounded in time, and cancel-safe.
    fn identity<'a>(&'a self, server: &'a str) -> BoxFuture<'a, Result<Identity, JobError>>;
}

impl Identify for Servers {
    fn names(&self) -> Vec<String> {
        self.names().map(str::to_owned).collect()
    }

    fn identity<'a>(&'a self, server: &'a str) -> BoxFuture<'a, Result<Identity, JobError>> {
        Box::pin(async move {
            let identity = self.identity(server).await;
            identity.map_err(|error| JobError::unavailable(error.to_string()).because(error))
        })
    }
}

/// Whoever does the work in this process. All of it returns at once.
pub trait Hands: Send + Sync {
    /// There is something to do, or another order.
    fn wake(&self);

    /// The Progress of a job that runs in this process: the latest, as often as it changes.
    fn live(&self, id: &JobId) -> Option<watch::Receiver<Arc<Value>>>;

    /// These jobs are not kept any more: neither need their files be.
    fn forget(&self, ids: &[JobId]);
}

/// Nobody: a process that only shows jobs, and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHands;

impl Hands for NoHands {
    fn wake(&self) {}

    fn live(&self, _: &JobId) -> Option<watch::Receiver<Arc<Value>>> {
        None
    }

    fn forget(&self, _: &[JobId]) {}
}

/// What the config says of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// How many may wait or be paused.
    pub waiting: u32,
    /// How many that have ended are kept.
    pub history: u32,
    /// How long after its end a delete can be undone.
    pub backup_keep: Duration,
    /// The indexes of the config: the server of each, by its name.
    pub indexes: BTreeMap<String, String>,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            waiting: limits::JOBS_WAITING,
            history: limits::JOBS_HISTORY,
            backup_keep: Duration::from_secs(u64::from(limits::BACKUP_DAYS) * 24 * 60 * 60),
            indexes: BTreeMap::new(),
        }
    }
}

/// Makes jobs, shows them and passes orders on. A clone is the same service.
#[derive(Clone)]
pub struct JobService {
    store: Arc<dyn JobStore>,
    servers: Arc<dyn Identify>,
    hands: Arc<dyn Hands>,
    signer: Signer,
    settings: Arc<JobSettings>,
    ids: Arc<IdMaker>,
    watchers: Watchers,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl JobService {
    /// Over this store, for these servers, with these hands.
    #[must_use]
    pub fn new(
        store: Arc<dyn JobStore>,
        servers: Arc<dyn Identify>,
        hands: Arc<dyn Hands>,
        signer: Signer,
        settings: JobSettings,
    ) -> Self {
        let watchers = Watchers::new(store.clone(), hands.clone());
        Self {
            store,
            servers,
            hands,
            signer,
            settings: Arc::new(settings),
            ids: Arc::default(),
            watchers,
            clock: Arc::new(Utc::now),
        }
    }

    /// The same with another clock, for what is shown; what decides goes by the store's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes a job. A delete that is no dry run needs what its dry run gave as `confirm`; one that clears a named cache is
    /// confirmed by the config.
    ///
    /// Not cancel-safe: the job may have been made.
    ///
    /// # Errors
    /// `Invalid`, `Forbidden`, `Conflict` where it is not confirmed, `Full`, `Unavailable`.
    pub async fn create(
        &self,
        caller: &Caller,
        mut spec: JobSpec,
        confirm: Option<&str>,
    ) -> Result<Job, JobError> {
        spec.check()?;
        allow(caller, &spec)?;
        let source = self.restored(&spec).await?;
        spec.server = self.server_of(&spec, source.as_ref())?;
        let now = self.store.now().await?;
        let plan = self.confirmed(caller, &spec, confirm, now).await?;
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut job = Job::new(self.ids.make(millis)?, spec, caller.key.clone(), now);
        if job.spec.removes() {
            let identity = self.servers.identity(&job.spec.server).await?;
            if let Some(plan) = plan {
                confirm::check_server(&plan, &identity)?;
                job.max_delete = plan.planned().map(confirm::most);
                job.plan.clone_from(&plan.result);
                job.confirms = Some(plan.id);
            }
            job.identity = Some(identity);
        }
        match self.store.insert(&job, self.settings.waiting).await? {
            Inserted::Kept => {}
            Inserted::Full => return Err(self.full()),
            Inserted::Used => return Err(confirm::used()),
        }
        self.hands.wake();
        self.prune(now).await;
        Ok(job)
    }

    /// One job.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn get(&self, id: &JobId) -> Result<Job, JobError> {
        self.store.get(id).await?.ok_or_else(JobError::not_found)
    }

    /// At most `limit` jobs (and no more than [`limits::MAX_JOBS_PAGE`]), newest first; fewer where they are large.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, JobError> {
        let limit = limit.clamp(1, limits::MAX_JOBS_PAGE);
        Ok(self.store.list(filter, limit).await?)
    }

    /// The job as this caller may see it: with `confirm`, where it is this key's to use.
    #[must_use]
    pub fn view(&self, job: &Job, caller: &Caller) -> JobView {
        let is_own = job.key == caller.key;
        let token = is_own.then(|| confirm::token(&self.signer, job, (self.clock)()));
        JobView::of(job, token.flatten())
    }

    /// Pauses a job, lets it go on, ends it, or changes its budget. One that runs settles first: its state changes then.
    ///
    /// Not cancel-safe: it may have been carried out.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Invalid`, `Conflict` where its state does not allow it, `Unavailable`.
    pub async fn patch(
        &self,
        caller: &Caller,
        id: &JobId,
        patch: &JobPatch,
    ) -> Result<Job, JobError> {
        let mut job = self.get(id).await?;
        allow(caller, &job.spec)?;
        if patch.budget.is_none() && patch.state.is_none() {
            return Err(JobError::invalid(
                "nothing is to be changed: send budget or state",
            ));
        }
        if let Some(budget) = &patch.budget {
            budget_of(Some(budget))?;
            job = self.order(id, &Order::Budget(budget.clone())).await?;
        }
        match patch.state {
            None => Ok(job),
            Some(WantedState::Paused) => self.order(id, &Order::Pause).await,
            Some(WantedState::Cancelled) => self.order(id, &Order::Cancel).await,
            Some(WantedState::Running) => self.go_on(&job).await,
        }
    }

    /// Lets a job go on that is paused, or from its checkpoint one that failed or stayed incomplete: on the server that
    /// answers now, whichever it was begun on.
    ///
    /// Not cancel-safe: it may have been carried out.
    ///
    /// # Errors
    /// As [`Self::patch`].
    pub async fn resume(&self, caller: &Caller, id: &JobId) -> Result<Job, JobError> {
        let job = self.get(id).await?;
        allow(caller, &job.spec)?;
        self.go_on(&job).await
    }

    /// A job and what becomes of it, with the latest Progress. The last value is one that has ended; a sender that is gone
    /// means that the job is, too.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn watch(&self, id: &JobId) -> Result<watch::Receiver<Arc<Job>>, JobError> {
        Ok(self.watchers.watch(self.get(id).await?))
    }

    /// The least scope that may start such a job, and change it later.
    #[must_use]
    pub fn least_scope(&self, spec: &JobSpec) -> Scope {
        spec.least_scope()
    }

    /// Where jobs are kept.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn JobStore> {
        &self.store
    }

    async fn go_on(&self, job: &Job) -> Result<Job, JobError> {
        // What can't go on in its state needs no server to be told so.
        apply(job.standing(), Event::Resume)?;
        let identity = self.servers.identity(&job.spec.server).await?;
        self.order(&job.id, &Order::Resume(Some(identity))).await
    }

    async fn order(&self, id: &JobId, order: &Order) -> Result<Job, JobError> {
        let job = self
            .store
            .order(id, order)
            .await?
            .map_err(|error| match error {
                OrderError::NotFound => JobError::not_found(),
                OrderError::Refused(_) | OrderError::Ended(_) => {
                    JobError::conflict(error.to_string())
                }
            })?;
        self.hands.wake();
        Ok(job)
    }

    /// The dry run that is confirmed, where the job needs one.
    async fn confirmed(
        &self,
        caller: &Caller,
        spec: &JobSpec,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>, JobError> {
        let needs_one = spec.kind == JobKind::Delete && !spec.dry_run && spec.cache.is_none();
        if !needs_one {
            return match token {
                Some(_) => Err(JobError::invalid(
                    "confirm goes with a delete that is no dry run; leave it out",
                )),
                None => Ok(None),
            };
        }
        let Some(token) = token else {
            return Err(JobError::conflict(
                "a delete needs a dry run first: send the same with `dry_run`: true, and then with the `confirm` of its job",
            ));
        };
        if spec.has_catch_all() && !spec.all {
            return Err(JobError::conflict(
                "a pattern matches everything: send `all`: true if every key of the database is meant",
            ));
        }
        let id = confirm::plan_id(token)?;
        let plan = self.store.get(&id).await?;
        let plan = plan.ok_or_else(|| {
            JobError::conflict("confirm: its dry run is not kept any more; make another")
        })?;
        confirm::check(&self.signer, token, &plan, spec, &caller.key, now)?;
        Ok(Some(plan))
    }

    /// The delete whose backup is brought back.
    async fn restored(&self, spec: &JobSpec) -> Result<Option<Job>, JobError> {
        let Some(id) = &spec.from_job else {
            return Ok(None);
        };
        let Some(source) = self.store.get(id).await? else {
            return Err(JobError::invalid(
                "from_job: there is no job of this id; old ones are not kept",
            ));
        };
        if !source.has_backup {
            return Err(JobError::conflict(
                "from_job: this job has no backup: only a delete with `backup`: true makes one, and it is kept for a time",
            ));
        }
        if !source.state.is_ended() && source.state != JobState::Paused {
            return Err(JobError::conflict(
                "from_job: this delete has not ended; wait for its end, or cancel it",
            ));
        }
        Ok(Some(source))
    }

    /// The server's name: as it was sent, or the only one there can be.
    fn server_of(&self, spec: &JobSpec, source: Option<&Job>) -> Result<String, JobError> {
        let bound = match (spec.kind, source) {
            (JobKind::Reindex, _) => {
                let index = spec.patterns.first().map_or("", String::as_str);
                let server = self.settings.indexes.get(index);
                Some(server.ok_or_else(|| {
                    JobError::invalid(
                        "patterns: the config has no index of this name, `[indexes.NAME]`",
                    )
                })?)
            }
            (_, Some(source)) => Some(&source.spec.server),
            _ => None,
        };
        let names = self.servers.names();
        let name = match (spec.server.as_str(), bound, names.as_slice()) {
            ("", Some(bound), _) => bound.clone(),
            ("", None, [only]) => only.clone(),
            ("", None, _) => {
                return Err(JobError::invalid(
                    "server: several are configured, so name one; GET /v1/servers lists them",
                ));
            }
            (named, Some(bound), _) if named != bound => {
                return Err(JobError::invalid(format!(
                    "server: what is named here belongs to the server `{bound}`; leave server out"
                )));
            }
            (named, _, _) => named.to_owned(),
        };
        if !names.contains(&name) {
            return Err(JobError::invalid(
                "server: none of this name is configured; GET /v1/servers lists them",
            ));
        }
        Ok(name)
    }

    fn full(&self) -> JobError {
        let text = format!(
            "{} jobs wait or are paused, which is as many as may; let one end, or cancel one",
            self.settings.waiting
        );
        JobError::new(JobErrorKind::Full, text)
    }

    /// The job is made whether or not old ones can be forgotten: the next one tries again.
    async fn prune(&self, now: DateTime<Utc>) {
        let since = now - self.settings.backup_keep;
        match self.store.prune(self.settings.history, since).await {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => self.hands.forget(&gone),
            Err(error) => tracing::warn!(?error, "old jobs can't be forgotten"),
        }
    }
}

impl std::fmt::Debug for JobService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobService")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn allow(caller: &Caller, spec: &JobSpec) -> Result<(), JobError> {
    let least = spec.least_scope();
    if caller.scope.allows(least) {
        return Ok(());
    }
    let text = format!(
        "this job needs a key of the scope `{least}`; this one has `{}`",
        caller.scope
    );
    Err(JobError::new(JobErrorKind::Forbidden, text))
}

#[cfg(test)]
mod tests;
