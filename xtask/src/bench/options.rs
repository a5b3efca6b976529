//! What `cargo xtask bench` is asked for: which groups of rows, how large, and what to do with them.
//! Must not measure anything.

use super::check::CHECK_ROUNDS;
use crate::failure::{self, Outcome};

/// Alternating rounds, as the promise is stated: an odd number, so that the median is one of them.
const DEFAULT_ROUNDS: usize = 5;
/// The keyspace of the first figures. Most groups delete half of it; a small one is for trying a group out.
const DEFAULT_KEYS: u64 = 1_000_000;

/// One group of rows, kept in one file for each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    List,
    Delete,
    Memory,
    Ways,
    Promise,
    Rivals,
    Yield,
    Big,
    Replica,
    Steady,
    Cluster,
    Lanes,
    Backup,
    Filters,
    Stats,
    Bulk,
    Records,
    Audit,
}

impl Group {
    pub(crate) const ALL: [Self; 18] = [
        Self::List,
        Self::Delete,
        Self::Memory,
        Self::Ways,
        Self::Promise,
        Self::Rivals,
        Self::Yield,
        Self::Big,
        Self::Replica,
        Self::Steady,
        Self::Cluster,
        Self::Lanes,
        Self::Backup,
        Self::Filters,
        Self::Stats,
        Self::Bulk,
        Self::Records,
        Self::Audit,
    ];
    /// Those with a count, a ratio or memory of our own to compare. The replica's limits gate, and the
    /// ratios of the cluster, of lanes, backups and filters, where `--only` names them; the others have times and rivals only, and a check of them is refused, as it could not fail.
    const GATING: [Self; 5] = [
        Self::List,
        Self::Delete,
        Self::Memory,
        Self::Ways,
        Self::Promise,
    ];

    /// As `--only` and file names have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Delete => "delete",
            Self::Memory => "memory",
            Self::Ways => "ways",
            Self::Promise => "promise",
            Self::Rivals => "rivals",
            Self::Yield => "yield",
            Self::Big => "big",
            Self::Replica => "replica",
            Self::Steady => "steady",
            Self::Cluster => "cluster",
            Self::Lanes => "lanes",
            Self::Backup => "backup",
            Self::Filters => "filters",
            Self::Stats => "stats",
            Self::Bulk => "bulk",
            Self::Records => "records",
            Self::Audit => "audit",
        }
    }

    fn named(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|group| group.name() == name);
        found.ok_or_else(|| {
            failure::usage(format!(
                "--only takes {}, not {name:?}",
                Self::ALL.map(Self::name).join(", ")
            ))
        })
    }
}

/// What is done with what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Measure and keep.
    Keep,
    /// Measure and compare with what is kept.
    Check,
    /// Measure nothing: write the document from what is kept.
    Document,
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) task: Task,
    pub(crate) groups: Vec<Group>,
    pub(crate) keys: u64,
    is_on_all: bool,
    rounds: Option<usize>,
}

impl Options {
    pub(crate) fn read(words: &[String]) -> Outcome<Self> {
        let mut task = Task::Keep;
        let mut groups = None;
        let mut rounds = None;
        let mut is_on_all = false;
        let mut keys = DEFAULT_KEYS;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .ok_or_else(|| failure::usage(format!("{word} needs a value")))
            };
            match word.as_str() {
                "--check" => task = Task::Check,
                "--all" => is_on_all = true,
                "--doc" => task = Task::Document,
                "--rounds" => rounds = Some(at_least_one(word, value()?)?),
                "--keys" => keys = at_least_one(word, value()?)?,
                "--only" => {
                    let named = value()?.split(',').map(Group::named);
                    groups = Some(named.collect::<Outcome<Vec<_>>>()?);
                }
                other => return Err(failure::usage(format!("bench has no option {other:?}"))),
            }
        }
        let all = match task {
            Task::Check => Group::GATING.to_vec(),
            Task::Keep | Task::Document => Group::ALL.to_vec(),
        };
        Ok(Self {
            task,
            groups: groups.unwrap_or(all),
            keys,
            is_on_all,
            rounds,
        })
    }

    /// Rounds of a group: what was asked for, else what its comparison takes.
    pub(crate) fn rounds(&self, group: Group) -> usize {
        let usual = match (self.task, group) {
            // These two are kept for nothing but their ratio.
            (Task::Check, _) | (_, Group::List | Group::Delete) => CHECK_ROUNDS,
            (Task::Keep | Task::Document, _) => DEFAULT_ROUNDS,
        };
        self.rounds.unwrap_or(usual)
    }

    /// On how many of the server programs a group is measured. The keyspaces of `stats` and `records` are the largest, and
    /// what they judge is keypace's own memory and its round trips: one program is enough, unless `--all` asks for all.
    pub(crate) fn programs_of(&self, group: Group) -> usize {
        match group {
            Group::Stats | Group::Records if !self.is_on_all => 1,
            // It asks no server.
            Group::Audit => 1,
            _ => usize::MAX,
        }
    }

    /// Whether the figures are ones to keep: at full size, and with enough rounds for a median.
    pub(crate) fn is_full_size(&self) -> bool {
        self.keys == DEFAULT_KEYS && self.rounds.is_none_or(|rounds| rounds >= DEFAULT_ROUNDS)
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
    use super::CHECK_ROUNDS;
    use super::Group;
    use super::Options;
    use super::Task;

    fn read(text: &str) -> Option<Options> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::read(&words).ok()
    }

    #[test]
    fn options_are_read() {
        let all = read("").expect("defaults");
        assert_eq!((all.task, all.rounds(Group::Promise)), (Task::Keep, 5));
        assert_eq!(all.rounds(Group::List), CHECK_ROUNDS);
        assert_eq!(all.groups, Group::ALL);
        assert!(all.is_full_size());
        let some = read("--only list,steady --rounds 3 --keys 1000").expect("options");
        assert_eq!(some.groups, [Group::List, Group::Steady]);
        assert_eq!((some.rounds(Group::List), some.keys), (3, 1000));
        assert!(!some.is_full_size());
        assert_eq!(some.programs_of(Group::Stats), 1);
        assert_eq!(some.programs_of(Group::Records), 1);
        assert_eq!(some.programs_of(Group::List), usize::MAX);
        let on_all = read("--only stats --all").expect("options");
        assert_eq!(on_all.programs_of(Group::Stats), usize::MAX);
    }

    #[test]
    fn a_check_has_groups_and_rounds_of_its_own() {
        let check = read("--check").expect("a check");
        assert_eq!(
            (check.task, check.rounds(Group::Promise)),
            (Task::Check, CHECK_ROUNDS)
        );
        assert_eq!(check.groups, Group::GATING);
        let some = read("--only rivals --check --rounds 3").expect("a check");
        assert_eq!(some.groups, [Group::Rivals]);
        assert_eq!(some.rounds(Group::Rivals), 3);
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
