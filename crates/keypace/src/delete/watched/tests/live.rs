//! On real servers: every type and size comes back as it was, and with a writer beside and a wire that fails no value is
//! lost that a client was told is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use keypace_lab::{Endpoint, OwnedServer, Program, Raw, ServerOptions, Value};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

use super::harness::{Came, Copies, How, Random, Safe, holds, names};
use crate::key::Key;
use crate::pace::Budget;
use crate::port::{ConnectOptions, Keyspace, Target};
use crate::select::Filters;

fn servers() -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    let options = ServerOptions::default().with_arg("enable-debug-command", "yes");
    let start = |program| OwnedServer::start(program, options.clone()).expect("started");
    programs.iter().map(start).collect()
}

async fn connect(server: &OwnedServer) -> Keyspace {
    let target = Target::parse(&server.url()).expect("valid");
    let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
    keyspace.expect("connected")
}

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

fn ask(raw: &mut Raw, words: &[&[u8]]) -> Value {
    let reply = raw.command(words).and_then(Value::checked);
    reply.unwrap_or_else(|error| panic!("{}: {error}", words[0].escape_ascii()))
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| u64::try_from(now.as_nanos()).unwrap_or(1))
}

/// Keys of every type: empty and large strings, numbers, collections in both encodings, some with an expiry.
fn seed_types(raw: &mut Raw, random: &mut Random) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut add = |raw: &mut Raw, name: &str, words: &[&[u8]], expires: bool| {
        let key = format!("k:{name}");
        let mut command = vec![words[0], key.as_bytes()];
        command.extend(&words[1..]);
        ask(raw, &command);
        if expires {
            let at = format!("{}", 4_000_000_000_123_u64 + keys.len() as u64);
            ask(raw, &[b"PEXPIREAT", key.as_bytes(), at.as_bytes()]);
        }
        keys.push(Key::new(key));
    };
    for (n, size) in [
        0,
        1,
        100,
        1024,
        200 * 1024,
        256 * 1024,
        256 * 1024 + 1,
        3 << 20,
    ]
    .into_iter()
    .enumerate()
    {
        let byte = random.below(256) as u8;
        let text: Vec<u8> = (0..size).map(|n: usize| byte ^ (n % 251) as u8).collect();
        add(raw, &format!("str:{n}"), &[b"SET", &text], n % 2 == 0);
    }
    add(raw, "number", &[b"SET", b"-12345678901"], false);
    add(raw, "bits", &[b"SETBIT", b"70001", b"1"], false);
    add(raw, "hll", &[b"PFADD", b"a", b"b", b"c"], true);
    add(
        raw,
        "geo",
        &[b"GEOADD", b"13.36", b"38.11", b"Palermo"],
        false,
    );
    for (n, members) in [1_u64, 60, 3_000].into_iter().enumerate() {
        let members: Vec<String> = (0..members)
            .map(|_| format!("m{}", random.next()))
            .collect();
        let texts: Vec<&[u8]> = members.iter().map(String::as_bytes).collect();
        let twice: Vec<&[u8]> = texts.iter().flat_map(|text| [*text, *text]).collect();
        let scored: Vec<&[u8]> = texts.iter().flat_map(|text| [&b"1.5"[..], *text]).collect();
        let with = |command: &'static [u8], words: &[&'static [u8]], more: &[&[u8]]| {
            let mut all: Vec<Vec<u8>> = vec![command.to_vec()];
            all.extend(words.iter().map(|word| word.to_vec()));
            all.extend(more.iter().map(|word| word.to_vec()));
            all
        };
        for (name, words) in [
            ("list", with(b"RPUSH", &[], &texts)),
            ("set", with(b"SADD", &[], &texts)),
            ("hash", with(b"HSET", &[], &twice)),
            ("zset", with(b"ZADD", &[], &scored)),
            ("stream", with(b"XADD", &[b"*"], &twice[..2])),
        ] {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            add(raw, &format!("{name}:{n}"), &words, n == 1);
        }
    }
    ask(raw, &[b"XGROUP", b"CREATE", b"k:stream:0", b"group", b"0"]);
    keys
}

/// Digest and expiry of each key.
fn state_of(raw: &mut Raw, keys: &[Key]) -> Vec<(Value, Value)> {
    keys.iter()
        .map(|key| {
            let digest = ask(raw, &[b"DEBUG", b"DIGEST-VALUE", key.as_bytes()]);
            (digest, ask(raw, &[b"PEXPIRETIME", key.as_bytes()]))
        })
        .collect()
}

fn bring_back(raw: &mut Raw, copies: &Copies) {
    for (key, copies) in copies {
        let saved = copies.last().expect("one");
        let expires = saved.expires_at_ms().unwrap_or(0).to_string();
        let words = [
            &b"RESTORE"[..],
            key.as_bytes(),
            expires.as_bytes(),
            &saved.payload(),
            b"ABSTTL",
            b"REPLACE",
        ];
        ask(raw, &words);
    }
}

#[tokio::test]
async fn every_type_and_size_comes_back_as_it_was() {
    let seed = seed();
    for server in servers() {
        for budget in [Budget::off(), Budget::default()] {
            let label = format!("{}, seed {seed}, {budget:?}", server.program().label());
            let mut raw = raw(&server);
            let mut keys = seed_types(&mut raw, &mut Random(seed));
            let before = state_of(&mut raw, &keys);
            let keyspace = connect(&server).await;
            let safe = Safe::new();
            keys.push(Key::new("k:never-there"));
            let came = How::saving(&safe)
                .under(budget)
                .delete(&keyspace, &keys)
                .await;
            keys.pop();
            assert!(came.error.is_none(), "{label}: {came:?}");
            assert_eq!(came.tally.deleted as usize, keys.len(), "{label}: {came:?}");
            assert_eq!(came.tally.already_gone, 1, "{label}");
            assert_eq!(ask(&mut raw, &[b"DBSIZE"]).int(), Some(0), "{label}");
            let copies = safe.copies().await;
            assert_eq!(copies.len(), keys.len(), "{label}");
            bring_back(&mut raw, &copies);
            assert_eq!(state_of(&mut raw, &keys), before, "{label}");
            ask(&mut raw, &[b"FLUSHALL"]);
        }
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn a_dump_above_the_bound_is_left_alone() {
    for server in servers() {
        let mut raw = raw(&server);
        let keys = seed_types(&mut raw, &mut Random(1));
        let keyspace = connect(&server).await;
        let safe = Safe::new();
        let how = How {
            max_value_bytes: 10_000,
            ..How::saving(&safe)
        };
        let came = how.delete(&keyspace, &keys).await;
        assert!(came.error.is_none(), "{came:?}");
        assert_eq!(came.kinds, BTreeSet::from(["too_large".to_owned()]));
        let copies = safe.copies().await;
        for key in keys {
            let is_there = ask(&mut raw, &[b"EXISTS", key.as_bytes()]).int() == Some(1);
            assert_ne!(is_there, copies.contains_key(&key), "{key:?}");
        }
        assert_eq!(copies.len() as u64, came.tally.deleted);
        server.stop().expect("stopped");
    }
}

/// Another client: writes values to some of the keys until it is told to stop, and remembers the last that it was told is
/// there.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<u64, Vec<u8>>>,
}

const KEYS: u64 = 8_000;
/// Every tenth key is written to.
const STRIDE: u64 = 10;

impl Writer {
    fn begin(endpoint: &Endpoint, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut raw = Raw::connect(endpoint).expect("connected");
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut random = Random(seed);
            let mut acknowledged = BTreeMap::new();
            while !told.load(Ordering::Relaxed) {
                let n = random.below(KEYS / STRIDE) * STRIDE;
                let (key, value) = (format!("k:{n}"), format!("w{}", random.next()));
                ask(&mut raw, &[b"SET", key.as_bytes(), value.as_bytes()]);
                acknowledged.insert(n, value.into_bytes());
            }
            acknowledged
        });
        Self { stop, thread }
    }

    fn end(self) -> BTreeMap<u64, Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("ended")
    }
}

fn seed_strings(raw: &mut Raw) {
    keypace_lab::seed::strings(raw, b"k:", 0..KEYS, 64).expect("seeded");
}

/// Each last acknowledged value is on the server or in the vault, and of the other keys the first one.
fn nothing_is_lost(
    raw: &mut Raw,
    first: &[Value],
    written: &BTreeMap<u64, Vec<u8>>,
    copies: &Copies,
    label: &str,
) {
    for ((n, first), there) in (0..KEYS).zip(first).zip(values(raw)) {
        let key = Key::new(format!("k:{n}"));
        let wanted = (written.get(&n).map(Vec::as_slice))
            .or(first.bytes())
            .expect("seeded");
        match there.bytes() {
            Some(there) => assert_eq!(there, wanted, "{label}: {key:?}"),
            None => assert!(holds(copies, &key, wanted), "{label}: {key:?} is lost"),
        }
    }
}

fn values(raw: &mut Raw) -> Vec<Value> {
    let keys = names("k:", KEYS);
    let mut words: Vec<&[u8]> = vec![b"MGET"];
    words.extend(keys.iter().map(Key::as_bytes));
    let Value::Array(Some(values)) = ask(raw, &words) else {
        panic!("MGET gives an array")
    };
    values
}

#[tokio::test]
async fn a_writer_beside_loses_no_value_that_it_was_told_is_there() {
    let seed = seed();
    for server in servers() {
        for budget in [Budget::off(), Budget::default()] {
            let label = format!("{}, seed {seed}, {budget:?}", server.program().label());
            let mut raw = raw(&server);
            seed_strings(&mut raw);
            let first = values(&mut raw);
            let keyspace = connect(&server).await;
            let safe = Safe::new();
            let writer = Writer::begin(server.endpoint(), seed);
            let came = How::saving(&safe)
                .under(budget)
                .delete(&keyspace, &names("k:", KEYS))
                .await;
            let written = writer.end();
            assert!(came.error.is_none(), "{label}: {came:?}");
            assert_eq!(came.keys(), KEYS, "{label}: {came:?}");
            let copies = safe.copies().await;
            nothing_is_lost(&mut raw, &first, &written, &copies, &label);
            ask(&mut raw, &[b"FLUSHALL"]);
        }
        server.stop().expect("stopped");
    }
}

fn path(server: &OwnedServer) -> std::path::PathBuf {
    match server.endpoint() {
        Endpoint::Unix(path) => path.clone(),
        Endpoint::Tcp(_) => panic!("unix sockets are the default"),
    }
}

/// Connections end after so many bytes, again and again, wherever a group is by then.
#[tokio::test]
async fn a_wire_that_fails_beside_a_writer_loses_nothing() {
    let seed = seed();
    for server in servers() {
        let mut random = Random(seed);
        for round in 0..3 {
            let label = format!("{}, seed {seed}, round {round}", server.program().label());
            let mut raw = raw(&server);
            seed_strings(&mut raw);
            let first = values(&mut raw);
            let proxy = FaultProxy::start(path(&server)).await.expect("listening");
            let target = Target::parse(&format!("redis://{}", proxy.addr())).expect("valid");
            let options = ConnectOptions::default().with_timeout(Duration::from_millis(300));
            // Handshakes fail, too.
            let options = options.expect("valid").with_retries(30);
            let keyspace = Keyspace::connect(target, options).await;
            let keyspace = keyspace.expect("connected");
            let fault = [Fault::Cut, Fault::Reset, Fault::Stall][round];
            for _ in 0..3 {
                let after = random.below(60_000);
                proxy.script(FaultRule::new(fault).after_bytes(after).times(4));
            }
            let safe = Safe::new();
            let writer = Writer::begin(server.endpoint(), random.next());
            let came = How::saving(&safe)
                .delete(&keyspace, &names("k:", KEYS))
                .await;
            let written = writer.end();
            assert!(came.error.is_none(), "{label}: {came:?}");
            assert_eq!(came.keys(), KEYS, "{label}: {came:?}");
            let copies = safe.copies().await;
            nothing_is_lost(&mut raw, &first, &written, &copies, &label);
            check_gone(&mut raw, &written, &came, &label);
            ask(&mut raw, &[b"FLUSHALL"]);
        }
        server.stop().expect("stopped");
    }
}

/// All that nobody wrote to is gone.
fn check_gone(raw: &mut Raw, written: &BTreeMap<u64, Vec<u8>>, came: &Came, label: &str) {
    let left = ask(raw, &[b"DBSIZE"]).int().expect("a number");
    let left = u64::try_from(left).expect("a number");
    let most = written.len() as u64;
    assert!(left <= most, "{label}: {left} left, {came:?}");
}

/// A reader, who makes keys young: what it was given after a look is not idle any more, and stays. WATCH doesn't see that,
/// the script in the EXEC does.
#[tokio::test]
async fn p32_what_is_read_meanwhile_is_not_idle_any_more() {
    const IDLE: Duration = Duration::from_secs(1000);
    let seed = seed();
    for server in servers() {
        let label = format!("{}, seed {seed}", server.program().label());
        let mut raw = raw(&server);
        ask(&mut raw, &[b"SET", b"one", b"value"]);
        let payload = ask(&mut raw, &[b"DUMP", b"one"]);
        let payload = payload.bytes().expect("a dump");
        for key in names("k:", KEYS) {
            let words = [
                &b"RESTORE"[..],
                key.as_bytes(),
                b"0",
                payload,
                b"IDLETIME",
                b"5000",
            ];
            ask(&mut raw, &words);
        }
        let keyspace = connect(&server).await;
        let lease = keyspace.node().lease().await.expect("leased");
        let is_no_touch = lease.is_no_touch();
        drop(lease);
        let stop = Arc::new(AtomicBool::new(false));
        let reader = read_on(server.endpoint(), seed, Arc::clone(&stop));
        let safe = Safe::new();
        let filters = Filters::default().with_idle_over(IDLE).expect("valid");
        let how = How {
            filters: filters.with_trust_idle(true),
            ..How::saving(&safe)
        };
        let came = how.delete(&keyspace, &names("k:", KEYS)).await;
        stop.store(true, Ordering::Relaxed);
        let read = reader.join().expect("ended");
        assert!(came.error.is_none(), "{label}: {came:?}");
        assert_eq!(came.keys(), KEYS, "{label}: {came:?}");
        assert!(
            came.unmatched > 0 && came.tally.deleted > 0,
            "{label}: {came:?}"
        );
        let copies = safe.copies().await;
        for (n, there) in (0..KEYS).zip(values(&mut raw)) {
            let key = Key::new(format!("k:{n}"));
            let is_there = there.bytes().is_some();
            assert_ne!(is_there, holds(&copies, &key, b"value"), "{label}: {key:?}");
            // Before 7.2 reading a value for its copy makes it young, and the look alone has to do.
            assert!(
                is_there || !is_no_touch || !read.contains(&n),
                "{label}: {key:?} was in use"
            );
        }
        server.stop().expect("stopped");
    }
}

/// A new key whose number is one value with others is no older than it: nothing is saved of it, and it never matched.
#[tokio::test]
async fn p30_a_shared_value_is_not_watched_for_its_age() {
    for server in servers() {
        let label = server.program().label();
        let mut raw = raw(&server);
        keypace_lab::wait_until("be old enough", Duration::from_secs(30), || {
            let seconds: u64 = raw.info("server")?["uptime_in_seconds"].parse()?;
            if seconds >= 3 {
                Ok(())
            } else {
                Err(format!("{seconds} s").into())
            }
        })
        .expect("it gets older");
        ask(&mut raw, &[b"SET", b"k:0", b"4321"]);
        let keyspace = connect(&server).await;
        let idle = Filters::default().with_idle_over(Duration::from_secs(2));
        let idle = idle.expect("valid");
        let safe = Safe::new();
        for may_run_scripts in [true, false] {
            let how = How {
                filters: idle.clone(),
                may_run_scripts,
                ..How::saving(&safe)
            };
            let came = how.delete(&keyspace, &names("k:", 1)).await;
            assert!(came.error.is_none(), "{label}: {came:?}");
            assert_eq!(
                (came.unmatched, came.tally.deleted, came.tally.skipped),
                (1, 0, 0),
                "{label}, scripts {may_run_scripts}: {came:?}"
            );
        }
        assert_eq!(safe.vault.totals().records, 0, "{label}");
        server.stop().expect("stopped");
    }
}

/// Reads keys at random until told to stop; gives those that were there.
fn read_on(endpoint: &Endpoint, seed: u64, stop: Arc<AtomicBool>) -> JoinHandle<BTreeSet<u64>> {
    let mut raw = Raw::connect(endpoint).expect("connected");
    std::thread::spawn(move || {
        let mut random = Random(seed);
        let mut read = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            // The others stay idle, however long a busy machine lets the delete wait.
            let n = random.below(KEYS / 2) * 2;
            let key = format!("k:{n}");
            if ask(&mut raw, &[b"GET", key.as_bytes()]).bytes().is_some() {
                read.insert(n);
            }
        }
        read
    })
}
