//! One walk over a namespace's keys, and an old layout's beside them. Knows nothing of what is done with a page.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::options::IndexOptions;
use crate::error::{Error, ErrorKind, Result, Retry};
use bytes::Bytes;

use crate::delete::Refused;
use crate::key::{Pattern, Slot};
use crate::pace::{self, Budget};
use crate::port::{Call, Class, Keyspace, Reply, Router};
use crate::records::{Fault, Ground, Migration, Namespace, OldLayout, State};
use crate::report::{Failure, PaceSummary};
use crate::scan::ScanOptions;
use crate::sweep::drive::Sweep;
use crate::sweep::options::SweepOptions;
use crate::sweep::tallies::Tallies;

/// What both kinds of work begin with.
pub(super) struct Beginning {
    pub(super) ground: Ground,
    pub(super) state: State,
    pub(super) walk: SweepOptions,
}

/// Reads how far the namespace is, and says how it is walked. Sends no SCAN yet.
pub(super) async fn begin(
    keyspace: &Keyspace,
    options: IndexOptions,
    command: &'static str,
) -> Result<Beginning> {
    let IndexOptions {
        namespace,
        keys,
        old,
        walk,
    } = options;
    let mut walk = match walk {
        Some(walk) => walk,
        None => SweepOptions::new(ScanOptions::new(vec![all_of(&namespace.lead())])?),
    };
    let router = Router::paced(keyspace, walk.budget.clone(), walk.thresholds);
    let migration = Migration::read(&router, &namespace, &keys).await?;
    check_old(&migration, old.as_ref())?;
    // A key that was added for a rotation is in use once that has begun.
    let keys = migration.keys;
    let old = old.or(migration.old);
    let layout = old.unwrap_or_else(|| OldLayout::of(&namespace));
    walk.scan.patterns = vec![all_of(&namespace.lead())];
    if migration.state != State::Switched {
        walk.scan.patterns.push(layout.pattern());
    }
    walk.command = Some(command);
    let ground = Ground {
        router,
        namespace,
        keys,
        layout,
        in_cluster: keyspace.is_cluster(),
    };
    Ok(Beginning {
        ground,
        state: migration.state,
        walk,
    })
}

/// The ground and the walk for who goes over the new layout alone. Asks nothing yet.
pub(super) fn whole(
    keyspace: &Keyspace,
    options: IndexOptions,
    command: &'static str,
) -> Result<(Ground, SweepOptions)> {
    let pattern = all_of(&options.namespace.lead());
    let mut walk = match options.walk {
        Some(walk) => walk,
        None => SweepOptions::new(ScanOptions::new(vec![pattern.clone()])?),
    };
    walk.scan.patterns = vec![pattern];
    walk.command = Some(command);
    let ground = Ground {
        router: Router::paced(keyspace, walk.budget.clone(), walk.thresholds),
        layout: OldLayout::of(&options.namespace),
        namespace: options.namespace,
        keys: options.keys,
        in_cluster: keyspace.is_cluster(),
    };
    Ok((ground, walk))
}

/// A namespace follows one old layout: with another one, everything it has brought would look lost.
fn check_old(migration: &Migration, wanted: Option<&OldLayout>) -> Result<()> {
    let (Some(known), Some(wanted)) = (&migration.old, wanted) else {
        return Ok(());
    };
    if migration.state != State::Following || known == wanted {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(known.prefix()).into_owned();
    let context = format!(
        "the index follows keys below `{shown}` whose owner is in `{}`, and not what was asked for",
        known.owner_field()
    );
    Err(
        Error::new(ErrorKind::Guard, Retry::Never, "open the index", context)
            .with_hint("leave --old-prefix and the fields out: they are remembered"),
    )
}

pub(super) fn all_of(lead: &str) -> Pattern {
    Pattern::prefix(lead.as_bytes())
}

/// What could not be done, by kind and text.
pub(super) struct Failures(Mutex<Tallies>);

impl Failures {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Tallies::new(1, None)))
    }

    pub(super) fn add(&self, faults: Vec<Fault>) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults {
            let refused = Refused {
                kind: fault.kind,
                text: fault.text,
                sample: fault.key,
            };
            tallies.fail(&refused, 1);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.failures().is_empty()
    }

    /// These, what ended the work, and those of the walk itself.
    pub(super) fn all(&self, error: Option<&Error>, sweep: &Sweep) -> Vec<Failure> {
        let mut tallies = Tallies::new(1, None);
        if let Some(error) = error {
            tallies.fail_with(error);
        }
        let mut all = tallies.failures().to_vec();
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(own.failures());
        all.extend(sweep.summary().errors);
        all
    }
}

/// What the pace did to the walk, and to what was asked beside it.
pub(super) fn pace_of(sweep: &Sweep, router: &Router, budget: Budget) -> PaceSummary {
    let mut figures = pace::Tally::default();
    for paced in router.paces() {
        let own = paced.figures();
        figures.absorb(&own.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let beside = figures.summary(budget);
    let mut pace = sweep.summary().pace;
    // Both have heard the same canary.
    pace.canary_max_us = pace.canary_max_us.max(beside.canary_max_us);
    pace.over_budget += beside.over_budget;
    let (all, more) = (&mut pace.paused_ms, beside.paused_ms);
    all.latency += more.latency;
    all.others += more.others;
    all.replica += more.replica;
    all.memory += more.memory;
    all.lazyfree += more.lazyfree;
    pace
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether anything was ever written in this namespace by this layout. Cancel-safe.
///
/// # Errors
/// What the server answers with, and what connecting gives.
pub async fn has_index(keyspace: &Keyspace, namespace: &Namespace) -> Result<bool> {
    let meta = namespace.meta();
    let words = vec![Bytes::from_static(b"EXISTS"), meta.clone()];
    let call = Call::command(Slot::of(&meta), "EXISTS", Class::Read, words);
    Ok(Router::new(keyspace).call(call).await? == Reply::Int(1))
}
