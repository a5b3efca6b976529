//! Jobs over HTTP: start, list, look at, change, resume. What a job may do is the job service's to say.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::state::AppState;
use crate::jobs::{Job, JobBody, JobFilter, JobId, JobKind, JobPatch, JobState, JobView};
use crate::limits;

/// Jobs, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct JobsView {
    /// The jobs.
    jobs: Vec<JobView>,
    /// What to send as `before` for the next page; nothing on the last one.
    next: Option<String>,
}

/// Which jobs are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Only jobs in this state.
    state: Option<JobState>,
    /// Only jobs of this kind.
    kind: Option<JobKind>,
    /// Only jobs that were made before the one of this id.
    #[param(pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    before: Option<String>,
    /// At most so many: 50 where nothing is said. Fewer come where they are large: go on with `next`.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Starts a job.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = JobBody, responses(
    (status = 202, description = "It waits to be begun", body = JobView, headers(("location" = String, description = "Where it is"))),
    (status = 409, description = "Not without a plan, or not with this one", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<JobBody>,
) -> Result<impl IntoResponse, Problem> {
    let (spec, confirm) = body.into_parts()?;
    let job = state.jobs.create(&caller, spec, confirm.as_deref()).await?;
    Ok(accepted(&state, &job, &caller))
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(JobsQuery), responses(
    (status = 200, description = "The jobs", body = JobsView),
))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<JobsQuery>,
) -> Result<Json<JobsView>, Problem> {
    let most = limits::MAX_JOBS_PAGE;
    let limit = query.limit.unwrap_or(limits::DEFAULT_JOBS_PAGE);
    if !(1..=most).contains(&limit) {
        return Err(Problem::invalid(format!(
            "limit must be 1 to {most}, not {limit}"
        )));
    }
    let before = match query.before.as_deref() {
        None => None,
        Some(text) => Some(JobId::parse(text).ok_or_else(|| {
            Problem::invalid("before: it is no id of a job; send `next` of the last page")
        })?),
    };
    let filter = JobFilter {
        before,
        state: query.state,
        kind: query.kind,
    };
    let page = state.jobs.list(&filter, limit).await?;
    let last = page.jobs.last().filter(|_| page.may_go_on);
    Ok(Json(JobsView {
        next: last.map(|job| job.id.to_string()),
        jobs: (page.jobs)
            .iter()
            .map(|job| state.jobs.view(job, &caller))
            .collect(),
    }))
}

/// One job.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")), responses(
    (status = 200, description = "The job", body = JobView),
    (status = 404, description = "There is none of this id", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Problem> {
    let job = state.jobs.get(&id_of(&id)?).await?;
    Ok(Json(state.jobs.view(&job, &caller)))
}

/// Pauses, resumes or cancels a job, or gives it another budget.
#[utoipa::path(patch, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")), request_body = JobPatch, responses(
    (status = 200, description = "The job; what is under way is settled before its state changes", body = JobView),
    (status = 404, description = "There is none of this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "Not in its state", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn change(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(patch): Json<JobPatch>,
) -> Result<Json<JobView>, Problem> {
    let id = id_of(&id)?;
    let job = state.jobs.patch(&caller, &id, &patch).await?;
    Ok(Json(state.jobs.view(&job, &caller)))
}

/// Lets a job go on from its checkpoint, on whatever server answers now.
#[utoipa::path(post, path = "/v1/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path, pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")), responses(
    (status = 202, description = "It waits to be begun again", body = JobView, headers(("location" = String, description = "Where it is"))),
    (status = 404, description = "There is none of this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "It can't go on: not in its state, or without a checkpoint", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn resume(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let id = id_of(&id)?;
    let job = state.jobs.resume(&caller, &id).await?;
    Ok(accepted(&state, &job, &caller))
}

/// The reply to what goes on by itself.
pub(super) fn accepted(state: &AppState, job: &Job, caller: &Caller) -> impl IntoResponse + use<> {
    let place = [(LOCATION, format!("/v1/jobs/{}", job.id))];
    (
        StatusCode::ACCEPTED,
        place,
        Json(state.jobs.view(job, caller)),
    )
}

/// What is no id is nobody's.
pub(super) fn id_of(text: &str) -> Result<JobId, Problem> {
    JobId::parse(text).ok_or_else(|| crate::jobs::JobError::not_found().into())
}
