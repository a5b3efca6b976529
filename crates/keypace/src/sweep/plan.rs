//! What a delete would do, found out by a bounded look at the keyspace.

use super::options::SweepOptions;
use crate::delete::{Draft, Plan};
use crate::error::Result;
use crate::key::Key;
use crate::limits;
use crate::port::{Keyspace, Paced};
use crate::scan::{Mark, Order, Pages, Step, Strategy};

/// A plan with an estimate: walks up to `limits::PLAN_PAGES` pages, and takes the share of the walk for the share of
/// the keys, which are hashed evenly over it. Where the walk ends within that, the estimate is a count. Changes
/// nothing. Cancel-safe.
///
/// # Errors
/// What a walk gives, and what asking for UNLINK gives.
pub async fn plan_delete(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    let mut draft = Draft::unseen(keyspace, &options.scan).await?;
    let scan = options
        .scan
        .clone()
        .with_strategy(Strategy::Scan)
        .with_order(Order::AsFound);
    let paced = Paced::join(keyspace.node(), options.budget, options.thresholds, false);
    let most = options.most_count();
    let mut pages = Pages::paced(keyspace, scan, &Mark::start(), paced, most);
    let mut matched = 0;
    for _ in 0..limits::PLAN_PAGES {
        match pages.next().await? {
            Some(Step::Page(page)) => {
                matched += page.keys().len() as u64;
                let wanted = limits::SAMPLE_KEYS - draft.samples.len();
                draft
                    .samples
                    .extend(page.keys().iter().take(wanted).map(Key::detach));
            }
            Some(Step::Restarted) => matched = 0,
            None => break,
        }
    }
    draft.is_exact = pages.is_ended() || pages.is_limited();
    let share = pages.share();
    draft.estimate = if draft.is_exact {
        Some(matched)
    } else if share > 0.0 {
        let whole = (matched as f64 / share).round() as u64;
        Some(whole.min(draft.total_keys.max(matched)))
    } else {
        // Cursors that are no numbers tell nothing about how far the look went.
        None
    };
    Ok(Plan::new(draft))
}

/// A plan without an estimate, for who has agreed already. Walks nothing. Cancel-safe.
///
/// # Errors
/// What asking for DBSIZE and UNLINK gives.
pub async fn plan_delete_unseen(keyspace: &Keyspace, options: &SweepOptions) -> Result<Plan> {
    Draft::unseen(keyspace, &options.scan).await.map(Plan::new)
}
