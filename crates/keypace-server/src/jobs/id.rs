//! A job's id: when it was made and 80 random bits, in an order that is that of time. Knows no job.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::sql::StoreError;

/// Crockford's digits: no letter that looks like another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARS: usize = 26;
const RANDOM_BITS: u32 = 80;
/// 26 digits hold 130 bits: the first one goes up to 7 only.
const FIRST_DIGITS: usize = 8;

/// 26 characters as of a ULID: sorted as text they are sorted by the time they were made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

impl JobId {
    /// Reads an id as it was given out: nothing else passes, lower case neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let first = DIGITS[..FIRST_DIGITS].contains(bytes.first()?);
        let digits = bytes.len() == CHARS && bytes.iter().all(|byte| DIGITS.contains(byte));
        (first && digits).then(|| Self(text.to_owned()))
    }

    /// The id of so many milliseconds since 1970 and these random bits, of which the lowest 80 count.
    #[must_use]
    pub fn of(millis: u64, random: u128) -> Self {
        let low = random & ((1 << RANDOM_BITS) - 1);
        Self::from_number((u128::from(millis) << RANDOM_BITS) | low)
    }

    fn from_number(number: u128) -> Self {
        let digit = |place: usize| {
            let five = (number >> (5 * (CHARS - 1 - place))) & 31;
            char::from(DIGITS[usize::try_from(five).unwrap_or(0)])
        };
        Self((0..CHARS).map(digit).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for JobId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for JobId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a job's id is 26 characters as GET /v1/jobs gives them")
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.0
    }
}

/// Makes ids: each is above the last one made here, also within one millisecond, so that lists keep the order of making.
#[derive(Debug, Default)]
pub(super) struct IdMaker {
    last: Mutex<u128>,
}

impl IdMaker {
    pub(super) fn make(&self, millis: u64) -> Result<JobId, StoreError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random[6..]).map_err(StoreError::internal)?;
        let fresh = (u128::from(millis) << RANDOM_BITS) | u128::from_be_bytes(random);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = fresh.max(*last + 1);
        Ok(JobId::from_number(*last))
    }
}

#[cfg(test)]
mod tests {
    use super::{IdMaker, JobId};

    #[test]
    fn ids_sort_as_they_were_made_whatever_the_clock_does() {
        let maker = IdMaker::default();
        let times = [5, 5, 5, 4, 1_700_000_000_000, 1_700_000_000_000, 6];
        let made: Vec<_> = times
            .map(|millis| maker.make(millis).expect("an id"))
            .into();
        assert!(made.is_sorted_by(|one, next| one < next), "{made:?}");
        for id in &made {
            assert_eq!(JobId::parse(id.as_str()).as_ref(), Some(id));
        }
    }

    #[test]
    fn nothing_else_is_an_id() {
        let id = JobId::of(1, 2);
        assert_eq!(id.as_str(), "00000000010000000000000002");
        assert_eq!(
            JobId::of(u64::MAX >> 16, u128::MAX).as_str(),
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
        );
        let text = id.as_str();
        let wrong = [
            "",
            &text[1..],
            &format!("{text}0"),
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "0000000001000000000000000a",
            "0000000001000000000000000I",
            "../../../../../etc/passwd.",
            "0000000001000000000000000\u{e9}",
        ];
        for text in wrong {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }
}
