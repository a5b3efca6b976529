//! The pure part of restoring: what an answer to RESTORE means for its record, and how the outcomes add up. Holds no
//! await, clock or randomness.

use super::options::Existing;
use crate::backup::Saved;
use crate::error::{ErrorKind, Retry};
use crate::port::{ServerCode, refuses_keys};

/// One record on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) saved: Saved,
    /// The number of its pattern.
    pub(super) pattern: usize,
    /// It was sent, and no answer came.
    pub(super) was_sent: bool,
    /// It was last sent with ABSTTL. Others were too that were on their way when the server refused the first.
    pub(super) is_absolute: bool,
    /// How often another node was to be found for it.
    pub(super) rounds: u32,
    /// The node that takes it only when asked so, as its slot is on its way there.
    pub(super) asked_at: Option<String>,
}

impl Parcel {
    /// KiB that it is counted as, and one at least.
    pub(super) fn kib(&self) -> u32 {
        let bytes = self.saved.key().as_bytes().len() + self.saved.value().len();
        u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX)
    }
}

/// How a record ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Restored,
    Existing,
    Expired,
    /// The server can't read the payload.
    Refused(String),
    Failed(ErrorKind, String),
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The record has come to its end.
    Ended(Fate),
    /// The same may pass later.
    Later,
    /// The server doesn't know absolute times: it is told how much is left.
    NoAbsoluteTimes,
    /// Another node has the slot.
    Elsewhere,
    /// That node takes it, when it is asked so.
    AskAt(String),
    /// This server is not what it was any more: another answers by now.
    Replaced,
    /// Nothing will pass.
    Never,
}

/// Whether other nodes hold a part of the keys, or may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    Watched,
    Cluster,
}

/// What an error reply to a RESTORE means. `text` is the whole reply, `public` what may be shown of it.
pub(super) fn answer(
    text: &[u8],
    public: &str,
    parcel: &Parcel,
    existing: Existing,
    place: Place,
) -> Answer {
    let said = String::from_utf8_lossy(text);
    if said.starts_with("BUSYKEY") || said.contains("Target key name") {
        return Answer::Ended(match existing {
            Existing::Fail if !parcel.was_sent => {
                Fate::Failed(ErrorKind::Guard, "the key is there".to_owned())
            }
            Existing::Skip | Existing::Replace | Existing::Fail => Fate::Existing,
        });
    }
    if said.contains("DUMP payload") || said.contains("Bad data format") {
        return Answer::Ended(Fate::Refused(
            "the server can't read the payload: it is of a newer version, or of a type that it doesn't have"
                .to_owned(),
        ));
    }
    // RESTORE took no options before 3.0, and counts its arguments.
    if said.contains("wrong number of arguments") {
        return match (parcel.is_absolute, existing) {
            (true, _) => Answer::NoAbsoluteTimes,
            (false, Existing::Replace) => Answer::Ended(Fate::Failed(
                ErrorKind::Server,
                "RESTORE can't replace a key on this server (before 3.0): delete it first, and restore without --replace"
                    .to_owned(),
            )),
            (false, _) => Answer::Ended(Fate::Failed(ErrorKind::Server, public.to_owned())),
        };
    }
    let code = ServerCode::of(text);
    match (code, place) {
        (ServerCode::Syntax, _) if parcel.is_absolute => return Answer::NoAbsoluteTimes,
        (ServerCode::Ask, Place::Cluster) => {
            let node = said.split_ascii_whitespace().nth(2).unwrap_or_default();
            return Answer::AskAt(node.to_owned());
        }
        (ServerCode::Moved | ServerCode::ReadOnly | ServerCode::TryAgain, Place::Cluster) => {
            return Answer::Elsewhere;
        }
        (ServerCode::ClusterDown, Place::Cluster) if said.contains("slot not served") => {
            return Answer::Elsewhere;
        }
        (ServerCode::ReadOnly, Place::Watched) => return Answer::Replaced,
        _ => {}
    }
    let (kind, retry, _) = code.meaning();
    if retry == Retry::Backoff {
        return Answer::Later;
    }
    match code {
        ServerCode::NoPerm if refuses_keys(text) => {
            Answer::Ended(Fate::Failed(kind, public.to_owned()))
        }
        ServerCode::NoPerm
        | ServerCode::NoAuth
        | ServerCode::WrongPass
        | ServerCode::ReadOnly
        | ServerCode::UnknownCommand
        | ServerCode::MaxClients
        | ServerCode::Protected
        | ServerCode::Moved
        | ServerCode::Ask => Answer::Never,
        _ => Answer::Ended(Fate::Failed(kind, public.to_owned())),
    }
}

/// How records ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    pub(super) restored: u64,
    pub(super) existing: u64,
    pub(super) expired: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
}

impl Outcomes {
    pub(super) fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::Restored => self.restored += 1,
            Fate::Existing => self.existing += 1,
            Fate::Expired => self.expired += 1,
            Fate::Refused(_) => self.refused += 1,
            Fate::Failed(..) => self.failed += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.restored += other.restored;
        self.existing += other.existing;
        self.expired += other.expired;
        self.refused += other.refused;
        self.failed += other.failed;
    }

    pub(super) fn sum(&self) -> u64 {
        self.restored + self.existing + self.expired + self.refused + self.failed
    }
}
