//! What a keyspace is made of: facts about keys go in one by one, in bounded room, and a report comes out. Pure: talks to
//! no server, knows no cursor, and drops what it is told to take back as a whole only.
//!
//! - By prefix ([`table`]): keys, types, TTLs and idle times in classes of fixed bounds ([`histogram`]), and bytes. Rows are
//!   kept for the `limits::STATS_PREFIXES` prefixes with the most keys ([`heavy`]), the rest is one row.
//! - Bytes are those of the keys that were measured, and for the others what these say about them ([`sample`]).
//! - The biggest of the measured keys by name ([`biggest`]).

mod biggest;
mod heavy;
mod histogram;
mod options;
mod sample;
mod table;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::biggest::{Big, Biggest};
pub use self::options::StatsOptions;
use self::table::{Seen, Table, UNASKED};
use crate::key::{Facts, Key, Ttl, TypeName};
use crate::limits;
use crate::report::{BigKey, StatsReport};

/// Statistics so far.
#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    options: StatsOptions,
    table: Table,
    keys: u64,
    biggest: Biggest,
    /// Sizes came as numbers of elements.
    has_elements: bool,
    /// Why there are no idle times, and no bytes.
    idle_note: Option<String>,
    bytes_note: Option<String>,
}

impl Aggregate {
    /// Of no key yet.
    pub(crate) fn new(options: StatsOptions) -> Self {
        Self {
            options,
            table: Table::new(limits::STATS_PREFIXES),
            keys: 0,
            biggest: Biggest::new(options.top),
            has_elements: false,
            idle_note: None,
            bytes_note: None,
        }
    }

    /// All that was added is added again.
    pub(crate) fn restart(&mut self) {
        *self = Self {
            idle_note: self.idle_note.take(),
            bytes_note: self.bytes_note.take(),
            ..Self::new(self.options)
        };
    }

    /// Says why no idle times will come.
    pub(crate) fn lacks_idle(&mut self, why: Option<String>) {
        self.idle_note = why;
    }

    /// Says why no bytes will come.
    pub(crate) fn lacks_bytes(&mut self, why: Option<String>) {
        self.bytes_note = why;
    }

    /// Whether this key is to be measured, of which the type is known: it belongs to the share, or to the first of its
    /// prefix and type.
    pub(crate) fn wants_size(&self, key: &Key, facts: &Facts) -> bool {
        let name = key.as_bytes();
        let kind = facts.kind.as_ref().map(TypeName::as_str);
        sample::is_chosen(name, self.options.share)
            || self.table.wants_first(self.prefix_of(name), kind)
    }

    /// A key was there, and this is known of it. What was not asked is not counted.
    pub(crate) fn add(&mut self, key: &Key, facts: &Facts) {
        let name = key.as_bytes();
        let kind = facts.kind.as_ref();
        let kind = kind.map_or(UNASKED, |kind| self.table.types.number(kind.as_str()));
        let mut bytes = None;
        if let Some(size) = facts.size {
            // Elements are no bytes: they have no place in sums.
            self.has_elements |= size.is_elements;
            bytes = Some(size.amount).filter(|_| !size.is_elements);
            self.biggest.add(key, kind, size.amount, size.is_elements);
        }
        let seen = Seen {
            kind,
            is_lasting: facts.ttl == Some(Ttl::None),
            ttl: match facts.ttl {
                Some(Ttl::Left(left)) => Some(left),
                Some(Ttl::None) | None => None,
            },
            idle: facts.idle,
            bytes,
            is_chosen: sample::is_chosen(name, self.options.share),
        };
        self.keys += 1;
        let prefix = prefix_of(name, self.options.separator, self.options.depth);
        self.table.add(prefix, &seen);
    }

    /// Takes in what was found on another node.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.keys == 0 {
            // All that it had was taken back.
            return;
        }
        let note = |mine: &mut Option<String>, theirs: &Option<String>| {
            *mine = mine.take().or_else(|| theirs.clone());
        };
        note(&mut self.idle_note, &other.idle_note);
        note(&mut self.bytes_note, &other.bytes_note);
        self.table.merge(&other.table);
        self.keys += other.keys;
        self.has_elements |= other.has_elements;
        for big in other.biggest.sorted() {
            let kind = self.table.types.number(other.table.types.name(big.kind));
            self.biggest.add(big.key(), kind, big.size, big.is_elements);
        }
    }

    /// What was found. Whether that is all there is, and how it was walked, is for others to say.
    pub(crate) fn report(&self) -> StatsReport {
        let (bytes, measured) = self.table.bytes();
        let biggest = self.biggest.sorted();
        let elements = self.has_elements.then(|| {
            "the server has no MEMORY USAGE: the biggest keys are those with the most elements"
                .to_owned()
        });
        StatsReport {
            keys: self.keys,
            bytes: bytes.bytes.round() as u64,
            bytes_error: bytes.variance.sqrt().ceil() as u64,
            measured,
            sample: self.options.share,
            prefixes: self.table.shown(),
            prefix_keys_error: self.table.missing(),
            biggest: biggest.into_iter().map(|big| self.shown(big)).collect(),
            idle_note: self.idle_note.clone(),
            bytes_note: self.bytes_note.clone().or(elements),
            ..StatsReport::default()
        }
    }

    fn shown(&self, big: &Big) -> BigKey {
        let name = big.key().as_bytes();
        let text = std::str::from_utf8(name).ok();
        BigKey {
            key: text.map_or_else(|| big.key().escaped().to_string(), str::to_owned),
            key_b64: text.is_none().then(|| STANDARD.encode(name)),
            kind: self.table.types.name(big.kind).to_owned(),
            bytes: if big.is_elements { 0 } else { big.size },
            elements: big.is_elements.then_some(big.size),
        }
    }

    fn prefix_of<'a>(&self, name: &'a [u8]) -> &'a [u8] {
        prefix_of(name, self.options.separator, self.options.depth)
    }
}

/// The first `depth` segments of a name with their separators, or as many as it has.
fn prefix_of(name: &[u8], separator: u8, depth: usize) -> &[u8] {
    let ends = name
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == separator)
        .map(|(at, _)| at + 1);
    ends.take(depth).last().map_or(&[], |end| &name[..end])
}
