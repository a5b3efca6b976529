//! What comes after a delete: a walk that counts what still matches, deletes until one finds nothing, and what is forced on
//! servers whose SCAN can miss keys. Keys arrive between two walks, which is where nothing of a sweep runs.

mod common;
#[path = "cluster_sim/harness.rs"]
#[expect(dead_code, reason = "the cluster's other tests use the rest")]
mod harness;

use common::{check, connect, left, on, raw, run, scan, seeded, servers, sweep};
use keypace::{
    BackupTarget, Budget, Checkpoint, Consent, DeleteOptions, ErrorKind, KeyList, Keyspace,
    RunState, ScanOptions, Summary, Sweep, SweepOptions, Verify, plan_delete_unseen,
};
use keypace_testkit::{Action, Rule, Sim, SimOptions};

async fn deleting(keyspace: &Keyspace, options: &SweepOptions, verify: Verify) -> Sweep {
    let delete = DeleteOptions::default().with_verify(verify);
    common::deleting_with(keyspace, options, delete).await
}

/// Drives a sweep to its end; `arrive` is told of each walk that verifies, before it has sent anything.
async fn drive(mut sweep: Sweep, mut arrive: impl FnMut(u32)) -> Summary {
    let mut last = None;
    while sweep.next().await.is_some() {
        let pass = sweep.progress().verify_pass;
        if let Some(pass) = pass.filter(|_| pass != last) {
            arrive(pass);
        }
        last = pass;
    }
    let summary = sweep.summary();
    check(&summary);
    let state = sweep.progress().state;
    assert_eq!(state == RunState::Done, summary.complete, "{summary:?}");
    summary
}

/// Passes and remaining keys.
fn verified(summary: &Summary) -> (u32, u64) {
    let verified = summary.verified.as_ref().expect("verified");
    (verified.passes, verified.remaining)
}

#[tokio::test]
async fn another_walk_says_what_still_matches() {
    for arrivals in [0, 7] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let sweep = deleting(&keyspace, &sweep("session:*"), Verify::Once).await;
        let summary = drive(sweep, |_| sim.insert_strings("session:new:", 0..arrivals)).await;
        assert_eq!(verified(&summary), (1, arrivals), "{summary:?}");
        assert_eq!(
            (summary.matched, summary.deleted),
            (5000, 5000),
            "{summary:?}"
        );
        assert_eq!(summary.complete, arrivals == 0, "{summary:?}");
        let samples = summary.verified.expect("verified").sample_keys;
        assert_eq!(samples.len() as u64, arrivals.min(5));
        assert!(samples.iter().all(|key| key.starts_with("session:new:")));
        assert_eq!(left(&sim, "session:") as u64, arrivals, "only counted");
    }
}

#[tokio::test]
async fn deletes_go_on_until_one_finds_nothing() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let work = deleting(&keyspace, &sweep("session:*"), Verify::UntilEmpty(5)).await;
    let summary = drive(work, |pass| {
        if pass < 3 {
            sim.insert_strings(&format!("session:{pass}:"), 0..4);
        }
    })
    .await;
    assert_eq!(verified(&summary), (3, 0), "{summary:?}");
    assert!(summary.complete, "{summary:?}");
    assert_eq!((summary.deleted, summary.matched), (5008, 5008));
    assert_eq!(summary.by_pattern[0].deleted, 5008);

    // They never end, and so it does.
    let sim = seeded();
    let keyspace = on(&sim).await;
    let work = deleting(&keyspace, &sweep("session:*"), Verify::UntilEmpty(2)).await;
    let arrive = |pass| sim.insert_strings(&format!("session:{pass}:"), 0..4);
    let summary = drive(work, arrive).await;
    assert_eq!(verified(&summary), (3, 4), "{summary:?}");
    assert!(
        !summary.complete && summary.errors.is_empty(),
        "{summary:?}"
    );
    assert_eq!(summary.deleted, 5008);
    assert_eq!(left(&sim, "session:"), 4);
}

/// Values that are too large for a backup are left alone on purpose, and found again; nothing else may be left.
#[tokio::test]
async fn keys_that_were_left_alone_on_purpose_are_no_failure() {
    for verify in [Verify::Once, Verify::UntilEmpty(3)] {
        for arrivals in [0, 4] {
            let sim = Sim::new();
            sim.insert_strings("session:", 0..50);
            for n in 0..3 {
                sim.set(0, format!("session:large:{n}"), vec![b'x'; 2000]);
            }
            let keyspace = on(&sim).await;
            let folder = tempfile::tempdir().expect("a folder");
            let target = BackupTarget::new(folder.path().join("backup"));
            let options = sweep("session:*").with_backup(target.with_max_value_bytes(1000));
            let delete = DeleteOptions::default().with_verify(verify);
            let work = common::deleting_with(&keyspace, &options, delete).await;
            // One of them goes, which makes no room for those that are new.
            let summary = drive(work, |pass| {
                if pass == 1 && arrivals > 0 {
                    sim.insert_strings("session:new:", 0..arrivals);
                    sim.remove(0, "session:large:2");
                }
            })
            .await;
            let counts = summary.verified.clone().expect("verified");
            let is_deleted = verify != Verify::Once;
            let remaining = if is_deleted { 0 } else { arrivals };
            let left_alone = if arrivals > 0 { 2 } else { 3 };
            assert_eq!(
                (counts.remaining, counts.left_alone),
                (remaining, left_alone),
                "{summary:?}"
            );
            assert_eq!(summary.complete, remaining == 0, "{summary:?}");
            let is_new = |key: &String| key.starts_with("session:new:");
            assert!(counts.sample_keys.iter().all(is_new), "{summary:?}");
            assert_eq!(counts.sample_keys.len() as u64, remaining);
        }
    }
}

#[tokio::test]
async fn p05_below_5_0_a_delete_is_always_verified() {
    for (version, is_forced) in [
        ("2.8.24", true),
        ("4.0.14", true),
        ("5.0.0", false),
        ("7.0.15", false),
    ] {
        let sim = Sim::with(SimOptions::default().with_redis_version(version));
        sim.insert_strings("session:", 0..3000);
        let keyspace = on(&sim).await;
        let work = deleting(&keyspace, &sweep("session:*"), Verify::No).await;
        let summary = drive(work, |_| {}).await;
        let passes = summary
            .verified
            .as_ref()
            .map(|verified| (verified.passes, verified.remaining));
        assert_eq!(
            passes,
            is_forced.then_some((1, 0)),
            "{version}: {summary:?}"
        );
        assert!(summary.complete, "{version}: {summary:?}");
        // What a limit leaves is not asked for.
        sim.insert_strings("session:", 0..3000);
        let limited = SweepOptions::new(scan("session:*").with_limit(10));
        let summary = drive(deleting(&keyspace, &limited, Verify::No).await, |_| {}).await;
        assert!(
            summary.complete && summary.verified.is_none(),
            "{summary:?}"
        );
    }
    // A newer family with a small number.
    let sim = Sim::with(SimOptions::default().with_valkey_version("8.0.0"));
    let keyspace = on(&sim).await;
    let summary = drive(deleting(&keyspace, &sweep("a:*"), Verify::No).await, |_| {}).await;
    assert!(summary.verified.is_none());
}

#[tokio::test]
async fn what_did_not_end_whole_is_not_verified() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    // Stopped by its own ceiling.
    let delete = DeleteOptions::default()
        .with_max_delete(1000)
        .with_verify(Verify::Once);
    let work = common::deleting_with(&keyspace, &sweep("session:*"), delete).await;
    let summary = drive(work, |_| unreachable!("nothing is verified")).await;
    assert!(
        !summary.complete && summary.verified.is_none(),
        "{summary:?}"
    );
    // Refused with a limit.
    let limited = SweepOptions::new(scan("session:*").with_limit(10));
    let plan = plan_delete_unseen(&keyspace, &limited)
        .await
        .expect("planned");
    let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
    let delete = DeleteOptions::default().with_verify(Verify::Once);
    let refused = Sweep::delete(&keyspace, limited, delete, confirmed).await;
    assert_eq!(
        refused.err().expect("refused").kind(),
        ErrorKind::InvalidOption
    );
    // The ceiling holds over all passes.
    let sim = seeded();
    let keyspace = on(&sim).await;
    let delete = DeleteOptions::default()
        .with_max_delete(5003)
        .with_verify(Verify::UntilEmpty(3));
    let work = common::deleting_with(&keyspace, &sweep("session:*"), delete).await;
    let summary = drive(work, |pass| {
        sim.insert_strings(&format!("session:{pass}:"), 0..9)
    })
    .await;
    assert_eq!(
        (summary.deleted, summary.complete),
        (5003, false),
        "{summary:?}"
    );
}

#[tokio::test]
async fn a_stop_ends_the_walk_that_verifies_and_a_resumed_one_verifies_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint");
    for verify in [Verify::Once, Verify::UntilEmpty(3)] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let options = sweep("session:*").with_checkpoint(&path);
        let mut work = deleting(&keyspace, &options, verify).await;
        let stop = work.stop_handle();
        while work.next().await.is_some() {
            if work.progress().verify_pass.is_some() {
                sim.insert_strings("session:late:", 0..3);
                stop.stop();
            }
        }
        let summary = work.summary();
        assert!(
            !summary.complete && summary.verified.is_none(),
            "{summary:?}"
        );
        assert_eq!(work.progress().state, RunState::Cancelled);
        let resumed = options
            .clone()
            .with_resume(Checkpoint::load(&path).expect("read"));
        let summary = drive(deleting(&keyspace, &resumed, verify).await, |_| {}).await;
        let is_deleted = verify != Verify::Once;
        assert_eq!(summary.complete, is_deleted, "{summary:?}");
        assert_eq!(verified(&summary), if is_deleted { (2, 0) } else { (1, 3) });
        assert_eq!(summary.deleted, if is_deleted { 5003 } else { 5000 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_breaks_off_says_nothing() {
    let sim = seeded();
    let options = keypace::ConnectOptions::default().with_retries(1);
    let keyspace = common::try_on(&sim, common::target(), options)
        .await
        .expect("in");
    let work = deleting(&keyspace, &sweep("session:*"), Verify::Once).await;
    let summary = drive(work, |_| {
        sim.script(Rule::on("SCAN").always().then(Action::DropConnection))
    })
    .await;
    assert!(
        !summary.complete && summary.verified.is_none(),
        "{summary:?}"
    );
    assert_eq!(
        (summary.deleted, summary.errors.len()),
        (5000, 1),
        "{summary:?}"
    );
}

#[tokio::test]
async fn of_a_list_it_is_asked_which_names_are_there() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let names: Vec<u8> = (0..2000)
        .flat_map(|n| format!("session:{n}\0").into_bytes())
        .collect();
    for (verify, remaining) in [(Verify::Once, (1, 3)), (Verify::UntilEmpty(2), (2, 0))] {
        sim.insert_strings("session:", 0..1990);
        let list =
            KeyList::from_reader(&names[..], "a list", &std::env::temp_dir()).expect("valid");
        let options = SweepOptions::new(ScanOptions::from_keys(list)).with_budget(Budget::off());
        for n in 1990..2000 {
            sim.remove(0, format!("session:{n}"));
        }
        let work = deleting(&keyspace, &options, verify).await;
        let summary = drive(work, |pass| {
            if pass == 1 {
                // One name that was deleted, one that was gone, and one that is not in the list.
                for n in ["0", "1", "1995", "none"] {
                    sim.set(0, format!("session:{n}"), "v");
                }
            }
        })
        .await;
        assert_eq!(verified(&summary), remaining, "{summary:?}");
        assert_eq!(summary.already_gone, 10, "{summary:?}");
        let again = if verify == Verify::Once { 0 } else { 3 };
        assert_eq!(summary.deleted, 1990 + again, "{summary:?}");
    }
    assert_eq!(sim.count_of("SCAN"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_verified_node_by_node() {
    for layout in harness::LAYOUTS {
        for verify in [Verify::Once, Verify::UntilEmpty(3)] {
            let cluster = harness::seeded(layout, 3);
            let keyspace = harness::connect(&cluster).await;
            let work = deleting(&keyspace, &harness::options(), verify).await;
            let arrive = |pass| {
                if pass == 1 {
                    cluster.with(|cluster| {
                        cluster.insert_strings("session:new:", 0..30);
                        cluster.move_slots(0..=999, 1);
                    });
                }
            };
            let summary = drive(work, arrive).await;
            let is_deleted = verify != Verify::Once;
            assert_eq!(
                verified(&summary),
                if is_deleted { (2, 0) } else { (1, 30) },
                "{summary:?}"
            );
            let more = if is_deleted { 30 } else { 0 };
            assert_eq!(summary.deleted, harness::SESSIONS + more, "{summary:?}");
            assert_eq!(summary.complete, is_deleted, "{summary:?}");
            assert_eq!(harness::left(&cluster, "other:") as u64, harness::OTHERS);
        }
    }
}

#[tokio::test]
async fn real_servers_are_verified() {
    for server in servers() {
        let mut raw = raw(&server);
        keypace_lab::seed::strings(&mut raw, b"session:", 0..3000, 8).expect("seeded");
        let keyspace = connect(&server).await;
        for (verify, remaining) in [(Verify::Once, (1, 1)), (Verify::UntilEmpty(2), (2, 0))] {
            let work = deleting(&keyspace, &sweep("session:*"), verify).await;
            let summary = drive(work, |pass| {
                if pass == 1 {
                    run(&mut raw, &[&[b"SET", b"session:late", b"v"]]);
                }
            })
            .await;
            assert_eq!(verified(&summary), remaining, "{summary:?}");
        }
        assert_eq!(keyspace.dbsize().await.expect("asked"), 0);
    }
}
