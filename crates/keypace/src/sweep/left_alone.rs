//! Names of keys that a delete left alone on purpose, so that the walk that verifies it knows them again. Bounded: what is not
//! named counts as what nobody expected. Holds data; decides nothing.

use std::collections::HashSet;

use crate::delete::Refused;
use crate::error::ErrorKind;
use crate::key::{Key, Slot, SlotSet};
use crate::limits;

/// Why keys are left alone, as against those that failed.
pub(super) const ON_PURPOSE: [ErrorKind; 2] = [ErrorKind::Changed, ErrorKind::TooLarge];

/// Keys that were left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeftAlone {
    names: HashSet<Key>,
    bytes: usize,
}

impl LeftAlone {
    /// Keeps the name of a key that was skipped, not of one that failed.
    pub(super) fn note(&mut self, refused: &Refused) {
        if ON_PURPOSE.contains(&refused.kind) {
            refused.sample.iter().for_each(|key| self.add(key));
        }
    }

    /// Keeps a name while there is room.
    pub(super) fn add(&mut self, key: &Key) {
        let bytes = self.bytes + key.as_bytes().len();
        let has_room =
            self.names.len() < limits::MAX_LEFT_ALONE_KEYS && bytes <= limits::MAX_LEFT_ALONE_BYTES;
        if has_room && self.names.insert(key.detach()) {
            self.bytes = bytes;
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        other.names.iter().for_each(|key| self.add(key));
    }

    pub(super) fn holds(&self, key: &Key) -> bool {
        self.names.contains(key)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Key> {
        self.names.iter()
    }

    /// They are walked again, and are skipped again or not.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Those in these slots are walked again.
    pub(super) fn forget_slots(&mut self, slots: &SlotSet) {
        let bytes = &mut self.bytes;
        self.names.retain(|key| {
            let stays = !slots.contains(Slot::of(key.as_bytes()));
            if !stays {
                *bytes -= key.as_bytes().len();
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::LeftAlone;
    use crate::delete::Refused;
    use crate::error::ErrorKind;
    use crate::key::{Key, Slot, SlotSet};
    use crate::limits;

    #[test]
    fn what_failed_was_not_left_alone_on_purpose() {
        let mut left = LeftAlone::default();
        for kind in [
            ErrorKind::Permission,
            ErrorKind::TooLarge,
            ErrorKind::Changed,
        ] {
            left.note(&Refused {
                kind,
                text: String::new(),
                sample: Some(Key::new(kind.as_str())),
            });
        }
        assert!(!left.holds(&Key::new("permission")));
        assert!(left.holds(&Key::new("too_large")) && left.holds(&Key::new("changed")));
    }

    #[test]
    fn names_are_bounded_by_number_and_by_bytes() {
        let mut left = LeftAlone::default();
        for n in 0..2 * limits::MAX_LEFT_ALONE_KEYS {
            left.add(&Key::new(n.to_string()));
        }
        assert_eq!(left.names().count(), limits::MAX_LEFT_ALONE_KEYS);
        let mut left = LeftAlone::default();
        for n in 0..10 {
            left.add(&Key::new(format!(
                "{n}{}",
                "x".repeat(limits::MAX_LEFT_ALONE_BYTES / 4)
            )));
        }
        assert_eq!(left.names().count(), 3);
    }

    #[test]
    fn a_slot_that_is_walked_again_takes_its_names_and_their_room() {
        let mut left = LeftAlone::default();
        left.add(&Key::new("a"));
        left.add(&Key::new("b"));
        let mut slots = SlotSet::default();
        slots.insert(Slot::of(b"a"));
        left.forget_slots(&slots);
        let mut other = LeftAlone::default();
        other.add(&Key::new("b"));
        assert_eq!(left, other);
    }
}
