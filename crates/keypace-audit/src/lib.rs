//! Source trees in, findings out: where code asks Redis for work that makes every other client wait.
//! Must not know a server, print, or read the environment.

mod allow;
mod audit;
mod baseline;
mod changed;
mod error;
mod extract;
mod facts;
mod fingerprint;
mod language;
mod limits;
mod page;
mod receiver;
pub mod render;
mod report;
mod repository;
mod rule;
mod rules;
mod source;
mod syntax;
mod wrappers;

pub use audit::{Audit, Options};
pub use error::AuditError;
pub use language::Language;
pub use report::{Confidence, Excerpt, Finding, Report, Severity, UnknownLevel};
pub use rule::Rule;
pub use rules::{all as rules, find as rule};
