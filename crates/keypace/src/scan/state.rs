//! The pure part of a walk: where it stands, when it ends, what share is done, and that it ends at all.
//! Holds no await, clock or randomness.

use bytes::Bytes;

use super::cursor::{EDGE, Repeats, share_of};

/// The server's cursors go round in a circle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GoesRound;

/// Where a walk stands.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Bytes,
    ended: bool,
    share: f64,
    repeats: Repeats,
    calls: u64,
    restarts: u64,
}

impl Walk {
    /// From the beginning, or from a cursor that was saved.
    pub(super) fn from(cursor: Bytes) -> Self {
        Self {
            share: share_of(&cursor).unwrap_or(0.0),
            cursor,
            ended: false,
            repeats: Repeats::default(),
            calls: 0,
            restarts: 0,
        }
    }

    /// Behind the last page.
    pub(super) fn at_end() -> Self {
        Self {
            ended: true,
            share: 1.0,
            ..Self::from(Bytes::from_static(EDGE))
        }
    }

    /// The cursor for the next call.
    pub(super) fn cursor(&self) -> &Bytes {
        &self.cursor
    }

    /// A page came whole, with the cursor behind it.
    pub(super) fn advance(&mut self, next: Bytes) -> Result<(), GoesRound> {
        self.calls += 1;
        if next == EDGE {
            self.ended = true;
            self.share = 1.0;
        } else if self.repeats.see(&next) {
            return Err(GoesRound);
        } else {
            // A table that changes its size can put a cursor a little back; what is shown never goes back.
            self.share = share_of(&next).map_or(self.share, |share| share.clamp(self.share, 1.0));
        }
        self.cursor = next;
        Ok(())
    }

    /// Another process answers: its cursors mean something else, so the walk begins again (pitfall P1).
    pub(super) fn restart(&mut self) {
        let restarts = self.restarts + 1;
        let calls = self.calls;
        *self = Self::from(Bytes::from_static(EDGE));
        self.restarts = restarts;
        self.calls = calls;
    }

    pub(super) fn is_at_start(&self) -> bool {
        !self.ended && self.cursor == EDGE
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn share(&self) -> f64 {
        self.share
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::{GoesRound, Walk};
    use bytes::Bytes;

    fn at(cursor: &'static str) -> Bytes {
        Bytes::from_static(cursor.as_bytes())
    }

    #[test]
    fn ends_at_zero_and_not_before() {
        let mut walk = Walk::from(at("0"));
        assert!(walk.is_at_start());
        walk.advance(at("4611686018427387904")).expect("goes on");
        assert!(!walk.is_ended() && !walk.is_at_start() && walk.share() > 0.0);
        walk.advance(at("0")).expect("ends");
        assert!(walk.is_ended() && !walk.is_at_start());
        assert!((walk.share() - 1.0).abs() < f64::EPSILON);
        assert_eq!(walk.calls(), 2);
    }

    #[test]
    fn p15_the_same_cursor_for_ever_is_an_error() {
        let mut walk = Walk::from(at("0"));
        let mut faults = 0;
        for _ in 0..10 {
            faults += u32::from(walk.advance(at("17")) == Err(GoesRound));
        }
        assert!(faults >= 8, "{faults}");
    }

    #[test]
    fn p01_restart_begins_at_zero_and_is_counted() {
        let mut walk = Walk::from(at("42"));
        walk.advance(at("43")).expect("goes on");
        walk.restart();
        assert!(walk.is_at_start());
        assert_eq!((walk.restarts(), walk.calls()), (1, 1));
        walk.advance(at("43"))
            .expect("the old cursors are forgotten");
    }

    #[test]
    fn p10_share_never_goes_back() {
        let mut walk = Walk::from(at("0"));
        let mut last = 0.0;
        for cursor in ["4", "2", "1", "6", "3", "nonsense", "7"] {
            walk.advance(at(cursor)).expect("goes on");
            assert!(walk.share() >= last && walk.share() <= 1.0);
            last = walk.share();
        }
    }
}
