//! The keys that checks count: which there are, and what a listing or the servers themselves have of them.
//! Must not keep more than a bit for each.

/// What is never written again nor deleted: the names have what breaks tools that split lines.
pub(super) const STABLE: &[u8] = b"stable:\xff\n '";
pub(super) const STABLE_PATTERN: &str = "stable:*";
pub(super) const STABLE_KEYS: u64 = 60_000;
/// Written before each delete, and deleted by it.
pub(super) const DOOMED: &[u8] = b"doomed:";
pub(super) const DOOMED_PATTERN: &str = "doomed:*";
pub(super) const DOOMED_KEYS: u64 = 20_000;
/// Names that are nearly doomed: a delete that goes by less than the pattern takes them.
pub(super) const NEAR: &[u8] = b"doomed";
pub(super) const NEAR_PATTERN: &str = "doomed[0-9]*";
pub(super) const NEAR_KEYS: u64 = 5_000;
/// Written before each delete with a backup, each with a value of its own, and brought back after it.
pub(super) const UNDO: &[u8] = b"undo:";
pub(super) const UNDO_PATTERN: &str = "undo:*";
pub(super) const UNDO_KEYS: u64 = 4_000;
/// What the jobs of the service delete.
pub(super) const ERRAND: &[u8] = b"errand:";
pub(super) const ERRAND_PATTERN: &str = "errand:*";
pub(super) const ERRAND_KEYS: u64 = 5_000;

/// Keys that are written to be deleted: their prefix, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) prefix: &'static [u8],
    pub(super) keys: u64,
}

impl Family {
    pub(super) const NONE: Self = Self {
        prefix: DOOMED,
        keys: 0,
    };
    pub(super) const DOOMED: Self = Self {
        prefix: DOOMED,
        keys: DOOMED_KEYS,
    };
    pub(super) const UNDO: Self = Self {
        prefix: UNDO,
        keys: UNDO_KEYS,
    };
    pub(super) const ERRAND: Self = Self {
        prefix: ERRAND,
        keys: ERRAND_KEYS,
    };

    /// The key of this number.
    pub(super) fn name(self, number: u64) -> Vec<u8> {
        [self.prefix, number.to_string().as_bytes()].concat()
    }
}

/// Which of the keys with one prefix and a number were seen.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    prefix: &'static [u8],
    seen: Vec<bool>,
    distinct: u64,
    repeated: u64,
}

impl Tally {
    /// For names of `prefix` and a number below `keys`.
    pub(super) fn new(prefix: &'static [u8], keys: u64) -> Self {
        Self {
            prefix,
            seen: vec![false; keys as usize],
            distinct: 0,
            repeated: 0,
        }
    }

    /// Notes a key; false where it is none of these.
    pub(super) fn note(&mut self, key: &[u8]) -> bool {
        let number = key.strip_prefix(self.prefix).and_then(number);
        let Some(seen) = number.and_then(|number| self.seen.get_mut(number)) else {
            return false;
        };
        if std::mem::replace(seen, true) {
            self.repeated += 1;
        } else {
            self.distinct += 1;
        }
        true
    }

    /// How many of them were seen.
    pub(super) fn distinct(&self) -> u64 {
        self.distinct
    }

    /// How many came again after the first time.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many were not seen.
    pub(super) fn missing(&self) -> u64 {
        self.seen.len() as u64 - self.distinct
    }

    /// The first few that were not seen.
    pub(super) fn first_missing(&self) -> Vec<usize> {
        let missing = self.seen.iter().enumerate().filter(|(_, seen)| !**seen);
        missing.map(|(number, _)| number).take(5).collect()
    }
}

/// Digits as they are written, without a sign or zeros in front.
fn number(digits: &[u8]) -> Option<usize> {
    let is_plain =
        digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || !digits.starts_with(b"0"));
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_plain)?
        .parse()
        .ok()
}

/// The output of `scan -0`, in whatever pieces it comes.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) stable: Tally,
    /// The first key that has no place in it.
    pub(super) stranger: Option<Vec<u8>>,
    rest: Vec<u8>,
}

impl Listing {
    pub(super) fn new() -> Self {
        Self {
            stable: Tally::new(STABLE, STABLE_KEYS),
            stranger: None,
            rest: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == 0) {
            self.rest.extend_from_slice(piece);
            if self.rest.last() == Some(&0) {
                self.rest.pop();
                if !self.stable.note(&self.rest) {
                    self.stranger.get_or_insert_with(|| self.rest.clone());
                }
                self.rest.clear();
            }
        }
    }

    /// The process is gone: what it did not write to the end is no key.
    pub(super) fn cut(&mut self) {
        self.rest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{DOOMED, Listing, NEAR, STABLE, STABLE_KEYS, Tally};

    fn name(prefix: &[u8], number: u64) -> Vec<u8> {
        [prefix, number.to_string().as_bytes()].concat()
    }

    #[test]
    fn keys_are_told_apart_by_prefix_and_number() {
        let mut tally = Tally::new(NEAR, 3);
        assert!(tally.note(&name(NEAR, 2)) && tally.note(&name(NEAR, 2)));
        for stranger in [
            &name(NEAR, 3),
            &name(DOOMED, 1),
            &b"doomed02".to_vec(),
            &b"doomed".to_vec(),
        ] {
            assert!(!tally.note(stranger), "{stranger:?}");
        }
        assert_eq!(
            (tally.distinct(), tally.repeated(), tally.missing()),
            (1, 1, 2)
        );
        assert_eq!(tally.first_missing(), [0, 1]);
    }

    #[test]
    fn a_listing_is_read_in_any_pieces() {
        let mut bytes: Vec<u8> = Vec::new();
        for number in 0..100 {
            bytes.extend(name(STABLE, number));
            bytes.push(0);
        }
        for size in [1, 7, 1000, 5000] {
            let mut listing = Listing::new();
            bytes.chunks(size).for_each(|piece| listing.feed(piece));
            assert_eq!(listing.stable.missing(), STABLE_KEYS - 100, "{size}");
            assert_eq!(listing.stranger, None);
        }
    }

    #[test]
    fn what_a_killed_process_began_is_no_key() {
        let mut listing = Listing::new();
        listing.feed(&name(STABLE, 1));
        listing.cut();
        let mut whole = name(STABLE, 2);
        whole.push(0);
        listing.feed(&whole);
        assert_eq!(
            (listing.stable.distinct(), listing.stranger.is_none()),
            (1, true)
        );
        listing.feed(b"churn:1\0");
        assert_eq!(listing.stranger.as_deref(), Some(b"churn:1".as_slice()));
    }
}
