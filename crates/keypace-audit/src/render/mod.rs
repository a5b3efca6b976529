//! A report as text for people, as JSON, and as SARIF. Returns text, what may be long in pieces, and writes nothing.
//! Must not decide what is in a report.

mod json;
mod sarif;
mod text;

pub use json::json;
pub use sarif::sarif;
pub use text::{Ink, explain, list, text};

/// Findings in one piece of a text: some hundred kilobytes.
const PIECE: usize = 1_000;
