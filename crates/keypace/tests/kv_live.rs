//! The KV convenience against real servers, each the test's own: what is set, listed and cleared, and the index.
//! It looks at a server through the lab's client, never through what it tests; faults of the wire are the library's own
//! tests' business.

mod common;
#[path = "kv_live/index.rs"]
mod index;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Random, pattern, raw, run, servers};
use keypace::{Cleared, ConnectOptions, Keyspace, Kv, Purpose, Target};
use keypace_lab::{OwnedServer, Raw};

const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
/// Keys as people don't expect them, in the order of their bytes.
const ODD_KEYS: [&[u8]; 8] = [
    b"",
    b"\0",
    b" ",
    b"*",
    b"a\r\nb",
    b"index2",
    b"{t}:[x]\\",
    b"\xff\xfe",
];

async fn kv(server: &OwnedServer, prefix: &str, is_indexed: bool) -> Kv {
    let target = Target::parse(&server.url()).expect("valid");
    let options = ConnectOptions::default().with_purpose(Purpose::Application);
    let keyspace = Keyspace::connect(target, options).await.expect("connected");
    Kv::new(keyspace, prefix)
        .expect("an allowed prefix")
        .with_index(is_indexed)
}

async fn names(kv: &Kv, text: &str) -> Vec<Vec<u8>> {
    let collected = kv.keys(&pattern(text)).await.expect("listed");
    assert!(!collected.truncated);
    collected
        .keys
        .into_iter()
        .map(|key| key.into_bytes().to_vec())
        .collect()
}

async fn fill(kv: &Kv, keys: &[&str]) {
    for key in keys {
        kv.set(key, "1", HOUR).await.expect("set");
    }
}

fn counts(cleared: &[Cleared]) -> Vec<[u64; 4]> {
    let counts = |c: &Cleared| [c.matched, c.deleted, c.already_gone, c.failed];
    cleared.iter().map(counts).collect()
}

fn int(raw: &mut Raw, words: &[&[u8]]) -> i64 {
    raw.command(words)
        .expect("a reply")
        .int()
        .expect("a number")
}

/// The score of a member of `app:index`, as the server writes it.
fn score(raw: &mut Raw, member: &[u8]) -> Option<String> {
    let reply = raw
        .command(&[b"ZSCORE", b"app:index", member])
        .expect("a reply");
    reply
        .bytes()
        .map(|text| String::from_utf8_lossy(text).into_owned())
}

fn now_ms(raw: &mut Raw) -> i64 {
    let reply = raw.command(&[b"TIME"]).expect("a reply");
    let part = |at: usize| {
        let text = reply.items().expect("two")[at].bytes().expect("text");
        String::from_utf8_lossy(text)
            .parse::<i64>()
            .expect("a number")
    };
    part(0) * 1000 + part(1) / 1000
}

/// How often the server has run a command, those within scripts too.
fn calls(raw: &mut Raw, command: &str) -> u64 {
    let stats = raw.info("commandstats").expect("given");
    let line = stats.get(&format!("cmdstat_{command}"));
    let calls = line.and_then(|line| line.strip_prefix("calls=")?.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[tokio::test]
async fn what_is_set_is_got_and_deleted_whatever_its_bytes() {
    for server in servers() {
        for (prefix, is_indexed) in [("plain", false), ("with:index", true)] {
            let kv = kv(&server, prefix, is_indexed).await;
            for key in ODD_KEYS {
                assert_eq!(kv.get(key).await.expect("asked"), None);
                assert!(!kv.delete(key).await.expect("asked"));
                kv.set(key, key, None).await.expect("set");
                kv.set(key, [key, b"\0\xff"].concat(), None)
                    .await
                    .expect("set again");
                let value = kv.get(key).await.expect("asked").expect("there");
                assert_eq!(value, [key, b"\0\xff"].concat());
            }
            assert_eq!(names(&kv, "*").await, ODD_KEYS);
            let full = [prefix.as_bytes(), b":a\r\nb"].concat();
            assert_eq!(int(&mut raw(&server), &[b"EXISTS", &full]), 1);
            for key in ODD_KEYS {
                assert!(kv.delete(key).await.expect("deleted"));
                assert_eq!(kv.get(key).await.expect("asked"), None);
            }
        }
        assert_eq!(
            int(&mut raw(&server), &[b"DBSIZE"]),
            0,
            "the index goes with its last member"
        );
    }
}

#[tokio::test]
async fn a_ttl_is_kept_and_an_overwrite_changes_it_in_the_index_too() {
    for server in servers() {
        let mut raw = raw(&server);
        let kv = kv(&server, "app", true).await;
        for (seconds, other) in [(100, 5000), (5000, 100)] {
            kv.set("a", "1", Some(Duration::from_secs(seconds)))
                .await
                .expect("set");
            kv.set("a", "2", Some(Duration::from_secs(other)))
                .await
                .expect("set");
            let before = now_ms(&mut raw);
            let left = int(&mut raw, &[b"PTTL", b"app:a"]);
            let after = now_ms(&mut raw);
            assert!((1..=other as i64 * 1000).contains(&left), "{left}");
            let score: i64 = score(&mut raw, b"a")
                .expect("a member")
                .parse()
                .expect("whole ms");
            assert!(
                (before + left - 1..=after + left + 1).contains(&score),
                "{score}"
            );
        }
        kv.set("a", "3", None).await.expect("set");
        assert_eq!(int(&mut raw, &[b"PTTL", b"app:a"]), -1);
        assert_eq!(score(&mut raw, b"a").as_deref(), Some("inf"));
        assert_eq!(int(&mut raw, &[b"ZCARD", b"app:index"]), 1);
        assert!(kv.delete("a").await.expect("deleted"));
        assert_eq!(score(&mut raw, b"a"), None);

        let plain = kv.clone().with_index(false);
        plain
            .set("b", "1", Some(Duration::from_micros(1500)))
            .await
            .expect("set");
        plain.set("c", "1", HOUR).await.expect("set");
        assert!(
            int(&mut raw, &[b"PTTL", b"app:b"]) <= 2,
            "rounded up to 2 ms"
        );
        assert!(int(&mut raw, &[b"PTTL", b"app:c"]) > 3_500_000);
    }
}

#[tokio::test]
async fn a_prefix_is_taken_literally() {
    for server in servers() {
        let mut raw = raw(&server);
        for prefix in ["a*", "a?", "[ab]b", "a\\b"] {
            run(
                &mut raw,
                &[
                    &[b"FLUSHALL"],
                    &[b"MSET", b"ab:x", b"1", b"a:x", b"1", b"abc:x", b"1"],
                ],
            );
            for is_indexed in [false, true] {
                let kv = kv(&server, prefix, is_indexed).await;
                fill(&kv, &["x", "y"]).await;
                assert_eq!(names(&kv, "*").await, [b"x", b"y"], "{prefix}");
                assert_eq!(
                    counts(&kv.clear(&[pattern("*")]).await.expect("cleared")),
                    [[2, 2, 0, 0]]
                );
            }
            assert_eq!(
                int(&mut raw, &[b"EXISTS", b"ab:x", b"a:x", b"abc:x"]),
                3,
                "{prefix}"
            );
            assert_eq!(int(&mut raw, &[b"DBSIZE"]), 3, "{prefix}");
        }
    }
}

#[tokio::test]
async fn keys_are_stripped_sorted_and_bounded() {
    for server in servers() {
        for is_indexed in [false, true] {
            let kv = kv(&server, "app", is_indexed).await;
            // Set in the order of their expiry, which is not that of their names.
            fill(&kv, &["user:2", "page:9", "user:1", "user:10"]).await;
            assert_eq!(
                names(&kv, "user:*").await,
                [&b"user:1"[..], b"user:10", b"user:2"]
            );
            assert_eq!(names(&kv, "user:?").await, [b"user:1", b"user:2"]);
            assert_eq!(names(&kv, "page:9").await, [b"page:9"]);
            for (most, truncated) in [(3, false), (2, true), (0, true)] {
                let bounded = kv.clone().with_max_keys(most).expect("allowed");
                let collected = bounded.keys(&pattern("user:*")).await.expect("listed");
                assert_eq!(
                    (collected.keys.len(), collected.truncated),
                    (most, truncated)
                );
                assert!(collected.keys.is_sorted());
            }
            kv.clear(&[pattern("*")]).await.expect("cleared");
        }
    }
}

#[tokio::test]
async fn clear_counts_by_pattern_and_leaves_the_rest() {
    for server in servers() {
        for is_indexed in [false, true] {
            let kv = kv(&server, "app", is_indexed).await;
            for n in 0..1200 {
                kv.set(format!("image:{n}"), "1", HOUR).await.expect("set");
            }
            fill(&kv, &["meta:1", "meta:2", "image", "user:1"]).await;
            run(
                &mut raw(&server),
                &[&[b"MSET", b"application:image:1", b"1", b"image:1", b"1"]],
            );
            let patterns = ["image:1*", "none:*", "image:*", "meta:1"].map(pattern);
            let cleared = kv.clear(&patterns).await.expect("cleared");
            let expected = [[311, 311, 0, 0], [0; 4], [889, 889, 0, 0], [1, 1, 0, 0]];
            assert_eq!(counts(&cleared), expected);
            assert!(cleared.iter().all(|cleared| cleared.reason.is_none()));
            assert_eq!(cleared[2].pattern, patterns[2]);
            assert_eq!(names(&kv, "*").await, [&b"image"[..], b"meta:2", b"user:1"]);
            let left = if is_indexed { 6 } else { 5 };
            assert_eq!(
                int(&mut raw(&server), &[b"DBSIZE"]),
                left,
                "the index is no key of its own"
            );
            run(&mut raw(&server), &[&[b"FLUSHALL"]]);
        }
    }
}

#[tokio::test]
async fn keys_that_may_not_be_removed_are_counted_and_the_others_go() {
    for server in servers() {
        let mut raw = raw(&server);
        let rights: [&[u8]; 7] = [
            b"ACL",
            b"SETUSER",
            b"app",
            b"on",
            b">secret",
            b"+@all",
            b"~app:index",
        ];
        for is_indexed in [false, true] {
            fill(
                &kv(&server, "app", is_indexed).await,
                &["no:1", "no:2", "ok:1", "ok:2", "ok:3"],
            )
            .await;
            run(
                &mut raw,
                &[&rights, &[b"ACL", b"SETUSER", b"app", b"~app:ok:*"]],
            );
            let target = Target::parse(&format!("{}?user=app&password=secret", server.url()));
            let keyspace =
                Keyspace::connect(target.expect("valid"), ConnectOptions::default()).await;
            let kv = Kv::new(keyspace.expect("connected"), "app")
                .expect("allowed")
                .with_index(is_indexed);
            let cleared = kv
                .clear(&["ok:1", "*"].map(pattern))
                .await
                .expect("cleared");
            assert_eq!(counts(&cleared), [[1, 1, 0, 0], [4, 2, 0, 2]]);
            assert_eq!(cleared[0].reason, None);
            assert!(
                cleared[1]
                    .reason
                    .as_ref()
                    .expect("a reason")
                    .contains("NOPERM"),
                "{cleared:?}"
            );
            assert_eq!(int(&mut raw, &[b"EXISTS", b"app:no:1", b"app:no:2"]), 2);
            if is_indexed {
                assert_eq!(int(&mut raw, &[b"ZCARD", b"app:index"]), 2);
            }
        }
    }
}

/// Whatever is set, deleted and cleared, in whatever order: both ways list the same, and say the same of what they did.
#[tokio::test]
async fn with_and_without_an_index_the_same_keys_are_listed() {
    const ROUNDS: u64 = 30;
    const STEPS: u64 = 40;
    let mut random = Random::seeded();
    let patterns = ["*", "a*", "*:1", "[ab]:?", "\\*", "b:[0-4]", "?", "**"].map(pattern);
    for server in servers() {
        let plain = kv(&server, "plain", false).await;
        let indexed = kv(&server, "app", true).await;
        for round in 0..ROUNDS {
            let mut model: BTreeSet<String> =
                names(&plain, "*").await.into_iter().map(text).collect();
            for step in 0..STEPS {
                let lead = ["a:", "b:", "*", ""][random.below(4) as usize];
                let key = format!("{lead}{}", random.below(6));
                match random.below(8) {
                    0..5 => {
                        let ttl =
                            [None, HOUR, Some(Duration::from_secs(60))][random.below(3) as usize];
                        plain.set(&key, "1", ttl).await.expect("set");
                        indexed.set(&key, "1", ttl).await.expect("set");
                        model.insert(key);
                    }
                    5 | 6 => {
                        let was_there = model.remove(&key);
                        assert_eq!(plain.delete(&key).await.expect("deleted"), was_there);
                        assert_eq!(indexed.delete(&key).await.expect("deleted"), was_there);
                    }
                    _ => {
                        let chosen = [0; 2].map(|_| patterns[random.below(8) as usize].clone());
                        let before = model.len();
                        model.retain(|key| !chosen.iter().any(|p| p.matches(key.as_bytes())));
                        let gone = plain.clear(&chosen).await.expect("cleared");
                        assert_eq!(
                            counts(&gone),
                            counts(&indexed.clear(&chosen).await.expect("cleared"))
                        );
                        let deleted: u64 = gone.iter().map(|c| c.deleted).sum();
                        assert_eq!(
                            deleted,
                            (before - model.len()) as u64,
                            "round {round}, step {step}"
                        );
                    }
                }
                let listed = &patterns[random.below(8) as usize];
                let expected: Vec<_> = model
                    .iter()
                    .filter(|key| listed.matches(key.as_bytes()))
                    .collect();
                let one = plain.keys(listed).await.expect("listed");
                let other = indexed.keys(listed).await.expect("listed");
                assert_eq!(one, other, "{listed} in round {round}, step {step}");
                let one: Vec<_> = one
                    .keys
                    .into_iter()
                    .map(|key| text(key.into_bytes().to_vec()))
                    .collect();
                assert_eq!(one.iter().collect::<Vec<_>>(), expected, "{listed}");
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("ASCII")
}
