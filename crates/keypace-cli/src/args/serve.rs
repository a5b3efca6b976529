//! What is typed for `keypace serve`, and its help. Gives nothing a meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CONNECTION, OUTPUT};

/// The heading of what is done in place of serving.
const KEYS: &str = "API keys";

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace serve                                    on this machine alone, without API keys
  keypace --config serve.toml serve
  keypace serve --new-key admin                    shown once; also while the service runs
  keypace serve --new-key owner --owner-file owner.txt
  keypace serve --list-keys
  keypace serve --revoke-key k_3fvq8z0w1x

Without API keys the service listens on this machine only, and everybody on it may do everything. A
config names several servers, caches, sessions and bounds; docs/examples/keypace-serve.toml shows all of it.
SIGTERM and Ctrl-C settle what is under way, save it and close, within 20 seconds; jobs go on at the next start.";

/// `keypace serve`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Serve {
    /// Listen on this address and port [default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDRESS", help_heading = CONNECTION)]
    pub(crate) listen: Option<String>,
    /// Keep jobs, checkpoints and backups in this folder [default: keypace/serve in your state folder]
    #[arg(long, value_name = "DIR", help_heading = CONNECTION)]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to log on stderr
    #[arg(long, value_enum, value_name = "FORM", default_value = "text", help_heading = OUTPUT)]
    pub(crate) log: LogForm,
    /// Make an API key, show it, and end: owner (own sessions), operator (reads, counts, dry runs) or admin (all)
    #[arg(long, value_name = "SCOPE", value_parser = ["owner", "operator", "admin"], help_heading = KEYS)]
    pub(crate) new_key: Option<String>,
    /// Whose sessions the key stands for, or `-` for stdin; other users of this machine see command lines
    #[arg(long, value_name = "OWNER|-", requires = "new_key", conflicts_with = "owner_file", help_heading = KEYS)]
    pub(crate) owner: Option<OsString>,
    /// Read from a file whose sessions the key stands for; the last line's end is not part of it
    #[arg(long, value_name = "FILE|-", requires = "new_key", help_heading = KEYS)]
    pub(crate) owner_file: Option<PathBuf>,
    /// Revoke a key by its name, and end; a running service forgets it within a second
    #[arg(long, value_name = "ID", conflicts_with_all = ["new_key", "list_keys"], help_heading = KEYS)]
    pub(crate) revoke_key: Option<String>,
    /// List the keys' names, scopes and ages, and end
    #[arg(long, conflicts_with = "new_key", help_heading = KEYS)]
    pub(crate) list_keys: bool,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogForm {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}
