//! A cluster's nodes, and who of them owns which slot: asked anew each time it is wanted, of all of them at once.
//! It keeps nodes by address, so that all work on one shares its gauge and its pacer. Decides no claim (see `claims`).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::timeout;

use super::carried::{self, Carried};
use super::claims::{self, Known, Merged, View};
use super::connection::Class;
use super::dial::Dial;
use super::naming::{Naming, joined, split};
use super::node::Node;
use super::nodes_table::{self, Entry};
use super::options::ConnectOptions;
use super::resp::Reply;
use super::target::Target;
use super::together::together;
use super::topology;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::SlotSet;
use crate::limits;

const OPERATION: &str = "find the cluster's nodes";

/// A primary and what it owns.
#[derive(Debug, Clone)]
pub(crate) struct Primary {
    pub(crate) node: Node,
    /// The node's name within the cluster; it outlives a restart, and its run_id doesn't.
    pub(crate) id: Arc<str>,
    pub(crate) slots: SlotSet,
    /// Its config epoch: higher after each slot that it took over, and each failover.
    pub(crate) epoch: u64,
    /// What it had carried before it was asked, if it tells.
    pub(crate) carried: Option<Carried>,
    /// It answered for itself when it was asked for this layout.
    pub(crate) is_reachable: bool,
}

/// Who owns what.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Those with slots, by their first slot.
    pub(crate) primaries: Vec<Primary>,
    /// Slots that nobody claims.
    pub(crate) uncovered: SlotSet,
    /// Who follows a primary with slots, by its id.
    replicas: Vec<(String, Node)>,
    /// Slots on their way by anybody's account.
    pub(crate) moving: SlotSet,
    /// Everybody gave each primary the epoch that it gives itself: no news is on its way.
    pub(crate) agrees: bool,
    /// The highest config epoch that anybody knows of.
    pub(crate) highest_epoch: u64,
}

impl Layout {
    /// Those that follow a primary.
    pub(crate) fn replicas_of<'a>(&'a self, primary: &'a str) -> impl Iterator<Item = &'a Node> {
        let replicas = self.replicas.iter();
        replicas.filter_map(move |(of, node)| (of == primary).then_some(node))
    }
}

/// A cluster, as far as it is known.
pub(super) struct Cluster {
    dialer: Arc<dyn Dial>,
    target: Target,
    options: ConnectOptions,
    naming: Naming,
    /// Asked where nobody else is known or answers.
    seeds: Vec<Node>,
    /// By the address that is dialled.
    nodes: Mutex<HashMap<String, Node>>,
    /// The same for replicas that are read from.
    replicas: Mutex<HashMap<String, Node>>,
    /// Who was named by the layout before.
    known: Mutex<Vec<Known>>,
}

/// One layout in the making.
#[derive(Default)]
struct Round {
    views: Vec<View>,
    asked: HashSet<(String, String)>,
    /// By the id of who answered.
    carried: HashMap<String, Carried>,
    trouble: Option<Error>,
}

impl Cluster {
    pub(super) fn new(
        dialer: Arc<dyn Dial>,
        target: Target,
        options: ConnectOptions,
        seeds: Vec<Node>,
    ) -> Self {
        let naming = Naming {
            map: Arc::clone(&options.address_map),
            by_hostname: target.uses_tls(),
        };
        let named = seeds
            .iter()
            .map(|node| (node.name().to_string(), node.clone()));
        Self {
            nodes: Mutex::new(named.collect()),
            dialer,
            target,
            options,
            naming,
            seeds,
            replicas: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// The same, and who follows the primaries: a walk may read from those.
    pub(super) async fn layout_with_replicas(&self) -> Result<Layout> {
        let mut layout = self.layout().await?;
        let known = locked(&self.known).clone();
        for replica in known {
            if let Some(primary) = replica.follows {
                layout
                    .replicas
                    .push((primary, self.replica(&replica.place)?));
            }
        }
        Ok(layout)
    }

    /// Where everybody is who was named by the layout before, replicas too.
    pub(super) fn places(&self) -> Vec<String> {
        let known = locked(&self.known);
        known.iter().map(|known| known.place.clone()).collect()
    }

    /// Asks everybody who is known, everybody whom those name, and replicas of primaries that don't answer.
    pub(super) async fn layout(&self) -> Result<Layout> {
        let mut round = Round::default();
        let known = locked(&self.known).clone();
        let (primaries, replicas): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|known| known.follows.is_none());
        self.ask_all(&mut round, primaries).await?;
        if round.views.is_empty() {
            self.ask_all(&mut round, replicas).await?;
        }
        if round.views.is_empty() {
            self.ask_seeds(&mut round).await;
        }
        if round.views.is_empty() {
            return Err(round.trouble.unwrap_or_else(nobody));
        }
        for _ in 0..limits::MAX_LAYOUT_WAVES {
            let next = round.unasked();
            if next.is_empty() {
                break;
            }
            self.ask_all(&mut round, next).await?;
        }
        let merged = claims::merge(&round.views);
        *locked(&self.known) = claims::known(&round.views);
        self.forget_others();
        self.layout_of(merged, round.carried)
    }

    fn layout_of(&self, merged: Merged, mut carried: HashMap<String, Carried>) -> Result<Layout> {
        let mut primaries = Vec::with_capacity(merged.owners.len());
        let mut uncovered = merged.uncovered;
        for owner in merged.owners {
            // An owner whose address nobody knows serves nobody.
            let Some(place) = owner.place else {
                uncovered.extend_with(&owner.slots);
                continue;
            };
            primaries.push(Primary {
                node: self.node(&place)?,
                carried: carried.remove(&owner.id),
                id: owner.id.into(),
                slots: owner.slots,
                epoch: owner.epoch,
                is_reachable: owner.has_answered,
            });
        }
        Ok(Layout {
            primaries,
            replicas: Vec::new(),
            uncovered,
            moving: merged.moving,
            agrees: merged.agrees,
            highest_epoch: merged.highest_epoch,
        })
    }

    async fn ask_all(&self, round: &mut Round, wanted: Vec<Known>) -> Result<()> {
        for group in wanted.chunks(limits::MAX_ASKED_AT_ONCE) {
            let mut nodes = Vec::with_capacity(group.len());
            for known in group {
                round.asked.insert((known.id.clone(), known.place.clone()));
                nodes.push((self.node(&known.place)?, known));
            }
            let asked = nodes.iter().map(|(node, _)| ask(node));
            for (answer, (node, known)) in together(asked).await.into_iter().zip(&nodes) {
                round.hear(answer, node, Some(&known.id), &self.naming);
            }
        }
        Ok(())
    }

    /// One after the other: the first that answers knows the rest, and two clusters are never mixed.
    async fn ask_seeds(&self, round: &mut Round) {
        for node in &self.seeds {
            let answer = ask(node).await;
            round.hear(answer, node, None, &self.naming);
            if let Some(view) = round.views.last() {
                round.asked.insert(view.who());
                return;
            }
        }
    }

    /// The node that a redirect names, as `asked` told of it. `None` where that leads to no node that the layout would name
    /// the same way: it has to be asked for then.
    pub(super) fn redirected(&self, told: &str, asked: &Node) -> Option<Node> {
        let (host, port) = told.rsplit_once(':')?;
        let place = if host.is_empty() || host == "?" {
            // It doesn't know under which name it is reached, and neither for the others.
            let (own, _) = split(asked.name())?;
            joined(own, port.parse().ok()?)
        } else if host.contains(':') && !host.starts_with('[') {
            joined(host, port.parse().ok()?)
        } else {
            told.to_owned()
        };
        let place = self.naming.map.get(&place).unwrap_or(&place);
        if let Some(node) = locked(&self.nodes).get(place) {
            return Some(node.clone());
        }
        // By hostname it may be one that is known by another name, with a pace of its own.
        (!self.naming.by_hostname)
            .then(|| self.node(place).ok())
            .flatten()
    }

    /// The node at this address: always the same one.
    fn node(&self, place: &str) -> Result<Node> {
        self.node_with(place, &self.nodes, &self.options)
    }

    /// The same for reading from it while it is a replica.
    fn replica(&self, place: &str) -> Result<Node> {
        let options = ConnectOptions {
            reads_replicas: true,
            ..self.options.clone()
        };
        self.node_with(place, &self.replicas, &options)
    }

    fn node_with(
        &self,
        place: &str,
        nodes: &Mutex<HashMap<String, Node>>,
        options: &ConnectOptions,
    ) -> Result<Node> {
        let mut nodes = locked(nodes);
        if let Some(node) = nodes.get(place) {
            return Ok(node.clone());
        }
        let way = split(place).and_then(|(host, port)| self.dialer.another(host, port));
        let way = way.ok_or_else(|| topology::no_way(place))?;
        let node = Node::new(way, &self.target, options);
        nodes.insert(place.to_owned(), node.clone());
        Ok(node)
    }

    /// Addresses come and go for as long as the process lives.
    fn forget_others(&self) {
        for nodes in [&self.nodes, &self.replicas] {
            let mut nodes = locked(nodes);
            if nodes.len() > limits::MAX_CLUSTER_NODES {
                let known = locked(&self.known);
                let places: HashSet<&str> =
                    known.iter().map(|known| known.place.as_str()).collect();
                nodes.retain(|place, _| places.contains(place.as_str()));
            }
        }
    }
}

impl Round {
    fn hear(&mut self, answer: Result<Told>, node: &Node, expected: Option<&str>, naming: &Naming) {
        match answer {
            Ok(Told { entries, carried }) => {
                let view = View::new(entries, node.name(), expected, naming);
                let told = view.as_ref().zip(carried);
                self.carried
                    .extend(told.map(|(view, carried)| (view.who().0, carried)));
                self.views.extend(view);
            }
            Err(error) => {
                tracing::debug!(%error, "a node of the cluster doesn't say what it knows");
                // The first is of a primary that was meant to be there; who may not ask is told so before all else.
                let is_worse = error.kind() == ErrorKind::Permission;
                if self.trouble.is_none() || is_worse {
                    self.trouble = Some(error);
                }
            }
        }
    }

    /// Primaries that were named and not asked, and replicas of those that were asked and are silent.
    fn unasked(&self) -> Vec<Known> {
        let silent: HashSet<&str> = (self.asked.iter().map(|(id, _)| id.as_str()))
            .filter(|id| !claims::has_answered(&self.views, id))
            .collect();
        let mut known = claims::known(&self.views);
        known.retain(|known| {
            let is_wanted =
                (known.follows.as_deref()).is_none_or(|primary| silent.contains(primary));
            let pair = (known.id.clone(), known.place.clone());
            is_wanted && !self.asked.contains(&pair)
        });
        known
    }
}

/// What one node knows, within the time of a handshake: a frozen one must not hold up the others' answers.
async fn ask(node: &Node) -> Result<Told> {
    let limit = node.handshake_timeout();
    let asked = timeout(limit, async {
        match ask_once(node).await {
            // An idle connection may have ended unseen, with a server that is there again.
            Err(error) if error.kind() == ErrorKind::Disconnected => {
                node.forget_idle();
                ask_once(node).await
            }
            answer => answer,
        }
    });
    let Ok(answer) = asked.await else {
        return Err(Error::new(
            ErrorKind::Timeout,
            Retry::Reconnect,
            OPERATION,
            format!("no answer within {limit:?}"),
        )
        .on_node(node.name()));
    };
    answer
}

/// What one node says in one breath.
struct Told {
    carried: Option<Carried>,
    entries: Vec<Entry>,
}

async fn ask_once(node: &Node) -> Result<Told> {
    let mut lease = node.lease().await?;
    // Before CLUSTER NODES: what left by MIGRATE before it was counted has a marker there, unless it has come back.
    carried::queue(&mut lease);
    let command = "CLUSTER NODES";
    lease.queue(command, Class::Read, ["CLUSTER", "NODES"].iter());
    lease.flush().await?;
    let carried = carried::answer(&mut lease).await?;
    let reply = lease.reply().await;
    let text = match reply.map_err(|error| error.during(OPERATION))? {
        Reply::Bulk(text) => text,
        Reply::Error(text) => return Err(lease.refused(command, &text).during(OPERATION)),
        _ => return Err(lease.unexpected(command)),
    };
    let entries = nodes_table::parse(&text).map_err(|cause| {
        Error::new(
            ErrorKind::Protocol,
            Retry::Never,
            OPERATION,
            cause.to_string(),
        )
        .on_node(node.name())
        .with_source(cause)
    })?;
    Ok(Told { carried, entries })
}

fn nobody() -> Error {
    Error::new(
        ErrorKind::Unreachable,
        Retry::Reconnect,
        OPERATION,
        "no node of the cluster answers",
    )
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
