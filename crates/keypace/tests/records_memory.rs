//! An index takes no more memory for having been used: many short-lived records of few owners come and go, and what the
//! server holds stays as it is. `KEYPACE_CYCLES` sets how many; a million was run by hand.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keypace::{Namespace, Owner, OwnerKeys, PutOptions, RecordId, Records};
use keypace_lab::{OwnedServer, Raw, wait_until};

use common::{Random, connect, raw, servers};

const OWNERS: u64 = 1_000;
const CYCLES: u64 = 100_000;
const TASKS: u64 = 32;
const LOOKS: u64 = 10;
/// What the allocator keeps beside, and what is alive at the moment of a look.
const SLACK_BYTES: u64 = 1024 * 1024;

/// The members of both indexes and the keys there are, live and dead, and the memory of all.
#[derive(Debug)]
struct Look {
    used_memory: u64,
    members: i64,
    keys: i64,
}

fn owner(number: u64) -> Owner {
    Owner::new(format!("owner-{number}")).expect("allowed")
}

fn id(text: String) -> RecordId {
    RecordId::new(text).expect("allowed")
}

async fn open(server: &OwnedServer) -> (Records<u64>, OwnerKeys) {
    let keys = OwnerKeys::generate_in_memory().expect("made");
    let namespace = Namespace::new("short").expect("allowed");
    let keyspace = connect(server).await;
    let opened = Records::open(&keyspace, namespace, keys.clone()).await;
    (opened.expect("opened"), keys)
}

fn look(raw: &mut Raw, keys: &OwnerKeys) -> Look {
    let mut members = 0;
    for number in 0..OWNERS {
        let tag = keys.tag(&owner(number));
        for set in ["c", "e"] {
            let key = format!("kp:short:{{{tag}}}:{set}");
            let count = raw.command(&[b"ZCARD", key.as_bytes()]).expect("asked");
            members += count.int().expect("a number");
        }
    }
    let memory = raw.info("memory").expect("asked");
    Look {
        used_memory: memory["used_memory"].parse().expect("bytes"),
        members,
        keys: size(raw),
    }
}

fn size(raw: &mut Raw) -> i64 {
    let reply = raw.command(&[b"DBSIZE"]).expect("asked");
    reply.int().expect("a number")
}

/// Puts `cycles` records that live for some milliseconds.
async fn put(records: &Records<u64>, cycles: u64, done: &Arc<AtomicU64>, seed: u64) {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (records, done) = (records.clone(), done.clone());
            let mut random = Random(seed.wrapping_add(task));
            tokio::spawn(async move {
                for _ in 0..cycles / TASKS {
                    let number = done.fetch_add(1, Ordering::Relaxed);
                    let ttl = Duration::from_millis(1 + random.below(50));
                    let options = PutOptions::default().with_ttl(ttl);
                    let owner = owner(random.below(OWNERS));
                    let id = id(format!("id-{number}"));
                    let put = records.put(&owner, &id, &number, &options).await;
                    put.expect("put");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("done");
    }
}

fn emptied(raw: &mut Raw, keys: i64) {
    wait_until(
        "see what has expired go",
        Duration::from_secs(30),
        || match size(raw) {
            left if left <= keys => Ok(()),
            left => Err(format!("{left} keys are there").into()),
        },
    )
    .expect("gone");
}

/// Half of the owners have a record that stays, so that their indexes never expire and only pruning keeps them small.
#[tokio::test(flavor = "multi_thread")]
async fn p40_records_that_come_and_go_take_no_more_memory() {
    let asked = std::env::var("KEYPACE_CYCLES").ok();
    let cycles = asked.and_then(|text| text.parse().ok()).unwrap_or(CYCLES);
    for server in servers() {
        let mut raw = raw(&server);
        let (records, keys) = open(&server).await;
        let (stays, options) = (id("stays".into()), PutOptions::default());
        for number in 0..OWNERS / 2 {
            let put = records.put(&owner(number), &stays, &0, &options).await;
            put.expect("put");
        }
        let seed = Random::seeded().next();
        let done = Arc::new(AtomicU64::new(0));
        let begun = Instant::now();
        let mut looks = Vec::new();
        for round in 0..LOOKS {
            put(
                &records,
                cycles / LOOKS,
                &done,
                seed.wrapping_add(round * TASKS),
            )
            .await;
            let seen = look(&mut raw, &keys);
            let cycles = done.load(Ordering::Relaxed);
            println!(
                "  {cycles} cycles: {} bytes, {} keys, {} members",
                seen.used_memory, seen.keys, seen.members
            );
            looks.push(seen);
        }
        let label = server.program().label();
        println!("{label}: {:.1} s", begun.elapsed().as_secs_f64());
        // The first tenth brings tables and connections to their size.
        let first = &looks[1];
        for look in &looks[2..] {
            let growth = look.used_memory.saturating_sub(first.used_memory);
            assert!(growth < SLACK_BYTES, "{growth} bytes more: {looks:?}");
            assert!(look.members < 20 * OWNERS as i64, "{looks:?}");
        }
        // Those who never come back leave nothing; those with a record that stays keep that and their two indexes.
        emptied(&mut raw, 1 + 3 * OWNERS as i64 / 2);
        for number in 0..OWNERS {
            let count = records.count(&owner(number)).await.expect("counted");
            assert_eq!(count, u64::from(number < OWNERS / 2));
        }
        let end = look(&mut raw, &keys);
        println!("  at the end {end:?}");
        assert_eq!(end.members, OWNERS as i64, "{end:?}");
        for number in 0..OWNERS / 2 {
            records.delete_owner(&owner(number)).await.expect("deleted");
        }
        assert_eq!(
            size(&mut raw),
            1,
            "only what is known of the namespace is left"
        );
    }
}

/// An owner who never comes back leaves nothing, and nobody has to look for it.
#[tokio::test]
async fn p40_an_owner_who_never_comes_back_leaves_nothing() {
    for server in servers() {
        let mut raw = raw(&server);
        let (records, _) = open(&server).await;
        for number in 0..100 {
            for at in 0..5 {
                let ttl = Duration::from_millis(50 + 50 * at);
                let options = PutOptions::default().with_ttl(ttl);
                let (owner, id) = (owner(number), id(format!("id-{at}")));
                let put = records.put(&owner, &id, &at, &options).await;
                put.expect("put");
            }
        }
        emptied(&mut raw, 1);
    }
}
