//! A database and a store in memory. Each question is two steps, its arrival and its answer, and others may come between.
//! What is given up before it arrived may still arrive, however much later.

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use keypace::{Owner, RecordId, Tag};
use keypace_server::sessions::{
    Answer, CacheStore, Entry, Kept, Listed, PageRequest, Repository, Session, SessionChange,
    SessionError, SessionPage, Versioned, Window,
};
use tokio::time::Instant;

/// How long the store remembers what was deleted, as the real one does.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    NoTombstones,
    NoEpochs,
    /// The store keeps what comes too late.
    NoDeadlines,
}

pub(crate) struct World {
    fault: Fault,
    pub(crate) is_cache_down: AtomicBool,
    /// The number of the client that is polled.
    pub(crate) working: AtomicUsize,
    /// How many questions have arrived.
    pub(crate) arrived: AtomicUsize,
    sql: Mutex<Sql>,
    store: Mutex<Store>,
    late: Mutex<Vec<Write>>,
    began: Instant,
}

#[derive(Default)]
struct Sql {
    rows: HashMap<(Tag, RecordId), Versioned>,
    /// The models of sessions that are gone: each session of the test has a model of its own.
    gone: BTreeMap<RecordId, Vec<String>>,
    /// What a client has removed last, by its number.
    removed: BTreeMap<usize, String>,
    /// By model: the turns that were written, in order.
    writes: BTreeMap<String, Vec<u64>>,
    epoch: i64,
}

#[derive(Default)]
struct Store {
    entries: HashMap<(Owner, RecordId), Entry>,
    tombstones: HashMap<(Owner, RecordId), (i64, Instant)>,
}

#[derive(Clone)]
enum Write {
    Import(Owner, Entry),
    Bury(Owner, RecordId, i64),
}

impl World {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            is_cache_down: AtomicBool::new(false),
            working: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            sql: Mutex::default(),
            store: Mutex::default(),
            late: Mutex::default(),
            began: Instant::now(),
        }
    }

    /// The store's own clock.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).expect("soon over")
    }

    /// The models of all sessions of this id that SQL has no more.
    pub(crate) fn gone(&self, id: &RecordId) -> Vec<String> {
        let sql = self.sql.lock().expect("no panic");
        sql.gone.get(id).cloned().unwrap_or_default()
    }

    /// The model of what this client has removed last.
    pub(crate) fn removed_last_by(&self, client: usize) -> Option<String> {
        let sql = self.sql.lock().expect("no panic");
        sql.removed.get(&client).cloned()
    }

    /// Which of the writes of a session these turns are from: 0 is the one that made it.
    pub(crate) fn rank(&self, model: &str, turns: u64) -> usize {
        let sql = self.sql.lock().expect("no panic");
        let writes = sql.writes.get(model);
        let rank = writes.and_then(|writes| writes.iter().position(|write| *write == turns));
        rank.map_or(0, |rank| rank + 1)
    }

    /// Something that was given up arrives all the same: the one of this number among those on their way.
    pub(crate) fn deliver_late(&self, number: usize) {
        let mut late = self.late.lock().expect("no panic");
        if late.is_empty() {
            return;
        }
        let number = number % late.len();
        let write = late.swap_remove(number);
        drop(late);
        let _ = self.carry_out(write);
    }

    fn carry_out(&self, write: Write) -> Kept {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let mut store = self.store.lock().expect("no panic");
        let buried = |store: &Store, key: &(Owner, RecordId)| {
            let tombstone = store.tombstones.get(key);
            let living = tombstone.filter(|(_, since)| since.elapsed() < TOMBSTONE);
            living.map_or(0, |(version, _)| *version)
        };
        match write {
            Write::Import(owner, entry) => {
                let key = (owner, entry.id.clone());
                let there = store.entries.get(&key);
                let is_older = there.is_some_and(|there| {
                    entry.version < there.version
                        || entry.version == there.version && entry.body == there.body
                });
                let is_buried = entry.version <= buried(&store, &key);
                let is_late = self.now_ms() > entry.not_after_ms;
                match self.fault {
                    Fault::NoDeadlines => {}
                    _ if is_late => return Kept::TooLate,
                    _ => {}
                }
                if is_older || is_buried && self.fault != Fault::NoTombstones {
                    return Kept::NewerThere;
                }
                store.entries.insert(key, entry);
            }
            Write::Bury(owner, id, version) => {
                let key = (owner, id);
                if store
                    .entries
                    .get(&key)
                    .is_some_and(|there| there.version > version)
                {
                    return Kept::NewerThere;
                }
                let version = version.max(buried(&store, &key));
                store.entries.remove(&key);
                store.tombstones.insert(key, (version, Instant::now()));
            }
        }
        Kept::AsGiven
    }

    fn sql<T>(&self, work: impl FnOnce(&mut Sql) -> T) -> T {
        let mut sql = self.sql.lock().expect("no panic");
        work(&mut sql)
    }
}

/// One step: whoever waits for it is polled once more, by the schedule or, where nothing schedules it, by the runtime.
pub(crate) fn step() -> impl Future<Output = ()> + Send {
    let mut is_over = false;
    poll_fn(move |context| {
        if is_over {
            return Poll::Ready(());
        }
        is_over = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A question to SQL: it arrives, is answered at once, and the answer travels.
fn asked<'a, T: Send + 'a>(
    world: &'a World,
    work: impl FnOnce(&mut Sql) -> T + Send + 'a,
) -> Answer<'a, T> {
    Box::pin(async move {
        step().await;
        world.arrived.fetch_add(1, Ordering::Relaxed);
        let answer = world.sql(work);
        step().await;
        Ok(answer)
    })
}

pub(crate) struct FakeSql(pub(crate) Arc<World>);

impl Repository for FakeSql {
    fn insert<'a>(
        &'a self,
        owner: &'a Tag,
        session: &'a Session,
        version: i64,
    ) -> Answer<'a, bool> {
        asked(&self.0, move |sql| {
            let key = (*owner, session.id.clone());
            if sql.rows.contains_key(&key) {
                return false;
            }
            let session = session.clone();
            sql.rows.insert(key, Versioned { session, version });
            true
        })
    }

    fn get<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<Versioned>> {
        asked(&self.0, move |sql| {
            sql.rows.get(&(*owner, id.clone())).cloned()
        })
    }

    fn update<'a>(
        &'a self,
        owner: &'a Tag,
        id: &'a RecordId,
        change: &'a SessionChange,
        now_us: i64,
    ) -> Answer<'a, Option<Versioned>> {
        asked(&self.0, move |sql| {
            let row = sql.rows.get_mut(&(*owner, id.clone()))?;
            row.version = now_us.max(row.version + 1);
            let turns = change.total_turns.unwrap_or(row.session.total_turns);
            row.session.total_turns = turns;
            sql.writes
                .entry(row.session.model.clone())
                .or_default()
                .push(turns);
            Some(row.clone())
        })
    }

    fn delete<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<i64>> {
        let world = &self.0;
        asked(world, move |sql| {
            let row = sql.rows.remove(&(*owner, id.clone()))?;
            let client = world.working.load(Ordering::Relaxed);
            sql.removed.insert(client, row.session.model.clone());
            sql.gone
                .entry(id.clone())
                .or_default()
                .push(row.session.model);
            Some(row.version)
        })
    }

    fn list<'a>(&'a self, _: &'a Tag, _: &'a Window, _: u32) -> Answer<'a, Listed> {
        asked(&self.0, |_| Listed {
            sessions: Vec::new(),
            total: 0,
            skipped: 0,
            next: None,
        })
    }

    fn keep_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Answer<'a, String> {
        Box::pin(async move { Ok(fingerprint.to_owned()) })
    }

    fn epoch(&self) -> Answer<'_, i64> {
        asked(&self.0, |sql| sql.epoch)
    }

    fn next_epoch(&self) -> Answer<'_, i64> {
        let is_broken = self.0.fault == Fault::NoEpochs;
        asked(&self.0, move |sql| {
            sql.epoch += i64::from(!is_broken);
            sql.epoch
        })
    }
}

pub(crate) struct FakeStore(pub(crate) Arc<World>);

/// A write on its way to the store. Dropped before it arrived, it may come late.
struct OnItsWay<'a> {
    world: &'a World,
    write: Option<Write>,
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if let Some(write) = self.write.take() {
            self.world.late.lock().expect("no panic").push(write);
        }
    }
}

impl FakeStore {
    fn refused(&self) -> Result<(), SessionError> {
        let is_down = self.0.is_cache_down.load(Ordering::Relaxed);
        if is_down { Err(gone()) } else { Ok(()) }
    }

    fn written(&self, write: Write) -> Answer<'_, Kept> {
        Box::pin(async move {
            self.refused()?;
            let mut on_its_way = OnItsWay {
                world: &self.0,
                write: Some(write),
            };
            step().await;
            // It does not arrive, or its answer does not: that can't be told apart.
            self.refused()?;
            let arrived = on_its_way.write.take().map(|write| self.0.carry_out(write));
            step().await;
            self.refused()?;
            Ok(arrived.unwrap_or(Kept::NewerThere))
        })
    }
}

impl CacheStore for FakeStore {
    fn open(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn now_ms<'a>(&'a self, _: &'a Owner) -> Answer<'a, i64> {
        Box::pin(async move {
            self.refused()?;
            step().await;
            let now_ms = self.0.now_ms();
            step().await;
            self.refused()?;
            Ok(now_ms)
        })
    }

    fn read<'a>(&'a self, owner: &'a Owner, id: &'a RecordId) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            self.refused()?;
            step().await;
            let key = (owner.clone(), id.clone());
            let body = self
                .0
                .store
                .lock()
                .expect("no panic")
                .entries
                .get(&key)
                .map(|entry| entry.body.clone());
            step().await;
            self.refused()?;
            Ok(body)
        })
    }

    fn import<'a>(&'a self, owner: &'a Owner, entry: &'a Entry) -> Answer<'a, Kept> {
        self.written(Write::Import(owner.clone(), entry.clone()))
    }

    fn bury<'a>(&'a self, owner: &'a Owner, id: &'a RecordId, version: i64) -> Answer<'a, Kept> {
        self.written(Write::Bury(owner.clone(), id.clone(), version))
    }

    fn list<'a>(&'a self, _: &'a Owner, _: &'a PageRequest) -> Answer<'a, SessionPage> {
        Box::pin(async { Err(gone()) })
    }
}

/// What the service makes of a connection that was lost.
fn gone() -> SessionError {
    SessionError::unavailable(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
}
