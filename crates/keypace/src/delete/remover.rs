//! What removes the keys of a sweep, whichever way: one face, so that a shard need not know how. Decides nothing.

use std::time::Duration;

use super::drive::{Deleter, Until};
use super::state::{Batch, Piece, Settled};
use super::watched::Watched;
use crate::error::Result;

/// Removes the keys it is given. Exists only where a delete was confirmed.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a shard, which keeps it in a box"
)]
pub(crate) enum Remover {
    /// By UNLINK or DEL, or by the script that checks and removes in one step.
    Plain(Deleter),
    /// By WATCH, once the values are saved, or where scripts may not run.
    Watched(Watched),
}

impl Remover {
    /// Takes a batch; `run` sends it.
    pub(crate) fn push(&mut self, batch: Batch) {
        match self {
            Self::Plain(deleter) => deleter.push(batch),
            Self::Watched(watched) => watched.push(batch),
        }
    }

    /// Takes keys that an earlier remover sent and had no answer for.
    pub(crate) fn push_again(&mut self, batch: Batch) {
        match self {
            Self::Plain(deleter) => deleter.push_again(batch),
            Self::Watched(watched) => watched.push_again(batch),
        }
    }

    /// Removes what was pushed. Cancel-safe: the next call goes on, and what was half-way out counts as something whose
    /// reply did not come.
    ///
    /// # Errors
    /// What makes going on useless. `take_settled` has what is unknown then.
    pub(crate) async fn run(&mut self, until: Until) -> Result<()> {
        match self {
            Self::Plain(deleter) => deleter.run(until).await,
            Self::Watched(watched) => watched.run(until).await,
        }
    }

    /// Carries on what is on its way while the caller waits for something else; never ends. Cancel-safe.
    pub(crate) async fn go_on(&mut self) {
        match self {
            // Its answers wait where they are.
            Self::Plain(_) => std::future::pending().await,
            Self::Watched(watched) => watched.go_on().await,
        }
    }

    /// What came to its end since the last call.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        match self {
            Self::Plain(deleter) => deleter.take_settled(),
            Self::Watched(watched) => watched.take_settled(),
        }
    }

    /// Whether batches wait to be sent.
    pub(crate) fn has_waiting(&self) -> bool {
        match self {
            Self::Plain(deleter) => deleter.has_waiting(),
            Self::Watched(watched) => watched.has_waiting(),
        }
    }

    /// Time spent waiting to try again.
    pub(crate) fn waited(&self) -> Duration {
        match self {
            Self::Plain(deleter) => deleter.waited(),
            Self::Watched(watched) => watched.waited(),
        }
    }

    /// Whether `run` has failed for good.
    pub(crate) fn has_given_up(&self) -> bool {
        match self {
            Self::Plain(deleter) => deleter.has_given_up(),
            Self::Watched(watched) => watched.has_given_up(),
        }
    }

    /// What has no outcome yet, on its way or still to be sent, as far as it may be gone by the time somebody asks.
    pub(crate) fn open(&self) -> Vec<Piece> {
        match self {
            Self::Plain(deleter) => deleter.open().cloned().collect(),
            Self::Watched(watched) => watched.open().collect(),
        }
    }
}
