//! A report as text for people, as JSON, and as SARIF. Returns text and writes nothing.
//! Must not decide what is in a report.

mod json;
mod sarif;
mod text;

pub use json::json;
pub use sarif::sarif;
pub use text::{Ink, explain, list, summary, text};
