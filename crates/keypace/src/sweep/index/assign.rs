//! Gives old records that name nobody an owner, by hand. Writes nothing of the old layout: what was assigned stands beside the
//! index, where rebuild and verify heed it.

use super::options::IndexOptions;
use super::walk;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::index as limits;
use crate::port::Keyspace;
use crate::records::{Assigned, Owner, RecordId, State};
use crate::report::AssignReport;

/// Assigns old records to an owner, and brings them into the index. Those that name an owner themselves are left alone. Not
/// cancel-safe: what was assigned stands, and the next rebuild brings it.
///
/// # Errors
/// `Guard` where the namespace follows no old layout, or the owner keys are not its own; any that one command can give.
pub async fn assign(
    keyspace: &Keyspace,
    options: IndexOptions,
    owner: &Owner,
    ids: &[RecordId],
) -> Result<AssignReport> {
    let namespace = options.namespace.clone();
    let begun = walk::begin(keyspace, options, "index assign").await?;
    if begun.state != State::Following {
        let context = format!("{namespace} follows no old layout");
        return Err(
            Error::new(ErrorKind::Guard, Retry::Never, "assign records", context).with_hint(
                format!("only old records can be assigned, once `keypace index rebuild {namespace}` has looked at them"),
            ),
        );
    }
    let mut report = AssignReport {
        namespace: namespace.to_string(),
        ..AssignReport::default()
    };
    for chunk in ids.chunks(limits::CHUNK_RECORDS) {
        let done = begun.ground.assign(owner, chunk).await?;
        for (id, done) in chunk.iter().zip(done) {
            let id = id.to_string();
            match done {
                Assigned::Done => report.assigned.push(id),
                Assigned::Owned => report.owned.push(id),
                Assigned::Missing => report.missing.push(id),
            }
        }
    }
    Ok(report)
}
