//! Owns the record of what a simulated server was asked: counts for ever, the newest commands for a look.
//! It must not keep more than its bounds.

use std::collections::{BTreeMap, VecDeque};

use super::options::normal_name;
use crate::limits::{COMMAND_LOG_BYTES, COMMAND_LOG_RECORDS};

/// One command as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandRecord {
    /// The connection's CLIENT ID.
    pub connection: u64,
    /// The database that was selected.
    pub database: usize,
    /// In upper case, with its subcommand: `SCAN`, `CONFIG GET`.
    pub name: String,
    /// All arguments, the name first.
    pub args: Vec<Vec<u8>>,
}

impl CommandRecord {
    fn bytes(&self) -> usize {
        self.args.iter().map(Vec::len).sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct CommandLog {
    records: VecDeque<CommandRecord>,
    bytes: usize,
    counts: BTreeMap<String, u64>,
}

impl CommandLog {
    pub(crate) fn push(&mut self, record: CommandRecord) {
        *self.counts.entry(record.name.clone()).or_default() += 1;
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > COMMAND_LOG_RECORDS || self.bytes > COMMAND_LOG_BYTES {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
        }
    }

    pub(crate) fn records(&self) -> Vec<CommandRecord> {
        self.records.iter().cloned().collect()
    }

    /// Of a command, or of a container with all its subcommands.
    pub(crate) fn count_of(&self, name: &str) -> u64 {
        let name = normal_name(name);
        let below = format!("{name} ");
        self.counts
            .iter()
            .filter(|(key, _)| **key == name || key.starts_with(&below))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
