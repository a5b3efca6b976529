//! What people read of a change of the owner key. Builds text; asks nothing.

use std::fmt::Write as _;
use std::time::Duration;

use keypace::{Namespace, OwnerKeys, RekeyReport};
use serde::Serialize;

use super::figures::{grouped, plural, span};
use super::index::hint;
use super::paint::Paint;
use super::text::pace;
use super::wrap::wrap;

/// A key was added to the key file.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    namespace: String,
    /// How many keys the file has now.
    key_version: u32,
    /// Of all of them.
    fingerprint: String,
    keys: Option<String>,
}

impl Added {
    pub(crate) fn new(namespace: &Namespace, keys: &OwnerKeys) -> Self {
        let path = keys.path().map(|path| path.display().to_string());
        Self {
            namespace: namespace.to_string(),
            key_version: keys.version(),
            fingerprint: keys.fingerprint(),
            keys: path,
        }
    }
}

/// The same for stdout, and what is to be done with it.
pub(crate) fn added(
    namespace: &Namespace,
    keys: &OwnerKeys,
    columns: usize,
    paint: Paint,
) -> String {
    let Added {
        keys: path,
        key_version,
        ..
    } = Added::new(namespace, keys);
    let path = path.unwrap_or_default();
    let head = format!("{namespace}: added key {key_version} to {path}");
    let rest = format!(
        "The former file is beside it, as {path}.bak. Nothing on the server was changed. Bring the file to every host that reads or writes {namespace}, then run: keypace index rekey {namespace} --move"
    );
    format!("{}\n{}\n", paint.strong(&head), wrap(&rest, columns, "  "))
}

/// What a move did, for stdout.
pub(crate) fn moved(report: &RekeyReport, nodes: usize, paint: Paint) -> String {
    let mut text = format!(
        "{}: {} of {} in {}\n",
        report.namespace,
        paint.strong(&format!("moved {}", plural(report.moved, "record"))),
        plural(report.owners, "owner"),
        span(Duration::from_millis(report.elapsed_ms)),
    );
    if report.complete {
        let _ = writeln!(text, "  the former owner key finds nobody any more");
    }
    let failed: u64 = report.errors.iter().map(|failure| failure.count).sum();
    if failed > 0 {
        let _ = writeln!(text, "  {:>7} failed", grouped(failed));
    }
    text.push_str(&pace(&report.pace, nodes));
    text
}

/// How a run that was cut short is taken up.
pub(crate) fn to_go_on(namespace: &str, paint: Paint) -> String {
    let text = format!(
        "the move is not at its end; clients of an owner that was under way wait for it. It goes on with: keypace index rekey {namespace} --move"
    );
    hint(&text, paint)
}
