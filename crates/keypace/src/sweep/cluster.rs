//! A sweep over a cluster: a shard for each primary, all at once, until every slot is proven to have been walked whole.
//! What moved meanwhile is walked again. Nothing runs but while somebody waits for `next`.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use super::books::{Beginning, Books, Phase, SharedBooks};
use super::checkpoint::Checkpoint;
use super::drive::Event;
use super::overview::ProgressHandle;
use super::owners::{
    claim, claim_after, claim_of, failed, find, find_agreed, is_final, is_narrow, lent, shown,
    wanted,
};
use super::replicas;
use super::shard::Shard;
use super::shared::Shared;
use super::tallies::Tallies;
use super::work::{Kind, join, survey};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Slot, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Layout, Node, Paced};
use crate::scan::{Claim, Coverage, Found, Mark, Page};

/// All shards of a sweep over a cluster.
pub(super) struct Cluster {
    keyspace: Keyspace,
    shared: Arc<Shared>,
    overview: ProgressHandle,
    kind: Kind,
    coverage: Coverage,
    waiting: VecDeque<Walk>,
    running: FuturesUnordered<Running>,
    rounds: u32,
    /// Walks during which keys may have been elsewhere for a while.
    lent: u32,
    /// Since when nothing more was proven although somebody tried.
    stuck_since: Option<Instant>,
    /// A walk ended early, and nothing was proven since.
    has_failed: bool,
    /// Failures of walks, with the slots that they left open.
    failures: Vec<(SlotSet, Error)>,
    is_over: bool,
    /// Sorted keys that are still to go out.
    held: Option<std::vec::IntoIter<Found>>,
}

type Running = Pin<Box<dyn Future<Output = Came> + Send>>;

/// A shard on its way, and what its node owned when it began.
struct Walk {
    shard: Box<Shard>,
    slots: SlotSet,
    before: Claim,
}

/// What came of a shard's next step.
struct Came {
    walk: Walk,
    event: Option<Event>,
    /// What its node owned once the shard had ended, if that could be told.
    after: Option<Claim>,
}

impl Cluster {
    /// Finds the nodes, and plans a walk of each. Walks nothing yet.
    ///
    /// # Errors
    /// What finding the nodes gives; `Guard` where nobody serves some of the slots and that was not allowed for.
    pub(super) async fn new(
        keyspace: &Keyspace,
        shared: &Arc<Shared>,
        overview: &ProgressHandle,
        kind: &Kind,
        resume: Option<Checkpoint>,
    ) -> Result<Self> {
        let layout = find_agreed(keyspace, shared).await?;
        let wanted = wanted(&shared.options.scan.patterns);
        let mut uncovered = layout.uncovered.clone();
        uncovered.intersect(&wanted);
        if !uncovered.is_empty() && !shared.options.allow_uncovered {
            let context = format!("nobody serves {}", shown(&uncovered));
            return Err(failed(ErrorKind::Guard, context)
                .with_hint("see CLUSTER INFO and bring their nodes back; --allow-uncovered walks the rest, and says that it is incomplete"));
        }
        let mut cluster = Self {
            keyspace: keyspace.clone(),
            shared: Arc::clone(shared),
            overview: overview.clone(),
            kind: kind.clone(),
            coverage: Coverage::new(wanted),
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
            rounds: 0,
            lent: 0,
            stuck_since: None,
            has_failed: false,
            failures: Vec::new(),
            is_over: false,
            held: None,
        };
        if let Some(checkpoint) = resume {
            cluster.take_up(&checkpoint, &layout).await?;
        }
        cluster.plan(&layout).await?;
        Ok(cluster)
    }

    /// What is not proven.
    pub(super) fn open(&self) -> &SlotSet {
        self.coverage.open()
    }

    /// The next step of any shard. Cancel-safe: what is on its way stays with the shards.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            while self.running.len() < self.shared.options.max_nodes
                && let Some(walk) = self.waiting.pop_front()
            {
                self.run(walk);
            }
            if let Some(came) = self.running.next().await {
                if let Some(event) = self.take(came) {
                    return Some(event);
                }
            } else if self.is_over || self.shared.stop.is_stopped() {
                return self.next_held();
            } else {
                self.go_on().await;
            }
        }
    }

    /// Keys that were held back until all nodes were walked.
    fn next_held(&mut self) -> Option<Event> {
        if self.held.is_none() {
            let held = self.shared.take_held();
            self.count(&held);
            self.held = Some(held.into_iter());
        }
        let keys = self.held.as_mut()?.take(limits::PAGE_KEYS);
        let page: Vec<_> = keys.collect();
        (!page.is_empty()).then(|| Event::Page(Page::of(page)))
    }

    /// Counts keys that go out at the end for the nodes that they came from.
    fn count(&self, held: &[Found]) {
        let books = self.overview.books();
        for found in held {
            let slot = Slot::of(found.key.as_bytes());
            let of = |books: &&SharedBooks| {
                let books = books.open();
                books
                    .slots
                    .as_ref()
                    .is_some_and(|slots| slots.contains(slot))
            };
            if let Some(books) = books.iter().rev().find(of) {
                let pattern = usize::from(found.pattern);
                books.open().tallies.find(&found.key, pattern);
            }
        }
    }

    /// What is to be said of the failures at the end: those whose slots nobody else has walked since.
    pub(super) fn take_errors(&mut self) -> Vec<Error> {
        let open = self.coverage.open().clone();
        let stopped = self.shared.stop.is_stopped();
        let mut errors: Vec<Error> = std::mem::take(&mut self.failures)
            .into_iter()
            .filter(|(slots, error)| stopped || is_final(error) || !slots.is_disjoint(&open))
            .map(|(_, error)| error)
            .collect();
        if !stopped && !open.is_empty() {
            let context = format!("not walked whole: {}", shown(&open));
            errors.push(failed(ErrorKind::Disconnected, context));
        }
        errors
    }

    fn run(&mut self, mut walk: Walk) {
        let keyspace = self.keyspace.clone();
        let shared = Arc::clone(&self.shared);
        self.running.push(Box::pin(async move {
            let event = walk.shard.next().await;
            let after = if event.is_some() {
                None
            } else {
                tokio::select! {
                    biased;
                    () = shared.stop.stopped() => None,
                    claim = claim_after(&keyspace, &walk.before.id) => claim,
                }
            };
            Came { walk, event, after }
        }));
    }

    fn take(&mut self, came: Came) -> Option<Event> {
        if came.event.is_some() {
            // Looked at when the caller asks for more, which is when the page in its hands is settled.
            self.run(came.walk);
            return came.event;
        }
        self.judge(came.walk, came.after);
        None
    }

    /// A shard has ended: what did it prove?
    fn judge(&mut self, walk: Walk, after: Option<Claim>) {
        let mut books = walk.shard.books().open();
        let error = books.error.take();
        if self.shared.stop.is_stopped() {
            self.failures.extend(error.map(|error| (walk.slots, error)));
            return;
        }
        let before = self.coverage.open().len();
        if books.has_walked && error.is_none() {
            self.coverage
                .walked(&walk.slots, &walk.before, after.as_ref());
            if after.is_some_and(|after| walk.before.lent_keys(&after)) {
                self.lent += 1;
                if self.lent >= limits::MAX_WALKS_OF_LENT_KEYS {
                    self.is_over = true;
                    self.failures.push((walk.slots.clone(), lent(&books.node)));
                }
            }
        }
        let mut elsewhere = std::mem::take(&mut books.elsewhere);
        elsewhere.intersect(&walk.slots);
        self.coverage.reopen(&elsewhere);
        drop(books);
        if self.coverage.open().len() < before {
            self.stuck_since = None;
            self.has_failed = false;
        }
        if let Some(error) = error {
            self.has_failed = true;
            self.is_over |= is_final(&error);
            tracing::warn!(%error, slots = %walk.slots, "the walk of a node ended early");
            self.failures.push((walk.slots, error));
        }
    }

    /// Every walk has ended: another round for what is not proven, or the end.
    async fn go_on(&mut self) {
        if self.has_failed {
            self.stuck_since.get_or_insert_with(Instant::now);
        }
        let is_stuck = self.stuck_since.is_some_and(|since| {
            since.elapsed() > self.keyspace.node().timeout() * limits::COVERAGE_PATIENCE_FACTOR
        });
        if self.coverage.open().is_empty() || is_stuck || self.rounds >= limits::MAX_COVERAGE_ROUNDS
        {
            self.is_over = true;
            return;
        }
        let stop = self.shared.stop.clone();
        let layout = tokio::select! {
            () = stop.stopped() => return,
            layout = find(&self.keyspace, &self.shared) => layout,
        };
        match layout {
            Ok(layout) => {
                let mut left = self.coverage.open().clone();
                left.subtract(&layout.uncovered);
                if left.is_empty() && self.shared.options.allow_uncovered {
                    self.is_over = true;
                    return;
                }
                if let Err(error) = self.plan(&layout).await {
                    self.is_over = true;
                    self.failures.push((self.coverage.open().clone(), error));
                }
            }
            Err(error) if is_final(&error) => {
                self.is_over = true;
                self.failures.push((self.coverage.open().clone(), error));
            }
            Err(error) => tracing::debug!(%error, "the nodes can't be asked at the moment"),
        }
        if self.waiting.is_empty() {
            self.stuck_since.get_or_insert_with(Instant::now);
            tokio::select! {
                () = stop.stopped() => {}
                () = sleep(limits::COVERAGE_PAUSE) => {}
            }
        }
    }

    /// A walk for each node that owns open slots. After the first round only of slots that are at rest.
    async fn plan(&mut self, layout: &Layout) -> Result<()> {
        let is_first = self.rounds == 0;
        self.open_what_is_taken_back();
        let mut planned = Vec::new();
        for primary in &layout.primaries {
            let mut slots = primary.slots.clone();
            slots.intersect(self.coverage.open());
            if !is_first {
                slots.subtract(&layout.moving);
            }
            let is_running = self
                .waiting
                .iter()
                .any(|walk| walk.before.id == *primary.id);
            if slots.is_empty()
                || is_running
                || !(is_first || primary.is_reachable && layout.agrees)
            {
                continue;
            }
            let from_replica = self.shared.options.from_replica;
            let node = replicas::place(layout, primary, from_replica).await?;
            planned.push((primary, node, slots));
        }
        for (primary, node, slots) in planned {
            let paced = join(node, &self.shared.options, self.kind.removes());
            // The share of the first round is by keys. Later rounds move no share, and are too short for lanes.
            let is_there = primary.is_reachable || self.shared.options.from_replica;
            let is_narrow = is_narrow(&slots, &primary.slots);
            let survey = if is_first && is_there {
                survey(node, &paced, is_narrow.then_some(&slots)).await.ok()
            } else {
                None
            };
            let beginning = Beginning {
                mark: Mark::start(),
                tallies: self.tallies(),
                has_ended: false,
                total_keys: survey.map_or(0, |survey| survey.total_keys),
                ground: survey.map(|survey| survey.ground(&self.kind, self.keyspace.server())),
                is_narrow,
                repeated_slots: if is_first { 0 } else { slots.len() as u64 },
                lost: self.forget(&slots),
                elsewhere: SlotSet::default(),
                slots: Some(slots),
                claim: Some(claim(primary, layout)),
            };
            self.begin(node, paced, beginning);
        }
        if !self.waiting.is_empty() {
            self.rounds += 1;
        }
        Ok(())
    }

    fn begin(&mut self, node: &Node, paced: Paced, beginning: Beginning) {
        let (Some(slots), Some(before)) = (beginning.slots.clone(), beginning.claim.clone()) else {
            return;
        };
        let shard = Shard::new(&self.shared, node, paced, &self.kind, beginning);
        let shard = Box::new(shard);
        self.overview.add(shard.books().clone());
        self.waiting.push_back(Walk {
            shard,
            slots,
            before,
        });
    }

    /// Counts that are known for a whole shard only (by prefix, or of an earlier run) can be taken back as a whole only:
    /// where some of its slots are walked again, all are.
    fn open_what_is_taken_back(&mut self) {
        let books = self.overview.books();
        loop {
            let before = self.coverage.open().len();
            for books in &books {
                let books = books.open();
                if let Some(slots) = books.slots.as_ref().filter(|slots| {
                    self.is_taken_back_whole(&books.tallies)
                        && books.phase == Phase::Ended
                        && !slots.is_disjoint(self.coverage.open())
                }) {
                    self.coverage.reopen(slots);
                }
            }
            if self.coverage.open().len() == before {
                return;
            }
        }
    }

    /// Whether it holds counts that would be counted anew, and doesn't know of which slots they are.
    fn is_taken_back_whole(&self, tallies: &Tallies) -> bool {
        let counted = tallies.total();
        let again = match self.kind {
            Kind::List => 0,
            Kind::Count | Kind::Stats(_) | Kind::DryRun => counted.found,
            Kind::Delete { .. } => counted.tally.failed + counted.tally.unknown,
        };
        again > 0 && !tallies.knows_slots()
    }

    /// These slots are walked again: what was counted there, and can be counted anew, counts no longer. Gives the keys of
    /// theirs that may have been removed.
    fn forget(&self, slots: &SlotSet) -> Vec<(usize, Key)> {
        let mut lost = Vec::new();
        for books in self.overview.books() {
            let mut books = books.open();
            let is_here = |key: &Key| slots.contains(Slot::of(key.as_bytes()));
            lost.extend(books.lost.extract_if(.., |(_, key)| is_here(key)));
            let is_counted = (books.slots.as_ref()).is_some_and(|own| !own.is_disjoint(slots));
            if matches!(self.kind, Kind::List) || !is_counted {
                continue;
            }
            let counted = books.tallies.total().matched();
            if books.tallies.knows_slots() {
                books.tallies.forget_slots(slots);
            } else {
                books.tallies.restart_elsewhere();
            }
            let left = books.tallies.total().matched();
            self.shared.take_back(counted - left);
        }
        lost
    }

    /// Takes up what a checkpoint says: a shard goes on where the same process owns the same slots still, and is walked
    /// again from the beginning elsewhere.
    async fn take_up(&mut self, checkpoint: &Checkpoint, layout: &Layout) -> Result<()> {
        self.coverage = Coverage::new(checkpoint.open_slots()?);
        for saved in checkpoint.shards() {
            let mut tallies = self.tallies().for_the_whole();
            saved.restore(&mut tallies);
            let (slots, before) = (saved.slots()?, saved.claim()?);
            let now = before
                .as_ref()
                .and_then(|before| claim_of(layout, &before.id));
            let primary = layout
                .primaries
                .iter()
                .find(|primary| Some(&*primary.id) == now.as_ref().map(|now| now.id.as_str()));
            let is_open = !slots.is_disjoint(self.coverage.open());
            let is_same = (before.as_ref().zip(now.as_ref()))
                .is_some_and(|(before, now)| before.is_same(now));
            // Where slots are another's by now, they are counted there, and the counts of the whole are taken back.
            let keeps_counts = !self.is_taken_back_whole(&tallies)
                || primary.is_some_and(|primary| slots.is_subset(&primary.slots));
            let goes_on = is_open && !saved.has_walked() && is_same && keeps_counts;
            if self.kind.removes() && tallies.total().tally.failed > 0 {
                // What failed is found and tried again.
                self.coverage.reopen(&slots);
            }
            let beginning = Beginning {
                mark: saved.mark()?,
                tallies,
                has_ended: !goes_on,
                total_keys: slots.len() as u64,
                ground: None,
                is_narrow: false,
                lost: saved.lost()?,
                elsewhere: saved.elsewhere()?,
                repeated_slots: 0,
                slots: Some(slots),
                claim: before,
            };
            match primary.filter(|_| goes_on) {
                Some(primary) => {
                    let options = &self.shared.options;
                    let node = replicas::place(layout, primary, options.from_replica).await?;
                    let paced = join(node, options, self.kind.removes());
                    self.begin(node, paced, beginning);
                }
                None => {
                    let books = Books::remembered(saved.node(), beginning);
                    self.overview.add(SharedBooks::new(books));
                }
            }
        }
        Ok(())
    }

    fn tallies(&self) -> Tallies {
        let options = &self.shared.options;
        let tallies = Tallies::new(options.scan.row_count(), options.prefix_depth)
            .expecting(&self.shared.left_alone);
        match self.kind {
            // What was handed out can't be taken back, so nobody asks by slot.
            Kind::List => tallies,
            // Rows know prefixes, and no slots.
            Kind::Stats(options) => tallies.with_stats(Some(options)),
            Kind::Count | Kind::DryRun if options.prefix_depth.is_some() => tallies,
            Kind::Count | Kind::DryRun | Kind::Delete { .. } => tallies.by_slot(),
        }
    }
}
