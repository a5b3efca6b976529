//! What an error reply means for the keys of its command. Sends nothing, and knows no piece.

use super::state::Refused;
use crate::error::{Error, ErrorKind, Retry};
use crate::key::Key;
use crate::limits;
use crate::port::{Node, ServerCode, refuses_keys};

/// Whether other nodes hold a part of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One server has them all.
    Alone,
    /// One server has them all, and another may become it at any time.
    Watched,
    /// Each node has its slots, and they move.
    Cluster,
}

/// What an error reply means for all the keys of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The same command may pass later.
    Later,
    /// Some of the keys have moved on, and some have not.
    Torn,
    /// They are on another node by now.
    Elsewhere,
    /// The server is not what it was any more: another has all the keys.
    Replaced,
    /// Some of the keys are at fault.
    Keys,
    /// Nothing will pass.
    Never,
}

impl Meaning {
    pub(super) fn of(text: &[u8], error: &Error, place: Place) -> Self {
        let code = ServerCode::of(text);
        match (code, place) {
            (ServerCode::TryAgain, Place::Cluster) => return Self::Torn,
            // READONLY: it was the primary, and is not any more.
            (ServerCode::Moved | ServerCode::Ask | ServerCode::ReadOnly, Place::Cluster) => {
                return Self::Elsewhere;
            }
            // Its slot has no owner by now, while others have; the whole cluster may be served again later.
            (ServerCode::ClusterDown, Place::Cluster) if ServerCode::is_unserved(text) => {
                return Self::Elsewhere;
            }
            (ServerCode::ReadOnly, Place::Watched) => return Self::Replaced,
            _ => {}
        }
        if error.retry() == Retry::Backoff {
            return Self::Later;
        }
        match code {
            ServerCode::NoPerm if refuses_keys(text) => Self::Keys,
            ServerCode::NoPerm
            | ServerCode::NoAuth
            | ServerCode::WrongPass
            | ServerCode::ReadOnly
            | ServerCode::UnknownCommand
            | ServerCode::MaxClients
            | ServerCode::Protected
            | ServerCode::Moved
            | ServerCode::Ask => Self::Never,
            _ => Self::Keys,
        }
    }
}

/// An error as the reason that keys were not removed.
pub(super) fn refused(error: &Error, sample: Option<Key>) -> Refused {
    Refused {
        kind: error.kind(),
        text: error.to_string(),
        sample,
    }
}

/// Keys fail one after the other, for good.
pub(super) fn hopeless(node: &Node) -> Error {
    let failed = limits::MAX_FAILED_IN_A_ROW;
    Error::new(
        ErrorKind::Permission,
        Retry::Never,
        "delete keys",
        format!("{failed} keys failed one after the other, and none was removed"),
    )
    .on_node(node.name())
    .with_hint("see the errors for the reason: the user's key patterns may not cover these keys")
}

/// Behind Sentinels: another server is the primary.
pub(super) fn replaced(node: &Node) -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        Retry::Reconnect,
        "delete keys",
        "the server is a replica by now",
    )
    .on_node(node.name())
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Place};
    use crate::error::{Error, ErrorKind, Retry};

    #[test]
    fn p28_each_code_has_a_meaning_for_the_keys() {
        use Meaning::{Elsewhere, Keys, Later, Never, Replaced, Torn};
        // What the table of codes advises, alone, in a cluster.
        for (text, retry, alone, cluster) in [
            ("MOVED 7 h:1", Retry::Redirect, Never, Elsewhere),
            ("ASK 7 h:1", Retry::Redirect, Never, Elsewhere),
            ("READONLY a replica", Retry::Never, Never, Elsewhere),
            ("TRYAGAIN rehashing", Retry::Backoff, Later, Torn),
            ("CLUSTERDOWN is down", Retry::Backoff, Later, Later),
            (
                "CLUSTERDOWN Hash slot not served",
                Retry::Backoff,
                Later,
                Elsewhere,
            ),
            ("MASTERDOWN is down", Retry::Backoff, Later, Later),
            ("LOADING", Retry::Backoff, Later, Later),
            ("CROSSSLOT", Retry::Never, Keys, Keys),
            ("NOPERM the command", Retry::Never, Never, Never),
            ("NOPERM to access a key", Retry::Never, Keys, Keys),
            ("ERR unknown command", Retry::Never, Never, Never),
            ("ERR whatever", Retry::Never, Keys, Keys),
        ] {
            let error = Error::new(ErrorKind::Server, retry, "delete keys", text);
            let meaning = |place| Meaning::of(text.as_bytes(), &error, place);
            assert_eq!(meaning(Place::Alone), alone, "{text}");
            assert_eq!(meaning(Place::Cluster), cluster, "{text}");
            let watched = if text.starts_with("READONLY") {
                Replaced
            } else {
                alone
            };
            assert_eq!(meaning(Place::Watched), watched, "{text}");
        }
    }
}
