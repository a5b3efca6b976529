//! How a shard enters what happened into its books: outcomes, what is on its way, how far the walk is. Sends nothing.

use std::time::Duration;

use super::super::books::{Books, Phase, WalkState};
use super::super::ground;
use super::super::look::Look;
use super::super::shared::Shared;
use super::super::work::Work;
use super::Shard;
use crate::delete::Remover;
use crate::key::Slot;

impl Shard {
    /// What was handed on and never sent is as if it had not been found.
    pub(super) fn take_back_unsettled(&mut self) {
        let counted = self.books.open().tallies.total().matched();
        let unsettled = self.handed.saturating_sub(counted);
        self.handed -= unsettled;
        self.shared.take_back(unsettled);
    }

    /// Enters what came to its end into the books.
    pub(super) fn book(&mut self) {
        let Work::Delete(remover, _) = &mut self.work else {
            return;
        };
        let mut books = self.books.open();
        // The walk finds them again, and they fail or pass there.
        let fails_later = self.asks_first && self.phase == Phase::Walking;
        for mut settled in remover.take_settled() {
            if fails_later {
                settled.tally.failed = 0;
                settled.tally.skipped = 0;
            }
            // An unknown outcome is no end: no Mark may pass its keys, so that a resumed run asks again.
            let ended = settled.keys - settled.tally.unknown;
            let pattern = books.ledger.settle(settled.batch, ended);
            if let Some(pattern) = pattern {
                // In a cluster all keys of a batch are of one slot.
                let sample = settled
                    .refused
                    .as_ref()
                    .and_then(|refused| refused.sample.as_ref());
                let slot = sample.map(|key| Slot::of(key.as_bytes()));
                books.tallies.settle(pattern, slot, &settled.tally);
            }
            // Handed on again when they are found where they are now, or never matched.
            let elsewhere = settled.keys - settled.tally.sum();
            debug_assert!(settled.unmatched <= elsewhere, "a key has one end");
            self.handed = self.handed.saturating_sub(elsewhere);
            self.shared.take_back(elsewhere);
            let lost = settled.lost.into_iter();
            books
                .lost
                .extend(lost.map(|key| (pattern.unwrap_or(0), key)));
            for slot in settled.elsewhere {
                books.elsewhere.insert(slot);
            }
            if let Some(refused) = &settled.refused {
                let tally = &settled.tally;
                let keys = tally.failed + tally.unknown + tally.skipped;
                if keys > 0 {
                    books.tallies.fail(refused, keys);
                }
            }
        }
        remember(remover, &mut books, &self.shared);
    }

    /// Another walk begins: what is found again is counted anew.
    pub(super) fn restart(&mut self) {
        // Another process may have other clocks and other rights.
        self.knows_ground = !ground::matters(&self.kind, &self.shared);
        let mut books = self.books.open();
        books.ledger.restart();
        let counted = books.tallies.total().matched();
        if !matches!(self.work, Work::List) {
            books.tallies.restart();
        }
        let found_again = counted - books.tallies.total().matched();
        match &mut self.work {
            Work::List => {}
            Work::Count | Work::DryRun => {
                self.pages.forget_handed_out(self.shared.options.scan.limit);
                self.shared.take_back(std::mem::take(&mut self.handed));
            }
            // Found again; sent twice they would be counted twice.
            Work::Delete(_, batcher) => {
                let forgotten = batcher.forget() + found_again;
                self.handed = self.handed.saturating_sub(forgotten);
                self.shared.take_back(forgotten);
            }
        }
    }

    /// Shows how far the walk is.
    pub(super) fn publish(&self) {
        let mut books = self.books.open();
        books.phase = self.phase;
        books.walk = WalkState {
            share: self.pages.share(),
            calls: self.pages.calls(),
            restarts: self.pages.restarts(),
            lanes: self.pages.lanes(),
            is_limited: self.pages.is_limited(),
            waited: self.pages.waited() + self.look.as_ref().map_or(Duration::ZERO, Look::waited),
        };
        if let Work::Delete(remover, _) = &self.work {
            books.delete_waited = remover.waited();
        }
    }
}

/// What is without an outcome stands in the books before it is sent, for whoever saves them.
pub(super) fn remember(remover: &Remover, books: &mut Books, shared: &Shared) {
    books.in_flight.clear();
    if shared.options.checkpoint.is_none() {
        return;
    }
    let Books {
        in_flight, ledger, ..
    } = books;
    in_flight.extend(remover.open().into_iter().map(|piece| {
        let pattern = ledger.pattern_of(piece.batch()).unwrap_or(0);
        (pattern, piece)
    }));
}
