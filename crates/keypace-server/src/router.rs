//! The whole URL table: method, path, least scope, time and handler of every route, and what every request goes through.
//! The router, the check of the OpenAPI document and the test of scopes are all made from the one table.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::Problem;
use crate::http::{
    AppState, Least, auth, caches, guard, jobs, keys, meta, observe, page, sessions, tickets, ws,
};
use crate::limits;

/// The method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// GET; HEAD is answered by it too.
    Get,
    /// POST.
    Post,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// How long a route may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// What the config allows a request.
    Usual,
    /// It waits for work on a server, and is given more.
    Long,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct RouteRow {
    /// Its method.
    pub method: Method,
    /// Its path, with `{name}` for what varies.
    pub path: &'static str,
    /// Who may ask.
    pub least: Least,
    /// How long it may take.
    pub time: Time,
    handler: fn(MethodFilter) -> MethodRouter<AppState>,
}

const fn route(
    method: Method,
    path: &'static str,
    least: Least,
    handler: fn(MethodFilter) -> MethodRouter<AppState>,
) -> RouteRow {
    RouteRow {
        method,
        path,
        least,
        time: Time::Usual,
        handler,
    }
}

/// The same for a route that waits for work on a server.
const fn slow(
    method: Method,
    path: &'static str,
    least: Least,
    handler: fn(MethodFilter) -> MethodRouter<AppState>,
) -> RouteRow {
    RouteRow {
        time: Time::Long,
        ..route(method, path, least, handler)
    }
}

/// Every route.
#[rustfmt::skip]
pub const TABLE: &[RouteRow] = &[
    route(Method::Get, "/", Least::None, |m| on(m, page::index)),
    route(Method::Get, "/page/{*name}", Least::None, |m| on(m, page::file)),
    route(Method::Get, "/healthz", Least::None, |m| on(m, meta::healthz)),
    route(Method::Get, "/readyz", Least::None, |m| on(m, meta::readyz)),
    route(Method::Get, "/openapi.json", Least::None, |m| on(m, meta::openapi)),
    route(Method::Get, "/metrics", Least::Operator, |m| on(m, meta::metrics)),
    route(Method::Get, "/v1/servers", Least::Operator, |m| on(m, meta::servers)),
    route(Method::Post, "/v1/jobs", Least::ByJob, |m| on(m, jobs::create)),
    route(Method::Get, "/v1/jobs", Least::Operator, |m| on(m, jobs::list)),
    route(Method::Get, "/v1/jobs/{id}", Least::Operator, |m| on(m, jobs::get)),
    route(Method::Patch, "/v1/jobs/{id}", Least::ByJob, |m| on(m, jobs::change)),
    route(Method::Post, "/v1/jobs/{id}/resume", Least::ByJob, |m| on(m, jobs::resume)),
    route(Method::Post, "/v1/tickets", Least::Operator, |m| on(m, tickets::create)),
    route(Method::Get, "/v1/jobs/{id}/events", Least::Ticket, |m| on(m, ws::events)),
    route(Method::Get, "/v1/keys", Least::Operator, |m| on(m, keys::list)),
    route(Method::Get, "/v1/caches", Least::Operator, |m| on(m, caches::list)),
    route(Method::Get, "/v1/caches/{name}", Least::Operator, |m| on(m, caches::get)),
    slow(Method::Delete, "/v1/caches/{name}", Least::Admin, |m| on(m, caches::clear)),
    route(Method::Post, "/v1/sessions", Least::Owner, |m| on(m, sessions::create)),
    route(Method::Get, "/v1/sessions", Least::Owner, |m| on(m, sessions::list)),
    route(Method::Get, "/v1/sessions/{id}", Least::Owner, |m| on(m, sessions::get)),
    route(Method::Patch, "/v1/sessions/{id}", Least::Owner, |m| on(m, sessions::update)),
    route(Method::Delete, "/v1/sessions/{id}", Least::Owner, |m| on(m, sessions::delete)),
];

/// The service's router.
pub fn router(state: AppState) -> Router {
    let mut routes = Router::new();
    // A path has its methods together, as what answers all others stands there once.
    for path in TABLE.iter().map(|row| row.path).collect::<BTreeSet<_>>() {
        let rows = TABLE.iter().filter(|row| row.path == path);
        let methods = rows.fold(MethodRouter::new(), |methods, row| {
            methods.merge(routed(row, &state))
        });
        let known = methods_of(path);
        let methods = methods.fallback(move || async move { Problem::not_allowed(&known) });
        routes = routes.route(path, methods);
    }
    routes
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .layer(from_fn_with_state(state.clone(), guard::own_place))
        // A panic's reply is counted and has the headers too, so both are outside.
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn(guard::headers))
        .layer(from_fn(observe::request))
        .with_state(state)
}

/// One route with what stands before its handler: first the time, then who asks.
fn routed(row: &RouteRow, state: &AppState) -> MethodRouter<AppState> {
    let least = row.least;
    let time = time_of(row.time, state.settings.request_time);
    (row.handler)(row.method.filter())
        .route_layer(from_fn_with_state(
            state.clone(),
            move |state: State<AppState>, request: Request, next: Next| {
                auth::require(state, least, request, next)
            },
        ))
        .route_layer(from_fn(move |request: Request, next: Next| {
            guard::within(time, request, next)
        }))
}

fn time_of(time: Time, usual: Duration) -> Duration {
    match time {
        Time::Usual => usual,
        Time::Long => usual.max(limits::LONG_REQUEST_TIME),
    }
}

/// All methods of a path, as `Allow` names them.
fn methods_of(path: &str) -> String {
    let own: Vec<&str> = (TABLE.iter().filter(|row| row.path == path))
        .map(|row| row.method.as_str())
        .collect();
    own.join(", ")
}
