//! What `index verify`, `index rebuild` and their like write as JSON. Holds data; decides nothing.

use serde::Serialize;

use super::{Failure, PaceSummary};

/// What `index verify` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Of which records.
    pub namespace: String,
    /// Every part was walked, and everything on it could be judged.
    pub complete: bool,
    /// Records of the new layout. Those of slots that were walked again, since they moved meanwhile, count again.
    pub records: u64,
    /// Members of its index sets, one that is in both counting once; of such slots again.
    pub members: u64,
    /// What contradicts each other.
    pub drift: DriftCounts,
    /// Members whose records' time is over: the next page drops them.
    pub expired: u64,
    /// Keys below the old prefix that hold no record.
    pub not_records: u64,
    /// How much of the drift was mended.
    pub repaired: u64,
    /// The old layout's own sets, which nothing mends.
    pub old_sets: OldSets,
    /// Wall time.
    pub elapsed_ms: u64,
    /// What the pace did.
    pub pace: PaceSummary,
    /// What could not be judged or mended, by kind and text.
    pub errors: Vec<Failure>,
    /// A few keys of each kind of drift.
    pub samples: Vec<DriftSample>,
}

/// Drift by its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftCounts {
    /// Records that an index set lacks, and old records without a new one.
    pub missing: u64,
    /// Members without a record, and records whose old one is gone or says something else.
    pub stale: u64,
    /// Records that lie with another owner than the one they name.
    pub wrong_owner: u64,
    /// Members with another score than their record's.
    pub wrong_score: u64,
    /// Old records that name nobody.
    pub ownerless: u64,
}

impl DriftCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.missing + self.stale + self.wrong_owner + self.wrong_score + self.ownerless
    }
}

/// What was found in the sets that an application keeps for its owners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OldSets {
    /// Their members.
    pub members: u64,
    /// Members without a record.
    pub stale: u64,
    /// Members whose record names another owner.
    pub wrong_owner: u64,
}

/// A key that drifts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftSample {
    /// How: `missing`, `stale`, `wrong_owner`, `wrong_score`, `ownerless`.
    pub kind: &'static str,
    /// The record's key, old or new, unprintable bytes escaped.
    pub key: String,
}

/// What `index rebuild` did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RebuildReport {
    /// Of which records.
    pub namespace: String,
    /// Every part was walked, nothing failed, and the last pass changed no more than was asked for.
    pub complete: bool,
    /// The old layout counts no longer.
    pub switched: bool,
    /// Walks over the keys.
    pub passes: u32,
    /// Old keys that were looked at, over all passes.
    pub scanned: u64,
    /// Records that were written, over all passes.
    pub imported: u64,
    /// Records that were as they should be, in the last pass.
    pub unchanged: u64,
    /// Records that were taken away again, since their old key is gone or names another owner, over all passes.
    pub removed: u64,
    /// Old records that name nobody, in the last pass: they are listed to nobody.
    pub ownerless: u64,
    /// Old values that are no JSON object, in the last pass.
    pub undecodable: u64,
    /// Other keys below the old prefix, in the last pass.
    pub not_records: u64,
    /// Records without a time that can be read, which are listed as the oldest; over all passes.
    pub undated: u64,
    /// What the last pass changed.
    pub changed: u64,
    /// Wall time.
    pub elapsed_ms: u64,
    /// What the pace did.
    pub pace: PaceSummary,
    /// What failed, by kind and text.
    pub errors: Vec<Failure>,
}

/// What `index rekey --move` did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RekeyReport {
    /// Of which records.
    pub namespace: String,
    /// Nothing is left under the former owner key, and nobody begins there any more.
    pub complete: bool,
    /// Owners of whom this run has moved something.
    pub owners: u64,
    /// Records that this run has moved.
    pub moved: u64,
    /// Wall time.
    pub elapsed_ms: u64,
    /// What the pace did.
    pub pace: PaceSummary,
    /// What could not be moved, and why.
    pub errors: Vec<Failure>,
}

/// What `index assign` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssignReport {
    /// Of which records.
    pub namespace: String,
    /// Ids that are the owner's now.
    pub assigned: Vec<String>,
    /// Ids whose records name an owner themselves, and were left alone.
    pub owned: Vec<String>,
    /// Ids without an old record that could be read.
    pub missing: Vec<String>,
}
