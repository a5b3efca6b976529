//! What records count of their own work. It is read as a snapshot; nothing is sent anywhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::limits::records as limits;

/// What one handle on records, and its clones, have done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordsMetrics {
    /// Records that were written: put, created, updated, imported.
    pub written: u64,
    /// Records that were deleted or buried.
    pub deleted: u64,
    /// Pages that were listed.
    pub lists: u64,
    /// Pages that took a second look, as members were dead.
    pub lists_refilled: u64,
    /// What a page took in microseconds: the median ...
    pub list_p50_us: u64,
    /// ... what nine of ten were below ...
    pub list_p90_us: u64,
    /// ... and ninety-nine of a hundred ...
    pub list_p99_us: u64,
    /// ... and the longest.
    pub list_max_us: u64,
    /// Whole indexes of an owner that were gone through, for `keys`.
    pub key_walks: u64,
    /// The most records that a list has found an owner to have.
    pub largest_total: u64,
    /// Members that lists found without a record, and dropped. What expires in order is not among them.
    pub pruned: u64,
    /// Values that could not be read as what they should be.
    pub undecodable: u64,
    /// Times that an owner's records had moved, in a rotation of the owner key.
    pub sealed: u64,
}

#[derive(Debug)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) refilled: AtomicU64,
    pub(super) key_walks: AtomicU64,
    pub(super) largest_total: AtomicU64,
    pub(super) pruned: AtomicU64,
    pub(super) undecodable: AtomicU64,
    pub(super) sealed: AtomicU64,
    list_us: Mutex<Option<Histogram<u32>>>,
}

impl Counters {
    pub(super) fn new() -> Self {
        // Bounds that are constants are never refused; without a histogram there would be no percentiles.
        let list_us = Histogram::new_with_max(limits::MAX_LIST_US, limits::LIST_DIGITS).ok();
        let zero = || AtomicU64::new(0);
        Self {
            written: zero(),
            deleted: zero(),
            refilled: zero(),
            key_walks: zero(),
            largest_total: zero(),
            pruned: zero(),
            undecodable: zero(),
            sealed: zero(),
            list_us: Mutex::new(list_us),
        }
    }

    pub(super) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn listed(&self, took: Duration, total: u64) {
        self.largest_total.fetch_max(total, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut list_us = self.list_us.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = list_us.as_mut() {
            histogram.saturating_record(us.clamp(1, limits::MAX_LIST_US));
        }
    }

    pub(super) fn snapshot(&self) -> RecordsMetrics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let list_us = self.list_us.lock().unwrap_or_else(PoisonError::into_inner);
        let below = |share: f64| {
            let histogram = list_us.as_ref();
            histogram.map_or(0, |histogram| histogram.value_at_quantile(share))
        };
        RecordsMetrics {
            written: of(&self.written),
            deleted: of(&self.deleted),
            lists: list_us.as_ref().map_or(0, Histogram::len),
            lists_refilled: of(&self.refilled),
            list_p50_us: below(0.5),
            list_p90_us: below(0.9),
            list_p99_us: below(0.99),
            list_max_us: list_us.as_ref().map_or(0, Histogram::max),
            key_walks: of(&self.key_walks),
            largest_total: of(&self.largest_total),
            pruned: of(&self.pruned),
            undecodable: of(&self.undecodable),
            sealed: of(&self.sealed),
        }
    }
}
