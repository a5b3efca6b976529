//! Source trees in, findings out: where code asks Redis for work that makes every other client wait.
//! Must not know a server, print, or read the environment.

mod extract;
mod facts;
mod language;
mod limits;
mod report;
mod rule;
mod rules;
mod syntax;
mod wrappers;

pub use language::Language;
pub use report::{Confidence, Finding, Report, Severity, UnknownLevel};
pub use rule::{Rule, all as rules, find as rule};
