//! One shard of a sweep: takes a node's pages, hands keys on, has them settled, and enters all of it into its books.
//! Knows no other shard; what holds for all of them together is `shared`.

mod booking;

use std::sync::Arc;

use self::booking::remember;
use super::books::{Beginning, Books, Phase, SharedBooks};
use super::drive::Event;
use super::ground;
use super::look::Look;
use super::shared::Shared;
use super::stats;
use super::work::{Doing, Kind, Means, Work, push, push_again, too_many};
use crate::delete::Until;
use crate::error::{Error, Result};
use crate::port::{Node, Paced};
use crate::report::PauseReason;
use crate::scan::{Asks, Mark, Order, Page, Pages, Step};
use crate::select::Ground;

/// One node's part of a sweep.
pub(super) struct Shard {
    shared: Arc<Shared>,
    node: Node,
    books: SharedBooks,
    kind: Kind,
    work: Work,
    means: Means,
    look: Option<Look>,
    pages: Pages,
    paced: Paced,
    /// What the work needs of its node was asked for, of the process that answers now.
    knows_ground: bool,
    /// Whether its idle times tell the truth at the moment, where a delete rests on them.
    clock: Option<Ground>,
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
        kind: &Kind,
        beginning: Beginning,
    ) -> Self {
        let options = &shared.options;
        let counted = beginning.tallies.total().matched();
        let mut scan = options.scan.clone();
        // Those that are asked for again were within it once.
        let spoken_for = counted + beginning.lost.len() as u64;
        scan.limit = scan.limit.map(|limit| limit.saturating_sub(spoken_for));
        if kind.removes() {
            let is_again = shared.is_again() || beginning.repeated_slots > 0;
            scan = scan.asking(if is_again {
                Asks::Always
            } else {
                Asks::WhenReadAgain
            });
        }
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
        if !matches!(kind, Kind::List) {
            pages = pages.run_ahead();
        }
        let phase = if beginning.has_ended {
            Phase::Settling
        } else {
            Phase::Walking
        };
        let looks = kind.looks(options, shared.has_ceiling);
        let look = looks.then(|| kind.new_look(node, shared, &paced));
        let doing = Doing {
            means: Means::Scripts,
            has_looked: looks,
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
            node: node.clone(),
            books,
            kind: kind.clone(),
            work: kind.work(node, shared, &paced, doing),
            means: doing.means,
            look,
            pages,
            paced,
            knows_ground: !ground::matters(kind, shared),
            clock: None,
            listed: None,
            phase,
            is_restarting: false,
            asks_first: false,
            unrated: 0,
            handed: counted,
        };
        if shard.knows_ground {
            shard.ask_for_lost();
        }
        shard.publish();
        shard
    }

    /// Asks the node for what the work rests on, before anything of it is done there. Cancel-safe.
    async fn know_ground(&mut self) -> Result<()> {
        if self.knows_ground {
            return Ok(());
        }
        if let Kind::Stats(options) = self.kind {
            let look = stats::look(&self.node, &self.shared, &self.paced, options, &self.books);
            self.look = Some(look.await?);
            self.knows_ground = true;
            return Ok(());
        }
        let found = ground::find(&self.node, &self.kind, &self.shared).await?;
        let must_look = found.must_look && self.look.is_none();
        if must_look {
            self.look = Some(self.kind.new_look(&self.node, &self.shared, &self.paced));
        }
        if found.means != self.means || must_look {
            // Nothing was handed to it yet, or all of it was settled before the walk began again.
            let has_looked = self.look.is_some();
            let work = Doing {
                means: found.means,
                has_looked,
            };
            self.work = (self.kind).work(&self.node, &self.shared, &self.paced, work);
            self.means = found.means;
        }
        self.clock = found.clock;
        self.knows_ground = true;
        self.ask_for_lost();
        Ok(())
    }

    /// Waits while idle times don't tell the truth. Cancel-safe.
    async fn trust_clock(&mut self) -> Result<()> {
        let Some(clock) = &mut self.clock else {
            return Ok(());
        };
        let mut backoff = self.node.backoff();
        loop {
            let trusted = match self.node.lease().await {
                Ok(mut lease) => clock.hold(&mut lease, &self.paced).await,
                Err(error) => Err(error),
            };
            match trusted {
                Ok(()) => return Ok(()),
                Err(error) => backoff.pause(error).await?,
            };
        }
    }

    /// Keys that may have been removed before this shard began have their outcome before the walk can find them.
    fn ask_for_lost(&mut self) {
        let Work::Delete(remover, batcher) = &mut self.work else {
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
            push_again(remover, &mut books.ledger, cut);
        }
        remember(remover, &mut books, &self.shared);
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
            ready = self.make_ready() => ready,
        };
        if let Err(error) = ready {
            self.fail(error);
            return None;
        }
        self.keep_rate().await;
        if self.look.as_ref().is_some_and(Look::is_open) {
            return self.look().await;
        }
        let work = &mut self.work;
        let step = tokio::select! {
            biased;
            () = shared.stop.stopped() => return None,
            step = self.pages.next() => step,
            // What waits for the disk need not wait for the page too.
            () = work.go_on() => return None,
        };
        let elsewhere = self.pages.take_elsewhere();
        if !elsewhere.is_empty() {
            let mut books = self.books.open();
            elsewhere.into_iter().for_each(|slot| {
                books.elsewhere.insert(slot);
            });
        }
        match step {
            Ok(Some(Step::Page(page))) => match &mut self.look {
                Some(look) => {
                    look.begin(page);
                    self.look().await
                }
                None => Some(self.take(page)),
            },
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

    async fn make_ready(&mut self) -> Result<()> {
        loop {
            self.know_ground().await?;
            self.trust_clock().await?;
            self.send().await?;
            // Where the walk begins again, another process answers, and nothing of its pages is handed on before.
            if self.knows_ground {
                return Ok(());
            }
        }
    }

    /// Looks at the keys of a page before anything becomes of them. Cancel-safe: a stopped look is no part of the books.
    async fn look(&mut self) -> Option<Event> {
        let shared = Arc::clone(&self.shared);
        let look = self.look.as_mut()?;
        let looked = tokio::select! {
            biased;
            () = shared.stop.stopped() => return None,
            looked = async {
                // At full speed the next page is on its way beside the questions.
                if self.paced.is_bounded() {
                    self.pages.land().await;
                }
                look.finish().await
            } => looked,
        };
        match looked {
            Ok(Some((page, elsewhere))) => {
                for slot in elsewhere {
                    self.books.open().elsewhere.insert(slot);
                }
                Some(self.take(page))
            }
            Ok(None) => None,
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
        if let Work::Delete(remover, batcher) = &mut self.work {
            let number = books.ledger.open_page(mark, keys as u64);
            for (place, key) in page.keys().iter().enumerate() {
                books.tallies.sample(key);
                if let Some(cut) = batcher.push(key.clone(), page.pattern_of(place), number) {
                    push(remover, &mut books.ledger, cut);
                }
            }
            for cut in batcher.end_page(number) {
                push(remover, &mut books.ledger, cut);
            }
            drop(books);
            self.book();
            return Event::Step;
        }
        for (place, key) in page.keys().iter().enumerate() {
            books.tallies.find(key, page.pattern_of(place));
            books.tallies.learn(key, page.facts_of(place));
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
        if let Work::Delete(remover, _) = &mut self.work
            && (self.is_restarting || self.asks_first || remover.has_waiting())
        {
            self.pages.land().await;
            let sent = remover.run(until).await;
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
        if let Work::Delete(remover, batcher) = &mut self.work
            && !remover.has_given_up()
        {
            // Also where a stop was asked for: what a page has begun is brought to its end, and the Mark behind it holds.
            {
                let mut books = self.books.open();
                for cut in batcher.cut_all() {
                    push(remover, &mut books.ledger, cut);
                }
                remember(remover, &mut books, &self.shared);
            }
            let settled = remover.run(Until::Settled).await;
            self.book();
            if let Err(error) = settled {
                self.fail(error);
            }
        }
        self.take_back_unsettled();
        self.phase = Phase::Ended;
        self.publish();
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
}
