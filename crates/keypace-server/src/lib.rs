//! What keypace serves to applications: sessions, kept in SQL with Redis in front, or in Redis alone.
//! Must not print, must not listen on anything, and knows no HTTP yet.

pub mod limits;
pub mod servers;
pub mod sessions;
