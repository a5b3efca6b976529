//! Random keyspaces of every type, taken away and brought back: same digests, same times, same groups and field times.

use keypace::Budget;
use keypace_lab::{OwnedServer, Raw};

use super::backup_bytes::Record;
use super::{ask, connect, from, full_speed, programs, restore, start};

/// Keyspaces of each server; each is made from a seed of its own.
const KEYSPACES: u64 = 6;
const KEYS: u64 = 120;
/// 2096: later than any test.
const FAR_MS: u64 = 4_000_000_000_000;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Bytes of any kind, often few.
    fn bytes(&mut self) -> Vec<u8> {
        let most = [1, 12, 70, 300, 5000][self.below(5) as usize];
        let length = self.below(most);
        let plain = self.below(2) == 0;
        let byte = |own: &mut Self| {
            if plain {
                b'a' + own.below(4) as u8
            } else {
                own.below(256) as u8
            }
        };
        (0..length).map(|_| byte(self)).collect()
    }

    fn text(&mut self, bound: u64) -> Vec<u8> {
        self.below(bound).to_string().into_bytes()
    }
}

/// Makes one key of a random type.
fn make(raw: &mut Raw, key: &[u8], numbers: &mut Numbers, has_field_times: bool) {
    let members = 1 + numbers.below([3, 30, 600][numbers.0 as usize % 3]);
    let kind = numbers.below(9);
    for member in 0..members {
        let name = member.to_string().into_bytes();
        let value = numbers.bytes();
        let words: Vec<Vec<u8>> = match kind {
            0 => vec![b"SET".into(), key.into(), value],
            1 => vec![b"RPUSH".into(), key.into(), value],
            2 => vec![
                b"SADD".into(),
                key.into(),
                if members < 9 { name } else { value },
            ],
            3 => vec![b"ZADD".into(), key.into(), numbers.text(99), name],
            4 => vec![b"HSET".into(), key.into(), name, value],
            5 => vec![b"XADD".into(), key.into(), b"*".into(), name, value],
            6 => vec![b"PFADD".into(), key.into(), value],
            7 => vec![
                b"SETBIT".into(),
                key.into(),
                numbers.text(4000),
                b"1".into(),
            ],
            _ => vec![
                b"GEOADD".into(),
                key.into(),
                numbers.text(170),
                numbers.text(80),
                name,
            ],
        };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        ask(raw, &words).checked().expect("made");
    }
    if kind == 4 && has_field_times {
        let at = (FAR_MS / 1000).to_string();
        ask(
            raw,
            &[b"HEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", b"0"],
        )
        .checked()
        .expect("set");
    }
    if kind == 5 {
        ask(raw, &[b"XGROUP", b"CREATE", key, b"workers", b"0"])
            .checked()
            .expect("made");
        ask(
            raw,
            &[
                b"XREADGROUP",
                b"GROUP",
                b"workers",
                b"me",
                b"COUNT",
                b"2",
                b"STREAMS",
                key,
                b">",
            ],
        )
        .checked()
        .expect("read");
    }
    if numbers.below(2) == 0 {
        let at = (FAR_MS + numbers.below(1_000_000)).to_string();
        ask(raw, &[b"PEXPIREAT", key, at.as_bytes()])
            .checked()
            .expect("set");
    }
}

/// All that can be told of a key: what DEBUG DIGEST-VALUE leaves out too.
fn told(raw: &mut Raw, key: &[u8]) -> String {
    let mut all = vec![
        ask(raw, &[b"TYPE", key]),
        ask(raw, &[b"DEBUG", b"DIGEST-VALUE", key])
            .checked()
            .expect("told"),
        ask(raw, &[b"PEXPIRETIME", key]),
    ];
    let kind = String::from_utf8_lossy(all[0].bytes().unwrap_or_default()).into_owned();
    match kind.as_str() {
        "stream" => {
            all.push(ask(raw, &[b"XINFO", b"GROUPS", key]));
            // Names and how much is pending; how long ago somebody was seen goes on.
            let consumers = ask(raw, &[b"XINFO", b"CONSUMERS", key, b"workers"]);
            for consumer in consumers.items().expect("a list") {
                all.extend(consumer.items().expect("pairs").iter().take(4).cloned());
            }
            all.push(ask(raw, &[b"XPENDING", key, b"workers"]));
        }
        "hash" => all.push(ask(raw, &[b"HEXPIRETIME", key, b"FIELDS", b"1", b"0"])),
        _ => {}
    }
    format!("{all:?}")
}

fn saved(raw: &mut Raw, key: &[u8]) -> Record {
    let is_string = ask(raw, &[b"TYPE", key]).bytes() == Some(b"string");
    let value = if is_string {
        ask(raw, &[b"GET", key])
    } else {
        ask(raw, &[b"DUMP", key])
    };
    let at = ask(raw, &[b"PEXPIRETIME", key]).int().unwrap_or(-1);
    Record {
        key: key.to_vec(),
        expires_at_ms: u64::try_from(at).ok(),
        is_text: is_string,
        value: value.bytes().expect("there").to_vec(),
    }
}

fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = (0..KEYS).map(|n| format!("key:{n}").into_bytes()).collect();
    names.push(b"\xff\x00 odd\r\n".to_vec());
    names
}

fn fill(server: &OwnedServer, seed: u64) -> Raw {
    let mut raw = Raw::connect(server.endpoint()).expect("connected");
    ask(&mut raw, &[b"FLUSHALL"]);
    let mut numbers = Numbers(seed);
    let probe = ask(&mut raw, &[b"COMMAND", b"INFO", b"HEXPIREAT"]);
    let has_field_times = probe
        .items()
        .is_some_and(|items| items[0].items().is_some_and(|info| !info.is_empty()));
    for name in names() {
        make(&mut raw, &name, &mut numbers, has_field_times);
    }
    raw
}

#[tokio::test]
async fn every_type_comes_back_as_it_was() {
    for program in programs() {
        let server = start(&program);
        for seed in 0..KEYSPACES {
            let mut raw = fill(&server, seed);
            let names = names();
            let before: Vec<_> = names.iter().map(|name| told(&mut raw, name)).collect();
            let records: Vec<_> = names.iter().map(|name| saved(&mut raw, name)).collect();
            ask(&mut raw, &[b"FLUSHALL"]);
            let keyspace = connect(&server.url()).await;
            // A budget on one of two: then one turn's worth goes at a time.
            let budget = if seed % 2 == 0 {
                Budget::off()
            } else {
                Budget::default()
            };
            let options = full_speed().with_budget(budget);
            let done = restore(&keyspace, from(&keyspace, &records), options).await;
            assert_eq!(
                (done.restored, done.complete),
                (names.len() as u64, true),
                "{done:?}"
            );
            for (name, before) in names.iter().zip(before) {
                let place = format!("{}, seed {seed}, key {name:?}", program.label());
                assert_eq!(told(&mut raw, name), before, "{place}");
            }
        }
    }
}

/// Which values cross between the servers that are here: what the other can't read is refused by name, and what it takes
/// is the same value.
#[tokio::test]
async fn what_another_version_can_not_read_is_refused_and_the_rest_crosses() {
    let programs = programs();
    for program in &programs {
        for other in programs
            .iter()
            .filter(|other| other.label() != program.label())
        {
            let (server, receiver) = (start(program), start(other));
            let mut raw = fill(&server, 11);
            let mut there = Raw::connect(receiver.endpoint()).expect("connected");
            let records: Vec<_> = names().iter().map(|name| saved(&mut raw, name)).collect();
            let texts = records.iter().filter(|record| record.is_text).count() as u64;
            let keyspace = connect(&receiver.url()).await;
            let done = restore(&keyspace, from(&keyspace, &records), full_speed()).await;
            assert_eq!(
                done.restored + done.refused,
                records.len() as u64,
                "{done:?}"
            );
            assert!(done.restored >= texts, "strings cross always");
            assert_eq!(done.complete, done.refused == 0);
            assert_eq!(
                done.errors.iter().map(|error| error.count).sum::<u64>(),
                done.refused
            );
            println!(
                "{} to {}: {} of {} cross, {texts} of them strings",
                program.label(),
                other.label(),
                done.restored,
                records.len()
            );
            for record in &records {
                if ask(&mut there, &[b"EXISTS", &record.key]).int() == Some(1) {
                    let digest =
                        |raw: &mut Raw| ask(raw, &[b"DEBUG", b"DIGEST-VALUE", &record.key]);
                    assert_eq!(
                        format!("{:?}", digest(&mut there)),
                        format!("{:?}", digest(&mut raw))
                    );
                }
            }
        }
    }
}
