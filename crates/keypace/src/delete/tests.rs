//! Deleting in a cluster, scripted on the simulator: volleys of one command a slot, each answered for itself.

mod conditions_live;
mod guarded;
mod guarded_live;
mod shrunk_live;

use std::collections::BTreeSet;

use keypace_testkit::{Action, Rule};

use super::state::Settled;
use super::{Batch, Confirmed, Consent, Deleter, Draft, Plan, Refused, Tally, Until};
use crate::error::{Error, ErrorKind};
use crate::key::{Key, Pattern, Slot};
use crate::limits;
use crate::pace::{Budget, Thresholds};
use crate::port::{Keyspace, Paced, Wire};
use crate::scan::ScanOptions;

const SLOTS: u64 = 40;
const KEYS_A_SLOT: u64 = 5;

/// What a write to the socket is counted by.
const UNLINKS: &[&str] = &["UNLINK\r\n$"];

fn name(slot: u64, n: u64) -> String {
    format!("k:{{{slot}}}:{n}")
}

/// A node with a few keys in each of a few slots.
fn seeded() -> Wire {
    let wire = Wire::default().counting(UNLINKS);
    for slot in 0..SLOTS {
        wire.sim
            .insert_strings(&format!("k:{{{slot}}}:"), 0..KEYS_A_SLOT);
    }
    wire
}

/// What a delete of all of them came to.
struct Outcome {
    tally: Tally,
    elsewhere: BTreeSet<Slot>,
    elsewhere_keys: u64,
    unmatched: u64,
    refused: Vec<Refused>,
    error: Option<Error>,
}

/// Somebody has agreed to the keys that begin so.
async fn confirmed(keyspace: &Keyspace) -> Confirmed {
    let scan = ScanOptions::new(vec![Pattern::new("k:*").expect("valid")]).expect("valid");
    let plan = Plan::new(Draft::unseen(keyspace, &scan).await.expect("planned"));
    plan.confirm(Consent::Scoped).expect("scoped")
}

/// Runs a deleter to its end. Every key that it was given has one end.
async fn finished(mut deleter: Deleter, keys: u64) -> Outcome {
    let error = deleter.run(Until::Settled).await.err();
    let has_failed = error.is_some();
    let mut outcome = Outcome {
        tally: Tally::default(),
        elsewhere: BTreeSet::new(),
        elsewhere_keys: 0,
        unmatched: 0,
        refused: Vec::new(),
        error,
    };
    for settled in deleter.take_settled() {
        outcome.enter(settled);
    }
    assert!(has_failed || outcome.keys() == keys, "{:?}", outcome.tally);
    outcome
}

async fn deleted(wire: &Wire, budget: Budget) -> Outcome {
    let keyspace = wire.keyspace().await;
    let confirmed = confirmed(&keyspace).await;
    let paced = Paced::join(keyspace.node(), budget, Thresholds::default(), true);
    let batch = limits::BATCH_KEYS;
    let mut deleter = Deleter::in_cluster(keyspace.node(), &confirmed, paced, batch);
    for id in 0..SLOTS {
        let keys = (0..KEYS_A_SLOT).map(|n| Key::new(name(id, n)));
        deleter.push(Batch {
            id,
            keys: keys.collect(),
        });
    }
    finished(deleter, SLOTS * KEYS_A_SLOT).await
}

impl Outcome {
    fn enter(&mut self, settled: Settled) {
        self.tally.add(&settled.tally);
        self.unmatched += settled.unmatched;
        self.elsewhere_keys += settled.keys - settled.tally.sum() - settled.unmatched;
        self.refused.extend(settled.refused);
        self.elsewhere.extend(settled.elsewhere);
    }

    fn keys(&self) -> u64 {
        self.tally.sum() + self.elsewhere_keys + self.unmatched
    }
}

fn budgets() -> [Budget; 2] {
    [Budget::off(), Budget::default()]
}

fn moved(text: &str) -> Rule {
    Rule::on("UNLINK")
        .with_arg(name(7, 0))
        .then(Action::Error(text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn p28_each_piece_of_a_volley_has_an_answer_of_its_own() {
    for budget in budgets() {
        for text in ["MOVED 7 h:7001", "ASK 7 h:7001", "READONLY a replica now"] {
            let wire = seeded();
            // Under a budget the slot may go in more than one command.
            wire.sim.script(moved(text).always());
            let outcome = deleted(&wire, budget).await;
            assert!(outcome.error.is_none(), "{text}: {:?}", outcome.error);
            assert_eq!(outcome.keys(), SLOTS * KEYS_A_SLOT, "{text}");
            assert_eq!(
                outcome.elsewhere,
                BTreeSet::from([Slot::of(b"7")]),
                "{text}"
            );
            assert_eq!(outcome.elsewhere_keys, wire.sim.keys(0).len() as u64);
            assert_eq!(outcome.tally.deleted, outcome.tally.sum(), "{text}");
            assert!(outcome.elsewhere_keys <= KEYS_A_SLOT);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28_torn_slots_go_key_by_key() {
    for budget in budgets() {
        let wire = seeded();
        let torn = Rule::on("UNLINK").with_arg(name(7, 3));
        let torn = torn.then(Action::Error("TRYAGAIN Multiple keys request".to_owned()));
        wire.sim.script(torn.times(3));
        let outcome = deleted(&wire, budget).await;
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        assert_eq!(outcome.tally.deleted, SLOTS * KEYS_A_SLOT);
    }
}

#[tokio::test(start_paused = true)]
async fn p28_what_may_pass_later_is_sent_again() {
    for budget in budgets() {
        for text in ["CLUSTERDOWN The cluster is down", "MASTERDOWN", "LOADING"] {
            let wire = seeded();
            wire.sim.script(moved(text).times(2));
            let outcome = deleted(&wire, budget).await;
            assert!(outcome.error.is_none(), "{text}: {:?}", outcome.error);
            assert_eq!(outcome.tally.deleted, SLOTS * KEYS_A_SLOT, "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_a_reply_lost_in_a_volley_is_settled_by_asking_again() {
    for budget in budgets() {
        for fault in [
            Action::ExecuteThenDrop,
            Action::DropConnection,
            Action::ExecuteThenStall,
            Action::Stall,
            Action::CutReply { after_bytes: 1 },
        ] {
            let wire = seeded();
            wire.sim
                .script(Rule::on("UNLINK").nth(3).then(fault.clone()));
            let outcome = deleted(&wire, budget).await;
            assert!(outcome.error.is_none(), "{fault:?}: {:?}", outcome.error);
            let tally = outcome.tally;
            assert_eq!(
                tally.deleted + tally.already_gone,
                SLOTS * KEYS_A_SLOT,
                "{fault:?}"
            );
            assert_eq!(wire.sim.keys(0).len(), 0, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_where_nobody_answers_any_more_a_volley_is_unknown_piece_by_piece() {
    let wire = seeded();
    let dead = Rule::on("UNLINK").nth(3).always();
    wire.sim.script(dead.then(Action::ExecuteThenDrop));
    let outcome = deleted(&wire, Budget::off()).await;
    assert_eq!(
        outcome.error.expect("given up").kind(),
        ErrorKind::Disconnected
    );
    assert_eq!(outcome.tally.deleted, 2 * KEYS_A_SLOT);
    assert_eq!(outcome.tally.unknown, (SLOTS - 2) * KEYS_A_SLOT);
}

#[tokio::test(start_paused = true)]
async fn p28_a_right_that_is_missing_ends_the_delete_and_the_volley_is_heard() {
    let wire = seeded();
    wire.sim.script(
        Rule::on("UNLINK")
            .nth(3)
            .then(Action::Error("NOPERM User u can't run 'unlink'".to_owned())),
    );
    wire.sim.script(moved("MOVED 7 h:7001"));
    let outcome = deleted(&wire, Budget::off()).await;
    assert_eq!(
        outcome.error.as_ref().expect("ended").kind(),
        ErrorKind::Permission
    );
    assert_eq!(outcome.keys(), SLOTS * KEYS_A_SLOT, "all were on their way");
    assert_eq!(
        (outcome.tally.failed, outcome.elsewhere_keys),
        (KEYS_A_SLOT, KEYS_A_SLOT)
    );
}

#[tokio::test(start_paused = true)]
async fn p28c_a_volley_is_one_write_and_a_slot_one_command() {
    let wire = seeded();
    let outcome = deleted(&wire, Budget::off()).await;
    assert_eq!(outcome.tally.deleted, SLOTS * KEYS_A_SLOT);
    assert_eq!(wire.sim.count_of("UNLINK"), SLOTS);
    assert_eq!(wire.writes(), [SLOTS as usize]);

    let wire = seeded();
    let outcome = deleted(&wire, Budget::default()).await;
    assert_eq!(outcome.tally.deleted, SLOTS * KEYS_A_SLOT);
    let writes = wire.writes();
    let first = limits::BATCH_FIRST as usize / KEYS_A_SLOT as usize;
    assert_eq!(writes[0], first, "{writes:?}: a first turn's worth of keys");
    assert!(
        writes.len() < SLOTS as usize / 2,
        "{writes:?}: several commands a turn"
    );
    assert_eq!(wire.sim.count_of("UNLINK"), SLOTS, "none was cut");
}
