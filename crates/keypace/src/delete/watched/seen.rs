//! What is known of a group's keys once they were asked about. Asks nothing and decides nothing.

use super::reads::Form;
use crate::limits;

/// What the questions said of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is not there.
    Gone,
    /// The guard refuses it.
    Refused,
    /// It is there, and may go.
    Here(Found),
}

impl Seen {
    /// A string that may well be read twice.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Here(found) if found.form == Form::Text && found.bytes <= limits::READ_TWICE_MAX_BYTES)
    }
}

/// What is known of a key that may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// When it expires, in ms since 1970.
    pub(super) expires_at_ms: Option<u64>,
    pub(super) form: Form,
    /// A string's length, or about how large another value is.
    pub(super) bytes: u64,
}
