//! The OpenAPI document: every handler's `utoipa::path`, gathered. A test holds it against the table of routes.

use utoipa::OpenApi;

use crate::error::ProblemBody;
use crate::http::{meta, page};

/// The document; each handler is named in it once.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "keypace",
        description = "Redis and Valkey keyspace work (count, delete, stats, reindex, restore) as durable jobs, at a pace the server can stand"
    ),
    paths(
        page::index,
        page::file,
        meta::healthz,
        meta::readyz,
        meta::openapi,
        meta::metrics
    ),
    components(schemas(ProblemBody))
)]
pub(crate) struct Document;
