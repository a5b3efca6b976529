//! One interleaving: clients at two processes, polled in an order that a seed gives.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use keypace::{OwnerKeys, RecordId};
use keypace_server::limits;
use keypace_server::sessions::{CacheCounts, CacheStore, SessionService, SqlWithCache};

use crate::client::{Client, Do, Told};
use crate::world::{FakeSql, World};

const CLIENTS: usize = 4;
const CALLS: usize = 5;
/// So many polls without a question that arrives: nobody has anything to do but to wait.
const IDLE_POLLS: usize = 200;
/// No interleaving needs more; one that does waits for something that does not come.
const MOST_STEPS: usize = 2_000_000;

/// What happens beside the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing: only the order of steps is at stake.
    Calm,
    /// Time goes on in jumps, so that calls are given up, and the cache fails and comes back.
    Stormy,
    /// Time goes on in jumps that reads don't wait for, and some that outlive a tombstone. What was given up arrives then.
    Held,
    /// The store is a real one: real time goes on.
    Real,
}

/// Numbers that come out the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("small");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("small")
    }
}

/// What was really at work in interleavings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) hits: u64,
    pub(crate) repairs: u64,
    pub(crate) unconfirmed: u64,
}

impl Tally {
    pub(crate) fn join(&mut self, other: Self) {
        self.hits += other.hits;
        self.repairs += other.repairs;
        self.unconfirmed += other.unconfirmed;
    }

    pub(crate) fn add(&mut self, counts: CacheCounts) {
        self.hits += counts.hits;
        self.repairs += counts.repairs;
        self.unconfirmed += counts.unconfirmed;
    }
}

type Working = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
/// Tasks that have just begun, each with the number of its client.
type Started = Arc<Mutex<Vec<(usize, Working)>>>;

/// Runs one interleaving to its end, and adds to the tally; an error says what was seen.
pub(crate) async fn run(
    seed: u64,
    weather: Weather,
    world: &Arc<World>,
    stores: &[Arc<dyn CacheStore>],
    tally: &mut Tally,
) -> Result<(), String> {
    let mut random = Random(seed);
    let started = Started::default();
    let services = services(world, stores, &started).await;
    let mut working = clients(&mut random, world, &services);
    let (mut last, mut idle) = (0, 0);
    for _ in 0..MOST_STEPS {
        if working.is_empty() {
            services
                .iter()
                .for_each(|service| tally.add(service.counts().cache));
            return Ok(());
        }
        match weather {
            Weather::Calm => {
                let arrived = world.arrived.load(Ordering::Relaxed);
                idle = if arrived == last { idle + 1 } else { 0 };
                last = arrived;
                // Whoever is left waits for others to hear of an epoch.
                if idle > IDLE_POLLS {
                    idle = 0;
                    tokio::time::advance(limits::EPOCH_SPREAD).await;
                }
            }
            Weather::Stormy => storm(&mut random, world).await,
            Weather::Held => hold_up(&mut random, world).await,
            Weather::Real => tokio::task::yield_now().await,
        }
        let at = random.below(working.len());
        let (number, client) = &mut working[at];
        world.working.store(*number, Ordering::Relaxed);
        // Who waits for time or for a socket is asked again in its turn.
        let polled = poll_fn(|context| Poll::Ready(client.as_mut().poll(context))).await;
        if let Poll::Ready(ended) = polled {
            ended?;
            drop(working.swap_remove(at));
        }
        working.append(&mut started.lock().expect("no panic"));
    }
    Err(format!("no end after {MOST_STEPS} steps"))
}

/// Their writes are put among what is polled, as a client's own.
async fn services(
    world: &Arc<World>,
    stores: &[Arc<dyn CacheStore>],
    started: &Started,
) -> Vec<SessionService> {
    let keys = OwnerKeys::from_keys(vec![[1; 32]]).expect("a key");
    let mut services = Vec::new();
    for store in stores {
        let sql = Arc::new(FakeSql(Arc::clone(world)));
        let source = SqlWithCache::open(sql, keys.clone()).await.expect("opened");
        let source = source.with_cache(Arc::clone(store)).await.expect("allowed");
        let (started, world) = (Arc::clone(started), Arc::clone(world));
        let service = SessionService::sql_with_cache(source).with_tasks(move |task| {
            let number = world.working.load(Ordering::Relaxed);
            let task = async move {
                task.await;
                Ok(())
            };
            let task: Working = Box::pin(task);
            started.lock().expect("no panic").push((number, task));
        });
        services.push(service);
    }
    services
}

fn clients(
    random: &mut Random,
    world: &Arc<World>,
    services: &[SessionService],
) -> Vec<(usize, Working)> {
    let told = Arc::new(Told::default());
    let mut working: Vec<(usize, Working)> = Vec::new();
    for number in 0..CLIENTS {
        let process = number % services.len();
        let client = Client {
            number,
            process,
            service: services[process].clone(),
            world: Arc::clone(world),
            told: Arc::clone(&told),
        };
        let script = (0..CALLS).map(|_| call(random)).collect();
        working.push((number, Box::pin(client.work(script))));
    }
    working
}

/// Mostly of one session, so that calls meet.
fn call(random: &mut Random) -> (Do, RecordId) {
    let what = match random.below(8) {
        0 | 1 => Do::Create,
        2 => Do::Update,
        3 | 4 => Do::Delete,
        _ => Do::Get,
    };
    let id = if random.below(10) == 0 { "b" } else { "a" };
    (what, RecordId::new(id).expect("an id"))
}

async fn storm(random: &mut Random, world: &World) {
    match random.below(60) {
        0 => world.is_cache_down.store(true, Ordering::Relaxed),
        1 | 2 => world.is_cache_down.store(false, Ordering::Relaxed),
        3 | 4 => world.deliver_late(random.below(1_000)),
        5 => {
            // The longest outlives a tombstone.
            const JUMPS_MS: [u64; 9] = [1, 20, 60, 260, 400, 600, 1_100, 6_000, 70_000];
            let jump = JUMPS_MS[random.below(JUMPS_MS.len())];
            tokio::time::advance(Duration::from_millis(jump)).await;
        }
        _ => {}
    }
}

async fn hold_up(random: &mut Random, world: &World) {
    match random.below(120) {
        0..=2 => tokio::time::advance(Duration::from_millis(60)).await,
        3..=8 => world.deliver_late(random.below(1_000)),
        9 => tokio::time::advance(Duration::from_secs(70)).await,
        _ => {}
    }
}
