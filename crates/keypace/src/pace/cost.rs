//! What a unit of a command (a key, or one of COUNT) costs on the server, learned from the commands themselves.
//! Knows one kind of command; reads no clock.

use super::order::QueryKind;
use crate::limits;

/// Mean and mean deviation, smoothed as TCP does with round trips (RFC 6298): what is allowed for is the mean and a
/// few deviations, so that an uneven cost is met with smaller commands.
#[derive(Debug, Clone, Default)]
pub(super) struct Cost {
    mean_us: f64,
    deviation_us: f64,
    /// The least that a unit has cost lately. What a command took beyond that may be waiting behind somebody else,
    /// which asking for fewer keys does not shorten.
    least_us: f64,
    /// Units of the last command: the next has at most twice as many.
    last: u32,
}

impl Cost {
    /// A command of so many units took so long on the server, which was within the budget or not.
    pub(super) fn observe(&mut self, units: u32, cost_us: f64, is_over: bool) {
        let units = units.max(1);
        let seen = (cost_us / f64::from(units)).max(limits::PACE_LEAST_UNIT_US);
        if self.last == 0 {
            self.mean_us = seen;
            self.deviation_us = seen / 2.0;
            self.least_us = seen;
        } else {
            // One command that met a stall says little about the next; several in a row are believed.
            let believed = seen.min(limits::PACE_OUTLIER_FACTOR * self.allowed_us());
            let error = believed - self.mean_us;
            self.deviation_us += (error.abs() - self.deviation_us) * limits::PACE_DEVIATION_GAIN;
            self.mean_us += error * limits::PACE_MEAN_GAIN;
            // Past the budget nothing is put down to waiting any more.
            let least = if is_over { seen } else { self.least_us };
            self.least_us = (least * limits::PACE_LEAST_COST_GROWTH).min(seen);
        }
        self.last = units;
    }

    /// How many units of this kind fit into a window, at most twice as many as the last command had.
    pub(super) fn units(&self, kind: QueryKind, window_us: f64) -> u32 {
        if self.last == 0 {
            return kind.first_units();
        }
        // Of two that wait for each other none is left with nothing: half of the window is what everybody may use.
        let fit = (window_us / self.allowed_us()).max(window_us / 2.0 / self.least_us);
        (fit.min(f64::from(limits::COUNT_MAX)) as u32)
            .min(self.last.saturating_mul(2))
            .clamp(kind.least_units(), limits::COUNT_MAX)
    }

    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        self.last != 0
    }

    /// What a command of so many units was to be expected to take.
    pub(super) fn meant_us(&self, units: u32) -> f64 {
        self.mean_us * f64::from(units)
    }

    /// Forgets the size of the last command: the next one begins small again.
    pub(super) fn begin_small(&mut self) {
        if self.last != 0 {
            self.last = limits::COUNT_RATE_MIN;
        }
    }

    fn allowed_us(&self) -> f64 {
        self.mean_us + limits::PACE_DEVIATIONS * self.deviation_us
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, QueryKind};
    use crate::limits;

    const BUDGET_US: f64 = 1000.0;

    fn observe(cost: &mut Cost, units: u32, us: f64) {
        cost.observe(units, us, us > BUDGET_US);
    }

    #[test]
    fn grows_by_doubling_to_what_fits() {
        let mut cost = Cost::default();
        let mut sizes = vec![cost.units(QueryKind::Scan, 800.0)];
        for _ in 0..60 {
            let units = *sizes.last().expect("one");
            observe(&mut cost, units, 15.0 + f64::from(units));
            sizes.push(cost.units(QueryKind::Scan, 800.0));
        }
        assert_eq!(sizes[0], limits::COUNT_FIRST);
        assert!(
            sizes.windows(2).all(|pair| pair[1] <= 2 * pair[0]),
            "{sizes:?}"
        );
        assert!(
            (650..=800).contains(sizes.last().expect("one")),
            "{sizes:?}"
        );
    }

    #[test]
    fn one_stall_passes_and_a_real_change_is_followed() {
        let mut cost = Cost::default();
        for _ in 0..50 {
            observe(&mut cost, 500, 500.0);
        }
        let before = cost.units(QueryKind::Scan, 500.0);
        observe(&mut cost, 500, 50_000.0);
        let stalled = cost.units(QueryKind::Scan, 500.0);
        assert!(stalled * 10 > before, "{before} {stalled}");
        for _ in 0..60 {
            observe(&mut cost, 500, 500.0);
        }
        assert!(cost.units(QueryKind::Scan, 500.0) * 10 > before * 9);
        let mut over = 0;
        while cost.units(QueryKind::Scan, 500.0) > 10 {
            let units = cost.units(QueryKind::Scan, 500.0);
            observe(&mut cost, units, 50.0 * f64::from(units));
            over += 1;
        }
        assert!(
            over < 15,
            "{over} commands until a price that grew fiftyfold was believed"
        );
    }

    #[test]
    fn waiting_is_not_taken_for_the_price_of_keys() {
        let mut cost = Cost::default();
        for units in [100, 200, 400, 700, 700, 700] {
            observe(&mut cost, units, 15.0 + f64::from(units));
        }
        for _ in 0..100 {
            let units = cost.units(QueryKind::Scan, 800.0);
            observe(&mut cost, units, 550.0 + f64::from(units));
        }
        let units = cost.units(QueryKind::Scan, 800.0);
        assert!(
            (100..=500).contains(&units),
            "about half of the window, not the least: {units}"
        );
    }

    #[test]
    fn keys_can_go_one_by_one_and_count_has_a_least() {
        let mut cost = Cost::default();
        assert_eq!(cost.units(QueryKind::Unlink, 200.0), limits::BATCH_FIRST);
        for _ in 0..30 {
            observe(&mut cost, 1, 5_000.0);
        }
        assert_eq!(cost.units(QueryKind::Unlink, 200.0), 1);
        assert_eq!(cost.units(QueryKind::Scan, 200.0), limits::COUNT_RATE_MIN);
    }

    #[test]
    fn stays_in_bounds_whatever_it_is_told() {
        let mut cost = Cost::default();
        for (units, us) in [
            (0, 0.0),
            (1, 0.0),
            (u32::MAX, 1e18),
            (10, 1e18),
            (10_000, 0.0),
        ] {
            observe(&mut cost, units, us);
            let next = cost.units(QueryKind::Scan, 1e18);
            assert!(
                (limits::COUNT_RATE_MIN..=limits::COUNT_MAX).contains(&next),
                "{next}"
            );
        }
    }
}
