//! What the keys of a keyspace hold: the same for the same number.
//! Must not write values that compress to nothing where they are saved to a file.

use std::ops::Range;

use keypace_lab::seed::SplitMix64;
use keypace_lab::{Raw, seed};

use crate::failure::Outcome;

/// Commands sent together.
const PIPELINE_COMMANDS: u64 = 500;
/// Letters and digits of base64: six bits a byte, so that a compressor saves a quarter and no more.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LETTER_BITS: u32 = 6;
const LETTERS_IN_A_NUMBER: usize = 10;

/// Expiries to both sides of an hour, far enough for a run of half an hour not to meet them.
const SOON_SECONDS: &str = "2700";
const LATE_SECONDS: &str = "14400";

/// What each key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// A string of one letter, so long.
    Plain { bytes: usize },
    /// A string that does not compress well.
    Letters { bytes: usize },
    /// A hash of so many fields, each of so many letters.
    Hash { fields: usize, bytes: usize },
    /// A string of a few bytes. A quarter of the keys expires within the hour, a quarter after it.
    HalfExpiring,
}

impl Values {
    /// Writes a key for each number in `range`, named `prefix` and the number.
    pub(crate) fn write(self, raw: &mut Raw, prefix: &[u8], range: Range<u64>) -> Outcome {
        if let Self::Plain { bytes } = self {
            return Ok(seed::strings(raw, prefix, range, bytes)?);
        }
        let mut first = range.start;
        while first < range.end {
            let past = range.end.min(first + PIPELINE_COMMANDS);
            let mut pipeline = raw.pipeline();
            for number in first..past {
                let name = [prefix, number.to_string().as_bytes()].concat();
                let words = self.words(&name, number);
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                pipeline.add(&words);
            }
            for reply in pipeline.run()? {
                reply.checked()?;
            }
            first = past;
        }
        Ok(())
    }

    /// The command that writes one key.
    fn words(self, name: &[u8], number: u64) -> Vec<Vec<u8>> {
        let mut random = SplitMix64::new(number);
        let set = |value: Vec<u8>| vec![b"SET".to_vec(), name.to_vec(), value];
        match self {
            Self::Plain { bytes } => set(vec![b'v'; bytes]),
            Self::Letters { bytes } => set(letters(&mut random, bytes)),
            Self::Hash { fields, bytes } => {
                let mut words = vec![b"HSET".to_vec(), name.to_vec()];
                for field in 0..fields {
                    words.push(format!("field:{field}").into_bytes());
                    words.push(letters(&mut random, bytes));
                }
                words
            }
            Self::HalfExpiring => {
                let mut words = set(b"v".to_vec());
                let seconds = match number % 4 {
                    0 => SOON_SECONDS,
                    1 => LATE_SECONDS,
                    _ => return words,
                };
                words.extend([b"EX".to_vec(), seconds.as_bytes().to_vec()]);
                words
            }
        }
    }
}

fn letters(random: &mut SplitMix64, bytes: usize) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes + LETTERS_IN_A_NUMBER);
    while made.len() < bytes {
        let mut bits = random.next();
        for _ in 0..LETTERS_IN_A_NUMBER {
            made.push(LETTERS[(bits % LETTERS.len() as u64) as usize]);
            bits >>= LETTER_BITS;
        }
    }
    made.truncate(bytes);
    made
}

#[cfg(test)]
mod tests {
    use super::Values;
    use std::collections::BTreeSet;

    #[test]
    fn letters_are_as_many_as_asked_for_and_differ() {
        let value = |number| Values::Letters { bytes: 1024 }.words(b"k", number)[2].clone();
        assert_eq!(value(7).len(), 1024);
        assert_eq!(value(7), value(7));
        assert_ne!(value(7), value(8));
        let used: BTreeSet<u8> = value(7).into_iter().collect();
        assert_eq!(used.len(), 64);
    }

    #[test]
    fn half_of_the_keys_expire() {
        let words = |number| Values::HalfExpiring.words(b"k", number);
        let expiries: Vec<Option<Vec<u8>>> = (0..4).map(|n| words(n).get(4).cloned()).collect();
        assert_eq!(
            expiries,
            [Some(b"2700".to_vec()), Some(b"14400".to_vec()), None, None]
        );
    }

    #[test]
    fn hashes_have_their_fields() {
        let words = Values::Hash {
            fields: 10,
            bytes: 20,
        }
        .words(b"k", 1);
        assert_eq!((words.len(), words[3].len()), (22, 20));
    }
}
