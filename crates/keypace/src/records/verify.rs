//! Compares what a namespace's keys say of each other, a page of keys at a time, and mends what can be mended without
//! guessing. It doesn't know where pages come from.

use bytes::Bytes;

use super::compare::{Compared, Judged};
use super::drift::{Drift, Fit, backward, fit};
use super::findings::Findings;
use super::ground::{Body, Checked, Found, Ground};
use super::mend::{Seen, Written};
use super::names::{Part, RecordId, Tag};
use super::old::OldName;
use super::owner::Owner;
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::limits::index as limits;

/// One look at a namespace.
pub(crate) struct Verifier {
    pub(crate) ground: Ground,
    /// Whether the old layout counts still.
    pub(crate) compares_old: bool,
    /// Whether a rebuild has brought records of it: else no new one was made of an old one.
    pub(crate) has_followed: bool,
    /// How much may still be mended; `None` where nothing is.
    pub(crate) repairs_left: Option<u64>,
    pub(crate) findings: Findings,
}

/// The keys of a page, by what they are.
#[derive(Default)]
struct Sorted {
    records: Vec<(Tag, RecordId)>,
    sets: Vec<Set>,
    olds: Vec<RecordId>,
    old_sets: Vec<Key>,
}

/// An index set.
struct Set {
    tag: Tag,
    key: Bytes,
    is_by_created: bool,
}

/// What is wrong with one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wrong {
    index: Option<Drift>,
    whose: Option<Drift>,
    /// With whom its old record would lie.
    belongs_to: Option<Tag>,
    /// What it was judged by.
    version: u64,
}

impl Verifier {
    /// Looks at a page of keys, and mends. Gives false where `is_stopped` said so: the page was not looked at whole then.
    /// Not cancel-safe where it repairs.
    pub(crate) async fn page(
        &mut self,
        keys: &[Key],
        is_stopped: impl Fn() -> bool,
    ) -> Result<bool> {
        let sorted = self.sorted(keys);
        for chunk in sorted.records.chunks(limits::CHUNK_RECORDS) {
            self.records(chunk).await?;
        }
        for set in &sorted.sets {
            if !self.set(set, &is_stopped).await? {
                return Ok(false);
            }
        }
        for chunk in sorted.olds.chunks(limits::CHUNK_RECORDS) {
            self.olds(chunk).await?;
        }
        for key in &sorted.old_sets {
            if !self.old_set(key, &is_stopped).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sorted(&mut self, keys: &[Key]) -> Sorted {
        let mut sorted = Sorted::default();
        for key in keys {
            let bytes = key.as_bytes();
            let set = |tag, is_by_created| Set {
                tag,
                key: Bytes::copy_from_slice(bytes),
                is_by_created,
            };
            match self.ground.namespace.part(bytes) {
                Some(Part::Record(tag, id)) => sorted.records.push((tag, id)),
                Some(Part::ByCreated(tag)) => sorted.sets.push(set(tag, true)),
                Some(Part::ByExpiry(tag)) => sorted.sets.push(set(tag, false)),
                Some(
                    Part::Meta
                    | Part::Assigned
                    | Part::Seal(_)
                    | Part::Mark(_)
                    | Part::Tombstone(..),
                ) => {}
                None if !self.compares_old => {}
                None => match self.ground.layout.name_of(bytes) {
                    OldName::Record(id) => sorted.olds.push(id),
                    OldName::OwnerSet => sorted.old_sets.push(key.clone()),
                    OldName::Other if bytes.starts_with(self.ground.layout.prefix()) => {
                        self.findings.counts.not_records += 1;
                    }
                    OldName::Other => {}
                },
            }
        }
        sorted
    }

    async fn records(&mut self, records: &[(Tag, RecordId)]) -> Result<()> {
        let wrong = self.judge(records, true).await?;
        let suspects: Vec<(Tag, RecordId)> = (records.iter().zip(&wrong))
            .filter(|(_, wrong)| wrong.index.is_some() || wrong.whose.is_some())
            .map(|(record, _)| record.clone())
            .collect();
        if suspects.is_empty() {
            return Ok(());
        }
        // The old and the new record are read one after the other, and a writer may have been between.
        let again = self.judge(&suspects, false).await?;
        let (mut mends, mut removals) = (Vec::new(), Vec::<Seen>::new());
        for ((tag, id), wrong) in suspects.iter().zip(again) {
            let key = self.ground.names(tag).record(id);
            if let Some(drift) = wrong.index
                && self.findings.find(drift, &key)
            {
                mends.push((*tag, id.clone()));
            }
            let Some(drift) = wrong.whose else { continue };
            if !self.findings.find(drift, &key) {
                continue;
            }
            match drift {
                Drift::Stale => removals.push((*tag, id.clone(), wrong.version)),
                Drift::WrongOwner if self.repairs_left.is_none() => {
                    self.explain_missing(id, wrong.belongs_to).await?;
                }
                _ => {}
            }
        }
        self.repair_members(mends).await?;
        let removals = self.within_repairs(removals);
        let written = self.ground.remove(&removals).await?;
        let removed: Vec<_> = (removals.into_iter())
            .map(|(tag, id, _)| (tag, id))
            .collect();
        self.count_repairs(&removed, written);
        Ok(())
    }

    /// An old record that has another owner by now is missing with that one; that is one finding, and not two.
    async fn explain_missing(&mut self, id: &RecordId, belongs_to: Option<Tag>) -> Result<()> {
        let Some(tag) = belongs_to else { return Ok(()) };
        let there = self
            .ground
            .check(&[(tag, id.clone())], Body::Upto(0))
            .await?;
        if matches!(
            there.first().map(|there| &there.found),
            Some(Found::Nothing)
        ) {
            let key = self.ground.layout.key_of(id);
            self.findings.explain(Drift::Missing, &key);
        }
        Ok(())
    }

    async fn judge(&mut self, records: &[(Tag, RecordId)], counts: bool) -> Result<Vec<Wrong>> {
        let body = Body::Upto(limits::BODY_BYTES as u32);
        let checked = self.ground.check(records, body).await?;
        let mut wrong = vec![Wrong::default(); records.len()];
        for (((tag, id), checked), wrong) in records.iter().zip(&checked).zip(&mut wrong) {
            let (placed, body) = match &checked.found {
                Found::Record {
                    placed,
                    body,
                    version,
                } => {
                    wrong.version = *version;
                    (placed, body)
                }
                Found::Foreign(what) => {
                    self.foreign(what, &self.ground.names(tag).record(id), counts);
                    continue;
                }
                // Its members are their sets' business.
                Found::Nothing => continue,
            };
            self.findings.counts.records += u64::from(counts);
            if let Fit::Drifts(drift) = fit(Some(*placed), checked.scores, checked.now_ms) {
                wrong.index = Some(drift);
            }
            let named = if body.len() < limits::BODY_BYTES {
                self.ground.layout.owner_in(body)
            } else {
                self.owner_in_whole(*tag, id).await?
            };
            if named.is_some_and(|owner| self.ground.tag(&owner) != *tag) {
                wrong.whose = Some(Drift::WrongOwner);
            }
        }
        if self.has_followed {
            self.judge_origins(records, &checked, &mut wrong).await?;
        }
        Ok(wrong)
    }

    /// A part of a body tells nobody.
    async fn owner_in_whole(&self, tag: Tag, id: &RecordId) -> Result<Option<Owner>> {
        let whole = self.ground.check(&[(tag, id.clone())], Body::Whole).await?;
        Ok(match whole.first().map(|whole| &whole.found) {
            Some(Found::Record { body, .. }) => self.ground.layout.owner_in(body),
            _ => None,
        })
    }

    async fn judge_origins(
        &self,
        records: &[(Tag, RecordId)],
        checked: &[Checked],
        wrong: &mut [Wrong],
    ) -> Result<()> {
        let origins = self.ground.origins(records).await?;
        for ((checked, (origin, other)), wrong) in checked.iter().zip(origins).zip(wrong) {
            let Found::Record { version, .. } = &checked.found else {
                continue;
            };
            match backward(*version, origin) {
                // The old record is what counts as ownerless.
                Some(Drift::Ownerless) | None => {}
                Some(drift) => {
                    wrong.whose = Some(drift);
                    wrong.belongs_to = other;
                }
            }
        }
        Ok(())
    }

    fn foreign(&mut self, what: &'static str, key: &Bytes, counts: bool) {
        if counts && self.findings.is_first(what, key) {
            self.findings.fault(ErrorKind::WrongType, what, Some(key));
        }
    }

    /// Members whose records are gone.
    async fn set(&mut self, set: &Set, is_stopped: &impl Fn() -> bool) -> Result<bool> {
        let mut cursor = Bytes::from_static(b"0");
        loop {
            if is_stopped() {
                return Ok(false);
            }
            let page = self.ground.members("ZSCAN", &set.key, &cursor).await?;
            let Some((next, members)) = page else {
                self.foreign("an index key holds another type", &set.key, true);
                return Ok(true);
            };
            for chunk in members.chunks(limits::CHUNK_RECORDS) {
                self.members(set, chunk).await?;
            }
            if next.as_ref() == b"0" {
                return Ok(true);
            }
            cursor = next;
        }
    }

    async fn members(&mut self, set: &Set, members: &[Bytes]) -> Result<()> {
        let mut records = Vec::with_capacity(members.len());
        for member in members {
            match RecordId::parse(member) {
                Some(id) => records.push((set.tag, id)),
                None => self.odd_member(set, member).await?,
            }
        }
        let checked = self.ground.check(&records, Body::Upto(0)).await?;
        let mut mends = Vec::new();
        for ((tag, id), checked) in records.iter().zip(checked) {
            // One that is in both sets is met, and counted, in the one by creation.
            if !set.is_by_created && checked.scores.created.is_some() {
                continue;
            }
            let key = self.ground.names(tag).record(id);
            self.findings.counts.members += 1;
            if matches!(checked.found, Found::Record { .. }) {
                continue;
            }
            match fit(None, checked.scores, checked.now_ms) {
                Fit::Fits => {}
                Fit::Expired => self.findings.counts.expired += 1,
                Fit::Drifts(drift) => {
                    if self.findings.find(drift, &key) {
                        mends.push((*tag, id.clone()));
                    }
                }
            }
        }
        self.repair_members(mends).await
    }

    /// A member that can be no record's.
    async fn odd_member(&mut self, set: &Set, member: &Bytes) -> Result<()> {
        let lead = self.ground.names(&set.tag).by_created();
        let key: Bytes = [&lead[..lead.len() - 1], b"r:", member].concat().into();
        self.findings.counts.members += 1;
        let is_new = self.findings.find(Drift::Stale, &key);
        if !is_new || self.within_repairs(vec![()]).is_empty() {
            return Ok(());
        }
        let names = self.ground.names(&set.tag);
        let mut is_mended = false;
        for own in [names.by_created(), names.by_expiry()] {
            let dropped = self.ground.drop_member(&set.tag, &own, member).await?;
            is_mended |= dropped == Written::Done;
        }
        self.findings.counts.repaired += u64::from(is_mended);
        Ok(())
    }

    async fn olds(&mut self, ids: &[RecordId]) -> Result<()> {
        let Compared { judged, mut long } = self.ground.forward(ids).await?;
        let mut suspects = Vec::new();
        for (id, judged) in judged {
            match judged {
                Judged::NoRecord(_) => self.findings.counts.not_records += 1,
                Judged::Ownerless | Judged::Wanted(_) => suspects.push(id),
                Judged::Gone | Judged::Stands | Judged::Buried(_) => {}
            }
        }
        // As with new records: a writer may have been between the two reads.
        let again = self.ground.forward(&suspects).await?;
        self.old_drift(again.judged).await?;
        long.extend(again.long);
        for id in long {
            let mut judged = self.ground.forward_one(&id).await?;
            if matches!(judged, Judged::Ownerless | Judged::Wanted(_)) {
                judged = self.ground.forward_one(&id).await?;
            }
            self.old_drift(vec![(id, judged)]).await?;
        }
        Ok(())
    }

    async fn old_drift(&mut self, judged: Vec<(RecordId, Judged)>) -> Result<()> {
        let mut imports = Vec::new();
        for (id, judged) in judged {
            let key = self.ground.layout.key_of(&id);
            match judged {
                Judged::Gone | Judged::Stands | Judged::Buried(_) => {}
                Judged::NoRecord(_) => self.findings.counts.not_records += 1,
                Judged::Ownerless => {
                    self.findings.find(Drift::Ownerless, &key);
                }
                Judged::Wanted(wanted) => {
                    let drift = if wanted.is_missing {
                        Drift::Missing
                    } else {
                        Drift::Stale
                    };
                    if self.findings.find(drift, &key) {
                        imports.push(*wanted);
                    }
                }
            }
        }
        let imports = self.within_repairs(imports);
        let written = self.ground.import(&imports).await?;
        let records: Vec<_> = (imports.into_iter())
            .map(|wanted| (wanted.tag, wanted.id))
            .collect();
        self.count_repairs(&records, written);
        Ok(())
    }

    /// A set of the old layout: reported, and never mended.
    async fn old_set(&mut self, key: &Key, is_stopped: &impl Fn() -> bool) -> Result<bool> {
        let bytes = Bytes::copy_from_slice(key.as_bytes());
        let owner = self.ground.layout.set_owner(&bytes);
        let mut cursor = Bytes::from_static(b"0");
        loop {
            if is_stopped() {
                return Ok(false);
            }
            let page = self.ground.members("SSCAN", &bytes, &cursor).await?;
            let Some((next, members)) = page else {
                self.findings.counts.not_records += 1;
                return Ok(true);
            };
            let ids: Vec<RecordId> = members
                .iter()
                .filter_map(|id| RecordId::parse(id))
                .collect();
            // What can be no id has no record either.
            let odd = (members.len() - ids.len()) as u64;
            let counts = &mut self.findings.counts;
            counts.old_members += members.len() as u64;
            counts.old_stale += odd;
            for chunk in ids.chunks(limits::CHUNK_RECORDS) {
                let (stale, others) = self.ground.old_members(owner.as_ref(), chunk).await?;
                self.findings.counts.old_stale += stale;
                self.findings.counts.old_wrong_owner += others;
            }
            if next.as_ref() == b"0" {
                return Ok(true);
            }
            cursor = next;
        }
    }

    async fn repair_members(&mut self, records: Vec<(Tag, RecordId)>) -> Result<()> {
        let records = self.within_repairs(records);
        let written = self.ground.mend(&records).await?;
        self.count_repairs(&records, written);
        Ok(())
    }

    /// As many as may still be mended.
    fn within_repairs<T>(&mut self, mut wanted: Vec<T>) -> Vec<T> {
        let left = self.repairs_left.unwrap_or(0);
        wanted.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        if let Some(left) = &mut self.repairs_left {
            *left -= wanted.len() as u64;
        }
        wanted
    }

    fn count_repairs(&mut self, records: &[(Tag, RecordId)], written: Vec<Written>) {
        for ((tag, id), written) in records.iter().zip(written) {
            match written {
                Written::Done => self.findings.counts.repaired += 1,
                Written::Unneeded => {}
                Written::Refused(text) => {
                    let key = self.ground.names(tag).record(id);
                    self.findings.fault(ErrorKind::WrongType, text, Some(&key));
                }
            }
        }
    }
}
