//! What a caller is told when something failed: `application/problem+json` with a public text. Internals go to the log
//! alone, once, here. Decides nothing about when a request fails.

use std::borrow::Cow;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::jobs::{JobError, JobErrorKind};
use crate::limits;
use crate::servers::ServerError;
use crate::sessions::{SessionError, SessionErrorKind};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What a caller is told when something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    retry_after_s: Option<u64>,
}

/// The same as it is written.
#[derive(Serialize)]
struct Written<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// The schema of a problem, for the OpenAPI document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// `about:blank`: the status says what sort of problem it is.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
}

impl Problem {
    /// A problem with this status. The text is public: it holds no internals.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    /// 400: the request can't be meant.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: nobody knows who asks.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403: whoever asks may not.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409: not in this state, or not without more.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 426: this is a WebSocket.
    pub fn upgrade_required(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, detail)
    }

    /// 503: somebody who has to be asked does not answer.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_retry_after(1)
    }

    /// 500: our own fault. The cause goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong here; the service's log says what",
        )
    }

    /// 429: too many requests; the next may come after so many seconds.
    pub fn too_many(retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests at once; try again a little later",
        )
        .with_retry_after(retry_after_s)
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The public text.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// 405, with the methods that there are.
    pub(crate) fn not_allowed(methods: &str) -> Response {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path has no such method",
        );
        let mut response = problem.into_response();
        if let Ok(methods) = HeaderValue::from_str(methods) {
            response.headers_mut().insert(ALLOW, methods);
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let written = Written {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        // Texts and numbers always can be written.
        let body = serde_json::to_vec(&written).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let text = error.to_string();
        match error.kind() {
            SessionErrorKind::NoOwner => Self::unauthorized(text),
            SessionErrorKind::Invalid => Self::invalid(text),
            SessionErrorKind::NotFound => Self::not_found(text),
            SessionErrorKind::Conflict | SessionErrorKind::Changed => Self::conflict(text),
            SessionErrorKind::Unavailable => {
                tracing::warn!(cause = %causes(&error), "sessions can't be reached");
                Self::unavailable(text)
            }
            SessionErrorKind::KeysDiffer | SessionErrorKind::Internal => {
                Self::internal(causes(&error))
            }
        }
    }
}

impl From<JobError> for Problem {
    fn from(error: JobError) -> Self {
        let text = error.to_string();
        match error.kind() {
            JobErrorKind::Invalid => Self::invalid(text),
            JobErrorKind::Forbidden => Self::forbidden(text),
            JobErrorKind::NotFound => Self::not_found(text),
            JobErrorKind::Conflict => Self::conflict(text),
            JobErrorKind::Full => Self::new(StatusCode::TOO_MANY_REQUESTS, text)
                .with_retry_after(limits::FULL_RETRY_S),
            JobErrorKind::Unavailable => {
                tracing::warn!(cause = %causes(&error), "a job's request can't be served");
                Self::unavailable(text)
            }
            JobErrorKind::Internal => Self::internal(causes(&error)),
        }
    }
}

impl From<ServerError> for Problem {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Unknown { .. } => Self::not_found(error.to_string()),
            error => {
                tracing::warn!(cause = %causes(&error), "a server can't be reached");
                Self::unavailable(
                    "the server can't be reached, or refuses us; the service's log says more",
                )
            }
        }
    }
}

impl From<keypace::Error> for Problem {
    fn from(error: keypace::Error) -> Self {
        use keypace::ErrorKind;
        let hint = error
            .hint()
            .map_or_else(String::new, |hint| format!("; {hint}"));
        match error.kind() {
            ErrorKind::InvalidPattern | ErrorKind::InvalidOption => {
                Self::invalid(format!("failed to {error}{hint}"))
            }
            ErrorKind::Guard
            | ErrorKind::KeysRefused
            | ErrorKind::Checkpoint
            | ErrorKind::Limit => Self::conflict(format!("failed to {error}{hint}")),
            kind if is_outage(kind) => {
                tracing::warn!(cause = %causes(&error), "a server can't be reached");
                Self::unavailable(
                    "the server can't be reached, or refuses us; the service's log says more",
                )
            }
            _ => Self::internal(causes(&error)),
        }
    }
}

/// Whether it is the server or the way to it.
fn is_outage(kind: keypace::ErrorKind) -> bool {
    use keypace::ErrorKind::{Auth, Disconnected, Loading, Permission, Timeout, Tls, Unreachable};
    matches!(
        kind,
        Auth | Disconnected | Loading | Permission | Timeout | Tls | Unreachable
    )
}

/// An error and what is below it, for the log.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
