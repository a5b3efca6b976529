//! The coverage map of a cluster: which slots are proven to have been walked whole. Holds no await, clock or randomness.
//!
//! A slot is proven when the walk of its owner has ended, and the same node owned it at rest before and after, by the
//! same config epoch. A slot that goes away and comes back gives the node that takes it a new epoch, unless it has the
//! highest one already: so an epoch that stayed, of a node that was and is the highest or never was, means that nothing
//! came back. That holds once all nodes agree on the epochs; while news is on its way nothing is proven.

use crate::key::SlotSet;
use crate::port::Carried;

/// What a node owns at one moment, by its own account and that of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The node's id in its cluster.
    pub(crate) id: String,
    pub(crate) epoch: u64,
    /// Slots that it owns and that are not on their way to another node.
    pub(crate) at_rest: SlotSet,
    /// Nobody knew of a higher epoch.
    pub(crate) is_highest: bool,
    /// All nodes agreed on the epochs.
    pub(crate) is_agreed: bool,
    /// What it had carried from node to node: before the look for the first of two claims, after it for the second.
    pub(crate) carried: Option<Carried>,
}

/// Which slots are still to be proven.
#[derive(Debug, Clone)]
pub(crate) struct Coverage {
    open: SlotSet,
}

impl Coverage {
    /// Nothing is proven yet of what is wanted.
    pub(crate) fn new(wanted: SlotSet) -> Self {
        Self { open: wanted }
    }

    /// What is still to be proven.
    pub(crate) fn open(&self) -> &SlotSet {
        &self.open
    }

    /// These are to be proven again.
    pub(crate) fn reopen(&mut self, slots: &SlotSet) {
        self.open.extend_with(slots);
    }

    /// A walk over `walked` has ended. Gives those of them that it proved nothing about.
    pub(crate) fn walked(
        &mut self,
        walked: &SlotSet,
        before: &Claim,
        after: Option<&Claim>,
    ) -> SlotSet {
        let mut unproven = walked.clone();
        let same = after.filter(|after| before.is_same(after));
        if let Some(after) = same {
            let mut proven = walked.clone();
            proven.intersect(&before.at_rest);
            proven.intersect(&after.at_rest);
            self.open.subtract(&proven);
            unproven.subtract(&proven);
        }
        unproven
    }
}

impl Claim {
    /// Whether nothing can have come to this node or back to it up to a later moment.
    pub(crate) fn is_same(&self, after: &Self) -> bool {
        self.is_held(after) && !self.lent_keys(after)
    }

    /// Whether the node has kept its slots.
    fn is_held(&self, after: &Self) -> bool {
        let is_highest_still = !self.is_highest || after.is_highest;
        self.is_agreed && self.id == after.id && self.epoch == after.epoch && is_highest_still
    }

    /// Whether it has kept its slots, and keys of theirs may have been elsewhere meanwhile: a migration that was called off
    /// leaves no other trace.
    pub(crate) fn lent_keys(&self, after: &Self) -> bool {
        self.is_held(after) && Carried::and_back(self.carried.as_ref(), after.carried.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, Coverage};
    use crate::key::{Slot, SlotSet};

    fn slots(first: u16, last: u16) -> SlotSet {
        let slot = |number| Slot::new(number).expect("a slot");
        SlotSet::range(slot(first), slot(last))
    }

    fn claim(id: &str, epoch: u64, at_rest: SlotSet) -> Claim {
        Claim {
            id: id.to_owned(),
            epoch,
            at_rest,
            is_highest: false,
            is_agreed: true,
            carried: None,
        }
    }

    #[test]
    fn a_slot_is_proven_by_a_walk_of_its_owner_throughout() {
        let mut coverage = Coverage::new(SlotSet::all());
        let whole = claim("a", 1, slots(0, 5460));
        let unproven = coverage.walked(&slots(0, 5460), &whole, Some(&whole));
        assert!(unproven.is_empty());
        assert_eq!(coverage.open().to_string(), "5461-16383");
    }

    #[test]
    fn p04_what_moved_meanwhile_is_not_proven() {
        let mut coverage = Coverage::new(SlotSet::all());
        let before = claim("a", 1, slots(0, 99));
        let after = claim("a", 1, slots(0, 49));
        let unproven = coverage.walked(&slots(0, 99), &before, Some(&after));
        assert_eq!(unproven.to_string(), "50-99");
        // Moved in after the beginning: what stood in it was walked at the other node, or not at all.
        let grown = claim("b", 2, slots(50, 300));
        let unproven = coverage.walked(
            &slots(50, 300),
            &claim("b", 2, slots(100, 300)),
            Some(&grown),
        );
        assert_eq!(unproven.to_string(), "50-99");
        assert_eq!(coverage.open().to_string(), "50-99 301-16383");
    }

    #[test]
    fn another_node_or_epoch_proves_nothing() {
        let mut coverage = Coverage::new(slots(0, 99));
        let before = claim("a", 1, slots(0, 99));
        let highest = Claim {
            is_highest: true,
            ..before.clone()
        };
        // It was the highest, so that it could take a slot back without a new epoch, and another is now.
        coverage.walked(&slots(0, 99), &highest, Some(&before));
        let news = Claim {
            is_agreed: false,
            ..before.clone()
        };
        coverage.walked(&slots(0, 99), &news, Some(&before));
        assert_eq!(coverage.open().len(), 100);
        for after in [
            None,
            Some(claim("b", 1, slots(0, 99))),
            Some(claim("a", 2, slots(0, 99))),
        ] {
            let unproven = coverage.walked(&slots(0, 99), &before, after.as_ref());
            assert_eq!((unproven.len(), coverage.open().len()), (100, 100));
        }
        coverage.walked(&slots(0, 99), &before, Some(&before));
        coverage.reopen(&slots(7, 7));
        assert_eq!(coverage.open().to_string(), "7");
    }
}
