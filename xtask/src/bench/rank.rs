//! Whether one set of measurements lies above another by more than chance: the rank test of Mann and Whitney ("On a
//! test of whether one of two random variables is stochastically larger than the other", 1947), exact and one-sided.
//! Must not assume how the measurements are spread: those of a shared machine have a long tail.

/// Far more rounds than anybody measures, and the counts below still fit.
const MAX_COMPARED: usize = 60;

/// The probability that values like these come to lie as far above `low` as `high` does, or further, where both are
/// of one kind. 1 where there is nothing to compare.
pub(crate) fn chance(low: &[f64], high: &[f64]) -> f64 {
    let low = &low[..low.len().min(MAX_COMPARED)];
    let high = &high[..high.len().min(MAX_COMPARED)];
    // Equal values count for the lower set: they are no growth.
    let above = |value: &f64| low.iter().filter(|other| value > *other).count();
    let above: usize = high.iter().map(above).sum();
    let orders = orders(low.len(), high.len());
    let as_far: u128 = orders[above..].iter().sum();
    as_far as f64 / orders.iter().sum::<u128>() as f64
}

/// The smallest probability that so many values can show: that of all of one above all of the other.
pub(crate) fn least_chance(low: usize, high: usize) -> f64 {
    let orders = orders(low.min(MAX_COMPARED), high.min(MAX_COMPARED));
    1.0 / orders.iter().sum::<u128>() as f64
}

/// In how many of the possible orders of `low` and `high` values so many pairs have the high one above, by that number.
/// These are the coefficients of the Gaussian binomial, built up one factor `(1 - q^(low+i)) / (1 - q^i)` at a time.
fn orders(low: usize, high: usize) -> Vec<u128> {
    let length = low * high + 1;
    let mut counts = vec![0_i128; length];
    counts[0] = 1;
    for factor in 1..=high {
        for at in (low + factor..length).rev() {
            counts[at] -= counts[at - low - factor];
        }
        for at in factor..length {
            counts[at] += counts[at - factor];
        }
    }
    counts.into_iter().map(i128::unsigned_abs).collect()
}

#[cfg(test)]
mod tests {
    use super::MAX_COMPARED;
    use super::chance;
    use super::least_chance;
    use super::orders;

    #[test]
    fn orders_are_counted() {
        // Two and two: 6 orders, by hand.
        assert_eq!(orders(2, 2), [1, 1, 2, 1, 1]);
        assert_eq!(orders(5, 15).iter().sum::<u128>(), 15_504);
        let most = orders(MAX_COMPARED, MAX_COMPARED);
        // 120 over 60: nothing overflowed on the way.
        assert_eq!(
            most.iter().sum::<u128>(),
            96_614_908_840_363_322_603_893_139_521_372_656
        );
    }

    #[test]
    fn chances_are_those_of_the_published_tables() {
        // Five and five, one-sided: U = 21 has 4.8 % and U = 20 has 7.5 %.
        let low = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!((chance(&low, &[2.5, 4.5, 6.0, 7.0, 8.0]) - 12.0 / 252.0).abs() < 1e-9);
        assert!((chance(&low, &[6.0, 7.0, 8.0, 9.0, 10.0]) - 1.0 / 252.0).abs() < 1e-9);
        assert!((least_chance(5, 5) - 1.0 / 252.0).abs() < 1e-9);
        assert!(chance(&low, &low) > 0.5);
    }

    #[test]
    fn nothing_to_compare_shows_nothing() {
        assert!((chance(&[], &[1.0]) - 1.0).abs() < f64::EPSILON);
        assert!((least_chance(0, 3) - 1.0).abs() < f64::EPSILON);
    }
}
