//! Tickets over HTTP: what a browser shows a WebSocket in place of its key, which must not stand in a URL.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, KeyId, Scope, TicketError};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Json;
use crate::http::jobs::id_of;
use crate::http::state::AppState;
use crate::jobs::JobId;
use crate::limits;

/// What a ticket without a job is for: any job that its key may look at.
const ANY_JOB: &str = "any";

/// What is to be opened.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketBody {
    /// The job whose events are wanted; without it the ticket opens any one job's.
    job: Option<String>,
}

/// A ticket.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TicketView {
    /// What goes into the URL of a job's events, once.
    ticket: String,
    /// How long it is good for.
    expires_in_s: u64,
}

/// Gives a ticket for the events of a job.
#[utoipa::path(post, path = "/v1/tickets", tag = "jobs", request_body = TicketBody, responses(
    (status = 201, description = "It opens one WebSocket, once", body = TicketView),
    (status = 404, description = "There is no such job", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<TicketBody>,
) -> Result<impl IntoResponse, Problem> {
    let subject = match &body.job {
        None => ANY_JOB.to_owned(),
        Some(id) => state.jobs.get(&id_of(id)?).await?.id.to_string(),
    };
    let ticket = state
        .tickets
        .issue(&caller, subject)
        .map_err(Problem::internal)?;
    let view = TicketView {
        ticket,
        expires_in_s: limits::TICKET_TTL.as_secs(),
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Takes a ticket for the events of this job, and says whose it was.
pub(super) fn redeem(
    state: &AppState,
    ticket: &str,
    job: &JobId,
) -> Result<(KeyId, Scope), Problem> {
    let redeemed = match state.tickets.redeem(ticket, job) {
        Err(TicketError::Invalid) => state.tickets.redeem(ticket, ANY_JOB),
        redeemed => redeemed,
    };
    redeemed.map_err(|error| match error {
        TicketError::Busy => Problem::unavailable(error.to_string()),
        TicketError::Invalid | TicketError::Expired | TicketError::Used => {
            Problem::unauthorized(error.to_string())
        }
    })
}
