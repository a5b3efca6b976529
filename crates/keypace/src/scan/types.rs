//! Filtering by type: SCAN's own TYPE where the server has it and one type is meant, one TYPE question a key
//! elsewhere (servers before 6.0, several types).

use crate::error::Result;
use crate::port::{Class, Connection, Reply};

/// How types are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeFilter {
    /// All types are wanted.
    None,
    /// The server filters.
    Server,
    /// Each key is asked for.
    Ask,
}

impl TypeFilter {
    pub(super) fn new(types: &[String]) -> Self {
        match types.len() {
            0 => Self::None,
            1 => Self::Server,
            _ => Self::Ask,
        }
    }
}

/// Queues the question for one key.
pub(super) fn ask(connection: &mut Connection, key: &[u8]) {
    connection.queue("TYPE", Class::Read, [b"TYPE", key].into_iter());
}

/// Reads one answer: whether the type is among those wanted, or, where all are, whether the key is there. One that is gone
/// has the type `none`.
pub(super) async fn answer(connection: &mut Connection, types: &[String]) -> Result<bool> {
    match connection.reply().await? {
        Reply::Simple(name) if types.is_empty() => Ok(name != b"none"[..]),
        Reply::Simple(name) => Ok(types
            .iter()
            .any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))),
        Reply::Error(text) => Err(connection.refused("TYPE", &text)),
        _ => Err(connection.unexpected("TYPE")),
    }
}
