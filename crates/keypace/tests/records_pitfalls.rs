//! What befell other indexes, by rows of docs/pitfalls.md: TTLs that change, slots, and deletions that nobody hears of.

mod common;

use std::time::Duration;

use keypace::{
    ConnectOptions, Keyspace, Lifetime, Namespace, Owner, OwnerKeys, PageRequest, PutOptions,
    RecordId, Records, Target,
};
use keypace_lab::{ClusterOptions, OwnedCluster, Program, Raw, Value, slot_of, wait_until};

use common::{connect, raw, run, servers};

const CHECK: &[u8] = include_bytes!("../src/records/scripts/check.lua");
const HOUR: Duration = Duration::from_secs(3600);

fn owner(name: &str) -> Owner {
    Owner::new(name).expect("allowed")
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("allowed")
}

fn first(size: u32) -> PageRequest {
    PageRequest::first(size).expect("a page")
}

async fn open(keyspace: &Keyspace) -> (Records<String>, OwnerKeys) {
    let keys = OwnerKeys::generate_in_memory().expect("made");
    let namespace = Namespace::new("pitfall").expect("allowed");
    let opened = Records::open(keyspace, namespace, keys.clone()).await;
    (opened.expect("opened"), keys)
}

fn lead(keys: &OwnerKeys, owner: &Owner) -> String {
    format!("kp:pitfall:{{{}}}:", keys.tag(owner))
}

/// The expiry of a record and its score, by the server.
fn expiry_and_score(raw: &mut Raw, lead: &str, id: &str) -> (i64, String) {
    let key = |part: &str| format!("{lead}{part}").into_bytes();
    let (record, by_created, by_expiry) = (key(&format!("r:{id}")), key("c"), key("e"));
    let words: [&[u8]; 8] = [
        b"EVAL",
        CHECK,
        b"3",
        &record,
        &by_created,
        &by_expiry,
        id.as_bytes(),
        b"0",
    ];
    let reply = raw.command(&words).and_then(Value::checked).expect("asked");
    let Value::Array(Some(parts)) = reply else {
        panic!("no answer of the script: {reply:?}");
    };
    let score = parts[3].bytes().expect("a score");
    (
        parts[1].int().expect("a time"),
        String::from_utf8(score.to_vec()).expect("text"),
    )
}

#[track_caller]
fn expect_in_step(raw: &mut Raw, lead: &str, id: &str, has_ttl: bool) -> i64 {
    let (expiry, score) = expiry_and_score(raw, lead, id);
    if has_ttl {
        assert!(expiry > 0, "{expiry}");
        assert_eq!(score.parse::<f64>().expect("a score"), expiry as f64);
    } else {
        assert_eq!((expiry, score.as_str()), (-1, "inf"));
    }
    expiry
}

/// Each way in turn, with what the server says of record and index after it.
async fn every_way(keyspace: &Keyspace, raw_of: impl Fn(&str) -> Raw) {
    let (records, keys) = open(keyspace).await;
    let (owner, id, value) = (owner("alice"), id("a"), "v".to_owned());
    let lead = lead(&keys, &owner);
    let mut raw = raw_of(&lead);
    let slots =
        ["r:a", "c", "e", "s", "t:a"].map(|part| slot_of(format!("{lead}{part}").as_bytes()));
    assert!(slots.iter().all(|slot| *slot == slots[0]), "{slots:?}");

    let with = |lifetime| PutOptions::default().with_lifetime(lifetime);
    let put = async |lifetime| {
        records
            .put(&owner, &id, &value, &with(lifetime))
            .await
            .expect("put")
    };
    put(Lifetime::For(HOUR)).await;
    let first = expect_in_step(&mut raw, &lead, "a", true);
    let kept = put(Lifetime::Kept).await;
    assert_eq!(expect_in_step(&mut raw, &lead, "a", true), first);
    records
        .touch(&owner, &id, Some(2 * HOUR))
        .await
        .expect("touched");
    assert!(expect_in_step(&mut raw, &lead, "a", true) > first);
    let updated = records
        .update(
            &owner,
            &id,
            kept.version,
            &value,
            &with(Lifetime::For(HOUR)),
        )
        .await;
    let updated = updated.expect("updated");
    expect_in_step(&mut raw, &lead, "a", true);
    records.touch(&owner, &id, None).await.expect("touched");
    expect_in_step(&mut raw, &lead, "a", false);
    let updated = records
        .update(&owner, &id, updated.version, &value, &with(Lifetime::Kept))
        .await;
    updated.expect("updated");
    expect_in_step(&mut raw, &lead, "a", false);
    put(Lifetime::For(HOUR)).await;
    expect_in_step(&mut raw, &lead, "a", true);
    put(Lifetime::Forever).await;
    expect_in_step(&mut raw, &lead, "a", false);
}

#[tokio::test(flavor = "multi_thread")]
async fn p41_every_way_to_a_new_ttl_moves_the_score_with_it() {
    for server in servers() {
        every_way(&connect(&server).await, |_| raw(&server)).await;
    }
    for program in Program::all() {
        let options = ClusterOptions::default().with_replicas(0);
        let cluster = OwnedCluster::start(&program, options).expect("a cluster");
        let target = Target::parse(&cluster.urls()[0]).expect("valid");
        let connected = Keyspace::connect(target, ConnectOptions::default()).await;
        let raw_of = |key: &str| {
            let slot = usize::from(slot_of(key.as_bytes()));
            let owner = cluster.owners().expect("known")[slot].expect("served");
            cluster.raw(owner).expect("connected")
        };
        every_way(&connected.expect("connected"), raw_of).await;
    }
}

#[tokio::test]
async fn p42_what_goes_while_nobody_listens_is_in_no_list() {
    for server in servers() {
        let mut raw = raw(&server);
        let (namespace, owner) = (Namespace::new("pitfall").expect("allowed"), owner("alice"));
        let keys = OwnerKeys::generate_in_memory().expect("made");
        let lead = lead(&keys, &owner);
        {
            let keyspace = connect(&server).await;
            let opened = Records::open(&keyspace, namespace.clone(), keys.clone()).await;
            let records: Records<String> = opened.expect("opened");
            for name in ["expires", "deleted", "stays"] {
                let options = if name == "expires" {
                    PutOptions::default().with_ttl(Duration::from_millis(20))
                } else {
                    PutOptions::default()
                };
                let put = records
                    .put(&owner, &id(name), &name.to_owned(), &options)
                    .await;
                put.expect("put");
            }
        }
        // Nobody is connected now but us, and nobody has asked for notifications.
        let config = raw
            .command(&[b"CONFIG", b"GET", b"notify-keyspace-events"])
            .expect("asked");
        let Value::Array(Some(setting)) = config else {
            panic!("no setting: {config:?}");
        };
        assert_eq!(setting[1].bytes(), Some(&b""[..]));
        run(
            &mut raw,
            &[&[b"DEL", format!("{lead}r:deleted").as_bytes()]],
        );
        let expiring = format!("{lead}r:expires");
        wait_until("see it expire", Duration::from_secs(10), || {
            match raw.command(&[b"EXISTS", expiring.as_bytes()])?.int() {
                Some(0) => Ok(()),
                _ => Err("it is there".into()),
            }
        })
        .expect("expired");

        let keyspace = connect(&server).await;
        let opened = Records::open(&keyspace, namespace, keys).await;
        let records: Records<String> = opened.expect("opened");
        let page = records.list(&owner, &first(10)).await.expect("listed");
        let ids: Vec<&str> = page
            .records
            .iter()
            .map(|record| record.id.as_str())
            .collect();
        assert_eq!(ids, ["stays"]);
        // What the page has seen to be gone is dropped now, or on its way.
        let page = records.list(&owner, &first(10)).await.expect("listed");
        assert_eq!(page.total, 1);
        for set in ["c", "e"] {
            let key = format!("{lead}{set}");
            let members = raw.command(&[b"ZCARD", key.as_bytes()]).expect("asked");
            assert_eq!(members.int(), Some(1), "{set}");
        }
    }
}
