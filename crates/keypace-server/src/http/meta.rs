//! What is said of the service itself: alive, ready, its OpenAPI document, its figures, its servers. Starts no work.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::OpenApi as _;

use crate::error::{Problem, ProblemBody};
use crate::http::extract::Json;
use crate::http::openapi::Document;
use crate::http::state::AppState;

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
    Ok(Json(Health { status: "ok" }))
}

/// The OpenAPI document of this service.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses(
    (status = 200, description = "The document, of version 3.1", content_type = "application/json", body = serde_json::Value),
))]
pub(crate) async fn openapi() -> impl IntoResponse {
    Json(Document::openapi())
}

/// The service's figures in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "The figures", content_type = "text/plain", body = String),
))]
pub(crate) async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let text = state.metrics.as_ref().map(|metrics| metrics.render());
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text.unwrap_or_default())
}
