//! Carries out faults on the cluster, one after the other, and keeps a log of them.
//! Must not lose an acknowledged write: what a forced failover loses by itself would be no fault of keypace's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use keypace_lab::{LabError, OwnedCluster, Role, wait_until};

use super::fault::{Fault, Plan};
use super::ledger::Ledger;
use super::proxies::Proxies;
use crate::failure::{Failure, Outcome};

/// Writes are held for this long, and a replica must have all of them well before: it takes a moment on loopback.
const HOLD_MS: &[u8] = b"3000";
const IN_STEP_PATIENCE: Duration = Duration::from_millis(2000);
/// A family keeps so many slots, so that each has keys.
const KEPT_SLOTS: usize = 1000;
/// Names that go over before a slot is left half-moved.
const HALF_MOVED_KEYS: usize = 2;

/// The cluster that faults and checks share, and what has happened to it. Who holds it finds it settled.
#[derive(Debug)]
pub(super) struct Shared {
    cluster: Mutex<OwnedCluster>,
    pub(super) begun: Instant,
    stop: AtomicBool,
    /// Of the nodes as they were when the last fault was over: a run must not wait for the one under way.
    urls: Mutex<Vec<String>>,
    log: Mutex<Vec<Happened>>,
    ledger: Mutex<Ledger>,
    pub(super) proxies: Proxies,
}

/// A fault that was carried out.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) fault: Fault,
    pub(super) from: Duration,
    /// None while it lasts.
    pub(super) to: Option<Duration>,
}

impl Shared {
    pub(super) fn new(cluster: OwnedCluster, proxies: Proxies) -> Self {
        Self {
            ledger: Mutex::default(),
            proxies,
            urls: Mutex::new(cluster.urls()),
            cluster: Mutex::new(cluster),
            begun: Instant::now(),
            stop: AtomicBool::new(false),
            log: Mutex::new(Vec::new()),
        }
    }

    /// Waits for the fault under way to be over.
    pub(super) fn cluster(&self) -> MutexGuard<'_, OwnedCluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_cluster(self) -> OwnedCluster {
        let cluster = self.cluster.into_inner();
        cluster.unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all threads end after what they are at.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Where the nodes are, by the proxies.
    pub(super) fn urls(&self) -> Vec<String> {
        let urls = self.urls.lock();
        let urls = urls.unwrap_or_else(PoisonError::into_inner);
        urls.iter().map(|url| self.proxies.url(url)).collect()
    }

    /// What was looked at so far. Not to be held while anything is waited for.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_urls(&self, cluster: &OwnedCluster) {
        let urls = self.urls.lock();
        *urls.unwrap_or_else(PoisonError::into_inner) = cluster.urls();
    }

    /// What has happened, and happens.
    pub(super) fn log(&self) -> MutexGuard<'_, Vec<Happened>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a primary was replaced by force after `since`.
    pub(super) fn was_forced_since(&self, since: Duration) -> bool {
        let log = self.log();
        let mut late = log.iter().filter(|one| one.to.is_none_or(|to| to >= since));
        late.any(|one| one.fault.replaces_by_force())
    }
}

/// Faults until it is told to stop. A lab that can't do as told ends the soak.
pub(super) fn run(shared: &Shared, seed: u64) -> Outcome {
    let ended = carry_out_all(shared, seed);
    shared.stop();
    ended
}

fn carry_out_all(shared: &Shared, seed: u64) -> Outcome {
    let mut plan = Plan::new(seed);
    let mut added = Vec::new();
    loop {
        let calm_until = Instant::now() + plan.calm();
        while Instant::now() < calm_until && !shared.is_stopping() {
            thread::sleep(Duration::from_millis(20));
        }
        if shared.is_stopping() {
            return Ok(());
        }
        let fault = plan.next();
        let mut cluster = shared.cluster();
        let from = shared.begun.elapsed();
        shared.log().push(Happened {
            fault: fault.clone(),
            from,
            to: None,
        });
        let done = carry_out(&mut cluster, &shared.proxies, &fault, &mut added)
            .and_then(|said| cluster.wait_until_settled().map(|()| said));
        shared.note_urls(&cluster);
        let to = shared.begun.elapsed();
        if let Some(last) = shared.log().last_mut() {
            last.to = Some(to);
        }
        let text = format!("{:8.1} s  {fault}", from.as_secs_f64());
        match done {
            Ok(said) => println!("{text}{said}, {:.1} s", (to - from).as_secs_f64()),
            Err(error) => return Err(Failure::new(format!("the lab failed at {text}\n{error:?}"))),
        }
    }
}

/// One fault, as far as its own change; what there is to say of it.
fn carry_out(
    cluster: &mut OwnedCluster,
    proxies: &Proxies,
    fault: &Fault,
    added: &mut Vec<usize>,
) -> Result<String, LabError> {
    match *fault {
        Fault::MoveSlots {
            from,
            to,
            share_percent,
        } => {
            let (from, to) = (serving(cluster, from)?, serving(cluster, to)?);
            let owned = cluster.slots_of(from)?;
            let spare = owned.len().saturating_sub(KEPT_SLOTS);
            let count = spare.min(owned.len() * share_percent as usize / 100);
            let keys = cluster.move_slots(from, to, owned.into_iter().take(count))?;
            Ok(format!(", {count} slots with {keys} keys"))
        }
        Fault::HalfMove { from, to, open_for } => {
            let (from, to) = (serving(cluster, from)?, serving(cluster, to)?);
            let Some(slot) = cluster.slots_of(from)?.pop() else {
                return Ok(", which has none".to_owned());
            };
            let mut moving = cluster.begin_move(from, to, slot)?;
            moving.move_keys(HALF_MOVED_KEYS)?;
            thread::sleep(open_for);
            moving.finish()?;
            Ok(format!(", slot {slot}"))
        }
        Fault::FailOver { family } => {
            let replica = other_of(cluster, family, serving(cluster, family)?);
            cluster.fail_over(replica)?;
            Ok(format!(", to node {replica}"))
        }
        Fault::KillPrimary { family, away_for } => {
            let primary = serving(cluster, family)?;
            hold_writes(cluster, primary)?;
            cluster.kill(primary)?;
            let heir = cluster.wait_for_promotion(primary)?;
            thread::sleep(away_for);
            cluster.restart(primary)?;
            Ok(format!(", node {heir} for node {primary}"))
        }
        Fault::KillReplica { family, away_for } => {
            let replica = other_of(cluster, family, serving(cluster, family)?);
            cluster.kill(replica)?;
            thread::sleep(away_for);
            cluster.restart(replica)?;
            Ok(format!(", node {replica}"))
        }
        Fault::FreezeShort { family, frozen_for } => {
            let primary = serving(cluster, family)?;
            cluster.freeze(primary)?;
            thread::sleep(frozen_for);
            cluster.wake(primary)?;
            Ok(format!(", node {primary}"))
        }
        Fault::FreezeLong { family } => {
            let primary = serving(cluster, family)?;
            hold_writes(cluster, primary)?;
            cluster.freeze(primary)?;
            let heir = cluster.wait_for_promotion(primary)?;
            cluster.wake(primary)?;
            Ok(format!(", node {heir} for node {primary}"))
        }
        Fault::Cut { family, times } => {
            let primary = serving(cluster, family)?;
            proxies.cut(primary, times);
            Ok(format!(", node {primary}"))
        }
        Fault::Delay {
            family,
            by,
            held_for,
        } => {
            let primary = serving(cluster, family)?;
            proxies.delay(primary, by, held_for);
            Ok(format!(", node {primary}"))
        }
        Fault::HalfOpen { family, held_for } => {
            let primary = serving(cluster, family)?;
            proxies.hang(primary, held_for);
            Ok(format!(", node {primary}"))
        }
        Fault::AddNode { slots } => {
            let node = cluster.add_node()?;
            added.push(node);
            cluster.rebalance_to(node, slots as usize)?;
            Ok(format!(", node {node}"))
        }
        Fault::RemoveNode { to } => {
            let Some(node) = added.pop() else {
                return Ok(String::new());
            };
            let slots = cluster.slots_of(node)?;
            cluster.move_slots(node, serving(cluster, to)?, slots)?;
            cluster.wait_until_settled()?;
            cluster.remove_node(node)?;
            Ok(format!(", node {node}"))
        }
    }
}

/// The two nodes of a family of the start.
fn members(cluster: &OwnedCluster, family: u64) -> Vec<usize> {
    let nodes = cluster.nodes().filter(|node| node.family as u64 == family);
    nodes.map(|node| node.index).collect()
}

/// Who serves in this family now.
fn serving(cluster: &OwnedCluster, family: u64) -> Result<usize, LabError> {
    wait_until("see who serves", IN_STEP_PATIENCE, || {
        for node in members(cluster, family) {
            if cluster.role(node)? == Role::Primary {
                return Ok(node);
            }
        }
        Err("nobody does".into())
    })
}

fn other_of(cluster: &OwnedCluster, family: u64, node: usize) -> usize {
    let mut members = members(cluster, family).into_iter();
    members.find(|other| *other != node).unwrap_or(node)
}

/// Holds writes on a primary until its replica has all that was acknowledged: what comes after is not.
fn hold_writes(cluster: &OwnedCluster, primary: usize) -> Result<(), LabError> {
    let mut raw = cluster.raw(primary)?;
    raw.command(&[b"CLIENT", b"PAUSE", HOLD_MS, b"WRITE"])?
        .checked()?;
    wait_until("see the replica in step", IN_STEP_PATIENCE, || {
        let replication = raw.info("replication")?;
        let written = replication.get("master_repl_offset").ok_or("no offset")?;
        let replica = replication.get("slave0").ok_or("no replica")?;
        let reached = format!("offset={written},");
        if replica.contains(&reached) {
            Ok(())
        } else {
            Err(format!("{replica} of {written}").into())
        }
    })
}
