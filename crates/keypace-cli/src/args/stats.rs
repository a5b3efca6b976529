//! What is typed for `keypace stats`, and its help. Gives nothing a meaning.

use std::ffi::OsString;

use clap::Args;

use super::select::PATTERNS_HELP;
use super::{Filter, OUTPUT, PACE};

/// The deepest prefix worth a table: names with more segments are rare, and each level multiplies the rows.
const MAX_DEPTH: u64 = 16;
/// More names are a listing.
const MAX_TOP: u64 = 1000;

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace stats
  keypace stats --depth 2 --top 20 'session:*'
  keypace stats --sample 1% --idle-over 30d
  keypace --json stats --separator / > stats.json

Every key is asked for its type, its TTL, its idle time where that can be trusted, and its size
(MEMORY USAGE). Sizes of large collections are the server's own estimate, from 5 elements each;
--exact-sizes makes that 1000. Memory is bounded: the 4096 prefixes with the most keys have a row,
and the rest is counted as (others).";

/// `keypace stats`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Stats {
    /// Which keys.
    #[arg(value_name = "PATTERN", default_value = "*", help = PATTERNS_HELP)]
    pub(crate) patterns: Vec<OsString>,
    /// Which of those.
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// What ends a segment of a name: one byte
    #[arg(long, value_name = "C", default_value = ":", help_heading = OUTPUT)]
    pub(crate) separator: String,
    /// A prefix is the first N segments of a name
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = OUTPUT,
        value_parser = clap::value_parser!(u64).range(1..=MAX_DEPTH))]
    pub(crate) depth: u64,
    /// Name the N biggest of the keys that were measured
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = OUTPUT,
        value_parser = clap::value_parser!(u64).range(0..=MAX_TOP))]
    pub(crate) top: u64,
    /// Measure this share of the keys only (1%, 0.01) [default: every key]
    ///
    /// Keys are chosen by the hash of their names, so that the same ones are measured each time. The first 32 of
    /// each prefix and type are measured besides. The bytes of the others are estimated, with an error bar: two standard
    /// errors in the table, one in JSON. A few huge keys that were not chosen are in neither.
    #[arg(long, value_name = "SHARE", help_heading = PACE)]
    pub(crate) sample: Option<String>,
    /// Measure collections by up to 1000 of their elements in place of 5: slower, exact up to that size
    #[arg(long, help_heading = PACE)]
    pub(crate) exact_sizes: bool,
}
