//! The pure part of deleting: what a reply to a batch means, when a batch is tried again, split, or given up, and
//! the tally of outcomes. Holds no await, clock or randomness.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::key::Key;
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
    pub(crate) tally: Tally,
    /// Why, where keys failed or their outcome is unknown.
    pub(crate) refused: Option<Refused>,
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
    /// It may pass later as it is (LOADING, BUSY): nothing was removed.
    Later,
    /// Some of its keys are at fault: nothing was removed, and others may pass.
    Keys(Refused),
    /// Nothing will pass (NOPERM for the command, READONLY): nothing was removed.
    Never(Refused),
}

/// A run of keys of one batch, as one command.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    batch: Batch,
    range: Range<usize>,
    /// It was refused as it is once, and is tried once more before it is split.
    was_refused: bool,
    /// It was sent and no reply came.
    may_have_run: bool,
}

impl Piece {
    pub(crate) fn keys(&self) -> &[Key] {
        &self.batch.keys[self.range.clone()]
    }

    fn settled(&self, tally: Tally, refused: Option<Refused>) -> Settled {
        debug_assert_eq!(
            tally.sum(),
            self.range.len() as u64,
            "every key has one outcome"
        );
        Settled {
            batch: self.batch.id,
            tally,
            refused,
        }
    }
}

/// Pieces on their way, in the order of their commands, and those still to be sent.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    waiting: VecDeque<Piece>,
    flying: VecDeque<Piece>,
    failed_in_a_row: u64,
}

impl Pieces {
    pub(crate) fn push(&mut self, batch: Batch) {
        let range = 0..batch.keys.len();
        if !range.is_empty() {
            self.waiting.push_back(Piece {
                batch,
                range,
                was_refused: false,
                may_have_run: false,
            });
        }
    }

    /// The next piece to send, of at most so many keys; it counts as flying from here on.
    pub(crate) fn send_next(&mut self, most: usize) -> Option<&Piece> {
        if self.flying.len() >= limits::MAX_BATCHES_IN_FLIGHT {
            return None;
        }
        let mut piece = self.waiting.pop_front()?;
        let Range { start, end } = piece.range;
        let cut = end.min(start.saturating_add(most.max(1)));
        if cut < end {
            self.waiting.push_front(Piece {
                range: cut..end,
                ..piece.clone()
            });
            piece.range = start..cut;
        }
        self.flying.push_back(piece);
        self.flying.back()
    }

    /// Whether `send_next` would give a piece.
    pub(crate) fn can_send(&self) -> bool {
        self.flying.len() < limits::MAX_BATCHES_IN_FLIGHT && !self.waiting.is_empty()
    }

    pub(crate) fn is_flying(&self) -> bool {
        !self.flying.is_empty()
    }

    /// What the server says it removed of the oldest flying piece, where that can be true.
    pub(crate) fn checked(&self, removed: i64) -> Option<u64> {
        let asked = self.flying.front()?.range.len() as u64;
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
            Answer::Later => {
                self.waiting.push_front(piece);
                None
            }
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
                piece.settled(tally, Some(refused))
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

    /// Halves, so that a few bad keys among many are found in a few round trips.
    fn split(&mut self, piece: &Piece) {
        let Range { start, end } = piece.range;
        let middle = start + (end - start) / 2;
        for range in [middle..end, start..middle] {
            // The batch as a whole was tried twice; its parts are not retried before they are split again.
            self.waiting.push_front(Piece {
                range,
                ..piece.clone()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Batch, Pieces, Refused, Tally};
    use crate::error::ErrorKind;
    use crate::key::Key;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use std::collections::BTreeSet;

    fn batch(id: u64, keys: impl Iterator<Item = u32>) -> Batch {
        Batch {
            id,
            keys: keys.map(|n| Key::new(n.to_string())).collect(),
        }
    }

    fn refused() -> Refused {
        Refused {
            kind: ErrorKind::Permission,
            text: "no".into(),
            sample: None,
        }
    }

    #[test]
    fn splits_down_to_the_failing_key() {
        let mut pieces = Pieces::default();
        pieces.push(batch(7, 0..8));
        let mut tally = Tally::default();
        let mut commands = 0;
        while let Some(piece) = pieces.send_next(usize::MAX) {
            commands += 1;
            let size = piece.keys().len() as u64;
            let bad = piece.keys().iter().any(|key| key.as_bytes() == b"5");
            let answer = if bad {
                Answer::Keys(refused())
            } else {
                Answer::Removed(size)
            };
            if let Some(settled) = pieces.answered(answer) {
                assert_eq!(settled.batch, 7);
                if settled.tally.failed > 0 {
                    assert_eq!(settled.refused.expect("reason").sample, Some(Key::new("5")));
                }
                tally.add(&settled.tally);
            }
        }
        assert_eq!(
            tally,
            Tally {
                deleted: 7,
                failed: 1,
                ..Tally::default()
            }
        );
        assert_eq!(commands, 2 + 2 * 3, "one retry, then halves");
    }

    #[test]
    fn p28b_what_lost_its_reply_is_asked_again_or_unknown() {
        let mut pieces = Pieces::default();
        pieces.push(batch(1, 0..3));
        pieces.push(batch(2, 3..5));
        pieces.push(batch(3, 5..9));
        pieces.send_next(usize::MAX).expect("first");
        pieces.send_next(usize::MAX).expect("second");
        pieces.lost();
        assert_eq!(
            pieces
                .send_next(usize::MAX)
                .expect("first again")
                .keys()
                .len(),
            3
        );
        let settled = pieces.answered(Answer::Removed(1)).expect("settled");
        assert_eq!(
            settled.tally,
            Tally {
                deleted: 1,
                already_gone: 2,
                ..Tally::default()
            }
        );
        let unknown = pieces.give_up(&refused());
        assert_eq!(
            unknown.len(),
            1,
            "the third was never sent and is nobody's outcome"
        );
        assert_eq!((unknown[0].batch, unknown[0].tally.unknown), (2, 2));
        assert!(pieces.is_empty());
    }

    #[test]
    fn gives_up_where_everything_fails() {
        let mut pieces = Pieces::default();
        pieces.push(batch(1, 0..10_000));
        while let Some(_piece) = pieces.send_next(usize::MAX) {
            pieces.answered(Answer::Keys(refused()));
        }
        assert!(pieces.is_hopeless());
    }

    proptest! {
        /// p29: whatever fails, is lost or comes late, every key has one outcome.
        #[test]
        fn p29_the_sum_of_outcomes_is_what_was_pushed(
            sizes in prop::collection::vec(1u32..40, 1..12),
            bad in prop::collection::btree_set(0u32..400, 0..20),
            fates in prop::collection::vec(any::<u8>(), 1..200),
            most in 0usize..60,
        ) {
            let mut pieces = Pieces::default();
            let mut total = 0;
            for (id, size) in sizes.iter().enumerate() {
                pieces.push(batch(id as u64, total..total + size));
                total += size;
            }
            let bad: BTreeSet<String> = bad.iter().map(ToString::to_string).collect();
            let mut tally = Tally::default();
            let mut fates = fates.iter().copied().chain(std::iter::repeat(255));
            while !pieces.is_empty() {
                while pieces.send_next(most).is_some() {}
                match fates.next().expect("endless") {
                    0..=20 => pieces.lost(),
                    21..=40 => prop_assert!(pieces.answered(Answer::Later).is_none()),
                    fate => {
                        let keys: Vec<String> = pieces.flying[0].keys().iter().map(|k| k.escaped().to_string()).collect();
                        let answer = if keys.iter().any(|key| bad.contains(key)) {
                            Answer::Keys(refused())
                        } else {
                            Answer::Removed(keys.len() as u64 - u64::from(fate % 2).min(keys.len() as u64))
                        };
                        if let Some(settled) = pieces.answered(answer) {
                            tally.add(&settled.tally);
                        }
                    }
                }
            }
            prop_assert_eq!(tally.sum(), u64::from(total));
            let bad_here = (0..total).filter(|n| bad.contains(&n.to_string())).count();
            prop_assert_eq!(tally.failed, bad_here as u64);
        }
    }
}
