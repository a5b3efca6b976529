//! Each key once, and sorted: what has to be held in memory for it.

use std::collections::HashSet;

use super::options::Order;
use crate::key::{Facts, Key};

/// A key that is held back.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) key: Key,
    /// The pattern it matched first.
    pub(crate) pattern: u8,
    /// What was learnt of it, where anything was asked.
    pub(crate) facts: Option<Box<Facts>>,
}

/// What is held for the order asked for. Keys are copied out of reply buffers, which would stay whole otherwise.
#[derive(Debug)]
pub(crate) enum Held {
    /// Nothing: keys go out as they come.
    Nothing,
    /// The keys that have gone out.
    Seen(HashSet<Box<[u8]>>),
    /// The keys that will go out when the walk has ended.
    All(Vec<Found>),
}

impl Held {
    pub(crate) fn new(order: Order) -> Self {
        match order {
            Order::AsFound => Self::Nothing,
            Order::Exact => Self::Seen(HashSet::new()),
            Order::Sorted => Self::All(Vec::new()),
        }
    }

    /// Whether this key goes out now.
    pub(crate) fn admit(&mut self, key: &Key, pattern: u8, facts: Option<&Facts>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Seen(seen) => {
                !seen.contains(key.as_bytes()) && seen.insert(key.as_bytes().into())
            }
            Self::All(keys) => {
                keys.push(Found {
                    key: key.detach(),
                    pattern,
                    facts: facts.cloned().map(Box::new),
                });
                false
            }
        }
    }

    /// Another process answers: what was held back is found again.
    pub(crate) fn restart(&mut self) {
        if let Self::All(keys) = self {
            keys.clear();
        }
    }

    /// What has gone out counts no longer.
    pub(crate) fn forget(&mut self) {
        if let Self::Seen(seen) = self {
            seen.clear();
        }
    }

    /// Everything held back, sorted bytewise, each key once.
    pub(crate) fn into_sorted(self) -> Vec<Found> {
        match self {
            Self::Nothing | Self::Seen(_) => Vec::new(),
            Self::All(mut keys) => {
                keys.sort_unstable_by(|a, b| a.key.as_bytes().cmp(b.key.as_bytes()));
                keys.dedup_by(|a, b| a.key == b.key);
                keys
            }
        }
    }
}
