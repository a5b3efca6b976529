//! What becomes of the keys that a sweep finds, and what a person said about it.

use std::time::Duration;

use tokio::time::Instant;

use super::batcher::{Batcher, Cut};
use super::look::Look;
use super::options::SweepOptions;
use super::shared::Shared;
use super::state::Ledger;
use crate::backup::RunToken;
use crate::delete::{Batch, Confirmed, Deleter, Remover, Watched, WatchedOptions};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::SlotSet;
use crate::port::{Keyspace, Node, Paced, ServerInfo, dbsize, keys_in_slots};
use crate::scan::{Ground, Order, ScanOptions, Strategy, are_proven};
use crate::select::{Filters, Guard, Questions, Selector};
use crate::stats::StatsOptions;

/// What is to be done with the keys that are found.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    List,
    Count,
    /// Counts them and adds up what is learnt of them.
    Stats(StatsOptions),
    DryRun,
    /// Removes them, in batches of at most so many.
    Delete {
        confirmed: Box<Confirmed>,
        batch: usize,
    },
}

impl Kind {
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::List => "scan",
            Self::Count => "count",
            Self::Stats(_) => "stats",
            Self::DryRun | Self::Delete { .. } => "delete",
        }
    }

    pub(super) fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun)
    }

    pub(super) fn removes(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    /// Whether keys are looked at before anything becomes of them. A delete that asks by script does that as it acts, but
    /// where a ceiling counts the keys that pass.
    pub(super) fn looks(&self, options: &SweepOptions, has_ceiling: bool) -> bool {
        match self {
            Self::List => !options.filters.is_empty() || !options.describe.0.is_empty(),
            Self::Stats(_) => true,
            Self::Count | Self::DryRun => !options.filters.is_empty(),
            Self::Delete { .. } => !options.filters.is_empty() && has_ceiling,
        }
    }

    /// Which statistics are kept.
    pub(super) fn stats(&self) -> Option<StatsOptions> {
        match self {
            Self::Stats(options) => Some(*options),
            Self::List | Self::Count | Self::DryRun | Self::Delete { .. } => None,
        }
    }

    /// The look at the keys of one shard.
    pub(super) fn new_look(&self, node: &Node, shared: &Shared, paced: &Paced) -> Look {
        let options = &shared.options;
        let extra = match self {
            Self::List | Self::Stats(_) => options.describe.0,
            Self::Count | Self::DryRun | Self::Delete { .. } => Questions::default(),
        };
        // SCAN has seen to the types.
        let guard = Guard::new(&options.filters, &[]);
        let paced = paced.clone();
        let in_cluster = shared.in_cluster;
        Look::new(Selector::new(node, guard, extra, paced, in_cluster))
    }

    /// What one shard does on its node, which allows for so much.
    pub(super) fn work(&self, node: &Node, shared: &Shared, paced: &Paced, doing: Doing) -> Work {
        match self {
            Self::List => Work::List,
            Self::Count | Self::Stats(_) => Work::Count,
            Self::DryRun => Work::DryRun,
            Self::Delete { confirmed, batch } => {
                let remover = remover(node, shared, paced, confirmed, *batch, doing);
                let rows = shared.options.scan.row_count();
                let batcher = Batcher::new(rows, *batch, shared.in_cluster);
                let batcher = match shared.options.rate {
                    Some(rate) => batcher.at_rate(rate),
                    None => batcher,
                };
                Work::Delete(Box::new(remover), batcher)
            }
        }
    }
}

/// How keys may be removed on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// What was seen of a key may be checked again by a script as it goes.
    Scripts,
    /// Only by watching it.
    Watching,
}

/// How a shard goes about its work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    pub(super) means: Means,
    /// Keys were looked at before they come to the work.
    pub(super) has_looked: bool,
}

fn remover(
    node: &Node,
    shared: &Shared,
    paced: &Paced,
    confirmed: &Confirmed,
    batch: usize,
    doing: Doing,
) -> Remover {
    let options = &shared.options;
    let paced = paced.clone();
    let guard = Guard::new(&options.filters, &options.scan.types);
    let is_first_look = !doing.has_looked;
    let can_check = guard.is_empty() || doing.means == Means::Scripts;
    if shared.vault.is_some() || !can_check {
        let backup = options.backup.as_ref();
        let watched = WatchedOptions {
            batch,
            in_cluster: shared.in_cluster,
            max_value_bytes: backup.map_or(u64::MAX, |backup| backup.max_value_bytes),
            is_first_look,
            may_run_scripts: doing.means == Means::Scripts,
        };
        let vault = shared.vault.clone();
        return Remover::Watched(Watched::new(node, confirmed, paced, guard, vault, watched));
    }
    let deleter = if shared.in_cluster {
        Deleter::in_cluster(node, confirmed, paced, batch)
    } else {
        Deleter::new(node, confirmed, paced)
    };
    Remover::Plain(if guard.is_empty() {
        deleter
    } else {
        deleter.guarded(&guard, is_first_look)
    })
}

/// What becomes of the keys that a shard finds.
pub(super) enum Work {
    List,
    Count,
    DryRun,
    Delete(Box<Remover>, Batcher),
}

impl Work {
    /// Carries on what is on its way while the caller waits for something else; never ends. Cancel-safe.
    pub(super) async fn go_on(&mut self) {
        match self {
            Self::Delete(remover, _) => remover.go_on().await,
            Self::List | Self::Count | Self::DryRun => std::future::pending().await,
        }
    }
}

/// What a checkpoint is about: it is of use for the same only.
pub(super) struct About<'a> {
    pub(super) command: &'a str,
    pub(super) dry_run: bool,
    pub(super) server: &'a ServerInfo,
    pub(super) is_cluster: bool,
    /// Where the cluster's nodes are.
    pub(super) places: Vec<String>,
    pub(super) scan: &'a ScanOptions,
    pub(super) filters: &'a Filters,
    /// The run that its backup is of.
    pub(super) backup: Option<RunToken>,
    pub(super) prefix_depth: Option<usize>,
    pub(super) notes: Option<serde_json::Value>,
}

impl<'a> About<'a> {
    pub(super) fn new(
        kind: &'a Kind,
        keyspace: &'a Keyspace,
        options: &'a SweepOptions,
        backup: Option<RunToken>,
    ) -> Self {
        Self {
            command: options.command.unwrap_or(kind.command()),
            dry_run: kind.is_dry_run(),
            server: keyspace.server(),
            is_cluster: keyspace.is_cluster(),
            places: keyspace.places(),
            scan: &options.scan,
            filters: &options.filters,
            backup,
            prefix_depth: options.prefix_depth,
            notes: options.notes.get(),
        }
    }
}

/// A batch goes on its way.
pub(super) fn push(remover: &mut Remover, ledger: &mut Ledger, cut: Cut) {
    let id = ledger.open_batch(cut.pattern, cut.parts);
    remover.push(Batch { id, keys: cut.keys });
}

/// A batch that may have run before is asked for again.
pub(super) fn push_again(remover: &mut Remover, ledger: &mut Ledger, cut: Cut) {
    let id = ledger.open_batch(cut.pattern, cut.parts);
    remover.push_again(Batch { id, keys: cut.keys });
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
    Paced::join(
        node,
        options.budget.clone(),
        options.thresholds,
        frees_memory,
    )
}

/// What has to be known of a node before its walk begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    pub(super) total_keys: u64,
    round_trip: Duration,
}

/// Asks a node how many keys it has, in these slots where they are few and it tells, and how long its answers take.
pub(super) async fn survey(node: &Node, paced: &Paced, few: Option<&SlotSet>) -> Result<Survey> {
    let mut total_keys = dbsize(node).await?;
    if let Some(slots) = few {
        let there = keys_in_slots(node, slots).await;
        // Those of other databases are counted too.
        total_keys = there.map_or(total_keys, |keys| keys.min(total_keys));
    }
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
    let list = options.scan.list.as_ref();
    let is_list = list.is_some();
    let can_go_on = list.map_or(options.scan.strategy == Strategy::Scan, |from| {
        from.list.keeps_place()
    });
    if options.scan.order == Order::AsFound && can_go_on {
        return Ok(());
    }
    let context = if is_list {
        "names from a pipe can't be read again: keep them in a file to have a place to go on from"
    } else {
        "exact and sorted output and KEYS keep no place to go on from"
    };
    let operation = "keep the place of the sweep";
    Err(Error::new(
        ErrorKind::InvalidOption,
        Retry::Never,
        operation,
        context,
    ))
}
