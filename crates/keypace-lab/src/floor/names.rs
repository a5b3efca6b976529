//! Names of numbered keys in their wire form, made as they are needed. Must not hold them all: there may be millions.

use std::io::Write as _;
use std::ops::Range;

use crate::limits;

/// Keys named by a prefix and a number, as [`crate::seed::strings`] writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<'a> {
    pub(super) prefix: &'a [u8],
    pub(super) range: Range<u64>,
}

impl<'a> Numbered<'a> {
    /// The keys of these numbers.
    #[must_use]
    pub fn new(prefix: &'a [u8], range: Range<u64>) -> Self {
        Self { prefix, range }
    }
}

/// One command with all names, handed out in pieces.
pub(super) struct Names<'a> {
    prefix: &'a [u8],
    left: Range<u64>,
    head: Vec<u8>,
}

impl<'a> Names<'a> {
    pub(super) fn new(verb: &str, keys: &Numbered<'a>) -> Self {
        let words = keys.range.end.saturating_sub(keys.range.start) + 1;
        Self {
            prefix: keys.prefix,
            left: keys.range.clone(),
            head: format!("*{words}\r\n${}\r\n{verb}\r\n", verb.len()).into_bytes(),
        }
    }

    /// Puts the next piece in place of what is in `piece`; false where nothing is left.
    pub(super) fn fill(&mut self, piece: &mut Vec<u8>) -> bool {
        piece.clear();
        piece.append(&mut self.head);
        while piece.len() < limits::WRITE_CHUNK_BYTES {
            let Some(number) = self.left.next() else {
                break;
            };
            push_name(piece, self.prefix, number);
        }
        !piece.is_empty()
    }
}

/// Appends `$9\r\nprefix:12\r\n`.
pub(super) fn push_name(out: &mut Vec<u8>, prefix: &[u8], number: u64) {
    let digits = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    // A Vec takes every write.
    let _ = write!(out, "${}\r\n", prefix.len() + digits);
    out.extend_from_slice(prefix);
    let _ = write!(out, "{number}\r\n");
}

#[cfg(test)]
mod tests {
    use super::Names;
    use super::Numbered;
    use super::push_name;
    use crate::limits;

    #[test]
    fn names_have_their_lengths() {
        for (number, wire) in [
            (0, "$2\r\nk0\r\n"),
            (9, "$2\r\nk9\r\n"),
            (10, "$3\r\nk10\r\n"),
            (12_345, "$6\r\nk12345\r\n"),
        ] {
            let mut out = Vec::new();
            push_name(&mut out, b"k", number);
            assert_eq!(out, wire.as_bytes());
        }
    }

    #[test]
    fn a_command_comes_whole_in_bounded_pieces() {
        let keys = Numbered::new(b"session:", 0..20_000);
        let mut names = Names::new("UNLINK", &keys);
        let mut whole = Vec::new();
        let mut piece = Vec::new();
        while names.fill(&mut piece) {
            assert!(piece.len() < limits::WRITE_CHUNK_BYTES + 100);
            whole.extend_from_slice(&piece);
        }
        assert!(whole.starts_with(b"*20001\r\n$6\r\nUNLINK\r\n$9\r\nsession:0\r\n"));
        assert!(whole.ends_with(b"$13\r\nsession:19999\r\n"));
        assert_eq!(whole.iter().filter(|byte| **byte == b'$').count(), 20_001);
    }

    #[test]
    fn no_names_are_a_command_without_any() {
        let mut names = Names::new("DEL", &Numbered::new(b"k", 3..3));
        let mut piece = Vec::new();
        assert!(names.fill(&mut piece));
        assert_eq!(piece, b"*1\r\n$3\r\nDEL\r\n");
        assert!(!names.fill(&mut piece));
    }
}
