//! Which keys, and where a run's place is kept: flags that several commands share. Gives nothing a meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{SAFETY, SELECTING};

/// What a pattern is, wherever patterns are taken.
pub(super) const PATTERNS_HELP: &str =
    "Which keys, as SCAN MATCH reads it: * ? [ab] [^a] [a-z] \\x";

/// Which keys.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Select {
    /// Which keys.
    #[arg(required = true, value_name = "PATTERN", help = PATTERNS_HELP)]
    pub(crate) patterns: Vec<OsString>,
    /// Which of those.
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Which of the keys that a pattern or a list names.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Filter {
    /// Only keys of this type (string, list, set, zset, hash, stream); may be given several times
    #[arg(long = "type", value_name = "TYPE", help_heading = SELECTING)]
    pub(crate) types: Vec<String>,
    /// Not the keys that match this; may be given several times
    #[arg(long, value_name = "PATTERN", help_heading = SELECTING)]
    pub(crate) exclude: Vec<OsString>,
    /// Never more than N keys in total
    #[arg(long, value_name = "N", help_heading = SELECTING,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Only keys that nobody has read or written for so long (30d, 12h), at most 194d
    ///
    /// The age of a key is its idle time: the time since the key was last read or written. Servers keep no time
    /// of creation. Refused where idle time can't be had (an LFU policy in maxmemory-policy) and, without --trust-idle,
    /// where it may be wrong: on a server that was promoted or restarted, and where replicas serve reads.
    #[arg(long, value_name = "DURATION", help_heading = SELECTING)]
    pub(crate) idle_over: Option<String>,
    /// Only keys that expire some time
    #[arg(long, help_heading = SELECTING)]
    pub(crate) has_ttl: bool,
    /// Only keys that never expire
    #[arg(long, help_heading = SELECTING)]
    pub(crate) no_ttl: bool,
    /// Only keys that expire sooner than this
    #[arg(long, value_name = "DURATION", help_heading = SELECTING)]
    pub(crate) ttl_under: Option<String>,
    /// Only keys that expire, and later than this
    ///
    /// Keys that never expire are none of these: --no-ttl is for them.
    #[arg(long, value_name = "DURATION", help_heading = SELECTING)]
    pub(crate) ttl_over: Option<String>,
    /// Only keys that take more memory than this (4KiB, 1MiB)
    ///
    /// Memory as MEMORY USAGE tells it, for which the server looks at a few elements of a large value. Servers
    /// without it (before 4.0) tell elements, and the bytes of a string.
    #[arg(long, value_name = "SIZE", help_heading = SELECTING)]
    pub(crate) size_over: Option<String>,
    /// Only keys that take less memory than this
    #[arg(long, value_name = "SIZE", help_heading = SELECTING)]
    pub(crate) size_under: Option<String>,
}

/// Where a run's place is kept.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Resume {
    /// Keep the place in this file, so that the run can go on after a crash
    #[arg(long, value_name = "FILE", help_heading = SAFETY, hide_short_help = true)]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Go on from the place kept in this file
    #[arg(long, value_name = "FILE", help_heading = SAFETY, hide_short_help = true)]
    pub(crate) resume: Option<PathBuf>,
}
