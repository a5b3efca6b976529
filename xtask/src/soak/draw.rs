//! Chances from a seed: the same seed, the same choices.
//! Must not ask the clock or the system for anything.

use std::ops::RangeInclusive;
use std::time::Duration;

use keypace_lab::seed::SplitMix64;

/// One stream of choices. Threads have one each, so that none depends on another's turn.
#[derive(Debug)]
pub(super) struct Draw(SplitMix64);

impl Draw {
    /// The stream of this name.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mixed = name.bytes().fold(seed, |mixed, byte| {
            SplitMix64::new(mixed ^ u64::from(byte)).next()
        });
        Self(SplitMix64::new(mixed))
    }

    /// One of these numbers.
    pub(super) fn among(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = range.end() - range.start() + 1;
        range.start() + self.0.next() % width
    }

    /// One of these; there must be one.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let at = self.among(0..=choices.len() as u64 - 1);
        choices[at as usize]
    }

    /// All of these, in some order.
    pub(super) fn shuffled<T: Copy>(&mut self, choices: &[T]) -> Vec<T> {
        let mut order = choices.to_vec();
        for last in (1..order.len()).rev() {
            let other = self.among(0..=last as u64);
            order.swap(last, other as usize);
        }
        order
    }

    /// A time within these bounds, in milliseconds.
    pub(super) fn pause_ms(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.among(range))
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn a_stream_is_its_seed_and_its_name() {
        let first = |seed, name| {
            let mut draw = Draw::new(seed, name);
            [0; 8].map(|_| draw.among(0..=1_000_000))
        };
        assert_eq!(first(7, "faults"), first(7, "faults"));
        assert_ne!(first(7, "faults"), first(8, "faults"));
        assert_ne!(first(7, "faults"), first(7, "runs"));
    }

    #[test]
    fn a_shuffle_has_each_once() {
        let mut draw = Draw::new(1, "deck");
        let (first, second) = (
            draw.shuffled(&[1, 2, 3, 4, 5]),
            draw.shuffled(&[1, 2, 3, 4, 5]),
        );
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, [1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn both_ends_are_reached() {
        let mut draw = Draw::new(1, "ends");
        let drawn: Vec<u64> = (0..200).map(|_| draw.among(3..=5)).collect();
        assert!((3..=5).all(|number| drawn.contains(&number)));
        assert!(drawn.iter().all(|number| (3..=5).contains(number)));
    }
}
