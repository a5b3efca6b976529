//! What becomes of the keys that a sweep finds, and what a person said about it.

use std::time::Duration;

use tokio::time::Instant;

use super::batcher::{Batcher, Cut};
use super::options::SweepOptions;
use super::state::Ledger;
use crate::delete::{Batch, Confirmed, Deleter};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::port::{Keyspace, Node, Paced, ServerInfo, dbsize};
use crate::scan::{Ground, Order, ScanOptions, Strategy, are_proven};

/// What is to be done with the keys that are found.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    List,
    Count,
    DryRun,
    /// Removes them, in batches of at most so many.
    Delete {
        confirmed: Confirmed,
        batch: usize,
    },
}

impl Kind {
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::List => "scan",
            Self::Count => "count",
            Self::DryRun | Self::Delete { .. } => "delete",
        }
    }

    pub(super) fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun)
    }

    pub(super) fn removes(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    /// What one shard does on its node.
    pub(super) fn work(
        &self,
        node: &Node,
        options: &SweepOptions,
        paced: &Paced,
        by_slot: bool,
    ) -> Work {
        match self {
            Self::List => Work::List,
            Self::Count => Work::Count,
            Self::DryRun => Work::DryRun,
            Self::Delete { confirmed, batch } => {
                let paced = paced.clone();
                let deleter = if by_slot {
                    Deleter::in_cluster(node, confirmed, paced, *batch)
                } else {
                    Deleter::new(node, confirmed, paced)
                };
                let batcher = Batcher::new(options.scan.patterns.len(), *batch, by_slot);
                Work::Delete(Box::new(deleter), batcher)
            }
        }
    }
}

/// What becomes of the keys that a shard finds.
pub(super) enum Work {
    List,
    Count,
    DryRun,
    Delete(Box<Deleter>, Batcher),
}

/// What a checkpoint is about: it is of use for the same only.
pub(super) struct About<'a> {
    pub(super) command: &'a str,
    pub(super) dry_run: bool,
    pub(super) server: &'a ServerInfo,
    pub(super) is_cluster: bool,
    pub(super) scan: &'a ScanOptions,
    pub(super) prefix_depth: Option<usize>,
}

impl<'a> About<'a> {
    pub(super) fn new(kind: &'a Kind, keyspace: &'a Keyspace, options: &'a SweepOptions) -> Self {
        Self {
            command: kind.command(),
            dry_run: kind.is_dry_run(),
            server: keyspace.server(),
            is_cluster: keyspace.is_cluster(),
            scan: &options.scan,
            prefix_depth: options.prefix_depth,
        }
    }
}

/// A batch goes on its way.
pub(super) fn push(deleter: &mut Deleter, ledger: &mut Ledger, cut: Cut) {
    let id = ledger.open_batch(cut.pattern, cut.parts);
    deleter.push(Batch { id, keys: cut.keys });
}

/// A batch that may have run before is asked for again.
pub(super) fn push_again(deleter: &mut Deleter, ledger: &mut Ledger, cut: Cut) {
    let id = ledger.open_batch(cut.pattern, cut.parts);
    deleter.push_again(Batch { id, keys: cut.keys });
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

/// Under the pace of the node: the promise holds for all the work on it together.
pub(super) fn join(node: &Node, options: &SweepOptions, frees_memory: bool) -> Paced {
    Paced::join(node, options.budget, options.thresholds, frees_memory)
}

/// What has to be known of a node before its walk begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    pub(super) total_keys: u64,
    round_trip: Duration,
}

/// Asks a node how many keys it has, and how long its answers take.
pub(super) async fn survey(node: &Node, paced: &Paced) -> Result<Survey> {
    let total_keys = dbsize(node).await?;
    // Once more, on a connection that is open now: a first idea of what a round trip takes.
    let asked = Instant::now();
    dbsize(node).await?;
    let round_trip = asked.elapsed();
    paced.round_trip(round_trip);
    Ok(Survey {
        total_keys,
        round_trip,
    })
}

impl Survey {
    /// What decides into how many lanes this work is cut there.
    pub(super) fn ground(&self, kind: &Kind, server: &ServerInfo) -> Ground {
        Ground {
            total_keys: self.total_keys,
            round_trip: self.round_trip,
            is_proven: !kind.removes() || are_proven(&server.product, &server.version),
        }
    }
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
