//! Reading records by their ids: one bulk read, with the seal as its last key, so that records which have moved are looked
//! for where they are.

use bytes::Bytes;

use super::answers;
use super::header::Header;
use super::names::{Names, RecordId};
use super::owner::Owner;
use super::page::{Expiry, Stored};
use super::shelf::Shelf;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Call, Class, Reply};

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

    /// Reads records, in the order of the ids; `None` for each that is not there, or is no record, which is counted. Without
    /// ids nothing is sent. Cancel-safe.
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
        let mut strange = 0;
        let found = self.read(owner, ids).await?.into_iter();
        let records = found.map(|found| match found {
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
        let mut berth = self.berth(owner);
        loop {
            match self.read_at(owner, &berth.names, ids).await? {
                Read::Found(found) => return Ok(found),
                Read::Sealed(version) => berth = self.moved(owner, &berth, version).await?,
            }
        }
    }

    /// One bulk read under these names.
    pub(super) async fn read_at(
        &self,
        owner: &Owner,
        names: &Names,
        ids: &[RecordId],
    ) -> Result<Read> {
        let mut words = vec![Bytes::from_static(b"MGET")];
        words.extend(ids.iter().map(|id| names.record(id)));
        words.push(names.seal());
        let call = Call::command(names.slot(), "MGET", Class::Read, words);
        let reply = self.router().call(call).await;
        let reply = reply.map_err(|error| error.during("read the records"))?;
        let Reply::Array(values) = reply else {
            return Err(self.unexpected(owner));
        };
        if values.len() != ids.len() + 1 {
            return Err(self.unexpected(owner));
        }
        if let Some(Reply::Bulk(seal)) = values.last() {
            return Ok(Read::Sealed(answers::seal(seal).unwrap_or(0)));
        }
        let found = ids.iter().zip(values).map(|(id, value)| match value {
            Reply::Bulk(value) => of_value(id, &value),
            _ => Found::Nothing,
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
