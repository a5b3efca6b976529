//! The pure part of deleting: what a reply to a batch means, when a batch is tried again, split, or given up, and
//! the tally of outcomes. Holds no await, clock or randomness.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::key::{Key, Slot};
use crate::limits;

/// Keys that go together.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The caller's own number for it.
    pub(crate) id: u64,
    pub(crate) keys: Arc<[Key]>,
}

/// How many keys came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) deleted: u64,
    pub(crate) already_gone: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
}

impl Tally {
    pub(crate) fn sum(&self) -> u64 {
        self.deleted + self.already_gone + self.skipped + self.failed + self.unknown
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.deleted += other.deleted;
        self.already_gone += other.already_gone;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.unknown += other.unknown;
    }
}

/// A part of a batch came to its end.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The batch's number.
    pub(crate) batch: u64,
    /// How many keys these are: the sum of the tally, those that never matched, or those that are elsewhere and have no
    /// outcome here.
    pub(crate) keys: u64,
    pub(crate) tally: Tally,
    /// Keys that did not pass the filters when they were looked at for the first time: they count nowhere.
    pub(crate) unmatched: u64,
    /// Why, where keys failed or their outcome is unknown.
    pub(crate) refused: Option<Refused>,
    /// Keys that may have been removed, and of which no answer said so: whoever can ask again is to ask for these.
    pub(crate) lost: Vec<Key>,
    /// Slots to look through again, each once: their keys are on another node by now. Empty for any other end.
    pub(crate) elsewhere: Vec<Slot>,
}

/// Why keys were not removed.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
    pub(crate) sample: Option<Key>,
}

/// What a server's answer to a piece means.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It removed so many.
    Removed(u64),
    /// It looked at each of them, and did with it what the look said.
    Checked {
        tally: Tally,
        unmatched: u64,
        /// Why, where keys were skipped.
        refused: Option<Refused>,
    },
    /// It may pass later as it is (LOADING, BUSY): nothing was removed.
    Later,
    /// Some of its keys are at fault: nothing was removed, and others may pass.
    Keys(Refused),
    /// Some of its keys are here and some have moved on (TRYAGAIN): nothing was removed, and one by one they have an
    /// answer.
    Torn,
    /// They are another node's by now (MOVED, ASK): nothing was removed.
    Elsewhere,
    /// Nothing will pass (NOPERM for the command, READONLY): nothing was removed.
    Never(Refused),
}

/// How much may be on its way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    commands: usize,
    keys: usize,
    /// Sending goes on once no more commands than this, and no more than half of the keys, are on their way.
    low: usize,
}

impl Room {
    /// At full speed, where a batch is a command.
    pub(crate) fn batches() -> Self {
        Self {
            commands: limits::MAX_BATCHES_IN_FLIGHT,
            keys: usize::MAX,
            low: limits::MAX_BATCHES_IN_FLIGHT - 1,
        }
    }

    /// At full speed in a cluster: as many keys as so many full batches have, in however many commands they come. Sent
    /// by the half, since a write to the socket for each small command costs more than the command.
    pub(crate) fn slots(batch: usize) -> Self {
        Self {
            keys: batch.saturating_mul(limits::MAX_BATCHES_IN_FLIGHT),
            ..Self::volley(0)
        }
    }

    /// Under a turn: one command of at most so many keys.
    pub(crate) fn one(keys: usize) -> Self {
        Self {
            commands: 1,
            keys,
            low: 0,
        }
    }

    /// Under a turn in a cluster: commands of at most so many keys together.
    pub(crate) fn volley(keys: usize) -> Self {
        Self {
            commands: limits::MAX_COMMANDS_IN_FLIGHT,
            keys,
            low: limits::MAX_COMMANDS_IN_FLIGHT / 2,
        }
    }
}

/// A run of keys of one batch, as one command.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    batch: Batch,
    range: Range<usize>,
    /// It was refused as it is once, and is tried once more before it is split.
    was_refused: bool,
    /// It was sent and no reply came, by this deleter or an earlier one.
    may_have_run: bool,
}

impl Piece {
    /// All keys of a batch.
    pub(crate) fn whole(batch: Batch) -> Self {
        Self {
            range: 0..batch.keys.len(),
            batch,
            was_refused: false,
            may_have_run: false,
        }
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.batch.keys[self.range.clone()]
    }

    /// The number of the batch that it is of.
    pub(crate) fn batch(&self) -> u64 {
        self.batch.id
    }

    fn settled(&self, tally: Tally, refused: Option<Refused>) -> Settled {
        let keys = self.range.len() as u64;
        debug_assert!(tally.sum() <= keys, "every key has one outcome at most");
        Settled {
            batch: self.batch.id,
            keys,
            // All of them have an outcome, or never matched.
            unmatched: keys - tally.sum(),
            tally,
            refused,
            lost: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    /// No outcome: the keys are to be found again where they are now.
    fn elsewhere(&self) -> Settled {
        let keys = self.keys().iter();
        let mut elsewhere: Vec<Slot> = keys.map(|key| Slot::of(key.as_bytes())).collect();
        elsewhere.sort_unstable();
        elsewhere.dedup();
        Settled {
            batch: self.batch.id,
            keys: self.range.len() as u64,
            tally: Tally::default(),
            unmatched: 0,
            refused: None,
            lost: if self.may_have_run {
                self.keys().to_vec()
            } else {
                Vec::new()
            },
            elsewhere,
        }
    }
}

/// A batch to be sent, and whether it was before.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) batch: Batch,
    pub(crate) may_have_run: bool,
}

/// Pieces on their way, in the order of their commands, and those still to be sent.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// Keys of one command at most.
    most: usize,
    waiting: VecDeque<Piece>,
    flying: VecDeque<Piece>,
    flying_keys: usize,
    failed_in_a_row: u64,
}

impl Default for Pieces {
    fn default() -> Self {
        Self::cut_to(usize::MAX)
    }
}

impl Pieces {
    /// Of so many keys at most.
    pub(crate) fn cut_to(most: usize) -> Self {
        Self {
            most,
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
            flying_keys: 0,
            failed_in_a_row: 0,
        }
    }

    pub(crate) fn push(&mut self, batch: Batch) {
        self.push_as(batch, false);
    }

    /// Keys that an earlier command may have removed: wherever they are met, their outcome is still owed.
    pub(crate) fn push_again(&mut self, batch: Batch) {
        self.push_as(batch, true);
    }

    pub(crate) fn push_ready(&mut self, ready: Ready) {
        self.push_as(ready.batch, ready.may_have_run);
    }

    fn push_as(&mut self, batch: Batch, may_have_run: bool) {
        let mut start = 0;
        while start < batch.keys.len() {
            let end = batch.keys.len().min(start.saturating_add(self.most));
            self.waiting.push_back(Piece {
                batch: batch.clone(),
                range: start..end,
                was_refused: false,
                may_have_run,
            });
            start = end;
        }
    }

    /// The next piece to send, if there is room for it; it counts as flying from here on. Only the first is cut to fit:
    /// one that does not fit behind others waits until they are answered, so that no command is sent more for it. Two
    /// rooms full, one after the other, are more than one whole room all the same.
    pub(crate) fn send_next(&mut self, room: Room) -> Option<&Piece> {
        let size = self.waiting.front()?.range.len();
        if self.flying.is_empty() {
            self.cut_first(room.keys.max(1));
        } else if self.flying.len() >= room.commands
            || self.flying_keys.saturating_add(size) > room.keys
        {
            return None;
        }
        let piece = self.waiting.pop_front()?;
        self.flying_keys += piece.range.len();
        self.flying.push_back(piece);
        self.flying.back()
    }

    /// Whether enough was answered to send more.
    pub(crate) fn can_send(&self, room: Room) -> bool {
        !self.waiting.is_empty()
            && self.flying.len() <= room.low
            && self.flying_keys <= room.keys / 2
    }

    /// Those without an outcome, on their way or still to be sent.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Piece> {
        self.flying.iter().chain(&self.waiting)
    }

    pub(crate) fn is_flying(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Pieces on their way.
    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Keys of the oldest flying piece.
    pub(crate) fn asked(&self) -> usize {
        self.flying.front().map_or(0, |piece| piece.range.len())
    }

    /// The keys of the oldest flying piece.
    pub(crate) fn oldest(&self) -> &[Key] {
        self.flying.front().map_or(&[], Piece::keys)
    }

    /// The oldest flying piece is two from here on, the first of so many keys: each has an answer of its own.
    pub(crate) fn cut_oldest(&mut self, keys: usize) {
        let Some(piece) = self.flying.front_mut() else {
            return;
        };
        let Range { start, end } = piece.range;
        let cut = end.min(start.saturating_add(keys));
        if cut < end {
            let rest = Piece {
                range: cut..end,
                ..piece.clone()
            };
            piece.range = start..cut;
            self.flying.insert(1, rest);
        }
    }

    /// What the server says it removed of the oldest flying piece, where that can be true.
    pub(crate) fn checked(&self, removed: i64) -> Option<u64> {
        let asked = self.asked() as u64;
        u64::try_from(removed)
            .ok()
            .filter(|removed| *removed <= asked)
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }

    /// The oldest flying piece was answered. `None` where it goes on its way again.
    pub(crate) fn answered(&mut self, answer: Answer) -> Option<Settled> {
        let mut piece = self.flying.pop_front()?;
        self.flying_keys -= piece.range.len();
        let size = piece.range.len() as u64;
        match answer {
            Answer::Removed(removed) => {
                self.failed_in_a_row = 0;
                let tally = Tally {
                    deleted: removed,
                    already_gone: size - removed,
                    ..Tally::default()
                };
                Some(piece.settled(tally, None))
            }
            Answer::Checked {
                tally,
                unmatched,
                refused,
            } => {
                debug_assert_eq!(tally.sum() + unmatched, size, "every key is told of");
                self.failed_in_a_row = 0;
                Some(piece.settled(tally, refused))
            }
            Answer::Torn if size > 1 => {
                self.split(&piece);
                None
            }
            Answer::Later | Answer::Torn => {
                self.waiting.push_front(piece);
                None
            }
            Answer::Elsewhere => Some(piece.elsewhere()),
            Answer::Keys(refused) if size == 1 => {
                self.failed_in_a_row += 1;
                Some(Self::refused(&piece, refused))
            }
            Answer::Keys(_) if !piece.was_refused => {
                piece.was_refused = true;
                self.waiting.push_front(piece);
                None
            }
            Answer::Keys(_) => {
                self.split(&piece);
                None
            }
            Answer::Never(refused) => Some(Self::refused(&piece, refused)),
        }
    }

    /// The connection is gone: what was on its way may have run, and is asked again, in the same order.
    pub(crate) fn lost(&mut self) {
        self.flying_keys = 0;
        while let Some(mut piece) = self.flying.pop_back() {
            piece.may_have_run = true;
            self.waiting.push_front(piece);
        }
    }

    /// Nobody answers any more: what was sent without a reply is unknown; what was never sent is forgotten, as if
    /// it had not been found.
    pub(crate) fn give_up(&mut self, refused: &Refused) -> Vec<Settled> {
        self.lost();
        let given_up = self.waiting.drain(..).filter(|piece| piece.may_have_run);
        given_up
            .map(|piece| {
                let tally = Tally {
                    unknown: piece.range.len() as u64,
                    ..Tally::default()
                };
                let refused = Refused {
                    sample: piece.keys().first().cloned(),
                    ..refused.clone()
                };
                let lost = piece.keys().to_vec();
                Settled {
                    lost,
                    ..piece.settled(tally, Some(refused))
                }
            })
            .collect()
    }

    /// So many keys failed with none removed in between that the rest will too.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failed_in_a_row >= limits::MAX_FAILED_IN_A_ROW
    }

    fn refused(piece: &Piece, refused: Refused) -> Settled {
        let tally = Tally {
            failed: piece.range.len() as u64,
            ..Tally::default()
        };
        let refused = Refused {
            sample: piece.keys().first().cloned(),
            ..refused
        };
        piece.settled(tally, Some(refused))
    }

    /// Makes the first that waits a piece of at most so many keys.
    fn cut_first(&mut self, most: usize) {
        let Some(piece) = self.waiting.front_mut() else {
            return;
        };
        let Range { start, end } = piece.range;
        let cut = end.min(start.saturating_add(most));
        if cut < end {
            let rest = Piece {
                range: cut..end,
                ..piece.clone()
            };
            piece.range = start..cut;
            self.waiting.insert(1, rest);
        }
    }

    /// Halves, so that a few bad keys among many are found in a few round trips.
    fn split(&mut self, piece: &Piece) {
        let Range { start, end } = piece.range;
        let middle = start + (end - start) / 2;
        for range in [middle..end, start..middle] {
            // A batch whose keys were refused was tried twice as a whole; its parts are not retried before they are split again.
            self.waiting.push_front(Piece {
                range,
                ..piece.clone()
            });
        }
    }
}

#[cfg(test)]
mod tests;
