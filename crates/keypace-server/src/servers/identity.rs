//! Which server a job was begun on, so that it goes on by itself nowhere else. Never holds credentials.

use serde::{Deserialize, Serialize};

/// What tells one server from another, and one run of its process from the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its name in the config.
    pub server: String,
    /// Where it listens, without user or password.
    pub address: String,
    /// The number of the database.
    pub database: u32,
    /// What the process calls itself since it was started.
    pub run_id: String,
}
