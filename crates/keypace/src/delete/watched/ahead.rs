//! Short strings at full speed: read and saved before anything is watched, then watched, read once more, and removed only
//! while they are what their copies say. A WATCH costs the more the more keys are watched (P32c), so none is held while the
//! disk is waited for. Awaits; decides nothing about groups.

use std::collections::VecDeque;

use bytes::Bytes;

use super::drive::{Behind, Values};
use super::questions::Asked;
use super::reads::Reads;
use super::seen::Found;
use super::state::{Came, Group, Looked};
use super::trip::{Halt, Trip};
use crate::backup::{Outcome, Vault};
use crate::key::Key;
use crate::limits;
use crate::port::Class;

/// Keys that are watched together, and what their copies say.
struct Piece {
    group: Group,
    found: Vec<Found>,
    values: Vec<Bytes>,
    /// Of these copies in the vault.
    number: u64,
}

/// Cuts a group into what is watched together; nothing is left in it.
fn pieces(
    vault: &Vault,
    group: &mut Group,
    mut found: Vec<Found>,
    mut values: Vec<Bytes>,
) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    let mut left = Some(group.take());
    while let Some(mut group) = left {
        left = group.cut(limits::WATCH_GROUP_KEYS);
        let keys = group.keys().len();
        let (later_found, later_values) = (found.split_off(keys), values.split_off(keys));
        pieces.push_back(Piece {
            group,
            found: std::mem::replace(&mut found, later_found),
            values: std::mem::replace(&mut values, later_values),
            number: vault.next_group(),
        });
    }
    pieces
}

impl Trip<'_> {
    /// From the questions to the EXEC. What is no short string leaves the group.
    pub(super) async fn steps_ahead(
        &mut self,
        group: &mut Group,
        vault: &Vault,
    ) -> Result<Came, Halt> {
        let context = self.context;
        let asked = Asked::new(&context.guard, true, context.says_when());
        let answers = self.ask(group.keys(), asked).await?;
        let mut seen = answers.seen(&context.guard);
        context.learn(&seen);
        self.rest.extend(group.part(&mut seen));
        let Looked { found, settled } = group.looked(&seen, context.rules);
        self.settled.extend(settled);
        if group.keys().is_empty() {
            return Ok(Came::Nothing);
        }
        let bytes: u64 = found.iter().map(|found| found.bytes).sum();
        // Those that are read again are held beside those that were saved.
        let _held = vault.hold(2 * bytes).await;
        self.check_ending()?;
        let wanted = Looked::wanted(&found);
        let values = self.read(group.keys(), &wanted, Behind::Nothing).await?;
        let mut pieces = pieces(vault, group, found, values);
        let came = self.save_and_remove(group, &mut pieces, vault).await;
        for piece in pieces {
            // They were not sent, and are read anew.
            vault.outcome(piece.number, Outcome::Kept);
            self.rest.push(piece.group);
        }
        came
    }

    /// Has the pieces safe with one fsync, and removes them one after the other. What it ends with is what became of the piece
    /// that is left in `group`; those that are left in `pieces` were not begun.
    async fn save_and_remove(
        &mut self,
        group: &mut Group,
        pieces: &mut VecDeque<Piece>,
        vault: &Vault,
    ) -> Result<Came, Halt> {
        for piece in pieces.iter_mut() {
            let entries = self.entries(&mut piece.group, &piece.found, piece.values.clone());
            let put = vault.put(piece.number, entries).await;
            put.map_err(Halt::Vault)?;
        }
        vault.safe().await.map_err(Halt::Vault)?;
        while let Some(piece) = pieces.pop_front() {
            *group = piece.group;
            self.saved = Some(piece.number);
            let came = self.piece(group, &piece.found, &piece.values).await;
            if pieces.is_empty() {
                return came;
            }
            let came = match came {
                Err(Halt::Changed) => {
                    self.void();
                    if self.lease.is_watching() {
                        self.unwatch().await?;
                    }
                    Came::Changed
                }
                came => came?,
            };
            self.came.push((group.take(), came));
        }
        Ok(Came::Nothing)
    }

    /// Removes keys whose copies are safe, if they still are what those say.
    async fn piece(
        &mut self,
        group: &mut Group,
        found: &[Found],
        values: &[Bytes],
    ) -> Result<Came, Halt> {
        // It is never closed.
        let _comparing = self.context.comparing.acquire().await;
        self.check_ending()?;
        self.compare(group.keys(), found, values).await?;
        self.check_ending()?;
        self.remove(group).await
    }

    /// Watches the keys and reads them again, value and expiry: what follows is done only to what was saved. Behind the values
    /// goes the MULTI.
    async fn compare(
        &mut self,
        keys: &[Key],
        found: &[Found],
        values: &[Bytes],
    ) -> Result<(), Halt> {
        let wanted = Looked::wanted(found);
        let mut reads = Reads::new(&wanted);
        let mut sent = Vec::new();
        self.watch(keys);
        self.queue_times(keys);
        while let Some((read, _)) = reads.next(limits::READ_REPLY_BYTES) {
            self.queue_read(keys, &read);
            sent.push(read);
        }
        self.lease.queue("MULTI", Class::Read, ["MULTI"].iter());
        self.lease.flush().await?;
        self.expect_ok("WATCH").await?;
        let mut is_same = true;
        for found in found {
            is_same &= self.time_of().await? == Some(found.expires_at_ms);
        }
        let mut now = Values::new(&wanted);
        for read in &sent {
            self.take(read, &mut now).await?;
        }
        self.is_in_multi = self.expect_ok("MULTI").await?;
        self.heard_out()?;
        match now.whole() {
            Some(now) if is_same && now == values => Ok(()),
            _ => Err(Halt::Changed),
        }
    }
}
