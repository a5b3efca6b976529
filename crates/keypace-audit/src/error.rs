//! Why an audit could not begin. What goes wrong with a single file is no error: the report counts it.

use std::path::PathBuf;

/// Why an audit could not begin. The text completes *failed to ...*.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A path that was given is not there, or can't be read.
    #[error("read {}", path.display())]
    Path {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A pattern of what to leave out is none.
    #[error("understand the pattern {pattern:?} of `exclude`")]
    Exclude {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        source: ignore::Error,
    },
    /// Git can't say what changed.
    #[error("ask git what changed since {reference:?} in {}", path.display())]
    Changed {
        /// As given.
        reference: String,
        /// Where git was asked.
        path: PathBuf,
        /// What git says, or why it can't be run.
        why: String,
    },
    /// The baseline is there and can't be read.
    #[error("read the baseline {}: {why}", path.display())]
    Baseline {
        /// As given.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl AuditError {
    /// What to check or to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Path { .. } => "name files or folders that exist",
            Self::Exclude { .. } => "patterns are written as in .gitignore: `gen/`, `**/*_pb2.py`",
            Self::Changed { .. } => {
                "the path has to be in a git work tree that has this commit; a shallow clone may lack it (fetch-depth: 0)"
            }
            Self::Baseline { .. } => {
                "a baseline is what `keypace audit --format json` writes; remove it to have a new one written"
            }
        }
    }
}
