//! One walker: a connection and the one page that is on its way on it. Connects, tries again, and has the next call on its
//! way before the page in hand is handed on. Which cursor comes next, and what is handed out, is `drive`'s to say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::call::Pacing;
use super::cursor::EDGE;
use super::estimate::Estimate;
use super::keys_command;
use super::names::ListWalk;
use super::options::{Asks, CountChoice, ScanOptions, Strategy};
use super::state::Walk;
use super::types::TypeFilter;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::{Key, Pattern, Slot, SlotSet};
use crate::limits;
use crate::port::{Backoff, Lease, Node, Paced};

/// What each call of a walk asks for, whoever sends it.
pub(super) struct Query {
    /// What the server filters by; `None` where all keys match.
    pub(super) matching: Option<Pattern>,
    pub(super) options: ScanOptions,
}

impl Query {
    pub(super) fn new(options: ScanOptions) -> Self {
        Self {
            matching: Pattern::covering(&options.patterns)
                .filter(|pattern| pattern.as_bytes() != b"*"),
            options,
        }
    }

    /// Whether the walk's end needs no look at who answers by then. Reading a list doesn't show that another process does:
    /// where its names are acted on, that one is asked for them too.
    pub(super) fn needs_no_proof(&self, is_watched: bool) -> bool {
        match &self.options.list {
            Some(from) if from.asks > Asks::Never => false,
            Some(_) if self.options.types.is_empty() => true,
            Some(_) | None => !is_watched,
        }
    }

    /// A walk that stands at a cursor, on a node that has these slots.
    pub(super) fn walk_from(&self, cursor: Bytes, slots: Option<&SlotSet>) -> Walk {
        let estimate = match (&self.options.list, slots) {
            (Some(from), _) => Estimate::of_list(from.list.identity().bytes),
            (None, Some(slots)) => Estimate::in_cluster(slots),
            (None, None) => Estimate::default(),
        };
        Walk::from(cursor, estimate)
    }
}

/// What came of a call.
pub(super) enum Found {
    Page(Raw),
    /// Another process answers: its cursors mean something else, and nothing was asked of it.
    OtherProcess,
}

/// A page as the server gave it, its types asked for.
pub(super) struct Raw {
    pub(super) keys: Vec<Key>,
    pub(super) next: Bytes,
}

/// What is on its way on the connection.
pub(super) enum Stage {
    /// Nothing.
    Idle,
    /// A SCAN with the walker's cursor.
    Asked,
    /// A page is here, and its keys' types are being asked for.
    Typing(Candidates),
}

/// A page whose types are not all known yet.
pub(super) struct Candidates {
    pub(super) keys: Vec<Key>,
    pub(super) wanted: Vec<bool>,
    /// How many of them have been asked for.
    pub(super) asked: usize,
    pub(super) next: Bytes,
}

/// One walker. It belongs to one walk, on one node.
pub(super) struct Walker {
    pub(super) node: Node,
    pub(super) query: Arc<Query>,
    pub(super) filter: TypeFilter,
    /// What is read in place of SCAN.
    pub(super) names: Option<ListWalk>,
    pub(super) lease: Option<Lease>,
    /// Beside the first walker of a walk: the right to a connection beyond those that are leased.
    pub(super) beside: Option<OwnedSemaphorePermit>,
    backoff: Backoff,
    pub(super) stage: Stage,
    pub(super) pacing: Option<Pacing>,
    /// The process that the cursor is of.
    pub(super) run_id: Option<Bytes>,
    pub(super) cursor: Bytes,
    /// The walk stands at its beginning: any process will do.
    pub(super) is_fresh: bool,
    /// The walk may begin again with another process.
    pub(super) may_restart: bool,
    /// COUNT of the call that was sent last.
    pub(super) count: u32,
    /// No COUNT is larger, whoever chooses it.
    pub(super) most: Option<u32>,
    /// Time spent waiting to try again.
    pub(super) waited: Duration,
}

impl Walker {
    pub(super) fn new(node: &Node, query: &Arc<Query>, pace: Option<&(Paced, u32)>) -> Self {
        let options = &query.options;
        Self {
            node: node.clone(),
            query: Arc::clone(query),
            filter: TypeFilter::new(&options.types),
            names: ListWalk::new(options),
            lease: None,
            beside: None,
            backoff: node.backoff(),
            stage: Stage::Idle,
            pacing: pace.map(|(paced, most)| Pacing::new(paced.clone(), *most)),
            run_id: None,
            cursor: Bytes::from_static(EDGE),
            is_fresh: true,
            may_restart: true,
            count: options.count_for(options.types.len() > 1),
            most: None,
            waited: Duration::ZERO,
        }
    }

    /// The next call may be on its way while a page is worked on, also under a budget.
    pub(super) fn run_ahead(&mut self) {
        if let Some(pacing) = &mut self.pacing {
            pacing.runs_ahead = true;
        }
    }

    /// Of a list: names of other slots are not handed out, nor asked for.
    pub(super) fn only_slots(&mut self, slots: &SlotSet) {
        if let Some(names) = &mut self.names {
            names.only_slots(slots.clone());
        }
    }

    /// A list is read from its beginning once more.
    pub(super) fn read_again(&mut self) {
        let asks = self.query.options.list.as_ref().map(|from| from.asks);
        if let Some(names) = &mut self.names {
            names.asks |= asks == Some(Asks::WhenReadAgain);
        }
    }

    pub(super) fn take_elsewhere(&mut self) -> Vec<Slot> {
        (self.names.as_mut()).map_or_else(Vec::new, ListWalk::take_elsewhere)
    }

    /// The next call is for where the walk stands.
    pub(super) fn stand_at(&mut self, walk: &Walk) {
        self.cursor = walk.cursor().clone();
        self.is_fresh = walk.is_at_start();
    }

    /// Gives the connection back.
    pub(super) fn close(&mut self) {
        self.let_go();
        self.lease = None;
    }

    /// The page at the cursor. Cancel-safe: a dropped future loses no key.
    ///
    /// # Errors
    /// After as many tries as the connection's options allow; another call tries again.
    pub(super) async fn fetch(&mut self) -> Result<Found> {
        loop {
            let failed = match self.connect().await {
                Ok(true) => return Ok(Found::OtherProcess),
                Ok(false) => match self.page().await {
                    Ok(page) => {
                        self.backoff = self.node.backoff();
                        return Ok(Found::Page(page));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.try_again(failed).await?;
        }
    }

    /// Makes sure of a connection, as often as it takes. True where another process answers. Cancel-safe.
    pub(super) async fn open(&mut self) -> Result<bool> {
        loop {
            match self.connect().await {
                Ok(is_other) => return Ok(is_other),
                Err(error) => self.try_again(error).await?,
            }
        }
    }

    /// After a failure: nothing of the connection is kept.
    pub(super) async fn try_again(&mut self, failed: Error) -> Result<()> {
        self.lose();
        self.waited += self.backoff.pause(failed).await?;
        Ok(())
    }

    /// The connection is of no more use.
    pub(super) fn lose(&mut self) {
        self.lease = None;
        self.node.forget_idle();
        self.forget_call();
        self.stage = Stage::Idle;
    }

    /// The next call goes on its way, unless the pace has a reason to wait. A failure shows when its reply is read.
    pub(super) async fn call_ahead(&mut self) {
        let is_scan = self.query.options.strategy == Strategy::Scan && self.names.is_none();
        if !is_scan || self.has_to_wait() {
            return;
        }
        if matches!(self.stage, Stage::Idle) {
            let turn = self.turn().await;
            self.stage = Stage::Asked;
            if let Err(error) = self.ask(turn).await {
                tracing::debug!(%error, "the call ahead could not be sent");
            }
        }
    }

    async fn page(&mut self) -> Result<Raw> {
        if self.names.is_some() {
            return self.read_names().await;
        }
        if self.query.options.strategy == Strategy::Scan {
            return self.scan().await;
        }
        let query = Arc::clone(&self.query);
        let lease = self.lease.as_mut().ok_or_else(no_connection)?;
        let keys = keys_command::keys(lease, &query.options, query.matching.as_ref()).await?;
        Ok(Raw {
            keys,
            next: Bytes::from_static(EDGE),
        })
    }

    /// Makes sure of a connection. True where it leads to another process than before.
    async fn connect(&mut self) -> Result<bool> {
        if self.lease.is_some() {
            return Ok(false);
        }
        let lease = match &self.beside {
            Some(_) => self.node.lease_beside().await?,
            None => self.node.lease().await?,
        };
        let run_id = lease.run_id().cloned();
        // A server that does not say who it is can't be known to be the same.
        let is_same = run_id.is_some() && run_id == self.run_id;
        let goes_on = is_same || self.is_fresh;
        if !goes_on && !self.may_restart {
            // Nothing of this process is kept: asked again, it is still another one, and the old cursor stays unsent.
            return Err(failure(
                &self.node,
                ErrorKind::Disconnected,
                "another process answers again and again: the walk would never end",
            )
            .with_hint(
                "does the server restart under this load, or do two servers share the address?",
            ));
        }
        self.lease = Some(lease);
        self.forget_call();
        self.stage = Stage::Idle;
        self.run_id = run_id;
        Ok(!goes_on)
    }

    /// COUNT for the next call, which the pace has given so many units.
    pub(super) fn choose_count(&mut self, granted: Option<u32>) {
        let chosen = match (self.query.options.count, granted) {
            (CountChoice::Auto, Some(units)) => units,
            (CountChoice::Auto, None) => {
                (self.query.options).count_for(self.filter == TypeFilter::Ask)
            }
            (CountChoice::Fixed(count), _) => count.get(),
        };
        let most = self.most.unwrap_or(limits::COUNT_MAX);
        self.count = chosen.min(most);
    }
}

pub(super) fn no_connection() -> Error {
    Error::new(
        ErrorKind::Disconnected,
        Retry::Reconnect,
        "scan the keyspace",
        "there is no connection",
    )
}

pub(super) fn failure(node: &Node, kind: ErrorKind, context: &str) -> Error {
    Error::new(kind, Retry::Never, "scan the keyspace", context).on_node(node.name())
}
