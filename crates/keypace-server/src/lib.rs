//! What keypace serves: jobs over HTTP, sessions of an application's users, and a page. A library: `keypace serve` composes it.
//! Must not print.

pub mod access;
pub mod app;
pub mod config;
pub mod error;
pub mod http;
pub mod jobs;
pub mod limits;
pub mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
pub mod router;
pub mod servers;
pub mod sessions;
pub mod sql;
pub mod units;
