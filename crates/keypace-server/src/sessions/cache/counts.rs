//! What a cache did, counted. Counts only go up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happened between this process and its cache since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Reads that the cache answered.
    pub hits: u64,
    /// Reads that it could not answer, or not with anything that is believed.
    pub misses: u64,
    /// Reads that did not ask it, because it had just failed or was asked too much already.
    pub skipped: u64,
    /// Calls that it failed, or did not answer in time.
    pub failures: u64,
    /// How often it began to fail, after it had answered.
    pub outages: u64,
    /// Sessions that a read has put into it.
    pub repairs: u64,
    /// Writes that it confirmed.
    pub writes: u64,
    /// Writes that it did not confirm; each began another epoch.
    pub unconfirmed: u64,
    /// Answers that were given out of it alone, labelled stale.
    pub stale: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    skipped: AtomicU64,
    failures: AtomicU64,
    outages: AtomicU64,
    repairs: AtomicU64,
    writes: AtomicU64,
    unconfirmed: AtomicU64,
    stale: AtomicU64,
    is_out: AtomicBool,
}

impl Counts {
    pub(super) fn snapshot(&self) -> CacheCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheCounts {
            hits: get(&self.hits),
            misses: get(&self.misses),
            skipped: get(&self.skipped),
            failures: get(&self.failures),
            outages: get(&self.outages),
            repairs: get(&self.repairs),
            writes: get(&self.writes),
            unconfirmed: get(&self.unconfirmed),
            stale: get(&self.stale),
        }
    }

    pub(super) fn read(&self, is_hit: bool) {
        add(if is_hit { &self.hits } else { &self.misses });
    }

    pub(super) fn wrote(&self, is_confirmed: bool) {
        add(if is_confirmed {
            &self.writes
        } else {
            &self.unconfirmed
        });
    }

    pub(super) fn skipped(&self) {
        add(&self.skipped);
    }

    pub(super) fn repaired(&self) {
        add(&self.repairs);
    }

    pub(super) fn stale(&self) {
        add(&self.stale);
    }

    pub(super) fn answered(&self) {
        self.is_out.store(false, Ordering::Relaxed);
    }

    /// A call failed, and the next one may pass.
    pub(super) fn refused(&self) {
        add(&self.failures);
    }

    /// Whether an outage begins with this.
    pub(super) fn failed(&self) -> bool {
        add(&self.failures);
        let begins = !self.is_out.swap(true, Ordering::Relaxed);
        if begins {
            add(&self.outages);
        }
        begins
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
