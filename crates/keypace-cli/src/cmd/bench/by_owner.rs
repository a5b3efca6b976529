//! The ways of listing one owner's sessions: walks that read every session of everybody, a set of ids, and the owner
//! index. Runs them; what a wrong result means is `session`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use keypace::{ConnectOptions, Cursor, Keyspace, Owner, PageRequest, Purpose, Records};
use keypace_lab::{LabError, Meter, Probe, Raw, Traffic, Value, Visit};
use serde::Deserialize;

use super::Trouble;
use super::ground::{Ground, target};
use super::lane::stopped;
use super::owned::{Owned, PAGE_SESSIONS};
use super::ways::{Done, Task};
use crate::exit::{Halt, Phase};
use crate::render::bench::Way;

/// COUNT of the walks, and so the names of one MGET at most, nearly.
const WALK_COUNT: &[u8] = b"1000";
/// Whose sessions are listed.
const OWNER: u64 = 0;
/// A list by owner takes a millisecond or less: one says nothing about what others wait.
pub(super) const REPEATS: u32 = 100;
/// What one page can hold: an owner's list is one page as a rule.
const WHOLE_LIST: u64 = 1000;
/// Commands that a list by the index sends. Those within its script are counted by the server too, and are no round trips.
const SENT: [&str; 3] = ["evalsha", "eval", "mget"];

/// A session as it is read.
#[derive(Debug, Deserialize)]
struct Session {
    owner_api_key: String,
}

/// Runs one.
pub(super) async fn run(ground: &Ground, task: Task) -> Result<Done, Trouble> {
    match task.way {
        Way::IndexPage => by_index(ground, task, PAGE_SESSIONS).await,
        Way::IndexList => by_index(ground, task, WHOLE_LIST).await,
        _ => by_hand(ground, task).await,
    }
}

/// A loop over a raw socket.
async fn by_hand(ground: &Ground, task: Task) -> Result<Done, Trouble> {
    let (visit, owned) = (ground.visit.clone(), ground.owned.clone());
    let done = ground
        .lane
        .run(move |stop| {
            let mut hand = Hand {
                raw: Raw::visit(&visit)?,
                owned: &owned,
                stop,
                mark: Owned::mark(OWNER).into_bytes(),
                found: 0,
            };
            let probe = Probe::start_visiting(&visit, task.interval)?;
            probe.warm_up();
            let before = hand.raw.traffic();
            let repeats = repeats(task.way);
            let begun = Instant::now();
            for _ in 0..repeats {
                hand.found = 0;
                hand.list(task.way)?;
            }
            let wall = begun.elapsed() / repeats;
            let probed = probe.finish()?;
            Ok((!stop.load(Ordering::Acquire)).then(|| Done {
                found: hand.found,
                wall,
                traffic: of_one(hand.raw.traffic() - before, repeats),
                probed,
            }))
        })
        .await?;
    done.ok_or_else(|| Trouble::Halted(stopped()))
}

/// How often a way is run for one measurement.
fn repeats(way: Way) -> u32 {
    match way {
        Way::SmembersGet | Way::IndexPage | Way::IndexList => REPEATS,
        _ => 1,
    }
}

fn of_one(all: Traffic, repeats: u32) -> Traffic {
    let repeats = u64::from(repeats);
    let mut one = all;
    one.commands /= repeats;
    one.sent /= repeats;
    one.received /= repeats;
    one
}

/// A connection, and what it has found.
struct Hand<'a> {
    raw: Raw,
    owned: &'a Owned,
    stop: &'a Arc<AtomicBool>,
    mark: Vec<u8>,
    found: u64,
}

impl Hand<'_> {
    fn list(&mut self, way: Way) -> Result<(), LabError> {
        match way {
            Way::KeysGet => {
                let pattern = self.owned.pattern();
                let names = self.ask(&[b"KEYS", pattern.as_bytes()])?;
                self.get_each(strings(&names))
            }
            Way::ScanMget => self.walk(Self::mget),
            Way::SmembersGet => {
                let set = self.owned.set(OWNER);
                let ids = self.ask(&[b"SMEMBERS", set.as_bytes()])?;
                let names: Vec<_> = strings(&ids).map(|id| self.owned.session(id)).collect();
                self.get_each(names.iter().map(Vec::as_slice))
            }
            _ => self.walk(|hand, names| hand.get_each(names.iter().copied())),
        }
    }

    fn walk(
        &mut self,
        read: impl Fn(&mut Self, &[&[u8]]) -> Result<(), LabError>,
    ) -> Result<(), LabError> {
        let pattern = self.owned.pattern();
        let mut cursor = b"0".to_vec();
        loop {
            let words: [&[u8]; 6] = [
                b"SCAN",
                &cursor,
                b"MATCH",
                pattern.as_bytes(),
                b"COUNT",
                WALK_COUNT,
            ];
            let page = self.ask(&words)?;
            let [next, names] = page.items().unwrap_or_default() else {
                return Ok(());
            };
            let names: Vec<&[u8]> = strings(names).collect();
            if !names.is_empty() {
                read(self, &names)?;
            }
            cursor = next.bytes().unwrap_or(b"0").to_vec();
            if cursor == b"0" || self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
        }
    }

    fn get_each<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>) -> Result<(), LabError> {
        for name in names {
            if self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            let value = self.ask(&[b"GET", name])?;
            self.look_at(value.bytes());
        }
        Ok(())
    }

    fn mget(&mut self, names: &[&[u8]]) -> Result<(), LabError> {
        let words: Vec<&[u8]> = std::iter::once(b"MGET".as_slice())
            .chain(names.iter().copied())
            .collect();
        let values = self.ask(&words)?;
        for value in values.items().unwrap_or_default() {
            self.look_at(value.bytes());
        }
        Ok(())
    }

    /// Counts a session of the owner's.
    fn look_at(&mut self, value: Option<&[u8]>) {
        let mut places = value.unwrap_or_default().windows(self.mark.len());
        self.found += u64::from(places.any(|part| part == self.mark));
    }

    fn ask(&mut self, words: &[&[u8]]) -> Result<Value, LabError> {
        self.raw.command(words)?.checked()
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &[u8]> {
    let items = value.items().unwrap_or_default();
    items.iter().filter_map(Value::bytes)
}

/// The library, as an application uses it: connected, and with its scripts known to the server.
async fn by_index(ground: &Ground, task: Task, size: u64) -> Result<Done, Trouble> {
    let records = open(ground).await.map_err(failed)?;
    let owner = Owner::new(Owned::owner(OWNER)).map_err(failed)?;
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let is_page = task.way == Way::IndexPage;
    list(&records, &owner, size, is_page)
        .await
        .map_err(failed)?;
    let visit = ground.visit.clone();
    let (sent, meter, probe) = ground
        .lane
        .run(move |_| {
            let sent = sent(&visit)?;
            let meter = Meter::start(&visit)?;
            let probe = Probe::start_visiting(&visit, task.interval)?;
            probe.warm_up();
            Ok((sent, meter, probe))
        })
        .await?;
    let begun = Instant::now();
    let mut found = u64::MAX;
    for _ in 0..REPEATS {
        let listed = list(&records, &owner, size, is_page).await;
        // One list that is short must not be lost among others.
        found = found.min(listed.map_err(failed)?);
    }
    let wall = begun.elapsed() / REPEATS;
    let visit = ground.visit.clone();
    let (probed, mut traffic) = ground
        .lane
        .run(move |_| {
            let probed = probe.finish()?;
            let mut traffic = meter.finish()? - probed.traffic;
            traffic.commands = self::sent(&visit)?.saturating_sub(sent);
            Ok((probed, traffic))
        })
        .await?;
    traffic = of_one(traffic, REPEATS);
    Ok(Done {
        found,
        wall,
        traffic,
        probed,
    })
}

async fn open(ground: &Ground) -> keypace::Result<Records<Session>> {
    let options = ConnectOptions::default().with_purpose(Purpose::Application);
    let keyspace = Keyspace::connect(target(&ground.visit)?, options).await?;
    let owned = &ground.owned;
    Records::open(&keyspace, owned.namespace.clone(), owned.keys.clone()).await
}

/// A page or all; how many of what came are the owner's.
async fn list(
    records: &Records<Session>,
    owner: &Owner,
    size: u32,
    is_page: bool,
) -> keypace::Result<u64> {
    let name = Owned::owner(OWNER);
    let mut found = 0;
    let mut next: Option<Cursor> = None;
    loop {
        let request = match next {
            None => PageRequest::first(size)?,
            Some(cursor) => PageRequest::after(cursor, size)?,
        };
        let page = records.list(owner, &request).await?;
        let is_theirs = page
            .records
            .iter()
            .filter(|record| record.value.owner_api_key == name);
        found += is_theirs.count() as u64;
        next = page.next;
        if is_page || next.is_none() {
            return Ok(found);
        }
    }
}

fn failed(error: keypace::Error) -> Trouble {
    Trouble::Halted(Halt::library(&error, Phase::Walking))
}

/// How many of the commands of a list by the index the server has run so far.
fn sent(visit: &Visit) -> Result<u64, LabError> {
    let stats = Raw::visit(visit)?.info("commandstats")?;
    let calls = |name: &&str| {
        let line = stats.get(&format!("cmdstat_{name}"))?;
        let calls = line.strip_prefix("calls=")?.split(',').next()?;
        calls.parse::<u64>().ok()
    };
    Ok(SENT.iter().filter_map(calls).sum())
}
