//! What a delete would do, found out by a bounded look at the keyspace.

use super::options::SweepOptions;
use super::work::join;
use crate::delete::{Draft, Plan};
use crate::error::Result;
use crate::key::{Key, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Node};
use crate::scan::{Mark, Order, Pages, Step, Strategy};

/// A plan with an estimate: walks up to `limits::PLAN_PAGES` pages, in a cluster some on each primary, and takes the
/// share of the walk for the share of the keys, which are hashed evenly over it. Where the walks end within that, the
/// estimate is a count. Changes nothing. Cancel-safe.
///
/// # Errors
/// What a walk gives, what finding a cluster's nodes gives, and what asking for UNLINK gives.
pub async fn plan_delete(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    let mut draft = Draft::unseen(keyspace, &options.scan).await?;
    let looks = looks(keyspace).await?;
    let pages = (limits::PLAN_PAGES / looks.len().max(1)).max(1);
    let mut seen = Seen::default();
    for look in &looks {
        let left = options
            .scan
            .limit
            .map(|limit| limit.saturating_sub(seen.matched));
        if left == Some(0) {
            break;
        }
        seen.add(look_at(look, options, left, pages, &mut draft.samples).await?);
    }
    draft.is_exact = seen.is_exact;
    let most = draft.total_keys.max(seen.matched);
    draft.estimate = seen.estimate.map(|estimate| estimate.min(most));
    Ok(Plan::new(draft))
}

/// A node to look at, and in a cluster the slots that it answers for.
struct Look {
    node: Node,
    slots: Option<SlotSet>,
}

async fn looks(keyspace: &Keyspace) -> Result<Vec<Look>> {
    if !keyspace.is_cluster() {
        return Ok(vec![Look {
            node: keyspace.node().clone(),
            slots: None,
        }]);
    }
    let primaries = keyspace.layout().await?.primaries;
    Ok(primaries
        .into_iter()
        .map(|primary| Look {
            node: primary.node,
            slots: Some(primary.slots),
        })
        .collect())
}

/// What was seen of one node, or of all so far.
struct Seen {
    matched: u64,
    /// Unknown where the share of the walk is not.
    estimate: Option<u64>,
    is_exact: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            matched: 0,
            estimate: Some(0),
            is_exact: true,
        }
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.matched += other.matched;
        self.estimate = self
            .estimate
            .zip(other.estimate)
            .map(|(all, one)| all + one);
        self.is_exact &= other.is_exact;
    }
}

async fn look_at(
    look: &Look,
    options: &SweepOptions,
    limit: Option<u64>,
    most_pages: usize,
    samples: &mut Vec<Key>,
) -> Result<Seen> {
    let mut scan = options
        .scan
        .clone()
        .with_strategy(Strategy::Scan)
        .with_order(Order::AsFound);
    scan.limit = limit;
    let paced = join(&look.node, options, false);
    let most = options.most_count();
    let mut pages = Pages::paced(&look.node, scan, &Mark::start(), paced, most);
    if let Some(slots) = &look.slots {
        pages = pages.only_slots(slots.clone());
    }
    let mut matched = 0;
    for _ in 0..most_pages {
        match pages.next().await? {
            Some(Step::Page(page)) => {
                matched += page.keys().len() as u64;
                let wanted = limits::SAMPLE_KEYS - samples.len();
                samples.extend(page.keys().iter().take(wanted).map(Key::detach));
            }
            Some(Step::Restarted) => matched = 0,
            None => break,
        }
    }
    let is_exact = pages.is_ended() || pages.is_limited();
    let share = pages.share();
    let estimate = if is_exact {
        Some(matched)
    } else if share > 0.0 {
        Some((matched as f64 / share).round() as u64)
    } else {
        // Cursors that are no numbers tell nothing about how far the look went.
        None
    };
    Ok(Seen {
        matched,
        estimate,
        is_exact,
    })
}

/// A plan without an estimate, for who has agreed already. Walks nothing. Cancel-safe.
///
/// # Errors
/// What asking for DBSIZE and UNLINK gives.
pub async fn plan_delete_unseen(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    Draft::unseen(keyspace, &options.scan).await.map(Plan::new)
}
