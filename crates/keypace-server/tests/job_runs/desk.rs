//! A server of the test's own, a job store, and whoever does the jobs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keypace::{ConnectOptions, Target};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, install_hint, seed};
use keypace_server::access::{Caller, Signer};
use keypace_server::jobs::{
    IndexConfig, Job, JobId, JobKind, JobPatch, JobService, JobSettings, JobSpec, JobState,
    JobStore, RunnerHandle, RunnerLimits, SqlStore, WantedState,
};
use keypace_server::servers::{ServerConfig, Servers};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

/// More than any job of a test takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);
/// Slow enough for orders to come in mid-run.
pub(crate) const SLOW: &str = "50us";

/// A process's part: a runner and the service over it.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) service: JobService,
    pub(crate) runner: RunnerHandle,
    pub(crate) caller: Caller,
}

/// Every server program of this machine, running.
pub(crate) fn started() -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program: {}",
        install_hint()
    );
    let start = |program| OwnedServer::start(program, ServerOptions::default()).expect("a server");
    programs.iter().map(start).collect()
}

pub(crate) fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

/// So many keys `k:N`, and a hundred that nobody means.
pub(crate) fn fill(server: &OwnedServer, keys: u64) {
    let mut raw = raw(server);
    seed::strings(&mut raw, b"k:", 0..keys, 8).expect("seeded");
    seed::strings(&mut raw, b"keep:", 0..100, 8).expect("seeded");
}

pub(crate) fn dbsize(server: &OwnedServer) -> i64 {
    raw(server)
        .command(&[b"DBSIZE"])
        .expect("asked")
        .int()
        .expect("a number")
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) async fn store(folder: &Path) -> Arc<dyn JobStore> {
    let opened = SqlStore::open_sqlite(folder.join("jobs.db")).await;
    Arc::new(opened.expect("a store"))
}

pub(crate) fn servers(url: &str) -> Servers {
    servers_at(Target::parse(url).expect("valid"))
}

/// One server of the config, with all ways into it.
pub(crate) fn servers_at(url: Target) -> Servers {
    let connect = ConnectOptions::default()
        .with_timeout(Duration::from_millis(500))
        .expect("valid")
        .with_retries(1);
    Servers::new(vec![ServerConfig {
        name: "default".to_owned(),
        url,
        connect,
    }])
}

/// Over this server, with its store and its files in `folder`.
pub(crate) async fn open(server: &OwnedServer, folder: &Path) -> Desk {
    open_with(
        servers(&server.url()),
        store(folder).await,
        folder,
        RunnerLimits::default(),
        BTreeMap::new(),
    )
}

pub(crate) fn open_with(
    servers: Servers,
    store: Arc<dyn JobStore>,
    folder: &Path,
    limits: RunnerLimits,
    indexes: BTreeMap<String, IndexConfig>,
) -> Desk {
    let settings = JobSettings {
        indexes: indexes
            .iter()
            .map(|(name, index)| (name.clone(), index.server.clone()))
            .collect(),
        ..JobSettings::default()
    };
    let runner = RunnerHandle::new(
        Arc::clone(&store),
        servers.clone(),
        folder.to_owned(),
        limits,
        indexes,
    )
    .expect("folders");
    let service = JobService::new(
        Arc::clone(&store),
        Arc::new(servers),
        Arc::new(runner.clone()),
        Signer::new(&[7; 32]),
        settings,
    );
    runner.begin();
    Desk {
        store,
        service,
        runner,
        caller: Caller::keyless(),
    }
}

pub(crate) fn spec(kind: JobKind, pattern: &str) -> JobSpec {
    JobSpec::new(kind, "default", vec![pattern.to_owned()])
}

impl Desk {
    pub(crate) async fn start(&self, spec: JobSpec) -> JobId {
        self.confirm(spec, None).await
    }

    pub(crate) async fn confirm(&self, spec: JobSpec, token: Option<&str>) -> JobId {
        let made = self.service.create(&self.caller, spec, token).await;
        made.expect("a job").id
    }

    pub(crate) async fn job(&self, id: &JobId) -> Job {
        self.store.get(id).await.expect("read").expect("there")
    }

    /// The job once it is as wanted, as a watcher sees it.
    pub(crate) async fn once(&self, id: &JobId, what: &str, wanted: impl Fn(&Job) -> bool) -> Job {
        let waiting = async {
            loop {
                let mut seen = self.service.watch(id).await.expect("watched");
                // A sender that is gone means that it has ended, or that the watching began anew.
                if let Ok(job) = seen.wait_for(|job| wanted(job)).await {
                    return job.as_ref().clone();
                }
                let job = self.job(id).await;
                if wanted(&job) {
                    return job;
                }
                assert!(!job.state.is_ended(), "never {what}: {job:#?}");
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(job) => job,
            Err(_) => panic!("not {what} in time: {:#?}", self.job(id).await),
        }
    }

    pub(crate) async fn once_in(&self, id: &JobId, state: JobState) -> Job {
        self.once(id, state.as_str(), |job| job.state == state)
            .await;
        // What a watcher has is progress that was shown: the store has all the rest.
        self.job(id).await
    }

    /// A delete of this pattern that was planned and is confirmed.
    pub(crate) async fn delete(&self, pattern: &str, backup: bool, budget: &str) -> JobId {
        let mut wanted = spec(JobKind::Delete, pattern);
        (wanted.backup, wanted.budget) = (backup, Some("off".to_owned()));
        let dry = JobSpec {
            dry_run: true,
            ..wanted.clone()
        };
        let planned = self.start(dry).await;
        let planned = self.once_in(&planned, JobState::Planned).await;
        let token = self
            .service
            .view(&planned, &self.caller)
            .confirm
            .expect("a token");
        wanted.budget = Some(budget.to_owned());
        self.confirm(wanted, Some(&token)).await
    }

    /// The same once it has deleted some of its keys.
    pub(crate) async fn deleting(&self, pattern: &str, backup: bool, least: u64) -> JobId {
        let id = self.delete(pattern, backup, SLOW).await;
        self.once(&id, "deleting", |job| count(job, "deleted") >= least)
            .await;
        id
    }

    pub(crate) async fn patch(&self, id: &JobId, budget: Option<&str>, state: Option<WantedState>) {
        let patch = JobPatch {
            budget: budget.map(str::to_owned),
            state,
        };
        let patched = self.service.patch(&self.caller, id, &patch).await;
        patched.expect("taken");
    }

    pub(crate) async fn close(self) {
        self.runner.drain(Duration::from_secs(20)).await;
    }
}

/// A count of a job's progress.
pub(crate) fn count(job: &Job, name: &str) -> u64 {
    job.progress
        .as_ref()
        .and_then(|now| now[name].as_u64())
        .unwrap_or(0)
}

/// A count of a job's result.
pub(crate) fn result(job: &Job, name: &str) -> u64 {
    let result = job.result.as_ref().unwrap_or(&Value::Null);
    result[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {result:#}"))
}
