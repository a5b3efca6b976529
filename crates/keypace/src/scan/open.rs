//! Several lanes, driven: whether there are any, once it is known who answers, and what comes of their pages. `lanes` says how
//! they are cut and what fits, and `crew` has them worked on.

use super::crew::{Crew, Landed};
use super::drive::{Pages, Route, Team};
use super::estimate::Kind;
use super::lanes;
use super::options::Strategy;
use super::walker::{Found, Walker};
use crate::error::Result;

impl Pages {
    /// In so many lanes, whenever the walk begins.
    pub(super) fn with_lanes(mut self, lanes: u32) -> Self {
        self.wanted_lanes = lanes;
        self.expect_lanes(lanes);
        self
    }

    /// Whether the walk has to find out who answers before anything else.
    pub(super) fn expect_lanes(&mut self, lanes: u32) {
        // A pattern with a fixed tag is in one slot, and servers with a table per slot look nowhere else.
        let is_one_slot = (self.query.matching.as_ref()).is_some_and(|p| p.slot().is_some());
        let is_cut = match &self.route {
            Route::Lanes(_) => true,
            Route::One(walk) => (lanes > 1 && !is_one_slot || self.is_narrow) && walk.is_at_start(),
        };
        let is_scan = self.query.options.strategy == Strategy::Scan;
        self.is_opening = is_cut && is_scan && self.query.options.list.is_none();
    }

    /// Finds out who answers, and cuts the walk into lanes where that is possible. True where the walk begins again.
    pub(super) async fn open(&mut self) -> Result<bool> {
        let Team::One(walker) = &mut self.team else {
            return Err(self.no_page());
        };
        if walker.open().await? {
            tracing::warn!(node = %self.node.name(), "another process answers: the walk begins again");
            self.begin_again();
            return Ok(true);
        }
        if let Route::One(_) = self.route {
            let slots = self.sieve.slots();
            let kind = match slots {
                Some(_) => learn_kind(walker).await?,
                None => Some(Kind::OneTable),
            };
            // Who does not say who it is may be somebody else on each connection.
            let kind = kind.filter(|_| walker.run_id.is_some());
            let course =
                kind.and_then(|kind| lanes::cut(kind, slots, self.is_narrow, self.wanted_lanes));
            let Some(course) = course else {
                self.is_opening = false;
                return Ok(false);
            };
            self.route = Route::Lanes(course);
        }
        self.is_opening = false;
        self.man_lanes();
        Ok(false)
    }

    /// As many walkers as are wanted and have a connection to walk on.
    fn man_lanes(&mut self) {
        let (Route::Lanes(course), Team::One(walker)) = (&self.route, &self.team) else {
            return;
        };
        let beside = (self.wanted_lanes as usize).min(course.len()) - 1;
        let crew = Crew::new(walker, self.node.lane_permits(beside));
        self.lanes = u32::try_from(crew.len() + 1).unwrap_or(u32::MAX);
        if let Team::One(walker) = std::mem::replace(&mut self.team, Team::Many(crew))
            && let Team::Many(crew) = &mut self.team
        {
            crew.back(*walker);
        }
    }

    /// One page more of any lane. True where the walk begins again.
    pub(super) async fn work_in_lanes(&mut self) -> Result<bool> {
        loop {
            let (Team::Many(crew), Route::Lanes(course)) = (&mut self.team, &self.route) else {
                return Err(self.no_page());
            };
            crew.assign(course);
            let Some(Landed {
                lane,
                mut walker,
                result,
            }) = crew.next().await
            else {
                return Err(self.no_page());
            };
            self.has_waited(&mut walker);
            let (Team::Many(crew), Route::Lanes(course)) = (&mut self.team, &mut self.route) else {
                return Err(self.no_page());
            };
            let mut raw = match result {
                Ok(Found::Page(raw)) => raw,
                Ok(Found::OtherProcess) => {
                    tracing::warn!(node = %self.node.name(), "another process answers: the walk begins again");
                    self.begin_again();
                    return Ok(true);
                }
                Err(error) if crew.can_spare(&walker) => {
                    tracing::debug!(%error, "a lane has no connection: the others go on");
                    continue;
                }
                Err(error) => {
                    crew.back(walker);
                    return Err(error);
                }
            };
            let span = course.span(lane);
            let seen = self.sieve.drop_foreign(&mut raw.keys, Some(span));
            if course
                .advance(lane, &raw.next, &seen, walker.count)
                .is_err()
            {
                tracing::warn!(node = %self.node.name(), "the server's cursors don't fit lanes: the walk begins again in one");
                self.wanted_lanes = 1;
                self.is_narrow = false;
                self.begin_again();
                return Ok(true);
            }
            let (count, run_id) = (walker.count, walker.run_id.clone());
            crew.back(walker);
            self.take_of_lane(raw, count, run_id);
            return Ok(false);
        }
    }
}

/// Asks as often as it takes. Cancel-safe.
async fn learn_kind(walker: &mut Walker) -> Result<Option<Kind>> {
    loop {
        match walker.learn_kind().await {
            Ok(kind) => return Ok(kind),
            Err(error) => walker.try_again(error).await?,
        }
        // At its beginning a walk takes any process.
        walker.open().await?;
    }
}
