//! What `cargo xtask bench` is asked for.
//! Must not measure anything.

use crate::failure::{self, Outcome};

/// Alternating rounds: an odd number, so that the median is one of them.
const DEFAULT_ROUNDS: usize = 5;
/// The keyspace of the speed rows; half of it matches.
const DEFAULT_KEYS: u64 = 1_000_000;

/// One group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    List,
    Delete,
    Memory,
}

const ALL: [Row; 3] = [Row::List, Row::Delete, Row::Memory];

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) keys: u64,
    /// Fail where a limit is not met.
    pub(crate) check: bool,
    rows: Vec<Row>,
}

impl Options {
    pub(crate) fn read(words: &[String]) -> Outcome<Self> {
        let mut options = Self {
            rounds: DEFAULT_ROUNDS,
            keys: DEFAULT_KEYS,
            check: false,
            rows: ALL.to_vec(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| failure::usage(format!("{word} needs a value")))
            };
            match word.as_str() {
                "--check" => options.check = true,
                "--rounds" => options.rounds = at_least_one(word, value()?)?,
                "--keys" => options.keys = at_least_one(word, value()?)?,
                "--only" => options.rows = value()?.split(',').map(row).collect::<Outcome<_>>()?,
                other => return Err(failure::usage(format!("bench has no option {other:?}"))),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, row: Row) -> bool {
        self.rows.contains(&row)
    }

    /// Whether this is the run whose figures are kept: all rows at full size.
    pub(crate) fn wants_all(&self) -> bool {
        ALL.iter().all(|row| self.wants(*row)) && self.keys == DEFAULT_KEYS
    }
}

fn row(name: &str) -> Outcome<Row> {
    match name {
        "list" => Ok(Row::List),
        "delete" => Ok(Row::Delete),
        "memory" => Ok(Row::Memory),
        other => Err(failure::usage(format!(
            "--only takes list, delete and memory, not {other:?}"
        ))),
    }
}

fn at_least_one<N: std::str::FromStr + PartialOrd + From<u8>>(
    name: &str,
    word: &str,
) -> Outcome<N> {
    let number = word.parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| failure::usage(format!("{name} takes a number from 1 on, not {word:?}")))
}

#[cfg(test)]
mod tests {
    use super::Options;
    use super::Row;

    fn read(text: &str) -> Option<Options> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::read(&words).ok()
    }

    #[test]
    fn options_are_read() {
        let all = read("").expect("defaults");
        assert!(all.wants_all() && !all.check && all.rounds == 5);
        let some = read("--only list,memory --rounds 3 --keys 1000 --check").expect("options");
        assert!(some.wants(Row::List) && some.wants(Row::Memory) && !some.wants(Row::Delete));
        assert!(some.check && some.rounds == 3 && some.keys == 1000 && !some.wants_all());
    }

    #[test]
    fn mistakes_are_refused() {
        for text in [
            "--rounds",
            "--rounds 0",
            "--rounds x",
            "--only speed",
            "--keys -1",
            "list",
        ] {
            assert!(read(text).is_none(), "{text:?} was accepted");
        }
    }
}
