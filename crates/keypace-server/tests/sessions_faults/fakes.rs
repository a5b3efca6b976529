//! A database and a store in memory that answer, refuse or hang as a test says, and note what they were asked.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use keypace::{Owner, RecordId, Tag};
use keypace_server::sessions::{
    Answer, CacheStore, Entry, Kept, Listed, PageRequest, Repository, Session, SessionChange,
    SessionError, SessionPage, Versioned, Window,
};
use tokio::time::sleep;

/// How one of the two behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    #[default]
    Answers,
    Refuses,
    Hangs,
    /// Does what it is told, and says nothing.
    KeepsQuiet,
    /// Answers after so long.
    Slow(Duration),
}

fn refusal() -> SessionError {
    SessionError::unavailable(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
}

/// Behaves like that around one piece of work.
async fn behave<T>(mood: Mood, work: impl FnOnce() -> T) -> Result<T, SessionError> {
    match mood {
        Mood::Answers => Ok(work()),
        Mood::Refuses => Err(refusal()),
        Mood::Hangs => pending().await,
        Mood::KeepsQuiet => {
            work();
            pending().await
        }
        Mood::Slow(pause) => {
            sleep(pause).await;
            Ok(work())
        }
    }
}

#[derive(Default)]
pub(crate) struct SqlState {
    pub(crate) mood: Mood,
    /// Of `next_epoch` alone, where it differs.
    pub(crate) epoch_mood: Option<Mood>,
    pub(crate) epoch: i64,
    pub(crate) asked: Vec<&'static str>,
    rows: HashMap<(Tag, RecordId), Versioned>,
}

#[derive(Default)]
pub(crate) struct FakeSql(Mutex<SqlState>);

impl FakeSql {
    pub(crate) fn state(&self) -> MutexGuard<'_, SqlState> {
        self.0.lock().expect("no panic")
    }

    fn asked<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        work: impl FnOnce(&mut SqlState) -> T + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let mood = {
                let mut state = self.state();
                state.asked.push(name);
                let own = state.epoch_mood.filter(|_| name == "next_epoch");
                own.unwrap_or(state.mood)
            };
            behave(mood, || work(&mut self.state())).await
        })
    }
}

impl Repository for FakeSql {
    fn insert<'a>(
        &'a self,
        owner: &'a Tag,
        session: &'a Session,
        version: i64,
    ) -> Answer<'a, bool> {
        self.asked("insert", move |sql| {
            let key = (*owner, session.id.clone());
            let session = session.clone();
            let is_free = !sql.rows.contains_key(&key);
            if is_free {
                sql.rows.insert(key, Versioned { session, version });
            }
            is_free
        })
    }

    fn get<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<Versioned>> {
        self.asked("get", move |sql| {
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
        self.asked("update", move |sql| {
            let row = sql.rows.get_mut(&(*owner, id.clone()))?;
            row.version = now_us.max(row.version + 1);
            row.session.total_turns = change.total_turns.unwrap_or(row.session.total_turns);
            Some(row.clone())
        })
    }

    fn delete<'a>(&'a self, owner: &'a Tag, id: &'a RecordId) -> Answer<'a, Option<i64>> {
        self.asked("delete", move |sql| {
            let gone = sql.rows.remove(&(*owner, id.clone()));
            gone.map(|row| row.version)
        })
    }

    fn list<'a>(&'a self, owner: &'a Tag, _: &'a Window, _: u32) -> Answer<'a, Listed> {
        self.asked("list", move |sql| {
            let own = sql.rows.iter().filter(|((tag, _), _)| tag == owner);
            let sessions: Vec<Session> = own.map(|(_, row)| row.session.clone()).collect();
            Listed {
                total: sessions.len() as u64,
                sessions,
                skipped: 0,
                next: None,
            }
        })
    }

    fn keep_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Answer<'a, String> {
        self.asked("keep_fingerprint", move |_| fingerprint.to_owned())
    }

    fn epoch(&self) -> Answer<'_, i64> {
        self.asked("epoch", |sql| sql.epoch)
    }

    fn next_epoch(&self) -> Answer<'_, i64> {
        self.asked("next_epoch", |sql| {
            sql.epoch += 1;
            sql.epoch
        })
    }
}

#[derive(Default)]
pub(crate) struct StoreState {
    /// Of reads and of writes.
    pub(crate) read_mood: Mood,
    pub(crate) write_mood: Mood,
    pub(crate) asked: Vec<&'static str>,
    entries: HashMap<(Owner, RecordId), Entry>,
}

#[derive(Default)]
pub(crate) struct FakeStore(Mutex<StoreState>);

impl FakeStore {
    pub(crate) fn state(&self) -> MutexGuard<'_, StoreState> {
        self.0.lock().expect("no panic")
    }

    fn asked(&self, name: &'static str) -> (Mood, Mood) {
        let mut state = self.state();
        state.asked.push(name);
        (state.read_mood, state.write_mood)
    }
}

impl CacheStore for FakeStore {
    fn open(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn now_ms<'a>(&'a self, _: &'a Owner) -> Answer<'a, i64> {
        Box::pin(async move { behave(self.asked("now").0, || 0).await })
    }

    fn read<'a>(&'a self, owner: &'a Owner, id: &'a RecordId) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let key = (owner.clone(), id.clone());
            let body = || {
                let state = self.state();
                state.entries.get(&key).map(|entry| entry.body.clone())
            };
            behave(self.asked("read").0, body).await
        })
    }

    fn import<'a>(&'a self, owner: &'a Owner, entry: &'a Entry) -> Answer<'a, Kept> {
        Box::pin(async move {
            let key = (owner.clone(), entry.id.clone());
            let keep = || {
                let mut state = self.state();
                let there = state.entries.get(&key).map_or(0, |there| there.version);
                if entry.version < there {
                    return Kept::NewerThere;
                }
                state.entries.insert(key.clone(), entry.clone());
                Kept::AsGiven
            };
            behave(self.asked("import").1, keep).await
        })
    }

    fn bury<'a>(&'a self, owner: &'a Owner, id: &'a RecordId, _: i64) -> Answer<'a, Kept> {
        Box::pin(async move {
            let key = (owner.clone(), id.clone());
            let bury = || {
                self.state().entries.remove(&key);
                Kept::AsGiven
            };
            behave(self.asked("bury").1, bury).await
        })
    }

    fn list<'a>(&'a self, _: &'a Owner, _: &'a PageRequest) -> Answer<'a, SessionPage> {
        Box::pin(async { Err(refusal()) })
    }
}

/// The two of them.
#[derive(Clone, Default)]
pub(crate) struct Fakes {
    pub(crate) sql: Arc<FakeSql>,
    pub(crate) store: Arc<FakeStore>,
}
