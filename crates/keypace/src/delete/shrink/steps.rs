//! The steps by which a collection is taken apart: which command takes how many elements. Pure.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::key::Key;
use crate::limits;
use crate::port::Reply;

/// A type whose values are made of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    List,
    Set,
    Zset,
    Hash,
    Stream,
}

impl Collection {
    /// As TYPE names it. `None` for strings, which are freed in one piece anyway, and for what modules make.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"list" => Some(Self::List),
            b"set" => Some(Self::Set),
            b"zset" => Some(Self::Zset),
            b"hash" => Some(Self::Hash),
            b"stream" => Some(Self::Stream),
            _ => None,
        }
    }

    /// The command that counts its elements.
    pub(super) fn length(self) -> &'static str {
        match self {
            Self::List => "LLEN",
            Self::Set => "SCARD",
            Self::Zset => "ZCARD",
            Self::Hash => "HLEN",
            Self::Stream => "XLEN",
        }
    }

    /// The command that names its elements, where they have to be named to be taken out.
    pub(super) fn scan(self) -> &'static str {
        match self {
            Self::Hash => "HSCAN",
            Self::List | Self::Set | Self::Zset | Self::Stream => "SSCAN",
        }
    }
}

/// A number that counts elements.
pub(super) fn elements(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Int(elements) => u64::try_from(*elements).ok(),
        _ => None,
    }
}

/// Where the taking apart of one value is.
#[derive(Debug)]
pub(super) struct Step {
    kind: Collection,
    left: u64,
    /// How many more are taken out at most: others may put in as fast.
    may_take: u64,
    cursor: Bytes,
    /// Elements that were named and are still in.
    names: VecDeque<Bytes>,
    /// Bytes of an element, of the last that were named.
    name_bytes: Option<usize>,
}

impl Step {
    pub(super) fn first(kind: Collection, elements: u64) -> Self {
        Self {
            kind,
            left: elements,
            may_take: elements,
            cursor: Bytes::from_static(b"0"),
            names: VecDeque::new(),
            name_bytes: None,
        }
    }

    /// The rest may go at once.
    pub(super) fn is_over(&self) -> bool {
        self.left <= limits::SHRINK_ABOVE_ELEMENTS || self.may_take == 0
    }

    /// Elements of the next command, where the pace allows so many. One element is always left: the key has to be there when
    /// it is deleted, to be counted.
    pub(super) fn most(&self, units: u32) -> usize {
        let most = (units as usize).clamp(1, limits::SHRINK_STEP_ELEMENTS);
        if !self.has_names() {
            return most;
        }
        if !self.names.is_empty() {
            return most.min(self.names.len());
        }
        // A first look shows how long they are.
        let fit = self.name_bytes.map_or(limits::SHRINK_FIRST_NAMES, |bytes| {
            limits::SHRINK_REPLY_BYTES / bytes.max(1)
        });
        most.min(fit.max(1))
    }

    fn has_names(&self) -> bool {
        matches!(self.kind, Collection::Set | Collection::Hash)
    }

    /// Whether elements have to be named first.
    pub(super) fn wants_names(&self) -> bool {
        self.has_names() && self.names.is_empty()
    }

    /// A walk over the names has ended without one: it may be that none is left.
    pub(super) fn has_found_none(&self) -> bool {
        self.wants_names() && self.cursor == "0"
    }

    /// The question for names, about so many.
    pub(super) fn scan(&self, key: &Key, most: usize) -> Vec<Bytes> {
        vec![
            word(self.kind.scan()),
            Bytes::copy_from_slice(key.as_bytes()),
            self.cursor.clone(),
            word("COUNT"),
            number(most as u64),
        ]
    }

    /// Takes names from the answer. `false` where it is none.
    pub(super) fn names(&mut self, reply: &Reply) -> bool {
        let Reply::Array(parts) = reply else {
            return false;
        };
        let [Reply::Bulk(cursor), Reply::Array(items)] = parts.as_slice() else {
            return false;
        };
        self.cursor = cursor.clone();
        // A hash's fields have their values beside them.
        let every = match self.kind {
            Collection::Hash => 2,
            _ => 1,
        };
        let mut bytes = 0;
        for (place, item) in items.iter().enumerate() {
            let Reply::Bulk(item) = item else {
                return false;
            };
            bytes += item.len();
            if place % every == 0 {
                self.names.push_back(item.clone());
            }
        }
        if !self.names.is_empty() {
            self.name_bytes = Some(bytes / self.names.len());
        }
        true
    }

    /// The command that takes so many out.
    pub(super) fn removal(&mut self, key: &Key, most: usize) -> (&'static str, Vec<Bytes>) {
        let key = Bytes::copy_from_slice(key.as_bytes());
        let many = most as u64;
        match self.kind {
            Collection::List => {
                let last = format!("-{}", many + 1);
                ("LTRIM", vec![word("LTRIM"), key, number(0), last.into()])
            }
            Collection::Zset => {
                let words = vec![word("ZREMRANGEBYRANK"), key, number(0), number(many - 1)];
                ("ZREMRANGEBYRANK", words)
            }
            Collection::Stream => {
                let rest = number(self.left.saturating_sub(many));
                ("XTRIM", vec![word("XTRIM"), key, word("MAXLEN"), rest])
            }
            Collection::Set | Collection::Hash => {
                let command = match self.kind {
                    Collection::Hash => "HDEL",
                    _ => "SREM",
                };
                let mut words = vec![word(command), key];
                words.extend(self.names.drain(..most.min(self.names.len())));
                (command, words)
            }
        }
    }

    /// So many were to be taken out, and so many are left.
    pub(super) fn took(&mut self, taken: u64, left: u64) {
        self.left = left;
        self.may_take = self.may_take.saturating_sub(taken);
    }
}

fn word(word: &'static str) -> Bytes {
    Bytes::from_static(word.as_bytes())
}

fn number(number: u64) -> Bytes {
    number.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::{Collection, Step};
    use crate::key::Key;
    use crate::limits;
    use crate::port::Reply;
    use bytes::Bytes;

    const MANY: u64 = 10 * limits::SHRINK_ABOVE_ELEMENTS;

    fn text(words: &[Bytes]) -> String {
        let words: Vec<_> = words
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        words.join(" ")
    }

    #[test]
    fn p23_each_type_has_a_command_that_takes_a_bounded_number() {
        let key = Key::new("k");
        for (kind, wanted) in [
            (Collection::List, "LTRIM k 0 -8".to_owned()),
            (Collection::Zset, "ZREMRANGEBYRANK k 0 6".to_owned()),
            (Collection::Stream, format!("XTRIM k MAXLEN {}", MANY - 7)),
        ] {
            let mut step = Step::first(kind, MANY);
            assert!(!step.wants_names());
            assert_eq!(step.most(7), 7);
            assert_eq!(text(&step.removal(&key, 7).1), wanted);
        }
        assert_eq!(Collection::named(b"string"), None);
        assert_eq!(Collection::named(b"ReJSON-RL"), None);
    }

    #[test]
    fn p23_members_are_named_and_taken_out_in_bounded_numbers() {
        let key = Key::new("k");
        let mut step = Step::first(Collection::Hash, MANY);
        assert_eq!(step.most(10_000), limits::SHRINK_FIRST_NAMES);
        assert_eq!(text(&step.scan(&key, 9)), "HSCAN k 0 COUNT 9");
        let items = ["a", "1", "b", "2", "c", "3"];
        let items = items.map(|item| Reply::Bulk(Bytes::from(item)));
        let reply = Reply::Array(vec![Reply::Bulk("17".into()), Reply::Array(items.into())]);
        assert!(step.names(&reply));
        assert_eq!(step.most(2), 2);
        assert_eq!(text(&step.removal(&key, 2).1), "HDEL k a b");
        assert_eq!(step.most(10_000), 1);
        assert_eq!(text(&step.removal(&key, 1).1), "HDEL k c");
        assert!(step.wants_names());
        assert_eq!(text(&step.scan(&key, 1)), "HSCAN k 17 COUNT 1");
        assert_eq!(step.most(10_000), limits::SHRINK_STEP_ELEMENTS);
        assert!(!step.names(&Reply::Int(1)));
    }

    #[test]
    fn p23_it_ends_where_few_are_left_and_where_others_put_in_as_fast() {
        let mut step = Step::first(Collection::List, MANY);
        step.took(100, limits::SHRINK_ABOVE_ELEMENTS + 1);
        assert!(!step.is_over());
        step.took(1, limits::SHRINK_ABOVE_ELEMENTS);
        assert!(step.is_over());
        let mut step = Step::first(Collection::List, MANY);
        step.took(MANY - 1, MANY);
        assert!(!step.is_over());
        step.took(1, MANY);
        assert!(step.is_over());
    }
}
