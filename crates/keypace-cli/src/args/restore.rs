//! What is typed for `keypace restore`, and its help. Gives nothing a meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{OUTPUT, SAFETY, SELECTING};

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace restore run.kpb                            keys that are there stay as they are
  keypace restore --list run.kpb                     what is in the file; asks no server
  keypace restore --pattern 'session:1*' run.kpb
  keypace restore --replace run.kpb                  overwrites, and asks before";

/// `keypace restore`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Restore {
    /// The file that `keypace delete --backup` has written
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only the keys that match this; may be given several times
    #[arg(long, value_name = "PATTERN", help_heading = SELECTING)]
    pub(crate) pattern: Vec<OsString>,
    /// Leave keys that are there as they are (the default)
    #[arg(long, help_heading = SAFETY, conflicts_with_all = ["replace", "fail"])]
    pub(crate) skip: bool,
    /// Overwrite keys that are there; asks before
    #[arg(long, help_heading = SAFETY, conflicts_with = "fail")]
    pub(crate) replace: bool,
    /// Leave keys that are there as they are, and count each as a failure
    #[arg(long, help_heading = SAFETY)]
    pub(crate) fail: bool,
    /// Don't ask
    #[arg(long, help_heading = SAFETY)]
    pub(crate) yes: bool,
    /// Restore nothing: write what is in the file, one key a line; asks no server
    ///
    /// With --json an object a line: key, type, expires_at_ms, bytes.
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["skip", "replace", "fail", "yes"])]
    pub(crate) list: bool,
}
