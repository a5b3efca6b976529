//! A service over a real store, with servers and a clock of the test's own, and what it promises whoever asks for jobs.

mod asking;
mod confirming;
mod watching;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde_json::json;
use tempfile::TempDir;

use crate::access::{Caller, KeyId, Scope, Signer};
use crate::jobs::job::Job;
use crate::jobs::problem::{JobError, JobErrorKind};
use crate::jobs::service::{Hands, Identify, JobService, JobSettings, NoHands};
use crate::jobs::spec::{JobKind, JobSpec};
use crate::jobs::state::Outcome;
use crate::jobs::store::{Beat, Finish, JobStore, Leave, SqlStore};
use crate::limits;
use crate::servers::Identity;

type Time = Arc<Mutex<DateTime<Utc>>>;

/// Servers of which each has an identity that the test may change, or does not answer.
#[derive(Clone, Default)]
struct Fakes(Arc<Mutex<BTreeMap<String, Option<Identity>>>>);

impl Fakes {
    fn set(&self, name: &str, identity: Option<Identity>) {
        let mut servers = self.0.lock().expect("no panic");
        servers.insert(name.to_owned(), identity);
    }

    fn change(&self, change: impl FnOnce(&mut Identity)) {
        let mut servers = self.0.lock().expect("no panic");
        change(
            servers
                .get_mut("default")
                .and_then(Option::as_mut)
                .expect("there"),
        );
    }
}

impl Identify for Fakes {
    fn names(&self) -> Vec<String> {
        self.0.lock().expect("no panic").keys().cloned().collect()
    }

    fn identity<'a>(&'a self, server: &'a str) -> BoxFuture<'a, Result<Identity, JobError>> {
        let found = self
            .0
            .lock()
            .expect("no panic")
            .get(server)
            .cloned()
            .flatten();
        Box::pin(async move { found.ok_or_else(|| JobError::unavailable("nobody answers there")) })
    }
}

fn identity(server: &str) -> Identity {
    Identity {
        server: server.to_owned(),
        address: "127.0.0.1:6379".to_owned(),
        database: 0,
        run_id: "first".to_owned(),
    }
}

struct Desk {
    service: JobService,
    store: Arc<SqlStore>,
    servers: Fakes,
    time: Time,
    _folder: TempDir,
}

fn admin() -> Caller {
    Caller {
        key: KeyId::new("k_admin"),
        scope: Scope::Admin,
        owner: None,
    }
}

fn operator() -> Caller {
    Caller {
        key: KeyId::new("k_operator"),
        scope: Scope::Operator,
        owner: None,
    }
}

fn delete(pattern: &str) -> JobSpec {
    JobSpec::new(JobKind::Delete, "", vec![pattern.to_owned()])
}

fn dry(spec: &JobSpec) -> JobSpec {
    JobSpec {
        dry_run: true,
        ..spec.clone()
    }
}

impl Desk {
    async fn new(settings: JobSettings) -> Self {
        Self::with_hands(settings, Arc::new(NoHands)).await
    }

    async fn with_hands(settings: JobSettings, hands: Arc<dyn Hands>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let start = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let time = Time::new(Mutex::new(start));
        let at = |time: &Time| {
            let time = time.clone();
            move || *time.lock().expect("no panic")
        };
        let store = SqlStore::open_sqlite(folder.path().join("jobs.db")).await;
        let store = Arc::new(store.expect("opened").with_clock(at(&time)));
        let servers = Fakes::default();
        servers.set("default", Some(identity("default")));
        let service = JobService::new(
            store.clone(),
            Arc::new(servers.clone()),
            hands,
            Signer::new(&[7; 32]),
            settings,
        );
        let service = service.with_clock(at(&time));
        Self {
            service,
            store,
            servers,
            time,
            _folder: folder,
        }
    }

    fn pass(&self, time: TimeDelta) {
        *self.time.lock().expect("no panic") += time;
    }

    async fn create(&self, caller: &Caller, spec: JobSpec) -> Result<Job, JobError> {
        self.service.create(caller, spec, None).await
    }

    /// As a runner does: takes the oldest job and ends it like this.
    async fn run(&self, outcome: Outcome, would_delete: u64) -> Job {
        let claimed = self
            .store
            .claim("runner", limits::JOB_LEASE, 9)
            .await
            .expect("done");
        let job = claimed.expect("a job");
        let now = self
            .servers
            .identity(&job.spec.server)
            .await
            .expect("answers");
        let beat = Beat {
            identity: Some(now),
            ..Beat::default()
        };
        let beaten = self
            .store
            .heartbeat(&job.id, job.lease, &beat, limits::JOB_LEASE)
            .await;
        beaten.expect("done").expect("held");
        let finish = Finish {
            result: Some(json!({"would_delete": would_delete})),
            ..Finish::new(Leave::Ended(outcome))
        };
        self.store
            .finish(&job.id, job.lease, &finish)
            .await
            .expect("done")
            .expect("held");
        self.service.get(&job.id).await.expect("there")
    }

    /// A dry run of this by this caller, ended, and its token.
    async fn plan(&self, caller: &Caller, spec: &JobSpec) -> (Job, String) {
        self.create(caller, dry(spec)).await.expect("made");
        let plan = self.run(Outcome::Planned, 105).await;
        let token = self.service.view(&plan, caller).confirm.expect("a token");
        (plan, token)
    }

    async fn refused(
        &self,
        caller: &Caller,
        spec: &JobSpec,
        token: Option<&str>,
    ) -> (JobErrorKind, String) {
        let error = self.service.create(caller, spec.clone(), token).await;
        let error = error.expect_err("refused");
        (error.kind(), error.to_string())
    }
}
