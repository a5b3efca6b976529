//! Claims jobs as long as there is room, and gives each a turn. Ends when the runner closes and every turn has ended.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::shop::Shop;
use super::{figures, keep, turn};
use crate::limits;

pub(super) async fn run(shop: Arc<Shop>) {
    // Ends by itself when the runner closes, and is waited for by nobody.
    tokio::spawn(keep::run(Arc::clone(&shop)));
    let mut turns = JoinSet::new();
    let mut bell = shop.bell();
    let mut counted_at: Option<Instant> = None;
    while !shop.is_closing() {
        bell.mark_unchanged();
        claim(&shop, &mut turns).await;
        if counted_at.is_none_or(|at| at.elapsed() >= limits::JOB_COUNT_PAUSE) {
            counted_at = Some(Instant::now());
            count(&shop).await;
        }
        tokio::select! {
            () = shop.closed() => {}
            // The sender is the shop's.
            _ = bell.changed() => {}
            () = sleep(shop.limits.look) => {}
            Some(ended) = turns.join_next() => told(ended),
        }
    }
    while let Some(ended) = turns.join_next().await {
        told(ended);
    }
}

/// Claims what there is room for.
async fn claim(shop: &Arc<Shop>, turns: &mut JoinSet<()>) {
    let most = shop.limits.running;
    while turns.len() < most as usize && !shop.is_closing() {
        // The lease runs from before the store has heard of us.
        let asked = Instant::now();
        let claimed = shop.store.claim(&shop.holder, shop.limits.lease, most);
        match claimed.await {
            Ok(Some(job)) => {
                turns.spawn(turn::run(Arc::clone(shop), job, asked));
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(?error, "no job can be claimed at the moment");
                return;
            }
        }
    }
}

async fn count(shop: &Shop) {
    match shop.store.counts().await {
        Ok(counts) => figures::jobs(&counts),
        Err(error) => tracing::warn!(?error, "jobs can't be counted at the moment"),
    }
}

/// A turn that breaks off leaves its job to the lease, which runs out.
fn told(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a turn broke off");
    }
}
