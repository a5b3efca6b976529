//! The one error of sessions: a kind, a text for whoever asked, and a cause for the log.
//! Must not hold an owner, nor let the cause into the public text.

use std::borrow::Cow;
use std::fmt;

use keypace::ErrorKind;

use crate::sql::{self, StoreError, StoreErrorKind};

/// What the service says where no owner was given. Applications look for this text.
const NO_OWNER: &str =
    "Owner filter (API key) is required for session listing. Unscoped listing is prohibited.";

/// What sort of thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// Nobody said whose sessions are meant.
    NoOwner,
    /// A field or an option is outside its bounds; the text names it.
    Invalid,
    /// The owner has a session of this id already.
    Conflict,
    /// The owner has no session of this id.
    NotFound,
    /// The session changed under the update again and again; nothing was written.
    Changed,
    /// What is kept was written with other owner keys.
    KeysDiffer,
    /// The database or Redis does not answer. A write may have been carried out or not.
    Unavailable,
    /// Anything else: the cause says more, and is not for the public.
    Internal,
}

/// Why something about sessions failed. `Display` is a public text; the cause is in `source()`, for the log.
pub struct SessionError {
    kind: SessionErrorKind,
    text: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SessionError {
    fn new(kind: SessionErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
        }
    }

    fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn no_owner() -> Self {
        Self::new(SessionErrorKind::NoOwner, NO_OWNER)
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SessionErrorKind::Invalid, text)
    }

    pub(crate) fn conflict() -> Self {
        Self::new(
            SessionErrorKind::Conflict,
            "there is a session of this id already",
        )
    }

    pub(crate) fn not_found() -> Self {
        Self::new(SessionErrorKind::NotFound, "there is no session of this id")
    }

    pub(crate) fn changed() -> Self {
        Self::new(
            SessionErrorKind::Changed,
            "the session was changed by others again and again; try again",
        )
    }

    pub(crate) fn keys_differ(kept: &str, given: &str) -> Self {
        let text = format!(
            "the sessions in the database belong to the owner keys {kept}, and those that were given, {given}, don't go on from \
             them; every list would be empty: bring the key file that the database was filled with, or one that was rotated \
             from it"
        );
        Self::new(SessionErrorKind::KeysDiffer, text)
    }

    /// Of the cache's namespace, which other keys were used with.
    pub(crate) fn cache_keys_differ(source: keypace::Error) -> Self {
        let text = "the cache of sessions belongs to other owner keys; with these nothing that other processes write would be \
                    found there: bring the key file that its namespace was made with, or give the cache another namespace";
        Self::new(SessionErrorKind::KeysDiffer, text).because(source)
    }

    /// Somebody who is asked does not answer; the cause goes to the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            SessionErrorKind::Unavailable,
            "sessions can't be reached at the moment; look before a write is repeated, as it may have been carried out",
        )
        .because(source)
    }

    /// Anything that is no fault of the caller's; the cause goes to the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            SessionErrorKind::Internal,
            "something went wrong with sessions; the log says what",
        )
        .because(source)
    }

    /// What sort of thing failed.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }
}

impl From<sqlx::Error> for SessionError {
    fn from(error: sqlx::Error) -> Self {
        if sql::passes(&error) {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Invalid => Self::invalid(error.text()),
            StoreErrorKind::Unavailable => Self::unavailable(error),
            StoreErrorKind::Internal => Self::internal(error),
        }
    }
}

impl From<keypace::Error> for SessionError {
    fn from(error: keypace::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidOption => {
                let text = format!("{error}{}", hint_of(&error));
                Self::invalid(text)
            }
            ErrorKind::Unreachable
            | ErrorKind::Timeout
            | ErrorKind::Disconnected
            | ErrorKind::Loading
            | ErrorKind::Busy
            | ErrorKind::ReadOnly
            | ErrorKind::ClusterDown
            | ErrorKind::MasterDown
            | ErrorKind::TryAgain
            | ErrorKind::OutOfMemory
            | ErrorKind::WritesRefused => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

fn hint_of(error: &keypace::Error) -> String {
    error
        .hint()
        .map_or_else(String::new, |hint| format!("; {hint}"))
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionError")
            .field("kind", &self.kind)
            .field("text", &self.text)
            .field("source", &self.source)
            .finish()
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::{SessionError, SessionErrorKind};

    #[test]
    fn the_cause_is_not_in_the_public_text() {
        let error = SessionError::internal("select * from secrets");
        assert!(!error.to_string().contains("secrets"), "{error}");
        assert!(format!("{error:?}").contains("secrets"));
        assert_eq!(error.kind(), SessionErrorKind::Internal);
    }
}
