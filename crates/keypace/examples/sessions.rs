//! Sessions of a web application, kept and listed by owner:
//! `cargo run -p keypace --example sessions -- redis://127.0.0.1:6379 owner-keys.json`.
//! Starts no server, and deletes the records that it wrote. The key file stays, as it would for an application.

use std::error::Error;
use std::time::Duration;

use keypace::{
    ConnectOptions, Keyspace, Lifetime, Namespace, Owner, OwnerKeys, PageRequest, PutOptions,
    RecordId, Records, Target,
};
use serde::{Deserialize, Serialize};

/// What the application keeps. The owner is no part of it: whoever asks has to know it.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    model: String,
    turns: u32,
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (url, key_file) = (words.next(), words.next());
    let url = url.as_deref().unwrap_or("redis://127.0.0.1:6379");
    for line in run(url, key_file.as_deref().unwrap_or("owner-keys.json")).await? {
        println!("{line}");
    }
    Ok(())
}

/// What it shows, line by line.
pub(crate) async fn run(url: &str, key_file: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = Vec::new();
    let keyspace = Keyspace::connect(Target::parse(url)?, ConnectOptions::default()).await?;

    // Owners stand in key names as a keyed hash. Every process needs the same key, and with another one it is refused.
    let keys = OwnerKeys::load_or_create(key_file)?;
    let namespace = Namespace::new("example-sessions")?;
    let sessions: Records<Session> = Records::open(&keyspace, namespace, keys).await?;
    let (alice, bob) = (Owner::new("key-of-alice")?, Owner::new("key-of-bob")?);

    for number in 1..=5 {
        let session = Session {
            model: "small".to_owned(),
            turns: number,
        };
        let id = RecordId::new(format!("s{number}"))?;
        let options = PutOptions::default().with_ttl(HOUR);
        sessions.put(&alice, &id, &session, &options).await?;
    }

    // A change that nobody else has made meanwhile.
    let id = RecordId::new("s1")?;
    if let Some(found) = sessions.get(&alice, &id).await? {
        let changed = Session {
            turns: found.value.turns + 1,
            ..found.value
        };
        let options = PutOptions::default().with_lifetime(Lifetime::Kept);
        sessions
            .update(&alice, &id, found.version, &changed, &options)
            .await?;
    }
    // In use still: another hour, and the index knows.
    sessions.touch(&alice, &id, Some(HOUR)).await?;

    // Newest first, two at a time; each page is two round trips, however many keys the server has.
    let mut page = PageRequest::first(2)?;
    loop {
        let listed = sessions.list(&alice, &page).await?;
        for session in &listed.records {
            let Session { model, turns } = &session.value;
            lines.push(format!("{}: {model}, {turns} turns", session.id));
        }
        let Some(next) = listed.next else { break };
        page = PageRequest::after(next, 2)?;
    }
    let (of_alice, of_bob) = (sessions.count(&alice).await?, sessions.count(&bob).await?);
    lines.push(format!("alice has {of_alice}, bob has {of_bob}"));

    let gone = sessions.delete_owner(&alice).await?;
    lines.push(format!("{gone} deleted"));
    Ok(lines)
}
