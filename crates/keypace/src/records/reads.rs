//! Reading records by their ids: one bulk read, with the seal as its last key, so that records which have moved are looked
//! for where they are.

use bytes::Bytes;

use super::answers;
use super::header::Header;
use super::names::{Names, RecordId};
use super::owner::Owner;
use super::page::{Expiry, Stored};
use super::shelf::Shelf;
use crate::bulk;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;
use crate::port::{Call, Class};

/// What is at a record's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Record(Stored<Bytes>),
    /// A value that is no record of ours.
    Strange,
    Nothing,
}

/// What a bulk read found, in the order of the ids; or the version of the owner key that leads to where it is.
pub(super) enum Read {
    Found(Vec<Found>),
    Sealed(u32),
}

impl Shelf {
    /// Reads a record. Cancel-safe.
    ///
    /// # Errors
    /// `Damaged` where what is there is no record; any that one command can give.
    pub async fn get(&self, owner: &Owner, id: &RecordId) -> Result<Option<Stored<Bytes>>> {
        let found = self.read(owner, std::slice::from_ref(id)).await?;
        match found.into_iter().next() {
            Some(Found::Record(stored)) => Ok(Some(stored)),
            Some(Found::Strange) => {
                self.note_undecodable(1, NO_HEADER);
                let (kind, operation) = (ErrorKind::Damaged, "read the record");
                Err(
                    Error::new(kind, Retry::Never, operation, NO_HEADER).with_hint(
                        "something else has written it; a put replaces it, a delete removes it",
                    ),
                )
            }
            Some(Found::Nothing) | None => Ok(None),
        }
    }

    /// What time it is where the owner's records are, in ms since 1970 by the server's clock. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn server_time_ms(&self, owner: &Owner) -> Result<i64> {
        let (slot, words) = (self.first_names(owner).slot(), vec!["TIME".into()]);
        let call = Call::command(slot, "TIME", Class::Read, words);
        let reply = self.router().call(call).await;
        let reply = reply.map_err(|error| error.during("ask for the time"))?;
        answers::time_ms(&reply).ok_or_else(|| self.router().unexpected(slot, "TIME"))
    }

    /// Reads records, in the order of the ids; `None` for each that is not there, or is no record, which is counted. Without
    /// ids nothing is sent; 1,000 are one command. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn get_many(
        &self,
        owner: &Owner,
        ids: &[RecordId],
    ) -> Result<Vec<Option<Stored<Bytes>>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(limits::MAX_PAGE as usize) {
            found.extend(self.read(owner, chunk).await?);
        }
        let mut strange = 0;
        let records = found.into_iter().map(|found| match found {
            Found::Record(stored) => Some(stored),
            Found::Strange => {
                strange += 1;
                None
            }
            Found::Nothing => None,
        });
        let records = records.collect();
        self.note_undecodable(strange, NO_HEADER);
        Ok(records)
    }

    async fn read(&self, owner: &Owner, ids: &[RecordId]) -> Result<Vec<Found>> {
        let mut berth = self.berth(owner, ids.first()).await?;
        loop {
            match self.read_at(&berth.names, ids).await? {
                Read::Found(found) => return Ok(found),
                Read::Sealed(version) => {
                    berth = self.moved(owner, ids.first(), &berth, version).await?
                }
            }
        }
    }

    /// One bulk read under these names.
    pub(super) async fn read_at(&self, names: &Names, ids: &[RecordId]) -> Result<Read> {
        let mut keys: Vec<Bytes> = ids.iter().map(|id| names.record(id)).collect();
        keys.push(names.seal());
        let values = bulk::read(self.router(), names.slot(), keys).await;
        let mut values = values.map_err(|error| error.during("read the records"))?;
        if let Some(Some(seal)) = values.pop() {
            return Ok(Read::Sealed(answers::seal(&seal).version()));
        }
        let found = ids.iter().zip(values).map(|(id, value)| match value {
            Some(value) => of_value(id, &value),
            None => Found::Nothing,
        });
        Ok(Read::Found(found.collect()))
    }
}

pub(super) const NO_HEADER: &str = "the value does not begin as a record does";

fn of_value(id: &RecordId, value: &Bytes) -> Found {
    match Header::split(value) {
        Some((header, body)) => Found::Record(Stored {
            id: id.clone(),
            version: header.version,
            created_ms: header.created_ms,
            updated_ms: header.updated_ms,
            expiry: Expiry::Unasked,
            value: body,
        }),
        None => Found::Strange,
    }
}
