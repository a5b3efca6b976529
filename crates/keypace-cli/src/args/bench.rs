//! What is typed for `keypace bench`, and its help. Gives nothing a meaning.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{OUTPUT, SAFETY};

/// More matching keys than this, and as many others, are no size for a private server.
const MAX_BENCH_KEYS: u64 = 10_000_000;
/// A median gains nothing from more.
const MAX_BENCH_ROUNDS: i64 = 99;

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace bench                                  sizes 100 to 1,000,000, some minutes
  keypace bench --keys 1000,100000 --only enumerate,delete --svg waits.svg
  keypace --json --budget 250us bench --rounds 5 > bench.json

Needs valkey-server or redis-server on PATH, or its path in KEYPACE_SERVER.";

/// `keypace bench`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Bench {
    /// How many keys match, one size or several; as many others are there [default: 100 to 1000000 by tens]
    #[arg(long, value_name = "N,...", value_delimiter = ',',
        value_parser = clap::value_parser!(u64).range(1..=MAX_BENCH_KEYS))]
    pub(crate) keys: Vec<u64>,
    /// 10,000,000 matching keys too: about 5 GB of memory, and some more minutes
    #[arg(long, conflicts_with = "keys")]
    pub(crate) large: bool,
    /// Measure each row so often, in turns, and keep the median by wall time
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=MAX_BENCH_ROUNDS))]
    pub(crate) rounds: u32,
    /// Only these jobs
    #[arg(long, value_enum, value_name = "JOB,...", value_delimiter = ',')]
    pub(crate) only: Vec<BenchJob>,
    /// Draw the waits of the largest size as a picture, listing and deleting, into this file
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub(crate) svg: Option<PathBuf>,
    /// Measure on this server in place of a private one; needs --i-know
    ///
    /// redis://[user@]host[:port][/db] or unix:///path[?db=N]; --user, --password-file and
    /// KEYPACE_PASSWORD say as whom. It writes, lists, reads and deletes keys under a random prefix of its
    /// own, and nothing else, at full speed; records under it begin with `kp:`. KEYS and commands that name every key run only while the
    /// whole database holds fewer than 100,000 keys.
    #[arg(long, value_name = "URL", help_heading = SAFETY)]
    pub(crate) on: Option<String>,
}

/// What `keypace bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BenchJob {
    /// List keys by pattern
    Enumerate,
    /// Delete keys by pattern or by name
    Delete,
    /// Read values by name
    Read,
    /// List the sessions of one owner among those of many
    Owner,
}
