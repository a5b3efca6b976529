//! Records whose values are bytes: who is asked under which names, and the writes. Reading by id and by page are in
//! `reads.rs` and `list.rs`; what values mean is `typed.rs`'s business.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::answers::{self, Answer, BurySaid, PutSaid};
use super::berths::Ring;
use super::calls::{self, Mode, Put, Trace};
use super::meta::{self, Meta, NATIVE};
use super::metrics::{Counters, RecordsMetrics};
use super::names::{Names, Namespace, RecordId, Tag};
use super::owner::Owner;
use super::owner_keys::OwnerKeys;
use super::page::{Buried, Import, Imported, Place, PutOptions, Version, Written, ttl_ms};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;
use crate::port::{Call, Keyspace, Reply, Router};
use crate::report::VerifyReport;

/// The records of one namespace, with bytes for values. [`Records`](super::Records) reads and writes JSON on it. Clones share
/// their connections and their figures.
///
/// Every method takes an [`Owner`], and reaches that owner's records only. A write is one step with the owner's index; it is
/// sent once, and where its reply is lost the error says [`Retry::AskAgain`].
#[derive(Clone)]
pub struct Shelf(Arc<Inner>);

struct Inner {
    router: Router,
    namespace: Namespace,
    ring: Mutex<Ring>,
    counters: Counters,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({}, {:?})", self.0.namespace, self.ring().keys)
    }
}

impl Shelf {
    /// Opens the namespace, and begins it where there is none. Cancel-safe.
    ///
    /// # Errors
    /// `Guard` where the namespace was made with another owner key, or the key file is an older one; `Unsupported` where its
    /// layout is a newer one; any that one command can give.
    pub async fn open(keyspace: &Keyspace, namespace: Namespace, keys: OwnerKeys) -> Result<Self> {
        let router = Router::new(keyspace);
        let meta = Meta::read(&router, &namespace, Some((&keys, NATIVE))).await?;
        let meta = meta
            .ok_or_else(|| router.unexpected(crate::key::Slot::of(&namespace.meta()), "EVALSHA"))?;
        Self::on(router, namespace, keys, &meta)
    }

    /// Opens the namespace where there is one. Cancel-safe.
    ///
    /// # Errors
    /// As [`Shelf::open`].
    pub async fn find(
        keyspace: &Keyspace,
        namespace: Namespace,
        keys: OwnerKeys,
    ) -> Result<Option<Self>> {
        let router = Router::new(keyspace);
        let meta = Meta::read(&router, &namespace, None).await?;
        meta.map(|meta| Self::on(router, namespace, keys, &meta))
            .transpose()
    }

    /// The same for who has read meta already.
    pub(crate) fn on(
        router: Router,
        namespace: Namespace,
        keys: OwnerKeys,
        meta: &Meta,
    ) -> Result<Self> {
        meta::check_named(&namespace, &keys)?;
        let ring = Ring::read(meta, &namespace, keys, Instant::now())?;
        Ok(Self(Arc::new(Inner {
            router,
            namespace,
            ring: Mutex::new(ring),
            counters: Counters::new(),
        })))
    }

    /// What the records are of.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// What this handle and its clones have done so far.
    #[must_use]
    pub fn metrics(&self) -> RecordsMetrics {
        self.0.counters.snapshot()
    }

    /// Has [`Shelf::metrics`] say what a [verify](crate::IndexVerify) of this namespace has found, until the next one.
    pub fn note_verified(&self, report: &VerifyReport) {
        self.0.counters.verified(report);
    }

    /// What the owner is called in key names now.
    #[must_use]
    pub fn tag(&self, owner: &Owner) -> Tag {
        let ring = self.ring();
        let tag = ring.keys.tag_at(owner, ring.version);
        tag.unwrap_or_else(|| ring.keys.tag(owner))
    }

    /// Writes a record, whatever is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// `InvalidOption` for a TTL or a time out of bounds; any that one command can give.
    pub async fn put(
        &self,
        owner: &Owner,
        id: &RecordId,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<Written> {
        let put = by_options(Mode::Put, body, options);
        match self.write(owner, id, put).await? {
            PutSaid::Written(written) => Ok(written),
            _ => Err(self.unexpected(owner)),
        }
    }

    /// Writes a record where none is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// `Exists` where one is there, with its [version](Error::version); else as [`Shelf::put`].
    pub async fn create(
        &self,
        owner: &Owner,
        id: &RecordId,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<Written> {
        let put = by_options(Mode::Create, body, options);
        match self.write(owner, id, put).await? {
            PutSaid::Written(written) => Ok(written),
            PutSaid::Exists(version) => {
                let (kind, operation) = (ErrorKind::Exists, "create the record");
                let context = "the owner has a record with this id";
                Err(Error::new(kind, Retry::Never, operation, context)
                    .with_version(version.get())
                    .with_hint("choose another id, or update the record that is there"))
            }
            _ => Err(self.unexpected(owner)),
        }
    }

    /// Writes a record where this version is there. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// `Missing` where no record is there; `Changed` where another version is, with [that](Error::version); else as
    /// [`Shelf::put`].
    pub async fn update(
        &self,
        owner: &Owner,
        id: &RecordId,
        expected: Version,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<Written> {
        let operation = "update the record";
        let put = by_options(Mode::Update(expected), body, options);
        match self.write(owner, id, put).await? {
            PutSaid::Written(written) => Ok(written),
            PutSaid::Missing => {
                let context = "the owner has no record with this id";
                Err(
                    Error::new(ErrorKind::Missing, Retry::Never, operation, context)
                        .with_hint("it was deleted, or its time was over"),
                )
            }
            PutSaid::Changed(version) => {
                let context = format!("its version is {version}, not {expected}");
                Err(
                    Error::new(ErrorKind::Changed, Retry::Never, operation, context)
                        .with_version(version.get())
                        .with_hint("read it again, and apply the change to what is there"),
                )
            }
            _ => Err(self.unexpected(owner)),
        }
    }

    /// Writes a record as another source has it, where nothing newer is there, nor anything as new was buried a short while
    /// ago. The same import twice is one; the same version with another body is written. Not cancel-safe: a dropped call may have written it or not.
    ///
    /// # Errors
    /// As [`Shelf::put`].
    pub async fn import(
        &self,
        owner: &Owner,
        id: &RecordId,
        body: Bytes,
        import: &Import,
    ) -> Result<Imported> {
        let put = Put {
            mode: match import.not_after_ms {
                Some(at_ms) => Mode::ImportUntil(import.version, at_ms),
                None => Mode::Import(import.version),
            },
            body,
            lifetime: import.lifetime,
            created_ms: Some(import.created_ms),
            updated_ms: Some(import.updated_ms),
            expires_ms: import.expires_ms,
        };
        match self.write(owner, id, put).await? {
            PutSaid::Written(written) => Ok(Imported::Written(written)),
            PutSaid::Older(version) => Ok(Imported::Older(version)),
            PutSaid::Expired => Ok(Imported::Expired),
            PutSaid::Late => Ok(Imported::Late),
            _ => Err(self.unexpected(owner)),
        }
    }

    async fn write(&self, owner: &Owner, id: &RecordId, put: Put) -> Result<PutSaid> {
        let call = |names: &Names| put.clone().call(names, id, self.trace());
        let said = self
            .ask(owner, Some(id), "write the record", call, answers::put)
            .await?;
        if matches!(said, PutSaid::Written(_)) {
            Counters::add(&self.0.counters.written, 1);
        }
        Ok(said)
    }

    /// Gives a record another time to live, from now; none for ever. That is no new version, but for a record that a rebuild
    /// has brought, in a namespace that follows an old layout: it gets one of its own, so that no rebuild undoes this. Gives
    /// `None` where there is no record, else when it expires, in ms since 1970. Not cancel-safe: a dropped call may have done
    /// it or not.
    ///
    /// # Errors
    /// As [`Shelf::put`].
    pub async fn touch(
        &self,
        owner: &Owner,
        id: &RecordId,
        ttl: Option<Duration>,
    ) -> Result<Option<Option<i64>>> {
        let ttl = ttl.map(ttl_ms).transpose()?;
        let call = |names: &Names| Ok(calls::touch(names, id, ttl, self.trace()));
        self.ask(owner, Some(id), "touch the record", call, answers::touch)
            .await
    }

    /// Deletes a record. Says whether there was one. Not cancel-safe: a dropped call may have done it or not.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn delete(&self, owner: &Owner, id: &RecordId) -> Result<bool> {
        let ids = std::slice::from_ref(id);
        let call = |names: &Names| Ok(calls::delete(names, ids, self.trace()));
        let gone = self
            .ask(owner, Some(id), "delete the record", call, answers::number)
            .await?;
        Counters::add(&self.0.counters.deleted, gone);
        Ok(gone > 0)
    }

    /// Deletes a record that another source has deleted at this version, and remembers that for 60 s, so that nobody who
    /// read it before imports it again. Not cancel-safe: a dropped call may have done it or not.
    ///
    /// # Errors
    /// Any that one command can give.
    pub async fn bury(&self, owner: &Owner, id: &RecordId, version: Version) -> Result<Buried> {
        let call = |names: &Names| Ok(calls::bury(names, id, version, self.trace().ttl()));
        let said = self
            .ask(owner, Some(id), "bury the record", call, answers::bury)
            .await?;
        Ok(match said {
            BurySaid::Gone(was_there) => {
                Counters::add(&self.0.counters.deleted, u64::from(was_there));
                Buried::Gone(was_there)
            }
            BurySaid::Older(version) => Buried::Older(version),
        })
    }

    /// Deletes all records of an owner, in batches of 500. Gives how many there were. What is written meanwhile may stay.
    /// Not cancel-safe: a dropped call has deleted some.
    ///
    /// # Errors
    /// Any that one command can give; some may be deleted then.
    pub async fn delete_owner(&self, owner: &Owner) -> Result<u64> {
        let operation = "delete the owner's records";
        let ask = async |call: Call| {
            let reply = self.0.router.call(call).await;
            reply.map_err(|error| error.during(operation))
        };
        let mut berth = self.berth(owner, None).await?;
        let mut deleted = 0;
        'names: loop {
            for index in [berth.names.by_created(), berth.names.by_expiry()] {
                loop {
                    let reply = ask(calls::first_members(&berth.names, &index)).await?;
                    let members = answers::members(&reply);
                    let (ids, number) = members.ok_or_else(|| self.unexpected(owner))?;
                    if ids.is_empty() {
                        break;
                    }
                    let reply = ask(calls::delete(&berth.names, &ids, self.trace())).await?;
                    match answers::number(&reply).ok_or_else(|| self.unexpected(owner))? {
                        Answer::Given(gone) => {
                            Counters::add(&self.0.counters.deleted, gone);
                            deleted += gone;
                        }
                        Answer::Sealed(version) => {
                            berth = self.moved(owner, None, &berth, version).await?;
                            continue 'names;
                        }
                    }
                    // Who writes all the time would keep this going for ever.
                    if number < limits::BATCH_RECORDS {
                        break;
                    }
                }
            }
            // Nothing is here, or they have moved meanwhile.
            let reply = ask(calls::page(&berth.names, &Place::Rank(0), 0)).await?;
            match answers::page(&reply).ok_or_else(|| self.unexpected(owner))? {
                Answer::Given(_) => return Ok(deleted),
                Answer::Sealed(version) => berth = self.moved(owner, None, &berth, version).await?,
            }
        }
    }

    /// One call, again under other names where a seal says so. One with an id writes.
    pub(super) async fn ask<T>(
        &self,
        owner: &Owner,
        id: Option<&RecordId>,
        operation: &'static str,
        call: impl Fn(&Names) -> Result<Call>,
        read: impl Fn(&Reply) -> Option<Answer<T>>,
    ) -> Result<T> {
        let mut berth = self.berth(owner, id).await?;
        loop {
            if id.is_some() {
                self.keep_marked(&berth).await?;
            }
            let reply = self.0.router.call(call(&berth.names)?).await;
            let reply = reply.map_err(|error| error.during(operation))?;
            match read(&reply) {
                Some(Answer::Given(said)) => return Ok(said),
                Some(Answer::Sealed(version)) => {
                    berth = self.moved(owner, id, &berth, version).await?
                }
                None => return Err(self.unexpected(owner)),
            }
        }
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was last heard of that.
    fn trace(&self) -> Trace {
        self.ring().trace
    }

    pub(super) fn router(&self) -> &Router {
        &self.0.router
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Values that could not be read, counted and logged together, without a word of them.
    pub(super) fn note_undecodable(&self, number: u64, why: &'static str) {
        if number > 0 {
            self.0
                .counters
                .undecodable
                .fetch_add(number, Ordering::Relaxed);
            tracing::warn!(namespace = %self.0.namespace, records = number, why, "records can't be read");
        }
    }

    pub(super) fn unexpected(&self, owner: &Owner) -> Error {
        let slot = self.first_names(owner).slot();
        self.0.router.unexpected(slot, "EVALSHA")
    }
}

fn by_options(mode: Mode, body: Bytes, options: &PutOptions) -> Put {
    Put {
        mode,
        body,
        lifetime: options.lifetime,
        created_ms: options.created_ms,
        updated_ms: None,
        expires_ms: None,
    }
}
