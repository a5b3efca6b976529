//! Under which names an owner's records are: mostly those of the one key version in use. While the owner key is rotated
//! everybody begins at the former names; a seal there leads on, and an owner without records is sealed by who asks for it
//! first, so that no owner is ever at two places. Reads and writes no record.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::answers::{self, Seal, Settled};
use super::calls::{self, Trace};
use super::meta::{self, Meta};
use super::metrics::Counters;
use super::migration::FOLLOWING;
use super::names::{Names, RecordId};
use super::owner::Owner;
use super::owner_keys::OwnerKeys;
use super::page::Version;
use super::shelf::Shelf;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;
use crate::port::{Call, Reply};

/// The keys, and how far a rotation of them is.
pub(super) struct Ring {
    pub(super) keys: OwnerKeys,
    /// The version that owners have where no seal says otherwise.
    pub(super) version: u32,
    /// The version that owners are moved to, while a rotation is under way.
    pub(super) goal: Option<u32>,
    /// Whether writes leave a trace, as the namespace follows an old layout.
    pub(super) trace: Trace,
    /// When meta was last asked for.
    pub(super) heard: Instant,
}

impl Ring {
    /// What meta says of these keys.
    pub(super) fn read(
        meta: &Meta,
        namespace: &super::names::Namespace,
        keys: OwnerKeys,
        heard: Instant,
    ) -> Result<Self> {
        let newest = meta.admit(namespace, &keys)?;
        let from = meta
            .rekeying_from()
            .filter(|from| (1..newest).contains(from));
        Ok(Self {
            keys,
            version: from.unwrap_or(newest),
            goal: from.map(|_| newest),
            trace: match meta.field("state") {
                FOLLOWING => Trace::Left,
                _ => Trace::None,
            },
            heard,
        })
    }
}

/// The names of an owner's keys, and the version of the owner key that gives them.
#[derive(Clone)]
pub(super) struct Berth {
    pub(super) names: Names,
    version: u32,
    /// A rotation leads here, and it is under way.
    is_goal: bool,
}

/// The pauses of one call that waits for an owner who is being moved.
struct Pauses {
    since: Instant,
    next: Duration,
}

impl Pauses {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            next: limits::MOVE_FIRST_PAUSE,
        }
    }

    async fn pause(&mut self, namespace: &super::names::Namespace) -> Result<()> {
        if self.since.elapsed() >= limits::MOVE_WAIT {
            let context = "they are on their way to another version of the owner key for too long";
            return Err(Error::new(ErrorKind::Busy, Retry::Backoff, FIND, context).with_hint(
                format!("look whether `keypace index rekey {namespace} --move` is under way; where it was stopped, run it again"),
            ));
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(limits::MOVE_LONGEST_PAUSE);
        Ok(())
    }
}

const FIND: &str = "find the owner's records";

impl Shelf {
    /// Where an owner's records are looked for first. In a rotation that is asked for: one call more.
    pub(super) async fn berth(&self, owner: &Owner, id: Option<&RecordId>) -> Result<Berth> {
        if self.ring().heard.elapsed() >= limits::META_REFRESH {
            self.hear(0).await?;
        }
        let mut pauses = Pauses::new();
        loop {
            let (from, to) = self.ends(owner);
            let Some(to) = to else { return Ok(from) };
            match self.settle(&from, &to, id).await? {
                Settled::Here => return Ok(from),
                Settled::Sealed { version, .. } if version != to.version => {
                    return self.moved(owner, id, &from, version).await;
                }
                Settled::Sealed { buried, .. } => {
                    self.carry(&to, id, buried).await?;
                    return Ok(to);
                }
                Settled::Empty | Settled::Moving => pauses.pause(self.namespace()).await?,
            }
        }
    }

    /// Where the owner begins, and where a rotation leads it.
    fn ends(&self, owner: &Owner) -> (Berth, Option<Berth>) {
        let ring = self.ring();
        let from = self.berth_at(&ring, owner, ring.version);
        let to = ring.goal.map(|goal| self.berth_at(&ring, owner, goal));
        (from, to)
    }

    /// Where the owner begins, without asking.
    pub(super) fn first_names(&self, owner: &Owner) -> Names {
        self.ends(owner).0.names
    }

    fn berth_at(&self, ring: &Ring, owner: &Owner, version: u32) -> Berth {
        let tag = ring.keys.tag_at(owner, version);
        let tag = tag.unwrap_or_else(|| ring.keys.tag(owner));
        Berth {
            names: Names::new(self.namespace(), &tag),
            version,
            is_goal: ring.goal == Some(version),
        }
    }

    /// Asks the former names. An owner who has nothing there is sealed: the new names are marked as such before.
    async fn settle(&self, from: &Berth, to: &Berth, id: Option<&RecordId>) -> Result<Settled> {
        let said = self.settled(calls::settle(&from.names, id, None)).await?;
        if said != Settled::Empty {
            return Ok(said);
        }
        self.send(calls::mark(&to.names, to.version)).await?;
        self.settled(calls::settle(&from.names, id, Some(to.version)))
            .await
    }

    async fn settled(&self, call: Call) -> Result<Settled> {
        let slot = call.slot;
        let reply = self.send(call).await?;
        answers::settle(&reply).ok_or_else(|| self.router().unexpected(slot, "EVALSHA"))
    }

    /// Before a write under the new names: a failover may have lost their mark, and what is written then would be taken for
    /// something under former names. The mark is on its way to the replicas before the write is.
    pub(super) async fn keep_marked(&self, berth: &Berth) -> Result<()> {
        if berth.is_goal {
            self.send(calls::mark(&berth.names, berth.version)).await?;
        }
        Ok(())
    }

    /// A deletion that is remembered under the former names counts under the new ones too.
    async fn carry(&self, to: &Berth, id: Option<&RecordId>, buried: u64) -> Result<()> {
        if let (Some(id), Some(version)) = (id, Version::read(buried).filter(|_| buried > 0)) {
            let ttl = limits::TOMBSTONE_TTL;
            self.send(calls::bury(&to.names, id, version, ttl)).await?;
        }
        Ok(())
    }

    async fn send(&self, call: Call) -> Result<Reply> {
        let reply = self.router().call(call).await;
        reply.map_err(|error| error.during(FIND))
    }

    /// Where an owner's records are by now, after a seal was met. Meta is read again, and the key file where it has to be.
    pub(super) async fn moved(
        &self,
        owner: &Owner,
        id: Option<&RecordId>,
        from: &Berth,
        to: u32,
    ) -> Result<Berth> {
        Counters::add(&self.counters().sealed, 1);
        let to = match to {
            0 => match self.opened(from).await? {
                Some(to) => to,
                None => return Ok(from.clone()),
            },
            to => to,
        };
        if to <= from.version {
            return Err(sealed("the seal of an owner leads to where it stands")
                .with_hint("run `keypace index verify` on the namespace"));
        }
        self.hear(to).await?;
        let (is_rotating, berth) = {
            let ring = self.ring();
            let is_rotating = ring.goal == Some(to) && ring.version == from.version;
            (is_rotating, self.berth_at(&ring, owner, to))
        };
        if !is_rotating {
            return Ok(berth);
        }
        // Meta was older than the rotation: what its first step looks for is looked for now.
        match self.settle(from, &berth, id).await? {
            Settled::Sealed { buried, .. } => {
                self.carry(&berth, id, buried).await?;
                Ok(berth)
            }
            _ => Ok(from.clone()),
        }
    }

    /// Waits until an owner is copied. Gives the version that its seal leads to then; `None` where the seal is gone.
    async fn opened(&self, from: &Berth) -> Result<Option<u32>> {
        let mut pauses = Pauses::new();
        loop {
            match self.send(calls::read_seal(&from.names)).await? {
                Reply::Bulk(value) => match answers::seal(&value) {
                    Seal::Leads(version) => return Ok(Some(version)),
                    Seal::Moving => pauses.pause(self.namespace()).await?,
                    Seal::Strange => return Ok(Some(0)),
                },
                _ => return Ok(None),
            }
        }
    }

    /// Reads meta, and the key file where that or a seal names a version which is not known.
    async fn hear(&self, least: u32) -> Result<()> {
        // What is said is as old as the question.
        let heard = Instant::now();
        let meta = Meta::read(self.router(), self.namespace(), None).await?;
        let named = meta.as_ref().map_or(0, Meta::key_version);
        let mut ring = self.ring();
        if ring.keys.version() < least.max(named) {
            let loaded = ring.keys.reloaded()?;
            meta::check_named(self.namespace(), &loaded)?;
            if loaded.fingerprint_of(ring.keys.version()) != Some(ring.keys.fingerprint()) {
                return Err(sealed(
                    "the key file was replaced by another, which does not go on from it",
                )
                .with_hint("copy the key file from where `keypace index rekey` ran"));
            }
            ring.keys = loaded;
        }
        let has = ring.keys.version();
        if has < least {
            let context = format!(
                "the owner's records have moved to version {least} of the owner key, and the key file ends with {has}"
            );
            return Err(sealed(context).with_hint(
                "the key file is out of date: copy it from where `keypace index rekey` ran",
            ));
        }
        if let Some(meta) = meta {
            let keys = ring.keys.clone();
            *ring = Ring::read(&meta, self.namespace(), keys, heard)?;
        }
        ring.heard = heard;
        Ok(())
    }
}

fn sealed(context: impl Into<String>) -> Error {
    Error::new(ErrorKind::Guard, Retry::Never, FIND, context)
}
