//! Sessions over HTTP. The owner comes from the caller's key and from nowhere else; what is another's does not exist.
//! Must not know where sessions are kept.

use axum::Extension;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use keypace::{Owner, RecordId};
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::Caller;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::state::AppState;
use crate::sessions::{
    NewSession, OwnerFilter, PageRequest, Session, SessionChange, SessionError, SessionPage,
    SessionService, Status, time_text,
};

/// How a session stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionStatus {
    /// It goes on.
    Active,
    /// It came to its end.
    Completed,
    /// It ended with an error.
    Error,
}

impl From<SessionStatus> for Status {
    fn from(status: SessionStatus) -> Self {
        match status {
            SessionStatus::Active => Self::Active,
            SessionStatus::Completed => Self::Completed,
            SessionStatus::Error => Self::Error,
        }
    }
}

/// A session that is to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionToMake {
    /// What it is to be called; without one an id is made.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    id: Option<String>,
    /// The model that it talks to.
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    )]
    model: String,
    /// `active` where nothing is said.
    #[serde(default)]
    status: Option<SessionStatus>,
    /// How many turns it has had.
    #[serde(default)]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    total_turns: u64,
    /// What it has cost, in US dollars.
    #[serde(default)]
    total_cost_usd: Option<f64>,
    /// The session that it came out of.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    parent_session_id: Option<String>,
}

/// What is to be another in a session; what is left out stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionToChange {
    /// Another model.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    model: Option<String>,
    /// Another status.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SessionStatus>, nullable = false)]
    status: Option<SessionStatus>,
    /// Another count of turns.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>, nullable = false, maximum = 9_007_199_254_740_991_i64)]
    total_turns: Option<u64>,
    /// Another cost; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    total_cost_usd: Option<Option<f64>>,
    /// Another parent; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    parent_session_id: Option<Option<String>>,
}

/// Tells what was given, be it `null` where that means something, from what was left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SessionView {
    /// What it is called.
    id: String,
    /// The model that it talks to.
    model: String,
    /// How it stands.
    status: &'static str,
    /// When it was made.
    created_at: String,
    /// When it was last written.
    updated_at: String,
    /// How many turns it has had.
    total_turns: u64,
    /// What it has cost, in US dollars, where that is known.
    total_cost_usd: Option<f64>,
    /// The session that it came out of.
    parent_session_id: Option<String>,
}

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.as_str().to_owned(),
            model: session.model,
            status: session.status.as_str(),
            created_at: time_text(&session.created_at),
            updated_at: time_text(&session.updated_at),
            total_turns: session.total_turns,
            total_cost_usd: session.total_cost_usd,
            parent_session_id: session.parent_session_id.map(|id| id.as_str().to_owned()),
        }
    }
}

/// A page of the owner's sessions, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SessionsView {
    /// The sessions.
    sessions: Vec<SessionView>,
    /// How many the owner has.
    total: u64,
    /// The number that was asked for; nothing behind a cursor.
    page: Option<u32>,
    /// How many a page holds at most.
    page_size: u32,
    /// What to send as `after` for the next page; nothing on the last one.
    next: Option<String>,
    /// Records that can't be read, and were left out.
    skipped: u64,
    /// Whether the database did not answer, so that this comes from the cache and may be old.
    stale: bool,
}

impl From<SessionPage> for SessionsView {
    fn from(page: SessionPage) -> Self {
        Self {
            sessions: page.sessions.into_iter().map(SessionView::from).collect(),
            total: page.total,
            page: page.page,
            page_size: page.page_size,
            next: page.next.map(|cursor| cursor.to_string()),
            skipped: page.skipped,
            stale: page.stale,
        }
    }
}

/// Which page is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsQuery {
    /// The page of this number, from 1. Not together with `after`.
    #[param(minimum = 1, maximum = 1_000_000)]
    page: Option<i64>,
    /// How many a page holds: 20 where nothing is said.
    #[param(minimum = 1, maximum = 100)]
    page_size: Option<i64>,
    /// Goes on behind another page, which stays true while sessions come and go.
    after: Option<String>,
}

/// Says that a reply comes from the cache alone and may be old.
const STALE: HeaderName = HeaderName::from_static("x-keypace-stale");

/// Makes a session for the owner of the key.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", request_body = SessionToMake, responses(
    (status = 201, description = "It is made", body = SessionView, headers(("location" = String, description = "Where it is"))),
    (status = 409, description = "The owner has a session of this id", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<SessionToMake>,
) -> Result<impl IntoResponse, Problem> {
    let (service, owner) = asked(&state, &caller)?;
    let mut new = NewSession::new(body.model);
    new.id = body.id.map(id_of).transpose()?;
    new.status = body.status.map_or_else(Status::default, Status::from);
    new.total_turns = body.total_turns;
    new.total_cost_usd = body.total_cost_usd;
    new.parent_session_id = body.parent_session_id.map(id_of).transpose()?;
    let made = to_its_end(async move { service.create(&owner, new).await }).await?;
    let place = [(LOCATION, format!("/v1/sessions/{}", made.id))];
    Ok((StatusCode::CREATED, place, Json(SessionView::from(made))))
}

/// One page of the sessions of the key's owner.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", params(SessionsQuery), responses(
    (status = 200, description = "The page", body = SessionsView),
))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<SessionsQuery>,
) -> Result<Json<SessionsView>, Problem> {
    let (service, owner) = asked(&state, &caller)?;
    let request = PageRequest::from_parts(query.page, query.page_size, query.after.as_deref())?;
    let page = service.list(&owner, &request).await?;
    Ok(Json(page.into()))
}

/// One session of the key's owner.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")), responses(
    (status = 200, description = "The session; with x-keypace-stale: true where it comes from the cache alone", body = SessionView),
    (status = 404, description = "The owner has none of this id", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let (service, owner) = asked(&state, &caller)?;
    let found = service.get(&owner, &id_of(id)?).await?;
    let stale = found.stale.then_some([(STALE, "true")]);
    Ok((stale, Json(SessionView::from(found.session))))
}

/// Changes a session of the key's owner.
#[utoipa::path(patch, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")), request_body = SessionToChange, responses(
    (status = 200, description = "What it is now", body = SessionView),
    (status = 404, description = "The owner has none of this id", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "Others changed it at the same moment, again and again", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn update(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<SessionToChange>,
) -> Result<Json<SessionView>, Problem> {
    let (service, owner) = asked(&state, &caller)?;
    let id = id_of(id)?;
    let parent = match body.parent_session_id {
        Some(Some(parent)) => Some(Some(id_of(parent)?)),
        Some(None) => Some(None),
        None => None,
    };
    let change = SessionChange {
        model: body.model,
        status: body.status.map(Status::from),
        total_turns: body.total_turns,
        total_cost_usd: body.total_cost_usd,
        parent_session_id: parent,
    };
    let changed = to_its_end(async move { service.update(&owner, &id, &change).await }).await?;
    Ok(Json(changed.into()))
}

/// Deletes a session of the key's owner.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")), responses(
    (status = 204, description = "It is gone"),
    (status = 404, description = "The owner has none of this id", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (service, owner) = asked(&state, &caller)?;
    let id = id_of(id)?;
    to_its_end(async move { service.delete(&owner, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The service and the owner of the key. Whoever has none is told so first, whether or not there are sessions.
fn asked(state: &AppState, caller: &Caller) -> Result<(SessionService, Owner), Problem> {
    let owner = OwnerFilter::from_option(caller.owner.as_deref())?;
    let service = state.sessions.clone().ok_or_else(|| {
        Problem::not_found("this service keeps no sessions; [sessions] in its config says where")
    })?;
    Ok((service, owner))
}

fn id_of(text: String) -> Result<RecordId, Problem> {
    RecordId::new(text).map_err(|error| Problem::from(SessionError::from(error)))
}

/// Carries a write to its end even where the client goes away: half of one would leave the cache behind the database.
async fn to_its_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, SessionError>> + Send + 'static,
) -> Result<T, Problem> {
    let written = tokio::spawn(write).await.map_err(Problem::internal)?;
    Ok(written?)
}
