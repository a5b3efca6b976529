//! Keys found that a shell writes into a file, and reads from it again.
//! Must not judge.

use super::{Amount, Found, Trace};
use crate::extract::{FILE, file_name};
use crate::facts::{Call, Expr};
use crate::language::Language;
use crate::receiver::argument;

/// Programs that give on the lines of the files they are given.
const READERS: &[&str] = &[
    "cat", "sort", "grep", "egrep", "sed", "awk", "head", "tail", "uniq", "cut", "tac", "tr",
];

impl Found<'_> {
    /// The keys in a file that a word names.
    pub(super) fn in_file(&self, word: &Expr) -> Option<Trace> {
        if self.facts.language != Language::Shell {
            return None;
        }
        let name = match word {
            Expr::Path(path) => format!("${}", path.join(".")),
            other => argument::shape(other)?,
        };
        let place = (None, format!("{FILE}.{}", file_name(&name)));
        self.names.get(&place).copied()
    }

    /// What a program gives that reads files of keys: `$(cat keys.txt)`.
    pub(super) fn read_files(&self, call: &Call) -> Option<Trace> {
        if !READERS.contains(&call.name.as_str()) {
            return None;
        }
        let trace = call.args.iter().find_map(|arg| self.in_file(arg))?;
        let amount = trace.amount.max(Amount::Batch);
        Some(Trace { amount, ..trace })
    }
}
