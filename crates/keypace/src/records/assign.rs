//! Old records that name nobody, given an owner by hand: noted beside the index first, and imported then, so that a rebuild
//! brings what was noted and not imported.

use bytes::Bytes;

use super::compare::Judged;
use super::drift::is_imported;
use super::ground::{Body, Found, Ground, Old};
use super::mend::Written;
use super::names::{RecordId, Tag};
use super::owner::Owner;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::pace::QueryKind;
use crate::port::{Call, Class};

/// What became of one id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assigned {
    Done,
    /// Its record names an owner itself.
    Owned,
    /// There is no old record.
    Missing,
}

impl Ground {
    /// Assigns old records, a chunk of them. Not cancel-safe.
    pub(crate) async fn assign(&self, owner: &Owner, ids: &[RecordId]) -> Result<Vec<Assigned>> {
        let mut done = Vec::with_capacity(ids.len());
        for id in ids {
            // Whatever their size, one at a time.
            let old = self
                .old(std::slice::from_ref(id), usize::MAX >> 1)
                .await?
                .pop();
            let record = match &old {
                Some(Old::Value { body, .. }) => self.layout.read(body),
                _ => None,
            };
            done.push(match record {
                None => Assigned::Missing,
                Some(record) if record.owner.is_some() => Assigned::Owned,
                Some(_) => self.assign_one(owner, id).await?,
            });
        }
        Ok(done)
    }

    async fn assign_one(&self, owner: &Owner, id: &RecordId) -> Result<Assigned> {
        let key = self.namespace.assigned();
        let tag = Bytes::copy_from_slice(self.tag(owner).as_str().as_bytes());
        let before = self.assigned(std::slice::from_ref(id)).await?.pop();
        let words = vec![Bytes::from_static(b"HSET"), key.clone(), id.to_bytes(), tag];
        let call = Call::command(Slot::of(&key), "HSET", Class::Write, words);
        self.router
            .call(call.with_pace(QueryKind::Check, 1))
            .await?;
        // Who had it by mistake has it no longer; what they have written into it themselves stays theirs.
        if let Some(before) = before.flatten().filter(|tag| *tag != self.tag(owner)) {
            self.take_back(before, id).await?;
        }
        if let Judged::Wanted(wanted) = self.forward_one(id).await?
            && let Some(Written::Refused(text)) = self.import(&[*wanted]).await?.pop()
        {
            let context = format!("{id}: {text}");
            return Err(Error::new(
                ErrorKind::WrongType,
                Retry::Never,
                "assign records",
                context,
            ));
        }
        Ok(Assigned::Done)
    }

    async fn take_back(&self, tag: Tag, id: &RecordId) -> Result<()> {
        let checked = self.check(&[(tag, id.clone())], Body::Upto(0)).await?;
        if let Some(Found::Record { version, .. }) = checked.first().map(|checked| &checked.found)
            && is_imported(*version)
        {
            self.remove(&[(tag, id.clone(), *version)]).await?;
        }
        Ok(())
    }
}
