//! What is said of the service itself: alive, ready, its OpenAPI document, its figures, its servers. Starts no work.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics::gauge;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::OpenApi as _;

use crate::error::{Problem, ProblemBody, causes};
use crate::http::extract::Json;
use crate::http::openapi::Document;
use crate::http::records;
use crate::http::state::AppState;
use crate::jobs::{JobState, JobStore as _};
use crate::limits;
use crate::metrics::{JOBS, SQL_CONNECTIONS, WATCHERS};
use crate::servers::ServerView;

/// The text format of Prometheus.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the service is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "service", responses(
    (status = 200, description = "The process answers", body = Health),
))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether the service can take jobs: its store answers and it is not about to stop. Servers are not asked.
#[utoipa::path(get, path = "/readyz", tag = "service", responses(
    (status = 200, description = "Jobs can be taken", body = Health),
    (status = 503, description = "The store does not answer, or the service is about to stop", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    if *state.closing.borrow() {
        return Err(Problem::unavailable("the service is about to stop"));
    }
    if !(state.is_working)() {
        return Err(Problem::unavailable(
            "jobs are not worked on in this process any more",
        ));
    }
    match timeout(limits::READY_TIME, state.store.now()).await {
        Ok(Ok(_)) => Ok(Json(Health { status: "ok" })),
        Ok(Err(error)) => {
            tracing::warn!(cause = %causes(&error), "the job store does not answer");
            Err(Problem::unavailable("the job store does not answer"))
        }
        Err(_) => Err(Problem::unavailable(
            "the job store does not answer in time",
        )),
    }
}

/// The OpenAPI document of this service.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses(
    (status = 200, description = "The document, of version 3.1", content_type = "application/json", body = serde_json::Value),
))]
pub(crate) async fn openapi() -> impl IntoResponse {
    Json(Document::openapi())
}

/// The service's figures in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "service", security(("key" = [])), responses(
    (status = 200, description = "The figures", content_type = "text/plain", body = String),
    (status = 401, description = "No API key, or an unknown one", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The key's scope is not enough", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    note_standing(&state).await;
    let listed = state.sessions.as_ref().map(records::note);
    let text = state.metrics.as_ref().map(|metrics| metrics.render());
    let text = text.unwrap_or_default() + &listed.unwrap_or_default();
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text)
}

/// Figures of how things stand are taken when somebody asks. A store that does not answer leaves them as they were.
async fn note_standing(state: &AppState) {
    if let Ok(Ok(counts)) = timeout(limits::READY_TIME, state.store.counts()).await {
        for known in JobState::ALL {
            let count = counts.iter().find(|(state, _)| *state == known);
            gauge!(JOBS, "state" => known.as_str())
                .set(as_figure(count.map_or(0, |(_, count)| *count)));
        }
    }
    let (open, idle) = state.store.connections();
    let idle = u64::try_from(idle).unwrap_or(u64::MAX);
    gauge!(SQL_CONNECTIONS, "state" => "idle").set(as_figure(idle));
    gauge!(SQL_CONNECTIONS, "state" => "busy").set(as_figure(u64::from(open).saturating_sub(idle)));
    let watching = limits::WATCHERS.saturating_sub(state.watchers.available_permits());
    gauge!(WATCHERS).set(as_figure(u64::try_from(watching).unwrap_or(u64::MAX)));
}

/// Figures are floating-point numbers: exact up to 2^32, beyond which nothing here is counted.
fn as_figure(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// All servers that are worked on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ServerList {
    /// Each as it is now.
    servers: Vec<ServerView>,
}

/// The configured servers, with their nodes, roles and versions. One that is away is listed as not reachable.
#[utoipa::path(get, path = "/v1/servers", tag = "servers", security(("key" = [])), responses(
    (status = 200, description = "The servers", body = ServerList),
    (status = 401, description = "No API key, or an unknown one", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "The key's scope is not enough", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn servers(State(state): State<AppState>) -> Json<ServerList> {
    Json(ServerList {
        servers: state.servers.describe().await,
    })
}
