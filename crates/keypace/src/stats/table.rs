//! What is known of each prefix, for the heaviest of them; of the others together. Bounded, and pure.

use std::time::Duration;

use super::heavy::Heavy;
use super::histogram::Ages;
use super::sample::{Estimate, Measured, Sizes};
use crate::key::Escaped;
use crate::limits;
use crate::report::{Named, PrefixStats};

/// The row of keys that are in no row of their own, and the type of keys whose own is not told apart.
const OTHERS: &str = "(others)";

/// The number of a type that was not asked for.
pub(super) const UNASKED: u8 = u8::MAX;

/// What was found out about one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// A place in [`TypeNames`], or `UNASKED`.
    pub(super) kind: u8,
    /// It never expires.
    pub(super) is_lasting: bool,
    pub(super) ttl: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) bytes: Option<u64>,
    /// It belongs to the share that is measured.
    pub(super) is_chosen: bool,
}

/// Names of types, each with a number.
#[derive(Debug, Clone, Default)]
pub(super) struct TypeNames(Vec<Box<str>>);

impl TypeNames {
    /// The number of a name. The last number is for all that find no place.
    pub(super) fn number(&mut self, name: &str) -> u8 {
        match self.known(name) {
            Some(number) => number,
            None if self.0.len() < limits::STATS_TYPES - 1 => {
                self.0.push(name.into());
                self.0.len() as u8 - 1
            }
            None => limits::STATS_TYPES as u8 - 1,
        }
    }

    /// The number of a name, if it has one by now.
    fn known(&self, name: &str) -> Option<u8> {
        let place = self.0.iter().position(|own| **own == *name)?;
        Some(place as u8)
    }

    pub(super) fn name(&self, number: u8) -> &str {
        self.0.get(usize::from(number)).map_or(OTHERS, |name| name)
    }
}

/// What is known of the keys of one prefix and one type. Each is estimated for itself: a sorted set among strings says
/// nothing about their sizes.
#[derive(Debug, Clone, Default)]
struct OfType {
    kind: u8,
    keys: u64,
    sizes: Measured,
}

/// What is known of the keys of one prefix.
#[derive(Debug, Clone, Default)]
struct Row {
    keys: u64,
    /// Few: most prefixes have one type.
    types: Vec<OfType>,
    no_ttl: u64,
    ttl: Ages,
    idle: Ages,
}

/// The chosen keys of all prefixes by type: what is known of a row where none was measured.
struct Chosen(Vec<(u8, Sizes)>);

impl Chosen {
    fn add(&mut self, row: &Row) {
        for own in &row.types {
            match self.0.iter_mut().find(|(kind, _)| *kind == own.kind) {
                Some((_, sizes)) => sizes.merge(&own.sizes.chosen),
                None => self.0.push((own.kind, own.sizes.chosen)),
            }
        }
    }

    fn of(&self, kind: u8) -> Sizes {
        let own = self.0.iter().find(|(own, _)| *own == kind);
        own.map_or_else(Sizes::default, |(_, sizes)| *sizes)
    }
}

impl Row {
    fn add(&mut self, seen: &Seen) {
        self.keys += 1;
        let own = self.of_type(seen.kind);
        own.keys += 1;
        if let Some(bytes) = seen.bytes {
            own.sizes.add(bytes, seen.is_chosen);
        }
        self.no_ttl += u64::from(seen.is_lasting);
        if let Some(ttl) = seen.ttl {
            self.ttl.add(ttl);
        }
        if let Some(idle) = seen.idle {
            self.idle.add(idle);
        }
    }

    /// Adds another row; `kinds` says what number a type of its has here.
    fn merge(&mut self, other: &Self, kinds: impl Fn(u8) -> u8) {
        self.keys += other.keys;
        for theirs in &other.types {
            let own = self.of_type(kinds(theirs.kind));
            own.keys += theirs.keys;
            own.sizes.merge(&theirs.sizes);
        }
        self.no_ttl += other.no_ttl;
        self.ttl.merge(&other.ttl);
        self.idle.merge(&other.idle);
    }

    fn of_type(&mut self, kind: u8) -> &mut OfType {
        let place = self.types.iter().position(|own| own.kind == kind);
        let place = place.unwrap_or_else(|| {
            self.types.push(OfType {
                kind,
                ..OfType::default()
            });
            self.types.len() - 1
        });
        &mut self.types[place]
    }

    fn estimate(&self, chosen: &Chosen) -> Estimate {
        let mut all = Estimate::default();
        for own in &self.types {
            let part = own.sizes.estimate(own.keys, &chosen.of(own.kind));
            all.bytes += part.bytes;
            all.variance += part.variance;
        }
        all
    }

    fn measured(&self) -> u64 {
        self.types.iter().map(|own| own.sizes.number()).sum()
    }

    fn shown(&self, prefix: String, names: &TypeNames, chosen: &Chosen) -> PrefixStats {
        let Estimate { bytes, variance } = self.estimate(chosen);
        let asked = self.types.iter().filter(|own| own.kind != UNASKED);
        let mut types: Vec<_> = asked
            .map(|own| (names.name(own.kind).to_owned(), own.keys))
            .collect();
        types.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        PrefixStats {
            prefix,
            keys: self.keys,
            bytes: bytes.round() as u64,
            bytes_error: variance.sqrt().ceil() as u64,
            measured: self.measured(),
            types: Named(types),
            no_ttl: self.no_ttl,
            ttl_seconds: self.ttl.named(),
            idle_seconds: self.idle.named(),
        }
    }
}

/// Rows by prefix.
#[derive(Debug, Clone)]
pub(super) struct Table {
    rows: Heavy<Row>,
    others: Row,
    pub(super) types: TypeNames,
    /// Keys that were measured by the number of their type, over all prefixes.
    measured: [u64; limits::STATS_TYPES],
}

impl Table {
    /// Of so many prefixes at most.
    pub(super) fn new(most: usize) -> Self {
        Self {
            rows: Heavy::new(most),
            others: Row::default(),
            types: TypeNames::default(),
            measured: [0; limits::STATS_TYPES],
        }
    }

    pub(super) fn add(&mut self, prefix: &[u8], seen: &Seen) {
        if let (Some(_), Some(of_type)) =
            (seen.bytes, self.measured.get_mut(usize::from(seen.kind)))
        {
            *of_type += 1;
        }
        if prefix.len() > limits::MAX_PREFIX_BYTES {
            self.others.add(seen);
            return;
        }
        let others = &mut self.others;
        let row = self
            .rows
            .meet(prefix, |gone| others.merge(gone, |kind| kind));
        row.add(seen);
    }

    /// Whether the keys of a prefix and type are still measured for being its first. Not once rows were let go of: a prefix
    /// that comes again and again would have first keys each time. The first of a type are measured wherever they are.
    pub(super) fn wants_first(&self, prefix: &[u8], kind: Option<&str>) -> bool {
        let kind = kind.map_or(Some(UNASKED), |kind| self.types.known(kind));
        let of_type = kind.map_or(0, |kind| {
            self.measured
                .get(usize::from(kind))
                .copied()
                .unwrap_or(u64::MAX)
        });
        if of_type < limits::STATS_FIRST_MEASURED {
            return true;
        }
        let measured = |row: &Row| {
            let own = row.types.iter().find(|own| Some(own.kind) == kind);
            own.map_or(0, |own| own.sizes.first.measured)
        };
        self.rows.is_exact()
            && prefix.len() <= limits::MAX_PREFIX_BYTES
            && self.rows.get(prefix).map_or(0, measured) < limits::STATS_FIRST_MEASURED
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let kinds: Vec<u8> = (0..limits::STATS_TYPES as u8)
            .map(|kind| match other.types.0.get(usize::from(kind)) {
                Some(name) => self.types.number(name),
                None => limits::STATS_TYPES as u8 - 1,
            })
            .collect();
        let kind = |theirs: u8| kinds.get(usize::from(theirs)).copied().unwrap_or(UNASKED);
        self.others.merge(&other.others, kind);
        // Rows that come over whole keep their numbers: they are told ours first.
        let mut theirs = other.rows.clone();
        theirs.each(|row| {
            let own = std::mem::take(row);
            row.merge(&own, kind);
        });
        let others = &mut self.others;
        self.rows.merge(
            &theirs,
            |mine, theirs| mine.merge(theirs, |kind| kind),
            |gone| others.merge(gone, |kind| kind),
        );
    }

    /// So many keys at most are missing from a row and are among the others.
    pub(super) fn missing(&self) -> u64 {
        self.rows.floor()
    }

    /// What all keys take, and how many were measured.
    pub(super) fn bytes(&self) -> (Estimate, u64) {
        let chosen = self.chosen();
        let mut all = self.others.estimate(&chosen);
        let mut measured = self.others.measured();
        for (_, row) in self.rows.iter() {
            let own = row.estimate(&chosen);
            all.bytes += own.bytes;
            // Rows are estimated each for itself.
            all.variance += own.variance;
            measured += row.measured();
        }
        (all, measured)
    }

    /// The rows, the most keys first, and the others last.
    pub(super) fn shown(&self) -> Vec<PrefixStats> {
        let mut rows: Vec<(&[u8], &Row)> = self.rows.iter().collect();
        let chosen = self.chosen();
        rows.sort_unstable_by(|a, b| b.1.keys.cmp(&a.1.keys).then_with(|| a.0.cmp(b.0)));
        let mut shown: Vec<PrefixStats> = rows
            .into_iter()
            .map(|(prefix, row)| row.shown(Escaped::new(prefix).to_string(), &self.types, &chosen))
            .collect();
        if self.others.keys > 0 {
            let others = self.others.shown(OTHERS.to_owned(), &self.types, &chosen);
            shown.push(others);
        }
        shown
    }

    fn chosen(&self) -> Chosen {
        let mut all = Chosen(Vec::new());
        all.add(&self.others);
        self.rows.iter().for_each(|(_, row)| all.add(row));
        all
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}
