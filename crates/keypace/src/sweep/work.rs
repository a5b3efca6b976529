//! What becomes of the keys that a sweep finds, and what a person said about it.

use super::batcher::{Batcher, Cut};
use super::checkpoint::About;
use super::options::SweepOptions;
use super::state::Ledger;
use crate::delete::{Batch, Deleter};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Keyspace, Paced};
use crate::scan::{Order, Strategy};

/// What becomes of the keys that are found.
pub(super) enum Work {
    List,
    Count,
    DryRun,
    Delete(Box<Deleter>, Batcher),
}

impl Work {
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::List => "scan",
            Self::Count => "count",
            Self::DryRun | Self::Delete(..) => "delete",
        }
    }
}

pub(super) fn about<'a>(
    work: &Work,
    keyspace: &'a Keyspace,
    options: &'a SweepOptions,
) -> About<'a> {
    About {
        command: work.command(),
        dry_run: matches!(work, Work::DryRun),
        server: keyspace.server(),
        scan: &options.scan,
        prefix_depth: options.prefix_depth,
    }
}

/// A batch goes on its way.
pub(super) fn push(deleter: &mut Deleter, ledger: &mut Ledger, cut: Cut) {
    let id = ledger.open_batch(cut.pattern, cut.parts);
    deleter.push(Batch { id, keys: cut.keys });
}

pub(super) fn too_many(max: u64) -> Error {
    Error::new(
        ErrorKind::Limit,
        Retry::Never,
        "delete keys",
        format!("more keys match than the {max} that may be deleted (--max-delete)"),
    )
    .with_hint("what was deleted stays deleted; raise --max-delete, or narrow the pattern")
}

/// Under the pace of the server: the promise holds for all the work on it together.
pub(super) fn join(keyspace: &Keyspace, options: &SweepOptions, frees_memory: bool) -> Paced {
    Paced::join(
        keyspace.node(),
        options.budget,
        options.thresholds,
        frees_memory,
    )
}

/// Whether the walk can be taken up again where it stands.
pub(super) fn keeps_place(options: &SweepOptions) -> Result<()> {
    if options.scan.order == Order::AsFound && options.scan.strategy == Strategy::Scan {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidOption,
        Retry::Never,
        "keep the place of the sweep",
        "exact and sorted output and KEYS keep no place to go on from",
    ))
}
