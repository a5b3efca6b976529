//! Which keys are measured, and what the measured ones say about the others. Pure.
//!
//! A key is chosen by its name's hash, so that it has the same answer whenever and wherever it is met, and so that the
//! choice knows nothing of its size. The first keys of each prefix and type are measured too: a small
//! prefix is exact so. The
//! keys that were not measured are taken to be as the chosen ones are: the estimator of simple random sampling, with
//! its standard error and its correction for finite populations (Cochran, "Sampling Techniques", chapter 2).

use std::hash::{DefaultHasher, Hasher};

use crate::limits;

/// Whether a key belongs to the share that is measured.
pub(super) fn is_chosen(key: &[u8], share: f64) -> bool {
    if share >= 1.0 {
        return true;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    // 53 bits are what a float tells apart.
    let at = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    at < share
}

/// Sizes that were measured: their number, sum and spread, as Welford (1962) keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sizes {
    pub(super) measured: u64,
    pub(super) sum: u64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    spread: f64,
}

impl Sizes {
    pub(super) fn add(&mut self, size: u64) {
        self.measured += 1;
        self.sum = self.sum.saturating_add(size);
        let from_old = size as f64 - self.mean;
        self.mean += from_old / self.measured as f64;
        self.spread += from_old * (size as f64 - self.mean);
    }

    /// Chan, Golub and LeVeque (1979).
    pub(super) fn merge(&mut self, other: &Self) {
        if other.measured == 0 {
            return;
        }
        let (mine, theirs) = (self.measured as f64, other.measured as f64);
        let apart = other.mean - self.mean;
        self.measured += other.measured;
        self.sum = self.sum.saturating_add(other.sum);
        let all = mine + theirs;
        self.mean += apart * theirs / all;
        self.spread += other.spread + apart * apart * mine * theirs / all;
    }

    /// Of a single size nothing is known about the spread: it may be as large as the size.
    fn variance(&self) -> f64 {
        match self.measured {
            0 => 0.0,
            1 => self.mean * self.mean,
            n => self.spread / (n - 1) as f64,
        }
    }
}

/// What the keys of one prefix take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Measured {
    /// Keys that were measured for being the first ones.
    pub(super) first: Sizes,
    /// Keys that were chosen.
    pub(super) chosen: Sizes,
}

/// Bytes, and the variance of the guess in them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) bytes: f64,
    pub(super) variance: f64,
}

impl Measured {
    pub(super) fn add(&mut self, size: u64, is_chosen: bool) {
        if is_chosen {
            self.chosen.add(size);
        } else {
            self.first.add(size);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.first.merge(&other.first);
        self.chosen.merge(&other.chosen);
    }

    pub(super) fn number(&self) -> u64 {
        self.first.measured + self.chosen.measured
    }

    /// What so many keys take, of which these were measured. Where none was, they are taken to be as `elsewhere`'s are.
    pub(super) fn estimate(&self, keys: u64, elsewhere: &Sizes) -> Estimate {
        let known = self.first.sum.saturating_add(self.chosen.sum) as f64;
        let unknown = keys.saturating_sub(self.number()) as f64;
        // Few chosen ones say less than all together. Of what was put together from many prefixes the first ones are of
        // the small prefixes, so enough chosen ones stand alone.
        let mut speaking = self.chosen;
        if speaking.measured < limits::STATS_FIRST_MEASURED {
            speaking.merge(&self.first);
        }
        if speaking.measured == 0 {
            speaking = *elsewhere;
        }
        if unknown == 0.0 || speaking.measured == 0 {
            return Estimate {
                bytes: known,
                variance: 0.0,
            };
        }
        let heard = speaking.measured as f64;
        Estimate {
            bytes: known + unknown * speaking.mean,
            variance: speaking.variance() * unknown * (unknown + heard) / heard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Sizes, is_chosen};
    use crate::limits;
    use proptest::prelude::{prop, prop_assert, proptest};

    #[test]
    fn about_the_share_is_chosen_and_always_the_same_keys() {
        let names: Vec<String> = (0..100_000).map(|n| format!("session:{n}")).collect();
        let chosen = |share| {
            let of = names.iter();
            of.filter(|name| is_chosen(name.as_bytes(), share)).count()
        };
        assert_eq!(chosen(1.0), names.len());
        // Six standard deviations.
        assert!(chosen(0.1).abs_diff(10_000) < 570, "{}", chosen(0.1));
        assert!(chosen(0.01).abs_diff(1_000) < 190, "{}", chosen(0.01));
        assert_eq!(chosen(0.01), chosen(0.01));
    }

    #[test]
    fn what_was_measured_whole_has_no_error() {
        let mut measured = Measured::default();
        for size in [10, 20, 3_000_000] {
            measured.add(size, false);
        }
        let estimate = measured.estimate(3, &Sizes::default());
        assert!((estimate.bytes - 3_000_030.0).abs() < 0.01 && estimate.variance == 0.0);
        let none = Measured::default();
        assert_eq!(none.estimate(7, &Sizes::default()).bytes as u64, 0);
        assert_eq!(none.estimate(7, &measured.first).bytes as u64, 7_000_070);
    }

    /// Of 400 prefixes with sizes of a wide spread, nearly all are within three standard errors.
    #[test]
    fn the_error_is_what_it_says() {
        let (keys, share) = (4_000_u64, 0.05);
        let mut beyond = [0_u32; 3];
        for prefix in 0..400_u64 {
            let (mut measured, mut truth) = (Measured::default(), 0_u64);
            for n in 0..keys {
                // Sizes over two powers of ten, mixed by a multiplicative hash.
                let mixed = (prefix * keys + n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
                let size = 50 + mixed * mixed / 200;
                truth += size;
                let name = format!("p{prefix}:{n}");
                let is_chosen = is_chosen(name.as_bytes(), share);
                if is_chosen || measured.first.measured < limits::STATS_FIRST_MEASURED {
                    measured.add(size, is_chosen);
                }
            }
            let estimate = measured.estimate(keys, &Sizes::default());
            let off = (estimate.bytes - truth as f64).abs() / estimate.variance.sqrt();
            for (errors, beyond) in beyond.iter_mut().enumerate() {
                *beyond += u32::from(off > (errors + 1) as f64);
            }
        }
        // Of a normal distribution 127, 18 and 1 are expected.
        assert!((90..165).contains(&beyond[0]), "{beyond:?}");
        assert!((6..36).contains(&beyond[1]), "{beyond:?}");
        assert!(beyond[2] < 8, "{beyond:?}");
    }

    proptest! {
        #[test]
        fn parts_add_up(left in prop::collection::vec(0..1_000_000_u64, 0..50), right in prop::collection::vec(0..1_000_000_u64, 0..50)) {
            let of = |sizes: &[u64]| {
                let mut all = Sizes::default();
                sizes.iter().for_each(|size| all.add(*size));
                all
            };
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert!(merged.measured == whole.measured && merged.sum == whole.sum);
            prop_assert!((merged.mean - whole.mean).abs() < 1e-3);
            prop_assert!((merged.spread - whole.spread).abs() <= 1e-6 * whole.spread + 1.0);
        }
    }
}
