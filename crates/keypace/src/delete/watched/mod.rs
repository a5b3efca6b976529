//! Deletes keys whose values are saved first, or whose filters have to hold while no script may run: WATCH, look, read,
//! have it safe, and only then MULTI, UNLINK, EXEC, each group of keys on a connection that nobody else uses. Short strings
//! are read and saved first at full speed, and then watched and compared (`ahead`).
//!
//! # What is promised
//! A key is removed only while it is what was read and saved: an EXEC whose keys have changed does nothing, and what
//! was saved for it is void. An EXEC without an answer may have run: its copies stay valid, and its keys are asked for
//! again from the beginning. Values and expiry are read under the WATCH, and what was read is on disk before the EXEC is sent;
//! the two are never one step. Where the vault fails, nothing more is deleted.
//!
//! Bounds: so many leases a node, so many keys and bytes a group, and the bytes that all groups hold together.

mod ahead;
mod drive;
mod exec;
mod questions;
mod reads;
mod seen;
mod state;
mod trip;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use self::drive::{Carried, Seat, carry};
use self::state::{Came, Group, Groups, Rules};
use self::trip::{Context, Parts};
use super::drive::Until;
use super::meaning::{Place, hopeless, refused};
use super::plan::Confirmed;
use super::state::{Batch, Piece, Settled};
use crate::backup::Vault;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;
use crate::port::{Backoff, Node, Paced};
use crate::select::Guard;

/// Each with its number.
type Trips = FuturesUnordered<Pin<Box<dyn Future<Output = (u64, Carried)> + Send>>>;

/// How a delete by WATCH goes about it.
pub(crate) struct WatchedOptions {
    /// Keys of a group, at most; `limits::SAVED_GROUP_KEYS` where that is less, and what is watched together is less again.
    pub(crate) batch: usize,
    /// Each batch holds keys of one slot, and keys of other nodes are settled as elsewhere.
    pub(crate) in_cluster: bool,
    /// Keys with larger values are skipped, where values are saved.
    pub(crate) max_value_bytes: u64,
    /// Nobody has asked the guard before: a key that it refuses never matched.
    pub(crate) is_first_look: bool,
    /// The check may be repeated by a script in the very step that removes.
    pub(crate) may_run_scripts: bool,
}

/// Removes the keys it is given once they are saved. Exists only where a delete was confirmed.
pub(crate) struct Watched {
    context: Arc<Context>,
    groups: Groups,
    seats: Vec<Seat>,
    /// Groups on their way, each with its seat.
    trips: Trips,
    next_trip: u64,
    /// What they carry.
    flying: BTreeMap<u64, Piece>,
    backoff: Backoff,
    /// What has to be waited for before anything is sent again.
    obstacle: Option<Error>,
    /// Going on is of no use: what is on its way is heard out, and nothing more is removed.
    end: Option<Error>,
    has_given_up: bool,
    waited: Duration,
}

impl Watched {
    /// Sends nothing yet.
    pub(crate) fn new(
        node: &Node,
        confirmed: &Confirmed,
        paced: Paced,
        guard: Guard,
        vault: Option<Vault>,
        options: WatchedOptions,
    ) -> Self {
        let place = if options.in_cluster {
            Place::Cluster
        } else if node.is_watched() {
            Place::Watched
        } else {
            Place::Alone
        };
        let rules = Rules {
            is_first_look: options.is_first_look,
            max_value_bytes: vault.is_some().then_some(options.max_value_bytes),
        };
        let beside = node.lane_permits(limits::WATCHED_LEASES_PER_NODE - 1);
        // The last is the first to be taken: under a budget no other connection is opened.
        let seats = beside.into_iter().map(Some).chain([None]);
        Self {
            seats: seats.map(Seat::new).collect(),
            backoff: node.backoff(),
            context: Arc::new(Context::new(Parts {
                node: node.clone(),
                removal: confirmed.removal(),
                place,
                paced,
                guard,
                vault,
                rules,
                may_run_scripts: options.may_run_scripts,
            })),
            groups: Groups::new(options.batch.min(limits::SAVED_GROUP_KEYS)),
            trips: Trips::new(),
            next_trip: 0,
            flying: BTreeMap::new(),
            obstacle: None,
            end: None,
            has_given_up: false,
            waited: Duration::ZERO,
        }
    }

    /// Takes a batch; `run` removes it.
    pub(crate) fn push(&mut self, batch: Batch) {
        self.groups.push(batch);
    }

    /// Takes keys that an earlier delete may have removed.
    pub(crate) fn push_again(&mut self, batch: Batch) {
        self.groups.push_again(batch);
    }

    /// Carries what was pushed, several groups at once at full speed. Cancel-safe: groups on their way stay there, and the
    /// next call goes on with them.
    ///
    /// # Errors
    /// What makes going on useless: a vault that fails (`Io`) at once, other things after as many tries as the options
    /// allow. Groups whose EXEC had no answer are unknown then; `take_settled` has them.
    pub(crate) async fn run(&mut self, until: Until) -> Result<()> {
        loop {
            if self.trips.is_empty() {
                self.overcome().await?;
            }
            self.launch();
            if self.is_done(until) {
                self.look_around();
                return Ok(());
            }
            let context = Arc::clone(&self.context);
            if let Some(carried) = context.paced.beside(self.trips.next()).await {
                self.landed(carried);
            }
        }
    }

    /// Carries on what `run` has left on its way, while the caller waits for something else; never ends. Cancel-safe, as
    /// `run` is.
    pub(crate) async fn go_on(&mut self) {
        // Under a budget one command goes at a time, and the caller waits for its own.
        while !self.context.paced.is_bounded() {
            self.launch();
            let Some(carried) = self.trips.next().await else {
                break;
            };
            self.landed(carried);
        }
        std::future::pending().await
    }

    /// What came to its end since the last call.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        self.groups.take_settled()
    }

    /// What has no outcome yet, on its way or still to be sent.
    pub(crate) fn open(&self) -> impl Iterator<Item = Piece> {
        let flying = self.flying.values().cloned();
        flying.chain(self.groups.waiting().map(Group::as_piece))
    }

    /// Whether groups wait for a lease.
    pub(crate) fn has_waiting(&self) -> bool {
        self.groups.has_waiting()
    }

    /// Time spent waiting to try again.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Whether `run` has failed for good.
    pub(crate) fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    fn is_done(&self, until: Until) -> bool {
        let has_none = self.trips.is_empty() && !self.groups.has_waiting();
        let is_clear = self.obstacle.is_none() && self.end.is_none();
        match until {
            // Under a budget nothing is sent behind it, so nothing is gained by leaving it there.
            Until::Sent if !self.context.paced.is_bounded() => {
                is_clear && !self.groups.has_waiting()
            }
            Until::Sent | Until::Settled => is_clear && has_none,
        }
    }

    /// Nothing is on its way: the end has come, or what stands in the way is waited for.
    async fn overcome(&mut self) -> Result<()> {
        if let Some(error) = self.end.take() {
            return Err(self.give_up(error));
        }
        if let Some(error) = self.obstacle.take() {
            self.context.node.forget_idle();
            match self.backoff.pause(error).await {
                Ok(waited) => self.waited += waited,
                Err(error) => return Err(self.give_up(error)),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, error: Error) -> Error {
        self.has_given_up = true;
        self.context.end();
        self.seats.iter_mut().for_each(Seat::close);
        self.groups.give_up(&refused(&error, None));
        error
    }

    /// Gives each free seat a group; one alone where one command goes at a time.
    fn launch(&mut self) {
        let is_bounded = self.context.paced.is_bounded();
        while self.obstacle.is_none() && self.end.is_none() && self.groups.has_waiting() {
            if is_bounded && !self.trips.is_empty() {
                return;
            }
            let Some(seat) = self.seats.pop() else {
                return;
            };
            let Some(group) = self.groups.next(self.context.group_keys()) else {
                self.seats.push(seat);
                return;
            };
            let context = Arc::clone(&self.context);
            let number = self.next_trip;
            self.next_trip += 1;
            self.flying.insert(number, group.as_piece());
            let carrying = carry(context, seat, group);
            self.trips
                .push(Box::pin(async move { (number, carrying.await) }));
        }
    }

    /// Nothing is waited for, but what can go on does.
    fn look_around(&mut self) {
        while let Some(Some(carried)) = self.trips.next().now_or_never() {
            self.landed(carried);
        }
    }

    fn landed(&mut self, (number, carried): (u64, Carried)) {
        self.flying.remove(&number);
        if let Some(seat) = carried.seat {
            if seat.is_first() {
                self.seats.push(seat);
            } else {
                self.seats.insert(0, seat);
            }
        }
        let is_removed = |came: &Came| matches!(came, Came::Removed(_) | Came::Checked(_));
        if is_removed(&carried.came) || carried.done.iter().any(|(_, came)| is_removed(came)) {
            self.backoff = self.context.node.backoff();
        }
        self.groups.settle(carried.settled);
        for rest in carried.rest {
            self.groups.back(rest);
        }
        for (group, came) in carried.done {
            self.groups.came(group, came);
        }
        let is_torn = matches!(carried.came, Came::Torn) && carried.group.keys().len() > 1;
        self.groups.came(carried.group, carried.came);
        match carried.error {
            Some(_) if is_torn => {}
            Some(error) if error.retry() == Retry::Never && error.kind() != ErrorKind::Protocol => {
                self.finish(error);
            }
            Some(error) => {
                self.obstacle.get_or_insert(error);
            }
            None if self.groups.is_hopeless() => {
                let error = hopeless(&self.context.node);
                self.finish(error);
            }
            None => {}
        }
    }

    /// Nothing more is removed.
    fn finish(&mut self, error: Error) {
        self.context.end();
        self.end.get_or_insert(error);
    }
}
