//! Moves a namespace's owners to another version of its owner key, a page of keys at a time: who moves it, which names are
//! former ones, one owner after the other. How a batch is copied is in `copying.rs`; nobody's owner is known here.
//!
//! An owner's former names are sealed before anything is copied, and lead on when nothing is left under them; clients wait in
//! between. So nothing is written twice, and nothing that was deleted comes back. Each step leaves things as they are where
//! it has run before: a run that was killed is done again from its beginning.

use std::collections::{BTreeMap, HashSet};

use tokio::time::{Instant, sleep};

use super::answers;
use super::calls;
use super::findings::Fault;
use super::ground::{Ground, wrong};
use super::meta::{Meta, check_named};
use super::migration::FOLLOWING;
use super::names::{Names, Namespace, Part, RecordId, Tag};
use super::owner_keys::{self, OwnerKeys};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits::index as limits;
use crate::pace::QueryKind;
use crate::port::{Reply, Router};

const OPERATION: &str = "move to another owner key";

/// From which key version to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// One run over a namespace.
pub(crate) struct Mover {
    pub(super) ground: Ground,
    pub(super) leg: Leg,
    /// Tells this run from another.
    name: String,
    held: Instant,
    /// Owners of whom something was moved.
    pub(crate) owners: u64,
    /// Records that were moved.
    pub(crate) moved: u64,
    /// What the walk that is under way has found under former names and could take from there.
    pub(crate) found: u64,
    /// Handed on by whoever drives.
    pub(crate) faults: Vec<Fault>,
    /// Keys that have a fault already.
    pub(super) at_fault: HashSet<Key>,
}

/// What a page has of one owner beside the index.
#[derive(Default)]
struct Strays {
    records: Vec<RecordId>,
    tombstones: Vec<RecordId>,
}

/// Adds a key to the key file, for a namespace whose owners may move to it later. Nothing on the server is changed.
pub(crate) async fn add_key(
    router: &Router,
    namespace: &Namespace,
    keys: &OwnerKeys,
) -> Result<OwnerKeys> {
    let meta = known(router, namespace, keys).await?;
    let goes_on = format!("keypace index rekey {namespace} --move");
    if meta.rekeying_from().is_some() {
        let context = format!("the owners of `{namespace}` are being moved to the last one");
        return Err(refused(context, format!("first let that end: {goes_on}")));
    }
    if keys.version() > meta.key_version() {
        let context = format!("the key file has one already that `{namespace}` does not use yet");
        let hint = format!("bring the file to every host, then run: {goes_on}");
        return Err(refused(context, hint));
    }
    let rotated = keys.rotated()?;
    rotated.save()?;
    Ok(rotated)
}

/// The leg that these keys are ready for.
fn leg(meta: &Meta, namespace: &Namespace, keys: &OwnerKeys) -> Result<Leg> {
    let newest = meta.key_version();
    if let Some(from) = meta.rekeying_from() {
        return Ok(Leg { from, to: newest });
    }
    if keys.version() == newest {
        let context = format!("all of `{namespace}` is at the last key of its key file");
        let hint = format!("add one first: keypace index rekey {namespace}");
        return Err(refused(context, hint));
    }
    let (from, to) = (newest, keys.version());
    Ok(Leg { from, to })
}

async fn known(router: &Router, namespace: &Namespace, keys: &OwnerKeys) -> Result<Meta> {
    let Some(meta) = Meta::read(router, namespace, None).await? else {
        let context = format!("there is no index of {namespace}");
        let hint = format!("make it: keypace index rebuild {namespace}");
        return Err(refused(context, hint));
    };
    check_named(namespace, keys)?;
    meta.admit(namespace, keys)?;
    if meta.field("state") == FOLLOWING {
        let context = format!(
            "{namespace} follows an old layout, and a rebuild would write under the former key"
        );
        let hint = format!("first leave that behind: keypace index rebuild {namespace} --switch");
        return Err(refused(context, hint));
    }
    Ok(meta)
}

impl Mover {
    /// Tells the namespace that its owners move from now on, or takes up where a run was cut short. Waits for a while where
    /// that one still holds it. Not cancel-safe.
    pub(crate) async fn begin(ground: Ground) -> Result<Self> {
        let meta = known(&ground.router, &ground.namespace, &ground.keys).await?;
        let leg = leg(&meta, &ground.namespace, &ground.keys)?;
        let mut name = hex::encode(owner_keys::random()?);
        name.truncate(crate::limits::records::TAG_BYTES);
        let mut mover = Self {
            ground,
            leg,
            name,
            held: Instant::now(),
            owners: 0,
            moved: 0,
            found: 0,
            faults: Vec::new(),
            at_fault: HashSet::new(),
        };
        let begun = Instant::now();
        while let Some(left) = mover.step("begin").await? {
            if begun.elapsed() > limits::REKEY_HOLD {
                let context = "another run moves this namespace";
                return Err(refused(context, "wait until it has ended".to_owned()));
            }
            sleep(left).await;
        }
        Ok(mover)
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.ground.namespace
    }

    pub(crate) fn router(&self) -> &Router {
        &self.ground.router
    }

    /// That this run is still there. A run that was thought dead, and replaced, ends here.
    pub(crate) async fn hold(&mut self) -> Result<()> {
        if self.held.elapsed() >= limits::REKEY_HOLD_EVERY {
            self.step("hold").await?;
        }
        Ok(())
    }

    /// The rotation has ended: everybody begins at the new names. Not cancel-safe.
    pub(crate) async fn end(&mut self) -> Result<()> {
        let Err(error) = self.step("end").await else {
            return Ok(());
        };
        // An answer may have been lost.
        let ground = &self.ground;
        let meta = Meta::read(&ground.router, &ground.namespace, None).await?;
        let is_done = meta.is_some_and(|meta| self.is_behind(&meta));
        if is_done { Ok(()) } else { Err(error) }
    }

    /// Whether everybody still begins at the new names: a failover may have lost that the rotation has ended. Without their
    /// marks the next run would take the new names for former ones.
    pub(crate) async fn has_ended(&self) -> Result<()> {
        let ground = &self.ground;
        let meta = Meta::read(&ground.router, &ground.namespace, None).await?;
        if meta.is_some_and(|meta| self.is_behind(&meta)) {
            return Ok(());
        }
        Err(refused(
            "meta says again that owners are being moved: was there a failover?",
            "run the same again: nothing has to be moved twice".to_owned(),
        ))
    }

    fn is_behind(&self, meta: &Meta) -> bool {
        meta.rekeying_from().is_none() && meta.key_version() >= self.leg.to
    }

    /// One step of meta; where another run holds it, how long that may last.
    async fn step(&mut self, step: &'static str) -> Result<Option<std::time::Duration>> {
        let held = Instant::now();
        let Ground {
            namespace, keys, ..
        } = &self.ground;
        let call = calls::rekey(namespace, step, &self.name, self.leg, keys);
        let replies = self.ground.volley(vec![call]).await?;
        let reply = replies.first().unwrap_or(&Reply::Null);
        match answers::word(reply) {
            Some(b"ok") => {
                self.held = held;
                Ok(None)
            }
            Some(b"busy") => {
                let left = answers::busy_ms(reply).unwrap_or(1);
                Ok(Some(std::time::Duration::from_millis(left.max(1))))
            }
            Some(_) => {
                let context = "another run has gone on with it, or meta was changed";
                Err(refused(
                    context,
                    "look at that run; where there is none, run the same again".to_owned(),
                ))
            }
            None => Err(wrong(reply, "EVALSHA")),
        }
    }

    /// Deals with a page of keys. Ends early, and says so, where it is asked to between two owners. Not cancel-safe.
    pub(crate) async fn page(
        &mut self,
        keys: &[Key],
        is_stopped: impl Fn() -> bool,
    ) -> Result<bool> {
        let mut owners: BTreeMap<Tag, Strays> = BTreeMap::new();
        let mut sealed = Vec::new();
        for key in keys {
            match self.ground.namespace.part(key.as_bytes()) {
                Some(Part::ByCreated(tag) | Part::ByExpiry(tag)) => {
                    owners.entry(tag).or_default();
                }
                Some(Part::Record(tag, id)) => owners.entry(tag).or_default().records.push(id),
                Some(Part::Tombstone(tag, id)) => {
                    owners.entry(tag).or_default().tombstones.push(id);
                }
                Some(Part::Meta | Part::Assigned | Part::Mark(_)) | None => {}
                Some(Part::Seal(tag)) => sealed.push(tag),
            }
        }
        // A run that was killed behind its last batch has left nothing of an owner but the seal.
        for tag in self.closed(&sealed).await? {
            owners.entry(tag).or_default();
        }
        let is_new = self.are_new(owners.keys()).await?;
        for ((tag, strays), is_new) in owners.iter().zip(is_new) {
            if is_stopped() {
                return Ok(false);
            }
            if !is_new {
                self.owner(tag, strays).await?;
            }
        }
        Ok(true)
    }

    /// Those of these owners whose seal says that they are being moved.
    async fn closed(&self, sealed: &[Tag]) -> Result<Vec<Tag>> {
        let calls = (sealed.iter()).map(|tag| calls::read_seal(&self.ground.names(tag)));
        let calls = calls.map(|call| call.with_pace(QueryKind::Ask, 1));
        let replies = self.ground.volley(calls.collect()).await?;
        let is_closed = |reply: &Reply| match reply {
            Reply::Bulk(seal) => answers::seal(seal) == answers::Seal::Moving,
            _ => false,
        };
        let closed = sealed.iter().zip(&replies);
        Ok(closed
            .filter(|(_, reply)| is_closed(reply))
            .map(|(tag, _)| *tag)
            .collect())
    }

    /// Which names are of the new version already.
    async fn are_new(&self, tags: impl Iterator<Item = &Tag>) -> Result<Vec<bool>> {
        let calls = tags.map(|tag| calls::read_mark(&self.ground.names(tag)));
        let calls = calls.map(|call| call.with_pace(QueryKind::Ask, 1));
        let replies = self.ground.volley(calls.collect()).await?;
        let is_new = |reply: &Reply| match reply {
            Reply::Bulk(version) => answers::mark(version) >= Some(self.leg.to),
            _ => false,
        };
        Ok(replies.iter().map(is_new).collect())
    }

    async fn owner(&mut self, tag: &Tag, strays: &Strays) -> Result<()> {
        let Leg { from, to } = self.leg;
        let Some(next) = self.ground.keys.advance(tag, from, to) else {
            return Err(refused("the key file is too short", String::new()));
        };
        let (old, new) = (self.ground.names(tag), self.ground.names(&next));
        self.hold().await?;
        // Whoever meets the new names later knows them by this.
        self.do_one(calls::mark(&new, to)).await?;
        let reply = self.do_one(calls::seal(&old, to)).await?;
        match answers::word(&reply) {
            Some(b"ok") => {}
            Some(b"new") => return Ok(()),
            _ => return Err(wrong(&reply, "EVALSHA")),
        }
        let before = self.found;
        for ids in strays.tombstones.chunks(limits::MOVE_RECORDS) {
            self.bury(&old, &new, ids).await?;
        }
        for ids in strays.records.chunks(limits::MOVE_RECORDS) {
            let members = ids.iter().map(RecordId::to_bytes).collect();
            self.transfer(&old, &new, ids, members).await?;
        }
        for index in [old.by_created(), old.by_expiry()] {
            if !self.drain(&old, &new, &index).await? {
                return Ok(());
            }
        }
        self.owners += u64::from(self.found > before);
        self.do_one(calls::lead(&old, to)).await?;
        Ok(())
    }

    /// Takes the marks of a page away, after the end. Not cancel-safe.
    pub(crate) async fn clean(&mut self, keys: &[Key]) -> Result<()> {
        let namespace = &self.ground.namespace;
        let marks = keys
            .iter()
            .filter_map(|key| match namespace.part(key.as_bytes()) {
                Some(Part::Mark(tag)) => Some(self.ground.names(&tag)),
                _ => None,
            });
        let calls = marks.map(|names: Names| calls::unmark(&names, self.leg.to));
        let calls: Vec<_> = calls
            .map(|call| call.with_pace(QueryKind::Check, 1))
            .collect();
        for reply in self.ground.volley(calls).await? {
            if let Reply::Error(_) = reply {
                return Err(wrong(&reply, "EVALSHA"));
            }
        }
        Ok(())
    }

    pub(super) async fn do_one(&self, call: crate::port::Call) -> Result<Reply> {
        let call = call.with_pace(QueryKind::Write, 1);
        let mut replies = self.ground.volley(vec![call]).await?;
        match replies.pop() {
            Some(reply @ Reply::Error(_)) => Err(wrong(&reply, "EVALSHA")),
            reply => Ok(reply.unwrap_or(Reply::Null)),
        }
    }
}

pub(super) fn refused(context: impl Into<String>, hint: String) -> Error {
    Error::new(ErrorKind::Guard, Retry::Never, OPERATION, context.into()).with_hint(hint)
}
