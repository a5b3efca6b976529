//! What an error reply means for a call that has a slot: its own, to be waited out, to be sent elsewhere. Pure.

use crate::error::Retry;
use crate::port::server_error::{ServerCode, refuses_keys};

/// Whether other nodes hold a part of the keys, or may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    /// Behind Sentinels.
    Watched,
    Cluster,
}

/// What an error reply means. All but `Own` say that nothing has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is about this call's keys or arguments: an answer like any other.
    Own,
    /// The server doesn't have the script's text.
    NoScript,
    /// The same may pass later.
    Later,
    /// Another node has the slot, at this place.
    Moved(String),
    /// That node takes this call, when it is asked so.
    Ask(String),
    /// This server is not what it was: another answers on a new connection, or who owns the slot has to be asked anew.
    Replaced,
    /// Nothing of its kind will pass here.
    Never,
}

pub(super) fn meaning(text: &[u8], place: Place) -> Meaning {
    let code = ServerCode::of(text);
    match (code, place) {
        (ServerCode::NoScript, _) => return Meaning::NoScript,
        (ServerCode::Moved, Place::Cluster) => return Meaning::Moved(told(text)),
        (ServerCode::Ask, Place::Cluster) => return Meaning::Ask(told(text)),
        (ServerCode::ReadOnly, Place::Cluster | Place::Watched) => return Meaning::Replaced,
        _ => {}
    }
    if code.meaning().1 == Retry::Backoff {
        return Meaning::Later;
    }
    match code {
        ServerCode::NoPerm if refuses_keys(text) => Meaning::Own,
        ServerCode::NoPerm
        | ServerCode::NoAuth
        | ServerCode::WrongPass
        | ServerCode::ReadOnly
        | ServerCode::UnknownCommand
        | ServerCode::MaxClients
        | ServerCode::Protected
        | ServerCode::Moved
        | ServerCode::Ask => Meaning::Never,
        _ => Meaning::Own,
    }
}

/// The place in `MOVED 3999 127.0.0.1:6381`.
fn told(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let place = text.split_ascii_whitespace().nth(2);
    place.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Place, meaning};

    #[test]
    fn p28_what_an_error_means_depends_on_who_else_may_answer() {
        let at = |place: &str| place.to_owned();
        for (text, alone, watched, cluster) in [
            (
                "WRONGTYPE Operation",
                Meaning::Own,
                Meaning::Own,
                Meaning::Own,
            ),
            ("ERR syntax error", Meaning::Own, Meaning::Own, Meaning::Own),
            ("CROSSSLOT Keys", Meaning::Own, Meaning::Own, Meaning::Own),
            (
                "NOPERM No permissions to access a key",
                Meaning::Own,
                Meaning::Own,
                Meaning::Own,
            ),
            (
                "NOPERM no permissions to run the 'get' command",
                Meaning::Never,
                Meaning::Never,
                Meaning::Never,
            ),
            (
                "NOSCRIPT No matching script",
                Meaning::NoScript,
                Meaning::NoScript,
                Meaning::NoScript,
            ),
            (
                "LOADING Redis is loading",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "BUSY Redis is busy",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "MASTERDOWN Link",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "TRYAGAIN Multiple keys",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "CLUSTERDOWN Hash slot not served",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "OOM command not allowed",
                Meaning::Later,
                Meaning::Later,
                Meaning::Later,
            ),
            (
                "READONLY You can't write",
                Meaning::Never,
                Meaning::Replaced,
                Meaning::Replaced,
            ),
            (
                "MOVED 7 1.2.3.4:5",
                Meaning::Never,
                Meaning::Never,
                Meaning::Moved(at("1.2.3.4:5")),
            ),
            (
                "MOVED 7 :5",
                Meaning::Never,
                Meaning::Never,
                Meaning::Moved(at(":5")),
            ),
            (
                "ASK 7 1.2.3.4:5",
                Meaning::Never,
                Meaning::Never,
                Meaning::Ask(at("1.2.3.4:5")),
            ),
            (
                "NOAUTH Authentication required.",
                Meaning::Never,
                Meaning::Never,
                Meaning::Never,
            ),
        ] {
            let text = text.as_bytes();
            assert_eq!(meaning(text, Place::Alone), alone);
            assert_eq!(meaning(text, Place::Watched), watched);
            assert_eq!(meaning(text, Place::Cluster), cluster);
        }
    }
}
