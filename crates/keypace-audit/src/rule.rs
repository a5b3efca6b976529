//! What a rule is: its id, how much it hurts, why, and how to mend it in each language.
//! Must not look at any file.

use crate::language::Language;
use crate::report::Severity;

/// A rule's description, as `--explain` and SARIF show it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `keys-command`.
    pub id: &'static str,
    /// Before tests, docs and wrappers lower it.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// A paragraph: what the server does, and what others feel of it.
    pub why: &'static str,
    /// What to write instead, in the language's own terms.
    pub fix: fn(Language) -> &'static str,
}
