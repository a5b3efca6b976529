//! Walks: has pages fetched, moves the cursors on, hands pages out, and begins again where another process answers or where
//! lanes don't fit. Decides nothing that `state` and `lanes` can decide.

use std::sync::Arc;
use std::time::Duration;

use super::crew::Crew;
use super::estimate::Estimate;
use super::lanes::{self, Course, Ground};
use super::mark::{Mark, Place};
use super::options::ScanOptions;
use super::page::Page;
use super::sieve::Sieve;
use super::state::Walk;
use super::walker::{Found, Query, Raw, Walker, failure};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Slot, SlotSet};
use crate::limits;
use crate::port::{Keyspace, Node, Paced};

/// What came of one step of a walk.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// A page, perhaps an empty one.
    Page(Page),
    /// Another process answers at the address, so that the cursors mean something else, or several lanes did not fit what
    /// the server answers: the walk begins again, and keys that were handed out come again.
    Restarted,
}

/// A walk over one database of one node.
pub struct Pages {
    pub(super) node: Node,
    pub(super) query: Arc<Query>,
    pub(super) sieve: Sieve,
    pub(super) route: Route,
    pub(super) team: Team,
    pace: Option<(Paced, u32)>,
    runs_ahead: bool,
    /// Held from the first call to the end, over reconnects too.
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
    /// A page that is whole, and not handed out yet.
    ready: Option<Page>,
    limit: Option<u64>,
    handed_out: u64,
    limited: bool,
    calls: u64,
    pub(super) restarts: u64,
    waited: Duration,
    /// COUNT of the call that was answered last.
    count: u32,
    /// Lanes that are wanted, whenever the walk begins.
    pub(super) wanted_lanes: u32,
    pub(super) lanes: u32,
    /// The slots asked for are few of the node's: worth finding out whether the others can be passed over.
    pub(super) is_narrow: bool,
    /// Who answers decides whether there will be several lanes, and nobody has answered yet.
    pub(super) is_opening: bool,
    /// Behind Sentinels: the process that was walked is the primary still.
    pub(super) is_confirmed: bool,
    /// What this walk would be a part of.
    cluster: Option<Keyspace>,
}

/// Where the walk stands.
pub(super) enum Route {
    One(Walk),
    Lanes(Course),
}

/// Who walks.
pub(super) enum Team {
    One(Box<Walker>),
    Many(Crew),
}

impl Pages {
    /// A walk from the beginning. Sends nothing yet.
    #[must_use]
    pub fn new(keyspace: &Keyspace, options: ScanOptions) -> Self {
        Self::resume(keyspace, options, &Mark::start())
    }

    /// A walk that goes on behind a Mark. Where another process answers than the one that gave the Mark, the walk
    /// begins again, and says so by [`Step::Restarted`]; the Mark's cursor is not sent to it. A cluster is refused by
    /// `next`: one node's keys are a part, and a `Sweep` walks them all.
    #[must_use]
    pub fn resume(keyspace: &Keyspace, options: ScanOptions, mark: &Mark) -> Self {
        let lanes = lanes::number_of(options.lanes, None, false);
        let mut pages = Self::on(keyspace.node(), options, mark, None).with_lanes(lanes);
        pages.cluster = keyspace.is_cluster().then(|| keyspace.clone());
        pages
    }

    /// The same on one node, whichever keyspace it is a part of, under a pace, which chooses COUNT where the caller has not,
    /// up to `most`. In one lane unless [`Pages::in_lanes`] says otherwise.
    pub(crate) fn paced(
        node: &Node,
        options: ScanOptions,
        mark: &Mark,
        paced: Paced,
        most: u32,
    ) -> Self {
        Self::on(node, options, mark, Some((paced, most)))
    }

    fn on(node: &Node, options: ScanOptions, mark: &Mark, pace: Option<(Paced, u32)>) -> Self {
        count_scope(&options);
        let query = Arc::new(Query::new(options));
        let is_list = query.options.list.is_some();
        let is_confirmed = query.needs_no_proof(node.is_watched());
        let mut walker = Walker::new(node, &query, pace.as_ref());
        walker.run_id.clone_from(&mark.run_id);
        let route = match &mark.place {
            Place::One { cursor, .. } if !mark.is_end() => {
                Route::One(query.walk_from(cursor.clone(), None))
            }
            Place::Lanes(places) if !mark.is_end() && !is_list => Route::Lanes(Course::at(places)),
            Place::One { .. } | Place::Lanes(_) => Route::One(Walk::at_end()),
        };
        match &route {
            Route::One(walk) => walker.stand_at(walk),
            Route::Lanes(_) => walker.is_fresh = false,
        }
        Self {
            node: node.clone(),
            sieve: Sieve::new(&query),
            is_opening: matches!(route, Route::Lanes(_)),
            count: walker.count,
            limit: query.options.limit,
            query,
            route,
            team: Team::One(Box::new(walker)),
            pace,
            runs_ahead: false,
            permit: None,
            ready: None,
            handed_out: 0,
            limited: false,
            calls: 0,
            restarts: 0,
            waited: Duration::ZERO,
            wanted_lanes: 1,
            lanes: 1,
            is_narrow: false,
            is_confirmed,
            cluster: None,
        }
    }

    /// Keys of other slots are dropped before anything else sees them: those that a node still holds, or already holds,
    /// of slots that are not its own (pitfall P19). For nodes of a cluster: how lanes are cut and how far a walk is depend
    /// on it.
    pub(crate) fn only_slots(mut self, slots: SlotSet) -> Self {
        match &mut self.route {
            Route::One(_) if self.query.options.list.is_some() => {}
            Route::One(walk) => walk.estimate_by(Estimate::in_cluster(&slots)),
            Route::Lanes(course) => course.rank(&slots),
        }
        if let Team::One(walker) = &mut self.team {
            walker.only_slots(&slots);
        }
        self.sieve.only_slots(slots);
        self
    }

    /// The same where the slots are few of those that the node has: with a table per slot nothing else is walked.
    pub(crate) fn within_slots(self, slots: SlotSet) -> Self {
        let mut pages = self.only_slots(slots);
        pages.is_narrow = true;
        let lanes = pages.wanted_lanes;
        pages.with_lanes(lanes)
    }

    /// In as many lanes as the options and the ground allow.
    pub(crate) fn in_lanes(self, ground: &Ground) -> Self {
        let is_bounded = (self.pace.as_ref()).is_some_and(|(paced, _)| paced.is_bounded());
        let lanes = lanes::number_of(self.query.options.lanes, Some(ground), is_bounded);
        self.with_lanes(lanes)
    }

    /// The next call may be on its way while a page is worked on, also under a budget. Who sends other commands has to
    /// `land` first, and who stops asking to `let_go`.
    pub(crate) fn run_ahead(mut self) -> Self {
        self.runs_ahead = true;
        if let Team::One(walker) = &mut self.team {
            walker.run_ahead();
        }
        self
    }

    /// Waits for the calls that are on their way, and gives their right to send back. Cancel-safe.
    pub(crate) async fn land(&mut self) {
        match &mut self.team {
            Team::One(walker) => walker.land().await,
            // At full speed nobody holds a right to send.
            Team::Many(crew) if crew.is_bounded() => crew.land().await,
            Team::Many(_) => {}
        }
    }

    /// Gives the right to send back without waiting: nobody asks for the page any more.
    pub(crate) fn let_go(&mut self) {
        match &mut self.team {
            Team::One(walker) => walker.let_go(),
            Team::Many(crew) => crew.let_go(),
        }
    }

    /// The next step, or `None` when the walk has ended. Cancel-safe: a dropped future loses no key.
    ///
    /// # Errors
    /// After as many tries as the connection's options allow; the walk stands where it stood, and another call
    /// tries again. `CursorLoop` where the server's cursors go round in a circle.
    pub async fn next(&mut self) -> Result<Option<Step>> {
        if let Some(cluster) = &self.cluster {
            cluster.refuse_cluster("walk the keys")?;
        }
        loop {
            if self.limited {
                self.close();
                return Ok(None);
            }
            if let Some(page) = self.sieve.next_cut() {
                return Ok(Some(Step::Page(self.hand_out(page))));
            }
            if self.ready.is_none() {
                if self.has_walked() {
                    if self.was_replaced().await? {
                        return Ok(Some(Step::Restarted));
                    }
                    self.close();
                    if !self.sieve.cut_sorted() {
                        return Ok(None);
                    }
                    continue;
                }
                if self.permit.is_none() {
                    self.permit = self.node.walk_permit().await;
                }
                if self.work().await? {
                    return Ok(Some(Step::Restarted));
                }
            }
            self.call_ahead().await;
            if let Some(page) = self.ready.take() {
                return Ok(Some(Step::Page(self.hand_out(page))));
            }
        }
    }

    /// Share of the walk that is done, 0 to 1; never goes back but at a restart.
    #[must_use]
    pub fn share(&self) -> f64 {
        match &self.route {
            Route::One(walk) => walk.share(),
            Route::Lanes(course) => course.share(),
        }
    }

    /// SCAN calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How often the walk began again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Lanes that the walk is worked on in at once: 1 until it is known that more may be.
    #[must_use]
    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    /// COUNT of the last call.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether the limit ended the walk.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// Whether the whole walk is done.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.has_walked() && self.sieve.is_cut_out()
    }

    /// Time spent waiting to try again.
    #[must_use]
    pub fn waited(&self) -> Duration {
        match &self.team {
            Team::One(walker) => self.waited + walker.waited,
            Team::Many(_) => self.waited,
        }
    }

    /// What was handed out before a restart counts no longer against the limit.
    pub(crate) fn forget_handed_out(&mut self, limit: Option<u64>) {
        self.limit = limit;
        self.handed_out = 0;
        self.sieve.forget();
    }

    /// Slots of a list's names that another node has, as far as that was met since the last time.
    pub(crate) fn take_elsewhere(&mut self) -> Vec<Slot> {
        match &mut self.team {
            Team::One(walker) => walker.take_elsewhere(),
            Team::Many(_) => Vec::new(),
        }
    }

    /// One page more, into `ready`. True where the walk begins again.
    async fn work(&mut self) -> Result<bool> {
        if self.is_opening {
            return self.open().await;
        }
        let walker = match &mut self.team {
            Team::Many(_) => return self.work_in_lanes().await,
            Team::One(walker) => walker,
        };
        match walker.fetch().await? {
            Found::OtherProcess => {
                tracing::warn!(node = %self.node.name(), "another process answers: the walk begins again");
                self.begin_again();
                Ok(true)
            }
            Found::Page(raw) => self.take(raw).map(|()| false),
        }
    }

    /// A page is whole: the walk moves on, so that no failure from here on repeats or loses it.
    fn take(&mut self, mut raw: Raw) -> Result<()> {
        let (Route::One(walk), Team::One(walker)) = (&mut self.route, &mut self.team) else {
            return Err(self.no_page());
        };
        let seen = self.sieve.drop_foreign(&mut raw.keys, None);
        if walk.advance(raw.next.clone(), &seen).is_err() {
            walker.lose();
            let going_round = "the server's cursors go round in a circle: the walk would never end";
            return Err(
                failure(&self.node, ErrorKind::CursorLoop, going_round).with_hint(
                    "is a proxy in between that alters SCAN? connect to the server itself",
                ),
            );
        }
        walker.stand_at(walk);
        self.count = walker.count;
        self.calls += u64::from(walker.names.is_none());
        let mark = (self.sieve.keeps_place())
            .then(|| Mark::one(walker.run_id.clone(), raw.next, walk.is_ended()));
        self.ready = Some(self.sieve.select(raw.keys, mark));
        Ok(())
    }

    /// The same of one of several lanes; its Mark is where all of them stand, as of the pages handed out so far.
    pub(super) fn take_of_lane(&mut self, raw: Raw, count: u32, run_id: Option<bytes::Bytes>) {
        let Route::Lanes(course) = &self.route else {
            return;
        };
        self.count = count;
        self.calls += 1;
        let mark = self.sieve.keeps_place().then(|| Mark {
            run_id,
            place: Place::Lanes(course.places()),
        });
        self.ready = Some(self.sieve.select(raw.keys, mark));
    }

    /// Time that a walker has spent waiting to try again.
    pub(super) fn has_waited(&mut self, walker: &mut Walker) {
        self.waited += std::mem::take(&mut walker.waited);
    }

    /// From 0, with whoever answers now.
    pub(super) fn begin_again(&mut self) {
        self.restarts += 1;
        self.sieve.restart();
        let start = bytes::Bytes::from_static(super::cursor::EDGE);
        let walk = self.query.walk_from(start, self.sieve.slots());
        if let Team::Many(_) = &self.team {
            self.team = Team::One(self.walker());
        }
        if let Team::One(walker) = &mut self.team {
            walker.stand_at(&walk);
            walker.read_again();
            walker.may_restart = self.restarts < limits::MAX_RESTARTS;
        }
        self.route = Route::One(walk);
        self.lanes = 1;
        let lanes = self.wanted_lanes;
        self.expect_lanes(lanes);
    }

    /// The next calls go on their way, before the page in hand is handed on.
    async fn call_ahead(&mut self) {
        let in_hand = self.ready.as_ref().map_or(0, |page| page.keys.len() as u64);
        let is_enough = (self.limit).is_some_and(|limit| self.handed_out + in_hand >= limit);
        if is_enough || self.ready.is_none() || self.has_walked() {
            return;
        }
        match (&mut self.team, &self.route) {
            (Team::One(walker), _) => walker.call_ahead().await,
            (Team::Many(crew), Route::Lanes(course)) if !crew.is_bounded() => {
                crew.assign(course);
                crew.set_off().await;
            }
            (Team::Many(_), _) => {}
        }
    }

    /// The page as the caller gets it: cut where the limit ends it.
    fn hand_out(&mut self, mut page: Page) -> Page {
        if let Some(limit) = self.limit {
            let left = usize::try_from(limit.saturating_sub(self.handed_out)).unwrap_or(usize::MAX);
            if page.keys.len() >= left {
                self.limited = true;
                page.keys.truncate(left);
                page.pattern_of.truncate(left);
                page.mark = None;
            }
        }
        self.handed_out += page.keys.len() as u64;
        page
    }

    /// Nothing more is fetched: connections and the right to walk go back.
    pub(super) fn close(&mut self) {
        self.permit = None;
        match &mut self.team {
            Team::One(walker) => walker.close(),
            Team::Many(_) => self.team = Team::One(self.walker()),
        }
    }

    /// A walker that has no connection yet.
    fn walker(&self) -> Box<Walker> {
        let mut walker = Walker::new(&self.node, &self.query, self.pace.as_ref());
        if self.runs_ahead {
            walker.run_ahead();
        }
        Box::new(walker)
    }

    fn has_walked(&self) -> bool {
        match &self.route {
            Route::One(walk) => walk.is_ended(),
            Route::Lanes(course) => course.is_ended(),
        }
    }

    pub(super) fn no_page(&self) -> Error {
        failure(&self.node, ErrorKind::Protocol, "no page came of a call")
    }
}

fn count_scope(options: &ScanOptions) {
    for pattern in &options.patterns {
        let scope = pattern.scope(limits::DEFAULT_SEPARATOR).as_str();
        metrics::counter!("keypace_scans_total", "scope" => scope).increment(1);
    }
}
