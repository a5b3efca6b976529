//! Bounds, confirmations, stopping and going on, against the simulator: what a person set is kept to the key.

mod common;

use std::time::Duration;

use common::{
    KEYS, deleting, deleting_with, finish, left, on, pattern, scan, seeded, sweep, target, try_on,
};
use keypace::{
    Checkpoint, ConnectOptions, Consent, Count, CountChoice, DeleteOptions, ErrorKind, Keyspace,
    RunState, Scope, Sweep, SweepOptions, limits, plan_delete, plan_delete_unseen,
};
use keypace_testkit::Sim;

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
        text.replacen("keypace-checkpoint 2", "keypace-checkpoint 3", 1),
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
async fn a_page_that_is_listed_is_settled_when_the_next_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoint");
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options =
        SweepOptions::new(scan("session:*").with_count(CountChoice::Fixed(Count::new(100))));
    let mut list = Sweep::list(&keyspace, options.clone())
        .await
        .expect("started");
    let Some(keypace::Event::Page(first)) = list.next().await else {
        panic!("no page")
    };
    list.save_checkpoint(&file).expect("saved");
    drop(list);
    let resumed = options.with_resume(Checkpoint::load(&file).expect("readable"));
    let (keys, _) = common::list(Sweep::list(&keyspace, resumed).await.expect("started")).await;
    assert!(
        first.keys().iter().all(|key| keys.contains(key)),
        "the page was in nobody's hands"
    );
}
