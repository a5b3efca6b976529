//! Records of a type: JSON on a shelf. It knows no names and no scripts.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::metrics::RecordsMetrics;
use super::names::{Namespace, RecordId};
use super::owner::Owner;
use super::owner_keys::OwnerKeys;
use super::page::{
    Buried, Import, Imported, PageRequest, PutOptions, RecordIds, RecordPage, Stored, Version,
    Written,
};
use super::shelf::Shelf;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Pattern;
use crate::port::Keyspace;

/// Records of one namespace, each with an owner, an id, times, a version and a TTL or none; listed by owner without a scan.
///
/// The owner's index and the record change in one atomic step, on clusters too. The identity of a record is owner and id:
/// the same id under two owners is two records. On the server an owner stands as a keyed hash ([`OwnerKeys`]).
///
/// ```no_run
/// use std::time::Duration;
/// use keypace::{Keyspace, Namespace, Owner, OwnerKeys, PageRequest, PutOptions, RecordId, Records};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Cart {
///     items: Vec<String>,
/// }
///
/// # async fn example(keyspace: Keyspace) -> keypace::Result<()> {
/// let keys = OwnerKeys::load_or_create("owner-keys.json")?;
/// let carts: Records<Cart> = Records::open(&keyspace, Namespace::new("cart")?, keys).await?;
/// let (owner, id) = (Owner::new("alice")?, RecordId::new("c-1")?);
///
/// let week = PutOptions::default().with_ttl(Duration::from_secs(7 * 24 * 3600));
/// let written = carts.put(&owner, &id, &Cart { items: vec![] }, &week).await?;
/// let fuller = Cart { items: vec!["tea".to_owned()] };
/// carts.update(&owner, &id, written.version, &fuller, &week).await?;
///
/// let mut page = carts.list(&owner, &PageRequest::first(20)?).await?;
/// while let Some(next) = page.next {
///     page = carts.list(&owner, &PageRequest::after(next, 20)?).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// Nothing is listed without an owner:
/// ```compile_fail
/// # async fn example(carts: keypace::Records<String>) -> keypace::Result<()> {
/// carts.list(&keypace::PageRequest::first(20)?).await?;
/// # Ok(())
/// # }
/// ```
/// nor read or deleted, nor is no owner one:
/// ```compile_fail
/// # async fn example(carts: keypace::Records<String>) -> keypace::Result<()> {
/// carts.get(&keypace::RecordId::new("c-1")?).await?;
/// # Ok(())
/// # }
/// ```
/// ```compile_fail
/// # async fn example(carts: keypace::Records<String>) -> keypace::Result<()> {
/// carts.list(None, &keypace::PageRequest::first(20)?).await?;
/// # Ok(())
/// # }
/// ```
pub struct Records<T> {
    shelf: Shelf,
    // A handle holds no values, and goes where they could not.
    values: PhantomData<fn() -> T>,
}

impl<T> Clone for Records<T> {
    fn clone(&self) -> Self {
        Self::on(self.shelf.clone())
    }
}

impl<T> fmt::Debug for Records<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({:?})", self.shelf)
    }
}

impl<T> Records<T> {
    /// Opens the namespace, and begins it where there is none. Cancel-safe.
    ///
    /// # Errors
    /// `Guard` where the namespace was made with another owner key, or the key file is an older one; `Unsupported` where its
    /// layout is a newer one; any that one command can give.
    pub async fn open(keyspace: &Keyspace, namespace: Namespace, keys: OwnerKeys) -> Result<Self> {
        Ok(Self::on(Shelf::open(keyspace, namespace, keys).await?))
    }

    /// Reads and writes values on a shelf.
    #[must_use]
    pub fn on(shelf: Shelf) -> Self {
        Self {
            shelf,
            values: PhantomData,
        }
    }

    /// The same records with bytes for values.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// What this handle and its clones have done so far.
    #[must_use]
    pub fn metrics(&self) -> RecordsMetrics {
        self.shelf.metrics()
    }

    /// Gives a record another time to live; see [`Shelf::touch`]. Not cancel-safe: a dropped call may have done it or not.
    ///
    /// # Errors
    /// As [`Shelf::touch`].
    pub async fn touch(
        &self,
        owner: &Owner,
        id: &RecordId,
        ttl: Option<Duration>,
    ) -> Result<Option<Option<i64>>> {
        self.shelf.touch(owner, id, ttl).await
    }

    /// Deletes a record. Says whether there was one. Not cancel-safe: a dropped call may have done it or not.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn delete(&self, owner: &Owner, id: &RecordId) -> Result<bool> {
        self.shelf.delete(owner, id).await
    }

    /// Deletes a record that another source has deleted; see [`Shelf::bury`]. Not cancel-safe: a dropped call may have done it
    /// or not.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn bury(&self, owner: &Owner, id: &RecordId, version: Version) -> Result<Buried> {
        self.shelf.bury(owner, id, version).await
    }

    /// Deletes all records of an owner; see [`Shelf::delete_owner`]. Not cancel-safe: a dropped call has deleted some.
    ///
    /// # Errors
    /// Any that one command can give; some may be deleted then.
    pub async fn delete_owner(&self, owner: &Owner) -> Result<u64> {
        self.shelf.delete_owner(owner).await
    }

    /// How many live records the owner has, as the index says. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn count(&self, owner: &Owner) -> Result<u64> {
        self.shelf.count(owner).await
    }

    /// The ids of an owner's records that a pattern matches; see [`Shelf::keys`]. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn keys(&self, owner: &Owner, pattern: &Pattern) -> Result<RecordIds> {
        self.shelf.keys(owner, pattern).await
    }
}

impl<T: Serialize> Records<T> {
    /// Writes a record, whatever is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// As [`Shelf::put`]; `InvalidOption` where the value has no JSON.
    pub async fn put(
        &self,
        owner: &Owner,
        id: &RecordId,
        value: &T,
        options: &PutOptions,
    ) -> Result<Written> {
        self.shelf.put(owner, id, encode(value)?, options).await
    }

    /// Writes a record where none is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// `Exists`; else as [`Records::put`].
    pub async fn create(
        &self,
        owner: &Owner,
        id: &RecordId,
        value: &T,
        options: &PutOptions,
    ) -> Result<Written> {
        self.shelf.create(owner, id, encode(value)?, options).await
    }

    /// Writes a record where this version is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// `Missing`, or `Changed` with the [version](Error::version) that is there; else as [`Records::put`].
    pub async fn update(
        &self,
        owner: &Owner,
        id: &RecordId,
        expected: Version,
        value: &T,
        options: &PutOptions,
    ) -> Result<Written> {
        let body = encode(value)?;
        self.shelf.update(owner, id, expected, body, options).await
    }

    /// Writes a record as another source has it; see [`Shelf::import`]. Not cancel-safe: a dropped call may have written it or
    /// not.
    ///
    /// # Errors
    /// As [`Records::put`].
    pub async fn import(
        &self,
        owner: &Owner,
        id: &RecordId,
        value: &T,
        import: &Import,
    ) -> Result<Imported> {
        self.shelf.import(owner, id, encode(value)?, import).await
    }
}

impl<T: DeserializeOwned> Records<T> {
    /// Reads a record. Cancel-safe.
    ///
    /// # Errors
    /// `Damaged` where what is there is no record, or none of this type; any that one command can give.
    pub async fn get(&self, owner: &Owner, id: &RecordId) -> Result<Option<Stored<T>>> {
        let Some(stored) = self.shelf.get(owner, id).await? else {
            return Ok(None);
        };
        decode(stored).map(Some).map_err(|why| {
            self.shelf.note_undecodable(1, NOT_OF_TYPE);
            Error::new(ErrorKind::Damaged, Retry::Never, "read the record", why)
                .with_hint("another version of the application may have written it")
        })
    }

    /// Reads records, in the order of the ids; `None` for each that is not there or can't be read, which is counted. Without
    /// ids nothing is sent. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn get_many(
        &self,
        owner: &Owner,
        ids: &[RecordId],
    ) -> Result<Vec<Option<Stored<T>>>> {
        let stored = self.shelf.get_many(owner, ids).await?;
        let mut undecodable = 0;
        let mut read = |stored| match decode(stored) {
            Ok(stored) => Some(stored),
            Err(_) => {
                undecodable += 1;
                None
            }
        };
        let records = stored.into_iter().map(|stored| stored.and_then(&mut read));
        let records = records.collect();
        self.shelf.note_undecodable(undecodable, NOT_OF_TYPE);
        Ok(records)
    }

    /// A page of an owner's records, newest first, in two round trips; see [`Shelf::list`]. Cancel-safe.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn list(&self, owner: &Owner, request: &PageRequest) -> Result<RecordPage<T>> {
        let page = self.shelf.list(owner, request).await?;
        let listed = page.records.len();
        let records: Vec<_> = page.records.into_iter().flat_map(decode).collect();
        let undecodable = (listed - records.len()) as u64;
        self.shelf.note_undecodable(undecodable, NOT_OF_TYPE);
        Ok(RecordPage {
            records,
            total: page.total,
            next: page.next,
            undecodable: page.undecodable + undecodable,
        })
    }
}

const NOT_OF_TYPE: &str = "the body is no JSON of the expected shape";

fn encode<T: Serialize>(value: &T) -> Result<Bytes> {
    // What serde says may quote the value.
    let json = serde_json::to_vec(value).map_err(|_| {
        let (kind, operation) = (ErrorKind::InvalidOption, "write the record");
        Error::new(kind, Retry::Never, operation, "the value has no JSON")
            .with_hint("keys of maps have to be text")
    })?;
    Ok(json.into())
}

fn decode<T: DeserializeOwned>(stored: Stored<Bytes>) -> std::result::Result<Stored<T>, String> {
    let value = serde_json::from_slice(&stored.value).map_err(|error| {
        // What serde says may quote the value.
        let (line, column) = (error.line(), error.column());
        format!("{NOT_OF_TYPE}, from line {line}, column {column} on")
    })?;
    Ok(stored.with(value))
}
