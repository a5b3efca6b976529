//! Brings records of an application's own layout into the new one, a page of keys at a time, and takes away what it brought
//! and is there no longer. It doesn't know where pages come from, and writes nothing of the old layout.

use serde::{Deserialize, Serialize};

use super::compare::{Compared, Judged, NoRecord, Wanted};
use super::drift::{Drift, backward, is_imported};
use super::findings::Fault;
use super::ground::{Body, Found, Ground};
use super::mend::{Seen, Written};
use super::names::{Part, RecordId, Tag};
use super::old::OldName;
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::limits::index as limits;

/// What one pass did, as it is kept in a checkpoint too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Passed {
    /// Old keys that were looked at.
    pub(crate) scanned: u64,
    /// Records that were written, new ones and those that had changed.
    pub(crate) imported: u64,
    pub(crate) unchanged: u64,
    /// Records whose old key is gone, or has another owner.
    pub(crate) removed: u64,
    pub(crate) ownerless: u64,
    pub(crate) undecodable: u64,
    pub(crate) not_records: u64,
    /// Records without a time that can be read; they are listed as the oldest.
    pub(crate) undated: u64,
    pub(crate) failed: u64,
}

impl Passed {
    /// Another pass.
    pub(crate) fn add(&mut self, other: &Self) {
        self.scanned += other.scanned;
        self.imported += other.imported;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.ownerless += other.ownerless;
        self.undecodable += other.undecodable;
        self.not_records += other.not_records;
        self.undated += other.undated;
        self.failed += other.failed;
    }

    /// What was not as the old layout says.
    pub(crate) fn changes(&self) -> u64 {
        self.imported + self.removed
    }
}

/// One pass over a namespace.
pub(crate) struct Importer {
    pub(crate) ground: Ground,
    pub(crate) passed: Passed,
    /// Handed on by whoever drives.
    pub(crate) faults: Vec<Fault>,
}

impl Importer {
    /// Deals with a page of keys of both layouts. Not cancel-safe.
    pub(crate) async fn page(&mut self, keys: &[Key]) -> Result<()> {
        let (mut made, mut olds) = (Vec::new(), Vec::new());
        for key in keys {
            let bytes = key.as_bytes();
            match self.ground.namespace.part(bytes) {
                Some(Part::Record(tag, id)) => made.push((tag, id)),
                Some(_) => {}
                None => match self.ground.layout.name_of(bytes) {
                    OldName::Record(id) => olds.push(id),
                    OldName::Other if bytes.starts_with(self.ground.layout.prefix()) => {
                        self.passed.scanned += 1;
                        self.passed.not_records += 1;
                    }
                    OldName::OwnerSet | OldName::Other => {}
                },
            }
        }
        for chunk in olds.chunks(limits::CHUNK_RECORDS) {
            self.olds(chunk).await?;
        }
        for chunk in made.chunks(limits::CHUNK_RECORDS) {
            self.made(chunk).await?;
        }
        Ok(())
    }

    async fn olds(&mut self, ids: &[RecordId]) -> Result<()> {
        let Compared { judged, long } = self.ground.forward(ids).await?;
        self.old(judged).await?;
        for id in long {
            let judged = self.ground.forward_one(&id).await?;
            self.old(vec![(id, judged)]).await?;
        }
        Ok(())
    }

    async fn old(&mut self, judged: Vec<(RecordId, Judged)>) -> Result<()> {
        let (mut imports, mut buried) = (Vec::<Wanted>::new(), Vec::new());
        self.passed.scanned += judged.len() as u64;
        for (id, judged) in judged {
            match judged {
                Judged::Gone => {}
                Judged::NoRecord(NoRecord::AnotherType) => self.passed.not_records += 1,
                Judged::NoRecord(NoRecord::NoObject) => self.passed.undecodable += 1,
                Judged::Ownerless => self.passed.ownerless += 1,
                Judged::Stands => self.passed.unchanged += 1,
                Judged::Buried(tag) => {
                    self.passed.unchanged += 1;
                    buried.push((tag, id));
                }
                Judged::Wanted(wanted) => {
                    self.passed.undated += u64::from(wanted.record.is_undated);
                    imports.push(*wanted);
                }
            }
        }
        self.ground.renew(&buried).await?;
        let written = self.ground.import(&imports).await?;
        for (wanted, written) in imports.iter().zip(written) {
            match written {
                Written::Done => self.passed.imported += 1,
                // Its time was over, or somebody writes the new layout already.
                Written::Unneeded => self.passed.unchanged += 1,
                Written::Refused(text) => self.refused(text, &wanted.tag, &wanted.id),
            }
        }
        Ok(())
    }

    /// Of what an earlier pass brought: what its old record no longer stands for goes. The old record is read right before;
    /// where it comes back in that moment, the next pass brings it again. What somebody has written since it was looked at
    /// stays.
    async fn made(&mut self, records: &[(Tag, RecordId)]) -> Result<()> {
        let checked = self.ground.check(records, Body::Upto(0)).await?;
        let (mut ours, mut versions) = (Vec::new(), Vec::new());
        for (record, checked) in records.iter().zip(&checked) {
            if let Found::Record { version, .. } = checked.found
                && is_imported(version)
            {
                ours.push(record.clone());
                versions.push(version);
            }
        }
        let origins = self.ground.origins(&ours).await?;
        let lost: Vec<Seen> = (ours.into_iter().zip(versions).zip(origins))
            .filter(|((_, version), (origin, _))| {
                matches!(
                    backward(*version, *origin),
                    Some(Drift::Stale | Drift::WrongOwner | Drift::Ownerless)
                )
            })
            .map(|(((tag, id), version), _)| (tag, id, version))
            .collect();
        let written = self.ground.remove(&lost).await?;
        for ((tag, id, _), written) in lost.iter().zip(written) {
            match written {
                Written::Done => self.passed.removed += 1,
                Written::Unneeded => {}
                Written::Refused(text) => self.refused(text, tag, id),
            }
        }
        Ok(())
    }

    fn refused(&mut self, text: String, tag: &Tag, id: &RecordId) {
        self.passed.failed += 1;
        let key = self.ground.names(tag).record(id);
        if self.faults.len() < limits::REMEMBERED_FINDINGS {
            self.faults.push(Fault {
                kind: ErrorKind::WrongType,
                text,
                key: Some(Key::new(key)),
            });
        }
    }
}
