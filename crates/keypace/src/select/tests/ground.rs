//! The ground on the simulator: where idle times are refused, waited for, or doubted, and rights that are missing.

use std::time::Duration;

use keypace_testkit::{Role, SimOptions, User};

use super::{HOUR, KEYS, QUESTIONS, Way, Wire, all, idle_over, names, passed, seeded};
use crate::error::{Error, ErrorKind};
use crate::port::Target;
use crate::select::{Acts, Filters, Guard, Questions, check_ground};

#[tokio::test(start_paused = true)]
async fn p30b_while_a_save_runs_idle_times_are_waited_for() {
    for field in ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"] {
        let (wire, keys) = seeded().await;
        let keyspace = wire.keyspace().await;
        let way = Way::of(idle_over(HOUR));
        let mut selector = way.selector(&keyspace);
        wire.sim.with_state(|state| state.set_info(field, "1"));
        let wait = tokio::time::timeout(Duration::from_secs(20), selector.look(&keys)).await;
        assert!(wait.is_err(), "{field}: it waits");
        assert_eq!(wire.writes(), Vec::<usize>::new(), "no key was asked about");
        wire.sim.with_state(|state| state.set_info(field, "0"));
        let looked = selector.look(&keys).await.expect("looked");
        assert_eq!(passed(&looked, &keys).len(), KEYS as usize);

        // Asked once a second at most.
        wire.sim.reset_counts();
        for _ in 0..50 {
            selector.look(&keys[..10]).await.expect("looked");
        }
        assert_eq!(wire.sim.count_of("INFO"), 0, "{field}");
        wire.sim.with_state(|state| state.set_info(field, "1"));
        let trusting = Way::of(idle_over(HOUR).with_trust_idle(true));
        assert!(trusting.look(&wire, &keys).await.is_ok());
        assert!(
            Way::of(Filters::default().with_no_ttl())
                .look(&wire, &keys)
                .await
                .is_ok()
        );
    }
}

fn guarded(error: &Error, words: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Guard, "{error:?}");
    let text = format!("{error} {}", error.hint().unwrap_or_default());
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn p30b_another_process_is_not_trusted_in_mid_run() {
    let (wire, keys) = seeded().await;
    let keyspace = wire.keyspace().await;
    let way = Way::of(idle_over(HOUR));
    let mut selector = way.selector(&keyspace);
    assert!(selector.look(&keys).await.is_ok());
    wire.sim.with_state(|state| {
        state.new_run_id();
        state.set_info("master_replid2", &"a".repeat(40));
        state.close_connections(None);
    });
    let error = selector.look(&keys).await.expect_err("it was promoted");
    guarded(&error, &["master_replid2", "--trust-idle"]);
    let trusting = Way::of(idle_over(HOUR).with_trust_idle(true));
    assert!(trusting.look(&wire, &keys).await.is_ok());
}

/// A name, where it is, what is done, what the text names, and whether it can be overridden.
type Row<'a> = (&'a str, &'a dyn Fn() -> Wire, Acts, &'a [&'a str], bool);

#[tokio::test(start_paused = true)]
async fn p30_where_idle_times_would_lie_they_are_refused() {
    let lfu = || Wire::with(SimOptions::default().with_config("maxmemory-policy", "allkeys-lfu"));
    let old = || Wire::with(SimOptions::default().with_redis_version("2.8.17"));
    let promoted = || {
        let wire = Wire::default();
        wire.sim
            .with_state(|state| state.set_info("master_replid2", "0a"));
        wire
    };
    let replica = || Wire::with(SimOptions::default().with_role(Role::Replica));
    let read_elsewhere = || {
        let wire = Wire::default();
        wire.sim.with_state(|state| {
            state.set_info("connected_slaves", "1");
            state.set_info(
                "slave0",
                "ip=127.0.0.1,port=7001,state=online,offset=0,lag=0",
            );
        });
        wire
    };
    let touched = || Wire::with(SimOptions::default().without_command("CLIENT NO-TOUCH"));
    let rows: [Row<'_>; 6] = [
        (
            "lfu",
            &lfu,
            Acts::Looks,
            &["maxmemory-policy", "allkeys-lfu"],
            false,
        ),
        ("old", &old, Acts::Looks, &["before 3.0"], false),
        (
            "promoted",
            &promoted,
            Acts::Looks,
            &["master_replid2", "--trust-idle"],
            true,
        ),
        (
            "replica",
            &replica,
            Acts::Looks,
            &["replica", "--trust-idle"],
            true,
        ),
        (
            "read elsewhere",
            &read_elsewhere,
            Acts::Deletes,
            &["127.0.0.1:7001", "--trust-idle"],
            true,
        ),
        (
            "backed up",
            &touched,
            Acts::BacksUp,
            &["NO-TOUCH", "--trust-idle"],
            true,
        ),
    ];
    for (name, wire, acts, words, can_override) in rows {
        let way = Way::of(idle_over(HOUR));
        let error = way.ground(&wire(), acts).await.expect_err(name);
        guarded(&error, words);
        assert_eq!(error.node(), Some("sim:6379"), "{name}");
        let trusting = Way::of(idle_over(HOUR).with_trust_idle(true));
        assert_eq!(
            trusting.ground(&wire(), acts).await.is_ok(),
            can_override,
            "{name}"
        );
        // Without a filter on it nothing is refused, and who shows idle times can say why they are left out.
        let mut shows = Way::of(Filters::default());
        shows.extra = all();
        let ground = shows.ground(&wire(), acts).await.expect(name);
        assert_eq!(ground.doubt().is_some(), name != "backed up", "{name}");
    }
    let fine = Way::of(idle_over(HOUR).with_size_over(1));
    assert!(fine.ground(&touched(), Acts::Deletes).await.is_ok());
    let keyless = lfu();
    keyless.sim.insert_strings("k:", 0..3);
    let error = fine.look(&keyless, &names("k:", 0..3)).await;
    guarded(&error.expect_err("lfu"), &["maxmemory-policy"]);
    let mut shows = Way::of(Filters::default());
    shows.extra = all();
    let looked = shows
        .look(&keyless, &names("k:", 0..3))
        .await
        .expect("looked");
    let facts = looked.facts[0].as_ref().expect("there");
    assert!(facts.idle.is_none() && facts.kind.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_shows_before_any_work_with_the_rule_to_add() {
    for (rights, words) in [
        (&["-object"][..], "+object|idletime"),
        (&["-pttl"], "+pttl"),
        (&["-type"], "+type"),
        (&["-memory"], "+memory|usage"),
    ] {
        let mut user = User::new("u", "p");
        for right in rights {
            user = user.without_command(right.trim_start_matches('-'));
        }
        let wire = Wire::with(SimOptions::default().with_user(user)).counting(QUESTIONS);
        let target = Target::parse("redis://u:p@sim").expect("valid");
        let keyspace = wire.keyspace_as(target).await;
        let filters = idle_over(HOUR).with_no_ttl().with_size_over(1);
        let guard = Guard::new(&filters, &["hash".to_owned()]);
        let ground = check_ground(keyspace.node(), &guard, Questions::default(), Acts::Deletes);
        guarded(&ground.await.expect_err("a right is missing"), &[words]);
        assert_eq!(wire.writes().len(), 1, "all questions at once");
    }
}
