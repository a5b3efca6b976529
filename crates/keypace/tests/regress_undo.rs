//! Deletes that once removed more than they may or counted wrongly: what was under way when a run was killed, what is
//! found again, what is dropped in mid-step, and many at once on one node. Harms nothing but servers of its own.

mod common;
#[path = "regress_undo/failover.rs"]
mod failover;

use std::path::Path;
use std::time::{Duration, Instant};

use keypace::{
    BackupTarget, Budget, Checkpoint, ConnectOptions, Consent, Count, CountChoice, DeleteOptions,
    ErrorKind, Filters, Keyspace, ScanOptions, Summary, Sweep, SweepOptions, Target, Verify,
    plan_delete_unseen,
};
use keypace_lab::OwnedServer;
use keypace_testkit::{Action, Rule, Sim};

use common::{check, connect, deleting_with, finish, left, on, raw, run, servers, sweep, try_on};

/// None of this takes as long, even on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(60);
/// Values above it are skipped.
const MAX_VALUE_BYTES: u64 = 1000;

fn scan(pattern: &str, count: i64) -> ScanOptions {
    common::scan(pattern).with_count(CountChoice::Fixed(Count::new(count)))
}

fn batches(keys: usize) -> DeleteOptions {
    DeleteOptions::default().with_batch(keys).expect("valid")
}

fn backup(folder: &Path) -> BackupTarget {
    BackupTarget::new(folder.join("backup")).with_max_value_bytes(MAX_VALUE_BYTES)
}

fn large() -> Vec<u8> {
    vec![b'x'; 2000]
}

/// `small` keys and `large` ones to delete, and `others` to leave. With enough others the table keeps its size, and SCAN
/// gives no key twice.
fn filled(small: u64, large_keys: u64, others: u64) -> Sim {
    let sim = Sim::new();
    sim.insert_strings("k:", 0..small);
    for n in 0..large_keys {
        sim.set(0, format!("k:large:{n}"), large());
    }
    sim.insert_strings("other:", 0..others);
    sim
}

/// Goes on where `file` says. A sweep that was dropped lets its backup go a moment later.
async fn resumed(
    keyspace: &Keyspace,
    options: &SweepOptions,
    file: &Path,
    delete: &DeleteOptions,
) -> Sweep {
    let begun = Instant::now();
    loop {
        let plan = plan_delete_unseen(keyspace, options)
            .await
            .expect("planned");
        let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
        let place = Checkpoint::load(file).expect("a place");
        let options = options.clone().with_resume(place);
        match Sweep::delete(keyspace, options, delete.clone(), confirmed).await {
            Ok(sweep) => return sweep,
            Err(error) => {
                let is_held = error.kind() == ErrorKind::Guard && begun.elapsed() < LONGEST;
                assert!(is_held, "{error:?}");
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn limited(server: &OwnedServer, filters: Option<Filters>) {
    let mut raw = raw(server);
    for n in 0..1000 {
        let key = format!("k:{n}");
        run(
            &mut raw,
            &[&[b"SET", key.as_bytes(), b"v", b"EX", b"10000"]],
        );
    }
    let keyspace = connect(server).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("place");
    let mut options = SweepOptions::new(scan("k:*", 50).with_limit(100)).with_checkpoint(&file);
    if let Some(filters) = filters {
        options = options.with_filters(filters);
    }
    let mut killed = deleting_with(&keyspace, &options, batches(10)).await;
    let _ = killed.next().await;
    killed.save_checkpoint(&file).expect("saved");
    drop(killed);
    let summary = finish(resumed(&keyspace, &options, &file, &batches(10)).await).await;
    let there = raw.command(&[b"DBSIZE"]).expect("answered").int();
    let case = format!("{}: {summary:?}", server.program().label());
    assert_eq!(there, Some(900), "{case}");
    assert_eq!(summary.matched, 100, "{case}");
    assert!(summary.limited, "{case}");
}

#[tokio::test]
async fn a_limit_holds_for_a_killed_run_and_the_one_that_resumes_it() {
    for filters in [None, Some(Filters::default().with_has_ttl())] {
        for server in servers() {
            limited(&server, filters.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_another_pass_skips_again_counts_once_to_max_delete() {
    for server in servers() {
        let mut raw = raw(&server);
        let large = large();
        for n in 0..10 {
            let value: &[u8] = if n < 2 { &large } else { b"v" };
            run(&mut raw, &[&[b"SET", format!("k:{n}").as_bytes(), value]]);
        }
        let keyspace = connect(&server).await;
        let folder = tempfile::tempdir().expect("a folder");
        let options = sweep("k:*").with_backup(backup(folder.path()));
        let delete = DeleteOptions::default()
            .with_max_delete(10)
            .with_verify(Verify::UntilEmpty(3));
        let mut sweep = deleting_with(&keyspace, &options, delete).await;
        while sweep.next().await.is_some() {}
        let summary = sweep.summary();
        check(&summary);
        let case = format!("{}: {summary:?}", server.program().label());
        assert!(sweep.error().is_none(), "{:?} {case}", sweep.error());
        let counts = (summary.matched, summary.deleted, summary.skipped);
        assert_eq!(counts, (10, 8, 2), "{case}");
        let verified = summary.verified.as_ref().expect("verified");
        assert_eq!((verified.remaining, verified.left_alone), (0, 2), "{case}");
    }
}

#[tokio::test]
async fn a_key_that_a_walk_begun_again_skips_again_counts_once_to_max_delete() {
    let sim = filled(2000, 500, 1000);
    let keyspace = on(&sim).await;
    let folder = tempfile::tempdir().expect("a folder");
    let options = SweepOptions::new(scan("k:*", 100)).with_backup(backup(folder.path()));
    let restarted = Rule::on("SCAN").nth(20);
    sim.script(
        restarted
            .then(Action::NewRunId)
            .then(Action::DropConnection),
    );
    let delete = DeleteOptions::default().with_max_delete(2500);
    let summary = finish(deleting_with(&keyspace, &options, delete).await).await;
    assert_eq!(summary.shards[0].restarts, 1, "{summary:?}");
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.skipped, 500, "{summary:?}");
    assert_eq!(left(&sim, "k:"), 500, "{summary:?}");
    assert_eq!(summary.matched, 2500, "{summary:?}");
    let too_large = summary.errors.iter().find(|e| e.kind == "too_large");
    assert_eq!(too_large.map(|e| e.count), Some(500), "{summary:?}");
}

/// A run whose first EXEC had no answer, then one that resumes it, whose first step is dropped or not.
async fn asked_again(drops: bool) -> Summary {
    let sim = filled(300, 50, 100);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("place");
    let options = SweepOptions::new(scan("k:*", 50))
        .with_checkpoint(&file)
        .with_backup(backup(folder.path()));
    let once = ConnectOptions::default().with_retries(0);
    let first = try_on(&sim, common::target(), once).await.expect("there");
    sim.script(Rule::on("EXEC").nth(1).then(Action::DropConnection));
    let summary = finish(deleting_with(&first, &options, batches(10)).await).await;
    assert_eq!(summary.unknown, 10, "{summary:?}");
    assert_eq!(left(&sim, "k:"), 350, "{summary:?}");

    sim.clear_rules();
    let slow = Action::Delay(Duration::from_millis(300));
    sim.script(Rule::on("EXEC").nth(1).then(slow));
    let keyspace = on(&sim).await;
    let mut sweep = resumed(&keyspace, &options, &file, &batches(10)).await;
    if drops {
        let before = sim.count_of("EXEC");
        let mut next = Box::pin(sweep.next());
        while sim.count_of("EXEC") == before {
            tokio::select! {
                biased;
                _ = &mut next => panic!("a step was done before the keys were asked for"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let summary = finish(sweep).await;
    assert_eq!(left(&sim, "k:"), 50, "{summary:?}");
    summary
}

#[tokio::test]
async fn a_dropped_step_that_asks_for_lost_keys_loses_no_skipped_key() {
    for drops in [false, true] {
        let summary = asked_again(drops).await;
        let case = format!("drops {drops}: {summary:?}");
        assert!(summary.complete, "{case}");
        assert_eq!((summary.matched, summary.skipped), (350, 50), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_step_that_asks_for_lost_keys_loses_no_failed_key() {
    for drops in [false, true] {
        let sim = filled(300, 0, 100);
        let keyspace = on(&sim).await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("place");
        let options = SweepOptions::new(scan("k:*", 50))
            .with_checkpoint(&file)
            .with_budget(Budget::off());
        let mut killed = deleting_with(&keyspace, &options, batches(10)).await;
        let _ = killed.next().await;
        killed.save_checkpoint(&file).expect("saved");
        drop(killed);

        let slow = Action::Delay(Duration::from_millis(300));
        sim.script(Rule::on("UNLINK").nth(1).then(slow));
        for n in (0..300).step_by(10) {
            let denied = "NOPERM No permissions to access a key".to_owned();
            let of_key = Rule::on("UNLINK").with_arg(format!("k:{n}")).always();
            sim.script(of_key.then(Action::Error(denied)));
        }
        let mut sweep = resumed(&keyspace, &options, &file, &batches(10)).await;
        if drops {
            let step = tokio::time::timeout(Duration::from_millis(100), sweep.next()).await;
            assert!(step.is_err(), "it waits for the keys that it asks for");
        }
        let summary = finish(sweep).await;
        let case = format!("drops {drops}: {summary:?}");
        assert!(!summary.complete, "{case}");
        assert_eq!(summary.matched, 300, "{case}");
        assert!(summary.failed > 0, "{case}");
        assert_eq!(summary.failed, left(&sim, "k:") as u64, "{case}");
    }
}

/// A delete that was killed when it had skipped some of 20 keys, the file that it left, and where its backup is.
async fn killed_after_a_skip(sim: &Sim, folder: &Path) -> (SweepOptions, std::path::PathBuf) {
    let keyspace = on(sim).await;
    let file = folder.join("place");
    let options = SweepOptions::new(scan("k:*", 50))
        .with_checkpoint(&file)
        .with_backup(backup(folder));
    let mut killed = deleting_with(&keyspace, &options, batches(1)).await;
    while killed.summary().skipped == 0 {
        assert!(killed.next().await.is_some(), "{:?}", killed.summary());
    }
    assert!(killed.summary().skipped < 20, "it has more to skip");
    killed.save_checkpoint(&file).expect("saved");
    (options, file)
}

#[tokio::test]
async fn a_resumed_run_says_why_keys_were_skipped_before_it() {
    let sim = filled(300, 20, 400);
    let folder = tempfile::tempdir().expect("a folder");
    let (options, file) = killed_after_a_skip(&sim, folder.path()).await;
    let keyspace = on(&sim).await;
    let delete = batches(1).with_verify(Verify::Once);
    let summary = finish(resumed(&keyspace, &options, &file, &delete).await).await;
    assert_eq!(summary.skipped, 20, "{summary:?}");
    assert_eq!(summary.errors.len(), 1, "{summary:?}");
    let reason = &summary.errors[0];
    assert_eq!((reason.kind.as_str(), reason.count), ("too_large", 20));
    assert_eq!(reason.sample_keys.len(), 5, "{summary:?}");
    let verified = summary.verified.as_ref().expect("verified");
    assert_eq!((verified.remaining, verified.left_alone), (0, 20));
    assert!(summary.complete, "{summary:?}");
}

/// Files of this version that were written before they held reasons are taken as they are.
#[tokio::test]
async fn a_checkpoint_without_reasons_is_read() {
    let sim = filled(300, 20, 400);
    let folder = tempfile::tempdir().expect("a folder");
    let (options, file) = killed_after_a_skip(&sim, folder.path()).await;
    let text = std::fs::read_to_string(&file).expect("read");
    let (_, body) = text.split_once('\n').expect("two lines");
    let mut fields: serde_json::Value = serde_json::from_str(body).expect("JSON");
    for shard in fields["shards"].as_array_mut().expect("shards") {
        let shard = shard.as_object_mut().expect("fields");
        for field in ["reasons", "left_alone"] {
            shard.remove(field).expect("it was written");
        }
    }
    let body = fields.to_string();
    let crc32 = crc32fast::hash(body.as_bytes());
    std::fs::write(&file, format!("keypace-checkpoint 3 {crc32:08x}\n{body}")).expect("written");
    let keyspace = on(&sim).await;
    let summary = finish(resumed(&keyspace, &options, &file, &batches(1)).await).await;
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.skipped, 20, "{summary:?}");
}

#[tokio::test]
async fn a_killed_delete_counts_what_was_under_way_when_it_is_resumed() {
    for is_backed in [false, true] {
        let sim = filled(3000, 0, 1000);
        let keyspace = on(&sim).await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("place");
        let mut options = SweepOptions::new(scan("k:*", 100))
            .with_checkpoint(&file)
            .with_budget(Budget::off());
        if is_backed {
            options = options.with_backup(backup(folder.path()));
        }
        let mut killed = deleting_with(&keyspace, &options, batches(50)).await;
        for _ in 0..10 {
            let _ = killed.next().await;
        }
        killed.save_checkpoint(&file).expect("saved");
        let _ = killed.next().await;
        drop(killed);
        let summary = finish(resumed(&keyspace, &options, &file, &batches(50)).await).await;
        let case = format!("backed {is_backed}: {summary:?}");
        assert!(summary.complete, "{case}");
        assert_eq!(summary.matched, 3000, "{case}");
        assert_eq!(left(&sim, "k:"), 0, "{case}");
    }
}

async fn one_of_many(keyspace: Keyspace, pattern: String) -> Summary {
    let options = SweepOptions::new(scan(&pattern, 10));
    let options = options.with_filters(Filters::default().with_has_ttl());
    let delete = DeleteOptions::default().with_max_delete(10_000);
    finish(deleting_with(&keyspace, &options, delete).await).await
}

#[tokio::test]
async fn ten_filtered_deletes_at_once_find_the_connections_they_need() {
    const SWEEPS: usize = 10;
    const KEYS: usize = 2000;
    for server in servers() {
        let mut raw = raw(&server);
        for n in 0..KEYS {
            let key = format!("k{}:{n}", n % SWEEPS);
            run(
                &mut raw,
                &[&[b"SET", key.as_bytes(), b"v", b"EX", b"10000"]],
            );
        }
        let target = Target::parse(&server.url()).expect("valid");
        let options = ConnectOptions::default().with_timeout(Duration::from_secs(2));
        let keyspace = Keyspace::connect(target, options.expect("valid")).await;
        let keyspace = keyspace.expect("connected");
        let begin = |n| tokio::spawn(one_of_many(keyspace.clone(), format!("k{n}:*")));
        let tasks: Vec<_> = (0..SWEEPS).map(begin).collect();
        for task in tasks {
            let ended = tokio::time::timeout(LONGEST, task).await;
            let summary = ended.expect("no hang").expect("no panic");
            let case = format!("{}: {summary:?}", server.program().label());
            assert!(summary.complete, "{case}");
            assert_eq!(summary.deleted, (KEYS / SWEEPS) as u64, "{case}");
        }
    }
}
