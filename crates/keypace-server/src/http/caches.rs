//! Named caches over HTTP: groups of patterns that the config names, and that one request clears. What is cleared is a
//! durable delete like any other; the config that names it is its confirmation.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::time::timeout;

use crate::access::Caller;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::jobs::accepted;
use crate::http::state::{AppState, CacheGroup};
use crate::jobs::{Job, JobId, JobKind, JobSpec, JobState, JobView};
use crate::limits;

/// A named cache.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CacheView {
    /// What it is called.
    name: String,
    /// The server that it is on.
    server: String,
    /// Its patterns by name.
    patterns: BTreeMap<String, String>,
}

impl CacheView {
    fn of(name: &str, group: &CacheGroup) -> Self {
        Self {
            name: name.to_owned(),
            server: group.server.clone(),
            patterns: group.patterns.clone(),
        }
    }
}

/// All named caches.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CachesView {
    /// The caches, by name.
    caches: Vec<CacheView>,
}

/// What was cleared.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ClearedView {
    /// The cache.
    name: String,
    /// Keys deleted, by the pattern's name.
    deleted: BTreeMap<String, u64>,
    /// All of them.
    total: u64,
    /// How long it took.
    elapsed_ms: u64,
    /// Whether every key that matched is gone.
    complete: bool,
}

/// The named caches of the config.
#[utoipa::path(get, path = "/v1/caches", tag = "caches", responses(
    (status = 200, description = "The caches", body = CachesView),
))]
pub(crate) async fn list(State(state): State<AppState>) -> Json<CachesView> {
    let caches = state.caches.iter();
    Json(CachesView {
        caches: caches
            .map(|(name, group)| CacheView::of(name, group))
            .collect(),
    })
}

/// One named cache.
#[utoipa::path(get, path = "/v1/caches/{name}", tag = "caches", params(("name" = String, Path)), responses(
    (status = 200, description = "The cache", body = CacheView),
    (status = 404, description = "The config names no such cache", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<CacheView>, Problem> {
    let group = group_of(&state, &name)?;
    Ok(Json(CacheView::of(&name, group)))
}

/// Clears a named cache, and waits for that.
#[utoipa::path(delete, path = "/v1/caches/{name}", tag = "caches", params(("name" = String, Path)), responses(
    (status = 200, description = "It has ended; complete says whether every key is gone", body = ClearedView),
    (status = 202, description = "It takes longer, and goes on: the job says how it stands", body = JobView, headers(("location" = String, description = "Where the job is"))),
    (status = 404, description = "The config names no such cache", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "It was cancelled or paused, or failed", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn clear(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let group = group_of(&state, &name)?.clone();
    let patterns = group.patterns.values().cloned().collect();
    let mut spec = JobSpec::new(JobKind::Delete, group.server.clone(), patterns);
    spec.cache = Some(name.clone());
    let job = state.jobs.create(&caller, spec, None).await?;
    match settled(&state, &job.id, limits::CACHE_CLEAR_WAIT).await? {
        Some(job) => cleared(&name, &group, &job).map(|view| Json(view).into_response()),
        None => {
            let job = state.jobs.get(&job.id).await?;
            Ok(accepted(&state, &job, &caller).into_response())
        }
    }
}

fn group_of<'a>(state: &'a AppState, name: &str) -> Result<&'a CacheGroup, Problem> {
    state.caches.get(name).ok_or_else(|| {
        Problem::not_found("the config names no such cache; GET /v1/caches lists them")
    })
}

/// The job once nothing moves any more; nothing where that takes longer.
async fn settled(state: &AppState, id: &JobId, wait: Duration) -> Result<Option<Job>, Problem> {
    let mut live = state.jobs.watch(id).await?;
    let rests = |state: JobState| state.is_ended() || state == JobState::Paused;
    let waited = timeout(wait, async {
        let _ = live.wait_for(|job| rests(job.state)).await;
    });
    if waited.await.is_err() {
        return Ok(None);
    }
    // Whoever watched for us may be gone: the store knows.
    let job = state.jobs.get(id).await?;
    Ok(rests(job.state).then_some(job))
}

/// What the Summary of a job says, by the names of the config.
fn cleared(name: &str, group: &CacheGroup, job: &Job) -> Result<ClearedView, Problem> {
    let is_whole = match job.state {
        JobState::Done => true,
        JobState::Incomplete => false,
        state => {
            let reason = job.reason.as_deref().unwrap_or("see the job");
            return Err(Problem::conflict(format!(
                "clearing it is {state} as job {}: {reason}",
                job.id
            )));
        }
    };
    let result = job.result.clone().unwrap_or_default();
    let of_pattern = |pattern: &String| {
        let rows = result["by_pattern"].as_array()?;
        let row = rows.iter().find(|row| row["pattern"] == pattern.as_str())?;
        row["deleted"].as_u64()
    };
    let deleted: BTreeMap<String, u64> = (group.patterns.iter())
        .map(|(label, pattern)| (label.clone(), of_pattern(pattern).unwrap_or(0)))
        .collect();
    Ok(ClearedView {
        name: name.to_owned(),
        total: deleted.values().sum(),
        deleted,
        elapsed_ms: result["elapsed_ms"].as_u64().unwrap_or(0),
        complete: is_whole && result["complete"].as_bool().unwrap_or(false),
    })
}
