//! What the canary waited: the shortest round trip, the delay of the last second beyond it, and whether somebody
//! else keeps the server busy. Reads no clock: times come in.

use std::collections::VecDeque;

use crate::limits;

/// The canary's answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Delay {
    /// The shortest round trip of each of the last minutes, as LEDBAT keeps its base delay (RFC 6817): an idle
    /// machine answers slower than a warm one, and a route may change.
    bases: VecDeque<(u64, u64)>,
    recent: VecDeque<(u64, u64)>,
    /// The same while nothing of ours was on its way.
    recent_quiet: VecDeque<(u64, u64)>,
    /// What follows from those two. It changes with the canary, and is asked for with each command.
    tail_wait_us: Option<u64>,
    quiet_tail_wait_us: Option<u64>,
    quiet_usual_us: Option<u64>,
    /// Waits in a row, with nothing of ours on its way, that were long.
    busy: u32,
    /// The same, short.
    calm: u32,
}

impl Delay {
    /// Something was answered as fast as this without work.
    pub(super) fn round_trip(&mut self, at_us: u64, took_us: u64) {
        let minute = at_us / limits::PACE_BASE_BUCKET_US;
        match self.bases.back_mut() {
            Some((last, base)) if *last == minute => *base = (*base).min(took_us),
            _ => self.bases.push_back((minute, took_us)),
        }
        let oldest = minute.saturating_sub(limits::PACE_BASE_BUCKETS);
        while self.bases.front().is_some_and(|(at, _)| *at < oldest) {
            self.bases.pop_front();
        }
    }

    /// The canary was answered. `patience_us` is the delay from which on it counts as having met somebody else.
    pub(super) fn canary(&mut self, at_us: u64, wait_us: u64, quiet: bool, patience_us: f64) {
        self.round_trip(at_us, wait_us);
        if quiet {
            if self.beyond_base(wait_us) > patience_us {
                self.busy = self.busy.saturating_add(1);
                self.calm = 0;
            } else {
                self.calm = self.calm.saturating_add(1);
                self.busy = 0;
            }
            let least = limits::PACE_QUIET_MIN_SAMPLES;
            keep(&mut self.recent_quiet, at_us, wait_us);
            self.quiet_tail_wait_us = quantile(&self.recent_quiet, least, (9, 10));
            self.quiet_usual_us = quantile(&self.recent_quiet, least, (1, 2));
        } else {
            keep(&mut self.recent, at_us, wait_us);
            self.tail_wait_us = quantile(&self.recent, limits::PACE_DELAY_MIN_SAMPLES, (9, 10));
        }
    }

    /// The shortest round trip of the last minutes.
    pub(super) fn base_us(&self) -> Option<u64> {
        self.bases.iter().map(|(_, base)| *base).min()
    }

    /// The 90th percentile of the last second beyond the shortest round trip; unknown with too few answers. (Their
    /// 99th percentile is noise: it was 131 to 5229 us on one idle machine.)
    pub(super) fn tail_us(&self) -> Option<u64> {
        self.tail_wait_us.map(|wait_us| self.delay_of(wait_us))
    }

    /// The same while nothing of ours was on its way: somebody else's doing, or the machine's.
    pub(super) fn quiet_tail_us(&self) -> Option<u64> {
        self.quiet_tail_wait_us
            .map(|wait_us| self.delay_of(wait_us))
    }

    /// What of the delay is ours: that of the last second without what was there while nothing of ours was on its way.
    pub(super) fn ours_us(&self) -> Option<u64> {
        let quiet_us = self.quiet_tail_us().unwrap_or(0);
        self.tail_us()
            .map(|delay_us| delay_us.saturating_sub(quiet_us))
    }

    /// What a command took beyond what an answer takes at the moment without work. That is the shortest round trip,
    /// and on a busy machine somewhat more; at least half of what lies beyond the shortest is put down to the command.
    pub(super) fn cost_us(&self, took_us: u64, budget_us: f64) -> f64 {
        let base = self.base_us().unwrap_or(0);
        let uneven = self.quiet_usual_us.unwrap_or(base).saturating_sub(base);
        let beyond = self.beyond_base(took_us);
        // Of a small budget, too, only a small part is nobody's.
        let most = (limits::PACE_UNEVENNESS_US as f64)
            .min(budget_us * limits::PACE_UNEVENNESS_BUDGET_SHARE)
            .max(base as f64 * limits::PACE_UNEVENNESS_SHARE);
        let uneven = (uneven as f64).min(most);
        (beyond - uneven).max(beyond / 2.0)
    }

    /// The server answered late although nothing of ours was on its way, again and again.
    pub(super) fn others_are_the_load(&self) -> bool {
        self.busy >= limits::PACE_BUSY_PINGS
    }

    /// Nobody knows any more: the canary has no connection, or the work is another one.
    pub(super) fn forget_doubt(&mut self) {
        self.busy = 0;
        self.calm = 0;
    }

    /// It may be so: one such answer is not enough.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.busy > 0 && !self.others_are_the_load()
    }

    /// The server answers at once again.
    pub(super) fn is_calm(&self) -> bool {
        self.calm >= limits::PACE_CALM_PINGS
    }

    /// What was seen while others were the load is no measure of ours.
    pub(super) fn forget_recent(&mut self) {
        self.recent.clear();
        self.recent_quiet.clear();
        self.tail_wait_us = None;
        self.quiet_tail_wait_us = None;
        self.quiet_usual_us = None;
    }

    /// A wait beyond the shortest round trip.
    pub(super) fn beyond_base(&self, wait_us: u64) -> f64 {
        self.delay_of(wait_us) as f64
    }

    fn delay_of(&self, wait_us: u64) -> u64 {
        wait_us.saturating_sub(self.base_us().unwrap_or(0))
    }
}

/// Adds to the answers of the last second.
fn keep(recent: &mut VecDeque<(u64, u64)>, at_us: u64, wait_us: u64) {
    recent.push_back((at_us, wait_us));
    let oldest = at_us.saturating_sub(limits::PACE_DELAY_WINDOW_US);
    while recent.front().is_some_and(|(at, _)| *at < oldest)
        || recent.len() > limits::PACE_DELAY_SAMPLES
    {
        recent.pop_front();
    }
}

/// The wait below which this share lies; `None` with fewer than `least` answers.
fn quantile(recent: &VecDeque<(u64, u64)>, least: usize, share: (usize, usize)) -> Option<u64> {
    if recent.len() < least.max(1) {
        return None;
    }
    let mut waits: Vec<u64> = recent.iter().map(|(_, wait)| *wait).collect();
    let place = (waits.len() * share.0 / share.1).min(waits.len() - 1);
    let (_, wait, _) = waits.select_nth_unstable(place);
    Some(*wait)
}

#[cfg(test)]
mod tests {
    use super::Delay;
    use crate::limits;

    #[test]
    fn the_base_is_the_shortest_and_old_ones_are_forgotten() {
        let mut delay = Delay::default();
        assert_eq!(delay.base_us(), None);
        delay.round_trip(0, 124);
        delay.round_trip(10, 63);
        delay.round_trip(20, 90);
        assert_eq!(delay.base_us(), Some(63));
        let later = (limits::PACE_BASE_BUCKETS + 2) * limits::PACE_BASE_BUCKET_US;
        delay.round_trip(later, 200);
        assert_eq!(delay.base_us(), Some(200));
        assert!(delay.bases.len() as u64 <= limits::PACE_BASE_BUCKETS + 1);
    }

    #[test]
    fn the_delay_is_of_the_last_second() {
        let mut delay = Delay::default();
        for n in 0..limits::PACE_DELAY_MIN_SAMPLES as u64 {
            assert_eq!(delay.tail_us(), None);
            delay.canary(n * 10_000, 1_060, false, 250.0);
        }
        delay.round_trip(1, 60);
        assert_eq!(delay.tail_us(), Some(1_000));
        for n in 0..100 {
            delay.canary(5_000_000 + n * 10_000, 70, false, 250.0);
        }
        assert_eq!(delay.tail_us(), Some(10));
        assert!(delay.recent.len() <= limits::PACE_DELAY_SAMPLES);
    }

    #[test]
    fn one_late_answer_is_a_doubt_and_several_are_somebody_else() {
        let mut delay = Delay::default();
        delay.round_trip(0, 60);
        for n in 1..=limits::PACE_BUSY_PINGS {
            assert!(!delay.others_are_the_load());
            delay.canary(u64::from(n), 900, true, 250.0);
            assert_eq!(delay.is_in_doubt(), n < limits::PACE_BUSY_PINGS);
        }
        assert!(delay.others_are_the_load());
        delay.canary(100, 70, true, 250.0);
        assert!(!delay.others_are_the_load() && !delay.is_calm());
        for n in 1..limits::PACE_CALM_PINGS {
            delay.canary(100 + u64::from(n), 70, true, 250.0);
        }
        assert!(delay.is_calm());
    }
}
