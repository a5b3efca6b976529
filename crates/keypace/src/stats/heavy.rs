//! A table of bounded size that keeps the names met most often, with what is known of each. Pure.
//!
//! It is the frequent-items summary of Misra and Gries (1982) in the form that is purged by halves (Anderson et al.,
//! "A High-Performance Algorithm for Identifying Frequent Items in Data Streams", 2017): a full table lets go of every
//! name that was not met more often than the median, and a name that comes back begins anew. What was let go of is
//! handed out, so that no key is lost from the sums. Each purge takes the rise of the floor from half of the table at
//! least, and what is taken away was met once: so the floor is at most two keys in `most` of those met, and a name that
//! was met more often than that is in the table.

use std::collections::HashMap;

/// What is kept of one name.
#[derive(Debug, Clone)]
struct Kept<T> {
    /// It was met so often at most before it came into the table.
    missed: u64,
    /// And so often since.
    met: u64,
    value: T,
}

impl<T> Kept<T> {
    fn weight(&self) -> u64 {
        self.missed + self.met
    }
}

/// The names met most often.
#[derive(Debug, Clone)]
pub(super) struct Heavy<T> {
    names: HashMap<Box<[u8]>, Kept<T>>,
    most: usize,
    /// No name outside the table was met more often.
    floor: u64,
}

impl<T: Default + Clone> Heavy<T> {
    /// Of so many names at most.
    pub(super) fn new(most: usize) -> Self {
        Self {
            names: HashMap::new(),
            most: most.max(1),
            floor: 0,
        }
    }

    /// A name is met: what is kept of it. Others that are let go of for it are handed to `gone`.
    pub(super) fn meet(&mut self, name: &[u8], gone: impl FnMut(&T)) -> &mut T {
        if !self.names.contains_key(name) && self.names.len() >= self.most {
            // Half of them at least, so that it is rarely done.
            self.purge(self.most / 2, gone);
        }
        // A long-lived name is looked up twice and copied never.
        if !self.names.contains_key(name) {
            let kept = Kept {
                missed: self.floor,
                met: 0,
                value: T::default(),
            };
            self.names.insert(name.into(), kept);
        }
        match self.names.get_mut(name) {
            Some(kept) => {
                kept.met += 1;
                &mut kept.value
            }
            None => unreachable!("it was put there above"),
        }
    }

    /// What is kept of a name, if it is in the table.
    pub(super) fn get(&self, name: &[u8]) -> Option<&T> {
        self.names.get(name).map(|kept| &kept.value)
    }

    /// Whether every name that was ever met is in the table, with all that was met of it.
    pub(super) fn is_exact(&self) -> bool {
        self.floor == 0
    }

    /// So often at most a name was met before it came into the table, or outside it.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Takes in what another has met. `join` adds what is kept of a name in both.
    pub(super) fn merge(&mut self, other: &Self, join: impl Fn(&mut T, &T), gone: impl FnMut(&T)) {
        for (name, mine) in &mut self.names {
            if !other.names.contains_key(name) {
                mine.missed += other.floor;
            }
        }
        for (name, theirs) in &other.names {
            if let Some(mine) = self.names.get_mut(name) {
                mine.missed += theirs.missed;
                mine.met += theirs.met;
                join(&mut mine.value, &theirs.value);
            } else {
                let mut kept = theirs.clone();
                kept.missed += self.floor;
                self.names.insert(name.clone(), kept);
            }
        }
        self.floor += other.floor;
        if self.names.len() > self.most {
            self.purge(self.most, gone);
        }
    }

    /// Every name with what is kept of it, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &T)> {
        self.names.iter().map(|(name, kept)| (&**name, &kept.value))
    }

    /// Changes what is kept of each name.
    pub(super) fn each(&mut self, change: impl FnMut(&mut T)) {
        self.names
            .values_mut()
            .map(|kept| &mut kept.value)
            .for_each(change);
    }

    /// Keeps `left` names at most, the heaviest, and none that weighs as much as one that goes.
    fn purge(&mut self, left: usize, mut gone: impl FnMut(&T)) {
        let mut weights: Vec<u64> = self.names.values().map(Kept::weight).collect();
        let place = weights.len() - left - 1;
        let (_, floor, _) = weights.select_nth_unstable(place);
        let floor = *floor;
        self.floor = self.floor.max(floor);
        self.names.retain(|_, kept| {
            let stays = kept.weight() > floor;
            if !stays {
                gone(&kept.value);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Heavy;
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
    use std::collections::HashMap;

    /// Names and how often each is met, the order mixed by the seed: a few of them are met very often.
    fn streams() -> impl Strategy<Value = Vec<u16>> {
        prop::collection::vec((any::<u16>(), 0..4_u8), 0..1500).prop_map(|drawn| {
            let names = drawn.into_iter();
            names
                .map(|(n, rank)| match rank {
                    0 => n % 4,
                    1 => n % 32,
                    _ => n,
                })
                .collect()
        })
    }

    fn met(stream: &[u16], most: usize) -> (Heavy<u64>, u64) {
        let (mut heavy, mut others) = (Heavy::new(most), 0);
        for name in stream {
            *heavy.meet(&name.to_be_bytes(), |gone| others += gone) += 1;
            assert!(heavy.len() <= most);
        }
        (heavy, others)
    }

    /// What the summary promises of a stream.
    fn holds(
        heavy: &Heavy<u64>,
        others: u64,
        stream: &[u16],
        most: usize,
    ) -> Result<(), proptest::test_runner::TestCaseError> {
        let mut truth: HashMap<u16, u64> = HashMap::new();
        for name in stream {
            *truth.entry(*name).or_default() += 1;
        }
        let all = stream.len() as u64;
        prop_assert!(heavy.len() <= most);
        prop_assert!(heavy.floor() <= 2 * all / most as u64, "{}", heavy.floor());
        let kept: u64 = heavy.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(kept + others, all, "no key is lost from the sums");
        for (name, count) in truth {
            let own = heavy.get(&name.to_be_bytes()).copied().unwrap_or(0);
            prop_assert!(own <= count && count <= own + heavy.floor(), "{name}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_name_lacks_more_than_the_floor(stream in streams(), most in 1..40_usize) {
            let (heavy, others) = met(&stream, most);
            holds(&heavy, others, &stream, most)?;
        }

        #[test]
        fn what_is_merged_holds_as_well(left in streams(), right in streams(), most in 2..40_usize) {
            let (mut heavy, mut others) = met(&left, most);
            let (other, more) = met(&right, most);
            others += more;
            heavy.merge(&other, |mine, theirs| *mine += theirs, |gone| others += gone);
            let whole: Vec<u16> = left.into_iter().chain(right).collect();
            holds(&heavy, others, &whole, most)?;
        }
    }

    #[test]
    fn a_table_that_is_large_enough_is_exact() {
        let (heavy, others) = met(&[1, 2, 3, 1, 2, 1], 3);
        assert!(heavy.is_exact() && others == 0);
        assert_eq!(heavy.get(&1_u16.to_be_bytes()), Some(&3));
    }
}
