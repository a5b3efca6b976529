//! What keypace serves: jobs over HTTP, sessions of an application's users, and a page. A library: `keypace serve` composes it.
//! Must not print.

pub mod error;
pub mod http;
pub mod limits;
pub mod metrics;
pub mod router;
pub mod servers;
pub mod sessions;
