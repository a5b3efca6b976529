//! The steps of one group on one connection: questions, values, copy, EXEC. Awaits; what an answer means for the keys is
//! decided in `state`.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::questions::Asked;
use super::reads::{Form, Read, Reads, Wanted};
use super::seen::Found;
use super::state::{Came, Group, Looked};
use super::trip::{Context, Halt, Trip};
use crate::backup::{Entry, Value, Vault};
use crate::delete::state::Settled;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Class, Lease, Reply, ServerCode};
use crate::select::Ground;

const KIB: u64 = 1024;

/// A connection that groups are carried on, one after the other.
pub(super) struct Seat {
    lease: Option<Lease>,
    /// `None` for the first, which waits for a connection where others have all of them.
    beside: Option<OwnedSemaphorePermit>,
}

impl Seat {
    pub(super) fn new(beside: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            lease: None,
            beside,
        }
    }

    async fn lease(&mut self, context: &Context) -> Result<&mut Lease> {
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => {
                let node = &context.node;
                let mut lease = if self.beside.is_some() {
                    node.lease_beside().await?
                } else {
                    node.lease().await?
                };
                // Another process may answer by now, with idle times that are not those of its clients.
                let mut ground = Ground::new(node, &context.guard);
                ground.hold(&mut lease, &context.paced).await?;
                lease
            }
        };
        Ok(self.lease.insert(lease))
    }

    pub(super) fn is_first(&self) -> bool {
        self.beside.is_none()
    }

    /// The next group has another connection.
    pub(super) fn close(&mut self) {
        self.lease = None;
    }
}

/// A group that came back.
pub(super) struct Carried {
    /// `None` where the server had no room for this connection beside the others.
    pub(super) seat: Option<Seat>,
    pub(super) group: Group,
    pub(super) came: Came,
    /// Pieces of the group that came to an end before it.
    pub(super) done: Vec<(Group, Came)>,
    pub(super) settled: Vec<Settled>,
    pub(super) rest: Vec<Group>,
    /// What has to be waited for, or what ends the delete.
    pub(super) error: Option<Error>,
}

/// Carries a group from WATCH to EXEC, or to where it was halted.
pub(super) async fn carry(context: Arc<Context>, mut seat: Seat, mut group: Group) -> Carried {
    let lease = match seat.lease(&context).await {
        Ok(lease) => lease,
        Err(error) => {
            let is_spare = seat.beside.is_some();
            return Carried {
                seat: (!is_spare).then_some(seat),
                group,
                came: Came::Lost {
                    may_have_run: false,
                },
                done: Vec::new(),
                settled: Vec::new(),
                rest: Vec::new(),
                error: (!is_spare).then_some(error),
            };
        }
    };
    let mut trip = Trip::new(&context, lease);
    let (came, error, is_sound) = match trip.steps(&mut group).await {
        Ok(came) => (came, trip.failed.take(), true),
        Err(halt) => trip.halted(halt).await,
    };
    let Trip {
        came: done,
        settled,
        rest,
        ..
    } = trip;
    if !is_sound {
        seat.close();
    }
    Carried {
        seat: Some(seat),
        group,
        came,
        done,
        settled,
        rest,
        error,
    }
}

impl Trip<'_> {
    async fn steps(&mut self, group: &mut Group) -> Result<Came, Halt> {
        let context = self.context;
        if let Some(vault) = context
            .vault
            .as_ref()
            .filter(|_| context.reads_twice(group))
        {
            return self.steps_ahead(group, vault).await;
        }
        // Until now it may have been one that is read ahead.
        self.rest.extend(group.cut(limits::WATCH_GROUP_KEYS));
        let asked = Asked::new(&context.guard, context.vault.is_some(), context.says_when());
        let turn = self.context.turn(QueryKind::Ask).await;
        if let Some(turn) = &turn {
            let most = turn.units() / asked.each();
            self.rest
                .extend(group.cut((most as usize).min(context.removes())));
        }
        self.watch(group.keys());
        let mut answers = self.ask(group.keys(), asked).await?;
        if context.guard.is_empty() {
            context.learn(&answers.seen(&context.guard));
        }
        if let Some(turn) = turn {
            turn.done(units(group.keys().len()) * asked.each());
        }
        self.measure(group.keys(), asked, &mut answers).await?;
        let looked = group.looked(&answers.seen(&context.guard), context.rules);
        self.settled.extend(looked.settled);
        if !group.keys().is_empty() {
            match &context.vault {
                Some(vault) => self.save(group, looked.found, vault).await?,
                None => self.multi().await?,
            }
        }
        if group.keys().is_empty() {
            self.unwatch().await?;
            return Ok(Came::Nothing);
        }
        self.check_ending()?;
        self.remove(group).await
    }

    /// Reads the values and waits until they are safe. What is too large after all leaves the group.
    async fn save(
        &mut self,
        group: &mut Group,
        mut found: Vec<Found>,
        vault: &Vault,
    ) -> Result<(), Halt> {
        self.rest
            .extend(group.cut_to_bytes(&mut found, limits::WATCH_GROUP_BYTES));
        let bytes = found.iter().map(|found| found.bytes).sum();
        let held = vault.hold(bytes).await;
        self.check_ending()?;
        let wanted = Looked::wanted(&found);
        let values = self.read(group.keys(), &wanted, Behind::Multi).await?;
        let entries = self.entries(group, &found, values);
        if entries.is_empty() {
            return Ok(());
        }
        if self.check().is_some() {
            self.entries = entries.clone();
        }
        self.put(vault, entries).await?;
        drop(held);
        vault.safe().await.map_err(Halt::Vault)
    }

    /// Hands the copies over; they are safe once the vault says so.
    pub(super) async fn put(&mut self, vault: &Vault, entries: Vec<Entry>) -> Result<(), Halt> {
        let number = vault.next_group();
        self.saved = Some(number);
        vault.put(number, entries).await.map_err(Halt::Vault)
    }

    pub(super) fn entries(
        &mut self,
        group: &mut Group,
        found: &[Found],
        values: Vec<Bytes>,
    ) -> Vec<Entry> {
        let max = self.context.rules.max_value_bytes.unwrap_or(u64::MAX);
        let is_large = |value: &Bytes| value.len() as u64 > max;
        let places = values.iter().enumerate();
        let large: Vec<usize> = places
            .filter(|(_, value)| is_large(value))
            .map(|(place, _)| place)
            .collect();
        let found = found.iter().zip(values);
        let kept: Vec<(&Found, Bytes)> = found.filter(|(_, value)| !is_large(value)).collect();
        self.settled.extend(group.without_large(&large, max));
        let entry = |(key, (found, value)): (&Key, (&Found, Bytes))| Entry {
            key: key.clone(),
            expires_at_ms: found.expires_at_ms,
            value: match found.form {
                Form::Text => Value::Text(value),
                Form::Dump => Value::Dump(value),
            },
        };
        group.keys().iter().zip(kept).map(entry).collect()
    }

    /// The values, one for each that is wanted, in that order. Where a MULTI goes behind the last of them: an UNLINK is only
    /// sent once the server has said that it queues.
    pub(super) async fn read(
        &mut self,
        keys: &[Key],
        wanted: &[Wanted],
        behind: Behind,
    ) -> Result<Vec<Bytes>, Halt> {
        let mut reads = Reads::new(wanted);
        let mut values = Values::new(wanted);
        while let Some(kind) = reads.kind() {
            let turn = self.context.turn(kind).await;
            let (most, ahead) = match &turn {
                Some(turn) => (u64::from(turn.units()) * KIB, u64::from(turn.units()) * KIB),
                None => (limits::READ_REPLY_BYTES, limits::READ_AHEAD_BYTES),
            };
            let mut sent: Vec<Read> = Vec::new();
            let mut bytes = 0;
            while sent.is_empty() || (reads.kind() == Some(kind) && reads.fits(most, ahead, bytes))
            {
                let Some((read, size)) = reads.next(most) else {
                    break;
                };
                self.queue_read(keys, &read);
                bytes += size;
                sent.push(read);
            }
            let is_last = reads.kind().is_none() && behind == Behind::Multi;
            if is_last {
                self.lease.queue("MULTI", Class::Read, ["MULTI"].iter());
            }
            self.lease.flush().await?;
            let mut came = 0;
            for read in &sent {
                came += self.take(read, &mut values).await?;
            }
            if is_last {
                self.is_in_multi = self.expect_ok("MULTI").await?;
            }
            self.heard_out()?;
            if let Some(turn) = turn {
                turn.done(units(came.div_ceil(KIB)).max(units(sent.len())));
            }
        }
        values.whole().ok_or(Halt::Changed)
    }

    pub(super) fn queue_read(&mut self, keys: &[Key], read: &Read) {
        match read {
            Read::Texts(places) => {
                let keys = places.iter().map(|place| keys[*place].as_bytes());
                let words: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain(keys).collect();
                self.lease.queue("MGET", Class::Read, words.into_iter());
            }
            Read::Piece { place, from, to } => {
                let (from, last) = (from.to_string(), (to - 1).to_string());
                let key = keys[*place].as_bytes();
                let words = [&b"GETRANGE"[..], key, from.as_bytes(), last.as_bytes()];
                self.lease.queue("GETRANGE", Class::Read, words.iter());
            }
            Read::Dump(place) => {
                let words = [&b"DUMP"[..], keys[*place].as_bytes()];
                self.lease.queue("DUMP", Class::Read, words.iter());
            }
        }
    }

    /// The answer to one read, and how many bytes came with it.
    pub(super) async fn take(&mut self, read: &Read, values: &mut Values) -> Result<u64, Halt> {
        let reply = self.lease.reply().await?;
        match (read, reply) {
            (Read::Texts(places), Reply::Array(texts)) if texts.len() == places.len() => {
                let mut bytes = 0;
                for (place, text) in places.iter().zip(texts) {
                    match text {
                        Reply::Bulk(text) => {
                            bytes += text.len() as u64;
                            values.put(*place, text);
                        }
                        // It is gone, or is no string any more.
                        Reply::Null => {}
                        _ => return Err(self.unexpected("MGET")),
                    }
                }
                Ok(bytes)
            }
            (Read::Piece { place, .. }, Reply::Bulk(piece)) => {
                let bytes = piece.len() as u64;
                values.append(*place, &piece);
                Ok(bytes)
            }
            (Read::Dump(place), Reply::Bulk(dump)) => {
                let bytes = dump.len() as u64;
                values.put(*place, dump);
                Ok(bytes)
            }
            (Read::Dump(_), Reply::Null) => Ok(0),
            (read, Reply::Error(text)) => {
                // A key that holds something else by now has changed, and is found to lack its value.
                let code = ServerCode::of(&text);
                if code != ServerCode::WrongType {
                    self.refused(name(read), &text);
                }
                Ok(0)
            }
            (read, _) => Err(self.unexpected(name(read))),
        }
    }
}

/// What follows the values at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The transaction: the keys are watched.
    Multi,
    Nothing,
}

/// Values as they come, whole or in pieces.
pub(super) struct Values {
    whole: Vec<Option<Bytes>>,
    pieces: Vec<Vec<u8>>,
    wanted: Vec<(Form, u64)>,
}

impl Values {
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        Self {
            whole: vec![None; wanted.len()],
            pieces: vec![Vec::new(); wanted.len()],
            wanted: (wanted.iter())
                .map(|wanted| (wanted.form, wanted.bytes))
                .collect(),
        }
    }

    fn put(&mut self, place: usize, value: Bytes) {
        self.whole[place] = Some(value);
    }

    fn append(&mut self, place: usize, piece: &[u8]) {
        let pieces = &mut self.pieces[place];
        if pieces.is_empty() {
            // Once, for all of them: it is held in the run's memory already.
            pieces.reserve_exact(usize::try_from(self.wanted[place].1).unwrap_or(0));
        }
        pieces.extend_from_slice(piece);
    }

    /// All of them; `None` where one is not what the questions had said.
    pub(super) fn whole(self) -> Option<Vec<Bytes>> {
        let values = self.whole.into_iter().zip(self.pieces).zip(self.wanted);
        values
            .map(|((whole, pieces), (form, bytes))| {
                let in_pieces = || (!pieces.is_empty()).then(|| Bytes::from(pieces));
                let value = whole.or_else(in_pieces)?;
                let is_it = match form {
                    Form::Text => value.len() as u64 == bytes,
                    Form::Dump => !value.is_empty(),
                };
                is_it.then_some(value)
            })
            .collect()
    }
}

fn name(read: &Read) -> &'static str {
    match read {
        Read::Texts(_) => "MGET",
        Read::Piece { .. } => "GETRANGE",
        Read::Dump(_) => "DUMP",
    }
}

pub(super) fn units<N: TryInto<u32>>(count: N) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
