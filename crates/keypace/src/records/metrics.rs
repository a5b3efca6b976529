//! What records count of their own work, and what a look at the whole namespace has said of it. It is read as a snapshot;
//! nothing is sent anywhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::limits::records as limits;
use crate::report::{DriftCounts, VerifyReport};

/// What one handle on records, and its clones, have done so far: all that an exporter needs. Each number only grows, but for
/// the percentiles, `largest_total` and [`verified`](Self::verified).
///
/// | to export | from |
/// |---|---|
/// | drift by kind | `verified`, once [`Shelf::note_verified`](super::Shelf::note_verified) was told of a verify |
/// | pruned members | `pruned` |
/// | list latency, as a histogram | [`list_buckets`](Self::list_buckets), `list_sum_us`, `lists` |
/// | index size | `verified` for the namespace, [`Shelf::index_size`](super::Shelf::index_size) for one owner |
/// | scans by scope | `lists` (a page of an owner), `key_walks` (all of an owner), `verifies` (the whole namespace) |
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
    /// What the last one took.
    pub list_last_us: u64,
    /// What all of them took together.
    pub list_sum_us: u64,
    /// How many took no longer than each bound of `limits::records::LIST_BUCKETS_US`.
    buckets: [u64; limits::LIST_BUCKETS_US.len()],
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
    /// Looks at the whole namespace that this handle was told of.
    pub verifies: u64,
    /// What the last one said.
    pub verified: Option<LastVerify>,
}

impl RecordsMetrics {
    /// Upper bounds, and how many lists took no longer: what a histogram of Prometheus is made of. The times are within one
    /// percent. Lists above the last bound are in `lists` alone.
    pub fn list_buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let bounds = limits::LIST_BUCKETS_US.map(Duration::from_micros);
        bounds.into_iter().zip(self.buckets)
    }
}

/// What the last look at the whole namespace said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastVerify {
    /// Every key was looked at; else the numbers are of a part.
    pub complete: bool,
    /// Contradictions by kind; what was mended is among them.
    pub drift: DriftCounts,
    /// How many of them were mended.
    pub repaired: u64,
    /// Records of the namespace; those of slots that moved meanwhile may count again.
    pub records: u64,
    /// Members of its indexes, one that is in both counting once: the size of the index.
    pub members: u64,
    /// How long ago this handle was told.
    pub age: Duration,
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
    list_last_us: AtomicU64,
    list_sum_us: AtomicU64,
    list_us: Mutex<Option<Histogram<u32>>>,
    verifies: AtomicU64,
    verified: Mutex<Option<(Instant, LastVerify)>>,
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
            list_last_us: zero(),
            list_sum_us: zero(),
            list_us: Mutex::new(list_us),
            verifies: zero(),
            verified: Mutex::new(None),
        }
    }

    pub(super) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn listed(&self, took: Duration, total: u64) {
        self.largest_total.fetch_max(total, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.list_last_us.store(us, Ordering::Relaxed);
        Self::add(&self.list_sum_us, us);
        let mut list_us = self.list_us.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = list_us.as_mut() {
            histogram.saturating_record(us.clamp(1, limits::MAX_LIST_US));
        }
    }

    pub(super) fn verified(&self, report: &VerifyReport) {
        Self::add(&self.verifies, 1);
        let verified = LastVerify {
            complete: report.complete,
            drift: report.drift,
            repaired: report.repaired,
            records: report.records,
            members: report.members,
            age: Duration::ZERO,
        };
        let mut last = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), verified));
    }

    pub(super) fn snapshot(&self) -> RecordsMetrics {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = verified.as_ref().map(|(told, verified)| LastVerify {
            age: told.elapsed(),
            ..verified.clone()
        });
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
            list_last_us: of(&self.list_last_us),
            list_sum_us: of(&self.list_sum_us),
            buckets: limits::LIST_BUCKETS_US.map(|bound| {
                let histogram = list_us.as_ref();
                histogram.map_or(0, |histogram| histogram.count_between(0, bound))
            }),
            key_walks: of(&self.key_walks),
            largest_total: of(&self.largest_total),
            pruned: of(&self.pruned),
            undecodable: of(&self.undecodable),
            sealed: of(&self.sealed),
            verifies: of(&self.verifies),
            verified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use std::time::Duration;

    #[test]
    fn lists_are_counted_in_buckets_of_an_exporter() {
        let counters = Counters::new();
        for ms in [1, 3, 3, 40, 20_000] {
            counters.listed(Duration::from_millis(ms), ms);
        }
        let metrics = counters.snapshot();
        let of = |ms| {
            let mut buckets = metrics.list_buckets();
            buckets.find(|(bound, _)| *bound == Duration::from_millis(ms))
        };
        for (ms, number) in [(5, 3), (25, 3), (50, 4), (10_000, 4)] {
            assert_eq!(of(ms), Some((Duration::from_millis(ms), number)));
        }
        assert_eq!((metrics.lists, metrics.list_last_us), (5, 20_000_000));
        assert_eq!(metrics.list_sum_us, 20_047_000);
        assert_eq!(metrics.verified, None);
    }
}
