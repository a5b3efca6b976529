//! What is typed for `keypace scan`, and its help. Gives nothing a meaning.

use clap::{Args, ValueEnum};

use super::{OUTPUT, Resume, Select};

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace scan 'session:*' > sessions.txt
  keypace scan -0 'user:*' | xargs -0 -n 100 redis-cli mget
  keypace scan --type hash --exclude 'user:1*' --sorted 'user:*'
  keypace scan --idle-over 30d --size-over 1MiB --with size,idle 'cache:*'";

/// `keypace scan`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Scan {
    /// Which keys.
    #[command(flatten)]
    pub(crate) select: Select,
    /// Say more of each key, in columns behind its name, with tabs between
    ///
    /// In the order given: its type; seconds until it expires, rounded up; seconds since it was last read or
    /// written (idle); bytes of memory (size). `-` stands for no expiry, and for what the server doesn't tell. Names are escaped,
    /// so that a line is a key and a tab ends its name; --json has them as they are. Costs the server a question
    /// for each key and field.
    #[arg(long, value_enum, value_name = "FIELD,...", value_delimiter = ',', help_heading = OUTPUT)]
    pub(crate) with: Vec<Field>,
    /// Sort bytewise, without duplicates; all keys are held in memory first
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) sorted: bool,
    /// Without duplicates (SCAN may return a key twice); all keys are held in memory
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) exact: bool,
    /// End each key with NUL in place of a newline, for xargs -0 and --keys-from
    #[arg(short = '0', help_heading = OUTPUT)]
    pub(crate) nul: bool,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}

/// What a listing says of a key beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum Field {
    /// Its type
    Type,
    /// Seconds until it expires
    Ttl,
    /// Seconds since it was last read or written
    Idle,
    /// Bytes of memory
    Size,
}
