//! Measures bulk reads against single ones: `bulk_speed URL KEYS ROUNDS PASSES` reads `bulk:0` and on, which hold JSON.
//! The three ways take turns in every pass. Prints each round's medians as JSON, for `cargo xtask bench --only bulk`.
//! It is no example of how to use a library from a program: see the documentation of `Bulk`.

use std::error::Error;
use std::time::{Duration, Instant};

use keypace::{Bulk, ConnectOptions, Key, Keyspace, Purpose, Target};
use keypace_lab::{Raw, Visit};
use serde::Deserialize;

/// As the benchmark seeds them.
#[derive(Deserialize)]
struct Record {
    n: u64,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, keys, rounds, passes] = words.as_slice() else {
        return Err("write it as: bulk_speed URL KEYS ROUNDS PASSES".into());
    };
    let (number, rounds, passes): (u64, u32, u32) =
        (keys.parse()?, rounds.parse()?, passes.parse()?);
    let options = ConnectOptions::default().with_purpose(Purpose::Application);
    let keyspace = Keyspace::connect(Target::parse(url)?, options).await?;
    let bulk = Bulk::new(&keyspace);
    let keys: Vec<Key> = (0..number).map(|n| Key::new(format!("bulk:{n}"))).collect();
    // The plainest client there is: what it adds to a server's own time is one write and one read.
    let mut raw = Raw::visit(&Visit::parse(url)?)?;
    let mut said = Vec::new();
    for _ in 0..rounds {
        let mut walls = [const { Vec::new() }; 3];
        for _ in 0..passes {
            walls[0].push(one_by_one(&mut raw, &keys)?);
            walls[1].push(in_bulk(&bulk, &keys).await?);
            walls[2].push(as_json(&bulk, &keys).await?);
        }
        let [gets_ms, bulk_ms, json_ms] = walls.map(median_ms);
        said.push(format!(
            r#"{{"gets_ms":{gets_ms:.3},"bulk_ms":{bulk_ms:.3},"json_ms":{json_ms:.3}}}"#
        ));
    }
    println!("[{}]", said.join(","));
    Ok(())
}

fn one_by_one(raw: &mut Raw, keys: &[Key]) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let mut read = Vec::with_capacity(keys.len());
    for key in keys {
        let reply = raw.command(&[b"GET", key.as_bytes()])?.checked()?;
        read.extend(reply.bytes().map(<[u8]>::to_vec));
    }
    check(read.len(), keys)?;
    Ok(begun.elapsed())
}

async fn in_bulk(bulk: &Bulk, keys: &[Key]) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let read = bulk.get_many(keys).await?;
    let took = begun.elapsed();
    check(read.iter().flatten().count(), keys)?;
    Ok(took)
}

async fn as_json(bulk: &Bulk, keys: &[Key]) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let read: Vec<Option<Record>> = bulk.get_many_json(keys).await?;
    let took = begun.elapsed();
    let right = (0..).zip(read.iter().flatten());
    let right = right.filter(|(n, record)| record.n == *n && !record.text.is_empty());
    check(right.count(), keys)?;
    Ok(took)
}

fn check(read: usize, keys: &[Key]) -> Result<(), Box<dyn Error>> {
    if read == keys.len() {
        return Ok(());
    }
    Err(format!("{read} of {} values were read", keys.len()).into())
}

fn median_ms(mut walls: Vec<Duration>) -> f64 {
    walls.sort_unstable();
    walls[walls.len() / 2].as_secs_f64() * 1000.0
}
