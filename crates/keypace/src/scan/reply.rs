//! The shape of SCAN's reply, checked: what is none is an error, and never an empty page.

use bytes::Bytes;

use crate::error::Result;
use crate::key::Key;
use crate::limits;
use crate::port::{Connection, Reply};

/// `[cursor, [key, ...]]`, and nothing else.
pub(super) fn into_page(reply: Reply, connection: &Connection) -> Result<(Bytes, Vec<Key>)> {
    let Reply::Array(parts) = reply else {
        return Err(connection.unexpected("SCAN"));
    };
    let Ok([Reply::Bulk(next), Reply::Array(names)]) = <[Reply; 2]>::try_from(parts) else {
        return Err(connection.unexpected("SCAN"));
    };
    if next.is_empty() || next.len() > limits::MAX_CURSOR_BYTES {
        return Err(connection.unexpected("SCAN"));
    }
    let key = |name| match name {
        Reply::Bulk(name) => Ok(Key::new(name)),
        _ => Err(connection.unexpected("SCAN")),
    };
    Ok((next, names.into_iter().map(key).collect::<Result<_>>()?))
}
