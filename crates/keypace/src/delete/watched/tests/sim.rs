//! On the simulator: what is sent in which order, each fault at each command, each refusal, and another client at the worst
//! moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use keypace_testkit::{Action, Rule, Sim};

use super::harness::{Came, How, Safe, holds, names, on, push};
use crate::delete::Until;
use crate::error::ErrorKind;
use crate::key::{Key, Slot};
use crate::limits;
use crate::pace::Budget;
use crate::port::{Class, Reply};

const KEYS: u64 = 600;
/// What a group sends, in this order, where strings are saved.
const STEPS: [&str; 7] = [
    "WATCH",
    "PEXPIRETIME",
    "STRLEN",
    "MGET",
    "MULTI",
    "UNLINK",
    "EXEC",
];

fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("k:", 0..KEYS);
    sim.insert_strings("other:", 0..10);
    sim
}

fn keys() -> Vec<Key> {
    names("k:", KEYS)
}

fn left(sim: &Sim) -> Vec<Vec<u8>> {
    let keys = sim.keys(0).into_iter();
    keys.filter(|key| key.starts_with(b"k:")).collect()
}

/// What the seeding gave a key.
fn value_of(key: &Key) -> Vec<u8> {
    key.as_bytes()[2..].to_vec()
}

/// Each key is on the server, or would be brought back with its value.
async fn nothing_is_lost(sim: &Sim, safe: &Safe, what: &str) {
    let copies = safe.copies().await;
    for key in keys() {
        assert!(
            holds(&copies, &key, &value_of(&key)) || sim.contains(0, key.as_bytes()),
            "{what}: {key:?} is lost"
        );
    }
    assert_eq!(
        sim.keys(0).len() - left(sim).len(),
        10,
        "{what}: others stay"
    );
}

fn budgets() -> [Budget; 2] {
    [Budget::off(), Budget::default()]
}

#[tokio::test(start_paused = true)]
async fn every_key_is_saved_before_it_goes_and_never_in_one_step() {
    for budget in budgets() {
        let (sim, safe) = (seeded(), Safe::new());
        let keyspace = on(&sim).await;
        let came = How::saving(&safe)
            .under(budget)
            .delete(&keyspace, &keys())
            .await;
        assert!(came.error.is_none(), "{came:?}");
        assert_eq!((came.keys(), came.tally.deleted), (KEYS, KEYS));
        assert!(left(&sim).is_empty());
        let copies = safe.copies().await;
        assert_eq!(copies.len() as u64, KEYS);
        assert!(copies.values().all(|copies| copies.len() == 1));
        nothing_is_lost(&sim, &safe, "no fault").await;
        check_order(&sim);
    }
}

/// P32c: on each connection a WATCH is answered for before the next, and nothing is removed outside of it, nor without having
/// been read within it.
fn check_order(sim: &Sim) {
    let mut open: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for record in sim.commands() {
        let steps = open.entry(record.connection).or_default();
        match record.name.as_str() {
            "WATCH" => {
                assert!(!steps.iter().any(|step| step == "WATCH"), "{steps:?}");
                // What was read before is read again.
                steps.clear();
                assert!(record.args.len() <= limits::WATCH_GROUP_KEYS + 1);
            }
            "UNLINK" => assert_eq!(steps.last().map(String::as_str), Some("MULTI"), "{steps:?}"),
            "MULTI" => {
                assert_eq!(
                    steps.first().map(String::as_str),
                    Some("WATCH"),
                    "{steps:?}"
                );
                assert!(steps.iter().any(|step| step == "MGET"), "{steps:?}");
            }
            _ => {}
        }
        match record.name.as_str() {
            "EXEC" | "UNWATCH" | "DISCARD" => steps.clear(),
            name if STEPS.contains(&name) => steps.push(name.to_owned()),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_a_connection_that_fails_at_any_step_loses_no_value() {
    let faults = [
        Action::ExecuteThenDrop,
        Action::DropConnection,
        Action::ExecuteThenStall,
        Action::Stall,
        Action::CutReply { after_bytes: 1 },
    ];
    for budget in budgets() {
        for step in STEPS {
            for fault in &faults {
                let what = format!("{fault:?} at {step}, {budget:?}");
                let (sim, safe) = (seeded(), Safe::new());
                sim.script(Rule::on(step).nth(2).then(fault.clone()));
                let keyspace = on(&sim).await;
                let how = How::saving(&safe).under(budget);
                let came = how.delete(&keyspace, &keys()).await;
                assert!(came.error.is_none(), "{what}: {came:?}");
                assert_eq!(sim.rules_left(), 0, "{what}: it has happened");
                let tally = came.tally;
                assert_eq!(tally.deleted + tally.already_gone, KEYS, "{what}");
                let is_exec =
                    step == "EXEC" && !matches!(fault, Action::DropConnection | Action::Stall);
                assert_eq!(tally.already_gone > 0, is_exec, "{what}: {tally:?}");
                assert!(left(&sim).is_empty(), "{what}");
                nothing_is_lost(&sim, &safe, &what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_where_nobody_answers_any_more_what_may_have_run_is_unknown() {
    let (sim, safe) = (seeded(), Safe::new());
    sim.script(
        Rule::on("EXEC")
            .nth(2)
            .always()
            .then(Action::ExecuteThenDrop),
    );
    let keyspace = on(&sim).await;
    // One lease after the other.
    let how = How::saving(&safe).under(Budget::default());
    let came = how.delete(&keyspace, &keys()).await;
    assert_eq!(came.error_kind(), Some(ErrorKind::Disconnected), "{came:?}");
    assert_eq!(came.tally.unknown as usize, came.lost, "{came:?}");
    nothing_is_lost(&sim, &safe, "given up").await;

    let (sim, safe) = (seeded(), Safe::new());
    let keyspace = on(&sim).await;
    sim.script(Rule::on("WATCH").always().then(Action::DropConnection));
    let came = How::saving(&safe).delete(&keyspace, &keys()).await;
    assert_eq!(came.error_kind(), Some(ErrorKind::Disconnected), "{came:?}");
    assert_eq!(came.keys(), 0, "nothing was sent: as if not found");
}

#[tokio::test(start_paused = true)]
async fn p28_each_refusal_at_each_step_removes_nothing_of_its_group() {
    for step in STEPS {
        for text in [
            "LOADING",
            "BUSY a script",
            "MASTERDOWN",
            "TRYAGAIN",
            "NOPERM User u has no permissions to access one of the keys",
        ] {
            let what = format!("{text} at {step}");
            let (sim, safe) = (seeded(), Safe::new());
            sim.script(Rule::on(step).nth(2).then(Action::Error(text.to_owned())));
            let keyspace = on(&sim).await;
            let came = How::saving(&safe).delete(&keyspace, &keys()).await;
            assert!(came.error.is_none(), "{what}: {came:?}");
            assert_eq!(came.keys(), KEYS, "{what}: {came:?}");
            // Asked again, in halves, it passes.
            assert_eq!(came.tally.deleted, KEYS, "{what}: {came:?}");
            nothing_is_lost(&sim, &safe, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_names_its_rule_and_ends_the_delete() {
    for step in STEPS {
        let (sim, safe) = (seeded(), Safe::new());
        let text = format!("NOPERM User u has no permissions to run the '{step}' command");
        sim.script(Rule::on(step).always().then(Action::Error(text)));
        let keyspace = on(&sim).await;
        let came = How::saving(&safe).delete(&keyspace, &keys()).await;
        if step == "PEXPIRETIME" {
            assert_eq!(came.tally.deleted, KEYS, "PTTL says it too");
            continue;
        }
        let error = came.error.as_ref().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Guard, "{step}: {error:?}");
        let rule = format!("+{}", step.to_lowercase());
        let hint = error.hint().expect("a hint");
        assert!(hint.contains(&rule), "{step}: {hint}");
        assert_eq!(left(&sim).len() as u64, KEYS, "{step}: nothing was removed");
        nothing_is_lost(&sim, &safe, step).await;
    }
}

/// Without a transaction an UNLINK would be one more command, and would not care what has changed.
#[tokio::test(start_paused = true)]
async fn where_multi_is_refused_no_removal_is_sent() {
    for text in ["NOPERM no multi", "LOADING", "ERR whatever"] {
        for safe in [Some(Safe::new()), None] {
            let sim = seeded();
            sim.script(
                Rule::on("MULTI")
                    .always()
                    .then(Action::Error(text.to_owned())),
            );
            let keyspace = on(&sim).await;
            let how = How {
                safe,
                types: vec!["string".to_owned()],
                ..How::bare()
            };
            how.delete(&keyspace, &names("k:", 3)).await;
            assert_eq!(sim.count_of("UNLINK"), 0, "{text}");
            assert_eq!(left(&sim).len() as u64, KEYS, "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_keys_of_another_node_are_elsewhere_and_keep_their_slot() {
    for step in ["WATCH", "PEXPIRETIME", "STRLEN", "MGET", "UNLINK", "EXEC"] {
        for text in [
            "MOVED 7 h:7001",
            "ASK 7 h:7001",
            "CLUSTERDOWN Hash slot not served",
        ] {
            let what = format!("{text} at {step}");
            let (sim, safe) = (seeded(), Safe::new());
            sim.script(Rule::on(step).nth(3).then(Action::Error(text.to_owned())));
            let keyspace = on(&sim).await;
            let how = How {
                in_cluster: true,
                batch: 50,
                ..How::saving(&safe)
            };
            let came = how.delete(&keyspace, &keys()).await;
            assert!(came.error.is_none(), "{what}: {came:?}");
            assert_eq!(came.keys(), KEYS, "{what}");
            assert_eq!(came.elsewhere_keys, left(&sim).len() as u64, "{what}");
            assert!(came.elsewhere_keys > 0, "{what}");
            for key in left(&sim) {
                assert!(came.elsewhere.contains(&Slot::of(&key)), "{what}");
            }
            nothing_is_lost(&sim, &safe, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p32_what_changes_between_the_look_and_the_exec_is_read_anew() {
    for budget in budgets() {
        for step in ["PEXPIRETIME", "STRLEN", "MGET", "MULTI", "UNLINK", "EXEC"] {
            let (sim, safe) = (seeded(), Safe::new());
            let write = Action::run(|state| state.set(0, "k:3", "newer"));
            sim.script(Rule::on(step).then(write));
            let keyspace = on(&sim).await;
            let came = How::saving(&safe)
                .under(budget)
                .delete(&keyspace, &keys())
                .await;
            assert!(came.error.is_none(), "{step}: {came:?}");
            assert_eq!(came.tally.deleted, KEYS, "{step}: {came:?}");
            let copies = safe.copies().await;
            assert!(holds(&copies, &Key::new("k:3"), b"newer"), "{step}");
            assert_eq!(
                copies[&Key::new("k:3")].len(),
                1,
                "{step}: the older is void"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p32_a_key_that_never_holds_still_is_left_alone() {
    for budget in budgets() {
        let (sim, safe) = (seeded(), Safe::new());
        let number = AtomicU64::new(0);
        let write = Action::run(move |state| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            state.set(0, "k:300", format!("v{number}").as_str());
        });
        sim.script(Rule::on("UNLINK").always().then(write));
        let keyspace = on(&sim).await;
        let came = How::saving(&safe)
            .under(budget)
            .delete(&keyspace, &keys())
            .await;
        assert!(came.error.is_none(), "{came:?}");
        assert_eq!((came.tally.deleted, came.tally.skipped), (KEYS - 1, 1));
        assert!(came.kinds.contains("changed"), "{came:?}");
        assert_eq!(left(&sim), [b"k:300"]);
        let copies = safe.copies().await;
        assert!(
            !copies.contains_key(&Key::new("k:300")),
            "its copies are void"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn values_above_the_bound_stay() {
    let (sim, safe) = (seeded(), Safe::new());
    sim.set(0, "k:5", vec![b'x'; 5_000].as_slice());
    sim.set(0, "k:6", vec![b'y'; 4_000].as_slice());
    let keyspace = on(&sim).await;
    let how = How {
        max_value_bytes: 4_000,
        ..How::saving(&safe)
    };
    let came = how.delete(&keyspace, &keys()).await;
    assert!(came.error.is_none(), "{came:?}");
    assert_eq!((came.tally.deleted, came.tally.skipped), (KEYS - 1, 1));
    assert!(came.kinds.contains("too_large"), "{came:?}");
    assert_eq!(left(&sim), [b"k:5"]);
    assert!(holds(
        &safe.copies().await,
        &Key::new("k:6"),
        &[b'y'; 4_000]
    ));
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_saved_as_a_moment_whichever_way_it_is_asked() {
    for has_pexpiretime in [true, false] {
        let (sim, safe) = (seeded(), Safe::new());
        if !has_pexpiretime {
            let unknown = Action::Error("ERR unknown command 'PEXPIRETIME'".to_owned());
            sim.script(Rule::on("PEXPIRETIME").always().then(unknown));
        }
        let at = sim.with_state(|state| {
            state.set_with_ttl_ms(0, "k:1", "1", 60_000);
            u64::try_from(state.now_ms()).expect("a time") + 60_000
        });
        let keyspace = on(&sim).await;
        let came = How::saving(&safe).delete(&keyspace, &keys()).await;
        assert_eq!(came.tally.deleted, KEYS, "{came:?}");
        let copies = safe.copies().await;
        let expires = copies[&Key::new("k:1")][0].expires_at_ms();
        let expires = expires.expect("it had one");
        assert!(expires.abs_diff(at) <= 5, "{expires} is not {at}");
        assert_eq!(copies[&Key::new("k:2")][0].expires_at_ms(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_without_a_vault_is_kept_under_watch() {
    let sim = seeded();
    sim.set(
        0,
        "k:1",
        keypace_testkit::Value::List([b"x".to_vec()].into()),
    );
    let became_a_list = Action::run(|state| {
        let list = keypace_testkit::Value::List([b"x".to_vec()].into());
        state.set(0, "k:2", list);
    });
    sim.script(Rule::on("UNLINK").then(became_a_list));
    let keyspace = on(&sim).await;
    let how = How {
        types: vec!["string".to_owned()],
        ..How::bare()
    };
    let came = how.delete(&keyspace, &keys()).await;
    assert!(came.error.is_none(), "{came:?}");
    assert_eq!((came.tally.deleted, came.tally.skipped), (KEYS - 2, 1));
    assert_eq!((came.unmatched, came.keys()), (1, KEYS));
    assert_eq!(left(&sim), [b"k:1", b"k:2"]);
    assert_eq!(sim.count_of("STRLEN") + sim.count_of("MGET"), 0);
}

/// A lease that still watches must not answer for the next user's EXEC.
#[tokio::test]
async fn p32c_a_dropped_delete_leaves_no_watch_behind() {
    for step in STEPS {
        let (sim, safe) = (seeded(), Safe::new());
        sim.script(
            Rule::on(step)
                .always()
                .then(Action::Delay(Duration::from_secs(3600))),
        );
        let keyspace = on(&sim).await;
        let how = How::saving(&safe);
        let mut watched = how.start(&keyspace, keyspace.node()).await;
        push(&mut watched, &keys(), 500);
        let run = tokio::time::timeout(Duration::from_millis(300), watched.run(Until::Settled));
        assert!(run.await.is_err(), "{step}: it waits");
        drop(watched);
        sim.clear_rules();
        let mut lease = keyspace.node().lease().await.expect("leased");
        sim.with_state(|state| {
            for key in keys() {
                state.set(0, key.as_bytes(), "changed");
            }
        });
        for (command, is_done) in [("MULTI", false), ("EXEC", true)] {
            let reply = lease.call(command, Class::Write, [command].iter()).await;
            let reply = reply.expect("accepted");
            assert!(
                !is_done || reply == Reply::Array(Vec::new()),
                "{step}: {reply:?}"
            );
        }
    }
}

/// Whatever moment a caller stops asking at, the next call goes on, and each key ends once.
#[tokio::test]
async fn run_is_cancel_safe() {
    for budget in budgets() {
        let (sim, safe) = (seeded(), Safe::new());
        for step in STEPS {
            let slow = Action::Delay(Duration::from_millis(7));
            sim.script(Rule::on(step).every(3).always().then(slow));
        }
        let keyspace = on(&sim).await;
        let how = How::saving(&safe).under(budget);
        let mut watched = how.start(&keyspace, keyspace.node()).await;
        push(&mut watched, &keys(), 500);
        let mut came = Came::default();
        let mut cancelled = 0;
        for micros in (0..).map(|n: u64| n * 977 % 10_000) {
            let limit = Duration::from_micros(micros);
            let run = tokio::time::timeout(limit, watched.run(Until::Settled)).await;
            for settled in watched.take_settled() {
                came.enter(settled);
            }
            match run {
                Ok(run) => {
                    run.expect("no fault");
                    break;
                }
                Err(_) => cancelled += 1,
            }
        }
        assert!(cancelled > 10, "{cancelled}");
        assert_eq!((came.keys(), came.tally.deleted), (KEYS, KEYS), "{came:?}");
        nothing_is_lost(&sim, &safe, "cancelled").await;
    }
}

/// A vault that is closed fails as one does whose disk is full.
#[tokio::test(start_paused = true)]
async fn where_the_vault_fails_nothing_more_is_deleted() {
    for budget in budgets() {
        for step in ["WATCH", "MGET", "MULTI", "UNLINK"] {
            let (sim, safe) = (seeded(), Safe::new());
            let vault = safe.vault.clone();
            let fail = Action::run(move |_| drop(vault.close().now_or_never()));
            sim.script(Rule::on(step).nth(2).then(fail));
            let keyspace = on(&sim).await;
            let how = How {
                batch: 25,
                ..How::saving(&safe).under(budget)
            };
            let came = how.delete(&keyspace, &keys()).await;
            assert_eq!(came.error_kind(), Some(ErrorKind::Io), "{step}: {came:?}");
            assert_eq!(came.tally.deleted, came.keys(), "{step}: {came:?}");
            assert_eq!(came.keys() + left(&sim).len() as u64, KEYS, "{step}");
            assert!(
                left(&sim).len() as u64 >= KEYS / 4,
                "{step}: it stopped at once"
            );
            nothing_is_lost(&sim, &safe, step).await;
            check_order(&sim);
        }
    }
}
