//! COUNT without a budget: as large as speed gains by it, and no larger. Climbs by doubling while keys a second grow.
//! Reads no clock: times come in.

use crate::limits;

/// Where the climb stands.
#[derive(Debug, Clone)]
pub(super) struct Climb {
    count: u32,
    /// Keys a second at the last COUNT, once that was measured.
    before: Option<f64>,
    is_settled: bool,
    since_us: Option<u64>,
    last_us: u64,
    /// How long each call at this COUNT took, from answer to answer.
    took_us: Vec<u64>,
}

impl Default for Climb {
    fn default() -> Self {
        Self {
            count: limits::COUNT_FULL_SPEED,
            before: None,
            is_settled: false,
            since_us: None,
            last_us: 0,
            took_us: Vec::new(),
        }
    }
}

impl Climb {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A call was answered.
    pub(super) fn done(&mut self, at_us: u64, count: u32) {
        if self.is_settled || count != self.count {
            // Also one that was on its way at the last COUNT.
            return;
        }
        let last_us = std::mem::replace(&mut self.last_us, at_us);
        let Some(since_us) = self.since_us else {
            // The first call at this COUNT begins the clock.
            self.since_us = Some(at_us);
            return;
        };
        self.took_us.push(at_us.saturating_sub(last_us));
        let is_enough = self.took_us.len() >= limits::CLIMB_CALLS
            && at_us.saturating_sub(since_us) >= limits::CLIMB_STEP_US;
        if !is_enough && self.took_us.len() < limits::CLIMB_MAX_CALLS {
            return;
        }
        // The median: a stall of the machine or of whoever takes the keys is no property of a COUNT.
        let middle = self.took_us.len() / 2;
        let (_, took_us, _) = self.took_us.select_nth_unstable(middle);
        let keys_per_s = f64::from(count) * 1e6 / (*took_us).max(1) as f64;
        match self.before {
            // Not worth it: back to what was nearly as fast, and gentler.
            Some(before) if keys_per_s < before * limits::CLIMB_GAIN => {
                self.settle(self.count / 2);
            }
            _ if self.count >= limits::COUNT_MAX => self.settle(self.count),
            _ => {
                self.before = Some(keys_per_s);
                self.begin(self.count.saturating_mul(2).min(limits::COUNT_MAX));
            }
        }
    }

    fn settle(&mut self, count: u32) {
        self.is_settled = true;
        self.begin(count);
    }

    fn begin(&mut self, count: u32) {
        self.count = count;
        self.since_us = None;
        self.took_us.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Climb;
    use crate::limits;

    /// Where a call costs `fixed_us` and each key `key_us`.
    fn settled(fixed_us: f64, key_us: f64) -> u32 {
        let mut climb = Climb::default();
        let mut at = 0.0;
        for _ in 0..5_000 {
            let count = climb.count();
            at += fixed_us + key_us * f64::from(count);
            climb.done(at as u64, count);
        }
        climb.count()
    }

    #[test]
    fn stays_where_speed_is_best_and_not_at_the_maximum() {
        assert_eq!(
            settled(30.0, 1.0),
            limits::COUNT_FULL_SPEED,
            "nothing to gain"
        );
        let far = settled(2_000.0, 1.0);
        assert!(
            far > 2 * limits::COUNT_FULL_SPEED && far <= limits::COUNT_MAX,
            "{far}"
        );
    }
}
