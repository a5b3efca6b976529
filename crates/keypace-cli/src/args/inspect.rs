//! What is typed for `keypace inspect`, and its help. Gives nothing a meaning.

use clap::Args;

use super::{OUTPUT, PACE};

/// More keys are what `keypace stats` is for.
const MAX_SAMPLE: u64 = 10_000;

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace inspect
  keypace inspect --watch 60s
  keypace --json inspect --redact > report.json
  keypace inspect --with-source src

It only reads: INFO, SLOWLOG, COMMANDLOG, CLIENT LIST, LATENCY LATEST, a few settings by name, and the
names and TTLs of some keys chosen by chance. MONITOR and CONFIG RESETSTAT are never sent, no value is
read, and arguments of logged commands are not shown. In a cluster every node is asked. What the server
doesn't know or the ACL forbids is listed as not seen. Findings don't change the exit code.";

/// `keypace inspect`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Inspect {
    /// Look twice, this far apart, and tell what happened in between
    #[arg(long, value_name = "DURATION", help_heading = OUTPUT)]
    pub(crate) watch: Option<String>,
    /// Ask each node what it can do, too
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) capabilities: bool,
    /// Shorten the names of keys, for a report that is passed on
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) redact: bool,
    /// Name the lines of source that send what was logged: where `keypace audit` finds them under PATH
    #[cfg(feature = "audit")]
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub(crate) with_source: Vec<std::path::PathBuf>,
    /// Look at the TTLs of so many keys of each node, by chance; 0 for none
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = PACE,
        value_parser = clap::value_parser!(u64).range(0..=MAX_SAMPLE))]
    pub(crate) sample: u64,
}
