//! Conditions on real servers: every combination of them against a plain model, and that asking makes no key younger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keypace_lab::{Raw, Value, wait_until};

use super::guarded_live::{connect, deleted, raw, servers};
use crate::pace::Budget;
use crate::port::scripts_allowed;
use crate::select::{Filters, Guard};

/// What the model knows of a key.
#[derive(Clone)]
struct Fact {
    kind: &'static str,
    dump: Vec<u8>,
    ttl_ms: i64,
    idle_s: i64,
    bytes: i64,
}

const KINDS: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];
const TTLS_MS: [i64; 4] = [0, 60_000, 600_000, 6_000_000];
/// Sizes in bytes that the conditions name.
const THRESHOLDS: [i64; 3] = [420, 3_000, 29_000];
const IDLES_S: [i64; 3] = [0, 1_000, 100_000];

/// A value of each type, small or large, made by the server itself.
fn make(raw: &mut Raw, kind: &str, is_large: bool) -> Vec<u8> {
    let filler = "x".repeat(if is_large { 40 } else { 4 });
    let members = if is_large { 300 } else { 3 };
    let mut pipeline = raw.pipeline();
    pipeline.add(&[b"DEL", b"made"]);
    if kind == "string" {
        let value = filler.repeat(members);
        pipeline.add(&[b"SET", b"made", value.as_bytes()]);
    }
    for n in 0..members {
        let (number, member) = (n.to_string(), format!("{filler}{n}"));
        let (number, member) = (number.as_bytes(), member.as_bytes());
        match kind {
            "list" => pipeline.add(&[b"RPUSH", b"made", member]),
            "set" => pipeline.add(&[b"SADD", b"made", member]),
            "zset" => pipeline.add(&[b"ZADD", b"made", number, member]),
            "hash" => pipeline.add(&[b"HSET", b"made", number, member]),
            "stream" => pipeline.add(&[b"XADD", b"made", b"*", b"f", member]),
            _ => {}
        }
    }
    pipeline.run().expect("made");
    let dump = raw.command(&[b"DUMP", b"made"]).expect("dumped");
    raw.command(&[b"DEL", b"made"]).expect("removed");
    dump.bytes().expect("a payload").to_vec()
}

/// Every type, TTL, idle time and size.
fn keys(raw: &mut Raw) -> BTreeMap<String, Fact> {
    let mut keys = BTreeMap::new();
    for kind in KINDS {
        for is_large in [false, true] {
            let dump = make(raw, kind, is_large);
            for ttl_ms in TTLS_MS {
                for idle_s in IDLES_S {
                    let name = format!("k:{kind}:{is_large}:{ttl_ms}:{idle_s}");
                    let dump = dump.clone();
                    let fact = Fact {
                        kind,
                        dump,
                        ttl_ms,
                        idle_s,
                        bytes: 0,
                    };
                    keys.insert(name, fact);
                }
            }
        }
    }
    restore(raw, &keys);
    for (name, fact) in &mut keys {
        let words: [&[u8]; 5] = [b"MEMORY", b"USAGE", name.as_bytes(), b"SAMPLES", b"0"];
        fact.bytes = raw.command(&words).expect("asked").int().expect("a number");
    }
    keys
}

/// As if nobody had touched them.
fn restore(raw: &mut Raw, keys: &BTreeMap<String, Fact>) {
    let mut pipeline = raw.pipeline();
    pipeline.add(&[b"FLUSHALL"]);
    for (name, fact) in keys {
        let (ttl, idle) = (fact.ttl_ms.to_string(), fact.idle_s.to_string());
        pipeline.add(&[
            b"RESTORE",
            name.as_bytes(),
            ttl.as_bytes(),
            &fact.dump,
            b"IDLETIME",
            idle.as_bytes(),
        ]);
    }
    for reply in pipeline.run().expect("restored") {
        reply.checked().expect("restored");
    }
}

/// One combination of conditions, as the model understands it.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    kinds: &'static [&'static str],
    /// `has`, `no`, or neither.
    expiry: &'static str,
    over_ms: Option<i64>,
    under_ms: Option<i64>,
    idle_s: Option<i64>,
    larger: Option<i64>,
    smaller: Option<i64>,
}

impl Wanted {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        let kinds: [&[&str]; 3] = [&[], &["string"], &["hash", "SET", "stream"]];
        let ttls = [
            ("", None, None),
            ("has", None, None),
            ("no", None, None),
            ("", Some(300_000), None),
            ("has", None, Some(3_000_000)),
            ("", Some(300_000), Some(3_000_000)),
        ];
        let [least, middle, most] = THRESHOLDS;
        let sizes = [
            (None, None),
            (Some(middle), None),
            (None, Some(middle)),
            (Some(least), Some(most)),
        ];
        for kinds in kinds {
            for (expiry, over_ms, under_ms) in ttls {
                for (larger, smaller) in sizes {
                    for idle_s in [None, Some(500)] {
                        all.push(Self {
                            kinds,
                            expiry,
                            over_ms,
                            under_ms,
                            idle_s,
                            larger,
                            smaller,
                        });
                    }
                }
            }
        }
        all
    }

    fn guard(&self) -> Guard {
        let ms = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        let mut filters = Filters::default();
        if let Some(idle) = self.idle_s {
            filters = filters.with_idle_over(ms(idle * 1000)).expect("inside");
        }
        filters = match self.expiry {
            "has" => filters.with_has_ttl(),
            "no" => filters.with_no_ttl(),
            _ => filters,
        };
        if let Some(over) = self.over_ms {
            filters = filters.with_ttl_over(ms(over));
        }
        if let Some(under) = self.under_ms {
            filters = filters.with_ttl_under(ms(under));
        }
        if let Some(larger) = self.larger {
            filters = filters.with_size_over(larger.unsigned_abs());
        }
        if let Some(smaller) = self.smaller {
            filters = filters.with_size_under(smaller.unsigned_abs());
        }
        let kinds: Vec<String> = self.kinds.iter().map(ToString::to_string).collect();
        Guard::new(&filters, &kinds)
    }

    /// Whether a key is to go; `Err` where it is its type that keeps it.
    fn takes(&self, fact: &Fact) -> Result<bool, ()> {
        if self.idle_s.is_some_and(|idle| fact.idle_s < idle) {
            return Ok(false);
        }
        let is_kind = |kind: &&str| kind.eq_ignore_ascii_case(fact.kind);
        if !self.kinds.is_empty() && !self.kinds.iter().any(is_kind) {
            return Err(());
        }
        let has_ttl = fact.ttl_ms > 0;
        let is_ttl_right = match (self.expiry, self.over_ms, self.under_ms) {
            ("", None, None) => true,
            ("no", ..) => !has_ttl,
            (_, over, under) => {
                has_ttl
                    && over.is_none_or(|over| fact.ttl_ms > over)
                    && under.is_none_or(|under| fact.ttl_ms < under)
            }
        };
        let is_size_right = self.larger.is_none_or(|larger| fact.bytes > larger)
            && self.smaller.is_none_or(|smaller| fact.bytes < smaller);
        Ok(is_ttl_right && is_size_right)
    }
}

#[tokio::test]
async fn p32_every_combination_of_conditions_removes_what_a_model_removes() {
    for server in servers() {
        let mut raw = raw(&server);
        let keys = keys(&mut raw);
        // The same value takes a little more or less each time that it is made.
        let is_near = |bytes: i64, threshold: i64| (bytes - threshold).abs() * 10 < threshold;
        for (name, fact) in &keys {
            let near = THRESHOLDS
                .iter()
                .find(|threshold| is_near(fact.bytes, **threshold));
            assert!(
                near.is_none(),
                "{name} of {} bytes is near {near:?}",
                fact.bytes
            );
        }
        let keyspace = connect(&server).await;
        assert!(scripts_allowed(keyspace.node()).await.expect("asked"));
        let mut names: Vec<String> = keys.keys().cloned().collect();
        names.push("k:gone".to_owned());
        for (round, wanted) in Wanted::all().into_iter().enumerate() {
            let guard = wanted.guard();
            if guard.is_empty() {
                continue;
            }
            restore(&mut raw, &keys);
            let is_first_look = round % 2 == 0;
            let budget = if round % 8 == 0 {
                Budget::default()
            } else {
                Budget::off()
            };
            let outcome = deleted(&keyspace, &guard, is_first_look, budget, &names).await;
            assert!(outcome.error.is_none(), "{wanted:?}: {:?}", outcome.error);
            let verdicts = |verdict| {
                keys.values()
                    .filter(|fact| wanted.takes(fact) == verdict)
                    .count() as u64
            };
            let (goes, fails, other_type) =
                (verdicts(Ok(true)), verdicts(Ok(false)), verdicts(Err(())));
            let (unmatched, skipped) = if is_first_look {
                (fails, other_type)
            } else {
                (0, fails + other_type)
            };
            let left = raw.command(&[b"KEYS", b"*"]).expect("asked");
            let left: BTreeSet<String> = left.items().expect("a list").iter().map(text).collect();
            let kept = keys
                .iter()
                .filter(|(_, fact)| wanted.takes(fact) != Ok(true));
            let kept: BTreeSet<String> = kept.map(|(name, _)| name.clone()).collect();
            let differ: Vec<_> = left
                .symmetric_difference(&kept)
                .map(|name| (name, keys[name].bytes))
                .collect();
            assert!(
                differ.is_empty(),
                "{}: {wanted:?}: {differ:?}",
                server.program().label()
            );
            assert_eq!(outcome.tally.deleted, goes, "{wanted:?}");
            assert_eq!(outcome.tally.already_gone, 1, "{wanted:?}");
            assert_eq!(
                (outcome.unmatched, outcome.tally.skipped),
                (unmatched, skipped),
                "{wanted:?}"
            );
        }
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.bytes().expect("text")).into_owned()
}

#[tokio::test]
async fn p30_what_is_refused_is_no_younger_for_having_been_asked() {
    for server in servers() {
        let mut raw = raw(&server);
        let keys = keys(&mut raw);
        let keyspace = connect(&server).await;
        let names: Vec<String> = keys.keys().cloned().collect();
        let filters = Filters::default().with_idle_over(Duration::from_secs(1_000_000));
        let filters = filters.expect("inside").with_size_over(10_000_000);
        let guard = Guard::new(&filters, &["hash".to_owned()]);
        let young = Filters::default()
            .with_idle_over(Duration::from_secs(500))
            .expect("inside");
        for guard in [guard, Guard::new(&young.with_size_over(12_000), &[])] {
            restore(&mut raw, &keys);
            let outcome = deleted(&keyspace, &guard, true, Budget::off(), &names).await;
            assert!(outcome.error.is_none(), "{:?}", outcome.error);
            assert!(outcome.unmatched > 0);
            for (name, fact) in &keys {
                let idle = raw
                    .command(&[b"OBJECT", b"IDLETIME", name.as_bytes()])
                    .expect("asked");
                let Some(idle) = idle.int() else { continue };
                assert!(idle >= fact.idle_s, "{name}: {idle} s");
            }
        }
    }
}

/// Up to 7.0 and later, where no maxmemory policy needs an age of each, numbers below 10,000 are one value for all keys, as
/// old as its last use or the server.
#[tokio::test]
async fn p30_a_new_key_is_not_taken_for_as_old_as_the_value_it_shares() {
    for server in servers() {
        let mut raw = raw(&server);
        wait_until("be old enough", Duration::from_secs(20), || {
            let seconds: u64 = raw.info("server")?["uptime_in_seconds"].parse()?;
            if seconds >= 3 {
                Ok(())
            } else {
                Err(format!("{seconds} s").into())
            }
        })
        .expect("it gets older");
        raw.command(&[b"SET", b"k:new", b"4321"]).expect("set");
        let idle = Filters::default().with_idle_over(Duration::from_secs(2));
        let guard = Guard::new(&idle.expect("inside"), &[]);
        let keyspace = connect(&server).await;
        let names = ["k:new".to_owned()];
        let outcome = deleted(&keyspace, &guard, true, Budget::off(), &names).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!((outcome.unmatched, outcome.tally.deleted), (1, 0));
    }
}
