//! Brings calls to whoever has their slot: one server, the primary that Sentinels name, or a cluster's primaries, asked
//! anew where slots or nodes have moved. It knows no key names, and what a reply says is its caller's business.

mod flight;
mod meaning;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::gauge::Paced;
use super::keyspace::Keyspace;
use super::node::Node;
use super::request::{Call, unexpected};
use super::resp::Reply;
use super::server_error;
use super::together::together;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Slot;
use crate::limits;
use crate::pace::{BudgetHandle, Thresholds};
use flight::{Outcome, Passenger, Report, fly, graver};
use meaning::Place;
use table::{Station, Table, pause_before};

/// The way to all of a keyspace's slots. Clones share what is known of it. Without a pace nothing is on the wire but the
/// calls themselves, and what finds the nodes.
///
/// A call goes to the owner of its slot. MOVED is believed at once and ASK followed; a node that is lost is asked for anew.
/// What a server refuses for the moment (TRYAGAIN, CLUSTERDOWN, LOADING, BUSY, MASTERDOWN, READONLY after a failover, OOM)
/// goes again as the node's backoff says. A read without a reply is asked again. A write is sent again only where it is
/// known that it has not run: otherwise the error says [`Retry::AskAgain`].
#[derive(Clone)]
pub(crate) struct Router(Arc<Inner>);

struct Inner {
    keyspace: Keyspace,
    place: Place,
    pace: Option<(BudgetHandle, Thresholds)>,
    table: Mutex<Table>,
    /// Held by who looks at the cluster, so that many callers send one look.
    looking: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Router({:?})", self.0.keyspace)
    }
}

impl Router {
    /// At full speed, whatever else is at work on the nodes. Sends nothing; a cluster's nodes are asked for with the first
    /// call.
    pub(crate) fn new(keyspace: &Keyspace) -> Self {
        Self::with_pace(keyspace, None)
    }

    /// Under the pace of each node, which is joined when the node is first used.
    pub(crate) fn paced(
        keyspace: &Keyspace,
        budget: impl Into<BudgetHandle>,
        thresholds: Thresholds,
    ) -> Self {
        Self::with_pace(keyspace, Some((budget.into(), thresholds)))
    }

    fn with_pace(keyspace: &Keyspace, pace: Option<(BudgetHandle, Thresholds)>) -> Self {
        let node = keyspace.node();
        let (place, table) = if keyspace.is_cluster() {
            (Place::Cluster, Table::unknown())
        } else {
            let table = Table::single(Station::new(node, pace.clone()));
            match node.is_watched() {
                true => (Place::Watched, table),
                false => (Place::Alone, table),
            }
        };
        Self(Arc::new(Inner {
            keyspace: keyspace.clone(),
            place,
            pace,
            table: Mutex::new(table),
            looking: tokio::sync::Mutex::default(),
        }))
    }

    /// One call, in one round trip. Cancel-safe for reads; a dropped write may have run or not.
    ///
    /// # Errors
    /// What the server answers with, what connecting gives, and what makes trying again of no use; `Retry::AskAgain` where
    /// a write's reply did not come.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply> {
        let name = call.name();
        let slot = call.slot;
        match self.send(vec![call]).await?.pop() {
            Some(Reply::Error(text)) => Err(self.refused(slot, name, &text)),
            Some(reply) => Ok(reply),
            None => Err(self.unexpected(slot, name)),
        }
    }

    /// Several calls: pipelined to each node, to all nodes at once. Replies are in the order of the calls; what a server
    /// says against one call's own keys or arguments is `Reply::Error` in its place. Cancel-safe where all are reads.
    ///
    /// # Errors
    /// As for [`Router::call`], but for errors of a call's own. Other calls of the same volley may have run.
    pub(crate) async fn volley(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        self.send(calls).await
    }

    /// A reply of another shape than the command's, from whoever has the slot.
    pub(crate) fn unexpected(&self, slot: Slot, command: &'static str) -> Error {
        unexpected(&self.owner_name(slot), command)
    }

    /// A call's own error out of a volley, as an error.
    pub(crate) fn refused(&self, slot: Slot, command: &'static str, text: &[u8]) -> Error {
        server_error::from_reply("ask the server", command, text)
            .on_node(&self.owner_name(slot))
            .during(format!("run {command}"))
    }

    fn owner_name(&self, slot: Slot) -> Arc<str> {
        let owner = self.table().owner(slot);
        let node = owner.map_or_else(
            || self.0.keyspace.node().clone(),
            |owner| owner.node.clone(),
        );
        Arc::clone(node.name())
    }

    /// What calls so far have joined, for its figures. Empty without a pace.
    pub(crate) fn paces(&self) -> Vec<Paced> {
        let table = self.table();
        let joined = table.stations.iter().filter_map(|station| station.joined());
        joined.cloned().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        (self.0.table)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, calls: Vec<Call>) -> Result<Vec<Reply>> {
        let mut journey = Journey {
            router: self,
            backoffs: HashMap::new(),
            landed: calls.iter().map(|_| None).collect(),
        };
        let calls = calls.into_iter().enumerate();
        let mut open: Vec<Passenger> = calls.map(|(at, call)| Passenger::new(at, call)).collect();
        while !open.is_empty() {
            open = journey.leg(open).await?;
        }
        Ok(journey.landed.into_iter().flatten().collect())
    }

    /// Who has the slot, asked for where nobody knows.
    async fn owner(&self, slot: Slot) -> Result<Option<Arc<Station>>> {
        let looks = {
            let table = self.table();
            if let Some(owner) = table.owner(slot) {
                return Ok(Some(owner));
            }
            table.looks
        };
        if looks == 0 {
            self.look(looks).await?;
        }
        Ok(self.table().owner(slot))
    }

    /// Asks the cluster, unless somebody has done so since there were so many looks. Cancel-safe.
    async fn look(&self, looks: u64) -> Result<()> {
        if self.0.place != Place::Cluster {
            return Ok(());
        }
        let _looking = self.0.looking.lock().await;
        if self.table().looks != looks {
            return Ok(());
        }
        let layout = self.0.keyspace.layout().await?;
        self.table().learn(&layout, self.0.pace.as_ref());
        Ok(())
    }

    /// The same beside calls that are on their way. It is given up where it takes longer than they want to wait.
    async fn look_beside<T>(&self, flights: impl Future<Output = T>) -> T {
        let looks = {
            let mut table = self.table();
            table.wants_look().then_some(table.looks)
        };
        let Some(looks) = looks else {
            return flights.await;
        };
        let look = timeout(limits::LAYOUT_PATIENCE, self.look(looks));
        let (flown, looked) = tokio::join!(flights, look);
        if !matches!(looked, Ok(Ok(()))) {
            tracing::debug!("the cluster's layout was not learnt, and is asked for again");
        }
        flown
    }
}

/// One volley, until all of it has landed.
struct Journey<'a> {
    router: &'a Router,
    /// By the node's name; each answer from a node gives it new patience.
    backoffs: HashMap<Arc<str>, Backoff>,
    landed: Vec<Option<Reply>>,
}

impl Journey<'_> {
    /// To all nodes at once. Gives the calls that have to go again.
    async fn leg(&mut self, open: Vec<Passenger>) -> Result<Vec<Passenger>> {
        let place = self.router.0.place;
        let (groups, mut again) = self.assign(open).await?;
        let looks = self.router.table().looks;
        let flights = groups.into_iter().map(async |(station, passengers)| {
            let report = fly(&station, place, passengers).await;
            (station, report)
        });
        let mut reports = self.router.look_beside(together(flights)).await;
        let failures = (reports.iter_mut()).filter_map(|(_, report)| report.failure.take());
        if let Some(error) = failures.reduce(graver) {
            self.router.table().doubt();
            return Err(error);
        }
        let mut obstacles = Vec::new();
        if !again.is_empty() {
            obstacles.push((self.router.0.keyspace.node().clone(), unserved()));
        }
        let mut is_stale = false;
        for (station, mut report) in reports {
            if let Some(error) = report.obstacle.take() {
                obstacles.push((station.node.clone(), error));
            }
            is_stale |= self.sort(&station, report, &mut again)?;
        }
        is_stale |= !obstacles.is_empty();
        self.wait(obstacles, &again).await?;
        if is_stale {
            self.router.look(looks).await?;
        }
        Ok(again)
    }

    /// By their nodes; those whose slot nobody has are given back.
    async fn assign(
        &self,
        open: Vec<Passenger>,
    ) -> Result<(Vec<(Arc<Station>, Vec<Passenger>)>, Vec<Passenger>)> {
        let mut groups: Vec<(Arc<Station>, Vec<Passenger>)> = Vec::new();
        let mut unserved = Vec::new();
        for passenger in open {
            let station = match &passenger.asking {
                Some(station) => Some(Arc::clone(station)),
                None => self.router.owner(passenger.call.slot).await?,
            };
            let Some(station) = station else {
                unserved.push(passenger);
                continue;
            };
            let group = (groups.iter_mut()).find(|(known, _)| Arc::ptr_eq(known, &station));
            match group {
                Some((_, passengers)) => passengers.push(passenger),
                None => groups.push((station, vec![passenger])),
            }
        }
        Ok((groups, unserved))
    }

    /// What has landed, and what goes again. Whether the cluster has to be asked before that.
    fn sort(
        &mut self,
        station: &Station,
        report: Report,
        again: &mut Vec<Passenger>,
    ) -> Result<bool> {
        let (mut has_landed, mut is_stale) = (false, false);
        for (mut passenger, outcome) in report.outcomes {
            let place = match outcome {
                Outcome::Landed(reply) => {
                    has_landed = true;
                    self.landed[passenger.at] = Some(reply);
                    continue;
                }
                Outcome::Again => None,
                Outcome::Moved(place) => Some((place, false)),
                Outcome::Ask(place) => Some((place, true)),
            };
            passenger.asking = None;
            if let Some((place, is_ask)) = place {
                let found = self.redirected(&mut passenger, station, &place)?;
                is_stale |= found.is_none() || passenger.redirects > limits::SUDDEN_REDIRECTS;
                match found {
                    Some(found) if is_ask => passenger.asking = Some(found),
                    Some(found) => self.router.table().believe(passenger.call.slot, &found),
                    None => {}
                }
            }
            again.push(passenger);
        }
        if has_landed {
            self.backoffs.remove(station.node.name());
        }
        Ok(is_stale)
    }

    fn redirected(
        &self,
        passenger: &mut Passenger,
        station: &Station,
        place: &str,
    ) -> Result<Option<Arc<Station>>> {
        passenger.redirects += 1;
        if passenger.redirects > limits::MAX_REDIRECTS {
            return Err(restless(passenger).on_node(station.node.name()));
        }
        let router = self.router;
        let node = router.0.keyspace.redirected(place, &station.node);
        Ok(node.map(|node| router.table().station(&node, router.0.pace.as_ref())))
    }

    /// For what stands in the way at each node, and for news of slots that have just moved.
    async fn wait(&mut self, obstacles: Vec<(Node, Error)>, again: &[Passenger]) -> Result<()> {
        for (node, error) in obstacles {
            let backoff = self.backoffs.entry(Arc::clone(node.name()));
            let backoff = backoff.or_insert_with(|| node.backoff());
            backoff.pause(error).await?;
        }
        let redirects = again.iter().map(|passenger| passenger.redirects).max();
        let pause = pause_before(redirects.unwrap_or(0));
        if pause > Duration::ZERO {
            sleep(pause).await;
        }
        Ok(())
    }
}

fn unserved() -> Error {
    Error::new(
        ErrorKind::ClusterDown,
        Retry::Backoff,
        "find the key's node",
        "no node of the cluster serves the key's slot",
    )
    .with_hint("check the cluster's state: CLUSTER INFO")
}

fn restless(passenger: &Passenger) -> Error {
    let name = passenger.call.name();
    let context = format!("slot {} moves all the time", passenger.call.slot);
    Error::new(
        ErrorKind::Moved,
        Retry::Never,
        format!("run {name}"),
        context,
    )
    .with_hint("check the cluster's state: CLUSTER INFO, CLUSTER NODES")
}
