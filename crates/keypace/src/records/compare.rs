//! Old records against new ones, both ways: reads a chunk of them and has `drift` judge. Writes nothing.

use bytes::Bytes;

use super::drift::{Forward, Made, Origin, forward};
use super::ground::{Body, Found, Ground, Old};
use super::names::{RecordId, Tag};
use super::old::OldRecord;
use super::owner::Owner;
use crate::error::Result;
use crate::limits::index as limits;

/// What became of an old record.
#[derive(Debug, Clone)]
pub(crate) enum Judged {
    /// It is gone by now.
    Gone,
    /// It is none: another type, or no JSON object.
    NoRecord(NoRecord),
    /// It names nobody, and was assigned to nobody.
    Ownerless,
    /// It is as it should be.
    Stands,
    /// Its new one was deleted with this owner, or has expired there, and stays away.
    Buried(Tag),
    /// It has to be imported, since it is missing or differs.
    Wanted(Box<Wanted>),
}

/// Why a key of the old layout holds no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRecord {
    AnotherType,
    NoObject,
}

/// An old record that the new layout lacks, or has otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: RecordId,
    pub(crate) tag: Tag,
    pub(crate) record: OldRecord,
    pub(crate) body: Bytes,
    pub(crate) expires_ms: Option<u64>,
    /// The one that it gets.
    pub(crate) version: u64,
    /// There is none; else it differs.
    pub(crate) is_missing: bool,
    /// What stands in its place is none of ours.
    pub(crate) in_place: Option<&'static str>,
}

/// What became of a chunk of old records.
pub(crate) struct Compared {
    pub(crate) judged: Vec<(RecordId, Judged)>,
    /// Those whose bodies are large.
    pub(crate) long: Vec<RecordId>,
}

impl Ground {
    /// Compares old records with the new ones of their owners. Those whose bodies are large are left for
    /// [`Ground::forward_one`]. Cancel-safe.
    pub(crate) async fn forward(&self, ids: &[RecordId]) -> Result<Compared> {
        let olds = self.old(ids, limits::BODY_BYTES).await?;
        let is_long = |old: &Old| matches!(old, Old::TooLong);
        let long = ids.iter().zip(&olds).filter(|(_, old)| is_long(old));
        let long = long.map(|(id, _)| id.clone()).collect();
        let ids: Vec<RecordId> = (ids.iter().zip(&olds))
            .filter(|(_, old)| !is_long(old))
            .map(|(id, _)| id.clone())
            .collect();
        let olds = olds.into_iter().filter(|old| !is_long(old)).collect();
        let body = Body::Upto(limits::BODY_BYTES as u32 + 1);
        let judged = self.compared(&ids, olds, body).await?;
        Ok(Compared {
            judged: ids.into_iter().zip(judged).collect(),
            long,
        })
    }

    /// The same of one, whatever its size. Cancel-safe.
    pub(crate) async fn forward_one(&self, id: &RecordId) -> Result<Judged> {
        let ids = std::slice::from_ref(id);
        let olds = self.old(ids, usize::MAX >> 1).await?;
        let mut judged = self.compared(ids, olds, Body::Whole).await?;
        Ok(judged.pop().unwrap_or(Judged::Gone))
    }

    async fn compared(&self, ids: &[RecordId], olds: Vec<Old>, most: Body) -> Result<Vec<Judged>> {
        let mut judged = Vec::with_capacity(ids.len());
        let mut whose = Vec::new();
        for (place, (id, old)) in ids.iter().zip(olds).enumerate() {
            let (body, expires_ms) = match old {
                Old::Value { body, expires_ms } => (body, expires_ms),
                Old::Gone | Old::TooLong => {
                    judged.push(Judged::Gone);
                    continue;
                }
                Old::Foreign => {
                    judged.push(Judged::NoRecord(NoRecord::AnotherType));
                    continue;
                }
            };
            let Some(record) = self.layout.read(&body) else {
                judged.push(Judged::NoRecord(NoRecord::NoObject));
                continue;
            };
            judged.push(Judged::Ownerless);
            whose.push((place, id.clone(), record, body, expires_ms));
        }
        let tags = self
            .tags(whose.iter().map(|(_, id, record, ..)| (id, record)))
            .await?;
        let owned: Vec<_> = (whose.into_iter().zip(tags))
            .filter_map(|(old, tag)| tag.map(|tag| (old, tag)))
            .collect();
        let names: Vec<(Tag, RecordId)> = owned
            .iter()
            .map(|(old, tag)| (*tag, old.1.clone()))
            .collect();
        let checked = self.check(&names, most).await?;
        for (((place, id, record, body, expires_ms), tag), new) in owned.into_iter().zip(checked) {
            let (made, in_place) = match &new.found {
                Found::Record {
                    version,
                    placed,
                    body: own,
                } => (
                    Some(Made {
                        version: *version,
                        placed: *placed,
                        is_same_body: *own == body,
                    }),
                    None,
                ),
                Found::Nothing => (None, None),
                Found::Foreign(what) => (None, Some(*what)),
            };
            let (version, is_missing) = match forward(&record, expires_ms, made, new.buried) {
                Forward::Stands => {
                    judged[place] = Judged::Stands;
                    continue;
                }
                Forward::Buried => {
                    judged[place] = Judged::Buried(tag);
                    continue;
                }
                Forward::Missing(version) => (version, true),
                Forward::Differs(version) => (version, false),
            };
            judged[place] = Judged::Wanted(Box::new(Wanted {
                id,
                tag,
                record,
                body,
                expires_ms,
                version,
                is_missing,
                in_place,
            }));
        }
        Ok(judged)
    }

    /// Where old records belong: to the owner they name, else to the one they were assigned to.
    async fn tags<'a>(
        &self,
        records: impl Iterator<Item = (&'a RecordId, &'a OldRecord)>,
    ) -> Result<Vec<Option<Tag>>> {
        let mut tags = Vec::new();
        let mut unnamed = Vec::new();
        for (place, (id, record)) in records.enumerate() {
            tags.push(record.owner.as_ref().map(|owner| self.tag(owner)));
            if record.owner.is_none() {
                unnamed.push((place, id.clone()));
            }
        }
        let ids: Vec<RecordId> = unnamed.iter().map(|(_, id)| id.clone()).collect();
        for ((place, _), tag) in unnamed.iter().zip(self.assigned(&ids).await?) {
            tags[*place] = tag;
        }
        Ok(tags)
    }

    /// What the old records of these new ones say of where they belong; with the tag of another owner, where they name
    /// one. Cancel-safe.
    pub(crate) async fn origins(
        &self,
        records: &[(Tag, RecordId)],
    ) -> Result<Vec<(Origin, Option<Tag>)>> {
        let ids: Vec<RecordId> = records.iter().map(|(_, id)| id.clone()).collect();
        let olds = self.old(&ids, limits::BODY_BYTES).await?;
        let mut origins = Vec::with_capacity(ids.len());
        let mut whose = Vec::new();
        for (place, (id, mut old)) in ids.iter().zip(olds).enumerate() {
            if matches!(old, Old::TooLong) {
                let one = self.old(std::slice::from_ref(id), usize::MAX >> 1).await?;
                old = one.into_iter().next().unwrap_or(Old::TooLong);
            }
            origins.push(match old {
                Old::Gone | Old::Foreign => (Origin::Gone, None),
                Old::TooLong => (Origin::Unknown, None),
                Old::Value { body, .. } => match self.layout.read(&body) {
                    // What it says can't be read, and may be read again.
                    None => (Origin::Unknown, None),
                    Some(record) => {
                        whose.push((place, record));
                        (Origin::Nobody, None)
                    }
                },
            });
        }
        let named = whose.iter().map(|(place, record)| (&ids[*place], record));
        let tags = self.tags(named).await?;
        for ((place, _), tag) in whose.iter().zip(tags) {
            origins[*place] = match tag {
                None => (Origin::Nobody, None),
                Some(tag) if tag == records[*place].0 => (Origin::Same, None),
                Some(tag) => (Origin::Another, Some(tag)),
            };
        }
        Ok(origins)
    }

    /// Of members of an owner's set in the old layout: how many have no record, and how many records name another owner.
    /// Cancel-safe.
    pub(crate) async fn old_members(
        &self,
        owner: Option<&Owner>,
        ids: &[RecordId],
    ) -> Result<(u64, u64)> {
        let (mut stale, mut others) = (0, 0);
        for old in self.old(ids, limits::BODY_BYTES).await? {
            match old {
                Old::Gone | Old::Foreign => stale += 1,
                Old::TooLong => {}
                Old::Value { body, .. } => {
                    let named = self.layout.owner_in(&body);
                    others += u64::from(named.is_some() && named.as_ref() != owner);
                }
            }
        }
        Ok((stale, others))
    }
}
