//! Where a bench is run: a private server, or a corner of another one; its keys, and how they go. Owns them: what is
//! written here is gone when it is cleared. Must not remove a key that it did not name itself.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keypace::{ConnectOptions, Keyspace, Target};
use keypace_lab::floor::{Floor, Numbered};
use keypace_lab::{
    Endpoint, LabError, OwnedServer, Probe, Program, Raw, ServerOptions, Visit, Waits, seed,
};

use super::Trouble;
use super::guest;
use super::lane::Lane;
use super::owned::Owned;
use crate::cmd::Run;
use crate::cmd::lab::from_lab;
use crate::exit::{Exit, Halt, Phase};

/// As in a session store: small values, and names with a number.
const VALUE_BYTES: usize = 100;
/// Keys written between two looks at whether to stop.
const SEED_SLICE_KEYS: u64 = 20_000;
/// Names in one DEL when the keys are taken away.
const CLEAR_BATCH_KEYS: u64 = 100;
/// How long the other client is alone at first.
const IDLE: Duration = Duration::from_secs(1);
/// The matching keys.
const MATCHING: &str = "session:";
/// The others.
const OTHERS: &str = "other:";

/// A server, and keys on it.
pub(super) struct Ground {
    /// The library's way there.
    pub(super) keyspace: Keyspace,
    /// The way there of everybody else.
    pub(super) visit: Visit,
    /// Where blocking work is done.
    pub(super) lane: Lane,
    server: Option<OwnedServer>,
    prefix: String,
    /// The names of sessions with owners.
    pub(super) owned: Owned,
    /// Such sessions that are there now.
    sessions: u64,
    /// The most of them that were ever begun to be written.
    sessions_written: u64,
    /// Matching keys from 0 on that are there now.
    present: u64,
    /// Other keys.
    others: u64,
    /// The most of either that were ever begun to be written.
    written: u64,
}

impl Ground {
    /// A private server, empty.
    pub(super) async fn own(run: &mut Run) -> Result<Self, Halt> {
        // Dropped early, the thread still ends, and the server is dropped with its result.
        let starting = tokio::task::spawn_blocking(|| {
            OwnedServer::start(&Program::find()?, ServerOptions::default())
        });
        let server = run
            .interrupt
            .or(starting)
            .await?
            .map_err(|error| {
                Halt::new(Exit::Incomplete, "start the private server").with_cause(&error)
            })?
            .map_err(|error| from_lab(&error, Exit::Connection))?;
        let visit = Visit::from(server.endpoint());
        let mut ground = Self::at(run, visit, String::new()).await?;
        ground.server = Some(server);
        Ok(ground)
    }

    /// A corner of a server that is somebody's.
    pub(super) async fn foreign(run: &mut Run, visit: Visit) -> Result<Self, Halt> {
        Self::at(run, visit, guest::prefix()).await
    }

    /// How the keys can be told from others, should nobody be left to take them away.
    pub(super) fn announcement(&self) -> String {
        format!(
            "keys of this bench on {} are named {prefix}*; should it be killed, remove them with\n  \
             keypace delete '{prefix}*' 'kp:{prefix}*'",
            self.visit,
            prefix = self.prefix
        )
    }

    async fn at(run: &mut Run, visit: Visit, prefix: String) -> Result<Self, Halt> {
        let refused = |error: keypace::Error| Halt::library(&error, Phase::Connecting);
        let target = target(&visit).map_err(refused)?;
        let connecting = Keyspace::connect(target, ConnectOptions::default());
        let keyspace = run.interrupt.or(connecting).await?.map_err(refused)?;
        let owned = Owned::below(&prefix).map_err(refused)?;
        Ok(Self {
            keyspace,
            visit,
            lane: Lane::default(),
            server: None,
            prefix,
            owned,
            sessions: 0,
            sessions_written: 0,
            present: 0,
            others: 0,
            written: 0,
        })
    }

    /// Whether the server was started for this.
    pub(super) fn is_own(&self) -> bool {
        self.server.is_some()
    }

    /// The pattern of the matching keys.
    pub(super) fn pattern(&self) -> String {
        format!("{}{MATCHING}*", self.prefix)
    }

    /// What the names of the matching keys begin with.
    pub(super) fn names(&self) -> Vec<u8> {
        format!("{}{MATCHING}", self.prefix).into_bytes()
    }

    /// Makes as many matching keys be there, and as many others; then touches each, so that a table which grew has
    /// settled: a walk of one that is still growing is another walk each time.
    pub(super) async fn fill(&mut self, keys: u64) -> Result<(), Trouble> {
        if self.present >= keys && self.others >= keys {
            return Ok(());
        }
        self.clear_sessions().await?;
        self.written = self.written.max(keys);
        let visit = self.visit.clone();
        let matching = self.names();
        let others = format!("{}{OTHERS}", self.prefix).into_bytes();
        let (first_matching, first_other) = (self.present, self.others);
        self.lane
            .run(move |stop| {
                let mut raw = Raw::visit(&visit)?;
                write(&mut raw, stop, &matching, first_matching..keys)?;
                write(&mut raw, stop, &others, first_other..keys)?;
                for names in [&matching, &others] {
                    Floor::connect_until(&visit, Arc::clone(stop))?
                        .mget_chunks(&Numbered::new(names, 0..keys))?;
                }
                Ok(())
            })
            .await?;
        self.present = keys;
        self.others = self.others.max(keys);
        Ok(())
    }

    /// Makes as many sessions with owners be there, as the application keeps them and as records, and no other keys of
    /// ours: each kind walks over the other as over keys that do not match.
    pub(super) async fn fill_sessions(&mut self, sessions: u64) -> Result<(), Trouble> {
        if self.sessions == sessions {
            return Ok(());
        }
        self.clear_sessions().await?;
        let (visit, owned) = (self.visit.clone(), self.owned.clone());
        let (prefix, present) = (self.prefix.clone(), self.present.max(self.others));
        self.sessions_written = self.sessions_written.max(sessions);
        (self.present, self.others) = (0, 0);
        self.lane
            .run(move |stop| {
                remove(&visit, &prefix, present)?;
                owned.write(&visit, stop, sessions)
            })
            .await?;
        self.sessions = sessions;
        Ok(())
    }

    async fn clear_sessions(&mut self) -> Result<(), Trouble> {
        let (visit, owned) = (self.visit.clone(), self.owned.clone());
        let sessions = std::mem::take(&mut self.sessions);
        self.lane.run(move |_| owned.remove(&visit, sessions)).await
    }

    /// The matching keys are gone, or some of them may be.
    pub(super) fn deleted(&mut self) {
        self.present = 0;
    }

    /// How many keys the whole database holds.
    pub(super) async fn total(&self) -> Result<u64, Trouble> {
        self.keyspace
            .dbsize()
            .await
            .map_err(|error| Trouble::Halted(Halt::library(&error, Phase::Walking)))
    }

    /// What the other client waits while nothing else is done.
    pub(super) async fn idle(&self, interval: Duration) -> Result<Waits, Trouble> {
        let probe = self.probe(interval).await?;
        tokio::time::sleep(IDLE).await;
        self.lane.run(move |_| probe.stop()).await
    }

    async fn probe(&self, interval: Duration) -> Result<Probe, Trouble> {
        let visit = self.visit.clone();
        self.lane
            .run(move |_| {
                let probe = Probe::start_visiting(&visit, interval)?;
                probe.warm_up();
                Ok(probe)
            })
            .await
    }

    /// Takes everything away: the private server, or the keys on another one.
    pub(super) async fn clear(self) -> Result<(), Halt> {
        let Self {
            keyspace,
            visit,
            lane,
            server,
            prefix,
            owned,
            sessions_written,
            written,
            ..
        } = self;
        drop(keyspace);
        match server {
            Some(server) => {
                // Loops that still run fail at once when their server is gone, and nobody asks them.
                tokio::task::spawn_blocking(move || server.stop())
                    .await
                    .map_err(|error| {
                        Halt::new(Exit::Incomplete, "stop the private server").with_cause(&error)
                    })?
                    .map_err(|error| from_lab(&error, Exit::Incomplete))
            }
            None => {
                let hint = format!(
                    "keys of this bench are left: keypace delete '{prefix}*' 'kp:{prefix}*'"
                );
                let clearing = move || {
                    remove(&visit, &prefix, written)?;
                    owned.remove(&visit, sessions_written)
                };
                let cleared = lane.close(clearing).await;
                cleared.map_err(|halt| halt.with_hint(hint))
            }
        }
    }
}

/// The library's words for the same place.
pub(super) fn target(visit: &Visit) -> keypace::Result<Target> {
    let url = match visit.endpoint() {
        Endpoint::Unix(path) => format!("unix://{}", escaped(&path.to_string_lossy())),
        Endpoint::Tcp(address) => format!("redis://{address}"),
    };
    let mut target = Target::parse(&url)?.with_database(visit.database());
    if let Some(user) = visit.user() {
        target = target.with_user(user);
    }
    if let Some(password) = visit.password() {
        target = target.with_password(password);
    }
    Ok(target)
}

/// A path as a URL has it: what would end it or begin something else is written as `%3F`.
fn escaped(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '%' | '?' | '#' | ' ' => url.push_str(&format!("%{:02X}", u32::from(c))),
            _ => url.push(c),
        }
    }
    url
}

/// Writes keys in slices, with a look between them at whether to stop.
fn write(
    raw: &mut Raw,
    stop: &AtomicBool,
    names: &[u8],
    numbers: Range<u64>,
) -> Result<(), LabError> {
    let mut first = numbers.start;
    while first < numbers.end && !stop.load(Ordering::Acquire) {
        let past = numbers.end.min(first.saturating_add(SEED_SLICE_KEYS));
        seed::strings(raw, names, first..past, VALUE_BYTES)?;
        first = past;
    }
    Ok(())
}

/// Removes by name what may have been written. DEL, which every server has, and which is as good for small strings.
fn remove(visit: &Visit, prefix: &str, written: u64) -> Result<(), LabError> {
    if written == 0 {
        return Ok(());
    }
    for part in [MATCHING, OTHERS] {
        let names = format!("{prefix}{part}").into_bytes();
        Floor::connect(visit)?.del_named(&Numbered::new(&names, 0..written), CLEAR_BATCH_KEYS)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::target;
    use keypace_lab::Visit;

    #[test]
    fn both_ways_lead_to_the_same_place() {
        for (url, shown, database) in [
            ("unix:///tmp/a%20b%3Fc/s?db=2", "/tmp/a b?c/s", 2),
            ("redis://amy:pw@127.0.0.1:7000/3", "127.0.0.1:7000", 3),
            ("redis://[::1]:7000", "[::1]:7000", 0),
        ] {
            let visit = Visit::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            let target = target(&visit).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!(target.to_string(), shown);
            assert_eq!(target.database(), database);
        }
    }
}
