//! What the shards of one sweep share: the options, the stop, and the bounds that hold for all of them together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::left_alone::LeftAlone;
use super::options::SweepOptions;
use super::rate;
use super::stop::StopHandle;
use crate::backup::Vault;
use crate::scan::{Found, Held, Order, Page, Strategy};

/// What the shards of one sweep share.
pub(super) struct Shared {
    pub(super) options: SweepOptions,
    pub(super) max_delete: Option<u64>,
    /// A limit, or a ceiling on deletes, counts the keys that pass.
    pub(super) has_ceiling: bool,
    /// Each node has its slots.
    pub(super) in_cluster: bool,
    /// Where the keys are saved before they are deleted.
    pub(super) vault: Option<Vault>,
    pub(super) stop: StopHandle,
    pub(super) started: Instant,
    /// Keys handed to the work, settled or not, in this run and those that it goes on from.
    handed: AtomicU64,
    /// Keys of a limit that are left, where several shards share one.
    limit_left: Option<AtomicU64>,
    /// Nothing was left of it at some time: the sweep ends, even where keys are given back to it.
    was_limited: AtomicBool,
    /// What exact and sorted output of several shards need to know of each other's keys.
    held: Option<Mutex<Held>>,
    rate_due: Mutex<Duration>,
    /// Where a delete is verified: the keys that it left alone.
    pub(super) left_alone: Arc<LeftAlone>,
    /// What is found now was found before: names of a list that are gone have their outcome.
    is_again: AtomicBool,
}

impl Shared {
    pub(super) fn new(options: SweepOptions, max_delete: Option<u64>, handed: u64) -> Self {
        Self {
            has_ceiling: max_delete.is_some() || options.scan.limit.is_some(),
            in_cluster: false,
            options,
            max_delete,
            vault: None,
            stop: StopHandle::default(),
            started: Instant::now(),
            handed: AtomicU64::new(handed),
            limit_left: None,
            was_limited: AtomicBool::new(false),
            held: None,
            rate_due: Mutex::new(Duration::ZERO),
            left_alone: Arc::default(),
            is_again: AtomicBool::new(false),
        }
    }

    /// Shards that begin from now on walk what others have walked, in an earlier run or pass.
    pub(super) fn walk_again(&self) {
        self.is_again.store(true, Ordering::Release);
    }

    pub(super) fn is_again(&self) -> bool {
        self.is_again.load(Ordering::Acquire)
    }

    /// The limit is for keys that were looked at: the walk, which knows names only, has none.
    pub(super) fn limit_after_look(mut self) -> Self {
        let handed = self.handed.load(Ordering::Relaxed);
        let limit = self.options.scan.limit.take();
        self.limit_left = limit.map(|limit| AtomicU64::new(limit.saturating_sub(handed)));
        self
    }

    /// For several shards: limit and order hold for all of them together, and no walk has its own.
    pub(super) fn for_many(self) -> Self {
        let mut shared = self.limit_after_look();
        shared.in_cluster = true;
        let scan = &shared.options.scan;
        let order = if scan.strategy == Strategy::Scan {
            scan.order
        } else {
            // KEYS gives what it finds sorted and once, as it always did.
            Order::Sorted
        };
        shared.held = (order != Order::AsFound).then(|| Mutex::new(Held::new(order)));
        shared
    }

    /// Takes the keys out of a page that have gone out, or that go out at the end.
    pub(super) fn hold(&self, page: &mut Page) {
        if let Some(held) = &self.held {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            page.retain(|key, pattern, facts| held.admit(key, pattern, facts));
        }
    }

    /// All keys that were held back for the end, sorted, up to the limit; nothing where none are.
    pub(super) fn take_held(&self) -> Vec<Found> {
        let Some(held) = &self.held else {
            return Vec::new();
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted = std::mem::replace(&mut *held, Held::Nothing).into_sorted();
        sorted.truncate(self.within_limit(sorted.len()));
        sorted
    }

    /// How many of so many keys are within the shared limit; they are taken from it.
    pub(super) fn within_limit(&self, keys: usize) -> usize {
        let Some(left) = &self.limit_left else {
            return keys;
        };
        let mut granted = 0;
        let _ = left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
            granted = left.min(keys as u64);
            Some(left - granted)
        });
        usize::try_from(granted).unwrap_or(keys)
    }

    /// Whether the shared limit was reached.
    pub(super) fn is_limit_reached(&self) -> bool {
        let left = self.limit_left.as_ref();
        if left.is_some_and(|left| left.load(Ordering::Acquire) == 0) {
            self.was_limited.store(true, Ordering::Release);
        }
        self.was_limited.load(Ordering::Acquire)
    }

    /// How many of so many keys may be handed on before more than `max_delete` are; they count as handed.
    pub(super) fn hand(&self, keys: usize) -> usize {
        let mut granted = keys as u64;
        let _ = self
            .handed
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |handed| {
                let room = self.max_delete.unwrap_or(u64::MAX).saturating_sub(handed);
                granted = room.min(keys as u64);
                Some(handed + granted)
            });
        usize::try_from(granted).unwrap_or(keys)
    }

    /// Keys that an earlier shard or run was handed are asked for again.
    pub(super) fn hand_again(&self, keys: u64) {
        self.handed.fetch_add(keys, Ordering::AcqRel);
        if let Some(left) = &self.limit_left {
            let _ = left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                Some(left.saturating_sub(keys))
            });
        }
    }

    /// Keys that were handed on are found again.
    pub(super) fn take_back(&self, keys: u64) {
        let _ = self
            .handed
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |handed| {
                Some(handed.saturating_sub(keys))
            });
        if let Some(left) = &self.limit_left {
            left.fetch_add(keys, Ordering::AcqRel);
        }
    }

    /// How long to wait for the caller's own ceiling now that so many keys more have gone.
    pub(super) fn rate_pause(&self, keys: u64) -> Duration {
        let Some(keys_per_s) = self.options.rate else {
            return Duration::ZERO;
        };
        let now = self.started.elapsed();
        let mut due = self.rate_due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = rate::next_due(*due, now, keys, keys_per_s);
        due.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;
    use crate::key::Pattern;
    use crate::scan::ScanOptions;
    use crate::sweep::SweepOptions;

    fn options(limit: u64) -> SweepOptions {
        let pattern = Pattern::new("a:*").expect("valid");
        SweepOptions::new(
            ScanOptions::new(vec![pattern])
                .expect("valid")
                .with_limit(limit),
        )
    }

    #[test]
    fn a_shared_limit_is_never_passed() {
        let shared = Shared::new(options(10), None, 0).for_many();
        assert_eq!(shared.options.scan.limit, None);
        assert_eq!((shared.within_limit(7), shared.within_limit(7)), (7, 3));
        assert!(shared.is_limit_reached() && shared.within_limit(1) == 0);
        shared.take_back(4);
        assert_eq!(shared.within_limit(9), 4);
    }

    #[test]
    fn no_more_keys_are_handed_on_than_may_be_deleted() {
        let shared = Shared::new(options(1), Some(10), 4);
        assert_eq!((shared.hand(4), shared.hand(4), shared.hand(1)), (4, 2, 0));
        shared.take_back(3);
        assert_eq!(shared.hand(9), 3);
    }
}
