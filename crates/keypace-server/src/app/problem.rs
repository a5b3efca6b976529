//! Why a service can't begin: what sort of reason, a text, and what to do. Whoever starts it makes an exit code of the kind.

use std::fmt;

/// What sort of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartErrorKind {
    /// What was said can't be meant, or a file that was named can't be used.
    Config,
    /// A guard refused.
    Refused,
    /// A database does not answer, or refuses us.
    Connection,
    /// Anything else.
    Internal,
}

/// Why a service can't begin. `Display` completes *failed to ...*; the cause is in `source()`.
#[derive(Debug)]
pub struct StartError {
    kind: StartErrorKind,
    text: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StartError {
    pub(crate) fn new(kind: StartErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            hint: None,
            source: None,
        }
    }

    /// What can't be meant, with its place in the config.
    pub(crate) fn config(place: &str, text: impl fmt::Display) -> Self {
        Self::new(
            StartErrorKind::Config,
            format!("start the service: {place}: {text}"),
        )
    }

    /// The library's refusal of something in the config.
    pub(crate) fn library(place: &str, error: keypace::Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        let mut wrong = Self::config(place, format!("failed to {error}")).because(error);
        wrong.hint = hint;
        wrong
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn because(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What sort of reason.
    #[must_use]
    pub fn kind(&self) -> StartErrorKind {
        self.kind
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_deref();
        source.map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
