//! Values as JSON: what can't be read, and why, without a word of the value. Asks nothing.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Why a value is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// There is no such key, or it holds no string.
    Missing,
    /// It is no JSON, or none of the type that was asked for. The text says where it stops fitting, and holds nothing of
    /// the value.
    Undecodable(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such value"),
            Self::Undecodable(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Unread {}

/// What a value can't be read as. The parser's own text repeats parts of the value, so it goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable {
    reason: Reason,
    line: usize,
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Syntax,
    Type,
    Torn,
}

impl From<Undecodable> for Unread {
    fn from(undecodable: Undecodable) -> Self {
        let Undecodable {
            reason,
            line,
            column,
        } = undecodable;
        let what = match reason {
            Reason::Syntax => "it is no JSON",
            Reason::Type => "it is JSON of another type",
            Reason::Torn => "it ends too early",
        };
        Self::Undecodable(format!("{what} (line {line}, column {column})"))
    }
}

pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, Undecodable> {
    serde_json::from_slice(value).map_err(|error| Undecodable {
        reason: match error.classify() {
            Category::Data => Reason::Type,
            Category::Eof => Reason::Torn,
            Category::Syntax | Category::Io => Reason::Syntax,
        },
        line: error.line(),
        column: error.column(),
    })
}

/// How many of one call can't be read.
#[derive(Debug, Default)]
pub(super) struct Undecoded {
    no_json: u64,
    other_type: u64,
    torn: u64,
}

impl Undecoded {
    /// The value, or one more of its reason.
    pub(super) fn note<T>(&mut self, decoded: Result<T, Undecodable>) -> Option<T> {
        let undecodable = match decoded {
            Ok(value) => return Some(value),
            Err(undecodable) => undecodable,
        };
        *match undecodable.reason {
            Reason::Syntax => &mut self.no_json,
            Reason::Type => &mut self.other_type,
            Reason::Torn => &mut self.torn,
        } += 1;
        None
    }

    /// One line, where there are any.
    pub(super) fn log(&self, asked: usize) {
        let Self {
            no_json,
            other_type,
            torn,
        } = *self;
        let undecodable = no_json + other_type + torn;
        if undecodable > 0 {
            tracing::warn!(
                asked,
                undecodable,
                no_json,
                other_type,
                torn,
                "values can't be read"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Undecoded, Unread, decode};

    #[test]
    fn reasons_hold_nothing_of_the_value() {
        for (value, reason) in [
            (
                &br#"["secret"]"#[..],
                "it is JSON of another type (line 1, ",
            ),
            (br#"{"secret":1}"#, "it is JSON of another type (line 1, "),
            (b"\nsecret", "it is no JSON (line 2, "),
            (b"\xff\xfe", "it is no JSON (line 1, "),
            (b"[1,", "it ends too early (line 1, "),
            (b"", "it ends too early (line 1, "),
        ] {
            let unread = Unread::from(decode::<Vec<u64>>(value).expect_err("no numbers"));
            assert!(unread.to_string().starts_with(reason), "{unread}");
            assert!(!unread.to_string().contains("secret"), "{unread}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_counted_by_reason() {
        let mut undecoded = Undecoded::default();
        for value in [&b"1"[..], b"x", b"\"1\"", b"\"2\"", b"[1"] {
            undecoded.note(decode::<u64>(value));
        }
        let Undecoded {
            no_json,
            other_type,
            torn,
        } = undecoded;
        // A list is of another type before it is torn.
        assert_eq!((no_json, other_type, torn), (1, 3, 0));
    }
}
