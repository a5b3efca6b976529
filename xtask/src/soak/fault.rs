//! What befalls the cluster next, drawn from a seed. Must not touch the cluster, nor know the clock.

use std::fmt;
use std::time::Duration;

use super::draw::Draw;

/// The families of the cluster: a primary and its replica each, whichever of the two serves.
pub(super) const FAMILIES: u64 = 3;
/// More nodes without a replica than this would hold most of the keys.
const MAX_ADDED: usize = 2;

/// The cases of `next`.
const DECK: [u64; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];

/// One fault. Families are numbered from 0; who serves in one is asked when the fault is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Some of one family's slots go to another, keys and all.
    MoveSlots {
        from: u64,
        to: u64,
        share_percent: u64,
    },
    /// A slot is left half-moved for a while.
    HalfMove {
        from: u64,
        to: u64,
        open_for: Duration,
    },
    /// The replica takes over by order.
    FailOver { family: u64 },
    /// The primary is killed, its replica elected, and the killed one comes back after a while.
    KillPrimary { family: u64, away_for: Duration },
    /// The replica is killed and comes back.
    KillReplica { family: u64, away_for: Duration },
    /// The primary stops answering, and wakes before anybody replaces it.
    FreezeShort { family: u64, frozen_for: Duration },
    /// The primary stops answering until it is replaced, and wakes believing that it still serves.
    FreezeLong { family: u64 },
    /// Connections to the primary are reset, again and again.
    Cut { family: u64, times: u64 },
    /// Replies of the primary take longer for a while, and slow connections are reset then.
    Delay {
        family: u64,
        by: Duration,
        held_for: Duration,
    },
    /// Connections to the primary bring nothing more, and nobody says so.
    HalfOpen { family: u64, held_for: Duration },
    /// A node joins and takes slots from all others.
    AddNode { slots: u64 },
    /// The node that joined last gives its slots to this family and leaves.
    RemoveNode { to: u64 },
}

impl Fault {
    /// As the table has it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::MoveSlots { .. } => "slots moved",
            Self::HalfMove { .. } => "slot half-moved",
            Self::FailOver { .. } => "failover by order",
            Self::KillPrimary { .. } => "primary killed",
            Self::KillReplica { .. } => "replica killed",
            Self::FreezeShort { .. } => "primary frozen, short",
            Self::FreezeLong { .. } => "primary frozen, replaced",
            Self::Cut { .. } => "connections cut",
            Self::Delay { .. } => "replies delayed",
            Self::HalfOpen { .. } => "connections half-open",
            Self::AddNode { .. } => "node added",
            Self::RemoveNode { .. } => "node removed",
        }
    }

    /// Whether a server may have acknowledged a delete that was lost or done twice: the primary was replaced
    /// without its own doing.
    pub(super) fn replaces_by_force(&self) -> bool {
        match self {
            Self::KillPrimary { .. } | Self::FreezeLong { .. } => true,
            Self::MoveSlots { .. }
            | Self::HalfMove { .. }
            | Self::FailOver { .. }
            | Self::KillReplica { .. }
            | Self::FreezeShort { .. }
            | Self::Cut { .. }
            | Self::Delay { .. }
            | Self::HalfOpen { .. }
            | Self::AddNode { .. }
            | Self::RemoveNode { .. } => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::MoveSlots {
                from,
                to,
                share_percent,
            } => {
                write!(
                    formatter,
                    ": {share_percent} % of family {from}'s to family {to}"
                )
            }
            Self::HalfMove { from, to, open_for } => {
                write!(formatter, ": from family {from} to {to}, for {open_for:?}")
            }
            Self::FailOver { family } | Self::FreezeLong { family } => {
                write!(formatter, ": family {family}")
            }
            Self::KillPrimary { family, away_for } | Self::KillReplica { family, away_for } => {
                write!(formatter, ": family {family}, away for {away_for:?}")
            }
            Self::FreezeShort { family, frozen_for } => {
                write!(formatter, ": family {family}, for {frozen_for:?}")
            }
            Self::Cut { family, times } => write!(formatter, ": family {family}, {times} times"),
            Self::Delay {
                family,
                by,
                held_for,
            } => {
                write!(formatter, ": family {family}, by {by:?}, for {held_for:?}")
            }
            Self::HalfOpen { family, held_for } => {
                write!(formatter, ": family {family}, for {held_for:?}")
            }
            Self::AddNode { slots } => write!(formatter, ": takes {slots} slots"),
            Self::RemoveNode { to } => write!(formatter, ": its slots go to family {to}"),
        }
    }
}

/// The faults of a run, one after the other.
#[derive(Debug)]
pub(super) struct Plan {
    draw: Draw,
    added: usize,
    /// What comes before all of them come again, as numbers of `next`.
    deck: Vec<u64>,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            draw: Draw::new(seed, "faults"),
            added: 0,
            deck: Vec::new(),
        }
    }

    /// How long nothing happens before the next fault.
    pub(super) fn calm(&mut self) -> Duration {
        self.draw.pause_ms(300..=2500)
    }

    /// The next fault. Moves and failovers come more often: they are the everyday ones. Each comes before all have come twice,
    /// so that a short soak has them all.
    pub(super) fn next(&mut self) -> Fault {
        let draw = &mut self.draw;
        let family = draw.among(0..=FAMILIES - 1);
        let other = (family + draw.among(1..=FAMILIES - 1)) % FAMILIES;
        let (from, to) = (family, other);
        // Both are drawn each time, so that a fault takes the same from the stream whatever it is.
        let (while_ms, share) = (draw.pause_ms(200..=1200), draw.among(1..=10));
        if self.deck.is_empty() {
            self.deck = draw.shuffled(&DECK);
        }
        match self.deck.pop().unwrap_or_default() {
            0..=2 => Fault::MoveSlots {
                from,
                to,
                share_percent: share,
            },
            3 => Fault::HalfMove {
                from,
                to,
                open_for: while_ms,
            },
            4 | 5 => Fault::FailOver { family },
            6 => Fault::KillPrimary {
                family,
                away_for: while_ms,
            },
            7 => Fault::KillReplica {
                family,
                away_for: while_ms,
            },
            8 => Fault::FreezeShort {
                family,
                frozen_for: while_ms,
            },
            9 => Fault::FreezeLong { family },
            10 => Fault::Cut {
                family,
                times: share,
            },
            11 => Fault::Delay {
                family,
                by: Duration::from_millis(share * 5),
                held_for: while_ms,
            },
            12 => Fault::HalfOpen {
                family,
                held_for: while_ms,
            },
            _ if self.added < MAX_ADDED && share > 4 || self.added == 0 => {
                self.added += 1;
                Fault::AddNode { slots: share * 100 }
            }
            _ => {
                self.added -= 1;
                Fault::RemoveNode { to }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DECK, FAMILIES, Fault, MAX_ADDED, Plan};
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_a_course_of_faults() {
        let course = |seed| {
            let mut plan = Plan::new(seed);
            [0; 50].map(|_| plan.next().to_string())
        };
        assert_eq!(course(1), course(1));
        assert_ne!(course(1), course(2));
    }

    #[test]
    fn every_fault_comes_and_none_is_impossible() {
        for seed in 0..50 {
            let mut plan = Plan::new(seed);
            let mut names = BTreeSet::new();
            let mut added = 0;
            for _ in 0..DECK.len() * 2 {
                let fault = plan.next();
                names.insert(fault.name());
                match fault {
                    Fault::AddNode { slots } => {
                        assert!(slots > 0);
                        added += 1;
                    }
                    Fault::RemoveNode { .. } => added -= 1,
                    Fault::MoveSlots { from, to, .. } | Fault::HalfMove { from, to, .. } => {
                        assert!(from != to && from < FAMILIES && to < FAMILIES);
                    }
                    Fault::FailOver { .. }
                    | Fault::KillPrimary { .. }
                    | Fault::KillReplica { .. }
                    | Fault::FreezeShort { .. }
                    | Fault::FreezeLong { .. }
                    | Fault::Cut { .. }
                    | Fault::Delay { .. }
                    | Fault::HalfOpen { .. } => {}
                }
                assert!((0..=MAX_ADDED as i32).contains(&added), "seed {seed}");
            }
            assert_eq!(names.len(), 12, "seed {seed}: {names:?}");
        }
    }
}
