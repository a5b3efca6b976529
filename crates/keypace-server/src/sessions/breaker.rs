//! When SQL is left alone by reads that may be stale: after some questions in a row that hung. Pure: told what happened and
//! when, it says what to do.

use tokio::time::Instant;

use crate::limits;

/// What a read does about SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Asks it.
    Ask,
    /// Leaves it alone.
    LeaveAlone,
    /// The same, and somebody asks beside it whether it is back.
    Probe,
}

/// What is known of a database that may hang.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    hung_in_a_row: u32,
    /// When it is asked again, while it hangs.
    next_probe: Option<Instant>,
    is_probing: bool,
}

impl Breaker {
    /// A question hung. Whether SQL is left alone from now on.
    pub(super) fn hung(&mut self, now: Instant) -> bool {
        self.hung_in_a_row = self.hung_in_a_row.saturating_add(1);
        let opens = self.next_probe.is_none() && self.hung_in_a_row >= limits::SQL_HANGING_ANSWERS;
        if opens {
            self.next_probe = Some(now + limits::SQL_PROBE_PAUSE);
        }
        opens
    }

    /// SQL answered, whoever asked. Whether it had been left alone.
    pub(super) fn answered(&mut self) -> bool {
        self.hung_in_a_row = 0;
        self.next_probe.take().is_some()
    }

    /// What a read does now. Of those that meet only one is told to probe.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        match self.next_probe {
            None => Turn::Ask,
            Some(at) if now >= at && !self.is_probing => {
                self.is_probing = true;
                Turn::Probe
            }
            Some(_) => Turn::LeaveAlone,
        }
    }

    /// A probe ended; where SQL answered it that was told before.
    pub(super) fn probed(&mut self, now: Instant) {
        self.is_probing = false;
        if let Some(next) = &mut self.next_probe {
            *next = now + limits::SQL_PROBE_PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Turn};
    use crate::limits::{SQL_HANGING_ANSWERS, SQL_PROBE_PAUSE};
    use tokio::time::Instant;

    #[test]
    fn sql_that_hangs_in_a_row_is_left_alone_and_probed_by_one() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..SQL_HANGING_ANSWERS {
            assert!(!breaker.hung(now));
        }
        assert!(!breaker.answered(), "it was not left alone");
        for _ in 1..SQL_HANGING_ANSWERS {
            assert!(!breaker.hung(now), "not in a row");
            assert_eq!(breaker.turn(now), Turn::Ask);
        }
        assert!(breaker.hung(now));
        assert!(!breaker.hung(now), "told once");
        assert_eq!(breaker.turn(now), Turn::LeaveAlone);
        let due = now + SQL_PROBE_PAUSE;
        assert_eq!(breaker.turn(due), Turn::Probe);
        assert_eq!(breaker.turn(due), Turn::LeaveAlone, "one at a time");
        breaker.probed(due);
        assert_eq!(breaker.turn(due), Turn::LeaveAlone, "not at once again");
        assert_eq!(breaker.turn(due + SQL_PROBE_PAUSE), Turn::Probe);
        assert!(breaker.answered());
        breaker.probed(due);
        assert_eq!(breaker.turn(due), Turn::Ask);
    }
}
