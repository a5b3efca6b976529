//! What is typed for `keypace count`, and its help. Gives nothing a meaning.

use clap::Args;

use super::{OUTPUT, Resume, Select};

/// The deepest prefix worth a table: names with more segments are rare, and each level multiplies the rows.
const MAX_PREFIX_DEPTH: u64 = 16;

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace count 'session:*'
  keypace count --by-prefix 1 '*'
  keypace --json count 'session:*' 'cache:*'";

/// `keypace count`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Count {
    /// Which keys.
    #[command(flatten)]
    pub(crate) select: Select,
    /// Count by the first DEPTH segments of the names (separated by `:`)
    #[arg(long, value_name = "DEPTH", help_heading = OUTPUT,
        value_parser = clap::value_parser!(u64).range(1..=MAX_PREFIX_DEPTH))]
    pub(crate) by_prefix: Option<u64>,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}
