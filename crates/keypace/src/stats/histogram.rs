//! How many keys are of which age: classes of fixed bounds, so that any number of keys takes the same room. Pure.

use std::time::Duration;

use crate::limits;
use crate::report::Named;

/// One more than the bounds: what is beyond the last is a class too.
const CLASSES: usize = limits::STATS_AGES_S.len() + 1;

/// Keys by age: each class holds what is above the bound before it, and up to its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ages([u64; CLASSES]);

impl Ages {
    /// A key of this age.
    pub(super) fn add(&mut self, age: Duration) {
        let class = limits::STATS_AGES_S.partition_point(|bound| Duration::from_secs(*bound) < age);
        self.0[class] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// The classes that hold any, by their upper bounds in seconds.
    pub(super) fn named(&self) -> Named {
        let bounds = limits::STATS_AGES_S.iter().map(u64::to_string);
        let names = bounds.chain(["inf".to_owned()]);
        Named(names.zip(self.0).filter(|(_, keys)| *keys > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Ages;
    use std::time::Duration;

    #[test]
    fn a_class_holds_what_is_up_to_its_bound() {
        let mut ages = Ages::default();
        for millis in [0, 59_999, 60_000, 60_001, 600_000, 86_400_001] {
            ages.add(Duration::from_millis(millis));
        }
        ages.add(Duration::MAX);
        let counts = [("60", 3), ("600", 2), ("604800", 1), ("inf", 1)];
        let named = ages.named();
        let shown: Vec<_> = named.0.iter().map(|(n, c)| (n.as_str(), *c)).collect();
        assert_eq!(shown, counts);
        let mut twice = ages;
        twice.merge(&ages);
        assert_eq!(twice.named().get("60"), 6);
    }
}
