//! What is typed for `keypace index`, and its help. Gives nothing a meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{OUTPUT, Resume, SAFETY, SELECTING};

/// The most records of one page: the library's own bound.
const MAX_LIMIT: u32 = 1000;

pub(super) const EXAMPLES: &str = "\
Examples:
  keypace index rebuild session
  keypace index verify session
  keypace index list session --owner-file owner.txt --limit 20

A namespace `session` keeps its records below kp:session:, and follows an application's own keys
session:{id} (JSON that names its owner in the field owner_api_key) until it is switched.
The owner key file decides what an owner is called in key names: keep a copy of it.";

const LIST_EXAMPLES: &str = "\
Examples:
  keypace index list session --owner-file owner.txt
  keypace --json index list session --owner-file - --limit 100 --after CURSOR";

const VERIFY_EXAMPLES: &str = "\
Examples:
  keypace index verify session
  keypace index verify session --repair
  keypace --json index verify session

Drift is
  missing      a record that its owner's index lacks, or an old record without a new one
  stale        a member of the index without a record, or a record that is not what the old one is
  wrong_owner  a record that lies with another owner than the one it names
  wrong_score  a member of the index with another time than its record's
  ownerless    an old record that names nobody

Exit code 1 says that there was drift, mended or not.";

const REBUILD_EXAMPLES: &str = "\
Examples:
  keypace index rebuild session
  keypace index rebuild session --follow 100      while the application writes the old way
  keypace index rebuild session --follow 1 --switch
  keypace index rebuild session --checkpoint rebuild.ckpt
  keypace index rebuild session --resume rebuild.ckpt

Nothing of the old layout is written or removed.";

const ASSIGN_EXAMPLES: &str = "\
Example:
  keypace index assign session 4f1a 77c0 --owner-file owner.txt

Old records that name nobody are listed to nobody: `index verify` names them. What is assigned is noted
beside the index, and the old records stay as they are.";

const REKEY_EXAMPLES: &str = "\
Examples:
  keypace index rekey session                     adds a key to the key file, and changes nothing else
  keypace index rekey session --move              once every host has the file
  keypace --json index rekey session --move --yes

Clients go on meanwhile. Each owner's records move in one go, while its clients wait; after that the former
key finds nobody. A run that was stopped or killed goes on with the same command. Writers of your own have
to heed the seal (docs/wire-layout.md). Records whose owners stand in an SQL database too can't be moved.";

/// `keypace index`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Index {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: IndexAction,
}

/// What `keypace index` does.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum IndexAction {
    /// List one owner's records, newest first
    #[command(after_long_help = LIST_EXAMPLES)]
    List(IndexList),
    /// Compare records with their index, both ways, and say where they drift
    #[command(after_long_help = VERIFY_EXAMPLES)]
    Verify(IndexVerify),
    /// Make the index out of an application's own keys, while it goes on writing them
    #[command(after_long_help = REBUILD_EXAMPLES)]
    Rebuild(IndexRebuild),
    /// Give old records that name nobody an owner
    #[command(after_long_help = ASSIGN_EXAMPLES)]
    Assign(IndexAssign),
    /// Change the key that owners are hashed with: first in the key file, then with --move
    #[command(after_long_help = REKEY_EXAMPLES)]
    Rekey(IndexRekey),
}

/// Which records, and by which key their owners are hashed.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexOf {
    /// Which records: `session` keeps them below kp:session:
    #[arg(value_name = "NAMESPACE")]
    pub(crate) namespace: String,
    /// The owner key file [default: keypace/owner-keys/NAMESPACE.json in your configuration folder]
    ///
    /// [env: KEYPACE_OWNER_KEYS]. The first rebuild makes it, readable by you only. Whoever reads or writes the records
    /// needs the same file, and without it nobody's list can be found again.
    #[arg(long, value_name = "FILE", help_heading = SELECTING)]
    pub(crate) keys: Option<PathBuf>,
}

/// Where an application's own records lie.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexOld {
    /// What the application's own keys begin with [default: NAMESPACE and a colon]
    #[arg(long, value_name = "PREFIX", help_heading = SELECTING)]
    pub(crate) old_prefix: Option<OsString>,
    /// The field of their JSON that names the owner [default: owner_api_key]
    #[arg(long, value_name = "FIELD", help_heading = SELECTING)]
    pub(crate) owner_field: Option<String>,
    /// The field that says when a record was created [default: created_at]
    #[arg(long, value_name = "FIELD", help_heading = SELECTING, hide_short_help = true)]
    pub(crate) created_field: Option<String>,
    /// The field that says when it was last changed [default: updated_at]
    #[arg(long, value_name = "FIELD", help_heading = SELECTING, hide_short_help = true)]
    pub(crate) updated_field: Option<String>,
}

/// Whose records.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexOwner {
    /// Whose records; other users of this machine see command lines, and --owner-file keeps it from them
    #[arg(long, value_name = "OWNER", help_heading = SELECTING, conflicts_with = "owner_file")]
    pub(crate) owner: Option<OsString>,
    /// Read the owner from a file, or `-` for stdin; the last line's end is not part of it
    #[arg(long, value_name = "FILE|-", help_heading = SELECTING)]
    pub(crate) owner_file: Option<PathBuf>,
}

/// `keypace index assign`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexAssign {
    /// Of what.
    #[command(flatten)]
    pub(crate) of: IndexOf,
    /// Which old records, by what follows the prefix in their keys
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// To whom.
    #[command(flatten)]
    pub(crate) whose: IndexOwner,
}

/// `keypace index list`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexList {
    /// Of what.
    #[command(flatten)]
    pub(crate) of: IndexOf,
    /// Whose.
    #[command(flatten)]
    pub(crate) whose: IndexOwner,
    /// Records of the page
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = OUTPUT,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LIMIT)))]
    pub(crate) limit: u32,
    /// Go on behind the record that this cursor stands for
    #[arg(long, value_name = "CURSOR", help_heading = OUTPUT)]
    pub(crate) after: Option<String>,
}

/// `keypace index verify`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexVerify {
    /// Of what.
    #[command(flatten)]
    pub(crate) of: IndexOf,
    /// Beside what.
    #[command(flatten)]
    pub(crate) old: IndexOld,
    /// Mend what is missing, stale or has a wrong score; what lies with a wrong owner, or names nobody, is left alone
    #[arg(long, help_heading = SAFETY)]
    pub(crate) repair: bool,
    /// With --repair: mend at most N [default: 10000]
    #[arg(long, value_name = "N", requires = "repair", help_heading = SAFETY)]
    pub(crate) max_repairs: Option<u64>,
}

/// `keypace index rebuild`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexRebuild {
    /// Of what.
    #[command(flatten)]
    pub(crate) of: IndexOf,
    /// Out of what.
    #[command(flatten)]
    pub(crate) old: IndexOld,
    /// Walk again until a pass has changed fewer than N records
    #[arg(long, value_name = "N", help_heading = SELECTING,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) follow: Option<u64>,
    /// With --follow: give up after N passes; the run is incomplete then
    #[arg(long, value_name = "N", requires = "follow", default_value_t = 20, help_heading = SAFETY,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_passes: u32,
    /// Leave the old layout behind, once a last pass has found nothing to change; asks
    ///
    /// From then on the old keys are not looked at, and rebuild refuses. Stop what writes the old layout before.
    #[arg(long, help_heading = SAFETY)]
    pub(crate) switch: bool,
    /// With --switch: leave old records behind that name nobody or can't be read; else they are refused
    #[arg(long, requires = "switch", help_heading = SAFETY)]
    pub(crate) leave_unlisted: bool,
    /// Don't ask
    #[arg(long, help_heading = SAFETY)]
    pub(crate) yes: bool,
    /// Where the place is kept.
    #[command(flatten)]
    pub(crate) resume: Resume,
}

/// `keypace index rekey`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct IndexRekey {
    /// Of what.
    #[command(flatten)]
    pub(crate) of: IndexOf,
    /// Move all owners to the last key of the file; asks
    ///
    /// From then on clients need the file with the new key: bring it to every host before. Takes 30 seconds at least, so
    /// that every client hears when it begins and ends.
    #[arg(long = "move", help_heading = SAFETY)]
    pub(crate) moves: bool,
    /// Don't ask
    #[arg(long, requires = "moves", help_heading = SAFETY)]
    pub(crate) yes: bool,
}
