//! What is noted of every request: an id, a line in the log, figures, and the log of a panic. Notes no query, no key, no
//! body and no owner.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use metrics::{counter, histogram};
use tracing::Instrument as _;

use crate::error::Problem;
use crate::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

/// The header that a reply names its id in; the log has the same.
const REQUEST_ID: &str = "x-request-id";
/// Random bytes of an id: no two alike in any log.
const ID_BYTES: usize = 8;

/// Gives the request an id and writes down how it went.
pub(crate) async fn request(request: Request, next: Next) -> Response {
    let id = request_id();
    let method = method_of(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let span = tracing::info_span!("request", id = %id, method, route = %route,
        status = tracing::field::Empty);
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = began.elapsed();
    let status = response.status();
    span.record("status", status.as_u16());
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), ms = took.as_millis(), "answered");
        } else {
            tracing::debug!(status = status.as_u16(), ms = took.as_millis(), "answered");
        }
    });
    counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => status.as_u16().to_string())
        .increment(1);
    histogram!(HTTP_SECONDS, "route" => route, "method" => method).record(took.as_secs_f64());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn request_id() -> String {
    let mut bytes = [0_u8; ID_BYTES];
    // Without randomness the id is all zeros, which is no reason to refuse a request.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}

/// Methods are whatever a client sends: only the known ones become labels.
fn method_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The reply to a request that a fault of ours ended.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(format!("panicked: {text}")).into_response()
}
