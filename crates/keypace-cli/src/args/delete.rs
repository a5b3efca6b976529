//! What is typed for `keypace delete`, and its help. Gives nothing a meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::select::PATTERNS_HELP;
use super::{Filter, PACE, Resume, SAFETY, SELECTING};

/// The two ways to say which keys; made from the flags, only the first would stand there.
pub(super) const USAGE: &str = "keypace delete [OPTIONS] <PATTERN>...
       keypace delete [OPTIONS] --keys-from <FILE|->";

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace delete --dry-run 'session:*'      what would go
  keypace delete 'session:*'                shows the plan and asks
  keypace delete --backup s.kpb 'session:*' keypace restore s.kpb undoes it
  keypace delete --idle-over 30d --no-ttl --backup old.kpb 'cache:*'
  keypace scan -0 'tmp:*' | keypace delete --yes --keys-from -
  keypace --rate 5000 delete --yes --checkpoint run.ckpt 'session:*'
  keypace delete --yes --resume run.ckpt 'session:*'";

/// `keypace delete`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Delete {
    /// Which keys.
    #[arg(required_unless_present = "keys_from", value_name = "PATTERN", help = PATTERNS_HELP)]
    pub(crate) patterns: Vec<OsString>,
    /// Exactly the keys that this file names, or `-` for stdin, in place of patterns
    ///
    /// A NUL ends each name, as `keypace scan -0` writes them. The question can't be answered on stdin then: `-`
    /// needs --yes, and such a run keeps no place to go on from.
    #[arg(long, value_name = "FILE|-", conflicts_with = "patterns", help_heading = SELECTING)]
    pub(crate) keys_from: Option<PathBuf>,
    /// Which of those.
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Delete nothing: say what would be deleted
    ///
    /// Not without any effect: SCAN on a primary removes the expired keys that it meets.
    #[arg(long, help_heading = SAFETY)]
    pub(crate) dry_run: bool,
    /// Don't ask
    #[arg(long, help_heading = SAFETY)]
    pub(crate) yes: bool,
    /// Needed besides for a pattern that matches everything
    #[arg(long, help_heading = SAFETY)]
    pub(crate) all: bool,
    /// Stop before deleting more than N keys; the run is incomplete then
    #[arg(long, value_name = "N", help_heading = SAFETY)]
    pub(crate) max_delete: Option<u64>,
    /// Save each key in this file before it is deleted; `keypace restore FILE` brings them back
    ///
    /// A new file, or with --resume the one that the run began. Each key is on the disk with its expiry before it
    /// is deleted, and one that changes meanwhile is saved again or left alone.
    #[arg(long, value_name = "FILE", help_heading = SAFETY)]
    pub(crate) backup: Option<PathBuf>,
    /// With --backup: leave alone, and report, keys with values above this [default: 64MiB]
    #[arg(long, value_name = "SIZE", requires = "backup", help_heading = SAFETY, hide_short_help = true)]
    pub(crate) backup_max_value: Option<String>,
    /// Walk once more at the end and report what still matches; keys that are left make the run incomplete
    #[arg(long, conflicts_with_all = ["dry_run", "limit"], help_heading = SAFETY,
        hide_short_help = true)]
    pub(crate) verify: bool,
    /// Delete again until a walk finds nothing that matches, at most N times; implies --verify
    #[arg(long, value_name = "N", conflicts_with_all = ["dry_run", "limit"], help_heading = SAFETY,
        hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) verify_until_empty: Option<u32>,
    /// Keys in one UNLINK [default: 500]
    #[arg(long, value_name = "N", help_heading = PACE, hide_short_help = true)]
    pub(crate) batch: Option<usize>,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}
