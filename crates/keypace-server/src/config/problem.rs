//! What is wrong with a config: the table, the field, and what to do. Reads nothing.

use std::fmt;

/// What is wrong with a config. `Display` completes *failed to ...*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    place: String,
    text: String,
    hint: Option<String>,
}

impl ConfigError {
    /// Something in a table: `[servers.prod]`; with the field that it is about, or the empty text.
    pub(crate) fn at(table: &str, field: &str, text: impl Into<String>) -> Self {
        let place = match (table, field) {
            ("", field) => field.to_owned(),
            (table, "") => table.to_owned(),
            (table, field) => format!("{table} {field}"),
        };
        Self {
            place,
            text: text.into(),
            hint: None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return write!(f, "read the config: {}", self.text);
        }
        write!(f, "read the config: {}: {}", self.place, self.text)
    }
}

impl std::error::Error for ConfigError {}
