//! Counting and deleting, against the simulator: accounts, lost replies, refused keys, checkpoints, stopping.

mod common;

use std::time::Duration;

use common::{KEYS, deleting, finish, left, list, on, pattern, seeded, sweep, target, try_on};
use keypace::{
    Budget, ConnectOptions, DeleteOptions, ErrorKind, PauseReason, RunState, ScanOptions, Sweep,
    SweepOptions, limits,
};
use keypace_testkit::{Action, Rule, Sim, SimOptions, User};

#[tokio::test]
async fn deletes_what_matches_and_nothing_else() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options = sweep("session:*").with_budget(Budget::off());
    let summary = finish(deleting(&keyspace, &options).await).await;
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
        finish(deleting(&keyspace, &sweep("k:*").with_budget(Budget::off())).await)
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
        finish(deleting(&keyspace, &sweep("k:*").with_budget(Budget::off())).await)
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
