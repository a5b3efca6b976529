//! Colours, where somebody can see them. Wraps text; writes nothing.

use std::io::IsTerminal as _;

/// Whether texts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// For texts on stderr.
    pub(crate) fn stderr() -> Self {
        Self {
            on: std::io::stderr().is_terminal() && wanted(),
        }
    }

    /// For texts on stdout.
    pub(crate) fn stdout() -> Self {
        Self {
            on: std::io::stdout().is_terminal() && wanted(),
        }
    }

    /// Without colours, for tests.
    #[cfg(test)]
    pub(crate) fn stderr_plain() -> Self {
        Self { on: false }
    }

    /// Whether texts are coloured.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// What failed.
    pub(crate) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// What to look at twice.
    pub(crate) fn careful(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// What to do.
    pub(crate) fn advice(self, text: &str) -> String {
        self.with("1;36", text)
    }

    /// A heading or a figure.
    pub(crate) fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// `NO_COLOR` and terminals without colours are respected.
fn wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
