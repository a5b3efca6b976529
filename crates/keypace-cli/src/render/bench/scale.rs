//! Scales of a picture: from figures to places, and where marks stand. Pure numbers; draws nothing.

/// A logarithmic scale in whole decades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LogScale {
    low: i32,
    high: i32,
}

impl LogScale {
    /// The decades around all of these; a single one where there are none.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Self {
        let mut low = i32::MAX;
        let mut high = i32::MIN;
        for value in values.filter(|value| value.is_finite() && *value > 0.0) {
            let log = value.log10();
            low = low.min(log.floor() as i32);
            high = high.max(log.ceil() as i32);
        }
        if low > high {
            return Self { low: 0, high: 1 };
        }
        Self {
            low,
            high: high.max(low + 1),
        }
    }

    /// Where a value stands: 0 at the lowest decade, 1 at the highest, never outside.
    pub(super) fn place(self, value: f64) -> f64 {
        let low = f64::from(self.low);
        let span = f64::from(self.high) - low;
        ((value.max(f64::MIN_POSITIVE).log10() - low) / span).clamp(0.0, 1.0)
    }

    /// The decades.
    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 10_f64.powi(power))
    }
}

/// A linear scale from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LinearScale {
    end: f64,
}

impl LinearScale {
    /// From 0 to `end`, which is held above 0.
    pub(super) fn to(end: f64) -> Self {
        Self {
            end: if end.is_finite() && end > 0.0 {
                end
            } else {
                1.0
            },
        }
    }

    /// The end.
    pub(super) fn end(self) -> f64 {
        self.end
    }

    /// Where a value stands: 0 to 1, never outside.
    pub(super) fn place(self, value: f64) -> f64 {
        (value / self.end).clamp(0.0, 1.0)
    }

    /// Round numbers, about `wanted` of them.
    pub(super) fn ticks(self, wanted: u32) -> Vec<f64> {
        let rough = self.end / f64::from(wanted.max(1));
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power * 10.0);
        // Counted and not summed up, so that the last one is not lost to rounding.
        let count = (self.end / step * 1.000_001).floor() as u32;
        (0..=count).map(|turn| f64::from(turn) * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LinearScale, LogScale};

    #[test]
    fn a_log_scale_spans_whole_decades() {
        let scale = LogScale::around([31.0, 612_000.0].into_iter());
        let ticks: Vec<f64> = scale.ticks().collect();
        assert_eq!(ticks, [10.0, 100.0, 1e3, 1e4, 1e5, 1e6]);
        assert_eq!(scale.place(10.0), 0.0);
        assert_eq!(scale.place(1e6), 1.0);
        assert!((scale.place(1e3) - 0.4).abs() < 1e-9);
        assert_eq!(scale.place(0.0), 0.0);
        assert_eq!(scale.place(1e12), 1.0);
    }

    #[test]
    fn no_value_and_a_single_one_have_a_scale_too() {
        assert_eq!(LogScale::around(std::iter::empty()).ticks().count(), 2);
        assert_eq!(
            LogScale::around([0.0, f64::NAN].into_iter())
                .ticks()
                .count(),
            2
        );
        let scale = LogScale::around(std::iter::once(100.0));
        assert_eq!(scale.ticks().collect::<Vec<_>>(), [100.0, 1000.0]);
        assert_eq!(LinearScale::to(0.0).end(), 1.0);
        assert_eq!(LinearScale::to(f64::NAN).ticks(4).first(), Some(&0.0));
    }

    #[test]
    fn linear_marks_are_round_and_reach_the_end() {
        assert_eq!(LinearScale::to(2.0).ticks(4), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(
            LinearScale::to(0.93).ticks(5),
            [0.0, 0.2, 0.4, 0.6000000000000001, 0.8]
        );
        assert_eq!(LinearScale::to(37.0).ticks(4), [0.0, 10.0, 20.0, 30.0]);
        for end in [0.001, 0.7, 3.3, 59.0, 1234.5] {
            let ticks = LinearScale::to(end).ticks(5);
            assert!((2..=11).contains(&ticks.len()), "{end}: {ticks:?}");
            assert!(ticks.iter().all(|tick| *tick <= end * 1.001), "{ticks:?}");
        }
    }
}
