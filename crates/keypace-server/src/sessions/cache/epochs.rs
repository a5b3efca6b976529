//! Which epoch a process goes by, and whether it owes another: what it wrote did not get into the cache, and SQL did not take
//! that down either. Pure: told what happened and when, it says what to do.

use tokio::time::Instant;

use crate::limits;

/// What this process knows of epochs.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    known: Option<(i64, Instant)>,
    owed: Option<Owed>,
}

/// Since when an epoch is owed: it has to begin after the first of these moments, and after the last.
#[derive(Debug, Clone, Copy)]
struct Owed {
    first: Instant,
    last: Instant,
}

impl Epochs {
    /// The epoch, where it was learnt a moment ago.
    pub(super) fn current(&self, now: Instant) -> Option<i64> {
        let (epoch, since) = self.known?;
        (now.duration_since(since) < limits::EPOCH_LIFE).then_some(epoch)
    }

    /// SQL was asked for the epoch at `since`, or before that. Epochs never go back.
    pub(super) fn learn(&mut self, epoch: i64, since: Instant) {
        if self.known.is_none_or(|known| (epoch, since) > known) {
            self.known = Some((epoch, since));
        }
    }

    /// Another epoch has to begin at this moment or later. Whether none was owed until now.
    pub(super) fn owe(&mut self, at: Instant) -> bool {
        let is_first = self.owed.is_none();
        let owed = self.owed.get_or_insert(Owed {
            first: at,
            last: at,
        });
        (owed.first, owed.last) = (owed.first.min(at), owed.last.max(at));
        is_first
    }

    pub(super) fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// Whether it is time to begin the one that is owed; `None` where none is.
    pub(super) fn is_due(&self, now: Instant) -> Option<bool> {
        self.owed.map(|owed| now >= owed.first)
    }

    /// An epoch began, and was asked for at `since`.
    pub(super) fn began(&mut self, since: Instant) {
        self.owed = self.owed.and_then(|owed| match owed {
            Owed { last, .. } if last <= since => None,
            Owed { first, last } => Some(Owed {
                first: if first <= since { last } else { first },
                last,
            }),
        });
    }

    /// What an owed epoch would disown has left the cache by itself.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.owed = self
            .owed
            .filter(|owed| now.duration_since(owed.last) < limits::CACHE_TTL);
    }
}

#[cfg(test)]
mod tests {
    use super::Epochs;
    use crate::limits;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn an_epoch_that_is_owed_begins_after_each_write_that_owes_it() {
        let (mut epochs, start) = (Epochs::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(epochs.owe(at(5)));
        assert!(
            !epochs.owe(at(3)) && !epochs.owe(at(9)),
            "one is owed already"
        );
        assert_eq!(epochs.is_due(at(2)), Some(false));
        assert_eq!(epochs.is_due(at(3)), Some(true));
        epochs.began(at(4));
        assert_eq!(epochs.is_due(at(8)), Some(false), "not after the last yet");
        epochs.began(at(9));
        assert_eq!((epochs.is_due(at(10)), epochs.owes()), (None, false));
        epochs.owe(at(10));
        epochs.forget_old(at(10) + limits::CACHE_TTL);
        assert!(!epochs.owes());
    }

    #[test]
    fn epochs_never_go_back_and_are_known_for_a_moment() {
        let (mut epochs, start) = (Epochs::default(), Instant::now());
        epochs.learn(7, start);
        epochs.learn(6, start + Duration::from_millis(1));
        assert_eq!(epochs.current(start), Some(7));
        assert_eq!(epochs.current(start + limits::EPOCH_LIFE), None);
    }
}
