//! The pure part of a walk: where it stands, when it ends, what share is done, and that it ends at all.
//! Holds no await, clock or randomness.

use bytes::Bytes;

use super::cursor::{EDGE, Repeats};
use super::estimate::{Estimate, SlotsSeen};

/// The server's cursors go round in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GoesRound;

/// Where a walk stands.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Bytes,
    ended: bool,
    estimate: Estimate,
    repeats: Repeats,
}

impl Walk {
    /// From the beginning, or from a cursor that was saved.
    pub(super) fn from(cursor: Bytes, mut estimate: Estimate) -> Self {
        estimate.begin_at(&cursor);
        Self {
            cursor,
            ended: false,
            estimate,
            repeats: Repeats::default(),
        }
    }

    /// Behind the last page.
    pub(super) fn at_end() -> Self {
        let mut walk = Self::from(Bytes::from_static(EDGE), Estimate::default());
        walk.end();
        walk
    }

    /// How far it is, is told otherwise.
    pub(super) fn estimate_by(&mut self, estimate: Estimate) {
        self.estimate = estimate;
        if self.ended {
            self.estimate.end();
        }
    }

    /// The cursor for the next call.
    pub(super) fn cursor(&self) -> &Bytes {
        &self.cursor
    }

    /// A page came whole, with keys of these slots and the cursor behind it.
    pub(super) fn advance(&mut self, next: Bytes, seen: &SlotsSeen) -> Result<(), GoesRound> {
        if next == EDGE {
            self.end();
        } else if self.repeats.see(&next) {
            return Err(GoesRound);
        } else {
            self.estimate.see(&self.cursor, &next, seen);
        }
        self.cursor = next;
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
        self.estimate.end();
    }

    pub(super) fn is_at_start(&self) -> bool {
        !self.ended && self.cursor == EDGE
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn share(&self) -> f64 {
        self.estimate.share()
    }
}

#[cfg(test)]
mod tests {
    use super::{Estimate, GoesRound, SlotsSeen, Walk};
    use bytes::Bytes;

    fn at(cursor: &'static str) -> Bytes {
        Bytes::from_static(cursor.as_bytes())
    }

    fn none() -> SlotsSeen {
        SlotsSeen::default()
    }

    #[test]
    fn ends_at_zero_and_not_before() {
        let mut walk = Walk::from(at("0"), Estimate::default());
        assert!(walk.is_at_start());
        walk.advance(at("4611686018427387904"), &none())
            .expect("goes on");
        assert!(!walk.is_ended() && !walk.is_at_start() && walk.share() > 0.0);
        walk.advance(at("0"), &none()).expect("ends");
        assert!(walk.is_ended() && !walk.is_at_start());
        assert!((walk.share() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn p15_the_same_cursor_for_ever_is_an_error() {
        let mut walk = Walk::from(at("0"), Estimate::default());
        let mut faults = 0;
        for _ in 0..10 {
            faults += u32::from(walk.advance(at("17"), &none()) == Err(GoesRound));
        }
        assert!(faults >= 8, "{faults}");
    }

    #[test]
    fn p10_share_never_goes_back() {
        let mut walk = Walk::from(at("0"), Estimate::default());
        let mut last = 0.0;
        for cursor in ["4", "2", "1", "6", "3", "nonsense", "7"] {
            walk.advance(at(cursor), &none()).expect("goes on");
            assert!(walk.share() >= last && walk.share() <= 1.0);
            last = walk.share();
        }
    }
}
