//! Names of what waits for a value, or says how it is waited for, and gives the same value.
//! Must not know Redis.

use super::plain;

/// Called on a promise or future, or given one: `.instrument(span)`, `timeout(limit, f)`, `wait_for(f, 5)`.
pub(in crate::rules) fn is_wait(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "instrument"
            | "incurrentspan"
            | "withsubscriber"
            | "withcurrentsubscriber"
            | "boxed"
            | "boxedlocal"
            | "fuse"
            | "shared"
            | "timeout"
            | "ortimeout"
            | "blockon"
            | "waitfor"
            | "shield"
            | "ensurefuture"
            | "createtask"
            | "rununtilcomplete"
            | "waitasync"
            | "finally"
            | "awaitsingle"
            | "awaitfirst"
            | "awaitsuspending"
            | "coawait"
            | "unwrapor"
            | "unwraporelse"
    )
}
