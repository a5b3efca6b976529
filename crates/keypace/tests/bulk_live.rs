//! Bulk reads and writes on real servers and clusters: what comes back, and how many commands the servers count. Looks at
//! them through the lab's client.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use common::{raw, run, servers};
use keypace::{Budget, Bulk, ConnectOptions, Key, Keyspace, Purpose, Slot, Target, Unread};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, Raw};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Record {
    n: u64,
    pad: String,
}

async fn connect(url: &str) -> Keyspace {
    let target = Target::parse(url).expect("valid");
    let options = ConnectOptions::default().with_purpose(Purpose::Application);
    Keyspace::connect(target, options).await.expect("connected")
}

/// Calls of each command since the server started, as it counts them.
fn calls(raw: &mut Raw, command: &str) -> u64 {
    let stats = raw.info("commandstats").expect("told");
    let Some(line) = stats.get(&format!("cmdstat_{command}")) else {
        return 0;
    };
    let calls = line.split(',').find_map(|part| part.strip_prefix("calls="));
    calls.expect("a count").parse().expect("a number")
}

fn keys(range: std::ops::Range<u64>) -> Vec<Key> {
    range.map(|n| Key::new(format!("record:{n}"))).collect()
}

/// About 1 KiB of JSON each.
fn records(range: std::ops::Range<u64>) -> Vec<(Key, Bytes)> {
    let pad = "x".repeat(1000);
    let record = |n: u64| format!(r#"{{"n":{n},"pad":"{pad}"}}"#).into();
    let numbers = range.clone();
    keys(range).into_iter().zip(numbers.map(record)).collect()
}

#[tokio::test]
async fn thousands_are_set_and_read_in_a_command_a_chunk() {
    for server in servers() {
        let mut raw = raw(&server);
        let bulk = Bulk::new(&connect(&server.url()).await);
        bulk.set_many(&records(0..1000), None).await.expect("set");
        let msets = calls(&mut raw, "mset");
        assert!((4..=7).contains(&msets), "{msets}");
        let read: Vec<Option<Record>> = bulk.get_many_json(&keys(0..1000)).await.expect("read");
        for (n, record) in (0..).zip(read) {
            assert_eq!(record.expect("read").n, n);
        }
        // 200 of those as large as was guessed; 1 KiB and some bytes more were seen then.
        let mgets = calls(&mut raw, "mget");
        assert!((5..=6).contains(&mgets), "{mgets}");
        let read = bulk.get_many(&keys(100..250)).await.expect("read");
        assert_eq!(calls(&mut raw, "mget"), mgets + 1);
        assert!(read.iter().all(Option::is_some));
        for empty in [bulk.get_many(&[]).await.expect("nothing"), Vec::new()] {
            assert!(empty.is_empty());
        }
        assert_eq!(
            (calls(&mut raw, "mget"), calls(&mut raw, "get")),
            (mgets + 1, 0)
        );
    }
}

#[tokio::test]
async fn what_is_no_string_is_missing_and_odd_bytes_come_back() {
    for server in servers() {
        let mut raw = raw(&server);
        run(
            &mut raw,
            &[&[b"RPUSH", b"list", b"1"], &[b"SET", b"bad", b"{\"n\":"]],
        );
        let bulk = Bulk::new(&connect(&server.url()).await);
        let odd = [&b""[..], b"\0", b"a\r\nb", b"{t}:[x]\\", b"\xff\xfe"].map(Key::new);
        let pairs: Vec<_> = (odd.iter().cloned().zip(odd.iter().cloned()))
            .map(|(key, value)| (key, value.into_bytes()))
            .collect();
        bulk.set_many(&pairs, None).await.expect("set");
        let mut asked = odd.to_vec();
        asked.extend(["list", "bad", "nothing"].map(Key::new));
        let read = bulk.get_many(&asked).await.expect("read");
        for (key, value) in odd.iter().zip(&read) {
            assert_eq!(value.as_deref(), Some(key.as_bytes()));
        }
        assert_eq!((read[5].as_deref(), read[7].as_deref()), (None, None));
        let detailed = bulk.get_many_json_detailed::<Record>(&asked[5..]).await;
        let detailed = detailed.expect("read");
        assert_eq!(
            (&detailed[0], &detailed[2]),
            (&Err(Unread::Missing), &Err(Unread::Missing))
        );
        assert!(
            matches!(detailed[1], Err(Unread::Undecodable(_))),
            "{:?}",
            detailed[1]
        );
    }
}

#[tokio::test]
async fn a_ttl_is_each_keys_own() {
    for server in servers() {
        let mut raw = raw(&server);
        let bulk = Bulk::new(&connect(&server.url()).await);
        let hour = Some(Duration::from_secs(3600));
        bulk.set_many(&records(0..50), hour).await.expect("set");
        for n in 0..50 {
            let key = format!("record:{n}");
            let left = raw.command(&[b"PTTL", key.as_bytes()]).expect("told");
            let left = left.int().expect("a number");
            assert!((3_500_000..=3_600_000).contains(&left), "{left}");
        }
        bulk.set_many(&records(0..1), None).await.expect("set");
        let left = raw.command(&[b"PTTL", b"record:0"]).expect("told");
        assert_eq!(left.int(), Some(-1));
    }
}

#[tokio::test]
async fn under_a_budget_all_of_it_comes_too() {
    for server in servers() {
        let bulk = Bulk::new(&connect(&server.url()).await).with_budget(Budget::default());
        bulk.set_many(&records(0..2000), None).await.expect("set");
        let read: Vec<Option<Record>> = bulk.get_many_json(&keys(0..2000)).await.expect("read");
        assert_eq!(read.iter().flatten().count(), 2000);
    }
}

#[tokio::test]
async fn a_cluster_answers_in_the_order_of_the_keys_with_a_command_a_slot() {
    for program in Program::all() {
        let options = ClusterOptions::default().with_replicas(0);
        let cluster = OwnedCluster::start(&program, options).expect("a cluster");
        let bulk = Bulk::new(&connect(&cluster.urls()[2]).await);
        bulk.set_many(&records(0..600), None).await.expect("set");
        let mut asked = keys(0..600);
        asked.reverse();
        asked.push(Key::new("nothing"));
        let read: Vec<Option<Record>> = bulk.get_many_json(&asked).await.expect("read");
        assert_eq!(read.len(), 601);
        assert_eq!(read[600], None);
        for (at, record) in (0..600).zip(&read) {
            assert_eq!(record.as_ref().expect("read").n, 599 - at);
        }
        let all = |command: &str| -> u64 {
            (0..3)
                .map(|node| calls(&mut cluster.raw(node).expect("connected"), command))
                .sum()
        };
        let slots = |keys: &[Key]| {
            let slots: HashSet<Slot> = keys.iter().map(|key| Slot::of(key.as_bytes())).collect();
            slots.len() as u64
        };
        let before = all("mget");
        let some = keys(0..150);
        bulk.get_many(&some).await.expect("read");
        assert_eq!(all("mget") - before, slots(&some), "{}", program.label());
        // Slots that have moved since are found.
        let owners = cluster.owners().expect("told");
        let from = owners[usize::from(Slot::of(b"record:1").number())].expect("an owner");
        let moved = cluster.slots_of(from).expect("told").into_iter().take(2000);
        cluster
            .move_slots(from, (from + 1) % 3, moved)
            .expect("moved");
        let read: Vec<Option<Record>> = bulk.get_many_json(&asked).await.expect("read");
        assert_eq!(read.iter().flatten().count(), 600);
    }
}
