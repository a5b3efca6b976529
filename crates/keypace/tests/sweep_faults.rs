//! Counting and deleting, against the simulator: accounts, lost replies, refused keys, checkpoints, stopping.

mod common;

use std::time::Duration;

use common::{deleting, deleting_with, finish, list, on, pattern, scan, sweep, target, try_on};
use keypace::{
    Checkpoint, ConnectOptions, Consent, Count, CountChoice, DeleteOptions, ErrorKind, Keyspace,
    PauseReason, RunState, ScanOptions, Scope, Sweep, SweepOptions, limits, plan_delete,
    plan_delete_unseen,
};
use keypace_testkit::{Action, Rule, Sim, SimOptions, User};

const KEYS: u64 = 5_000;

fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..KEYS);
    sim.insert_strings("other:", 0..1000);
    sim
}

fn left(sim: &Sim, prefix: &str) -> usize {
    sim.keys(0)
        .iter()
        .filter(|key| key.starts_with(prefix.as_bytes()))
        .count()
}

#[tokio::test]
async fn deletes_what_matches_and_nothing_else() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
    assert!(summary.complete && !summary.dry_run && !summary.limited);
    assert_eq!(
        (summary.matched, summary.deleted, summary.failed),
        (KEYS, KEYS, 0)
    );
    assert_eq!((left(&sim, "session:"), left(&sim, "other:")), (0, 1000));
    assert_eq!(sim.count_of("UNLINK"), KEYS.div_ceil(500), "full batches");
    assert_eq!(sim.count_of("DEL"), 0);
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let dry = Sweep::dry_run(&keyspace, sweep("session:*"), DeleteOptions::default())
        .await
        .expect("started");
    let summary = finish(dry).await;
    assert_eq!(
        (summary.matched, summary.would_delete, summary.deleted),
        (KEYS, KEYS, 0)
    );
    assert!(summary.dry_run && summary.complete);
    assert_eq!(
        (sim.count_of("UNLINK"), left(&sim, "session:")),
        (0, KEYS as usize)
    );
}

#[tokio::test]
async fn del_where_there_is_no_unlink_and_asked_otherwise_where_command_is_denied() {
    let sim = Sim::with(SimOptions::default().without_command("UNLINK"));
    sim.insert_strings("k:", 0..1200);
    let keyspace = on(&sim).await;
    assert_eq!(
        finish(deleting(&keyspace, &sweep("k:*")).await)
            .await
            .deleted,
        1200
    );
    assert_eq!(sim.count_of("DEL"), 3);

    let sim =
        Sim::with(SimOptions::default().with_user(User::new("u", "p").without_command("COMMAND")));
    sim.insert_strings("k:", 0..1200);
    let keyspace = try_on(
        &sim,
        target().with_user("u").with_password("p"),
        ConnectOptions::default(),
    )
    .await
    .expect("in");
    assert_eq!(
        finish(deleting(&keyspace, &sweep("k:*")).await)
            .await
            .deleted,
        1200
    );
    assert_eq!(
        (sim.count_of("DEL"), sim.count_of("UNLINK")),
        (0, 4),
        "one probe of our own, three batches"
    );
}

#[tokio::test]
async fn p22_gone_keys_are_counted_apart() {
    let sim = seeded();
    sim.script(Rule::on("UNLINK").then(Action::run(|state| {
        for n in 0..KEYS {
            state.remove(0, format!("session:{n}"));
        }
    })));
    let keyspace = on(&sim).await;
    let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
    assert!(summary.complete);
    assert_eq!(summary.deleted, 0);
    assert!(summary.already_gone >= 500 && summary.already_gone == summary.matched);
}

#[tokio::test(start_paused = true)]
async fn p28b_a_lost_reply_is_settled_by_asking_again() {
    for fault in [
        Action::ExecuteThenDrop,
        Action::DropConnection,
        Action::ExecuteThenStall,
        Action::Stall,
        Action::CutReply { after_bytes: 1 },
    ] {
        let sim = seeded();
        sim.script(Rule::on("UNLINK").nth(3).then(fault.clone()));
        let keyspace = on(&sim).await;
        let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
        assert!(summary.complete, "{fault:?} {summary:?}");
        assert_eq!(summary.matched, KEYS, "{fault:?}");
        assert_eq!((summary.unknown, summary.failed), (0, 0));
        assert_eq!((left(&sim, "session:"), left(&sim, "other:")), (0, 1000));
    }
}

#[tokio::test(start_paused = true)]
async fn p28b_where_nobody_answers_any_more_the_outcome_is_unknown() {
    let sim = seeded();
    let keyspace = try_on(&sim, target(), ConnectOptions::default().with_retries(2))
        .await
        .expect("in");
    sim.script(
        Rule::on("UNLINK")
            .nth(3)
            .always()
            .then(Action::ExecuteThenDrop),
    );
    let mut delete = deleting(&keyspace, &sweep("session:*")).await;
    while delete.next().await.is_some() {}
    let summary = delete.summary();
    common::check(&summary);
    assert!(!summary.complete);
    assert!(summary.unknown > 0 && summary.unknown < KEYS);
    let counted: u64 = summary.errors.iter().map(|e| e.count).sum();
    assert_eq!(
        counted,
        summary.unknown + 1,
        "each key, and the run itself: {:?}",
        summary.errors
    );
    assert!(summary.errors.iter().any(|e| !e.sample_keys.is_empty()));
    assert!(delete.error().is_some());
    assert_eq!(delete.progress().state, RunState::Incomplete);
}

#[tokio::test(start_paused = true)]
async fn p28_errors_that_pass_are_waited_for() {
    for text in [
        "LOADING Redis is loading",
        "BUSY Redis is busy",
        "TRYAGAIN Multiple keys",
        "MISCONF Redis is configured",
        "NOREPLICAS Not enough",
    ] {
        let sim = seeded();
        sim.script(
            Rule::on("UNLINK")
                .nth(2)
                .times(3)
                .then(Action::Error(text.into())),
        );
        let keyspace = on(&sim).await;
        let delete = deleting(&keyspace, &sweep("session:*")).await;
        let summary = finish(delete).await;
        assert!(summary.complete, "{text} {summary:?}");
        assert_eq!(summary.deleted, KEYS);
        assert!(summary.pace.paused_ms.server > 0, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_shows_in_the_progress() {
    let sim = seeded();
    sim.script(
        Rule::on("SCAN")
            .nth(2)
            .times(3)
            .then(Action::Error("LOADING Redis is loading".into())),
    );
    let keyspace = on(&sim).await;
    let mut count = Sweep::count(&keyspace, sweep("session:*"))
        .await
        .expect("started");
    let handle = count.progress_handle();
    let watch = tokio::spawn(async move {
        while handle.get().paused_for != Some(PauseReason::Server) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    while count.next().await.is_some() {}
    watch.await.expect("the wait was seen");
    assert_eq!(count.progress().paused_for, None);
}

#[tokio::test]
async fn p29_refused_keys_are_found_and_the_rest_goes_on() {
    let user = User::new("u", "p").with_key_prefix("k:ok:");
    let sim = Sim::with(SimOptions::default().with_user(user));
    sim.insert_strings("k:ok:", 0..3000);
    sim.insert_strings("k:bad:", 0..30);
    let keyspace = try_on(
        &sim,
        target().with_user("u").with_password("p"),
        ConnectOptions::default(),
    )
    .await
    .expect("in");
    let summary = finish(deleting(&keyspace, &sweep("k:*")).await).await;
    assert_eq!((summary.deleted, summary.failed), (3000, 30));
    assert!(!summary.complete, "failed keys are no success");
    let error = &summary.errors[0];
    assert_eq!(
        (error.kind.as_str(), error.count, error.sample_keys.len()),
        ("permission", 30, limits::SAMPLE_KEYS)
    );
    assert!(
        error
            .sample_keys
            .iter()
            .all(|key| key.starts_with("k:bad:"))
    );
    assert_eq!((left(&sim, "k:ok:"), left(&sim, "k:bad:")), (0, 30));
}

#[tokio::test]
async fn a_command_that_is_denied_stops_the_run_at_once() {
    let sim =
        Sim::with(SimOptions::default().with_user(User::new("u", "p").without_command("UNLINK")));
    sim.insert_strings("session:", 0..KEYS);
    let keyspace = try_on(
        &sim,
        target().with_user("u").with_password("p"),
        ConnectOptions::default(),
    )
    .await
    .expect("in");
    let mut delete = deleting(&keyspace, &sweep("session:*")).await;
    while delete.next().await.is_some() {}
    let error = delete.error().expect("refused");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.hint().expect("hint").contains("+unlink"));
    assert!(sim.count_of("UNLINK") <= limits::MAX_BATCHES_IN_FLIGHT as u64);
    assert!(!delete.summary().complete);
    common::check(&delete.summary());
    assert_eq!(left(&sim, "session:"), KEYS as usize);
}

#[tokio::test]
async fn a_replica_refuses_writes_and_the_run_says_so() {
    let sim = seeded();
    sim.script(Rule::on("UNLINK").always().then(Action::Error(
        "READONLY You can't write against a read only replica.".into(),
    )));
    let keyspace = on(&sim).await;
    let mut delete = deleting(&keyspace, &sweep("session:*")).await;
    while delete.next().await.is_some() {}
    assert_eq!(delete.error().expect("refused").kind(), ErrorKind::ReadOnly);
    assert!(!delete.summary().complete);
}

#[tokio::test]
async fn limits_hold_to_the_key() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options = SweepOptions::new(scan("session:*").with_limit(777));
    let summary = finish(deleting(&keyspace, &options).await).await;
    assert_eq!(
        (summary.deleted, summary.limited, summary.complete),
        (777, true, true)
    );

    let capped = DeleteOptions::default().with_max_delete(100);
    let mut delete = deleting_with(&keyspace, &sweep("session:*"), capped).await;
    while delete.next().await.is_some() {}
    let summary = delete.summary();
    common::check(&summary);
    assert_eq!((summary.deleted, summary.complete), (100, false));
    assert_eq!(left(&sim, "session:"), KEYS as usize - 777 - 100);
    assert!(
        delete
            .error()
            .expect("says why")
            .context()
            .contains("--max-delete")
    );

    let capped = DeleteOptions::default().with_max_delete(KEYS);
    assert!(
        finish(deleting_with(&keyspace, &sweep("session:*"), capped).await)
            .await
            .complete,
        "exactly enough"
    );
}

#[tokio::test]
async fn confirmation_guards_the_catch_all_and_fits_one_plan_only() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let plan = plan_delete(&keyspace, &sweep("*")).await.expect("planned");
    assert_eq!(
        (plan.scope(), plan.estimate(), plan.is_exact()),
        (Scope::CatchAll, Some(KEYS + 1000), true)
    );
    assert_eq!(
        plan.clone()
            .confirm(Consent::Scoped)
            .expect_err("refused")
            .kind(),
        ErrorKind::Guard
    );
    let confirmed = plan.confirm(Consent::All).expect("all");
    for other in [
        sweep("session:*"),
        SweepOptions::new(scan("*").with_exclude(vec![pattern("a")]).expect("valid")),
    ] {
        let refused = Sweep::delete(
            &keyspace,
            other,
            DeleteOptions::default(),
            confirmed.clone(),
        )
        .await;
        assert_eq!(refused.err().expect("refused").kind(), ErrorKind::Guard);
    }
    let elsewhere = try_on(&sim, target().with_database(1), ConnectOptions::default())
        .await
        .expect("in");
    let refused = Sweep::delete(&elsewhere, sweep("*"), DeleteOptions::default(), confirmed).await;
    assert_eq!(refused.err().expect("refused").kind(), ErrorKind::Guard);
    assert_eq!(sim.count_of("UNLINK"), 0);
}

#[tokio::test]
async fn an_estimate_is_near_and_bounded() {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..150_000);
    sim.insert_strings("other:", 0..150_000);
    let keyspace = on(&sim).await;
    let plan = plan_delete(&keyspace, &sweep("session:*"))
        .await
        .expect("planned");
    assert!(!plan.is_exact());
    assert!(sim.count_of("SCAN") <= limits::PLAN_PAGES as u64 + 1);
    let estimate = plan.estimate().expect("walked");
    assert!((140_000..160_000).contains(&estimate), "{estimate}");
    assert!((plan.share() - 0.5).abs() < 0.05);
    assert_eq!(
        (plan.samples().len(), plan.verb(), plan.total_keys()),
        (limits::SAMPLE_KEYS, "UNLINK", 300_000)
    );
    assert!(
        plan_delete_unseen(&keyspace, &sweep("session:*"))
            .await
            .expect("planned")
            .estimate()
            .is_none()
    );
}

#[tokio::test]
async fn counts_by_pattern_and_by_prefix() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let scan = ScanOptions::new(vec![pattern("session:*"), pattern("*:1")]).expect("valid");
    let count = Sweep::count(&keyspace, SweepOptions::new(scan).with_prefix_depth(1))
        .await
        .expect("started");
    let summary = finish(count).await;
    let by_pattern: Vec<_> = summary
        .by_pattern
        .iter()
        .map(|p| (p.pattern.as_str(), p.matched))
        .collect();
    assert_eq!(by_pattern, [("session:*", KEYS), ("*:1", 1)]);
    let prefixes = summary.prefixes.expect("asked for");
    let prefixes: Vec<_> = prefixes
        .iter()
        .map(|p| (p.prefix.as_str(), p.matched))
        .collect();
    assert_eq!(prefixes, [("session:", KEYS), ("other:", 1)]);
}

#[tokio::test(start_paused = true)]
async fn p01_a_count_begins_again_with_another_process() {
    let sim = seeded();
    sim.script(
        Rule::on("SCAN")
            .nth(5)
            .then(Action::NewRunId)
            .then(Action::DropConnection),
    );
    let keyspace = on(&sim).await;
    let summary = finish(
        Sweep::count(&keyspace, sweep("session:*"))
            .await
            .expect("started"),
    )
    .await;
    assert_eq!(
        (
            summary.matched,
            summary.complete,
            summary.shards[0].restarts
        ),
        (KEYS, true, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn p01_a_delete_goes_through_another_process() {
    let sim = seeded();
    sim.script(
        Rule::on("SCAN")
            .nth(5)
            .then(Action::NewRunId)
            .then(Action::DropConnection),
    );
    let keyspace = on(&sim).await;
    let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
    assert!(summary.complete);
    assert_eq!((left(&sim, "session:"), left(&sim, "other:")), (0, 1000));
}

async fn stop_after(keyspace: &Keyspace, options: &SweepOptions, steps: usize) -> Sweep {
    let mut delete = deleting(keyspace, options).await;
    for _ in 0..steps {
        delete.next().await.expect("goes on");
    }
    delete.stop_handle().stop();
    while delete.next().await.is_some() {}
    common::check(&delete.summary());
    delete
}

#[tokio::test]
async fn p02_a_stopped_delete_settles_saves_and_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoint");
    for steps in [0, 1, 2, 5, 40] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let options =
            SweepOptions::new(scan("session:*").with_count(CountChoice::Fixed(Count::new(100))));
        let stopped = stop_after(&keyspace, &options.clone().with_checkpoint(&file), steps).await;
        let first = stopped.summary();
        assert!(!first.complete);
        assert_eq!(stopped.progress().state, RunState::Cancelled);
        assert_eq!(
            first.deleted,
            KEYS - left(&sim, "session:") as u64,
            "what was sent is settled"
        );

        let checkpoint = Checkpoint::load(&file).expect("readable");
        let scans = sim.count_of("SCAN");
        let summary = finish(deleting(&keyspace, &options.with_resume(checkpoint)).await).await;
        assert!(summary.complete, "{summary:?}");
        assert_eq!(
            (
                summary.matched,
                left(&sim, "session:"),
                left(&sim, "other:")
            ),
            (KEYS, 0, 1000)
        );
        assert!(
            sim.count_of("SCAN") - scans <= 62,
            "it went on and did not begin again"
        );
    }
}

#[tokio::test]
async fn a_checkpoint_is_private_checked_and_for_its_own_work_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoint");
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options =
        SweepOptions::new(scan("session:*").with_count(CountChoice::Fixed(Count::new(100))));
    stop_after(&keyspace, &options.clone().with_checkpoint(&file), 10).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&file)
                .expect("there")
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
    }
    let checkpoint = Checkpoint::load(&file).expect("readable");
    let refuse = async |options: SweepOptions, dry: bool, count: bool, keyspace: &Keyspace| {
        let options = options.with_resume(checkpoint.clone());
        let started = if count {
            Sweep::count(keyspace, options).await
        } else if dry {
            Sweep::dry_run(keyspace, options, DeleteOptions::default()).await
        } else {
            let plan = plan_delete_unseen(keyspace, &options)
                .await
                .expect("planned");
            Sweep::delete(
                keyspace,
                options,
                DeleteOptions::default(),
                plan.confirm(Consent::Scoped).expect("scoped"),
            )
            .await
        };
        let error = started.err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Checkpoint, "{error}");
        error.context().to_owned()
    };
    assert!(
        refuse(sweep("other:*"), false, false, &keyspace)
            .await
            .contains("patterns")
    );
    assert!(
        refuse(options.clone(), true, false, &keyspace)
            .await
            .contains("dry run")
    );
    assert!(
        refuse(options.clone(), false, true, &keyspace)
            .await
            .contains("command")
    );
    let elsewhere = try_on(&sim, target().with_database(1), ConnectOptions::default())
        .await
        .expect("in");
    assert!(
        refuse(options.clone(), false, false, &elsewhere)
            .await
            .contains("database")
    );

    let text = std::fs::read_to_string(&file).expect("there");
    for damage in [
        String::new(),
        text[..text.len() - 3].to_owned(),
        text.replace("session", "sessiom")
            .replace("\"database\":0", "\"database\":1"),
        text.replacen("keypace-checkpoint 1", "keypace-checkpoint 2", 1),
        "x".repeat(50),
    ] {
        if damage == text {
            continue;
        }
        std::fs::write(&file, damage).expect("written");
        assert_eq!(
            Checkpoint::load(&file).expect_err("damaged").kind(),
            ErrorKind::Checkpoint
        );
    }
    std::fs::write(&file, [0xff, 0xfe]).expect("written");
    assert_eq!(
        Checkpoint::load(&file).expect_err("damaged").kind(),
        ErrorKind::Checkpoint
    );
    assert_eq!(
        Checkpoint::load(&folder.path().join("none"))
            .expect_err("absent")
            .kind(),
        ErrorKind::Io
    );
}

#[tokio::test]
async fn a_checkpoint_that_can_not_be_written_ends_the_run_incomplete_with_nothing_lost() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options = sweep("session:*").with_checkpoint("/nonexistent/folder/checkpoint");
    let mut delete = deleting(&keyspace, &options).await;
    while delete.next().await.is_some() {}
    assert_eq!(delete.error().expect("says so").kind(), ErrorKind::Io);
    assert!(!delete.summary().complete);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let began = tokio::time::Instant::now();
    let summary = finish(deleting(&keyspace, &sweep("session:*").with_rate(1000)).await).await;
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs_f64(KEYS as f64 / 1000.0 * 0.9)
            && took < Duration::from_secs(7),
        "{took:?}"
    );
    assert!(summary.pace.paused_ms.rate > 3000);
}

#[tokio::test]
async fn listing_gives_pages_and_a_summary() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let (keys, summary) = list(
        Sweep::list(&keyspace, sweep("session:*"))
            .await
            .expect("started"),
    )
    .await;
    assert_eq!(
        (keys.len() as u64, summary.matched, summary.complete),
        (KEYS, KEYS, true)
    );
}

#[tokio::test]
async fn the_summary_is_json_as_callers_know_it() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let summary = finish(deleting(&keyspace, &sweep("session:*")).await).await;
    let json = serde_json::to_value(&summary).expect("json");
    for field in [
        "command",
        "dry_run",
        "complete",
        "limited",
        "matched",
        "deleted",
        "already_gone",
        "skipped",
        "failed",
        "unknown",
        "would_delete",
        "elapsed_ms",
        "by_pattern",
        "shards",
        "pace",
        "errors",
    ] {
        assert!(json.get(field).is_some(), "{field}");
    }
    assert_eq!(json["shards"][0]["lanes"], 1);
    assert_eq!(json["pace"]["budget_us"], 1000);
    assert_eq!(json["by_pattern"][0]["pattern"], "session:*");
    let progress = serde_json::to_value(
        Sweep::count(&keyspace, sweep("other:*"))
            .await
            .expect("started")
            .progress(),
    )
    .expect("json");
    assert_eq!(progress["state"], "running");
    assert_eq!(progress["nodes"][0]["node"], "sim:6379");
}
