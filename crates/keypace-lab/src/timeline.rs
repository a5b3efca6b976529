//! When a probe waited how long: a bounded picture of a run. Pure; holds no clock.

use crate::limits;

/// The longest wait in each stretch of time, as a client that asks all the time would have had it: while a reply is
/// out, whoever asks later waits for what is left of it.
///
/// It holds at most `limits::MAX_TIMELINE_BUCKETS` stretches. When a run outgrows them, neighbours are merged and all
/// stretches become twice as long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    width_us: u64,
    longest_us: Vec<u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width_us: limits::FIRST_TIMELINE_BUCKET_US,
            longest_us: Vec::new(),
        }
    }
}

impl Timeline {
    /// How long one stretch is.
    #[must_use]
    pub fn width_us(&self) -> u64 {
        self.width_us
    }

    /// The longest wait of each stretch, from the start on; 0 where nobody asked.
    #[must_use]
    pub fn longest_us(&self) -> &[u64] {
        &self.longest_us
    }

    /// Adds a question that was sent so long after the start and answered so much later.
    pub(crate) fn record(&mut self, sent_us: u64, wait_us: u64) {
        let answered_us = sent_us.saturating_add(wait_us.max(1));
        while self.bucket(answered_us) >= limits::MAX_TIMELINE_BUCKETS {
            self.merge();
        }
        // An answer at the very edge belongs to the stretch before: nobody asked in the next.
        let last = self.bucket(answered_us - 1);
        if self.longest_us.len() <= last {
            self.longest_us.resize(last + 1, 0);
        }
        for bucket in self.bucket(sent_us)..=last {
            let asked_us = sent_us.max(bucket as u64 * self.width_us);
            let longest = &mut self.longest_us[bucket];
            *longest = (*longest).max(answered_us - asked_us);
        }
    }

    fn bucket(&self, at_us: u64) -> usize {
        usize::try_from(at_us / self.width_us).unwrap_or(usize::MAX)
    }

    fn merge(&mut self) {
        self.width_us = self.width_us.saturating_mul(2);
        self.longest_us = self
            .longest_us
            .chunks(2)
            .map(|pair| pair.iter().copied().max().unwrap_or(0))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::Timeline;
    use crate::limits;

    #[test]
    fn a_stall_is_felt_by_whoever_asks_while_it_lasts() {
        let mut timeline = Timeline::default();
        let width = timeline.width_us();
        timeline.record(0, 30);
        timeline.record(100, 3 * width);
        timeline.record(6 * width, 20);
        assert_eq!(
            timeline.longest_us(),
            [3 * width, 2 * width + 100, width + 100, 100, 0, 0, 20]
        );
    }

    #[test]
    fn an_answer_at_an_edge_leaves_no_empty_stretch() {
        let mut timeline = Timeline::default();
        timeline.record(0, timeline.width_us());
        assert_eq!(timeline.longest_us(), [timeline.width_us()]);
    }

    #[test]
    fn a_long_run_stays_bounded_and_keeps_its_longest_wait() {
        let mut timeline = Timeline::default();
        timeline.record(0, 7_777);
        for turn in 0..100_000 {
            timeline.record(turn * 1_000, 50);
        }
        assert!(timeline.longest_us().len() <= limits::MAX_TIMELINE_BUCKETS);
        assert_eq!(timeline.longest_us()[0], 7_777);
        let covered = timeline.width_us() * timeline.longest_us().len() as u64;
        assert!((99_999_000..200_000_000).contains(&covered), "{covered}");
    }

    #[test]
    fn one_endless_wait_is_merged_into_the_bound() {
        let mut timeline = Timeline::default();
        timeline.record(5, limits::MAX_WAIT_US);
        assert!(timeline.longest_us().len() <= limits::MAX_TIMELINE_BUCKETS);
        assert_eq!(timeline.longest_us()[0], limits::MAX_WAIT_US);
    }
}
