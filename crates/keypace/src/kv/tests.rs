//! What a wire can lose and a server can refuse, scripted on the simulator; and what is refused before it is sent.
//! The servers' own behaviour is proved by the live tests.

use std::time::Duration;

use keypace_testkit::{Action, Reply, Rule, Sim};

use super::state::Cleared;
use super::wire::{PRUNE, REMOVE, SET};
use super::{Kv, explain_old_server};
use crate::error::{Error, ErrorKind, Retry};
use crate::key::Pattern;
use crate::limits;
use crate::port::{Wire, request};

/// More than a page of SCAN, so that walks have a middle.
const KEYS: u64 = 2000;

async fn on(sim: &Sim) -> Kv {
    Kv::new(Wire::to(sim).keyspace().await, "app").expect("an allowed prefix")
}

/// The simulator has no ZRANGE: an index that nothing is in.
fn no_members() -> Rule {
    Rule::on("ZRANGE").then(Action::Reply(b"*0\r\n".to_vec()))
}

/// The simulator runs no Lua: a closure stands for `remove.lua`.
async fn clearing(sim: &Sim, is_indexed: bool) -> Kv {
    if is_indexed {
        sim.script(no_members());
    }
    sim.on_script(REMOVE.text, |call| {
        let (keys, args) = (call.keys, call.args);
        let words = |first: &[u8], rest: &[Vec<u8>]| {
            let mut words = vec![first.to_vec()];
            words.extend_from_slice(rest);
            words
        };
        let mut members = words(b"ZREM", &keys[..1]);
        members.extend_from_slice(&args[1..]);
        call.call(&members);
        call.call(&words(&args[0], &keys[1..]))
    });
    on(sim).await.with_index(is_indexed)
}

fn pattern(text: &str) -> Pattern {
    Pattern::new(text.to_owned()).expect("a valid pattern")
}

fn counts(cleared: &[Cleared]) -> Vec<[u64; 4]> {
    let counts = |c: &Cleared| [c.matched, c.deleted, c.already_gone, c.failed];
    cleared.iter().map(counts).collect()
}

#[tokio::test]
async fn what_can_not_be_is_refused_before_it_is_sent() {
    let sim = Sim::new();
    let kv = on(&sim).await;
    let error = kv.clone().with_max_keys(limits::COLLECT_MAX_KEYS + 1);
    assert_eq!(error.expect_err("too many").kind(), ErrorKind::Limit);
    sim.reset_counts();
    let sent = sim.commands().len();
    for kv in [kv.clone(), kv.with_index(true)] {
        let errors = [
            kv.set("a", "1", Some(Duration::ZERO)).await.map(drop),
            kv.set("a", "1", Some(Duration::MAX)).await.map(drop),
            kv.set("index", "1", None).await.map(drop),
            kv.get("index").await.map(drop),
            kv.delete("index").await.map(drop),
            kv.clear(&[]).await.map(drop),
        ];
        for error in errors {
            let error = error.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
        }
        let long = pattern(&"k".repeat(limits::MAX_PATTERN_BYTES));
        let error = kv.keys(&long).await.expect_err("too long with its prefix");
        assert_eq!(error.kind(), ErrorKind::InvalidPattern);
    }
    assert_eq!(sim.commands().len(), sent);
}

#[tokio::test]
async fn p28b_a_write_without_a_reply_is_not_repeated() {
    for name in ["SET", "DEL"] {
        let sim = Sim::new();
        let kv = on(&sim).await;
        sim.script(Rule::on(name).then(Action::ExecuteThenDrop));
        let error = match name {
            "SET" => kv.set("a", "1", None).await.expect_err("lost"),
            _ => kv.delete("a").await.expect_err("lost"),
        };
        assert_eq!(error.retry(), Retry::AskAgain, "{error}");
        assert_eq!(sim.count_of(name), 1, "{name}");
        kv.set("a", "2", None)
            .await
            .expect("the next one has a new connection");
    }
}

#[tokio::test]
async fn p28b_a_script_without_a_reply_is_not_repeated() {
    let sim = Sim::new();
    sim.on_script(SET.text, |_| Reply::Int(1));
    let kv = on(&sim).await.with_index(true);
    kv.set("a", "1", None).await.expect("set");
    assert_eq!((sim.count_of("EVALSHA"), sim.count_of("EVAL")), (1, 1));
    sim.script(Rule::on("EVALSHA").then(Action::ExecuteThenDrop));
    let error = kv.set("a", "1", None).await.expect_err("lost");
    assert_eq!(error.retry(), Retry::AskAgain, "{error}");
    assert_eq!((sim.count_of("EVALSHA"), sim.count_of("EVAL")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn reads_are_tried_again() {
    let sim = Sim::new();
    sim.on_script(PRUNE.text, |_| {
        Reply::Array(vec![Reply::bulk("1"), Reply::Int(0)])
    });
    let kv = on(&sim).await.with_index(true);
    sim.set(0, "app:a", &b"1"[..]);
    sim.script(Rule::on("GET").then(Action::DropConnection));
    sim.script(Rule::on("GET").then(Action::Error("LOADING".into())));
    assert_eq!(kv.get("a").await.expect("got").as_deref(), Some(&b"1"[..]));
    sim.script(Rule::on("EVALSHA").then(Action::DropConnection));
    sim.script(Rule::on("ZRANGE").then(Action::DropConnection));
    sim.script(no_members());
    let collected = kv.keys(&pattern("*")).await.expect("listed");
    assert_eq!((collected.keys.len(), sim.rules_left()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn p03_clear_counts_hold_over_duplicates_lost_replies_and_another_process() {
    for is_indexed in [false, true] {
        let removal = if is_indexed { "EVALSHA" } else { "UNLINK" };
        for (command, actions) in [
            ("SCAN", vec![Action::Duplicates]),
            ("SCAN", vec![Action::NewRunId, Action::DropConnection]),
            ("SCAN", vec![Action::DropConnection]),
            (removal, vec![Action::ExecuteThenDrop]),
        ] {
            let what = format!("{command}, {actions:?}, with an index: {is_indexed}");
            let sim = Sim::new();
            sim.insert_strings("app:", 0..KEYS);
            sim.insert_strings("apply:", 0..10);
            let kv = clearing(&sim, is_indexed).await;
            let rule = Rule::on(command).nth(2);
            sim.script(actions.into_iter().fold(rule, Rule::then));
            let cleared = kv.clear(&["1*", "*"].map(pattern)).await.expect("cleared");
            assert_eq!(sim.rules_left(), 0, "{what}: it happened");
            assert_eq!(sim.keys(0).len(), 10, "{what}");
            for [matched, deleted, already_gone, failed] in counts(&cleared) {
                assert_eq!(matched, deleted + already_gone + failed, "{what}");
                assert_eq!(failed, 0, "{what}");
            }
            let deleted: u64 = cleared.iter().map(|c| c.deleted).sum();
            let gone: u64 = cleared.iter().map(|c| c.already_gone).sum();
            if command == "SCAN" {
                assert_eq!(deleted, KEYS, "{what}");
            } else {
                assert!(
                    (1..=500).contains(&gone) && deleted + gone == KEYS,
                    "{what}: {gone}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_how_far_a_clear_came() {
    for (is_indexed, command) in [(false, "UNLINK"), (true, "EVALSHA")] {
        let sim = Sim::new();
        sim.insert_strings("app:", 0..KEYS);
        let kv = clearing(&sim, is_indexed).await;
        let refused = Action::Error("READONLY You can't write against a read only replica.".into());
        sim.script(Rule::on(command).nth(3).then(refused));
        let error = kv.clear(&[pattern("*")]).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        let deleted = KEYS - sim.keys(0).len() as u64;
        assert!((1..KEYS).contains(&deleted), "{deleted}");
        assert!(
            error
                .to_string()
                .contains(&format!("after {deleted} of them")),
            "{error}"
        );
    }
}

/// Whatever a proxy hands out in the server's name, what is not below the prefix stays.
#[tokio::test]
async fn p15_keys_of_others_in_a_page_are_left_alone() {
    for is_indexed in [false, true] {
        let sim = Sim::new();
        sim.set(0, "app:a", &b"1"[..]);
        sim.set(0, "other", &b"1"[..]);
        let kv = clearing(&sim, is_indexed).await;
        let page = b"*2\r\n$1\r\n0\r\n*2\r\n$5\r\napp:a\r\n$5\r\nother\r\n".to_vec();
        sim.script(Rule::on("SCAN").then(Action::Reply(page)));
        let cleared = kv.clear(&[pattern("*")]).await.expect("cleared");
        assert_eq!(counts(&cleared), [[1, 1, 0, 0]]);
        assert_eq!(sim.keys(0), [b"other"]);
    }
}

#[test]
fn a_ttl_is_whole_milliseconds_and_never_zero() {
    for (ttl, ms) in [
        (Duration::from_nanos(1), 1),
        (Duration::from_millis(1), 1),
        (Duration::from_micros(1001), 2),
        (Duration::from_secs(3), 3000),
    ] {
        assert_eq!(request::ttl_ms(ttl).expect("allowed"), ms, "{ttl:?}");
    }
    for ttl in [
        Duration::ZERO,
        limits::MAX_TTL + Duration::from_nanos(1),
        Duration::MAX,
    ] {
        let error = request::ttl_ms(ttl).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidOption);
    }
}

#[test]
fn an_old_server_is_told_from_other_faults() {
    let refusal = |text: &str| Error::new(ErrorKind::Server, Retry::Never, "run EVALSHA", text);
    let old = "ERR Write commands not allowed after non deterministic commands";
    assert_eq!(
        explain_old_server(refusal(old)).kind(),
        ErrorKind::Unsupported
    );
    assert_eq!(explain_old_server(refusal("ERR")).kind(), ErrorKind::Server);
}

/// Applications spawn what they await.
#[test]
fn futures_can_move_between_threads() {
    fn moves<T: Send>(_: impl Fn(&'static Kv, &'static [Pattern]) -> T) {}
    moves(|kv, _| kv.get("a"));
    moves(|kv, _| kv.set("a", "b", None));
    moves(|kv, _| kv.delete("a"));
    moves(|kv, patterns| kv.keys(&patterns[0]));
    moves(|kv, patterns| kv.clear(patterns));
}
