//! The pure part: how large values are by what was seen, and how keys are cut into commands and volleys. Holds no await,
//! clock or randomness.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use crate::limits;

/// How large a value is, by what has come so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Guess {
    value_bytes: Option<u64>,
}

/// How much is asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) chunk_keys: usize,
    pub(super) volley_keys: usize,
}

impl Guess {
    /// So many keys had so many bytes of values together. Half of it counts, so that a run of others is followed soon; what
    /// is larger than was thought counts at once, since the next reply would be too long.
    pub(super) fn learn(&mut self, keys: usize, bytes: u64) {
        let Some(seen) = bytes.checked_div(keys as u64) else {
            return;
        };
        let known = self.value_bytes.unwrap_or(seen);
        self.value_bytes = Some(seen.max((known + seen) / 2));
    }

    /// Until something is known of the values, no more than one chunk of them is asked for.
    pub(super) fn room(self, chunk_bytes: u32) -> Room {
        let value_bytes = self.value_bytes.unwrap_or(limits::BULK_FIRST_VALUE_BYTES);
        let keys_in = |bytes: u64| {
            let keys = bytes / value_bytes.max(1);
            usize::try_from(keys).unwrap_or(usize::MAX).max(1)
        };
        let chunk_keys = keys_in(u64::from(chunk_bytes)).min(limits::BULK_CHUNK_KEYS);
        let volley_keys = match self.value_bytes {
            Some(_) => keys_in(limits::BULK_FLIGHT_BYTES).max(chunk_keys),
            None => chunk_keys,
        };
        Room {
            chunk_keys,
            volley_keys: volley_keys.min(limits::BULK_FLIGHT_KEYS),
        }
    }

    /// What so many keys weigh in a turn, in KiB.
    pub(super) fn kib(self, keys: usize) -> u32 {
        let value_bytes = self.value_bytes.unwrap_or(limits::BULK_FIRST_VALUE_BYTES);
        kib(value_bytes.saturating_mul(keys as u64))
    }
}

/// Bytes in KiB, rounded up, and one at least.
pub(super) fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX)
}

/// Places of what belongs together, groups in the order in which they first come.
pub(super) fn groups<G: Eq + Hash + Copy>(
    items: impl Iterator<Item = (usize, G)>,
) -> Vec<(G, Vec<usize>)> {
    let mut groups: Vec<(G, Vec<usize>)> = Vec::new();
    let mut known: HashMap<G, usize> = HashMap::new();
    for (place, group) in items {
        let at = *known.entry(group).or_insert_with(|| {
            groups.push((group, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(place);
    }
    groups
}

/// Walks groups from their first member to the last, command by command.
#[derive(Debug, Default)]
pub(super) struct Cut {
    group: usize,
    member: usize,
}

impl Cut {
    /// The members of the next command, of one group; `fits` says whether one more may join those before it.
    pub(super) fn next<G>(
        &mut self,
        groups: &[(G, Vec<usize>)],
        mut fits: impl FnMut(usize) -> bool,
    ) -> Option<(usize, Range<usize>)> {
        let members = loop {
            let (_, members) = groups.get(self.group)?;
            if self.member < members.len() {
                break members;
            }
            (self.group, self.member) = (self.group + 1, 0);
        };
        let first = self.member;
        let joined = members[first..].iter().take_while(|place| fits(**place));
        self.member = first + joined.count().max(1);
        Some((self.group, first..self.member))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cut, Guess, groups, kib};
    use crate::limits;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn larger_values_count_at_once_and_smaller_ones_by_and_by() {
        let mut guess = Guess::default();
        let unknown = guess.room(limits::BULK_CHUNK_BYTES);
        assert_eq!((unknown.chunk_keys, unknown.volley_keys), (200, 200));
        guess.learn(0, 0);
        assert_eq!(guess, Guess::default());
        guess.learn(200, 200 * 1024);
        let known = guess.room(limits::BULK_CHUNK_BYTES);
        assert_eq!((known.chunk_keys, known.volley_keys), (200, 4096));
        guess.learn(10, 10 * 1024 * 1024);
        let large = guess.room(limits::BULK_CHUNK_BYTES);
        assert_eq!((large.chunk_keys, large.volley_keys), (1, 4));
        for _ in 0..40 {
            guess.learn(10, 0);
        }
        let tiny = guess.room(limits::BULK_CHUNK_BYTES);
        assert_eq!(tiny.chunk_keys, limits::BULK_CHUNK_KEYS);
        assert_eq!(tiny.volley_keys, limits::BULK_FLIGHT_KEYS);
        assert_eq!((kib(0), kib(1024), kib(1025)), (1, 1, 2));
    }

    proptest! {
        #[test]
        fn every_place_is_in_one_command_of_its_own_group(
            slots in prop::collection::vec(0_u16..5, 0..60),
            most in 1_usize..7,
        ) {
            let groups = groups(slots.iter().copied().enumerate());
            let mut cut = Cut::default();
            let mut seen = Vec::new();
            loop {
                let mut taken = 0;
                let fits = |_| {
                    taken += 1;
                    taken <= most
                };
                let Some((group, members)) = cut.next(&groups, fits) else {
                    break;
                };
                let (slot, places) = &groups[group];
                prop_assert!(!members.is_empty() && members.len() <= most);
                for place in &places[members] {
                    prop_assert_eq!(slots[*place], *slot);
                    seen.push(*place);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..slots.len()).collect::<Vec<_>>());
        }
    }
}
