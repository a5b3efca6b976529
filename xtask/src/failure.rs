//! Why a command ended: a text for a person and the exit code.
//! Must not be caught and guessed at: it goes straight up to `main`.

use std::fmt;

use keypace_lab::LabError;

/// The result of a step.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// A text for a person and an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 1,
        }
    }

    /// A program of ours ended with `code`, and has said why itself.
    pub(crate) fn passed_on(text: impl Into<String>, code: Option<i32>) -> Self {
        let code = code
            .and_then(|code| u8::try_from(code).ok())
            .filter(|code| *code != 0)
            .unwrap_or(1);
        Self {
            text: text.into(),
            code,
        }
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

/// What was typed is not a command: exit code 2.
pub(crate) fn usage(text: impl Into<String>) -> Failure {
    Failure {
        text: text.into(),
        code: 2,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        // Its Debug is the whole report: operation, causes and what to do.
        Self::new(format!("{error:?}"))
    }
}
