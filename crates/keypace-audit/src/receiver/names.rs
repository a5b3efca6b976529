//! What the name of a receiver says of it where nothing else is known.
//! Must not follow bindings.

use crate::facts::{Call, Expr};

/// `redis`, `$redis`, `REDIS`, `redis_client`, and not what only has such a word in it.
pub(super) fn is_bare_client(call: &Call) -> bool {
    let last = match &call.receiver {
        Some(Expr::Path(path)) => path.last().map(String::as_str).unwrap_or_default(),
        _ => "",
    };
    let plain = last.to_ascii_lowercase().replace('_', "");
    matches!(
        plain.as_str(),
        "redis" | "redisclient" | "redisconn" | "redisconnection" | "valkey" | "valkeyclient"
    )
}

/// `db`, `this.db`, `conn`.
pub(super) fn is_database(call: &Call) -> bool {
    let named = |path: &[String]| {
        let last = path.last().map(String::as_str);
        last.is_some_and(|last| matches!(last, "db" | "conn" | "connection"))
    };
    matches!(&call.receiver, Some(Expr::Path(path)) if named(path))
}

/// A receiver whose name says connection, where a weak name has to do.
pub(super) fn is_connection(call: &Call) -> bool {
    let last = match &call.receiver {
        Some(Expr::Path(path)) => path.last().map(String::as_str).unwrap_or_default(),
        _ => "",
    };
    let lower = last.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "r" | "rc" | "red" | "c" | "con" | "cli" | "commands" | "sync" | "pipe" | "kv"
    ) || lower.ends_with("client")
        || lower.ends_with("conn")
        || lower.ends_with("connection")
}
