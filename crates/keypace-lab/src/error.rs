//! The lab's one error: kind, operation, hint and source.
//! Must not decide anything: whoever receives it does.

use std::error::Error;
use std::fmt;

/// What sort of thing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabErrorKind {
    /// No server program was found on this machine.
    NoProgram,
    /// A program is there, but it doesn't run or is no Redis or Valkey server.
    BadProgram,
    /// The server did not start, or did not answer.
    Start,
    /// An address that can't be understood.
    Address,
    /// The connection failed, closed or stalled.
    Connection,
    /// A reply that is not RESP, or not the reply that this command has.
    Reply,
    /// The server answered with an error.
    Refused,
    /// What was waited for did not come to pass in time; the cause says what was missing at the end.
    Timeout,
    /// Somebody asked for it to stop.
    Stopped,
    /// Something of the operating system failed: a folder, a process, a thread.
    System,
}

/// Why an operation of the lab failed.
///
/// `Display` completes "failed to ..."; the cause is in `source()`, and `hint()` says what to do. `Debug` shows all
/// three, so that an `unwrap` in a test prints something a person can act on.
#[derive(thiserror::Error)]
#[error("{operation}")]
pub struct LabError {
    kind: LabErrorKind,
    operation: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl LabError {
    pub(crate) fn new(kind: LabErrorKind, operation: impl Into<String>) -> Self {
        Self {
            kind,
            operation: operation.into(),
            hint: None,
            source: None,
        }
    }

    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What sort of thing failed.
    #[must_use]
    pub fn kind(&self) -> LabErrorKind {
        self.kind
    }

    /// What to check or to do, in one or more lines of its own.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Debug for LabError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to {self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n{hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::LabError;
    use super::LabErrorKind;

    #[test]
    fn debug_shows_operation_causes_and_hint() {
        let error = LabError::new(LabErrorKind::Start, "start redis 7.0.15")
            .because(std::io::Error::other("no such file"))
            .with_hint("look there");
        assert_eq!(error.to_string(), "start redis 7.0.15");
        assert_eq!(
            format!("{error:?}"),
            "failed to start redis 7.0.15: no such file\nlook there"
        );
    }
}
