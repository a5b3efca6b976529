//! Several holders at one store at once: by seeded interleavings on a logical clock, and by tasks that race. Must not sleep.

use std::collections::{BTreeMap, BTreeSet};

use crate::jobs::id::JobId;
use crate::jobs::job::{Job, Wanted};
use crate::jobs::spec::JobKind;
use crate::jobs::state::{JobState, Outcome};
use crate::jobs::store::tests::{Clock, LEASE, connected, id, identity, job, postgres, sqlite};
use crate::jobs::store::{Beat, Finish, Inserted, JobFilter, JobStore, Leave, Order, SqlStore};

const HOLDERS: [&str; 3] = ["a", "b", "c"];

/// A small generator: what a seed gives is the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let sides = u64::try_from(from.len()).ok().filter(|sides| *sides > 0)?;
        let at = usize::try_from(self.roll(sides)).ok()?;
        from.get(at).cloned()
    }
}

/// What has to be true of a job, as far as the answers of the store tell.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The newest lease that was given out.
    lease: i64,
    /// Whether whoever has it may still write.
    is_held: bool,
    /// What was wanted last of the holder.
    wanted: Option<Wanted>,
}

/// All holders, what they believe to hold, and what is really so.
struct World {
    store: SqlStore,
    clock: Clock,
    dice: Dice,
    seed: u64,
    made: u64,
    /// What each holder was given and has not left: it may be another's by now.
    believed: BTreeMap<&'static str, Vec<Job>>,
    known: BTreeMap<JobId, Known>,
}

impl World {
    fn new(store: SqlStore, clock: Clock, seed: u64) -> Self {
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (believed, known) = (BTreeMap::new(), BTreeMap::new());
        Self {
            store,
            clock,
            dice,
            seed,
            made: 0,
            believed,
            known,
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(10) {
            0 => self.make().await,
            1 => self
                .clock
                .pass(i64::try_from(self.dice.roll(8)).expect("small")),
            2 | 3 => self.claim().await,
            4 | 5 => self.beat().await,
            6 | 7 => self.leave().await,
            _ => self.order().await,
        }
    }

    async fn make(&mut self) {
        self.made += 1;
        let kind = self
            .dice
            .pick(&[JobKind::Count, JobKind::Delete, JobKind::Restore]);
        let mut made = job(self.made, kind.expect("one"), self.clock.now());
        let address = self.dice.pick(&["a:1", "b:2"]).expect("one");
        made.identity = Some(identity(address, 0, address));
        if self.store.insert(&made, 8).await.expect("done") == Inserted::Kept {
            self.known.insert(made.id, Known::default());
        }
    }

    async fn claim(&mut self) {
        let holder = self.dice.pick(&HOLDERS).expect("one");
        let Some(claimed) = self.store.claim(holder, LEASE, 2).await.expect("done") else {
            return;
        };
        let seed = self.seed;
        let known = self
            .known
            .get_mut(&claimed.id)
            .expect("a job that was made");
        assert_eq!(
            claimed.lease,
            known.lease + 1,
            "seed {seed}: each lease is another"
        );
        assert_eq!(claimed.holder.as_deref(), Some(holder), "seed {seed}");
        let was_taken = known.is_held && known.wanted.unwrap_or(Wanted::Run) != Wanted::Run;
        assert!(
            !was_taken,
            "seed {seed}: what was to stop did not go on: {claimed:?}"
        );
        *known = Known {
            lease: claimed.lease,
            is_held: true,
            wanted: None,
        };
        self.believed.entry(holder).or_default().push(claimed);
    }

    /// A holder that believes to hold a job, and that job.
    fn held(&mut self) -> Option<(&'static str, Job)> {
        let holder = self.dice.pick(&HOLDERS)?;
        let held = self.believed.get(holder)?;
        Some((holder, self.dice.pick(held)?))
    }

    fn drop_belief(&mut self, holder: &str, job: &Job) {
        let held = self.believed.get_mut(holder).expect("a holder");
        held.retain(|held| (&held.id, held.lease) != (&job.id, job.lease));
    }

    /// Whether what this holder writes may be taken: only with the newest lease, and while nobody ended it.
    async fn may_write(&self, job: &Job) -> bool {
        let now = self.store.get(&job.id).await.expect("done").expect("there");
        let is_newest = self.known[&job.id].lease == job.lease;
        is_newest && now.state == JobState::Running
    }

    async fn beat(&mut self) {
        let Some((holder, job)) = self.held() else {
            return;
        };
        let may = self.may_write(&job).await;
        let checkpoint = Some(format!("{holder} {}", job.lease).into_bytes());
        let beat = Beat {
            checkpoint: checkpoint.clone(),
            ..Beat::default()
        };
        let orders = self
            .store
            .heartbeat(&job.id, job.lease, &beat, LEASE)
            .await
            .expect("done");
        assert_eq!(orders.is_some(), may, "seed {}: {job:?}", self.seed);
        let Some(orders) = orders else {
            return self.drop_belief(holder, &job);
        };
        let wanted = self.known[&job.id].wanted.unwrap_or(Wanted::Run);
        assert_eq!(
            orders.wanted, wanted,
            "seed {}: no order is lost",
            self.seed
        );
        let kept = self.store.checkpoint(&job.id).await.expect("done");
        assert_eq!(kept, checkpoint, "seed {}", self.seed);
    }

    async fn leave(&mut self) {
        let Some((holder, job)) = self.held() else {
            return;
        };
        let may = self.may_write(&job).await;
        let ways = [
            Leave::Settled,
            Leave::Settled,
            Leave::Held,
            Leave::Ended(Outcome::Done),
            Leave::Ended(Outcome::Incomplete),
        ];
        let leave = self.dice.pick(&ways).expect("one");
        let left = self
            .store
            .finish(&job.id, job.lease, &Finish::new(leave))
            .await;
        let left = left.expect("done");
        assert_eq!(left.is_some(), may, "seed {}: {job:?}", self.seed);
        self.drop_belief(holder, &job);
        let Some(left) = left else { return };
        let known = self.known.get_mut(&job.id).expect("known");
        let wanted = known.wanted.take().unwrap_or(Wanted::Run);
        known.is_held = false;
        let expected = match (leave, wanted) {
            (Leave::Ended(outcome), _) => match outcome {
                Outcome::Done => JobState::Done,
                _ => JobState::Incomplete,
            },
            (_, Wanted::Cancel) => JobState::Cancelled,
            (Leave::Held, _) | (_, Wanted::Pause) => JobState::Paused,
            (_, Wanted::Run) => JobState::Waiting,
        };
        assert_eq!(left, expected, "seed {}: no order is lost", self.seed);
    }

    async fn order(&mut self) {
        let all: Vec<_> = self.known.keys().cloned().collect();
        let Some(id) = self.dice.pick(&all) else {
            return;
        };
        let orders = [
            Order::Pause,
            Order::Resume(None),
            Order::Resume(None),
            Order::Cancel,
        ];
        let order = self.dice.pick(&orders).expect("one");
        let before = self.store.get(&id).await.expect("done").expect("there");
        let ordered = self.store.order(&id, &order).await.expect("done");
        let after = self.store.get(&id).await.expect("done").expect("there");
        match ordered {
            Err(_) => assert_eq!(
                before, after,
                "seed {}: what is refused changes nothing",
                self.seed
            ),
            Ok(job) => {
                assert_eq!(job, after, "seed {}", self.seed);
                let known = self.known.get_mut(&id).expect("known");
                // A job that nobody holds has become it already.
                known.wanted = (after.state == JobState::Running).then_some(after.wanted);
            }
        }
    }

    /// Whatever happened before: nobody works where another does, and only who runs has a holder.
    async fn check(&self) {
        let page = self.store.list(&JobFilter::default(), 10_000).await;
        let jobs = page.expect("done").jobs;
        let mut removing = BTreeSet::new();
        for job in &jobs {
            let runs = job.state == JobState::Running;
            assert_eq!(job.holder.is_some(), runs, "seed {}: {job:?}", self.seed);
            assert_eq!(
                job.ended_at.is_some(),
                job.state.is_ended(),
                "seed {}: {job:?}",
                self.seed
            );
            assert!(
                runs || job.wanted == Wanted::Run,
                "seed {}: {job:?}",
                self.seed
            );
            if runs && job.spec.removes() {
                let place = job.identity.as_ref().map(|place| place.address.clone());
                assert!(
                    removing.insert(place),
                    "seed {}: two remove at {job:?}",
                    self.seed
                );
            }
        }
    }

    /// Everybody is gone but one, who goes on with all that is left: then all has ended.
    async fn drain(&mut self) {
        self.clock.pass(60);
        let known: Vec<_> = self.known.keys().cloned().collect();
        loop {
            while let Some(job) = self.store.claim("last", LEASE, 2).await.expect("done") {
                let finish = Finish::new(Leave::Ended(Outcome::Done));
                let left = self.store.finish(&job.id, job.lease, &finish).await;
                assert_eq!(
                    left.expect("done"),
                    Some(JobState::Done),
                    "seed {}",
                    self.seed
                );
            }
            let mut went_on = false;
            for id in &known {
                let job = self.store.get(id).await.expect("done").expect("there");
                assert_ne!(job.state, JobState::Running, "seed {}: {job:?}", self.seed);
                if job.state == JobState::Paused {
                    let resumed = self
                        .store
                        .order(id, &Order::Resume(None))
                        .await
                        .expect("done");
                    went_on |= resumed.is_ok();
                }
            }
            if !went_on {
                break;
            }
        }
        for id in &known {
            let job = self.store.get(id).await.expect("done").expect("there");
            assert!(job.state.is_ended(), "seed {}: {job:?}", self.seed);
        }
    }
}

async fn interleave(store: SqlStore, clock: Clock, seed: u64, steps: u32) {
    let mut world = World::new(store, clock, seed);
    for _ in 0..steps {
        world.step().await;
        world.check().await;
    }
    world.drain().await;
}

#[tokio::test]
async fn no_interleaving_of_holders_on_sqlite_loses_or_doubles_anything() {
    for seed in 1..=12 {
        let clock = Clock::default();
        let (store, _folder) = sqlite(&clock).await;
        interleave(store, clock, seed, 250).await;
    }
}

#[tokio::test]
async fn no_interleaving_of_holders_on_postgres_loses_or_doubles_anything() {
    let Some(postgres) = postgres() else { return };
    let clock = Clock::default();
    let store = connected(&postgres, &clock).await;
    interleave(store, clock, 99, 600).await;
}

/// Many claim at once through two stores over one database, finish and claim again.
async fn race(one: SqlStore, other: SqlStore, clock: &Clock) {
    const JOBS: u64 = 40;
    for number in 1..=JOBS {
        let kind = if number.is_multiple_of(2) {
            JobKind::Delete
        } else {
            JobKind::Count
        };
        let mut made = job(number, kind, clock.now());
        made.identity = Some(identity("a:1", 0, "r"));
        assert_eq!(one.insert(&made, 100).await.expect("done"), Inserted::Kept);
    }
    let claiming = (0..8).map(|number: u32| {
        let store = if number.is_multiple_of(2) {
            one.clone()
        } else {
            other.clone()
        };
        tokio::spawn(async move {
            let (holder, mut mine) = (format!("holder {number}"), Vec::new());
            let mut idle = 0;
            while idle < 50 {
                let Some(job) = store.claim(&holder, LEASE, 2).await.expect("done") else {
                    idle += 1;
                    tokio::task::yield_now().await;
                    continue;
                };
                idle = 0;
                let running = JobFilter {
                    state: Some(JobState::Running),
                    ..JobFilter::default()
                };
                let running = store.list(&running, 100).await.expect("done").jobs;
                let removers = running.iter().filter(|job| job.spec.removes()).count();
                assert!(removers <= 1, "{running:?}");
                let finish = Finish::new(Leave::Ended(Outcome::Done));
                let left = store
                    .finish(&job.id, job.lease, &finish)
                    .await
                    .expect("done");
                assert_eq!(left, Some(JobState::Done));
                mine.push((job.id, job.lease));
            }
            mine
        })
    });
    let claiming: Vec<_> = claiming.collect();
    let mut all = Vec::new();
    for claimed in claiming {
        all.extend(claimed.await.expect("no panic"));
    }
    all.sort();
    let expected: Vec<_> = (1..=JOBS).map(|number| (id(number), 1)).collect();
    assert_eq!(all, expected, "each once, by its first lease");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_over_one_file_give_each_job_out_once() {
    let clock = Clock::default();
    let (one, folder) = sqlite(&clock).await;
    let other = SqlStore::open_sqlite(folder.path().join("jobs.db")).await;
    let at = clock.clone();
    race(
        one,
        other.expect("opened").with_clock(move || at.now()),
        &clock,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_over_one_postgres_give_each_job_out_once() {
    let Some(postgres) = postgres() else { return };
    let clock = Clock::default();
    let (one, other) = tokio::join!(connected(&postgres, &clock), connected(&postgres, &clock));
    race(one, other, &clock).await;
}
