//! A place between two records of an owner, as a text that callers pass on and don't look into. Pure.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::names::RecordId;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits::records as limits;

/// The layout that a cursor belongs to.
const LAYOUT: &str = "1";

/// Where the next page begins: behind one record, whether or not that is still there. `Display` and [`Cursor::parse`]
/// carry it as text. It holds no owner, and belongs to the owner's list that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    pub(super) score: f64,
    pub(super) id: RecordId,
}

impl Cursor {
    /// Behind a member of the index by creation.
    pub(super) fn behind(score: f64, id: RecordId) -> Self {
        Self { score, id }
    }

    /// Behind a record that was created then, in ms since 1970: for lists in the same order from another source.
    #[must_use]
    pub fn behind_created(created_ms: i64, id: RecordId) -> Self {
        // Exact for the times that a calendar has: they are below 2^53.
        Self::behind(-(created_ms as f64), id)
    }

    /// When the record before this place was created, in ms since 1970; whole ms, the nearest below.
    #[must_use]
    pub fn created_ms(&self) -> i64 {
        (-self.score).floor() as i64
    }

    /// The id of the record before this place.
    #[must_use]
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// Reads what `Display` writes.
    ///
    /// # Errors
    /// `InvalidOption` where it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || {
            let (kind, operation) = (ErrorKind::InvalidOption, "read the cursor");
            Error::new(kind, Retry::Never, operation, "it is none that a list gave")
                .with_hint("pass the `next` of a page on as it is, or begin without a cursor")
        };
        if text.len() > limits::MAX_CURSOR_TEXT_BYTES {
            return Err(refused());
        }
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let mut words = text.split(' ');
            let (layout, score, id) = (words.next()?, words.next()?, words.next()?);
            if layout != LAYOUT || words.next().is_some() {
                return None;
            }
            let score: f64 = score.parse().ok()?;
            (!score.is_nan()).then_some(Self::behind(score, RecordId::parse(id.as_bytes())?))
        };
        read().ok_or_else(refused)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{LAYOUT} {:e} {}", self.score, self.id);
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;
    use crate::limits::records as limits;
    use crate::records::names::RecordId;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn a_cursor_is_read_back_whatever_its_score() {
        for score in [0.0, -1_795_272_789_194.0, 0.1, f64::MAX, f64::NEG_INFINITY] {
            let id = RecordId::new("a".repeat(limits::MAX_ID_BYTES)).expect("allowed");
            let cursor = Cursor::behind(score, id);
            let text = cursor.to_string();
            assert_eq!(text.parse::<Cursor>().ok(), Some(cursor), "{text}");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in [
            String::new(),
            "*".to_owned(),
            "a".repeat(10_000),
            encoded(""),
            encoded("2 5 a"),
            encoded("1 NaN a"),
            encoded("1 5 a b"),
            encoded("1 5 a:b"),
            encoded("1 5 "),
            encoded("1  a"),
        ] {
            assert!(Cursor::parse(&text).is_err(), "{text}");
        }
    }
}
