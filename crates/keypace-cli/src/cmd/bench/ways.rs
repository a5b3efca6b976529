//! One way of one job, with a client beside it that waits: runs it, and says what it took. Decides nothing about the
//! row: what is left out, and what a wrong result means, is `session`'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keypace::{
    Budget, Consent, DeleteOptions, Event, Pattern, ScanOptions, Sweep, SweepOptions,
    plan_delete_unseen,
};
use keypace_lab::floor::{Floor, FloorCounts, Numbered};
use keypace_lab::{LabError, Meter, Probe, Probed, Traffic};

use super::Trouble;
use super::by_owner;
use super::ground::Ground;
use super::owned::{Owned, PAGE_SESSIONS};
use crate::args::BenchJob;
use crate::exit::{Exit, Halt, Phase};
use crate::render::bench::{Found, Way};

/// COUNT and batch of the plain loop: nothing is gained above them.
const LOOP_COUNT: u64 = 1_000;
const LOOP_BATCH: usize = 500;
/// One round trip a value: beyond this many, a size says nothing new and takes minutes.
pub(super) const MAX_GETS: u64 = 100_000;

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) job: BenchJob,
    pub(super) way: Way,
    pub(super) keys: u64,
    pub(super) budget: Budget,
    pub(super) interval: Duration,
}

impl Task {
    /// How many keys or values a right result has.
    pub(super) fn expected(&self) -> u64 {
        match self.way {
            Way::GetEach => self.keys.min(MAX_GETS),
            Way::IndexPage => Owned::of_one(self.keys).min(PAGE_SESSIONS),
            _ if self.job == BenchJob::Owner => Owned::of_one(self.keys),
            _ => self.keys,
        }
    }
}

/// What the work itself came to.
pub(super) struct Done {
    pub(super) found: u64,
    pub(super) wall: Duration,
    pub(super) traffic: Traffic,
    pub(super) probed: Probed,
}

/// Runs it.
pub(super) async fn run(ground: &Ground, task: Task) -> Result<Found, Trouble> {
    let done = match task.way {
        Way::Adaptive => library(ground, task, task.budget).await?,
        Way::AdaptiveOff => library(ground, task, Budget::off()).await?,
        _ if task.job == BenchJob::Owner => by_owner::run(ground, task).await?,
        _ => raw(ground, task).await?,
    };
    Ok(Found {
        found: done.found,
        wall_us: u64::try_from(done.wall.as_micros()).unwrap_or(u64::MAX),
        commands: done.traffic.commands,
        bytes_sent: done.traffic.sent,
        bytes_received: done.traffic.received,
        wait: done.probed.waits.into(),
        timeline: done.probed.timeline,
    })
}

/// A loop over a raw socket, which counts for itself.
async fn raw(ground: &Ground, task: Task) -> Result<Done, Trouble> {
    let visit = ground.visit.clone();
    let names = ground.names();
    let pattern = ground.pattern().into_bytes();
    ground
        .lane
        .run(move |stop| {
            let floor = Floor::connect_until(&visit, Arc::clone(stop))?;
            let probe = Probe::start_visiting(&visit, task.interval)?;
            let keys = Numbered::new(&names, 0..task.expected());
            probe.warm_up();
            let begun = Instant::now();
            let counts = by_hand(floor, task.way, &pattern, &keys);
            let wall = begun.elapsed();
            let probed = probe.finish()?;
            let counts = counts?;
            Ok(Done {
                found: if task.job == BenchJob::Delete {
                    counts.removed
                } else {
                    counts.keys
                },
                wall,
                traffic: counts.traffic(),
                probed,
            })
        })
        .await
}

fn by_hand(
    floor: Floor,
    way: Way,
    pattern: &[u8],
    keys: &Numbered<'_>,
) -> Result<FloorCounts, LabError> {
    match way {
        Way::Keys => floor.keys(pattern),
        Way::Scan10 => floor.list(pattern, 10),
        Way::Scan100 => floor.list(pattern, 100),
        Way::Scan1000 => floor.list(pattern, 1_000),
        Way::Scan10000 => floor.list(pattern, 10_000),
        Way::DelGiant => floor.del_all(keys),
        Way::UnlinkGiant => floor.unlink_all(keys),
        Way::Batches500 => floor.delete(pattern, LOOP_COUNT, LOOP_BATCH),
        Way::GetEach => floor.get_each(keys),
        Way::MgetAll => floor.mget_all(keys),
        Way::MgetChunks => floor.mget_chunks(keys),
        // Others run them; here they would be a walk like the others.
        Way::Adaptive
        | Way::AdaptiveOff
        | Way::KeysGet
        | Way::ScanGet
        | Way::ScanMget
        | Way::SmembersGet
        | Way::IndexPage
        | Way::IndexList => floor.list(pattern, LOOP_COUNT),
    }
}

/// The library, as the commands of keypace run it: on this thread's runtime. What it sent is asked of the server: all
/// that passed, less the probe's part.
async fn library(ground: &Ground, task: Task, budget: Budget) -> Result<Done, Trouble> {
    let mut sweep = sweep(ground, task.job, budget).await?;
    let visit = ground.visit.clone();
    let (meter, probe) = ground
        .lane
        .run(move |_| {
            let meter = Meter::start(&visit)?;
            let probe = Probe::start_visiting(&visit, task.interval)?;
            probe.warm_up();
            Ok((meter, probe))
        })
        .await?;
    let begun = Instant::now();
    let mut listed = 0;
    while let Some(event) = sweep.next().await {
        if let Event::Page(page) = event {
            listed += page.keys().len() as u64;
        }
    }
    let wall = begun.elapsed();
    if let Some(error) = sweep.error() {
        return Err(Trouble::Halted(Halt::library(error, Phase::Walking)));
    }
    let (probed, traffic) = ground
        .lane
        .run(move |_| {
            let probed = probe.finish()?;
            let traffic = meter.finish()? - probed.traffic;
            Ok((probed, traffic))
        })
        .await?;
    Ok(Done {
        found: if task.job == BenchJob::Delete {
            sweep.summary().deleted
        } else {
            listed
        },
        wall,
        traffic,
        probed,
    })
}

async fn sweep(ground: &Ground, job: BenchJob, budget: Budget) -> Result<Sweep, Trouble> {
    let failed = |error: keypace::Error| Trouble::Halted(Halt::library(&error, Phase::Walking));
    let pattern = Pattern::new(ground.pattern()).map_err(|error| {
        Trouble::Halted(Halt::new(Exit::Incomplete, "make a pattern").with_cause(&error))
    })?;
    let scan = ScanOptions::new(vec![pattern]).map_err(failed)?;
    let options = SweepOptions::new(scan).with_budget(budget);
    if job == BenchJob::Enumerate {
        return Sweep::list(&ground.keyspace, options).await.map_err(failed);
    }
    let confirmed = plan_delete_unseen(&ground.keyspace, &options)
        .await
        .and_then(|plan| plan.confirm(Consent::Scoped))
        .map_err(failed)?;
    Sweep::delete(
        &ground.keyspace,
        options,
        DeleteOptions::default(),
        confirmed,
    )
    .await
    .map_err(failed)
}
