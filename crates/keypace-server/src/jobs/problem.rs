//! The one error of jobs: a kind, a text for whoever asked, and a cause for the log. The cause never gets into the text.

use std::borrow::Cow;
use std::fmt;

use crate::jobs::state::Refused;
use crate::sql::{StoreError, StoreErrorKind};

/// What sort of thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobErrorKind {
    /// A field is outside its bounds; the text names it.
    Invalid,
    /// The caller's scope is not enough for this job.
    Forbidden,
    /// There is no such job.
    NotFound,
    /// Not in the job's state, or not confirmed; the text says what to do.
    Conflict,
    /// As many jobs wait as may.
    Full,
    /// The store or the server does not answer.
    Unavailable,
    /// Anything else: the cause says more, and is not for the public.
    Internal,
}

/// Why something about jobs failed. `Display` is a public text; the cause is in `source()`, for the log.
pub struct JobError {
    kind: JobErrorKind,
    text: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl JobError {
    /// Of this kind, with this text.
    pub fn new(kind: JobErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
        }
    }

    /// The same with its cause, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A field is outside its bounds.
    pub fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(JobErrorKind::Invalid, text)
    }

    /// It can't be done as things stand.
    pub fn conflict(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(JobErrorKind::Conflict, text)
    }

    /// There is no such job.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            JobErrorKind::NotFound,
            "there is no job of this id; old ones are not kept",
        )
    }

    /// The server that is worked on does not answer.
    pub fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(JobErrorKind::Unavailable, text)
    }

    /// What sort of thing failed.
    #[must_use]
    pub fn kind(&self) -> JobErrorKind {
        self.kind
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Invalid => JobErrorKind::Invalid,
            StoreErrorKind::Unavailable => JobErrorKind::Unavailable,
            StoreErrorKind::Internal => JobErrorKind::Internal,
        };
        Self::new(kind, error.text()).because(error)
    }
}

impl From<Refused> for JobError {
    fn from(refused: Refused) -> Self {
        Self::conflict(refused.to_string())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError")
            .field("kind", &self.kind)
            .field("text", &self.text)
            .field("source", &self.source)
            .finish()
    }
}

impl std::error::Error for JobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_deref();
        source.map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
