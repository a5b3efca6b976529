//! The window: how long one command of ours may take on the server. It doubles up to half the budget, climbs
//! additively from there, and falls multiplicatively. Reads no clock: times come in.

use crate::limits;

/// How long one command may take, in microseconds, within one budget.
#[derive(Debug, Clone)]
pub(super) struct Window {
    budget_us: f64,
    allowed_us: f64,
    is_starting: bool,
    /// One bit a command, the last one lowest: set where it took longer than the budget.
    over: u64,
    climbed_at_us: u64,
    fell_at_us: u64,
    started_at_us: u64,
}

impl Window {
    /// Small, and about to double.
    pub(super) fn new(budget_us: u64) -> Self {
        let budget_us = budget_us as f64;
        Self {
            budget_us,
            allowed_us: budget_us * limits::PACE_LEAST_SHARE,
            is_starting: true,
            over: 0,
            climbed_at_us: 0,
            fell_at_us: 0,
            started_at_us: 0,
        }
    }

    /// Another budget holds from now on.
    pub(super) fn set_budget(&mut self, budget_us: u64) {
        let budget_us = budget_us as f64;
        if (budget_us - self.budget_us).abs() >= 1.0 {
            self.allowed_us *= (budget_us / self.budget_us.max(1.0)).min(1.0);
            self.budget_us = budget_us;
            self.keep_in_bounds();
        }
    }

    pub(super) fn budget_us(&self) -> f64 {
        self.budget_us
    }

    /// What is never given up.
    pub(super) fn least_us(&self) -> f64 {
        self.budget_us * limits::PACE_LEAST_SHARE
    }

    pub(super) fn allowed_us(&self) -> f64 {
        self.allowed_us
    }

    pub(super) fn is_starting(&self) -> bool {
        self.is_starting
    }

    /// Whether a command and what it stood behind took longer than the budget, and it is to blame for it: a small
    /// command that takes long has met a stall of the machine or another's command, and a smaller one would have met it
    /// as well.
    pub(super) fn is_over(&self, waited_us: f64, meant_us: f64) -> bool {
        waited_us > self.budget_us && meant_us >= self.budget_us * limits::PACE_BLAME_SHARE
    }

    /// A command of ours was answered that was meant to take `meant_us`; `delay_us` is what the canary waits on our
    /// account, where that is known.
    pub(super) fn done(
        &mut self,
        at_us: u64,
        waited_us: f64,
        meant_us: f64,
        delay_us: Option<u64>,
    ) {
        self.over = (self.over << 1) | u64::from(self.is_over(waited_us, meant_us));
        if self.over.count_ones() >= limits::PACE_OVER_COMMANDS {
            self.over = 0;
            self.fall(at_us);
        } else if at_us.saturating_sub(self.started_at_us) >= limits::PACE_SLOWDOWN_US {
            self.restart(at_us);
        } else if self.is_starting {
            let half = self.budget_us * limits::PACE_HALF_SHARE;
            self.allowed_us = (self.allowed_us * 2.0).min(half);
            // A command that took half the budget already ends the doubling, whatever it was meant to take.
            self.is_starting = self.allowed_us < half && waited_us < half;
        } else {
            self.climb(at_us, delay_us);
        }
        self.climbed_at_us = at_us;
        self.keep_in_bounds();
    }

    /// The canary has waited so long in the last second, and `quiet_us` of it also while nothing of ours was on its way.
    pub(super) fn delay(&mut self, at_us: u64, delay_us: u64, quiet_us: u64) {
        let is_due = at_us.saturating_sub(self.fell_at_us) >= limits::PACE_DELAY_WINDOW_US;
        let ours = delay_us.saturating_sub(quiet_us) as f64;
        let is_to_blame = ours >= self.budget_us * limits::PACE_BLAME_SHARE;
        if delay_us as f64 > self.budget_us && is_to_blame && is_due {
            self.fall(at_us);
            self.keep_in_bounds();
        }
    }

    /// Begins small again.
    pub(super) fn restart(&mut self, at_us: u64) {
        self.started_at_us = at_us;
        self.allowed_us = self.least_us();
        self.is_starting = true;
        self.over = 0;
    }

    /// By time and not by command, and less the nearer the delay comes to the budget: two that share a server climb
    /// alike, and so come to share it evenly (Chiu and Jain, 1989).
    fn climb(&mut self, at_us: u64, delay_us: Option<u64>) {
        let seconds = at_us.saturating_sub(self.climbed_at_us) as f64 / 1e6;
        let headroom = 1.0 - delay_us.unwrap_or(0) as f64 / self.budget_us;
        let step = (seconds * limits::PACE_CLIMB_SHARE_PER_S).min(limits::PACE_CLIMB_STEP_SHARE);
        self.allowed_us += self.budget_us * step * headroom.clamp(0.0, 1.0);
    }

    fn fall(&mut self, at_us: u64) {
        self.allowed_us *= limits::PACE_FALL_FACTOR;
        self.is_starting = false;
        self.fell_at_us = at_us;
    }

    fn keep_in_bounds(&mut self) {
        let least = self.least_us();
        let most = self.budget_us * limits::PACE_MOST_SHARE;
        self.allowed_us = self.allowed_us.clamp(least, most);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::limits;

    #[test]
    fn doubles_to_half_then_climbs_then_falls() {
        let mut window = Window::new(1000);
        let mut seen = vec![window.allowed_us()];
        let mut at = 0;
        while window.is_starting() {
            at += 500;
            window.done(at, window.allowed_us() * 0.8, window.allowed_us(), None);
            seen.push(window.allowed_us());
        }
        assert_eq!(seen, [62.5, 125.0, 250.0, 500.0]);
        for _ in 0..2000 {
            at += 500;
            window.done(at, 400.0, 500.0, Some(200));
        }
        let most = 1000.0 * limits::PACE_MOST_SHARE;
        assert!((window.allowed_us() - most).abs() < 1.0);
        for _ in 0..limits::PACE_OVER_COMMANDS {
            at += 1500;
            window.done(at, 1500.0, 500.0, None);
        }
        assert!((window.allowed_us() - most * limits::PACE_FALL_FACTOR).abs() < 10.0);
    }

    #[test]
    fn a_canary_that_waits_makes_it_fall_once_a_second() {
        let mut window = Window::new(1000);
        window.done(1, 600.0, 500.0, None);
        let before = window.allowed_us();
        window.delay(2_000_000, 1_001, 0);
        let fallen = window.allowed_us();
        assert!(fallen < before);
        window.delay(2_500_000, 5_000, 0);
        assert!((window.allowed_us() - fallen).abs() < f64::EPSILON);
        window.delay(3_000_000, 999, 0);
        window.delay(3_500_000, 5_000, 4_800);
        assert!((window.allowed_us() - fallen).abs() < f64::EPSILON);
    }

    #[test]
    fn a_full_server_leaves_nothing_to_climb_for() {
        let mut window = Window::new(1000);
        window.done(1, 600.0, 500.0, None);
        let before = window.allowed_us();
        for n in 1..1000 {
            window.done(n * 1000, 400.0, 500.0, Some(1000));
        }
        assert!((window.allowed_us() - before).abs() < f64::EPSILON);
    }

    #[test]
    fn a_smaller_budget_holds_at_once() {
        let mut window = Window::new(1000);
        for n in 1..1000 {
            window.done(n * 1000, 400.0, 500.0, None);
        }
        window.set_budget(100);
        assert!(window.allowed_us() <= 100.0 * limits::PACE_MOST_SHARE);
    }
}
