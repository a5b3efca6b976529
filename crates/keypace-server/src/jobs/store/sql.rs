//! Jobs in SQL. Each method reads under a lock, lets the pure moves decide, and writes the row: in SQLite and in PostgreSQL by
//! the same statements. Decides nothing itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::jobs::id::JobId;
use crate::jobs::job::Job;
use crate::jobs::moves;
use crate::jobs::spec::JobKind;
use crate::jobs::state::JobState;
use crate::jobs::store::link::{Link, Pool, execute, rows};
use crate::jobs::store::rows::{self as sql, Values};
use crate::jobs::store::{
    Answer, Beat, Finish, Inserted, JobFilter, JobPage, JobStore, Order, OrderError, Orders,
};
use crate::limits;
use crate::sql::{Migrations, StoreError, connect_postgres, open_sqlite};

const TABLE: &str = "keypace_jobs_migrations";
const SQLITE: Migrations = Migrations {
    table: TABLE,
    statements: &[("jobs", include_str!("migrations/sqlite/0001_jobs.sql"))],
};
const POSTGRES: Migrations = Migrations {
    table: TABLE,
    statements: &[("jobs", include_str!("migrations/postgres/0001_jobs.sql"))],
};

/// Jobs, API keys and the signing secret, in a file of SQLite or in a PostgreSQL database that several replicas share.
#[derive(Clone)]
pub struct SqlStore {
    pub(super) pool: Pool,
    clock: Option<Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>>,
}

impl SqlStore {
    /// In a file that is made with mode 0600 where there is none. Processes on one machine may share it.
    ///
    /// Cancel-safe: what is half done is done again by the next.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` where the file can't be made or opened, or is of a newer version.
    pub async fn open_sqlite(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let pool = open_sqlite(path.as_ref(), &SQLITE).await?;
        Ok(Self {
            pool: Pool::Sqlite(pool),
            clock: None,
        })
    }

    /// In `postgres://user:password@host/database`; TLS is as `sslmode` in the URL says. Leases go by the database's clock.
    ///
    /// Cancel-safe: what is half done is done again by the next.
    ///
    /// # Errors
    /// `Invalid` where the URL can't be read, `Unavailable` where nobody answers, `Internal` where the tables are of a newer
    /// version or the user has no right to make them.
    pub async fn connect_postgres(url: &str) -> Result<Self, StoreError> {
        let pool = connect_postgres(url, &POSTGRES).await?;
        Ok(Self {
            pool: Pool::Postgres(pool),
            clock: None,
        })
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Connections to the database that are open, and those of them that are idle.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        self.pool.connections()
    }

    pub(super) async fn time(&self, link: &mut Link) -> Result<DateTime<Utc>, StoreError> {
        match (&self.clock, link) {
            (Some(clock), _) => Ok(clock()),
            (None, Link::Sqlite(_)) => Ok(Utc::now()),
            (None, link @ Link::Postgres(_)) => {
                let now = one(rows!(sql::number_of, link, sql::POSTGRES_NOW)?)?;
                sql::time_of(now)
            }
        }
    }

    /// Carries out what a holder says, where the job is still its own; `None` where it is not.
    async fn as_holder<T>(
        &self,
        id: &JobId,
        lease: i64,
        checkpoint: Option<&[u8]>,
        change: impl FnOnce(&mut Job, DateTime<Utc>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut link = self.pool.writing().await?;
        let now = self.time(&mut link).await?;
        let job = locked(&mut link, id).await?;
        let Some(mut job) = job.filter(|job| moves::is_held(job, lease)) else {
            link.leave().await?;
            return Ok(None);
        };
        let had_checkpoint = job.has_checkpoint;
        let changed = change(&mut job, now)?;
        put(&mut link, &job).await?;
        if !job.has_checkpoint && had_checkpoint {
            execute!(&mut link, sql::DROP_CHECKPOINT, id.as_str())?;
        } else if let Some(bytes) = checkpoint.filter(|_| job.has_checkpoint) {
            execute!(&mut link, sql::PUT_CHECKPOINT, id.as_str(), bytes)?;
        }
        link.commit().await?;
        Ok(Some(changed))
    }

    async fn listed(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, StoreError> {
        let mut link = self.pool.reading().await?;
        let before = filter.before.as_ref().map(JobId::as_str);
        let state = filter.state.map(JobState::as_str);
        let kind = filter.kind.map(JobKind::as_str);
        let most = i64::from(limit);
        let bytes = rows!(
            sql::number_of,
            &mut link,
            sql::LIST_BYTES,
            before,
            state,
            kind,
            most
        )?;
        let fit = fitting(&bytes);
        let may_go_on = fit < bytes.len() || bytes.len() as u64 == u64::from(limit);
        let fit = i64::try_from(fit).unwrap_or(most);
        let jobs = rows!(sql::job_of, &mut link, sql::LIST, before, state, kind, fit)?;
        Ok(JobPage { jobs, may_go_on })
    }

    async fn inserted(&self, job: &Job, most_waiting: u32) -> Result<Inserted, StoreError> {
        let mut link = self.pool.alone().await?;
        let open = one(rows!(sql::number_of, &mut link, sql::OPEN)?)?;
        if open >= i64::from(most_waiting) {
            link.leave().await?;
            return Ok(Inserted::Full);
        }
        if let Some(plan) = &job.confirms {
            let now = self.time(&mut link).await?;
            let mut plan = locked(&mut link, plan).await?;
            let is_free = plan.as_mut().is_some_and(|plan| moves::confirm(plan, now));
            let Some(plan) = plan.filter(|_| is_free) else {
                link.leave().await?;
                return Ok(Inserted::Used);
            };
            put(&mut link, &plan).await?;
        }
        put(&mut link, job).await?;
        link.commit().await?;
        Ok(Inserted::Kept)
    }

    async fn claimed(
        &self,
        holder: &str,
        lease: Duration,
        most_running: u32,
    ) -> Result<Option<Job>, StoreError> {
        let mut link = self.pool.alone().await?;
        let now = self.time(&mut link).await?;
        let held = one(rows!(sql::number_of, &mut link, sql::HELD, holder)?)?;
        if held >= i64::from(most_running) {
            link.leave().await?;
            return Ok(None);
        }
        let mut claimed = None;
        while claimed.is_none() {
            let found = link.locking(sql::CLAIMABLE, sql::CLAIMABLE_LOCKED);
            let jobs = rows!(sql::job_of, &mut link, found, now.timestamp_micros())?;
            let Some(mut job) = jobs.into_iter().next() else {
                break;
            };
            if job.state == JobState::Running {
                moves::abandon(&mut job, now).map_err(StoreError::internal)?;
            }
            // One that was to be paused or cancelled when its holder went is so now; there may be another to claim.
            if job.state == JobState::Waiting {
                moves::claim(&mut job, holder, now, lease).map_err(StoreError::internal)?;
                claimed = Some(job.clone());
            }
            put(&mut link, &job).await?;
        }
        link.commit().await?;
        Ok(claimed)
    }

    async fn ordered(
        &self,
        id: &JobId,
        order: &Order,
    ) -> Result<Result<Job, OrderError>, StoreError> {
        let mut link = self.pool.writing().await?;
        let now = self.time(&mut link).await?;
        let Some(mut job) = locked(&mut link, id).await? else {
            link.leave().await?;
            return Ok(Err(OrderError::NotFound));
        };
        if let Err(refused) = moves::order(&mut job, order, now) {
            link.leave().await?;
            return Ok(Err(refused));
        }
        put(&mut link, &job).await?;
        if !job.has_checkpoint {
            execute!(&mut link, sql::DROP_CHECKPOINT, id.as_str())?;
        }
        link.commit().await?;
        Ok(Ok(job))
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

/// How many of these go into one list: one at least, however large it is.
fn fitting(bytes: &[i64]) -> usize {
    let mut sum = 0_u64;
    let fits = |bytes: &&i64| {
        sum = sum.saturating_add(u64::try_from(**bytes).unwrap_or(0));
        sum <= limits::JOBS_PAGE_BYTES
    };
    bytes.iter().take_while(fits).count().max(1)
}

/// One job, under a lock until the transaction's end.
async fn locked(link: &mut Link, id: &JobId) -> Result<Option<Job>, StoreError> {
    let get = link.locking(sql::GET, sql::GET_LOCKED);
    let found = rows!(sql::job_of, link, get, id.as_str())?;
    Ok(found.into_iter().next())
}

async fn put(link: &mut Link, job: &Job) -> Result<(), StoreError> {
    let values = Values::of(job)?;
    let time = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros());
    execute!(
        link,
        sql::PUT,
        job.id.as_str(),
        job.spec.kind.as_str(),
        job.state.as_str(),
        &values.spec,
        job.spec.budget.as_deref(),
        job.key.as_str(),
        job.spec.from_job.as_ref().map(JobId::as_str),
        job.spec.removes(),
        values.place.as_deref(),
        values.run.as_deref(),
        values.identity.as_deref(),
        values.progress.as_deref(),
        values.result.as_deref(),
        values.plan.as_deref(),
        job.reason.as_deref(),
        job.created_at.timestamp_micros(),
        job.updated_at.timestamp_micros(),
        time(job.started_at),
        time(job.ended_at),
        job.lease,
        time(job.lease_until),
        job.holder.as_deref(),
        job.wanted.as_str(),
        i64::from(job.restarts),
        job.confirm_used,
        job.confirms.as_ref().map(JobId::as_str),
        values.max_delete,
        job.has_backup,
        job.has_checkpoint,
    )?;
    Ok(())
}

pub(super) fn one<T>(rows: Vec<T>) -> Result<T, StoreError> {
    let mut rows = rows.into_iter();
    rows.next()
        .ok_or_else(|| StoreError::internal("a statement that always has a row gave none"))
}

impl JobStore for SqlStore {
    fn now(&self) -> Answer<'_, DateTime<Utc>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            self.time(&mut link).await
        })
    }

    fn insert<'a>(&'a self, job: &'a Job, most_waiting: u32) -> Answer<'a, Inserted> {
        Box::pin(self.inserted(job, most_waiting))
    }

    fn get<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Job>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let found = rows!(sql::job_of, &mut link, sql::GET, id.as_str())?;
            Ok(found.into_iter().next())
        })
    }

    fn list<'a>(&'a self, filter: &'a JobFilter, limit: u32) -> Answer<'a, JobPage> {
        Box::pin(self.listed(filter, limit))
    }

    fn claim<'a>(
        &'a self,
        holder: &'a str,
        lease: Duration,
        most_running: u32,
    ) -> Answer<'a, Option<Job>> {
        Box::pin(self.claimed(holder, lease, most_running))
    }

    fn heartbeat<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        beat: &'a Beat,
        keep: Duration,
    ) -> Answer<'a, Option<Orders>> {
        let beating = move |job: &mut Job, now| {
            moves::beat(job, beat, now, keep);
            Ok(Orders {
                wanted: job.wanted,
                budget: job.spec.budget.clone(),
            })
        };
        Box::pin(self.as_holder(id, lease, beat.checkpoint.as_deref(), beating))
    }

    fn checkpoint<'a>(&'a self, id: &'a JobId) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            let found = rows!(sql::bytes_of, &mut link, sql::CHECKPOINT, id.as_str())?;
            Ok(found.into_iter().next())
        })
    }

    fn finish<'a>(
        &'a self,
        id: &'a JobId,
        lease: i64,
        finish: &'a Finish,
    ) -> Answer<'a, Option<JobState>> {
        let finishing = move |job: &mut Job, now| {
            moves::finish(job, finish, now).map_err(StoreError::internal)?;
            Ok(job.state)
        };
        Box::pin(self.as_holder(id, lease, finish.checkpoint.as_deref(), finishing))
    }

    fn order<'a>(&'a self, id: &'a JobId, order: &'a Order) -> Answer<'a, Result<Job, OrderError>> {
        Box::pin(self.ordered(id, order))
    }

    fn prune(&self, keep: u32, backups_since: DateTime<Utc>) -> Answer<'_, Vec<JobId>> {
        Box::pin(async move {
            let (keep, since) = (i64::from(keep), backups_since.timestamp_micros());
            let mut link = self.pool.alone().await?;
            let gone = rows!(sql::id_of, &mut link, sql::PRUNE, i64::MAX, keep, since)?;
            link.commit().await?;
            Ok(gone)
        })
    }

    fn drop_backup<'a>(&'a self, id: &'a JobId) -> Answer<'a, bool> {
        Box::pin(async move {
            // Alone: no restore is inserted meanwhile.
            let mut link = self.pool.alone().await?;
            let dropped = execute!(&mut link, sql::DROP_BACKUP, id.as_str())?;
            link.commit().await?;
            Ok(dropped > 0)
        })
    }

    fn counts(&self) -> Answer<'_, Vec<(JobState, u64)>> {
        Box::pin(async move {
            let mut link = self.pool.reading().await?;
            rows!(sql::count_of, &mut link, sql::COUNTS)
        })
    }
}
