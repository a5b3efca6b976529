//! What is asked of the server, as calls: each is one atomic step on one slot. Pure.

use std::time::Duration;

use bytes::Bytes;

use super::cursor::Cursor;
use super::names::{Names, Namespace, RecordId};
use super::page::{Lifetime, Place, Version, checked_ms, ttl_ms};
use super::scripts;
use crate::error::Result;
use crate::limits::records as limits;
use crate::port::{Call, Class};

/// When a write is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whatever is there.
    Put,
    /// Where nothing is there.
    Create,
    /// Where this version is there.
    Update(Version),
    /// Where nothing is there that is newer than this version, which is written, nor the same.
    Import(Version),
    /// The same, and not after this moment (ms since 1970).
    ImportUntil(Version, i64),
}

/// Whether a write leaves a trace behind the record's own life, so that no rebuild undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It is not needed: no old layout is followed, or it is a rebuild's own.
    None,
    /// The namespace follows an old layout.
    Left,
}

impl Trace {
    /// How long a deletion is remembered.
    pub(crate) fn ttl(self) -> Duration {
        match self {
            Self::None => limits::TOMBSTONE_TTL,
            Self::Left => limits::TRACE_TTL,
        }
    }

    fn text(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Left => number(limits::TRACE_TTL.as_millis()),
        }
    }
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) mode: Mode,
    pub(crate) body: Bytes,
    pub(crate) lifetime: Lifetime,
    /// As it is, or now, where it is not said.
    pub(crate) created_ms: Option<i64>,
    /// Now, where it is not said.
    pub(crate) updated_ms: Option<i64>,
    /// In place of the lifetime.
    pub(crate) expires_ms: Option<i64>,
}

impl Put {
    /// Writes a record and its members, and a trace of that where one is wanted.
    pub(crate) fn call(self, names: &Names, id: &RecordId, trace: Trace) -> Result<Call> {
        let (mode, version) = match self.mode {
            Mode::Put => ("put", None),
            Mode::Create => ("create", None),
            Mode::Update(version) => ("update", Some(version)),
            Mode::Import(version) | Mode::ImportUntil(version, _) => ("import", Some(version)),
        };
        let ttl = match self.lifetime {
            Lifetime::Forever => "0".to_owned(),
            Lifetime::Kept => "keep".to_owned(),
            Lifetime::For(ttl) => ttl_ms(ttl)?.to_string(),
        };
        let time = |time: Option<i64>| -> Result<Bytes> {
            Ok(match time {
                Some(time) => number(checked_ms(time)?),
                None => Bytes::new(),
            })
        };
        let keys = vec![
            names.record(id),
            names.by_created(),
            names.by_expiry(),
            names.seal(),
            names.tombstone(id),
        ];
        let mut args = vec![
            Bytes::from_static(mode.as_bytes()),
            id.to_bytes(),
            self.body,
            ttl.into(),
            time(self.created_ms)?,
            time(self.updated_ms)?,
            version.map_or_else(Bytes::new, |version| number(version.get())),
            // The beginning of the calendar is long over, and less would say that there is none.
            time(self.expires_ms.map(|at| at.max(0)))?,
            number(limits::PRUNED_BY_PUT),
            trace.text(),
        ];
        if let Mode::ImportUntil(_, at_ms) = self.mode {
            args.push(number(at_ms));
        }
        let (slot, class) = (names.slot(), Class::Write);
        Ok(Call::script(slot, &scripts::PUT, class, keys, args))
    }
}

/// Another time to live, or none.
pub(crate) fn touch(names: &Names, id: &RecordId, ttl_ms: Option<i64>, trace: Trace) -> Call {
    let keys = vec![
        names.record(id),
        names.by_expiry(),
        names.by_created(),
        names.seal(),
        names.tombstone(id),
    ];
    let args = vec![id.to_bytes(), number(ttl_ms.unwrap_or(0)), trace.text()];
    Call::script(names.slot(), &scripts::TOUCH, Class::Write, keys, args)
}

/// Removes a batch, of `BATCH_RECORDS` at most.
pub(crate) fn delete(names: &Names, ids: &[RecordId], trace: Trace) -> Call {
    let (mut keys, mut args) = batch(names, ids);
    if trace == Trace::Left {
        keys.extend(ids.iter().map(|id| names.tombstone(id)));
        // No id has a colon.
        args.push([b"trace:", trace.text().as_ref()].concat().into());
    }
    Call::script(names.slot(), &scripts::DELETE, Class::Write, keys, args)
}

/// Drops the members of a batch whose record is gone.
pub(crate) fn prune(names: &Names, ids: &[RecordId]) -> Call {
    let (keys, args) = batch(names, ids);
    Call::script(names.slot(), &scripts::PRUNE, Class::Write, keys, args)
}

fn batch(names: &Names, ids: &[RecordId]) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut keys = vec![names.by_created(), names.by_expiry(), names.seal()];
    keys.extend(ids.iter().map(|id| names.record(id)));
    (keys, ids.iter().map(RecordId::to_bytes).collect())
}

/// Removes a record, unless it is newer than this version, and remembers that for so long at least.
pub(crate) fn bury(names: &Names, id: &RecordId, version: Version, ttl: Duration) -> Call {
    let keys = vec![
        names.record(id),
        names.by_created(),
        names.by_expiry(),
        names.seal(),
        names.tombstone(id),
    ];
    let args = vec![
        id.to_bytes(),
        number(version.get()),
        number(ttl.as_millis()),
    ];
    Call::script(names.slot(), &scripts::BURY, Class::Write, keys, args)
}

/// One page of the index. With no members asked for it gives the counts alone.
pub(super) fn page(names: &Names, place: &Place, members: u32) -> Call {
    let keys = vec![names.by_created(), names.by_expiry(), names.seal()];
    let mut args = vec![number(members), number(limits::PRUNED_BY_PAGE)];
    match place {
        Place::Rank(rank) => args.extend([Bytes::from_static(b"offset"), number(*rank)]),
        Place::Behind(Cursor { score, id }) => {
            let score = format!("{score:e}").into();
            args.extend([Bytes::from_static(b"after"), score, id.to_bytes()]);
        }
    }
    // What it drops is dropped once, so that asking again does no harm.
    Call::script(names.slot(), &scripts::PAGE, Class::Read, keys, args)
}

/// All that is known of one record, with so much of its body; all of it where that is not said.
pub(crate) fn check(names: &Names, id: &RecordId, body_max: Option<u32>) -> Call {
    let keys = vec![
        names.record(id),
        names.by_created(),
        names.by_expiry(),
        names.tombstone(id),
    ];
    let most = body_max.map_or(-1, i64::from);
    let args = vec![id.to_bytes(), number(most)];
    Call::script(names.slot(), &scripts::CHECK, Class::Read, keys, args)
}

/// What is kept of a namespace; begun in this state, where one is named and nothing is kept.
pub(crate) fn open(namespace: &Namespace, fingerprint: &str, version: u32, begin: &str) -> Call {
    let key = namespace.meta();
    let slot = crate::key::Slot::of(&key);
    let args = vec![
        Bytes::copy_from_slice(fingerprint.as_bytes()),
        number(version),
        Bytes::copy_from_slice(begin.as_bytes()),
    ];
    Call::script(slot, &scripts::OPEN, Class::Read, vec![key], args)
}

/// The first members of an index, dead or alive.
pub(super) fn first_members(names: &Names, index: &Bytes) -> Call {
    let (name, last) = (Bytes::from_static(b"ZRANGE"), limits::BATCH_RECORDS - 1);
    let words = vec![name, index.clone(), number(0), number(last)];
    Call::command(names.slot(), "ZRANGE", Class::Read, words)
}

/// How many members an index has.
pub(super) fn size(names: &Names, index: &Bytes) -> Call {
    let words = vec![Bytes::from_static(b"ZCARD"), index.clone()];
    Call::command(names.slot(), "ZCARD", Class::Read, words)
}

/// Whether a record is there.
pub(super) fn exists(names: &Names, id: &RecordId) -> Call {
    let words = vec![Bytes::from_static(b"EXISTS"), names.record(id)];
    Call::command(names.slot(), "EXISTS", Class::Read, words)
}

/// What seals an owner's names, if anything does.
pub(super) fn read_seal(names: &Names) -> Call {
    let words = vec![Bytes::from_static(b"GET"), names.seal()];
    Call::command(names.slot(), "GET", Class::Read, words)
}

/// Where an owner is in a rotation, as its former names say; with a version, an owner without records is led there.
pub(super) fn settle(names: &Names, id: Option<&RecordId>, lead_to: Option<u32>) -> Call {
    let mut keys = vec![names.by_created(), names.by_expiry(), names.seal()];
    if let Some(id) = id {
        keys.extend([names.record(id), names.tombstone(id)]);
    }
    let ttl = limits::EMPTY_SEAL_TTL.as_millis();
    let args = vec![lead_to.map_or_else(Bytes::new, number), number(ttl)];
    // Asked twice it says the same.
    Call::script(names.slot(), &scripts::SETTLE, Class::Read, keys, args)
}

/// Notes which key version gave these names, before anything is written under them in a rotation.
pub(super) fn mark(names: &Names, version: u32) -> Call {
    let words = vec![Bytes::from_static(b"SET"), names.mark(), number(version)];
    // Done twice it is the same.
    Call::command(names.slot(), "SET", Class::Read, words)
}

/// Which key version gave these names, where that is noted.
pub(super) fn read_mark(names: &Names) -> Call {
    let words = vec![Bytes::from_static(b"GET"), names.mark()];
    Call::command(names.slot(), "GET", Class::Read, words)
}

/// Takes a mark away.
pub(super) fn unmark(names: &Names, version: u32) -> Call {
    let (keys, args) = (vec![names.mark()], vec![number(version)]);
    Call::script(names.slot(), &scripts::UNMARK, Class::Write, keys, args)
}

/// Closes an owner's former names.
pub(super) fn seal(names: &Names, to: u32) -> Call {
    let (keys, args) = (vec![names.seal(), names.mark()], vec![number(to)]);
    Call::script(names.slot(), &scripts::SEAL, Class::Write, keys, args)
}

/// Has a seal lead on: everything was copied.
pub(super) fn lead(names: &Names, to: u32) -> Call {
    let ttl = crate::limits::index::SEAL_TTL.as_millis();
    let words = vec![
        Bytes::from_static(b"SET"),
        names.seal(),
        number(to),
        Bytes::from_static(b"PX"),
        number(ttl),
    ];
    Call::command(names.slot(), "SET", Class::Write, words)
}

/// Drops what was copied from sealed names: keys, and members of both indexes.
pub(super) fn drop_copied(names: &Names, to: u32, copied: Vec<Bytes>, members: Vec<Bytes>) -> Call {
    let mut keys = vec![names.seal(), names.by_created(), names.by_expiry()];
    keys.extend(copied);
    let mut args = vec![Bytes::from(format!("{to} moving"))];
    args.extend(members);
    Call::script(names.slot(), &scripts::DROP, Class::Write, keys, args)
}

/// The first members of an index, whatever they are.
pub(super) fn some_members(names: &Names, index: &Bytes, most: usize) -> Call {
    let (name, last) = (Bytes::from_static(b"ZRANGE"), most - 1);
    let words = vec![name, index.clone(), number(0), number(last)];
    Call::command(names.slot(), "ZRANGE", Class::Read, words)
}

/// A deletion that is remembered: of which version, and for how long yet.
pub(super) fn read_tombstone(names: &Names, id: &RecordId) -> [Call; 2] {
    ["GET", "PTTL"].map(|name| {
        let words = vec![Bytes::from_static(name.as_bytes()), names.tombstone(id)];
        Call::command(names.slot(), name, Class::Read, words)
    })
}

/// Remembers a deletion where none is remembered.
pub(super) fn keep_tombstone(names: &Names, id: &RecordId, version: Version, ttl_ms: i64) -> Call {
    let words = vec![
        Bytes::from_static(b"SET"),
        names.tombstone(id),
        number(version.get()),
        Bytes::from_static(b"PX"),
        number(ttl_ms),
        Bytes::from_static(b"NX"),
    ];
    Call::command(names.slot(), "SET", Class::Write, words)
}

/// One step of a rotation in meta.
pub(super) fn rekey(
    namespace: &Namespace,
    step: &'static str,
    who: &str,
    leg: super::moving::Leg,
    keys: &super::owner_keys::OwnerKeys,
) -> Call {
    let key = namespace.meta();
    let slot = crate::key::Slot::of(&key);
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let print = |version| text(&keys.fingerprint_of(version).unwrap_or_default());
    let args = vec![
        Bytes::from_static(step.as_bytes()),
        text(who),
        number(crate::limits::index::REKEY_HOLD.as_millis()),
        number(leg.from),
        print(leg.from),
        number(leg.to),
        print(leg.to),
    ];
    Call::script(slot, &scripts::REKEY, Class::Write, vec![key], args)
}

fn number(number: impl ToString) -> Bytes {
    number.to_string().into()
}
