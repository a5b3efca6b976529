//! Each key once, and sorted: what has to be held in memory for it.

use std::collections::HashSet;

use super::options::Order;
use crate::key::Key;

/// What is held for the order asked for. Keys are copied out of reply buffers, which would stay whole otherwise.
#[derive(Debug)]
pub(crate) enum Held {
    /// Nothing: keys go out as they come.
    Nothing,
    /// The keys that have gone out.
    Seen(HashSet<Box<[u8]>>),
    /// The keys that will go out when the walk has ended.
    All(Vec<(Key, u8)>),
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
    pub(crate) fn admit(&mut self, key: &Key, pattern: u8) -> bool {
        match self {
            Self::Nothing => true,
            Self::Seen(seen) => {
                !seen.contains(key.as_bytes()) && seen.insert(key.as_bytes().into())
            }
            Self::All(keys) => {
                keys.push((key.detach(), pattern));
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
    pub(crate) fn into_sorted(self) -> Vec<(Key, u8)> {
        match self {
            Self::Nothing | Self::Seen(_) => Vec::new(),
            Self::All(mut keys) => {
                keys.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
                keys.dedup_by(|a, b| a.0 == b.0);
                keys
            }
        }
    }
}
