//! Back-pressure: what the server says of itself, and when that is a reason to hold back. Pure.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::report::PauseReason;

/// What a server says of itself (INFO), as far as it says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Vitals {
    /// How far the slowest connected replica is behind, in bytes of the replication stream; absent without replicas.
    pub(crate) replica_lag_bytes: Option<u64>,
    /// Memory of the buffers for replicas.
    pub(crate) replica_buffer_bytes: Option<u64>,
    /// Values whose memory is still to be freed.
    pub(crate) lazyfree_pending: Option<u64>,
    /// Memory in use.
    pub(crate) used_memory_bytes: Option<u64>,
    /// Its ceiling; absent where there is none.
    pub(crate) max_memory_bytes: Option<u64>,
    /// Share of keys, in percent, that have expired and are still there.
    pub(crate) expired_stale_percent: Option<u64>,
    /// A BGSAVE or a rewrite of the append-only file is under way.
    pub(crate) is_saving: bool,
    /// The dataset is being loaded.
    pub(crate) is_loading: bool,
}

/// From where on work holds back. What was passed is left again at half of it, so that a pause is not one of
/// many small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Thresholds {
    /// How far a replica may be behind; work pauses well before.
    pub replica_lag_bytes: u64,
    /// Memory that the buffers for replicas may take.
    pub replica_buffer_bytes: u64,
    /// Values that may wait to be freed.
    pub lazyfree_pending: u64,
    /// Share of `maxmemory` in percent.
    pub memory_percent: u64,
    /// How many percent of all keys may become stale while the work goes on.
    pub stale_percent_growth: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            replica_lag_bytes: limits::REPLICA_LAG_MAX_BYTES,
            replica_buffer_bytes: limits::REPLICA_BUFFER_MAX_BYTES,
            lazyfree_pending: limits::LAZYFREE_PENDING_MAX,
            memory_percent: limits::MEMORY_MAX_PERCENT,
            stale_percent_growth: limits::STALE_GROWTH_MAX_PERCENT,
        }
    }
}

impl Thresholds {
    /// How far a replica may be behind; work pauses well before.
    #[must_use]
    pub fn with_replica_lag_bytes(mut self, bytes: u64) -> Self {
        self.replica_lag_bytes = bytes;
        self
    }

    /// Memory that the buffers for replicas may take.
    #[must_use]
    pub fn with_replica_buffer_bytes(mut self, bytes: u64) -> Self {
        self.replica_buffer_bytes = bytes;
        self
    }

    /// Values that may wait to be freed.
    #[must_use]
    pub fn with_lazyfree_pending(mut self, values: u64) -> Self {
        self.lazyfree_pending = values;
        self
    }

    /// Share of `maxmemory` in percent.
    #[must_use]
    pub fn with_memory_percent(mut self, percent: u64) -> Self {
        self.memory_percent = percent;
        self
    }

    /// How many percent of all keys may become stale while the work goes on.
    #[must_use]
    pub fn with_stale_percent_growth(mut self, percent: u64) -> Self {
        self.stale_percent_growth = percent;
        self
    }

    /// The stricter of each.
    pub(super) fn stricter(self, other: Self) -> Self {
        Self {
            replica_lag_bytes: self.replica_lag_bytes.min(other.replica_lag_bytes),
            replica_buffer_bytes: self.replica_buffer_bytes.min(other.replica_buffer_bytes),
            lazyfree_pending: self.lazyfree_pending.min(other.lazyfree_pending),
            memory_percent: self.memory_percent.min(other.memory_percent),
            stale_percent_growth: self.stale_percent_growth.min(other.stale_percent_growth),
        }
    }
}

/// What was said first and last, and what follows.
#[derive(Debug, Clone, Default)]
pub(super) struct Pressure {
    first: Option<Vitals>,
    last: Option<Vitals>,
    reason: Option<PauseReason>,
    since_us: u64,
    /// A backlog that did not fall while we waited.
    usual_pending: u64,
    /// How often in a row it could not be asked.
    untold: u32,
}

impl Pressure {
    /// The server has spoken.
    pub(super) fn observe(
        &mut self,
        at_us: u64,
        vitals: Vitals,
        thresholds: &Thresholds,
        frees_memory: bool,
    ) {
        self.untold = 0;
        let before = self.reason;
        self.judge(vitals, thresholds, frees_memory);
        if self.reason != before {
            self.since_us = at_us;
        } else if at_us.saturating_sub(self.since_us) >= limits::PRESSURE_PATIENCE_US
            && matches!(
                self.reason,
                Some(PauseReason::Memory | PauseReason::Lazyfree)
            )
        {
            self.first = Some(vitals);
            self.reason = None;
            self.usual_pending = vitals.lazyfree_pending.unwrap_or(0).saturating_mul(2);
            self.judge(vitals, thresholds, frees_memory);
        }
    }

    /// It could not be asked. What it said before holds for a while.
    pub(super) fn untold(&mut self) {
        self.untold = self.untold.saturating_add(1);
        if self.untold >= limits::UNTOLD_MAX {
            self.reason = None;
        }
    }

    fn judge(&mut self, vitals: Vitals, thresholds: &Thresholds, frees_memory: bool) {
        let first = *self.first.get_or_insert(vitals);
        self.last = Some(vitals);
        let thresholds = &self.tolerant(thresholds);
        let worries = worries(&first, &vitals, thresholds, frees_memory);
        // Held back already: until the worry is half of what it may be.
        self.reason = worries
            .iter()
            .find(|(reason, share)| {
                let bound = if self.reason == Some(*reason) {
                    0.5
                } else {
                    1.0
                };
                *share >= bound
            })
            .map(|(reason, _)| *reason);
    }

    fn tolerant(&self, thresholds: &Thresholds) -> Thresholds {
        Thresholds {
            lazyfree_pending: thresholds.lazyfree_pending.max(self.usual_pending),
            ..*thresholds
        }
    }

    /// Why nothing may be sent at the moment, if so.
    pub(super) fn reason(&self) -> Option<PauseReason> {
        self.reason
    }

    /// A save is under way: memory is copied with each page that changes.
    pub(super) fn is_saving(&self) -> bool {
        self.last.is_some_and(|vitals| vitals.is_saving)
    }

    /// Whether the server is to be asked more often: something is on its way to being a reason.
    pub(super) fn is_near(&self, thresholds: &Thresholds, frees_memory: bool) -> bool {
        let (Some(first), Some(last)) = (&self.first, &self.last) else {
            return false;
        };
        let worries = worries(first, last, &self.tolerant(thresholds), frees_memory);
        let has_replicas = last.replica_lag_bytes.is_some();
        self.reason.is_some() || has_replicas || worries.iter().any(|(_, share)| *share >= 0.25)
    }
}

/// Each worry as a share of what it may be; from 1 on it is a reason to pause.
fn worries(
    first: &Vitals,
    last: &Vitals,
    thresholds: &Thresholds,
    frees_memory: bool,
) -> [(PauseReason, f64); 6] {
    let share = |value: Option<u64>, most: u64| value.unwrap_or(0) as f64 / most.max(1) as f64;
    let stale = last
        .expired_stale_percent
        .map(|percent| percent.saturating_sub(first.expired_stale_percent.unwrap_or(percent)));
    [
        (PauseReason::Server, f64::from(u8::from(last.is_loading))),
        (
            PauseReason::Replica,
            // What is sent until the next answer comes on top.
            share(last.replica_lag_bytes, thresholds.replica_lag_bytes)
                / limits::REPLICA_LAG_PAUSE_SHARE,
        ),
        (
            PauseReason::Replica,
            share(last.replica_buffer_bytes, thresholds.replica_buffer_bytes),
        ),
        (
            PauseReason::Lazyfree,
            share(last.lazyfree_pending, thresholds.lazyfree_pending),
        ),
        (
            PauseReason::Memory,
            if frees_memory {
                0.0
            } else {
                memory(first, last, thresholds)
            },
        ),
        (
            PauseReason::Memory,
            share(stale, thresholds.stale_percent_growth),
        ),
    ]
}

/// Memory near its ceiling that has grown since the work began. Where it was as full before, waiting mends nothing.
fn memory(first: &Vitals, last: &Vitals, thresholds: &Thresholds) -> f64 {
    let (Some(used), Some(most)) = (last.used_memory_bytes, last.max_memory_bytes) else {
        return 0.0;
    };
    let grown = used.saturating_sub(first.used_memory_bytes.unwrap_or(used));
    let has_grown = grown.saturating_mul(100) >= most.saturating_mul(limits::MEMORY_GROWTH_PERCENT);
    let is_high = used as f64 * 100.0 >= most as f64 * thresholds.memory_percent as f64;
    f64::from(u8::from(has_grown && is_high))
}

#[cfg(test)]
mod tests {
    use super::{Pressure, Thresholds, Vitals};
    use crate::limits;
    use crate::report::PauseReason;

    fn told(vitals: &[Vitals], frees_memory: bool) -> Option<PauseReason> {
        let mut pressure = Pressure::default();
        for (second, vitals) in vitals.iter().enumerate() {
            let at_us = second as u64 * limits::PACE_INSPECT_US;
            pressure.observe(at_us, *vitals, &Thresholds::default(), frees_memory);
        }
        pressure.reason()
    }

    #[test]
    fn p24_a_replica_behind_is_a_reason_before_it_is_too_late() {
        let lag = |bytes| Vitals {
            replica_lag_bytes: Some(bytes),
            ..Vitals::default()
        };
        let most = limits::REPLICA_LAG_MAX_BYTES;
        assert_eq!(told(&[lag(most / 3)], false), None);
        assert_eq!(
            told(&[lag(most * 9 / 10)], false),
            Some(PauseReason::Replica)
        );
        assert_eq!(
            told(&[lag(most * 9 / 10), lag(most * 6 / 10)], false),
            Some(PauseReason::Replica)
        );
        assert_eq!(told(&[lag(most * 9 / 10), lag(most / 5)], false), None);
        let buffer = Vitals {
            replica_buffer_bytes: Some(limits::REPLICA_BUFFER_MAX_BYTES),
            ..Vitals::default()
        };
        assert_eq!(told(&[buffer], false), Some(PauseReason::Replica));
    }

    #[test]
    fn p25_a_backlog_of_freeing_is_a_reason() {
        let pending = |n| Vitals {
            lazyfree_pending: Some(n),
            ..Vitals::default()
        };
        assert_eq!(
            told(&[pending(limits::LAZYFREE_PENDING_MAX)], true),
            Some(PauseReason::Lazyfree)
        );
        assert_eq!(
            told(&[pending(limits::LAZYFREE_PENDING_MAX - 1)], true),
            None
        );
    }

    #[test]
    fn p11_memory_that_grows_while_we_walk_is_a_reason_and_a_full_server_is_not() {
        let used = |bytes| Vitals {
            used_memory_bytes: Some(bytes),
            max_memory_bytes: Some(1000),
            ..Vitals::default()
        };
        assert_eq!(
            told(&[used(990), used(995)], false),
            None,
            "as full as it was"
        );
        assert_eq!(
            told(&[used(900), used(970)], false),
            Some(PauseReason::Memory)
        );
        assert_eq!(
            told(&[used(900), used(970)], true),
            None,
            "a delete is the cure"
        );
        let stale = |percent| Vitals {
            expired_stale_percent: Some(percent),
            ..Vitals::default()
        };
        assert_eq!(told(&[stale(40), stale(45)], true), None);
        assert_eq!(
            told(&[stale(5), stale(45)], true),
            Some(PauseReason::Memory)
        );
    }

    #[test]
    fn a_server_that_says_nothing_holds_nobody_up() {
        assert_eq!(told(&[Vitals::default(), Vitals::default()], false), None);
        let loading = Vitals {
            is_loading: true,
            ..Vitals::default()
        };
        assert_eq!(told(&[loading], true), Some(PauseReason::Server));
        assert_eq!(told(&[loading, Vitals::default()], true), None);
    }

    #[test]
    fn what_does_not_fall_while_we_wait_is_not_ours() {
        let seconds = limits::PRESSURE_PATIENCE_US / limits::PACE_INSPECT_US;
        let full = Vitals {
            used_memory_bytes: Some(970),
            max_memory_bytes: Some(1000),
            ..Vitals::default()
        };
        let empty = Vitals {
            used_memory_bytes: Some(900),
            ..full
        };
        let backlog = Vitals {
            lazyfree_pending: Some(5 * limits::LAZYFREE_PENDING_MAX),
            ..Vitals::default()
        };
        let lag = Vitals {
            replica_lag_bytes: Some(2 * limits::REPLICA_LAG_MAX_BYTES),
            ..Vitals::default()
        };
        let after = |before: Vitals, then: Vitals, seconds: u64| {
            let all: Vec<Vitals> = std::iter::once(before)
                .chain((0..seconds).map(|_| then))
                .collect();
            told(&all, false)
        };
        assert_eq!(after(empty, full, seconds), Some(PauseReason::Memory));
        assert_eq!(after(empty, full, seconds + 2), None);
        assert_eq!(after(empty, backlog, seconds), Some(PauseReason::Lazyfree));
        assert_eq!(after(empty, backlog, seconds + 2), None);
        let for_ever = after(empty, lag, 100 * seconds);
        assert_eq!(
            for_ever,
            Some(PauseReason::Replica),
            "a replica is always waited for"
        );
    }

    #[test]
    fn a_reason_that_nobody_can_ask_about_is_forgotten() {
        let mut pressure = Pressure::default();
        let loading = Vitals {
            is_loading: true,
            ..Vitals::default()
        };
        pressure.observe(0, loading, &Thresholds::default(), false);
        for _ in 1..limits::UNTOLD_MAX {
            pressure.untold();
        }
        assert_eq!(pressure.reason(), Some(PauseReason::Server));
        pressure.untold();
        assert_eq!(pressure.reason(), None);
    }
}
