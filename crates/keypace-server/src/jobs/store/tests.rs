//! What a store of jobs promises, held against both databases with a clock of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use keypace_lab::{OwnedPostgres, PostgresProgram};
use serde_json::json;
use tempfile::TempDir;

use crate::access::KeyId;
use crate::jobs::id::JobId;
use crate::jobs::job::{Job, Wanted};
use crate::jobs::spec::{JobKind, JobSpec};
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::guards;
use crate::jobs::store::link::{Link, execute};
use crate::jobs::store::{
    Beat, Finish, Inserted, JobFilter, JobStore, Leave, Order, OrderError, SqlStore,
};
use crate::servers::Identity;
use crate::sql::StoreError;

pub(super) const LEASE: Duration = Duration::from_secs(10);
pub(super) const MANY: u32 = 100;

/// A clock that goes on when it is told to, in seconds.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn now(&self) -> DateTime<Utc> {
        let seconds = 1_700_000_000 + self.0.load(Ordering::SeqCst);
        DateTime::from_timestamp(seconds, 5_000).expect("a time")
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn of(&self, store: SqlStore) -> SqlStore {
        let clock = self.clone();
        store.with_clock(move || clock.now())
    }
}

/// A PostgreSQL of the test's own. Where there is none that is said; under `CI=true` it is a failure.
pub(super) fn postgres() -> Option<OwnedPostgres> {
    match PostgresProgram::find() {
        Ok(program) => Some(OwnedPostgres::start(&program).expect("a PostgreSQL")),
        Err(error) => {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{error:?}");
            println!("not run on PostgreSQL: {error:?}");
            None
        }
    }
}

pub(super) async fn sqlite(clock: &Clock) -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqlStore::open_sqlite(folder.path().join("jobs.db")).await;
    (clock.of(store.expect("opened")), folder)
}

pub(super) async fn connected(postgres: &OwnedPostgres, clock: &Clock) -> SqlStore {
    let store = SqlStore::connect_postgres(&postgres.url()).await;
    clock.of(store.expect("connected"))
}

pub(super) fn id(number: u64) -> JobId {
    JobId::of(number, u128::from(number))
}

pub(super) fn job(number: u64, kind: JobKind, now: DateTime<Utc>) -> Job {
    let spec = JobSpec::new(kind, "default", vec!["session:*".to_owned()]);
    Job::new(id(number), spec, KeyId::new("k_one"), now)
}

pub(super) fn identity(address: &str, database: u32, run_id: &str) -> Identity {
    Identity {
        server: "default".to_owned(),
        address: address.to_owned(),
        database,
        run_id: run_id.to_owned(),
    }
}

/// A store, its clock, and jobs that are made in it.
pub(super) struct Desk {
    pub(super) store: SqlStore,
    pub(super) clock: Clock,
}

impl Desk {
    /// Empties the store for the next case.
    pub(super) async fn fresh(&self) {
        let mut link = self.store.pool.writing().await.expect("begun");
        let emptied: Result<u64, StoreError> = execute!(&mut link, "DELETE FROM keypace_jobs");
        emptied.expect("emptied");
        link.commit().await.expect("kept");
    }

    pub(super) async fn make(&self, number: u64, kind: JobKind) -> Job {
        let made = job(number, kind, self.clock.now());
        assert_eq!(
            self.store.insert(&made, MANY).await.expect("done"),
            Inserted::Kept
        );
        made
    }

    pub(super) async fn get(&self, number: u64) -> Job {
        let found = self.store.get(&id(number)).await.expect("done");
        found.expect("there")
    }

    pub(super) async fn claim(&self, holder: &str) -> Option<Job> {
        self.store.claim(holder, LEASE, 2).await.expect("done")
    }

    pub(super) async fn beat(&self, job: &Job, beat: Beat) -> Option<(Wanted, Option<String>)> {
        let orders = self.store.heartbeat(&job.id, job.lease, &beat, LEASE).await;
        orders
            .expect("done")
            .map(|orders| (orders.wanted, orders.budget))
    }

    pub(super) async fn leave(&self, job: &Job, leave: Leave) -> Option<JobState> {
        let left = self
            .store
            .finish(&job.id, job.lease, &Finish::new(leave))
            .await;
        left.expect("done")
    }

    pub(super) async fn order(&self, number: u64, order: Order) -> Result<JobState, OrderError> {
        let ordered = self.store.order(&id(number), &order).await.expect("done");
        ordered.map(|job| job.state)
    }
}

async fn keeps_every_field(desk: &Desk) {
    let mut kept = job(1, JobKind::Delete, desk.clock.now());
    kept.spec.filters.types = vec!["zset".to_owned()];
    kept.spec.budget = Some("250us".to_owned());
    kept.identity = Some(identity("a:1", 3, "r"));
    kept.progress = Some(json!({"share": 0.5}));
    kept.result = Some(json!({"deleted": 1}));
    kept.plan = Some(json!({"would_delete": 9}));
    kept.reason = Some("why".to_owned());
    kept.started_at = Some(desk.clock.now());
    kept.max_delete = Some(9);
    kept.has_backup = true;
    kept.restarts = 4;
    assert_eq!(
        desk.store.insert(&kept, MANY).await.expect("done"),
        Inserted::Kept
    );
    assert_eq!(desk.get(1).await, kept);
    assert_eq!(desk.store.get(&id(2)).await.expect("done"), None);
}

async fn lists_newest_first(desk: &Desk) {
    for number in 1..=5 {
        let kind = if number == 2 {
            JobKind::Stats
        } else {
            JobKind::Count
        };
        desk.make(number, kind).await;
    }
    desk.order(4, Order::Cancel).await.expect("cancelled");
    let listed = async |filter: JobFilter, limit: u32| {
        let page = desk.store.list(&filter, limit).await.expect("done");
        page.jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    let all = [5, 4, 3, 2, 1].map(id);
    assert_eq!(listed(JobFilter::default(), MANY).await, all);
    let before = JobFilter {
        before: Some(id(4)),
        ..JobFilter::default()
    };
    assert_eq!(listed(before, 2).await, all[2..4]);
    let cancelled = JobFilter {
        state: Some(JobState::Cancelled),
        ..JobFilter::default()
    };
    assert_eq!(listed(cancelled, MANY).await, [id(4)]);
    let stats = JobFilter {
        kind: Some(JobKind::Stats),
        ..JobFilter::default()
    };
    assert_eq!(listed(stats, MANY).await, [id(2)]);
    let counts = desk.store.counts().await.expect("done");
    assert_eq!(counts, [(JobState::Cancelled, 1), (JobState::Waiting, 4)]);
}

async fn is_full_when_as_many_wait_as_may(desk: &Desk) {
    desk.make(1, JobKind::Count).await;
    desk.make(2, JobKind::Count).await;
    let third = job(3, JobKind::Count, desk.clock.now());
    assert_eq!(
        desk.store.insert(&third, 2).await.expect("done"),
        Inserted::Full
    );
    // One that is paused still has to be dealt with; one that runs or has ended has not.
    desk.order(1, Order::Pause).await.expect("paused");
    assert_eq!(
        desk.store.insert(&third, 2).await.expect("done"),
        Inserted::Full
    );
    desk.order(1, Order::Cancel).await.expect("cancelled");
    assert_eq!(
        desk.store.insert(&third, 2).await.expect("done"),
        Inserted::Kept
    );
}

async fn gives_jobs_out_once_and_oldest_first(desk: &Desk) {
    for number in 1..=4 {
        desk.make(number, JobKind::Count).await;
    }
    let first = desk.claim("a").await.expect("one");
    assert_eq!(
        (&first.id, first.state, first.lease),
        (&id(1), JobState::Running, 1)
    );
    assert_eq!(first.started_at, Some(desk.clock.now()));
    assert_eq!(desk.claim("a").await.expect("another").id, id(2));
    assert_eq!(desk.claim("a").await, None, "two at once in one process");
    assert_eq!(desk.claim("b").await.expect("another").id, id(3));
    assert_eq!(desk.get(1).await, first);
}

async fn takes_a_job_from_a_holder_that_is_silent(desk: &Desk) {
    desk.make(1, JobKind::Count).await;
    let frozen = desk.claim("a").await.expect("one");
    desk.clock.pass(9);
    let beat = Beat {
        checkpoint: Some(b"one".to_vec()),
        ..Beat::default()
    };
    assert!(desk.beat(&frozen, beat).await.is_some());
    desk.clock.pass(9);
    assert_eq!(desk.claim("b").await, None, "a heartbeat keeps it");
    desk.clock.pass(2);
    let taken = desk.claim("b").await.expect("one");
    assert_eq!(
        (taken.lease, taken.restarts, taken.holder.as_deref()),
        (2, 1, Some("b"))
    );
    // The one that wakes up again changes nothing.
    let late = Beat {
        checkpoint: Some(b"late".to_vec()),
        ..Beat::default()
    };
    assert_eq!(desk.beat(&frozen, late).await, None);
    assert_eq!(desk.leave(&frozen, Leave::Ended(Outcome::Done)).await, None);
    assert_eq!(desk.get(1).await, taken);
    let checkpoint = desk.store.checkpoint(&id(1)).await.expect("done");
    assert_eq!(checkpoint.as_deref(), Some(&b"one"[..]));
    assert_eq!(
        desk.leave(&taken, Leave::Ended(Outcome::Done)).await,
        Some(JobState::Done)
    );
    assert_eq!(desk.store.checkpoint(&id(1)).await.expect("done"), None);
    assert_eq!(
        desk.leave(&taken, Leave::Ended(Outcome::Done)).await,
        None,
        "once"
    );
    assert_eq!(desk.get(1).await.ended_at, Some(desk.clock.now()));
}

async fn keeps_a_job_whose_lease_ran_out_and_nobody_took(desk: &Desk) {
    desk.make(1, JobKind::Count).await;
    let slow = desk.claim("a").await.expect("one");
    desk.clock.pass(60);
    assert!(desk.beat(&slow, Beat::default()).await.is_some());
    assert_eq!(desk.claim("b").await, None);
}

async fn passes_orders_on_and_loses_none(desk: &Desk) {
    desk.make(1, JobKind::Count).await;
    let held = desk.claim("a").await.expect("one");
    assert_eq!(
        desk.beat(&held, Beat::default()).await,
        Some((Wanted::Run, None))
    );
    desk.order(1, Order::Budget("2ms".to_owned()))
        .await
        .expect("done");
    assert_eq!(desk.order(1, Order::Pause).await, Ok(JobState::Running));
    let told = Some((Wanted::Pause, Some("2ms".to_owned())));
    assert_eq!(desk.beat(&held, Beat::default()).await, told);
    // It goes on again before its holder has stopped: then it waits.
    assert_eq!(
        desk.order(1, Order::Resume(None)).await,
        Ok(JobState::Running)
    );
    assert_eq!(
        desk.leave(&held, Leave::Settled).await,
        Some(JobState::Waiting)
    );
    let held = desk.claim("a").await.expect("one");
    desk.order(1, Order::Pause).await.expect("done");
    assert_eq!(
        desk.leave(&held, Leave::Settled).await,
        Some(JobState::Paused)
    );
    assert_eq!(desk.claim("a").await, None);
    assert_eq!(
        desk.order(1, Order::Resume(Some(identity("b:2", 0, "r"))))
            .await,
        Ok(JobState::Waiting)
    );
    let held = desk.claim("a").await.expect("one");
    assert_eq!(
        held.identity,
        Some(identity("b:2", 0, "r")),
        "on what answers now"
    );
    let other = Beat {
        identity: Some(identity("c:3", 0, "r")),
        ..Beat::default()
    };
    desk.beat(&held, other).await.expect("held");
    assert_eq!(
        desk.get(1).await.identity,
        held.identity,
        "nothing else replaces it"
    );
    desk.order(1, Order::Cancel).await.expect("done");
    assert!(matches!(
        desk.order(1, Order::Pause).await,
        Err(OrderError::Refused(_))
    ));
    // Whoever dies with an order in hand leaves it to be carried out.
    desk.clock.pass(11);
    assert_eq!(desk.claim("b").await, None);
    let cancelled = desk.get(1).await;
    assert_eq!(
        (cancelled.state, cancelled.holder),
        (JobState::Cancelled, None)
    );
    let budget = desk.order(1, Order::Budget("1ms".to_owned())).await;
    assert_eq!(budget, Err(OrderError::Ended(JobState::Cancelled)));
    assert_eq!(desk.order(9, Order::Pause).await, Err(OrderError::NotFound));
}

async fn goes_on_from_a_checkpoint_alone(desk: &Desk) {
    for (number, has_checkpoint) in [(1, false), (2, true)] {
        desk.make(number, JobKind::Count).await;
        let held = desk.claim("a").await.expect("one");
        let finish = Finish {
            checkpoint: has_checkpoint.then(|| b"place".to_vec()),
            reason: Some("no rights".to_owned()),
            ..Finish::new(Leave::Ended(Outcome::Failed))
        };
        let left = desk.store.finish(&held.id, held.lease, &finish).await;
        assert_eq!(left.expect("done"), Some(JobState::Failed));
        let resumed = desk.order(number, Order::Resume(None)).await;
        assert_eq!(resumed.is_ok(), has_checkpoint);
    }
    let again = desk.get(2).await;
    assert_eq!(
        (again.state, again.ended_at, again.reason),
        (JobState::Waiting, None, None)
    );
    let kept = desk.store.checkpoint(&id(2)).await.expect("done");
    assert_eq!(kept.as_deref(), Some(&b"place"[..]));
}

async fn check(store: SqlStore, clock: Clock) {
    let desk = Desk { store, clock };
    keeps_every_field(&desk).await;
    desk.fresh().await;
    lists_newest_first(&desk).await;
    desk.fresh().await;
    is_full_when_as_many_wait_as_may(&desk).await;
    desk.fresh().await;
    gives_jobs_out_once_and_oldest_first(&desk).await;
    desk.fresh().await;
    takes_a_job_from_a_holder_that_is_silent(&desk).await;
    desk.fresh().await;
    keeps_a_job_whose_lease_ran_out_and_nobody_took(&desk).await;
    desk.fresh().await;
    passes_orders_on_and_loses_none(&desk).await;
    desk.fresh().await;
    goes_on_from_a_checkpoint_alone(&desk).await;
    desk.fresh().await;
    guards::lets_one_remover_work_on_a_database(&desk).await;
    desk.fresh().await;
    guards::confirms_once_and_only_with_what_it_confirms(&desk).await;
    desk.fresh().await;
    guards::forgets_the_oldest_that_have_ended(&desk).await;
    desk.fresh().await;
    guards::keeps_what_can_still_be_undone(&desk).await;
}

#[tokio::test]
async fn sqlite_keeps_what_a_store_promises() {
    let clock = Clock::default();
    let (store, folder) = sqlite(&clock).await;
    check(store, clock).await;
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("a file");
        let mode = entry.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn postgres_keeps_what_a_store_promises() {
    let Some(postgres) = postgres() else { return };
    let clock = Clock::default();
    check(connected(&postgres, &clock).await, clock).await;
    // Without a clock of the test's it is the database's.
    let own = SqlStore::connect_postgres(&postgres.url())
        .await
        .expect("connected");
    let apart = own.now().await.expect("a time") - Utc::now();
    assert!(apart.num_seconds().abs() < 60, "{apart}");
}

#[tokio::test]
async fn a_url_that_can_t_be_read_shows_no_password() {
    let error = SqlStore::connect_postgres("postgres//u:secret@h").await;
    let error = error.expect_err("refused");
    assert!(
        !format!("{error:?} {error}").contains("secret"),
        "{error:?}"
    );
}
