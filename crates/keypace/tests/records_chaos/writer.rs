//! One writer process: puts, touches, deletes and updates records of a few owners until somebody kills it. It is the
//! test's own program, started again with a part to play. Judges nothing.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keypace::{
    ConnectOptions, Keyspace, Lifetime, Namespace, Owner, OwnerKeys, PageRequest, PutOptions,
    RecordId, Records, Target,
};
use serde_json::{Value, json};

use crate::common::Random;

pub(crate) const NAMESPACE: &str = "chaos";
pub(crate) const OWNERS: u64 = 40;
/// Few enough that writers meet on the same record all the time.
const IDS: u64 = 100;
/// What a writer is told, in one variable: the part to play is there if the variable is.
const PART: &str = "KEYPACE_CHAOS_WRITER";
/// A writer that can't go on waits for a moment, as an application would.
const TIMEOUT: Duration = Duration::from_secs(2);

/// One owner of the test, in clear.
pub(crate) fn owner(number: u64) -> Owner {
    Owner::new(name(number)).expect("allowed")
}

fn name(number: u64) -> String {
    format!("owner:{number}*{{}}")
}

/// What is written for an owner: it says whose it is, where `index verify` looks for that.
pub(crate) fn value(number: u64, content: u64) -> Value {
    json!({"owner_api_key": name(number), "n": content})
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new(NAMESPACE).expect("allowed")
}

pub(crate) fn target(urls: &[String]) -> Target {
    let mut targets = urls.iter().map(|url| Target::parse(url).expect("valid"));
    let first = targets.next().expect("a node");
    first.with_seeds(targets)
}

/// Starts a writer. It says what it did, a byte each time, in the file `notes`.
pub(crate) fn start(urls: &[String], keys: &Path, notes: &Path, seed: u64) -> Child {
    let part = json!({"urls": urls, "keys": keys, "notes": notes, "seed": seed});
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "a_writer_writes_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(PART, part.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

/// The part that this process was given to play.
pub(crate) fn part() -> Option<Value> {
    let text = std::env::var(PART).ok()?;
    Some(serde_json::from_str(&text).expect("a part"))
}

/// Plays it. Ends by a signal only, or where nobody is left to write to.
pub(crate) async fn play(part: &Value) {
    let urls: Vec<String> = serde_json::from_value(part["urls"].clone()).expect("urls");
    let keys = OwnerKeys::load(part["keys"].as_str().expect("a path")).expect("loaded");
    let mut notes = File::create(part["notes"].as_str().expect("a path")).expect("made");
    let mut random = Random(part["seed"].as_u64().expect("a seed"));
    let options = ConnectOptions::default()
        .with_timeout(TIMEOUT)
        .expect("allowed");
    let Ok(keyspace) = Keyspace::connect(target(&urls), options).await else {
        return;
    };
    let Ok(records) = Records::<Value>::open(&keyspace, namespace(), keys).await else {
        return;
    };
    loop {
        let done = step(&records, &mut random).await;
        // Unbuffered: what was acknowledged is noted, whenever the process dies.
        notes
            .write_all(if let Some(name) = &done {
                name.as_bytes()
            } else {
                b"!"
            })
            .expect("noted");
    }
}

/// One change of one record: its letter, or none where it failed, as it does while a node fails over.
async fn step(records: &Records<Value>, random: &mut Random) -> Option<&'static str> {
    let number = random.below(OWNERS);
    let owner = owner(number);
    let id = RecordId::new(format!("id-{}", random.below(IDS))).expect("allowed");
    let value = value(number, random.next());
    let ttl = Duration::from_millis(1 + random.below(3_000));
    let done = match random.below(100) {
        0..30 => {
            let options = PutOptions::default().with_ttl(ttl);
            records
                .put(&owner, &id, &value, &options)
                .await
                .map(|_| "p")
        }
        30..45 => {
            let options = PutOptions::default();
            records
                .put(&owner, &id, &value, &options)
                .await
                .map(|_| "P")
        }
        45..65 => records.touch(&owner, &id, Some(ttl)).await.map(|_| "t"),
        65..85 => records.delete(&owner, &id).await.map(|_| "d"),
        85..95 => match records.get(&owner, &id).await {
            Ok(Some(found)) => {
                let options = PutOptions::default().with_lifetime(Lifetime::Kept);
                let updated = records.update(&owner, &id, found.version, &value, &options);
                // Another writer may have been first, which is an answer as good as any.
                let _ = updated.await;
                Ok("u")
            }
            other => other.map(|_| "g"),
        },
        _ => {
            let page = PageRequest::first(20).expect("a page");
            records.list(&owner, &page).await.map(|_| "l")
        }
    };
    done.ok()
}
