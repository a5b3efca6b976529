//! Writers that are cut off at any byte of what they send or get: record and index stay in step.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use keypace::{ConnectOptions, Keyspace, Namespace, PutOptions, Retry, Shelf, Target};
use keypace_lab::{Endpoint, wait_until};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

use crate::common::{Random, raw, servers};
use crate::stage::{self, HOUR, id, owner};

const PUT: &str = include_str!("../../src/records/scripts/put.lua");

/// As a writer in any language would send it.
fn put_command(shelf: &Shelf, name: &str, ttl_ms: &str) -> Vec<u8> {
    let ann = owner("ann");
    let keys = [
        format!("r:{name}"),
        "c".to_owned(),
        "e".to_owned(),
        "s".to_owned(),
    ];
    let keys = keys.map(|part| stage::key(shelf, &ann, &part));
    let mut words: Vec<&[u8]> = vec![b"EVAL", PUT.as_bytes(), b"4"];
    words.extend(keys.iter().map(Vec::as_slice));
    let args = ["put", name, "{}", ttl_ms, "", "", "", "", "8"];
    words.extend(args.iter().map(|word| word.as_bytes()));
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

#[tokio::test]
async fn p41_a_writer_that_is_cut_off_in_mid_command_leaves_all_or_nothing() {
    for server in servers() {
        let Endpoint::Unix(path) = server.endpoint() else {
            panic!("servers listen on sockets");
        };
        let (shelf, mut raw) = (stage::shelf(&server).await, raw(&server));
        let ann = owner("ann");
        let command = |n: usize| put_command(&shelf, &n.to_string(), ["0", "3600000"][n % 2]);
        let whole = command(0).len();
        // Within the script's text one byte is like another: the beginning and the end are looked at.
        let cuts = (0..whole).filter(|cut| *cut < 60 || cut % 97 == 0 || whole - cut < 400);
        for (n, cut) in cuts.enumerate() {
            let mut writer = UnixStream::connect(path).expect("connected");
            writer.write_all(&command(n)[..cut]).expect("sent");
            drop(writer);
            stage::check_in_step(&mut raw, &shelf, &ann);
        }
        let mut writer = UnixStream::connect(path).expect("connected");
        writer.write_all(&command(0)).expect("sent");
        drop(writer);
        let record = stage::key(&shelf, &ann, "r:0");
        let done = || match stage::int(&mut raw, &[b"EXISTS", &record]) {
            1 => Ok(()),
            _ => Err("it is not there".into()),
        };
        wait_until(
            "see the whole one carried out",
            Duration::from_secs(10),
            done,
        )
        .expect("done");
        stage::expect_in_step(&mut raw, &shelf, &ann, &["0"]);
    }
}

#[tokio::test]
async fn p28b_a_reply_that_is_cut_off_leaves_record_and_index_in_step() {
    let mut random = Random::seeded();
    for server in servers() {
        let Endpoint::Unix(path) = server.endpoint() else {
            panic!("servers listen on sockets");
        };
        let mut raw = raw(&server);
        let proxy = FaultProxy::start(path.clone()).await.expect("a proxy");
        let target = Target::parse(&format!("redis://{}", proxy.addr())).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keyspace = keyspace.expect("connected");
        let namespace = Namespace::new("cut").expect("allowed");
        let shelf = Shelf::open(&keyspace, namespace, stage::owner_keys())
            .await
            .expect("opened");
        let ann = owner("ann");
        let (mut lost, mut done) = (0, 0);
        for round in 0..120_u64 {
            proxy.clear_rules();
            let fault = [Fault::Cut, Fault::Reset][round as usize % 2];
            proxy.script(
                FaultRule::new(fault)
                    .after_bytes(random.below(60))
                    .from_now()
                    .times(1),
            );
            let id = id(&random.below(6).to_string());
            let options = match random.below(3) {
                0 => PutOptions::default(),
                _ => PutOptions::default().with_ttl(HOUR),
            };
            let outcome = match random.below(4) {
                0 => shelf.delete(&ann, &id).await.map(|_| ()),
                1 => shelf.touch(&ann, &id, Some(HOUR)).await.map(|_| ()),
                _ => shelf
                    .put(&ann, &id, Bytes::new(), &options)
                    .await
                    .map(|_| ()),
            };
            match outcome {
                Ok(()) => done += 1,
                Err(error) => {
                    lost += 1;
                    assert!(
                        matches!(error.retry(), Retry::AskAgain | Retry::Reconnect),
                        "{error:?}"
                    );
                }
            }
            stage::check_in_step(&mut raw, &shelf, &ann);
        }
        println!("{lost} replies were lost, {done} came");
        assert!(lost > 10 && done > 10, "{lost} lost, {done} done");
    }
}

#[tokio::test]
async fn writers_side_by_side_leave_the_index_in_step() {
    let seed = Random::seeded().next();
    for server in servers() {
        let shelf = stage::shelf(&server).await;
        let writers = (0..8).map(|writer| {
            let (shelf, mut random) = (shelf.clone(), Random(seed ^ writer));
            tokio::spawn(async move {
                for _ in 0..150 {
                    let owner = owner(["ann", "bob"][random.below(2) as usize]);
                    let id = id(&random.below(12).to_string());
                    let ttl = Duration::from_millis(1 + random.below(5_000_000) % 5_000);
                    let options = match random.below(2) {
                        0 => PutOptions::default(),
                        _ => PutOptions::default().with_ttl(ttl),
                    };
                    let done = match random.below(6) {
                        0 => shelf.delete(&owner, &id).await.map(|_| ()),
                        1 => shelf.touch(&owner, &id, Some(ttl)).await.map(|_| ()),
                        2 => shelf.count(&owner).await.map(|_| ()),
                        _ => shelf
                            .put(&owner, &id, Bytes::new(), &options)
                            .await
                            .map(|_| ()),
                    };
                    done.expect("done");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        let mut raw = raw(&server);
        for name in ["ann", "bob"] {
            // What is about to expire would do so between two questions.
            let owner = owner(name);
            for n in 0..12 {
                shelf
                    .touch(&owner, &id(&n.to_string()), Some(HOUR))
                    .await
                    .expect("touched");
            }
            stage::check_in_step(&mut raw, &shelf, &owner);
        }
    }
}
