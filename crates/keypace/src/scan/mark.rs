//! The Mark: where a walk can be taken up again, whole, and how it is saved. Opaque to callers. Sends nothing.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::cursor::EDGE;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;

/// A place in a walk: the process that gave the cursors, and the cursor of each lane. Cursors mean nothing to another
/// process. Clones are cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub(super) run_id: Option<Bytes>,
    pub(super) place: Place,
}

/// Where the lanes of a walk stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// One lane. Its cursor is bytes, whatever the server makes of them.
    One {
        cursor: Bytes,
        /// The walk was over: 0 is the cursor of the beginning and of the end.
        is_end: bool,
    },
    /// Several lanes over one node, and how they are cut.
    Lanes(Arc<[LanePlace]>),
}

/// Where one of several lanes stands. Lanes exist only where cursors are numbers whose structure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanePlace {
    pub(super) span: Span,
    /// `None` behind its end.
    pub(super) cursor: Option<u64>,
}

/// The part of a node that a lane walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Span {
    /// One of `2^bits` equal parts of one table, in the order of the walk.
    Part { number: u32, bits: u32 },
    /// Slots, both ends included, of a node with a table per slot.
    Slots { first: u16, last: u16 },
}

impl Mark {
    /// The beginning of a walk.
    #[must_use]
    pub fn start() -> Self {
        Self::one(None, Bytes::from_static(EDGE), false)
    }

    pub(super) fn one(run_id: Option<Bytes>, cursor: Bytes, is_end: bool) -> Self {
        Self {
            run_id,
            place: Place::One { cursor, is_end },
        }
    }

    /// Whether the walk was over.
    pub(crate) fn is_end(&self) -> bool {
        match &self.place {
            Place::One { is_end, .. } => *is_end,
            Place::Lanes(lanes) => lanes.iter().all(|lane| lane.cursor.is_none()),
        }
    }

    /// For a file.
    pub(crate) fn to_saved(&self) -> SavedMark {
        SavedMark {
            run_id: (self.run_id.as_ref()).map(|id| String::from_utf8_lossy(id).into_owned()),
            place: match &self.place {
                Place::One { cursor, is_end } => SavedPlace::One {
                    cursor: BASE64.encode(cursor),
                    at_end: *is_end,
                },
                Place::Lanes(lanes) => SavedPlace::Lanes(lanes.to_vec()),
            },
        }
    }

    /// For tests of what is kept beside a Mark.
    #[cfg(test)]
    pub(crate) fn at(cursor: impl Into<Bytes>) -> Self {
        Self::one(None, cursor.into(), false)
    }

    /// The cursor of a walk with one lane.
    #[cfg(test)]
    pub(crate) fn cursor(&self) -> &[u8] {
        match &self.place {
            Place::One { cursor, .. } => cursor,
            Place::Lanes(_) => b"",
        }
    }
}

/// A Mark as it stands in a file. Read back by [`SavedMark::to_mark`], which checks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedMark {
    run_id: Option<String>,
    place: SavedPlace,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SavedPlace {
    /// The cursor's bytes stand as base64.
    One {
        cursor: String,
        at_end: bool,
    },
    Lanes(Vec<LanePlace>),
}

impl SavedMark {
    /// The process whose walk it is of.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// The Mark.
    ///
    /// # Errors
    /// `Checkpoint` where it is none that this version wrote.
    pub(crate) fn to_mark(&self) -> Result<Mark> {
        let place = match &self.place {
            SavedPlace::One { cursor, at_end } => Place::One {
                cursor: BASE64
                    .decode(cursor)
                    .map_err(|cause| unreadable().with_source(cause))?
                    .into(),
                is_end: *at_end,
            },
            SavedPlace::Lanes(lanes) if are_lanes(lanes) => Place::Lanes(lanes.as_slice().into()),
            SavedPlace::Lanes(_) => return Err(unreadable()),
        };
        Ok(Mark {
            run_id: self.run_id.clone().map(Bytes::from),
            place,
        })
    }
}

/// Whether together they are a whole walk: a part that is missing would be missed.
fn are_lanes(lanes: &[LanePlace]) -> bool {
    let number = lanes.len();
    if !(1..=limits::MAX_LANES as usize).contains(&number) {
        return false;
    }
    let parts = lanes.iter().enumerate().all(|(at, lane)| {
        let whole = Span::Part {
            number: u32::try_from(at).unwrap_or(u32::MAX),
            bits: number.trailing_zeros(),
        };
        number > 1 && number.is_power_of_two() && lane.span == whole
    });
    // Lanes by slots are those of an owner, whose slots need not follow each other.
    let mut next = 0;
    let slots = lanes.iter().all(|lane| match lane.span {
        Span::Slots { first, last } => {
            let follows = u32::from(first) >= next && first <= last && last < 16_384;
            next = u32::from(last) + 1;
            follows
        }
        Span::Part { .. } => false,
    });
    parts || slots
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::Checkpoint,
        Retry::Never,
        "read the checkpoint",
        "its cursor can't be read",
    )
    .with_hint("the work can't be taken up from this file: start anew without --resume")
}

#[cfg(test)]
mod tests {
    use super::{LanePlace, Mark, Place, SavedMark, Span};
    use bytes::Bytes;

    fn back(mark: &Mark) -> Mark {
        let text = serde_json::to_string(&mark.to_saved()).expect("written");
        let saved: SavedMark = serde_json::from_str(&text).expect("read");
        saved.to_mark().expect("a mark")
    }

    fn lanes(lanes: Vec<LanePlace>) -> Mark {
        Mark {
            run_id: Some(Bytes::from_static(b"abc")),
            place: Place::Lanes(lanes.into()),
        }
    }

    fn parts(numbers: &[u32], bits: u32) -> Mark {
        let place = |number: &u32| LanePlace {
            span: Span::Part {
                number: *number,
                bits,
            },
            cursor: Some(u64::MAX),
        };
        lanes(numbers.iter().map(place).collect())
    }

    #[test]
    fn p09_a_mark_comes_back_from_a_file_as_it_was() {
        for mark in [
            Mark::start(),
            Mark::one(Some(Bytes::from_static(b"abc")), EDGE_LIKE.into(), true),
            parts(&[0, 1], 1),
            lanes(
                [(0, 10), (11, 11), (20, 16_383)]
                    .map(|(first, last)| LanePlace {
                        span: Span::Slots { first, last },
                        cursor: None,
                    })
                    .to_vec(),
            ),
            // A narrow range is one lane.
            lanes(vec![LanePlace {
                span: Span::Slots {
                    first: 77,
                    last: 77,
                },
                cursor: Some(77),
            }]),
        ] {
            assert_eq!(back(&mark), mark);
        }
    }

    const EDGE_LIKE: &[u8] = b"0B3a21-{06S}-96\xff";

    #[test]
    fn what_is_not_a_whole_walk_is_refused() {
        for mark in [
            parts(&[0], 0),
            parts(&[0, 1, 2], 2),
            parts(&[0, 0], 1),
            parts(&[0, 1], 2),
        ] {
            assert!(mark.to_saved().to_mark().is_err(), "{mark:?}");
        }
    }
}
