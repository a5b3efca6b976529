//! Looks on real servers: what they answer to the questions.

mod trust;

use std::time::Duration;

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, Value};

use super::{Acts, Filters, Ground, Guard, Looked, Questions, Selector, check_ground};
use crate::error::Result;
use crate::key::{Key, Size, Ttl, TypeName};
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{ConnectOptions, Keyspace, Paced, Protocol, Target};

const DAY: u64 = 24 * 3600;
const PATIENCE: Duration = Duration::from_secs(30);

fn started(options: &ServerOptions) -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    let start = |program| OwnedServer::start(program, options.clone()).expect("started");
    programs.iter().map(start).collect()
}

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

fn run(raw: &mut Raw, words: &[&str]) -> Value {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    raw.command(&words)
        .and_then(Value::checked)
        .expect("accepted")
}

async fn connect_with(server: &OwnedServer, options: ConnectOptions) -> Keyspace {
    let target = Target::parse(&server.url()).expect("valid");
    Keyspace::connect(target, options).await.expect("connected")
}

async fn connect(server: &OwnedServer) -> Keyspace {
    connect_with(server, ConnectOptions::default()).await
}

fn idle_over(seconds: u64) -> Filters {
    Filters::default()
        .with_idle_over(Duration::from_secs(seconds))
        .expect("inside")
}

const ALL: Questions = Questions {
    kind: true,
    ttl: true,
    idle: true,
    size: true,
};

async fn look(
    keyspace: &Keyspace,
    filters: &Filters,
    extra: Questions,
    keys: &[&str],
) -> Result<Looked> {
    let guard = Guard::new(filters, &[]);
    let node = keyspace.node();
    let paced = Paced::join(node, Budget::off(), Thresholds::default(), false);
    let keys: Vec<Key> = keys
        .iter()
        .map(|key| Key::new(key.as_bytes().to_vec()))
        .collect();
    let mut selector = Selector::new(node, guard, extra, paced, false);
    selector.look(&keys).await
}

async fn ground(keyspace: &Keyspace, filters: &Filters, acts: Acts) -> Result<Ground> {
    let guard = Guard::new(filters, &[]);
    check_ground(keyspace.node(), &guard, Questions::default(), acts).await
}

/// Makes a key look unused for so long.
fn age(raw: &mut Raw, key: &str, seconds: u64) {
    let dump = raw.command(&[b"DUMP", key.as_bytes()]).expect("dumped");
    let seconds = seconds.to_string();
    let words: [&[u8]; 7] = [
        b"RESTORE",
        key.as_bytes(),
        b"0",
        dump.bytes().expect("it is there"),
        b"REPLACE",
        b"IDLETIME",
        seconds.as_bytes(),
    ];
    raw.command(&words)
        .and_then(Value::checked)
        .expect("restored");
}

fn passed(looked: &Looked) -> Vec<bool> {
    looked.facts.iter().map(Option::is_some).collect()
}

#[tokio::test]
async fn facts_are_what_the_servers_say() {
    for server in started(&ServerOptions::default()) {
        let label = server.program().label();
        let mut raw = raw(&server);
        for words in [
            &["SET", "text", "abc"][..],
            &["RPUSH", "list", "a", "b"],
            &["SADD", "set", "a", "b", "c"],
            &["ZADD", "zset", "1", "a"],
            &["HSET", "hash", "f", "v"],
            &["XADD", "stream", "*", "f", "v"],
            &["SET", "mortal", "x", "PX", "100000"],
        ] {
            run(&mut raw, words);
        }
        let keys = [
            "text", "list", "set", "zset", "hash", "stream", "mortal", "none",
        ];
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = ConnectOptions::default().with_protocol(protocol);
            let keyspace = connect_with(&server, options).await;
            let looked = look(&keyspace, &Filters::default(), ALL, &keys).await;
            let facts = looked.expect("looked").facts;
            assert!(facts[7].is_none(), "{label}");
            let facts: Vec<_> = facts.into_iter().flatten().collect();
            let kinds: Vec<&str> = (facts.iter())
                .map(|facts| facts.kind.as_ref().map_or("", TypeName::as_str))
                .collect();
            assert_eq!(
                kinds,
                ["string", "list", "set", "zset", "hash", "stream", "string"]
            );
            for facts in &facts {
                assert!(
                    facts.idle.is_some_and(|idle| idle < PATIENCE),
                    "{label}: {facts:?}"
                );
                let size = facts.size.expect("measured");
                assert!(
                    !size.is_elements && (20..10_000).contains(&size.amount),
                    "{facts:?}"
                );
            }
            assert!(facts[..6].iter().all(|facts| facts.ttl == Some(Ttl::None)));
            let Some(Ttl::Left(left)) = facts[6].ttl else {
                panic!("{label}: it is mortal")
            };
            assert!(left <= Duration::from_secs(100) && left > Duration::from_secs(60));
        }
    }
}

#[tokio::test]
async fn p30c_our_own_questions_leave_idle_times_as_they_are() {
    for server in started(&ServerOptions::default()) {
        let label = server.program().label();
        let mut raw = raw(&server);
        run(&mut raw, &["SADD", "set", "a", "b"]);
        age(&mut raw, "set", 40 * DAY);
        let keyspace = connect(&server).await;
        // Its size is near the threshold on purpose, so that its members are counted, and looked at.
        let filters = idle_over(30 * DAY).with_size_under(100_000).with_no_ttl();
        for round in 0..3 {
            let looked = look(&keyspace, &filters, ALL, &["set"])
                .await
                .expect("looked");
            let facts = looked.facts[0].as_ref();
            let facts = facts.unwrap_or_else(|| panic!("{label}, look {round}: young"));
            assert!(
                facts.idle >= Some(Duration::from_secs(40 * DAY)),
                "{facts:?}"
            );
            let size = facts.size.expect("measured").amount;
            let near = idle_over(30 * DAY).with_size_over(size - 1);
            let looked = look(&keyspace, &near, ALL, &["set"]).await.expect("looked");
            assert_eq!(passed(&looked), [true], "{label}");
        }
        let calls = raw.info("commandstats").expect("told");
        let asked = |name: &str| calls.keys().any(|key| *key == format!("cmdstat_{name}"));
        let has_no_touch = asked("client|no-touch")
            && keyspace
                .node()
                .lease()
                .await
                .is_ok_and(|lease| lease.is_no_touch());
        assert_eq!(
            asked("scard"),
            has_no_touch,
            "{label}: counted where that touches nothing"
        );
    }
}

#[tokio::test]
async fn p31_near_the_threshold_the_whole_collection_decides() {
    for server in started(&ServerOptions::default()) {
        let label = server.program().label();
        let mut raw = raw(&server);
        // Nine members in ten are tiny, so that a sample of five says far too little or far too much.
        let mut sizes = Vec::new();
        for (key, members) in [("small", 300), ("large", 5_000)] {
            for n in 0..members {
                let width = if n % 10 == 0 { 2_000 } else { 70 };
                run(&mut raw, &["SADD", key, &format!("{n:0width$}")]);
            }
            let whole = run(&mut raw, &["MEMORY", "USAGE", key, "SAMPLES", "0"]);
            sizes.push(u64::try_from(whole.int().expect("a number")).expect("positive"));
        }
        let keyspace = connect(&server).await;
        let sampled = |key: &'static str| {
            let value = run(
                &mut Raw::connect(server.endpoint()).expect("connected"),
                &["MEMORY", "USAGE", key],
            );
            u64::try_from(value.int().expect("a number")).expect("positive")
        };
        // A threshold that the sample is near, and on the other side of the truth.
        for (key, whole) in ["small", "large"].into_iter().zip(&sizes) {
            let sample = sampled(key);
            let threshold = (sample + whole) / 2;
            if sample.abs_diff(threshold) < 100
                || threshold > sample * limits::SIZE_NEAR_FACTOR
                || threshold < sample / limits::SIZE_NEAR_FACTOR
            {
                continue;
            }
            let filters = Filters::default().with_size_over(threshold);
            let looked = look(&keyspace, &filters, Questions::default(), &[key]).await;
            let passes = passed(&looked.expect("looked"))[0];
            let decides = if key == "small" { *whole } else { sample };
            assert_eq!(
                passes,
                decides > threshold,
                "{label}: {key} {whole} {sample}"
            );
        }
    }
}

#[tokio::test]
async fn p31_a_server_without_memory_usage_counts_elements() {
    for server in started(&ServerOptions::default().with_args("rename-command", ["MEMORY", ""])) {
        let label = server.program().label();
        let mut raw = raw(&server);
        run(&mut raw, &["SET", "text", "0123456789abc"]);
        run(&mut raw, &["RPUSH", "list", "a", "b", "c"]);
        run(&mut raw, &["XADD", "stream", "*", "f", "v"]);
        run(
            &mut raw,
            &[
                "SADD", "set", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k",
            ],
        );
        let keyspace = connect(&server).await;
        let filters = Filters::default().with_size_over(10);
        let keys = ["text", "list", "stream", "set", "none"];
        let looked = look(&keyspace, &filters, Questions::default(), &keys).await;
        let looked = looked.expect("looked");
        assert_eq!(
            passed(&looked),
            [true, false, false, true, false],
            "{label}"
        );
        let size = looked.facts[0].as_ref().expect("passes").size;
        assert_eq!(size, Some(Size::elements(13)), "{label}");
        let found = ground(&keyspace, &filters, Acts::Deletes)
            .await
            .expect("allowed");
        assert!(found.counts_elements(), "{label}");
    }
}

/// A shared number is as old as the server, or its last use by any key: a look does not pass it, as a delete does not.
#[tokio::test]
async fn p30_a_look_takes_no_shared_value_for_old() {
    for server in started(&ServerOptions::default()) {
        let label = server.program().label();
        let mut raw = raw(&server);
        keypace_lab::wait_until("be old enough", PATIENCE, || {
            let seconds: u64 = raw.info("server")?["uptime_in_seconds"].parse()?;
            if seconds >= 3 {
                Ok(())
            } else {
                Err(format!("{seconds} s").into())
            }
        })
        .expect("it gets older");
        run(&mut raw, &["SET", "number", "4321"]);
        run(&mut raw, &["SET", "text", "own"]);
        age(&mut raw, "text", 40 * DAY);
        let asked = |word| vec!["OBJECT", word, "number"];
        let is_shared = run(&mut raw, &asked("REFCOUNT")).int() != Some(1);
        let seems_old = run(&mut raw, &asked("IDLETIME")).int() >= Some(2);
        let keyspace = connect(&server).await;
        let keys = ["number", "text", "none"];
        let idle = idle_over(2);
        for extra in [Questions::default(), ALL] {
            let looked = look(&keyspace, &idle, extra, &keys).await.expect("looked");
            assert_eq!(passed(&looked), [false, true, false], "{label}");
            let trusting = idle.clone().with_trust_idle(true);
            let looked = look(&keyspace, &trusting, extra, &keys).await;
            let looked = looked.expect("looked");
            assert_eq!(passed(&looked), [seems_old, true, false], "{label}");
        }
        // Where no filter needs it, it is not known.
        let looked = look(&keyspace, &Filters::default(), ALL, &keys).await;
        let looked = looked.expect("looked");
        assert_eq!(passed(&looked), [true, true, false], "{label}");
        let known = |place: usize| looked.facts[place].as_ref().expect("there").idle.is_some();
        assert_eq!((known(0), known(1)), (!is_shared, true), "{label}");
    }
}
