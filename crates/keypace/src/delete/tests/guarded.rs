//! The script that checks and removes, scripted on the simulator: what is refused, forgotten, moved or lost on the way.

use keypace_testkit::{Action, Reply, Rule, Sim, SimOptions};

use super::{Batch, Deleter, Outcome, Until, confirmed, finished};
use crate::delete::script;
use crate::error::ErrorKind;
use crate::key::Key;
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Paced, Wire};
use crate::select::{Filters, Guard};

const KEYS: u64 = 2000;
/// One key in so many is refused by the stand-in for the script.
const REFUSED_EVERY: u64 = 10;

/// `k:N`; a key whose number divides is `k:N:keep`.
fn name(n: u64) -> String {
    if n.is_multiple_of(REFUSED_EVERY) {
        format!("k:{n}:keep")
    } else {
        format!("k:{n}")
    }
}

/// The simulator runs no Lua: a closure stands for the script. It refuses keys that end in `keep`, those that end in
/// `type` for their type, and fails at one that ends in `boom`.
fn seeded() -> Wire {
    let wire = Wire::default();
    for n in 0..KEYS {
        wire.sim.set(0, name(n), "value");
    }
    wire.sim.on_script(script::TEXT, |call| {
        let mut letters = String::new();
        for key in call.keys {
            if key.ends_with(b"boom") {
                let error = "ERR ACL failure in script: User u has no permissions to run the 'unlink' command";
                return Reply::Array(vec![Reply::bulk(letters), Reply::bulk(error)]);
            }
            let is_refused = call.state().contains(0, key) && key.ends_with(b"keep");
            letters.push(match is_refused {
                true => 'r',
                false if key.ends_with(b"type") => 't',
                false => match call.call(&[call.args[0].as_slice(), key.as_slice()]) {
                    Reply::Int(1) => 'd',
                    _ => 'g',
                },
            });
        }
        Reply::bulk(letters)
    });
    wire
}

async fn deleted(wire: &Wire, budget: Budget, is_first_look: bool, more: &[&str]) -> Outcome {
    let keyspace = wire.keyspace().await;
    let confirmed = confirmed(&keyspace).await;
    let paced = Paced::join(keyspace.node(), budget, Thresholds::default(), true);
    let guard = Guard::new(&Filters::default().with_no_ttl(), &[]);
    let deleter = Deleter::new(keyspace.node(), &confirmed, paced);
    let mut deleter = deleter.guarded(&guard, is_first_look);
    let names: Vec<_> = (0..KEYS)
        .map(name)
        .chain(more.iter().map(ToString::to_string))
        .collect();
    for (id, keys) in names.chunks(limits::BATCH_KEYS).enumerate() {
        let keys = keys.iter().map(|name| Key::new(name.clone())).collect();
        deleter.push(Batch {
            id: id as u64,
            keys,
        });
    }
    finished(deleter, names.len() as u64).await
}

fn budgets() -> [Budget; 2] {
    [Budget::off(), Budget::default()]
}

fn refused() -> u64 {
    KEYS / REFUSED_EVERY
}

fn plain_commands(sim: &Sim) -> u64 {
    sim.commands()
        .iter()
        .filter(|command| command.name == "EVAL")
        .count() as u64
}

#[tokio::test(start_paused = true)]
async fn p32_what_is_refused_never_matched_or_has_changed() {
    for budget in budgets() {
        let wire = seeded();
        let outcome = deleted(&wire, budget, true, &["k:gone", "k:a:type"]).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!(outcome.unmatched, refused());
        assert_eq!(outcome.tally.deleted, KEYS - refused());
        assert_eq!((outcome.tally.already_gone, outcome.tally.skipped), (1, 1));
        assert_eq!(outcome.refused.len(), 1);
        assert_eq!(outcome.refused[0].sample, Some(Key::new("k:a:type")));

        let wire = seeded();
        let outcome = deleted(&wire, budget, false, &["k:gone", "k:a:type"]).await;
        assert_eq!(outcome.unmatched, 0);
        assert_eq!(outcome.tally.skipped, refused() + 1);
        assert!(
            outcome
                .refused
                .iter()
                .all(|refused| refused.kind == ErrorKind::Changed)
        );
        assert!(
            outcome
                .refused
                .iter()
                .all(|refused| refused.sample.is_some())
        );
        assert_eq!(wire.sim.keys(0).len() as u64, refused());
    }
}

#[tokio::test(start_paused = true)]
async fn p28_a_script_that_is_forgotten_is_told_again() {
    for budget in budgets() {
        let wire = seeded();
        let forgotten = || Action::Error("NOSCRIPT No matching script.".to_owned());
        wire.sim
            .script(Rule::on("EVALSHA").nth(1).then(forgotten()));
        wire.sim
            .script(Rule::on("EVALSHA").nth(2).then(forgotten()));
        let outcome = deleted(&wire, budget, true, &[]).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!(outcome.tally.deleted, KEYS - refused());
        assert_eq!(outcome.tally.already_gone, 0, "nothing had run");
        let texts = plain_commands(&wire.sim);
        assert!(
            (2..=3).contains(&texts),
            "{texts} texts: one at first, one or two again"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_a_script_without_a_reply_may_have_run() {
    for budget in budgets() {
        for fault in [
            Action::ExecuteThenDrop,
            Action::DropConnection,
            Action::Stall,
            Action::ExecuteThenStall,
            Action::CutReply { after_bytes: 9 },
        ] {
            let wire = seeded();
            wire.sim
                .script(Rule::on("EVALSHA").nth(1).then(fault.clone()));
            let outcome = deleted(&wire, budget, true, &[]).await;
            assert!(outcome.error.is_none(), "{fault:?}: {:?}", outcome.error);
            let tally = outcome.tally;
            assert_eq!(
                tally.deleted + tally.already_gone,
                KEYS - refused(),
                "{fault:?}"
            );
            assert_eq!(outcome.unmatched, refused(), "{fault:?}");
            assert_eq!(wire.sim.keys(0).len() as u64, refused(), "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_what_a_script_is_told_is_answered_as_for_any_delete() {
    for text in [
        "BUSY Redis is busy",
        "LOADING",
        "MISCONF the last save failed",
    ] {
        let wire = seeded();
        let later = Rule::on("EVALSHA").then(Action::Error(text.to_owned()));
        wire.sim.script(later.times(2));
        let outcome = deleted(&wire, Budget::off(), true, &[]).await;
        assert!(outcome.error.is_none(), "{text}: {:?}", outcome.error);
        assert_eq!(outcome.tally.deleted, KEYS - refused(), "{text}");
    }
    let wire = seeded();
    let keys = "NOPERM this user has no permissions to access one of the keys used as arguments";
    let rule = Rule::on("EVALSHA").with_arg("k:777").always();
    wire.sim.script(rule.then(Action::Error(keys.to_owned())));
    let outcome = deleted(&wire, Budget::off(), true, &[]).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert_eq!(
        (outcome.tally.failed, outcome.tally.deleted),
        (1, KEYS - refused() - 1)
    );
}

#[tokio::test(start_paused = true)]
async fn p29_what_was_removed_before_a_right_was_missing_is_told() {
    let wire = seeded();
    let outcome = deleted(&wire, Budget::off(), true, &["k:x", "k:y", "k:boom", "k:z"]).await;
    let error = outcome.error.as_ref().expect("refused");
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(
        error
            .hint()
            .expect("a hint")
            .contains("+evalsha +pttl +unlink")
    );
    assert_eq!(
        outcome.keys(),
        KEYS + 4,
        "all were on their way: {:?}",
        outcome.tally
    );
    assert_eq!((outcome.tally.already_gone, outcome.tally.failed), (2, 2));
    assert_eq!(outcome.tally.deleted, KEYS - refused());
}

#[tokio::test(start_paused = true)]
async fn p28_a_missing_right_to_run_scripts_is_the_guards() {
    let wire = seeded();
    let text = "NOPERM this user has no permissions to run the 'evalsha' command";
    wire.sim.script(
        Rule::on("EVALSHA")
            .always()
            .then(Action::Error(text.to_owned())),
    );
    let outcome = deleted(&wire, Budget::off(), false, &[]).await;
    let error = outcome.error.expect("refused");
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert_eq!(
        outcome.tally.deleted + outcome.tally.skipped,
        500,
        "the first, which brought the text"
    );
}

#[tokio::test(start_paused = true)]
async fn p28_a_moved_slot_is_looked_for_elsewhere() {
    for text in ["MOVED 7 h:7001", "ASK 7 h:7001", "READONLY a replica now"] {
        let wire = Wire::default();
        let keyspace = wire.keyspace().await;
        let confirmed = confirmed(&keyspace).await;
        let paced = Paced::join(keyspace.node(), Budget::off(), Thresholds::default(), true);
        let guard = Guard::new(&Filters::default().with_no_ttl(), &[]);
        let deleter = Deleter::in_cluster(keyspace.node(), &confirmed, paced, limits::BATCH_KEYS);
        let mut deleter = deleter.guarded(&guard, true);
        for name in ["EVAL", "EVALSHA"] {
            wire.sim
                .script(Rule::on(name).always().then(Action::Error(text.to_owned())));
        }
        for id in 0..3 {
            let keys = (0..4)
                .map(|n| Key::new(format!("k:{{{id}}}:{n}")))
                .collect();
            deleter.push(Batch { id, keys });
        }
        let outcome = finished(deleter, 12).await;
        assert!(outcome.error.is_none(), "{text}: {:?}", outcome.error);
        assert_eq!(
            (outcome.elsewhere_keys, outcome.elsewhere.len()),
            (12, 3),
            "{text}"
        );
    }
}

/// Lets go of a future after so many polls that came to nothing.
async fn polls(most: usize) {
    for _ in 0..most {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_again_and_again_loses_no_key() {
    for has_script in [true, false] {
        let wire = if has_script {
            seeded()
        } else {
            without_unlink()
        };
        let keyspace = wire.keyspace().await;
        let confirmed = confirmed(&keyspace).await;
        let paced = Paced::join(keyspace.node(), Budget::off(), Thresholds::default(), true);
        let mut deleter = Deleter::new(keyspace.node(), &confirmed, paced);
        if has_script {
            deleter = deleter.guarded(&Guard::new(&Filters::default().with_no_ttl(), &[]), true);
        }
        for id in 0..KEYS / 100 {
            let keys = (id * 100..(id + 1) * 100).map(|n| Key::new(name(n)));
            deleter.push(Batch {
                id,
                keys: keys.collect(),
            });
        }
        for most in 1..30 {
            tokio::select! {
                biased;
                ended = deleter.run(Until::Settled) => ended.expect("answered"),
                () = polls(most) => {}
            }
        }
        let outcome = finished(deleter, KEYS).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        let kept = if has_script { refused() } else { 0 };
        assert_eq!(outcome.unmatched, kept);
        assert_eq!(
            outcome.tally.deleted + outcome.tally.already_gone,
            KEYS - kept
        );
        assert_eq!(wire.sim.keys(0).len() as u64, kept);
    }
}

/// A server from before UNLINK, with the same keys.
fn without_unlink() -> Wire {
    let sim = Sim::with(SimOptions::default().without_command("UNLINK"));
    for n in 0..KEYS {
        sim.set(0, name(n), "value");
    }
    Wire::to(&sim)
}
