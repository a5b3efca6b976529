//! Owns the proxy's scripted faults: which connection, at which byte of its replies, what. Pure: it must not touch sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::limits::MAX_RULES;

/// What happens to a stream of replies at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every chunk from here on waits so long; the connection stays whole.
    DelayChunks(Duration),
    /// Both sides are closed, in an orderly way.
    Cut,
    /// Both sides are closed and the client gets a reset.
    Reset,
    /// So many bytes are left out and the rest goes on: a torn reply on an open connection.
    Truncate(u64),
    /// This byte arrives with these bits turned.
    Corrupt(u8),
    /// Nothing more arrives, and the connection stays open.
    Stall,
    /// At most so many bytes a second from here on, 1 at least: a slow link. A later one takes its place.
    Throttle(u64),
}

/// Where the bytes of a rule are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Start,
    Now,
}

/// When to do what to whom. A rule fires once on a connection, and on every connection unless told otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FaultRule {
    connection: Option<u64>,
    after: u64,
    from: From,
    times: Option<u64>,
    fault: Fault,
}

impl FaultRule {
    /// Does this to every connection, before the first byte of its replies.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            connection: None,
            after: 0,
            from: From::Start,
            times: None,
            fault,
        }
    }

    /// Only to this connection, counted from 1 as they are accepted, refused ones too.
    #[must_use]
    pub fn on_connection(mut self, number: u64) -> Self {
        self.connection = Some(number);
        self
    }

    /// After so many bytes of the connection's replies.
    #[must_use]
    pub fn after_bytes(mut self, bytes: u64) -> Self {
        self.after = bytes;
        self
    }

    /// Counts the bytes from the moment the rule is scripted, on connections that are open then.
    #[must_use]
    pub fn from_now(mut self) -> Self {
        self.from = From::Now;
        self
    }

    /// To so many connections at most.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

#[derive(Debug)]
struct Scripted {
    rule: FaultRule,
    /// What connections had passed when the rule was scripted, where it counts from then.
    base: BTreeMap<u64, u64>,
    fired_on: BTreeSet<u64>,
}

impl Scripted {
    /// The byte of this connection's replies at which the rule fires; none when it does not concern it any more.
    fn at(&self, connection: u64) -> Option<u64> {
        let spent = self
            .rule
            .times
            .is_some_and(|times| self.fired_on.len() as u64 >= times);
        let concerned = self
            .rule
            .connection
            .is_none_or(|wanted| wanted == connection);
        if spent || !concerned || self.fired_on.contains(&connection) {
            return None;
        }
        Some(self.base.get(&connection).copied().unwrap_or(0) + self.rule.after)
    }
}

/// What is to be done with the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So many bytes pass before the next rule has a say.
    Pass(usize),
    /// This, now.
    Do(Fault),
}

/// The rules of one proxy, and how far each open connection is.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    rules: Vec<Scripted>,
    passed: BTreeMap<u64, u64>,
}

impl FaultBook {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        assert!(
            self.rules.len() < MAX_RULES,
            "a proxy takes {MAX_RULES} rules at once"
        );
        let base = if rule.from == From::Now {
            self.passed.clone()
        } else {
            BTreeMap::new()
        };
        self.rules.push(Scripted {
            rule,
            base,
            fired_on: BTreeSet::new(),
        });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn open(&mut self, connection: u64) {
        self.passed.insert(connection, 0);
    }

    pub(crate) fn close(&mut self, connection: u64) {
        self.passed.remove(&connection);
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.passed.len()
    }

    /// Counts bytes of replies that the server has sent, whether they went on or were left out.
    pub(crate) fn passed(&mut self, connection: u64, bytes: usize) {
        *self.passed.entry(connection).or_default() += bytes as u64;
    }

    /// What to do with `waiting` bytes of replies, one at least. A rule that is due is marked as fired.
    pub(crate) fn next(&mut self, connection: u64, waiting: usize) -> Verdict {
        let at = self.passed.get(&connection).copied().unwrap_or(0);
        let mut free = waiting;
        for scripted in &mut self.rules {
            let Some(due) = scripted.at(connection) else {
                continue;
            };
            if due <= at {
                scripted.fired_on.insert(connection);
                return Verdict::Do(scripted.rule.fault);
            }
            free = usize::try_from(due - at).unwrap_or(usize::MAX).min(free);
        }
        Verdict::Pass(free)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultBook, FaultRule, Verdict};

    #[test]
    fn bytes_before_a_fault_pass_and_each_rule_fires_once_a_connection() {
        let mut book = FaultBook::default();
        book.open(1);
        book.add(FaultRule::new(Fault::Cut).after_bytes(10));
        assert_eq!(book.next(1, 100), Verdict::Pass(10));
        book.passed(1, 10);
        assert_eq!(book.next(1, 90), Verdict::Do(Fault::Cut));
        assert_eq!(book.next(1, 90), Verdict::Pass(90));
        assert_eq!(book.next(2, 5), Verdict::Pass(5));
    }

    #[test]
    fn from_now_counts_on_and_times_bounds_connections() {
        let mut book = FaultBook::default();
        book.open(1);
        book.passed(1, 7);
        book.add(
            FaultRule::new(Fault::Stall)
                .after_bytes(3)
                .from_now()
                .times(1),
        );
        assert_eq!(book.next(1, 9), Verdict::Pass(3));
        book.passed(1, 3);
        assert_eq!(book.next(1, 6), Verdict::Do(Fault::Stall));
        book.open(2);
        book.passed(2, 3);
        assert_eq!(book.next(2, 6), Verdict::Pass(6), "the one time is spent");
    }
}
