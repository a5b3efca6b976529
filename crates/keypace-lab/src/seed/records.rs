//! Records of many owners in the layout of `docs/wire-layout.md`, written past its scripts: as many as a benchmark needs,
//! in pipelines. Must not write where somebody else does: record and index are two steps here.

use std::fmt::Write as _;
use std::ops::Range;

use super::Writer;
use crate::error::LabError;
use crate::limits;
use crate::raw::Raw;

/// The records of one owner: the id of each is `s` and its number, and the greatest number is the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRecords {
    /// What the owner is called in key names: 32 lower-case hex digits.
    pub tag: String,
    /// Which records.
    pub numbers: Range<u64>,
}

impl OwnerRecords {
    fn key(&self, namespace: &str, part: &str) -> String {
        format!("kp:{namespace}:{{{}}}:{part}", self.tag)
    }

    /// The names of all keys that hold these records and their index.
    #[must_use]
    pub fn names(&self, namespace: &str) -> Vec<String> {
        let index = ["c", "e"].map(|part| self.key(namespace, part));
        let records = self.numbers.clone();
        let records = records.map(|number| self.key(namespace, &format!("r:s{number}")));
        index.into_iter().chain(records).collect()
    }

    fn batches(&self) -> impl Iterator<Item = Range<u64>> {
        let past = self.numbers.end;
        let firsts = self
            .numbers
            .clone()
            .step_by(limits::SEED_BATCH_KEYS as usize);
        firsts.map(move |first| first..past.min(first.saturating_add(limits::SEED_BATCH_KEYS)))
    }
}

/// Writes the records without their index: each with its header, and the body that its number has.
///
/// # Errors
/// As [`super::strings`].
pub fn records(
    raw: &mut Raw,
    namespace: &str,
    owners: impl Iterator<Item = OwnerRecords>,
    body: impl Fn(u64) -> String,
) -> Result<(), LabError> {
    let mut writer = Writer::new(raw);
    for owner in owners {
        let lead = owner.key(namespace, "r:s");
        for batch in owner.batches() {
            let pairs =
                batch.map(|number| [format!("{lead}{number}"), value(number, &body(number))]);
            writer.add_all(&["MSET"], pairs)?;
        }
    }
    writer.finish()
}

/// Writes the index of these records: both sorted sets of each owner, as for records without a TTL.
///
/// # Errors
/// As [`super::strings`].
pub fn record_index(
    raw: &mut Raw,
    namespace: &str,
    owners: impl Iterator<Item = OwnerRecords>,
) -> Result<(), LabError> {
    let mut writer = Writer::new(raw);
    for owner in owners {
        let [created, expiry] = ["c", "e"].map(|part| owner.key(namespace, part));
        for batch in owner.batches() {
            let by_created = |number| [format!("-{}", created_ms(number)), format!("s{number}")];
            writer.add_all(&["ZADD", &created], batch.clone().map(by_created))?;
            let by_expiry = |number| ["+inf".to_owned(), format!("s{number}")];
            writer.add_all(&["ZADD", &expiry], batch.map(by_expiry))?;
        }
    }
    writer.finish()
}

fn created_ms(number: u64) -> u64 {
    limits::SEED_RECORDS_CREATED_MS + number
}

/// `k1 VERSION CREATED_MS UPDATED_MS`, a line feed, the body. Versions are microseconds.
fn value(number: u64, body: &str) -> String {
    let created = created_ms(number);
    let mut value = String::with_capacity(body.len() + 64);
    // A String takes every write.
    let _ = write!(value, "k1 {created}000 {created} {created}\n{body}");
    value
}

#[cfg(test)]
mod tests {
    use super::{OwnerRecords, value};

    #[test]
    fn an_owner_s_keys_are_those_of_the_layout() {
        let owner = OwnerRecords {
            tag: "b9ac4ee7242bea2f07e6764f068b5e8f".to_owned(),
            numbers: 98..310,
        };
        let names = owner.names("shop");
        assert_eq!(names.len(), 2 + 212);
        assert_eq!(names[0], "kp:shop:{b9ac4ee7242bea2f07e6764f068b5e8f}:c");
        assert_eq!(names[2], "kp:shop:{b9ac4ee7242bea2f07e6764f068b5e8f}:r:s98");
        let batches: Vec<_> = owner.batches().collect();
        assert_eq!(batches, [98..198, 198..298, 298..310]);
        assert_eq!(
            value(7, "{}"),
            "k1 1760000000007000 1760000000007 1760000000007\n{}"
        );
    }
}
