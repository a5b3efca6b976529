//! Which values are read by which command, in what sizes. Pure: sends nothing, waits for nothing.

use std::collections::VecDeque;

use crate::limits;
use crate::pace::QueryKind;

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string: its own bytes.
    Text,
    /// Anything else: as the server writes it.
    Dump,
}

/// A value that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The key's place in its group.
    pub(super) place: usize,
    pub(super) form: Form,
    /// A string's length, or about how large another value is.
    pub(super) bytes: u64,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    /// MGET of the keys at these places.
    Texts(Vec<usize>),
    /// GETRANGE: the bytes from the first up to, not with, the last.
    Piece { place: usize, from: u64, to: u64 },
    /// DUMP.
    Dump(usize),
}

/// What of a group is still to be read.
#[derive(Debug)]
pub(super) struct Reads {
    texts: VecDeque<Wanted>,
    dumps: VecDeque<Wanted>,
    /// How much of the first text was read by pieces.
    from: u64,
}

impl Reads {
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        let of = |form: Form| {
            let wanted = wanted.iter().copied();
            wanted.filter(|wanted| wanted.form == form).collect()
        };
        Self {
            texts: of(Form::Text),
            dumps: of(Form::Dump),
            from: 0,
        }
    }

    /// What the next command is; `None` when all is read.
    pub(super) fn kind(&self) -> Option<QueryKind> {
        if !self.texts.is_empty() {
            Some(QueryKind::Read)
        } else if !self.dumps.is_empty() {
            Some(QueryKind::Dump)
        } else {
            None
        }
    }

    /// Whether the next command, of so much at most, may go with others of so many bytes without waiting for them.
    pub(super) fn fits(&self, most: u64, ahead: u64, bytes: u64) -> bool {
        let next = match (self.texts.front(), self.dumps.front()) {
            (Some(_), _) => most,
            (None, Some(dump)) => dump.bytes,
            (None, None) => return false,
        };
        bytes.saturating_add(next) <= ahead
    }

    /// The next command, of about so many bytes at most where it can be cut, and those bytes.
    pub(super) fn next(&mut self, most: u64) -> Option<(Read, u64)> {
        let Some(first) = self.texts.front().copied() else {
            let dump = self.dumps.pop_front()?;
            return Some((Read::Dump(dump.place), dump.bytes));
        };
        let piece = most.clamp(1, limits::READ_PIECE_BYTES);
        if self.from > 0 || first.bytes > piece {
            let (from, to) = (self.from, first.bytes.min(self.from + piece));
            self.from = to;
            if to == first.bytes {
                self.texts.pop_front();
                self.from = 0;
            }
            let place = first.place;
            return Some((Read::Piece { place, from, to }, to - from));
        }
        let mut places = Vec::new();
        let mut bytes = 0;
        while let Some(text) = self.texts.front() {
            let fits = places.is_empty() || bytes + text.bytes <= most;
            if !fits || text.bytes > piece {
                break;
            }
            places.push(text.place);
            bytes += text.bytes;
            self.texts.pop_front();
        }
        Some((Read::Texts(places), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Read, Reads, Wanted};
    use crate::limits;
    use crate::pace::QueryKind;

    fn wanted(form: Form, sizes: &[u64]) -> Vec<Wanted> {
        let wanted = sizes.iter().enumerate();
        wanted
            .map(|(place, bytes)| Wanted {
                place,
                form,
                bytes: *bytes,
            })
            .collect()
    }

    #[test]
    fn p33_strings_go_together_up_to_the_bytes_of_a_reply() {
        let mut reads = Reads::new(&wanted(Form::Text, &[0, 400, 600, 1, 999, 1000, 0]));
        let mut cut = Vec::new();
        while let Some((read, bytes)) = reads.next(1000) {
            assert!(bytes <= 1000);
            cut.push(read);
        }
        assert_eq!(
            cut,
            [
                Read::Texts(vec![0, 1, 2]),
                Read::Texts(vec![3, 4]),
                Read::Texts(vec![5, 6]),
            ]
        );
    }

    #[test]
    fn p32d_a_large_string_is_read_in_pieces_that_follow_each_other() {
        for size in [1, 2, 3] {
            let bytes = limits::READ_PIECE_BYTES * size + 1;
            let mut reads = Reads::new(&wanted(Form::Text, &[5, bytes, 7]));
            assert_eq!(reads.next(u64::MAX), Some((Read::Texts(vec![0]), 5)));
            let mut at = 0;
            while at < bytes {
                let Some((Read::Piece { place: 1, from, to }, read)) = reads.next(u64::MAX) else {
                    panic!("pieces first")
                };
                assert_eq!((from, to - from), (at, read));
                assert!(read <= limits::READ_PIECE_BYTES);
                at = to;
            }
            assert_eq!(reads.next(u64::MAX), Some((Read::Texts(vec![2]), 7)));
            assert_eq!(reads.kind(), None);
        }
    }

    #[test]
    fn a_turn_of_little_makes_small_pieces_and_every_byte_is_read_once() {
        let mut reads = Reads::new(&wanted(Form::Text, &[10_000, 3]));
        // The turns differ.
        let mut at = 0;
        for most in [1024, 4096, 1024, 10_000] {
            let Some((Read::Piece { from, to, .. }, _)) = reads.next(most) else {
                panic!("a piece")
            };
            assert_eq!(from, at);
            assert!(to - from <= most);
            at = to;
        }
        assert_eq!(at, 10_000);
        assert_eq!(reads.next(1024), Some((Read::Texts(vec![1]), 3)));
    }

    #[test]
    fn dumps_come_one_a_command_behind_the_strings() {
        let mut all = wanted(Form::Dump, &[70, 80]);
        all.push(Wanted {
            place: 2,
            form: Form::Text,
            bytes: 1,
        });
        let mut reads = Reads::new(&all);
        assert_eq!(reads.kind(), Some(QueryKind::Read));
        assert_eq!(reads.next(10), Some((Read::Texts(vec![2]), 1)));
        assert_eq!(reads.kind(), Some(QueryKind::Dump));
        assert_eq!(reads.next(10), Some((Read::Dump(0), 70)));
        assert_eq!(reads.next(10), Some((Read::Dump(1), 80)));
        assert_eq!(reads.next(10), None);
    }
}
