//! A failure of the library as a job tells it: what sort it is for the job, and a text for the public. Keeps nothing.

use keypace::{Error, ErrorKind};

/// What a failure means for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The server is away: it is waited for.
    Away,
    /// It is refused, and will be again.
    Refused,
    /// The work ended early with a part undone.
    Cut,
}

/// A failure that ended work.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) meaning: Meaning,
    /// For the public.
    pub(super) text: String,
}

impl Trouble {
    pub(super) fn new(meaning: Meaning, text: impl Into<String>) -> Self {
        Self {
            meaning,
            text: text.into(),
        }
    }

    /// What is refused for good.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self::new(Meaning::Refused, text)
    }

    pub(super) fn of(error: &Error) -> Self {
        Self::new(meaning(error.kind()), text(error))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

impl From<crate::jobs::problem::JobError> for Trouble {
    fn from(error: crate::jobs::problem::JobError) -> Self {
        Self::refused(error.to_string())
    }
}

fn meaning(kind: ErrorKind) -> Meaning {
    use ErrorKind::{
        Auth, ClusterDown, Disconnected, Guard, InvalidOption, InvalidPattern, InvalidUrl, Loading,
        MasterDown, Permission, Timeout, Tls, Unreachable, Unsupported,
    };
    match kind {
        Unreachable | Disconnected | Timeout | Loading | ClusterDown | MasterDown => Meaning::Away,
        Auth | Guard | InvalidOption | InvalidPattern | InvalidUrl | Permission | Tls
        | Unsupported => Meaning::Refused,
        _ => Meaning::Cut,
    }
}

/// What is said of it, with what to do. The library's texts hold no credentials, and no keys but in samples.
fn text(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
