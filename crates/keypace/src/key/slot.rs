//! Cluster slots: which of the 16,384 a key is in, and sets of them. Knows no node and sends nothing.
//!
//! A key's slot is the CRC-16 (XMODEM) of its name modulo 16,384; where the name holds a tag in braces that is not
//! empty, of the first such tag alone (Redis cluster specification, "Hash tags").

use std::fmt;

use crc::{CRC_16_XMODEM, Crc};

/// Slots of a cluster: fixed by the protocol.
const SLOTS: u16 = 16_384;
const WORD_BITS: u16 = u64::BITS as u16;
const WORDS: usize = (SLOTS / WORD_BITS) as usize;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// One of a cluster's 16,384 slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number, if there is one.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < SLOTS).then_some(Self(number))
    }

    /// The slot of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(CRC.checksum(hash_tag(key).unwrap_or(key)) % SLOTS)
    }

    /// 0 to 16,383.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What stands in the first braces of a name, unless that is nothing.
pub(super) fn hash_tag(name: &[u8]) -> Option<&[u8]> {
    let open = name.iter().position(|byte| *byte == b'{')?;
    let behind = &name[open + 1..];
    let close = behind.iter().position(|byte| *byte == b'}')?;
    (close > 0).then(|| &behind[..close])
}

/// A set of slots. Shown as servers write it: `0-5460 8000`.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotSet(Box<[u64; WORDS]>);

impl Default for SlotSet {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

impl SlotSet {
    /// Every slot.
    #[must_use]
    pub fn all() -> Self {
        Self(Box::new([u64::MAX; WORDS]))
    }

    /// The slots from `first` to `last`, both included; none where `last` comes before `first`.
    #[must_use]
    pub fn range(first: Slot, last: Slot) -> Self {
        (first.0..=last.0).map(Slot).collect()
    }

    /// Reads what `Display` writes: ranges and numbers with spaces between.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split_ascii_whitespace() {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let slot = |number: &str| number.parse().ok().and_then(Slot::new);
            set.extend_with(&Self::range(slot(first)?, slot(last)?));
        }
        Some(set)
    }

    /// Puts a slot in. False where it was in already.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// Takes a slot out. False where it was not in.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        let was_in = self.0[word] & bit != 0;
        self.0[word] &= !bit;
        was_in
    }

    /// Whether a slot is in.
    #[must_use]
    pub fn contains(&self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        self.0[word] & bit != 0
    }

    /// How many slots are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether no slot is in both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0.iter())
            .all(|(mine, theirs)| mine & theirs == 0)
    }

    /// Whether every slot of it is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0.iter())
            .all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// Puts all of another set in.
    pub fn extend_with(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine | theirs);
    }

    /// Takes all of another set out.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & !theirs);
    }

    /// Leaves what is in both.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & theirs);
    }

    /// The slots, in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        (0..SLOTS).map(Slot).filter(|slot| self.contains(*slot))
    }

    /// The slots as ranges, in order, both ends included.
    pub fn ranges(&self) -> impl Iterator<Item = (Slot, Slot)> + '_ {
        let starts = self.iter().filter(|slot| {
            let before = slot.0.checked_sub(1).map(Slot);
            before.is_none_or(|before| !self.contains(before))
        });
        starts.map(|first| {
            let mut last = first;
            while let Some(next) = Slot::new(last.0 + 1).filter(|next| self.contains(*next)) {
                last = next;
            }
            (first, last)
        })
    }

    fn combine(&mut self, other: &Self, op: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = op(*mine, *theirs);
        }
    }
}

fn place(slot: Slot) -> (usize, u64) {
    (
        usize::from(slot.0 / WORD_BITS),
        1 << u32::from(slot.0 % WORD_BITS),
    )
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.ranges().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Slot, SlotSet};

    fn slot(number: u16) -> Slot {
        Slot::new(number).expect("a slot")
    }

    #[test]
    fn slots_are_those_of_the_servers() {
        // As CLUSTER KEYSLOT answers.
        for (key, number) in [
            ("", 0),
            ("foo", 12_182),
            ("123456789", 12_739),
            ("{user1000}.following", 3443),
            ("user1000", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("{bar", 4015),
            ("foo{bar}{zap}", 5061),
            ("bar", 5061),
        ] {
            assert_eq!(Slot::of(key.as_bytes()).number(), number, "{key}");
        }
    }

    #[test]
    fn sets_are_shown_as_ranges() {
        let mut set = SlotSet::range(slot(0), slot(5460));
        set.insert(slot(8000));
        set.insert(slot(16_383));
        assert_eq!(set.to_string(), "0-5460 8000 16383");
        assert_eq!(set.len(), 5463);
        assert!(set.remove(slot(3)) && !set.remove(slot(3)));
        assert_eq!(set.to_string(), "0-2 4-5460 8000 16383");
        assert_eq!(SlotSet::all().to_string(), "0-16383");
        assert!(Slot::new(16_384).is_none());
        assert_eq!(SlotSet::parse(&set.to_string()), Some(set));
        assert_eq!(SlotSet::parse(""), Some(SlotSet::default()));
        for wrong in ["x", "1-", "16384", "1,2", "-1"] {
            assert_eq!(SlotSet::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sets_combine() {
        let (low, high) = (
            SlotSet::range(slot(0), slot(99)),
            SlotSet::range(slot(50), slot(149)),
        );
        let mut both = low.clone();
        both.extend_with(&high);
        assert_eq!(both.to_string(), "0-149");
        both.subtract(&low);
        assert_eq!(both.to_string(), "100-149");
        both.intersect(&SlotSet::range(slot(140), slot(200)));
        assert_eq!(both.to_string(), "140-149");
        assert!(both.is_subset(&SlotSet::all()) && !both.is_subset(&low));
        both.subtract(&SlotSet::all());
        assert!(both.is_empty());
        assert_eq!(both, SlotSet::default());
    }
}
