//! What a review once broke in deleting, held for good: lost replies and checkpoints, one try for one incident, what a
//! confirmation covers, and kills at any moment. On the simulator; each seed is printed.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{
    Random, check, deleting, deleting_with, finish, on, pattern, scan, sweep, target, try_on,
};
use keypace::{
    Budget, Checkpoint, ConnectOptions, Consent, Count, CountChoice, DeleteOptions, ErrorKind,
    Keyspace, ScanOptions, Sweep, SweepOptions, limits, plan_delete,
};
use keypace_testkit::{Action, Rule, Sim, SimOptions, User};
use tempfile::TempDir;

const KEYS: u64 = 5_000;
const NO_KEY: &str = "NOPERM No permissions to access a key";

/// Keys that nobody deletes. With them the table stays as large as it is; one that shrinks in mid-walk may return a key
/// twice (P3), and no count would be exact.
fn bystanders(sim: &Sim, keys: u64) {
    sim.insert_strings("other:", 0..keys);
}

fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..KEYS);
    bystanders(&sim, KEYS / 2);
    sim
}

/// Keys that are there and no bystanders.
fn left(sim: &Sim) -> usize {
    let mut keys = sim.keys(0);
    keys.retain(|key| !key.starts_with(b"other:"));
    keys.len()
}

/// The folder lives as long as it is held.
fn checkpoint_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoint");
    (folder, file)
}

fn resumed(options: SweepOptions, file: &Path) -> SweepOptions {
    options.with_resume(Checkpoint::load(file).expect("readable"))
}

/// Drives a sweep to an end that need not be complete.
async fn end(sweep: &mut Sweep) {
    while sweep.next().await.is_some() {}
    check(&sweep.summary());
}

async fn with_retries(sim: &Sim, retries: u32) -> Keyspace {
    let options = ConnectOptions::default().with_retries(retries);
    try_on(sim, target(), options).await.expect("connected")
}

/// Somebody who may delete some keys and not others.
async fn as_user(sim: &Sim) -> Keyspace {
    let target = target().with_user("u").with_password("p");
    try_on(sim, target, ConnectOptions::default())
        .await
        .expect("connected")
}

/// Several batches on their way at once, which no budget allows.
fn at_full_speed(scan: ScanOptions) -> SweepOptions {
    SweepOptions::new(scan).with_budget(Budget::off())
}

fn refuse(sim: &Sim, key: &str) {
    let rule = Rule::on("UNLINK").with_arg(key).always();
    sim.script(rule.then(Action::Error(NO_KEY.into())));
}

#[tokio::test(start_paused = true)]
async fn p28_one_busy_server_costs_one_try_whatever_is_in_flight() {
    let sim = seeded();
    let in_flight = limits::MAX_BATCHES_IN_FLIGHT as u64;
    let busy = Action::Error("BUSY Redis is busy running a script".into());
    sim.script(Rule::on("UNLINK").times(in_flight).then(busy));
    let keyspace = with_retries(&sim, 1).await;
    let one_page = scan("session:*").with_count(CountChoice::Fixed(Count::new(5_000)));
    let small = DeleteOptions::default().with_batch(100).expect("valid");
    let delete = deleting_with(&keyspace, &at_full_speed(one_page), small).await;
    let summary = finish(delete).await;
    assert_eq!(sim.rules_left(), 0, "all that were in flight met it");
    assert_eq!((summary.deleted, summary.complete), (KEYS, true));
}

#[tokio::test(start_paused = true)]
async fn p28b_a_resumed_run_finds_unknown_keys_and_asks_again() {
    let (_folder, file) = checkpoint_file();
    let sim = seeded();
    let keyspace = with_retries(&sim, 2).await;
    let lost = Rule::on("UNLINK").nth(3).always();
    sim.script(lost.then(Action::DropConnection));
    let mut delete = deleting(&keyspace, &sweep("session:*").with_checkpoint(&file)).await;
    end(&mut delete).await;
    let first = delete.summary();
    assert!(first.unknown > 0 && first.deleted > 0, "{first:?}");

    sim.clear_rules();
    let summary = finish(deleting(&keyspace, &resumed(sweep("session:*"), &file)).await).await;
    assert_eq!((summary.unknown, summary.complete), (0, true));
    assert_eq!((summary.matched, left(&sim)), (KEYS, 0));
}

/// The server removes what is on its way when the run is killed, and nobody hears of it.
#[tokio::test(start_paused = true)]
async fn p28b_keys_in_flight_when_killed_are_already_gone_for_the_resumed_run() {
    let mut gone = 0;
    for step in 1..=4 {
        let (_folder, file) = checkpoint_file();
        let sim = seeded();
        let keyspace = on(&sim).await;
        let small = scan("session:*").with_count(CountChoice::Fixed(Count::new(200)));
        let batches = DeleteOptions::default().with_batch(50).expect("valid");
        let options = at_full_speed(small);
        let saving = options.clone().with_checkpoint(&file);
        let mut delete = deleting_with(&keyspace, &saving, batches.clone()).await;
        for _ in 0..step {
            delete.next().await.expect("under way");
        }
        delete.save_checkpoint(&file).expect("saved");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        drop(delete);
        let again = deleting_with(&keyspace, &resumed(options, &file), batches).await;
        let summary = finish(again).await;
        assert_eq!(
            (summary.matched, left(&sim)),
            (KEYS, 0),
            "{step}: {summary:?}"
        );
        assert!(summary.complete, "{step}: {summary:?}");
        gone += summary.already_gone;
    }
    assert!(gone > 0, "some were in flight");
}

#[tokio::test(start_paused = true)]
async fn p29_a_resumed_run_tries_failed_keys_again_once_the_walk_was_whole() {
    let (_folder, file) = checkpoint_file();
    let sim = seeded();
    let keyspace = on(&sim).await;
    refuse(&sim, "session:7");
    let mut delete = deleting(&keyspace, &sweep("session:*").with_checkpoint(&file)).await;
    end(&mut delete).await;
    assert_eq!(delete.summary().failed, 1);

    sim.clear_rules();
    let summary = finish(deleting(&keyspace, &resumed(sweep("session:*"), &file)).await).await;
    assert_eq!((summary.failed, summary.complete), (0, true));
    assert_eq!((summary.deleted, left(&sim)), (KEYS, 0));
}

#[tokio::test(start_paused = true)]
async fn p29_keys_that_failed_before_a_stop_are_counted_once() {
    let (_folder, file) = checkpoint_file();
    let sim = Sim::new();
    sim.insert_strings("a:", 0..4 * KEYS);
    sim.insert_strings("b:", 0..100);
    bystanders(&sim, 2 * KEYS);
    (0..20).for_each(|n| refuse(&sim, &format!("a:{n}")));
    let keyspace = on(&sim).await;
    let patterns = ["a:*", "b:*"].map(pattern).to_vec();
    let options = SweepOptions::new(ScanOptions::new(patterns).expect("valid"));
    let mut delete = deleting(&keyspace, &options.clone().with_checkpoint(&file)).await;
    while delete.summary().failed < 10 {
        delete.next().await.expect("some fail");
    }
    delete.stop_handle().stop();
    end(&mut delete).await;

    let summary = finish(deleting(&keyspace, &resumed(options, &file)).await).await;
    assert_eq!((summary.matched, summary.failed), (4 * KEYS + 100, 20));
    assert_eq!(left(&sim), 20);
}

#[tokio::test(start_paused = true)]
async fn p01_keys_that_failed_before_another_process_answers_are_counted_once() {
    let user = User::new("u", "p").with_key_prefix("k:ok:");
    let sim = Sim::with(SimOptions::default().with_user(user));
    sim.insert_strings("k:ok:", 0..3000);
    sim.insert_strings("k:bad:", 0..30);
    bystanders(&sim, 1000);
    let keyspace = as_user(&sim).await;
    let other = Rule::on("SCAN").nth(6).then(Action::NewRunId);
    sim.script(other.then(Action::DropConnection));
    let summary = finish(deleting(&keyspace, &sweep("k:*")).await).await;
    assert_eq!(summary.shards[0].restarts, 1, "the fault works");
    assert_eq!((summary.failed, left(&sim)), (30, 30));
}

#[tokio::test]
async fn p29_a_refusal_for_all_is_one_failure_with_one_text() {
    let user = User::new("u", "p").without_command("UNLINK");
    let sim = Sim::with(SimOptions::default().with_user(user));
    sim.insert_strings("session:", 0..KEYS);
    let keyspace = as_user(&sim).await;
    let pages = scan("session:*").with_count(CountChoice::Fixed(Count::new(700)));
    let mut delete = deleting(&keyspace, &SweepOptions::new(pages)).await;
    end(&mut delete).await;
    let summary = delete.summary();
    assert_eq!(summary.errors.len(), 1, "{:?}", summary.errors);
    assert_eq!(summary.errors[0].kind, "permission");
    let keys = summary.failed + summary.unknown;
    assert_eq!(summary.errors[0].count, keys + 1, "each key, and the run");
    assert_eq!(left(&sim) as u64, KEYS);
}

#[tokio::test]
async fn p29_an_answer_that_can_not_be_true_is_no_outcome() {
    for answer in [":-1\r\n", ":501\r\n"] {
        let sim = seeded();
        sim.script(Rule::on("UNLINK").then(Action::Reply(answer.into())));
        let keyspace = on(&sim).await;
        let mut delete = deleting(&keyspace, &at_full_speed(scan("session:*"))).await;
        end(&mut delete).await;
        let error = delete.error().expect("no server says so");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer:?}");
        let summary = delete.summary();
        assert!(!summary.complete, "{answer:?}");
        assert!(summary.unknown >= 500, "{answer:?} {summary:?}");
    }
}

#[tokio::test]
async fn p15_a_proxy_that_loses_match_gets_no_other_key_deleted() {
    let sim = seeded();
    sim.set(0, "billing:1", "precious");
    let page = b"*2\r\n$1\r\n0\r\n*2\r\n$9\r\nbilling:1\r\n$9\r\nsession:1\r\n".to_vec();
    sim.script(Rule::on("SCAN").then(Action::Reply(page)));
    let summary = finish(deleting(&on(&sim).await, &sweep("session:*")).await).await;
    assert_eq!((summary.matched, summary.deleted), (1, 1));
    assert!(sim.contains(0, "billing:1"));
}

#[tokio::test]
async fn a_confirmation_for_some_keys_is_none_for_all_of_them() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let ten = SweepOptions::new(scan("session:*").with_limit(10));
    let plan = plan_delete(&keyspace, &ten).await.expect("planned");
    let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
    let options = DeleteOptions::default();
    let all = Sweep::delete(&keyspace, sweep("session:*"), options, confirmed).await;
    assert_eq!(all.err().expect("refused").kind(), ErrorKind::Guard);
    assert_eq!(sim.count_of("UNLINK"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_a_ceiling_for_each_second_also_after_a_stall() {
    const RATE: u64 = 1_000;
    const SECOND: Duration = Duration::from_secs(1);
    let sim = Sim::new();
    sim.insert_strings("session:", 0..6 * KEYS);
    let stall = Action::Delay(limits::DEFAULT_TIMEOUT - SECOND);
    sim.script(Rule::on("SCAN").nth(2).then(stall));
    let keyspace = on(&sim).await;
    let mut delete = deleting(&keyspace, &sweep("session:*").with_rate(RATE)).await;
    let (mut began, mut before, mut most) = (tokio::time::Instant::now(), 0, 0);
    let mut goes_on = true;
    while goes_on {
        goes_on = delete.next().await.is_some();
        let matched = delete.summary().matched;
        if began.elapsed() >= SECOND {
            most = most.max(matched - before);
            (began, before) = (tokio::time::Instant::now(), matched);
        }
    }
    check(&delete.summary());
    // A burst may be on its way at either end of a second.
    let burst = RATE / limits::RATE_BURSTS_PER_S;
    assert!(most <= RATE + 4 * burst, "{most} keys in a second");
    assert_eq!(left(&sim), 0);
}

#[tokio::test(start_paused = true)]
async fn deletes_at_once_never_wait_for_each_others_connections() {
    const DELETES: usize = limits::MAX_CONNECTIONS_PER_NODE;
    let sim = Sim::new();
    for n in 0..DELETES {
        sim.insert_strings(&format!("p{n}:"), 0..2000);
    }
    let keyspace = on(&sim).await;
    let mut deletes = tokio::task::JoinSet::new();
    for n in 0..DELETES {
        let keyspace = keyspace.clone();
        deletes.spawn(async move {
            let delete = deleting(&keyspace, &sweep(&format!("p{n}:*"))).await;
            finish(delete).await.complete
        });
    }
    let hour = Duration::from_secs(3600);
    let all = tokio::time::timeout(hour, deletes.join_all()).await;
    assert_eq!(all.expect("nobody waits for ever"), [true; DELETES]);
    assert_eq!(left(&sim), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_futures_are_dropped_at_any_moment_settles_every_key() {
    const ROUNDS: u64 = 40;
    const MOST_DROPS: u64 = 3_000;
    let mut random = Random::seeded();
    for round in 0..ROUNDS {
        let sim = seeded();
        let keyspace = with_retries(&sim, limits::MAX_RETRIES).await;
        let late = Action::Delay(Duration::from_millis(random.below(30)));
        sim.script(
            Rule::on_any()
                .every(7 + random.below(5))
                .times(30)
                .then(late),
        );
        let cut = Rule::on("SCAN").every(3 + random.below(5)).times(5);
        sim.script(cut.then(Action::DropConnection));
        let lost = Rule::on("UNLINK").every(2 + random.below(3)).times(4);
        sim.script(lost.then(Action::ExecuteThenDrop));
        let scan = scan("session:*");
        let mut delete = deleting(&keyspace, &SweepOptions::new(scan)).await;
        let mut drops = 0;
        loop {
            let patience = Duration::from_millis(random.below(20));
            match tokio::time::timeout(patience, delete.next()).await {
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(_) => drops += 1,
            }
            assert!(drops < MOST_DROPS, "round {round}: it does not go on");
        }
        let summary = delete.summary();
        check(&summary);
        assert!(
            summary.complete,
            "round {round}, {drops} drops: {summary:?}"
        );
        assert_eq!((summary.matched, left(&sim)), (KEYS, 0), "round {round}");
    }
}

/// One process of a delete that goes on from the file if there is one, and is killed at some moment.
async fn killed_delete(keyspace: &Keyspace, scan: &ScanOptions, file: &Path, random: &mut Random) {
    let mut options = SweepOptions::new(scan.clone()).with_checkpoint(file);
    if file.exists() {
        options = resumed(options, file);
    }
    let batch = 50 + usize::try_from(random.below(400)).expect("small");
    let batch = DeleteOptions::default().with_batch(batch).expect("valid");
    let mut delete = deleting_with(keyspace, &options, batch).await;
    for _ in 0..random.below(12) {
        tokio::time::advance(Duration::from_millis(random.below(700))).await;
        let patience = Duration::from_millis(random.below(300));
        // Late is as good as done: the next call or the kill comes at some moment.
        let _ = tokio::time::timeout(patience, delete.next()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p02_a_delete_that_is_killed_again_and_again_leaves_nothing_behind() {
    const ROUNDS: u64 = 20;
    const KILLS: u64 = 5;
    let mut random = Random::seeded();
    let patterns = ["a:*", "b:*"].map(pattern).to_vec();
    let scan = ScanOptions::new(patterns).expect("valid");
    for round in 0..ROUNDS {
        let (_folder, file) = checkpoint_file();
        let sim = Sim::new();
        sim.insert_strings("a:", 0..4000);
        sim.insert_strings("b:", 0..200);
        sim.insert_strings("c:", 0..4000);
        let keyspace = with_retries(&sim, limits::MAX_RETRIES).await;
        for _ in 0..KILLS {
            sim.clear_rules();
            let late = Action::Delay(Duration::from_millis(random.below(2000)));
            let some = Rule::on("UNLINK").nth(1 + random.below(6)).times(3);
            sim.script(some.then(late));
            let lost = Rule::on("UNLINK").nth(1 + random.below(9));
            sim.script(lost.then(Action::DropConnection));
            killed_delete(&keyspace, &scan, &file, &mut random).await;
        }
        sim.clear_rules();
        let mut options = SweepOptions::new(scan.clone());
        if file.exists() {
            options = resumed(options, &file);
        }
        let summary = finish(deleting(&keyspace, &options).await).await;
        assert!(summary.complete, "round {round}: {summary:?}");
        let others = |key: &Vec<u8>| key.starts_with(b"c:");
        assert!(sim.keys(0).iter().all(others), "round {round}: {summary:?}");
        assert_eq!(left(&sim), 4000, "round {round}");
    }
}
