//! The biggest keys of those that were measured, in bounded room. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::key::Key;

/// One of the biggest keys; ordered by its size first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Big {
    pub(super) size: u64,
    /// Between keys of one size the first by name stays, whatever the order they came in.
    key: Reverse<Key>,
    pub(super) kind: u8,
    /// The size is a number of elements, and no bytes.
    pub(super) is_elements: bool,
}

impl Big {
    pub(super) fn key(&self) -> &Key {
        &self.key.0
    }
}

/// The biggest keys: a heap with the smallest of them on top.
#[derive(Debug, Clone)]
pub(super) struct Biggest {
    heap: BinaryHeap<Reverse<Big>>,
    most: usize,
}

impl Biggest {
    pub(super) fn new(most: usize) -> Self {
        Self {
            heap: BinaryHeap::new(),
            most,
        }
    }

    /// A key was measured. A name is copied only where it is among the biggest.
    pub(super) fn add(&mut self, key: &Key, kind: u8, size: u64, is_elements: bool) {
        let is_full = self.heap.len() >= self.most;
        let is_smaller = |Reverse(least): &Reverse<Big>| {
            (size, Reverse(key)) <= (least.size, Reverse(least.key()))
        };
        if self.most == 0 || is_full && self.heap.peek().is_some_and(is_smaller) {
            return;
        }
        // SCAN may give a key twice: the later size is the one that holds.
        self.heap.retain(|Reverse(big)| big.key() != key);
        self.heap.push(Reverse(Big {
            size,
            key: Reverse(key.detach()),
            kind,
            is_elements,
        }));
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// The biggest first.
    pub(super) fn sorted(&self) -> Vec<&Big> {
        let mut all: Vec<&Big> = self.heap.iter().map(|Reverse(big)| big).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Biggest;
    use crate::key::Key;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    fn shown(biggest: &Biggest) -> Vec<(u64, Key)> {
        let sorted = biggest.sorted();
        sorted
            .iter()
            .map(|big| (big.size, big.key().clone()))
            .collect()
    }

    #[test]
    fn a_key_that_comes_twice_is_named_once() {
        let mut biggest = Biggest::new(2);
        for (name, size) in [("a", 5), ("b", 9), ("a", 7), ("c", 6)] {
            biggest.add(&Key::new(name), 0, size, false);
        }
        let expected = [(9, Key::new("b")), (7, Key::new("a"))];
        assert_eq!(shown(&biggest), expected);
    }

    proptest! {
        #[test]
        fn they_are_the_first_of_all_sorted(sizes in prop::collection::vec(0..40_u64, 0..200), most in 0..20_usize) {
            let mut biggest = Biggest::new(most);
            let mut all = Vec::new();
            for (n, size) in sizes.into_iter().enumerate() {
                let key = Key::new(format!("k{n:03}"));
                biggest.add(&key, 0, size, false);
                all.push((size, key));
            }
            all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            all.truncate(most);
            prop_assert_eq!(shown(&biggest), all);
        }
    }
}
