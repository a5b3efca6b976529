//! Random keys of every type that a server has, and all that it tells of them. Deletes nothing but what was there before.

use std::collections::BTreeMap;

use keypace_lab::{Raw, Value};

use crate::common::Random;

/// Keys that are to be deleted.
pub(crate) const KEYS: u64 = 240;
/// Keys that stay.
const OTHERS: u64 = 10;
/// 2096: later than any test.
const FAR_MS: u64 = 4_000_000_000_000;
/// The longest string: it is read in pieces.
const LONGEST: u64 = 1024 * 1024;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bitmap,
    Log,
    List,
    Set,
    Numbers,
    Hash,
    FieldTimes,
    Sorted,
    Places,
    Stream,
}

const KINDS: [Kind; 12] = [
    Kind::Text,
    Kind::Number,
    Kind::Bitmap,
    Kind::Log,
    Kind::List,
    Kind::Set,
    Kind::Numbers,
    Kind::Hash,
    Kind::FieldTimes,
    Kind::Sorted,
    Kind::Places,
    Kind::Stream,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Bitmap => "a bitmap",
            Self::Log => "a HyperLogLog",
            Self::List => "a list",
            Self::Set => "a set",
            Self::Numbers => "a set of numbers",
            Self::Hash => "a hash",
            Self::FieldTimes => "a hash with field times",
            Self::Sorted => "a sorted set",
            Self::Places => "a geo set",
            Self::Stream => "a stream",
        }
    }
}

fn ask(raw: &mut Raw, words: &[&[u8]]) -> Value {
    let answer = raw.command(words).and_then(Value::checked);
    answer.unwrap_or_else(|error| panic!("{}: {error}", words[0].escape_ascii()))
}

pub(crate) fn dbsize(raw: &mut Raw) -> u64 {
    let size = ask(raw, &[b"DBSIZE"]).int().expect("a number");
    u64::try_from(size).expect("a size")
}

fn text(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// Bytes of any kind: none, few, many, now and then a great many; some that can be compressed.
fn bytes(random: &mut Random, most: u64) -> Vec<u8> {
    let bound = [1, 12, 45, 70, 300, 5_000, most][random.below(7) as usize].min(most);
    let length = random.below(bound + 1);
    let is_plain = random.below(3) == 0;
    let byte = |_| {
        let byte = random.next().to_le_bytes()[0];
        if is_plain { b'a' + byte % 2 } else { byte }
    };
    (0..length).map(byte).collect()
}

/// One member of a key, as a command.
fn member(kind: Kind, key: &[u8], nth: u64, random: &mut Random) -> Vec<Vec<u8>> {
    let name = text(nth);
    let (verb, rest): (&str, Vec<Vec<u8>>) = match kind {
        Kind::Text => {
            let most = if random.below(6) == 0 {
                LONGEST
            } else {
                20_000
            };
            ("SET", vec![bytes(random, most)])
        }
        Kind::Number => (
            "SET",
            vec![format!("-{}", random.next() >> random.below(64)).into()],
        ),
        Kind::Bitmap => ("SETBIT", vec![text(random.below(40_000)), b"1".into()]),
        Kind::Log => ("PFADD", vec![bytes(random, 20)]),
        Kind::List => ("RPUSH", vec![bytes(random, 10_000)]),
        Kind::Set => ("SADD", vec![bytes(random, 200)]),
        Kind::Numbers => ("SADD", vec![text(random.next() >> random.below(64))]),
        Kind::Hash | Kind::FieldTimes => ("HSET", vec![name, bytes(random, 300)]),
        Kind::Sorted => {
            let score = match random.below(9) {
                0 => "-inf".to_owned(),
                1 => "inf".to_owned(),
                _ => format!("{}e-{}", random.below(1_000_000), random.below(9)),
            };
            ("ZADD", vec![score.into(), bytes(random, 100)])
        }
        Kind::Places => (
            "GEOADD",
            vec![text(random.below(170)), text(random.below(80)), name],
        ),
        Kind::Stream => (
            "XADD",
            vec![
                format!("{}-{nth}", 5 + nth / 3).into(),
                name,
                bytes(random, 80),
            ],
        ),
    };
    let words = [verb.as_bytes().to_vec(), key.to_vec()];
    words.into_iter().chain(rest).collect()
}

/// Sends commands together.
fn run(raw: &mut Raw, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
    let mut pipeline = raw.pipeline();
    for words in commands {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        pipeline.add(&words);
    }
    let answers = pipeline.run().expect("answers");
    let checked = answers.into_iter().map(Value::checked);
    checked.map(|answer| answer.expect("taken")).collect()
}

/// Groups, consumers, pending and deleted entries.
fn tend(raw: &mut Raw, key: &[u8], random: &mut Random) {
    ask(raw, &[b"XGROUP", b"CREATE", key, b"workers", b"0"]);
    ask(raw, &[b"XGROUP", b"CREATE", key, b"idle", b"$"]);
    for consumer in [&b"one"[..], b"two"] {
        let count = text(1 + random.below(4));
        let group: [&[u8]; 6] = [
            b"XREADGROUP",
            b"GROUP",
            b"workers",
            consumer,
            b"COUNT",
            &count,
        ];
        ask(raw, &[&group[..], &[b"STREAMS", key, b">"]].concat());
    }
    if random.below(2) == 0 {
        ask(raw, &[b"XACK", key, b"workers", b"5-0"]);
        ask(raw, &[b"XDEL", key, b"5-1"]);
    }
}

fn make(raw: &mut Raw, key: &[u8], kind: Kind, random: &mut Random) {
    let members = match kind {
        Kind::Text | Kind::Number => 1,
        _ => {
            let most = [3, 30, 300][random.below(3) as usize];
            1 + random.below(most)
        }
    };
    let commands: Vec<_> = (0..members)
        .map(|nth| member(kind, key, nth, random))
        .collect();
    run(raw, &commands);
    match kind {
        Kind::FieldTimes => {
            let at = text(FAR_MS + random.below(1_000_000));
            let words: [&[u8]; 6] = [b"HPEXPIREAT", key, &at, b"FIELDS", b"1", b"0"];
            ask(raw, &words);
        }
        Kind::Stream => tend(raw, key, random),
        _ => {}
    }
    if random.below(2) == 0 {
        let at = text(FAR_MS + random.below(1_000_000_000));
        ask(raw, &[b"PEXPIREAT", key, &at]);
    }
}

/// Names as people make them, and as nobody should.
fn name(prefix: &str, nth: u64, random: &mut Random) -> Vec<u8> {
    let mut name = format!("{prefix}:{nth}:").into_bytes();
    if random.below(4) == 0 {
        name.extend(bytes(random, 60));
    }
    name
}

/// A new keyspace; what each key is that is to be deleted.
pub(crate) fn fill(raw: &mut Raw, random: &mut Random) -> BTreeMap<Vec<u8>, Kind> {
    ask(raw, &[b"FLUSHALL"]);
    let probe = ask(raw, &[b"COMMAND", b"INFO", b"HPEXPIREAT"]);
    let has_field_times = probe
        .items()
        .is_some_and(|items| items[0].items().is_some_and(|info| !info.is_empty()));
    let mut kinds = BTreeMap::new();
    for nth in 0..KEYS + OTHERS {
        let mut kind = KINDS[random.below(KINDS.len() as u64) as usize];
        if kind == Kind::FieldTimes && !has_field_times {
            kind = Kind::Hash;
        }
        let prefix = if nth < KEYS { "key" } else { "other" };
        let key = name(prefix, nth, random);
        make(raw, &key, kind, random);
        if nth < KEYS {
            kinds.insert(key, kind);
        }
    }
    kinds
}

/// All that the server tells of every key: what DEBUG DIGEST-VALUE leaves out too.
pub(crate) fn told(raw: &mut Raw) -> BTreeMap<Vec<u8>, String> {
    let names = ask(raw, &[b"KEYS", b"*"]);
    let names = names.items().expect("names").iter();
    let names: Vec<Vec<u8>> = names
        .map(|name| name.bytes().expect("a name").to_vec())
        .collect();
    names
        .into_iter()
        .map(|key| {
            let facts = facts(raw, &key);
            (key, facts)
        })
        .collect()
}

fn facts(raw: &mut Raw, key: &[u8]) -> String {
    let mut all = vec![
        ask(raw, &[b"TYPE", key]),
        ask(raw, &[b"DEBUG", b"DIGEST-VALUE", key]),
        ask(raw, &[b"PEXPIRETIME", key]),
    ];
    match all[0].bytes() {
        Some(b"stream") => {
            all.push(ask(raw, &[b"XINFO", b"GROUPS", key]));
            // Names and how much is pending; how long ago somebody was seen goes on.
            let consumers = ask(raw, &[b"XINFO", b"CONSUMERS", key, b"workers"]);
            for consumer in consumers.items().expect("a list") {
                all.extend(consumer.items().expect("pairs").iter().take(4).cloned());
            }
            // Entry, consumer and deliveries; how long ago is left out again.
            let words: [&[u8]; 6] = [b"XPENDING", key, b"workers", b"-", b"+", b"100"];
            for pending in ask(raw, &words).items().expect("a list") {
                let parts = pending.items().expect("parts");
                all.extend([&parts[0], &parts[1], &parts[3]].map(Clone::clone));
            }
        }
        Some(b"hash") => {
            let words: [&[u8]; 5] = [b"HPEXPIRETIME", key, b"FIELDS", b"1", b"0"];
            // A server without them answers with an error, and with the same the next time.
            all.push(raw.command(&words).expect("answered"));
        }
        _ => {}
    }
    format!("{all:?}")
}
