//! Records and their index stay in step whatever happens to writers and servers: eight processes write the same records
//! and are killed again and again, and a primary dies under them. `KEYPACE_CHAOS_SECONDS` sets how long.
#![cfg(unix)]

mod common;
#[path = "records_chaos/witness.rs"]
mod witness;
#[path = "records_chaos/writer.rs"]
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use keypace::{
    ConnectOptions, DriftCounts, IndexOptions, IndexVerify, Keyspace, OwnerKeys, PageRequest,
    PutOptions, RecordId, Records,
};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, slot_of, wait_until};
use serde_json::Value;

use common::{Random, run};
use witness::{Found, look};
use writer::{NAMESPACE, OWNERS, namespace, owner, target, value};

const WRITERS: u64 = 8;
/// As the promise says it.
const LONG: Duration = Duration::from_secs(60);
/// Enough for a failover and some dozens of killed writers.
const SHORT: Duration = Duration::from_secs(15);
/// Several times what records live at the most, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writers that are killed whenever the seed says so, and started again at once.
struct Crowd<'a> {
    urls: Vec<String>,
    keys: &'a Path,
    folder: &'a Path,
    writers: Vec<Child>,
    started: u64,
    killed: u64,
}

impl<'a> Crowd<'a> {
    fn start(urls: Vec<String>, keys: &'a Path, folder: &'a Path, random: &mut Random) -> Self {
        let mut crowd = Self {
            urls,
            keys,
            folder,
            writers: Vec::new(),
            started: 0,
            killed: 0,
        };
        for _ in 0..WRITERS {
            let writer = crowd.one_more(random);
            crowd.writers.push(writer);
        }
        crowd
    }

    fn one_more(&mut self, random: &mut Random) -> Child {
        let notes = self.folder.join(format!("notes-{}", self.started));
        self.started += 1;
        writer::start(&self.urls, self.keys, &notes, random.next())
    }

    fn replace_one(&mut self, random: &mut Random) {
        let at = usize::try_from(random.below(WRITERS)).expect("small");
        let writer = self.one_more(random);
        end(&mut std::mem::replace(&mut self.writers[at], writer));
        self.killed += 1;
    }

    /// What all of them did together, by letter.
    fn notes(&self) -> BTreeMap<char, u64> {
        let mut counts = BTreeMap::new();
        for number in 0..self.started {
            let notes: PathBuf = self.folder.join(format!("notes-{number}"));
            // One that was killed before it began has none.
            for byte in std::fs::read(notes).unwrap_or_default() {
                *counts.entry(char::from(byte)).or_default() += 1;
            }
        }
        counts
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        self.writers.iter_mut().for_each(end);
    }
}

/// SIGKILL, and the end of the process.
fn end(writer: &mut Child) {
    let _ = writer.kill();
    let _ = writer.wait();
}

/// The process that the tests below start, kill and start again. On its own it has no part to play.
#[tokio::test]
async fn a_writer_writes_until_it_is_killed() {
    if let Some(part) = writer::part() {
        writer::play(&part).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_are_killed_and_a_failover_leave_the_index_in_step() {
    let seconds = std::env::var("KEYPACE_CHAOS_SECONDS").ok();
    let asked = seconds.and_then(|text| text.parse().ok());
    let time = asked.map_or(LONG, Duration::from_secs);
    chaos(&Program::find().expect("a program"), time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_are_killed_leave_the_index_in_step_on_every_server() {
    for program in Program::all().iter().skip(1) {
        chaos(program, SHORT).await;
    }
}

/// The witness is not blind: one of each kind is planted.
#[tokio::test(flavor = "multi_thread")]
async fn the_witness_sees_each_kind_of_drift() {
    let program = Program::find().expect("a program");
    let options = ClusterOptions::default().with_replicas(0);
    let cluster = OwnedCluster::start(&program, options).expect("a cluster");
    let keys = OwnerKeys::generate_in_memory().expect("made");
    let records = open(&cluster, &keys).await;
    let forever = PutOptions::default();
    for (number, body) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 9), (5, 5)] {
        for name in ["a", "b"] {
            let (owner, id) = (owner(number), RecordId::new(name).expect("allowed"));
            let put = records.put(&owner, &id, &value(body, 0), &forever).await;
            put.expect("put");
        }
    }
    let say = |number, part: &str, words: &[&str]| {
        let key = format!("kp:{NAMESPACE}:{{{}}}:{part}", keys.tag(&owner(number)));
        let slot = usize::from(slot_of(key.as_bytes()));
        let node = cluster.owners().expect("known")[slot].expect("served");
        let mut line = vec![words[0].as_bytes(), key.as_bytes()];
        line.extend(words[1..].iter().map(|word| word.as_bytes()));
        run(&mut cluster.raw(node).expect("connected"), &[&line]);
    };
    say(0, "c", &["ZREM", "a"]);
    say(1, "r:a", &["DEL"]);
    say(2, "e", &["ZADD", "99999999999999", "a"]);
    say(3, "e", &["ZADD", "1", "gone"]);
    say(5, "c", &["PEXPIRE", "100000"]);
    let wanted = Found {
        owners: 6,
        records: 11,
        passing: 0,
        members: 13,
        missing: 1,
        wrong_owner: 2,
        wrong_score: 1,
        stale: 1,
        expired: 1,
        wrong_end: 1,
    };
    assert_eq!(look(&cluster, NAMESPACE, &keys), wanted);
    let drift = verified(&cluster, &keys).await;
    let kinds = [
        drift.missing,
        drift.stale,
        drift.wrong_score,
        drift.wrong_owner,
    ];
    assert_eq!(kinds, [1, 1, 1, 2], "{drift:?}");
}

async fn chaos(program: &Program, time: Duration) {
    let mut random = Random::seeded();
    let mut cluster = OwnedCluster::start(program, ClusterOptions::default()).expect("a cluster");
    let folder = tempfile::tempdir().expect("a folder");
    let keys_file = folder.path().join("keys.json");
    let keys = OwnerKeys::create(&keys_file).expect("made");
    let records = open(&cluster, &keys).await;

    let urls = cluster.urls();
    let mut crowd = Crowd::start(urls, &keys_file, folder.path(), &mut random);
    let lost = usize::try_from(random.below(3)).expect("small");
    let begun = Instant::now();
    let mut is_lost = false;
    let mut is_back = false;
    // The time is the load's own: nothing is waited for by it.
    while begun.elapsed() < time {
        std::thread::sleep(Duration::from_millis(50 + random.below(400)));
        crowd.replace_one(&mut random);
        if !is_lost && begun.elapsed() > time / 4 {
            cluster.kill(lost).expect("killed");
            is_lost = true;
        } else if is_lost && !is_back && begun.elapsed() > time * 2 / 4 {
            cluster.wait_for_promotion(lost).expect("promoted");
            cluster.restart(lost).expect("started");
            is_back = true;
        }
    }
    crowd.writers.iter_mut().for_each(end);
    crowd.killed += WRITERS;
    cluster.wait_until_settled().expect("settled");

    let notes = crowd.notes();
    let acknowledged: u64 = notes
        .iter()
        .filter(|(name, _)| **name != '!')
        .map(|(_, n)| n)
        .sum();
    let after = look(&cluster, NAMESPACE, &keys);
    println!(
        "{} for {time:?}: {} writers killed, node {lost} failed over, {acknowledged} changes \
         acknowledged ({notes:?})\n  found {after:?}",
        program.label(),
        crowd.killed,
    );
    assert!(acknowledged > 1_000, "{notes:?}");
    for letter in ['p', 'P', 't', 'd', 'u', 'l'] {
        assert!(
            notes.contains_key(&letter),
            "{letter} was never done: {notes:?}"
        );
    }
    assert!(after.records > 0, "{after:?}");
    // A script is one step for the replica too, so even a failover tears nothing apart.
    expect_in_step(&after);
    drop(crowd);
    // And the library's own look says the same.
    let drift = verified(&cluster, &keys).await;
    assert_eq!(drift.total(), 0, "{drift:?}");

    // What has a TTL goes by itself, and nobody has looked at the index yet.
    let found = || look(&cluster, NAMESPACE, &keys);
    wait_until("see records expire", PATIENCE, || match found().passing {
        0 => Ok(()),
        left => Err(format!("{left} of them have time left").into()),
    })
    .expect("expired");
    // The layout may have changed since it was opened, which the first call finds out.
    let mut total = 0;
    for number in 0..OWNERS {
        let page = PageRequest::first(1).expect("a page");
        let listed = records.list(&owner(number), &page).await;
        total += listed.expect("listed").total;
    }
    let listed = found();
    println!("  once they have expired, after one list of each owner {listed:?}");
    expect_in_step(&listed);
    assert_eq!(
        (listed.expired, listed.members),
        (0, listed.records),
        "{listed:?}"
    );
    assert_eq!(total, listed.records, "{listed:?}");
}

async fn verified(cluster: &OwnedCluster, keys: &OwnerKeys) -> DriftCounts {
    let options = IndexOptions::new(namespace(), keys.clone());
    let begun = IndexVerify::begin(&connect(cluster).await, options).await;
    let mut verify = begun.expect("begun");
    while verify.next().await.is_some() {}
    let report = verify.report();
    println!(
        "  index verify: {} records, {:?}",
        report.records, report.drift
    );
    assert!(report.complete && report.errors.is_empty(), "{report:?}");
    report.drift
}

async fn connect(cluster: &OwnedCluster) -> Keyspace {
    let connected = Keyspace::connect(target(&cluster.urls()), ConnectOptions::default()).await;
    connected.expect("connected")
}

async fn open(cluster: &OwnedCluster, keys: &OwnerKeys) -> Records<Value> {
    let keyspace = connect(cluster).await;
    let opened = Records::open(&keyspace, namespace(), keys.clone()).await;
    opened.expect("opened")
}

#[track_caller]
fn expect_in_step(found: &Found) {
    let wrong =
        found.missing + found.wrong_owner + found.wrong_score + found.stale + found.wrong_end;
    assert_eq!(wrong, 0, "{found:?}");
}
