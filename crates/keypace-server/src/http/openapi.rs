//! The OpenAPI document: every handler's `utoipa::path`, gathered, with what stands before all handlers said once for all of
//! them. A test holds it against the table of routes, and every reply of the tests against it.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::error::{PROBLEM_JSON, ProblemBody};
use crate::http::{caches, jobs, keys, meta, page, sessions, tickets, ws};

/// What our keys are called in the document.
const KEY: &str = "key";
/// Where the routes are that work is done by: they ask who comes, and whom they ask may not answer.
const WORK: &str = "/v1/";
/// What asks for a key beside them.
const FIGURES: &str = "/metrics";
/// What asks for a ticket in place of a key.
const EVENTS: &str = "/v1/jobs/{id}/events";

/// What may come of any request.
const OF_ALL: [(&str, &str); 7] = [
    (
        "400",
        "The request can't be meant: the text says what is wrong",
    ),
    (
        "403",
        "Not from this page, under this name, or with this key",
    ),
    ("414", "The URL is too long"),
    (
        "429",
        "Too many requests, or jobs that wait; Retry-After says when to come again",
    ),
    ("431", "The headers are too long or too many"),
    ("500", "Our own fault; the service's log says more"),
    ("504", "It took too long, and was given up"),
];
/// What may come of a request that has to say who it comes from.
const OF_CALLERS: [(&str, &str); 1] =
    [("401", "Nobody knows who asks, or whose sessions are meant")];
/// What may come of a request that does something.
const OF_WORK: [(&str, &str); 2] = [
    ("404", "There is no such thing"),
    (
        "503",
        "The store or the server does not answer, or too much is asked of us",
    ),
];
/// What may come of a request with a body.
const OF_BODIES: [(&str, &str); 3] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is too long"),
    ("415", "The body is no JSON, or does not say so"),
];

/// The document; each handler is named in it once.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "keypace",
        description = "Redis and Valkey keyspace work (count, delete, stats, reindex, restore) as durable jobs, at a pace the server can stand"
    ),
    paths(
        page::index, page::file,
        meta::healthz, meta::readyz, meta::openapi, meta::metrics, meta::servers,
        jobs::create, jobs::list, jobs::get, jobs::change, jobs::resume,
        tickets::create, ws::events,
        keys::list,
        caches::list, caches::get, caches::clear,
        sessions::create, sessions::list, sessions::get, sessions::update, sessions::delete,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Everywhere),
)]
pub(crate) struct Document;

/// Adds what no handler decides.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, as keypace serve --new-key shows it once"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(scheme));
        for (path, item) in &mut document.paths.paths {
            let methods = [
                &mut item.get,
                &mut item.post,
                &mut item.patch,
                &mut item.delete,
            ];
            for operation in methods.into_iter().flatten() {
                describe(path, operation);
            }
        }
    }
}

fn describe(path: &str, operation: &mut Operation) {
    let is_work = path.starts_with(WORK);
    let mut rows = OF_ALL.to_vec();
    if is_work || path == FIGURES {
        rows.extend(OF_CALLERS);
        if path != EVENTS {
            operation.security = Some(vec![SecurityRequirement::new(KEY, [""; 0])]);
        }
    }
    if is_work {
        rows.extend(OF_WORK);
    }
    if operation.request_body.is_some() {
        rows.extend(OF_BODIES);
    }
    for (status, text) in rows {
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_owned())
            .or_insert_with(|| problem(text));
    }
}

fn problem(text: &str) -> RefOr<Response> {
    let body = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    RefOr::T(
        ResponseBuilder::new()
            .description(text)
            .content(PROBLEM_JSON, body)
            .build(),
    )
}
