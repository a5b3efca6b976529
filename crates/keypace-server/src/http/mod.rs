//! HTTP: what every request goes through, and one file of handlers a subject. Handlers extract, call a service and reply;
//! none is longer than 40 lines. Must not decide what a job or a session is.

pub(crate) mod auth;
pub(crate) mod caches;
mod connection;
pub(crate) mod extract;
pub(crate) mod guard;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod observe;
pub(crate) mod openapi;
pub(crate) mod page;
mod rate;
mod records;
pub(crate) mod sessions;
mod state;
pub(crate) mod tickets;
mod tls;
pub(crate) mod ws;

pub use auth::Auth;
pub use auth::Least;
pub(crate) use connection::Bounded;
pub use rate::Rates;
pub use state::AppState;
pub use state::CacheGroup;
pub use state::Place;
pub use state::Settings;
pub use state::Shared;
pub use tls::TlsError;
pub(crate) use tls::server_config;
