//! The script that checks and removes, on real servers: a writer that races, rights that are missing, a script that is
//! forgotten all the time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use keypace_lab::{Endpoint, OwnedServer, Program, Raw, ServerOptions, Value};

use super::{Batch, Deleter, Outcome, confirmed, finished};
use crate::error::ErrorKind;
use crate::key::Key;
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{ConnectOptions, Keyspace, Paced, Target, scripts_allowed};
use crate::select::{Filters, Guard};

pub(super) fn servers() -> Vec<OwnedServer> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    let start = |program| OwnedServer::start(program, ServerOptions::default()).expect("started");
    programs.iter().map(start).collect()
}

pub(super) async fn connect(server: &OwnedServer) -> Keyspace {
    let target = Target::parse(&server.url()).expect("valid");
    let connected = Keyspace::connect(target, ConnectOptions::default()).await;
    connected.expect("connected")
}

pub(super) fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

/// Deletes these keys, as far as they pass.
pub(super) async fn deleted(
    keyspace: &Keyspace,
    guard: &Guard,
    is_first_look: bool,
    budget: Budget,
    names: &[String],
) -> Outcome {
    let confirmed = confirmed(keyspace).await;
    let paced = Paced::join(keyspace.node(), budget, Thresholds::default(), true);
    let mut deleter =
        Deleter::new(keyspace.node(), &confirmed, paced).guarded(guard, is_first_look);
    for (id, keys) in names.chunks(limits::BATCH_KEYS).enumerate() {
        let keys = keys.iter().map(|name| Key::new(name.clone())).collect();
        deleter.push(Batch {
            id: id as u64,
            keys,
        });
    }
    finished(deleter, names.len() as u64).await
}

/// A generator with a seed, which a failure shows.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

const RACED: u64 = 30_000;

/// Touches keys while they are deleted. Once the server has said that a key is as it should stay, it has to stay.
fn race(endpoint: &Endpoint, seed: u64, is_over: &AtomicBool) -> BTreeSet<String> {
    let mut random = Random(seed);
    let mut raw = Raw::connect(endpoint).expect("connected");
    let mut kept = BTreeSet::new();
    let large = "x".repeat(4000);
    while !is_over.load(Ordering::Relaxed) {
        let name = format!("k:{}", random.below(RACED));
        let key = name.as_bytes();
        let is_kept = match random.below(5) {
            0 => {
                raw.command(&[b"EXPIRE", key, b"1000"])
                    .expect("answered")
                    .int()
                    == Some(1)
            }
            1 => {
                let said = raw
                    .command(&[b"SET", key, large.as_bytes(), b"XX"])
                    .expect("answered");
                matches!(said, Value::Simple(_))
            }
            2 => {
                let mut pipeline = raw.pipeline();
                pipeline.add(&[b"MULTI"]);
                pipeline.add(&[b"DEL", key]);
                pipeline.add(&[b"RPUSH", key, b"a"]);
                pipeline.add(&[b"EXEC"]);
                pipeline.run().expect("answered");
                true
            }
            3 => raw
                .command(&[b"GET", key])
                .expect("answered")
                .bytes()
                .is_some(),
            _ => {
                let said = raw
                    .command(&[b"APPEND", key, large.as_bytes()])
                    .expect("answered");
                said.int() > Some(4000)
            }
        };
        if is_kept {
            kept.insert(name);
        }
    }
    kept
}

#[tokio::test]
async fn p32_no_key_that_a_racing_writer_protects_is_removed() {
    let mut seed = 0;
    for server in servers() {
        for budget in [Budget::off(), Budget::default()] {
            seed += 1;
            let mut raw = raw(&server);
            raw.command(&[b"SET", b"made", b"x"]).expect("made");
            let dump = raw.command(&[b"DUMP", b"made"]).expect("dumped");
            let dump = dump.bytes().expect("a payload").to_vec();
            let mut pipeline = raw.pipeline();
            pipeline.add(&[b"FLUSHALL"]);
            let names: Vec<String> = (0..RACED).map(|n| format!("k:{n}")).collect();
            for name in &names {
                pipeline.add(&[
                    b"RESTORE",
                    name.as_bytes(),
                    b"0",
                    &dump,
                    b"IDLETIME",
                    b"5000",
                ]);
            }
            pipeline.run().expect("seeded");
            let filters = Filters::default().with_no_ttl().with_size_under(1000);
            let filters = filters
                .with_idle_over(Duration::from_secs(1000))
                .expect("inside");
            let guard = Guard::new(&filters, &["string".to_owned()]);
            let keyspace = connect(&server).await;
            let is_over = Arc::new(AtomicBool::new(false));
            let writer = {
                let (endpoint, is_over) = (server.endpoint().clone(), Arc::clone(&is_over));
                thread::spawn(move || race(&endpoint, seed, &is_over))
            };
            let outcome = deleted(&keyspace, &guard, false, budget, &names).await;
            is_over.store(true, Ordering::Relaxed);
            let kept = writer.join().expect("the writer ended");
            assert!(outcome.error.is_none(), "{:?}", outcome.error);
            let mut pipeline = raw.pipeline();
            for name in &kept {
                pipeline.add(&[b"EXISTS", name.as_bytes()]);
            }
            let there = pipeline.run().expect("asked");
            let lost = kept
                .iter()
                .zip(there)
                .filter(|(_, there)| there.int() != Some(1));
            let lost: Vec<_> = lost.map(|(name, _)| name).collect();
            assert!(
                lost.is_empty(),
                "seed {seed}: {lost:?} were protected and are gone"
            );
            assert!(
                outcome.tally.deleted > 0 && outcome.tally.skipped > 0,
                "{:?}",
                outcome.tally
            );
        }
    }
}

#[tokio::test]
async fn p28_a_script_that_is_forgotten_all_the_time_removes_all_the_same() {
    for server in servers() {
        let mut raw = raw(&server);
        let names: Vec<String> = (0..20_000).map(|n| format!("k:{n}")).collect();
        let mut pipeline = raw.pipeline();
        for name in &names {
            pipeline.add(&[b"SET", name.as_bytes(), b"x"]);
        }
        pipeline.run().expect("seeded");
        let is_over = Arc::new(AtomicBool::new(false));
        let flusher = {
            let (mut raw, is_over) = (super::guarded_live::raw(&server), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    raw.command(&[b"SCRIPT", b"FLUSH"]).expect("flushed");
                }
            })
        };
        let keyspace = connect(&server).await;
        let guard = Guard::new(&Filters::default().with_no_ttl(), &[]);
        let outcome = deleted(&keyspace, &guard, true, Budget::off(), &names).await;
        is_over.store(true, Ordering::Relaxed);
        flusher.join().expect("the flusher ended");
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!(outcome.tally.deleted, 20_000);
    }
}

#[tokio::test]
async fn p28_a_missing_right_is_named_and_nothing_is_removed() {
    for server in servers() {
        let mut raw = raw(&server);
        let mut without = |right: &str| {
            raw.command(&[b"SET", b"k:1", b"x"]).expect("set");
            let words: [&[u8]; 8] = [
                b"ACL", b"SETUSER", b"u", b"reset", b"on", b">p", b"~*", b"+@all",
            ];
            let words: Vec<&[u8]> = words.into_iter().chain([right.as_bytes()]).collect();
            raw.command(&words)
                .expect("set")
                .checked()
                .expect("accepted");
        };
        for (right, has_scripts) in [
            ("-evalsha", true),
            ("-eval", false),
            ("-unlink", true),
            ("-pttl", true),
            ("-object|idletime", true),
            ("-memory|usage", true),
            ("-type", true),
        ] {
            without(right);
            let target = Target::parse(&server.url()).expect("valid");
            let target = target.with_user("u").with_password("p");
            let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
            let keyspace = keyspace.expect("connected");
            let allowed = scripts_allowed(keyspace.node()).await.expect("asked");
            assert_eq!(allowed, has_scripts, "{right}");
            let filters = Filters::default().with_no_ttl().with_size_under(1000);
            let filters = filters
                .with_idle_over(Duration::from_secs(1))
                .expect("inside");
            // Idle enough, so that all of the questions are asked.
            let mut seed = super::guarded_live::raw(&server);
            let dump = seed.command(&[b"DUMP", b"k:1"]).expect("dumped");
            let dump = dump.bytes().expect("a payload").to_vec();
            let restored = seed.command(&[
                b"RESTORE",
                b"k:1",
                b"0",
                &dump,
                b"REPLACE",
                b"IDLETIME",
                b"99",
            ]);
            restored.expect("restored").checked().expect("restored");
            let guard = Guard::new(&filters, &["string".to_owned()]);
            let names: Vec<String> = (0..2).map(|n| format!("k:{n}")).collect();
            let outcome = deleted(&keyspace, &guard, true, Budget::off(), &names).await;
            if right == "-evalsha" {
                // The text went first, by EVAL.
                assert!(outcome.error.is_none(), "{:?}", outcome.error);
                continue;
            }
            let error = outcome.error.expect("refused");
            assert_eq!(error.kind(), ErrorKind::Guard, "{right}: {error}");
            let hint = error.hint().expect("a hint");
            assert!(hint.contains(&right.replace('-', "+")), "{right}: {hint}");
            assert_eq!(outcome.tally.deleted, 0, "{right}");
            let there = seed.command(&[b"EXISTS", b"k:1"]).expect("asked");
            assert_eq!(there.int(), Some(1), "{right}");
        }
    }
}
