//! One shard of a sweep: takes a node's pages, hands keys on, has them settled, and enters all of it into its books.
//! Knows no other shard; what holds for all of them together is `shared`.

use std::sync::Arc;

use super::books::{Beginning, Books, Phase, SharedBooks, WalkState};
use super::drive::Event;
use super::shared::Shared;
use super::work::{Work, push, push_again, too_many};
use crate::delete::Until;
use crate::error::{Error, Result};
use crate::key::Slot;
use crate::port::{Node, Paced};
use crate::report::PauseReason;
use crate::scan::{Mark, Order, Page, Pages, Step};

/// One node's part of a sweep.
pub(super) struct Shard {
    shared: Arc<Shared>,
    books: SharedBooks,
    work: Work,
    pages: Pages,
    paced: Paced,
    /// The page that the caller of a listing has in hand: settled when it asks for the next.
    listed: Option<Option<Mark>>,
    phase: Phase,
    /// The walk has begun again, and the books have yet to.
    is_restarting: bool,
    /// What was pushed is settled before anything is walked.
    asks_first: bool,
    /// Keys handed on since the rate was last asked.
    unrated: u64,
    /// Keys handed on by this shard's walk.
    handed: u64,
}

impl Shard {
    /// Sends nothing yet.
    pub(super) fn new(
        shared: &Arc<Shared>,
        node: &Node,
        paced: Paced,
        work: Work,
        beginning: Beginning,
    ) -> Self {
        let options = &shared.options;
        let counted = beginning.tallies.total().matched();
        let mut scan = options.scan.clone();
        scan.limit = scan.limit.map(|limit| limit.saturating_sub(counted));
        if beginning.slots.is_some() {
            // Over all nodes together: `shared` holds what is needed for it.
            scan.order = Order::AsFound;
        }
        let most = options.most_count();
        let mut pages = Pages::paced(node, scan, &beginning.mark, paced.clone(), most);
        if let Some(slots) = &beginning.slots {
            pages = if beginning.is_narrow {
                pages.within_slots(slots.clone())
            } else {
                pages.only_slots(slots.clone())
            };
        }
        if let Some(ground) = &beginning.ground {
            pages = pages.in_lanes(ground);
        }
        if !matches!(work, Work::List) {
            pages = pages.run_ahead();
        }
        let phase = if beginning.has_ended {
            Phase::Settling
        } else {
            Phase::Walking
        };
        let books = SharedBooks::new(Books {
            share_before: pages.share(),
            from_replica: options.from_replica,
            phase,
            figures: paced.figures(),
            waits: node.waits(),
            ..Books::new(Arc::clone(node.name()), beginning)
        });
        let mut shard = Self {
            shared: Arc::clone(shared),
            books,
            work,
            pages,
            paced,
            listed: None,
            phase,
            is_restarting: false,
            asks_first: false,
            unrated: 0,
            handed: counted,
        };
        shard.ask_for_lost();
        shard.publish();
        shard
    }

    /// Keys that may have been removed before this shard began have their outcome before the walk can find them.
    fn ask_for_lost(&mut self) {
        let Work::Delete(deleter, batcher) = &mut self.work else {
            return;
        };
        let mut books = self.books.open();
        let lost = std::mem::take(&mut books.lost);
        if lost.is_empty() {
            return;
        }
        self.handed += lost.len() as u64;
        self.shared.hand_again(lost.len() as u64);
        let number = books.ledger.open_page(None, lost.len() as u64);
        let mut cuts: Vec<_> = lost
            .into_iter()
            .filter_map(|(pattern, key)| batcher.push(key, pattern, number))
            .collect();
        cuts.extend(batcher.cut_all());
        for cut in cuts {
            push_again(deleter, &mut books.ledger, cut);
        }
        self.asks_first = true;
    }

    /// What it enters everything into.
    pub(super) fn books(&self) -> &SharedBooks {
        &self.books
    }

    /// Works until something moved; `None` when the shard has ended, whether complete or not. Cancel-safe: a dropped
    /// future loses no key and no count.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            match self.phase {
                Phase::Walking => {
                    let event = self.walk().await;
                    self.publish();
                    if event.is_some() {
                        return event;
                    }
                }
                Phase::Settling => self.settle().await,
                Phase::Ended => return None,
            }
        }
    }

    async fn walk(&mut self) -> Option<Event> {
        if let Some(mark) = self.listed.take() {
            self.books.open().ledger.open_page(mark, 0);
        }
        let shared = Arc::clone(&self.shared);
        let ready = tokio::select! {
            biased;
            () = shared.stop.stopped() => {
                self.phase = Phase::Settling;
                return None;
            }
            ready = self.send() => ready,
        };
        if let Err(error) = ready {
            self.fail(error);
            return None;
        }
        self.keep_rate().await;
        let step = tokio::select! {
            biased;
            () = shared.stop.stopped() => return None,
            step = self.pages.next() => step,
        };
        match step {
            Ok(Some(Step::Page(page))) => Some(self.take(page)),
            Ok(Some(Step::Restarted)) => {
                self.is_restarting = true;
                Some(Event::Step)
            }
            Ok(None) => {
                self.books.open().has_walked = true;
                self.phase = Phase::Settling;
                None
            }
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Counts a page's keys, and hands them to the work.
    fn take(&mut self, mut page: Page) -> Event {
        // Only a listing has an order.
        if matches!(self.work, Work::List) {
            self.shared.hold(&mut page);
        }
        let wanted = page.keys().len();
        let within = self.shared.within_limit(wanted);
        let keys = self.shared.hand(within);
        self.handed += keys as u64;
        self.unrated += keys as u64;
        page.truncate(keys);
        if keys < within {
            self.shared.stop.stop_all();
            self.fail(too_many(self.shared.max_delete.unwrap_or(0)));
        } else if self.shared.is_limit_reached() {
            self.shared.stop.stop_all();
        }
        let mark = page.mark().cloned();
        let books = self.books.clone();
        let mut books = books.open();
        if let Work::Delete(deleter, batcher) = &mut self.work {
            let number = books.ledger.open_page(mark, keys as u64);
            for (place, key) in page.keys().iter().enumerate() {
                books.tallies.sample(key);
                if let Some(cut) = batcher.push(key.clone(), page.pattern_of(place), number) {
                    push(deleter, &mut books.ledger, cut);
                }
            }
            for cut in batcher.end_page(number) {
                push(deleter, &mut books.ledger, cut);
            }
            drop(books);
            self.book();
            return Event::Step;
        }
        for (place, key) in page.keys().iter().enumerate() {
            books.tallies.find(key, page.pattern_of(place));
        }
        if matches!(self.work, Work::List) {
            self.listed = Some(mark);
            return Event::Page(page);
        }
        books.ledger.open_page(mark, 0);
        Event::Step
    }

    /// Batches that are full go on their way; before the books begin again, all of them are settled. Cancel-safe.
    async fn send(&mut self) -> Result<()> {
        let until = if self.is_restarting || self.asks_first {
            Until::Settled
        } else {
            Until::Sent
        };
        if let Work::Delete(deleter, _) = &mut self.work
            && (self.is_restarting || deleter.has_waiting())
        {
            self.pages.land().await;
            let sent = deleter.run(until).await;
            self.book();
            sent?;
            self.asks_first = false;
        }
        if std::mem::take(&mut self.is_restarting) {
            self.restart();
        }
        Ok(())
    }

    /// What is in flight comes to its end; then the shard has ended.
    async fn settle(&mut self) {
        self.pages.let_go();
        if self.shared.stop.was_asked() {
            self.paced.end();
        }
        if let Work::Delete(deleter, batcher) = &mut self.work
            && !deleter.has_given_up()
        {
            // Also where a stop was asked for: what a page has begun is brought to its end, and the Mark behind it holds.
            for cut in batcher.cut_all() {
                push(deleter, &mut self.books.open().ledger, cut);
            }
            let settled = deleter.run(Until::Settled).await;
            self.book();
            if let Err(error) = settled {
                self.fail(error);
            }
        }
        self.take_back_unsettled();
        self.phase = Phase::Ended;
        self.publish();
    }

    /// What was handed on and never sent is as if it had not been found.
    fn take_back_unsettled(&mut self) {
        let counted = self.books.open().tallies.total().matched();
        let unsettled = self.handed.saturating_sub(counted);
        self.handed -= unsettled;
        self.shared.take_back(unsettled);
    }

    /// Enters what came to its end into the books.
    fn book(&mut self) {
        let Work::Delete(deleter, _) = &mut self.work else {
            return;
        };
        let mut books = self.books.open();
        for settled in deleter.take_settled() {
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
            // Handed on again when they are found where they are now.
            let elsewhere = settled.keys - settled.tally.sum();
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
                let keys = settled.tally.failed + settled.tally.unknown;
                books.tallies.fail(refused, keys);
            }
        }
    }

    fn restart(&mut self) {
        let mut books = self.books.open();
        books.ledger.restart();
        if !matches!(self.work, Work::List) {
            books.tallies.restart();
        }
        match &mut self.work {
            Work::List => {}
            Work::Count | Work::DryRun => {
                self.pages.forget_handed_out(self.shared.options.scan.limit);
                self.shared.take_back(std::mem::take(&mut self.handed));
            }
            // Found again; sent twice they would be counted twice.
            Work::Delete(_, batcher) => {
                let forgotten = batcher.forget();
                self.handed -= forgotten;
                self.shared.take_back(forgotten);
            }
        }
    }

    /// The shard can't go on: what is in flight is settled, and the rest is left.
    fn fail(&mut self, error: Error) {
        self.phase = Phase::Settling;
        self.books.open().error.get_or_insert(error);
    }

    async fn keep_rate(&mut self) {
        let pause = self.shared.rate_pause(std::mem::take(&mut self.unrated));
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            () = self.shared.stop.stopped() => return,
            () = self.pages.land() => {}
        }
        tokio::select! {
            () = self.shared.stop.stopped() => {}
            () = self.paced.pause(pause, PauseReason::Rate) => {}
        }
    }

    /// Shows how far the walk is.
    fn publish(&self) {
        let mut books = self.books.open();
        books.phase = self.phase;
        books.walk = WalkState {
            share: self.pages.share(),
            calls: self.pages.calls(),
            restarts: self.pages.restarts(),
            lanes: self.pages.lanes(),
            is_limited: self.pages.is_limited(),
            waited: self.pages.waited(),
        };
        if let Work::Delete(deleter, _) = &self.work {
            books.delete_waited = deleter.waited();
        }
    }
}
