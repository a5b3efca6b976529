//! What keypace serves: jobs over a keyspace, and sessions, kept in SQL with Redis in front, or in Redis alone.
//! Must not print.

pub mod access;
pub mod jobs;
pub mod limits;
pub mod servers;
pub mod sessions;
pub mod sql;
pub mod units;
