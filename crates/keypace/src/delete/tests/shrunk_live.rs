//! Big values on servers without UNLINK: no command takes more than a bounded number of elements.

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, Value};

use super::guarded_live::{connect, raw};
use super::{Batch, Deleter, confirmed, finished};
use crate::key::Key;
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::Paced;

const ELEMENTS: u64 = 200_000;
const NAMES: [&str; 5] = ["k:list", "k:set", "k:hash", "k:zset", "k:stream"];

/// Five large collections, and small keys around them.
fn seed(raw: &mut Raw) {
    for start in (0..ELEMENTS).step_by(1000) {
        let numbers: Vec<String> = (start..start + 1000).map(|n| n.to_string()).collect();
        let mut pipeline = raw.pipeline();
        for (command, key, words) in [
            ("RPUSH", "k:list", 1),
            ("SADD", "k:set", 1),
            ("HSET", "k:hash", 2),
            ("ZADD", "k:zset", 2),
        ] {
            let mut all = vec![command.as_bytes(), key.as_bytes()];
            for number in &numbers {
                all.extend(std::iter::repeat_n(number.as_bytes(), words));
            }
            pipeline.add(&all);
        }
        for _ in &numbers {
            pipeline.add(&[b"XADD", b"k:stream", b"*", b"f", b"v"]);
        }
        pipeline.run().expect("seeded");
    }
    let mut pipeline = raw.pipeline();
    for n in 0..100 {
        pipeline.add(&[b"SET", format!("k:{n}").as_bytes(), b"v"]);
        pipeline.add(&[b"SADD", format!("k:s{n}").as_bytes(), b"a", b"b"]);
    }
    pipeline.run().expect("seeded");
}

/// How many elements a command of the log took out; the stream's own are told by what is left.
fn taken(words: &[String], stream_left: &mut u64) -> u64 {
    let number = |at: usize| words[at].parse::<i64>().expect("a number");
    match words[0].to_ascii_uppercase().as_str() {
        "LTRIM" => number(3).unsigned_abs() - 1,
        "ZREMRANGEBYRANK" => number(3).unsigned_abs() + 1,
        "XTRIM" => {
            let left = number(3).unsigned_abs();
            std::mem::replace(stream_left, left) - left
        }
        // The log shows 31 words, and how many more there are.
        "SREM" | "HDEL" => match words.last().and_then(|last| last.strip_prefix("... (")) {
            Some(more) => {
                let more: u64 = more
                    .split(' ')
                    .next()
                    .expect("a word")
                    .parse()
                    .expect("a number");
                words.len() as u64 - 3 + more
            }
            None => words.len() as u64 - 2,
        },
        _ => 0,
    }
}

fn log(raw: &mut Raw) -> Vec<Vec<String>> {
    let entries = raw.command(&[b"SLOWLOG", b"GET", b"-1"]).expect("asked");
    let text =
        |value: &Value| String::from_utf8_lossy(value.bytes().unwrap_or_default()).into_owned();
    let words = |entry: &Value| {
        entry.items().expect("an entry")[3]
            .items()
            .expect("words")
            .iter()
            .map(text)
            .collect()
    };
    let mut log: Vec<Vec<String>> = entries.items().expect("a list").iter().map(words).collect();
    log.reverse();
    log
}

#[tokio::test]
async fn p23_big_values_are_taken_apart_where_there_is_no_unlink() {
    for program in Program::all() {
        for budget in [Budget::off(), Budget::default()] {
            let options = ServerOptions::default()
                .with_args("rename-command", ["UNLINK", ""])
                .with_arg("slowlog-max-len", "1000000");
            let server = OwnedServer::start(&program, options).expect("started");
            let mut raw = raw(&server);
            seed(&mut raw);
            raw.command(&[b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0"])
                .expect("set");
            let keyspace = connect(&server).await;
            let confirmed = confirmed(&keyspace).await;
            let paced = Paced::join(keyspace.node(), budget, Thresholds::default(), true);
            let mut deleter = Deleter::new(keyspace.node(), &confirmed, paced);
            let names = NAMES.map(str::to_owned).into_iter();
            let names = names.chain((0..100).flat_map(|n| [format!("k:{n}"), format!("k:s{n}")]));
            let keys: Vec<Key> = names.chain(["k:gone".to_owned()]).map(Key::new).collect();
            for (id, keys) in keys.chunks(70).enumerate() {
                deleter.push(Batch {
                    id: id as u64,
                    keys: keys.into(),
                });
            }
            let outcome = finished(deleter, keys.len() as u64).await;
            assert!(outcome.error.is_none(), "{:?}", outcome.error);
            assert_eq!(
                outcome.tally.deleted,
                keys.len() as u64 - 1,
                "each is counted once"
            );
            assert_eq!(outcome.tally.already_gone, 1);
            let left = raw.command(&[b"DBSIZE"]).expect("asked");
            assert_eq!(left.int(), Some(0));
            raw.command(&[b"CONFIG", b"SET", b"slowlog-log-slower-than", b"-1"])
                .expect("set");
            check(&log(&mut raw), &program.label());
        }
    }
}

/// No command took more than its bound, and together they left as few as may go at once.
fn check(log: &[Vec<String>], program: &str) {
    let mut stream_left = ELEMENTS;
    let mut sums = std::collections::BTreeMap::<String, (u64, u64, u64)>::new();
    for words in log {
        let taken = taken(words, &mut stream_left);
        if taken > 0 {
            let sum = sums.entry(words[1].clone()).or_default();
            *sum = (sum.0 + 1, sum.1 + taken, sum.2.max(taken));
        }
    }
    for name in NAMES {
        let (commands, elements, most) = sums[name];
        assert!(
            most <= limits::SHRINK_STEP_ELEMENTS as u64,
            "{program} {name}: {most} at once"
        );
        assert!(
            elements >= ELEMENTS - limits::SHRINK_ABOVE_ELEMENTS,
            "{program} {name}: {elements}"
        );
        assert!(
            elements < ELEMENTS,
            "{program} {name}: one is left to be counted"
        );
        assert!(commands >= 199, "{program} {name}");
    }
}
