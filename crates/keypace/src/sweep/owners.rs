//! What a sweep makes of a cluster's nodes: who owns what, whether they agree, which slots are wanted, and which failures may
//! pass. Keeps nothing.

use tokio::time::sleep;

use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Pattern, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Layout, Primary, carried};
use crate::scan::Claim;

pub(super) async fn find(keyspace: &Keyspace, shared: &Shared) -> Result<Layout> {
    if shared.options.from_replica {
        keyspace.layout_with_replicas().await
    } else {
        keyspace.layout().await
    }
}

/// The same once all nodes agree, since nothing is proven before; as it is where they don't for long.
pub(super) async fn find_agreed(keyspace: &Keyspace, shared: &Shared) -> Result<Layout> {
    for _ in 0..limits::MAX_LOOKS_FOR_AGREEMENT {
        let layout = find(keyspace, shared).await?;
        if layout.agrees {
            return Ok(layout);
        }
        sleep(limits::COVERAGE_PAUSE).await;
    }
    find(keyspace, shared).await
}

/// The slots that any key of these patterns can be in; all where there are none, as for names of a list.
pub(super) fn wanted(patterns: &[Pattern]) -> SlotSet {
    if patterns.is_empty() {
        return SlotSet::all();
    }
    let slots: Option<SlotSet> = patterns.iter().map(Pattern::slot).collect();
    slots.unwrap_or_else(SlotSet::all)
}

/// Whether the slots are few of those that their owner has: worth going to them alone.
pub(super) fn is_narrow(slots: &SlotSet, owned: &SlotSet) -> bool {
    slots.len() <= owned.len() / limits::NARROW_SHARE
}

pub(super) fn claim(primary: &Primary, layout: &Layout) -> Claim {
    let mut at_rest = primary.slots.clone();
    at_rest.subtract(&layout.moving);
    Claim {
        id: primary.id.to_string(),
        epoch: primary.epoch,
        at_rest,
        is_highest: primary.epoch == layout.highest_epoch,
        is_agreed: layout.agrees,
        carried: primary.carried.clone(),
    }
}

pub(super) fn claim_of(layout: &Layout, id: &str) -> Option<Claim> {
    let primary = layout
        .primaries
        .iter()
        .find(|primary| *primary.id == *id && primary.is_reachable);
    primary.map(|primary| claim(primary, layout))
}

/// What a node owns once its walk has ended; `None` where that can't be told.
pub(super) async fn claim_after(keyspace: &Keyspace, id: &str) -> Option<Claim> {
    let layout = keyspace.layout().await.ok()?;
    let mut claim = claim_of(&layout, id)?;
    let primary = layout.primaries.iter().find(|one| *one.id == *id)?;
    // Behind the look: what comes back after it was on its way at the look, and had a marker.
    claim.carried = carried(&primary.node).await.ok()?;
    Some(claim)
}

/// Whether trying again is of no use: neither at another time, nor where another node has the slots by then.
pub(super) fn is_final(error: &Error) -> bool {
    let may_pass = matches!(
        error.retry(),
        Retry::Backoff | Retry::Reconnect | Retry::Redirect | Retry::AskAgain
    );
    !may_pass && error.kind() != ErrorKind::ReadOnly
}

pub(super) fn failed(kind: ErrorKind, context: String) -> Error {
    Error::new(kind, Retry::Never, "walk the cluster", context)
}

/// Keys of this node went and came back, walk after walk.
pub(super) fn lent(node: &str) -> Error {
    let context =
        "keys leave it by MIGRATE and others come, each time it is walked: any may be away then";
    failed(ErrorKind::Disconnected, context.to_owned())
        .on_node(node)
        .with_hint("run again when the cluster's slots are at rest")
}

/// A few of the slots by their ranges, and how many they are.
pub(super) fn shown(slots: &SlotSet) -> String {
    let mut few = SlotSet::default();
    for (first, last) in slots.ranges().take(limits::SHOWN_SLOT_RANGES) {
        few.extend_with(&SlotSet::range(first, last));
    }
    let more = if few.len() < slots.len() {
        " and others"
    } else {
        ""
    };
    let word = if slots.len() == 1 { "slot" } else { "slots" };
    format!("{} {word} ({few}{more})", slots.len())
}
