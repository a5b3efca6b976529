//! The words of a command that removes: its name, its keys, what comes around them. Without a list of their own.

use super::script;
use crate::key::Key;
use crate::port::{Removal, decimal};

/// A command's words, one after the other.
pub(super) struct Words<'a> {
    head: [&'a [u8]; 3],
    head_len: usize,
    keys: &'a [Key],
    tail: &'a [String],
    at: usize,
}

impl<'a> Words<'a> {
    /// `UNLINK key ...`
    pub(super) fn plain(removal: Removal, keys: &'a [Key]) -> Self {
        Self {
            head: [removal.command().as_bytes(), b"", b""],
            head_len: 1,
            keys,
            tail: &[],
            at: 0,
        }
    }

    /// `EVALSHA digest numkeys key ... arg ...`, or EVAL and the whole text.
    pub(super) fn script(
        with_text: bool,
        keys: &'a [Key],
        args: &'a [String],
        digits: &'a mut [u8; 20],
    ) -> Self {
        let numkeys = decimal(keys.len() as u64, digits);
        let head = if with_text {
            [b"EVAL", script::TEXT.as_bytes(), numkeys]
        } else {
            [&b"EVALSHA"[..], script::DIGEST.as_bytes(), numkeys]
        };
        Self {
            head,
            head_len: 3,
            keys,
            tail: args,
            at: 0,
        }
    }

    fn total(&self) -> usize {
        self.head_len + self.keys.len() + self.tail.len()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let at = self.at;
        self.at += 1;
        if at < self.head_len {
            return Some(self.head[at]);
        }
        let at = at - self.head_len;
        if let Some(key) = self.keys.get(at) {
            return Some(key.as_bytes());
        }
        self.tail.get(at - self.keys.len()).map(String::as_bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.total().saturating_sub(self.at);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Words<'_> {}

#[cfg(test)]
mod tests {
    use super::Words;
    use crate::key::Key;
    use crate::port::Removal;

    #[test]
    fn words_come_in_order_and_are_counted() {
        let keys = [Key::new("a"), Key::new("b")];
        let args = ["x".to_owned()];
        let words = Words::plain(Removal::Del, &keys);
        assert_eq!(words.len(), 3);
        assert_eq!(words.collect::<Vec<_>>(), [&b"DEL"[..], b"a", b"b"]);
        let mut digits = [0; 20];
        let words = Words::script(false, &keys, &args, &mut digits);
        assert_eq!(words.len(), 6);
        let words: Vec<_> = words.collect();
        assert_eq!(words[0], b"EVALSHA");
        assert_eq!(words[2..], [&b"2"[..], b"a", b"b", b"x"]);
    }
}
