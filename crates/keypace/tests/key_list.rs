//! Keys from a list: exactly these, each accounted for once, without a SCAN; in a cluster whatever moves meanwhile, and taken up
//! again where a run ended. What a list may hold is tested beside it (`scan/key_list.rs`).

mod common;
#[path = "cluster_sim/harness.rs"]
#[expect(dead_code, reason = "the cluster's other tests use the rest")]
mod harness;

use std::collections::BTreeSet;
use std::path::Path;

use common::{connect, deleting, finish, left, list, on, pattern, raw, run, seeded, servers};
use harness::{LAYOUTS, OTHERS, SESSIONS};
use keypace::{
    Budget, Checkpoint, Consent, Count, CountChoice, DeleteOptions, ErrorKind, KeyList, Keyspace,
    ScanOptions, Sweep, SweepOptions, plan_delete, plan_delete_unseen,
};
use keypace_lab::{OwnedSentinels, Program, SentinelOptions};
use keypace_testkit::{Action, Rule, Sim};

/// Names with a NUL behind each.
fn joined<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend_from_slice(name.as_ref());
        bytes.push(0);
    }
    bytes
}

fn piped<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> KeyList {
    let bytes = joined(names);
    KeyList::from_reader(&bytes[..], "keys from a test", &std::env::temp_dir()).expect("valid")
}

fn file_of(folder: &Path, names: impl IntoIterator<Item = String>) -> KeyList {
    let path = folder.join("keys");
    std::fs::write(&path, joined(names)).expect("written");
    KeyList::open(&path).expect("valid")
}

fn sessions(numbers: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    numbers.map(|n| format!("session:{n}"))
}

/// In small pages and unpaced.
fn of(list: KeyList) -> SweepOptions {
    let scan = ScanOptions::from_keys(list).with_count(CountChoice::Fixed(Count::new(100)));
    SweepOptions::new(scan).with_budget(Budget::off())
}

fn no_walk(sim: &Sim) {
    assert_eq!((sim.count_of("SCAN"), sim.count_of("KEYS")), (0, 0));
}

#[tokio::test]
async fn exactly_these_keys_go_and_nothing_is_walked() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    // A thousand that are there, ten that never were, ten twice.
    let names = sessions(0..1000)
        .chain(sessions(9000..9010))
        .chain(sessions(0..10));
    let names: Vec<String> = names.collect();
    for budget in [Budget::off(), Budget::default()] {
        (0..1000).for_each(|n| sim.set(0, format!("session:{n}"), "v"));
        let options = of(piped(&names)).with_budget(budget);
        let summary = finish(deleting(&keyspace, &options).await).await;
        assert!(summary.complete, "{summary:?}");
        assert_eq!(
            (summary.matched, summary.deleted),
            (1020, 1000),
            "{summary:?}"
        );
        assert_eq!((summary.already_gone, summary.shards[0].calls), (20, 0));
        assert_eq!(summary.by_pattern[0].pattern, "keys from a test");
        assert_eq!((left(&sim, "session:"), left(&sim, "other:")), (4000, 1000));
    }
    assert_eq!(sim.count_of("TYPE"), 0, "nothing is asked beforehand");
    no_walk(&sim);
}

#[tokio::test]
async fn listing_and_counting_mean_names_and_a_type_asks_the_server() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let names: Vec<String> = sessions(4990..5010).collect();
    let options = of(piped(&names));
    let (keys, summary) = list(
        Sweep::list(&keyspace, options.clone())
            .await
            .expect("started"),
    )
    .await;
    let keys: Vec<&[u8]> = keys.iter().map(keypace::Key::as_bytes).collect();
    assert_eq!(keys, names.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert!(summary.complete && summary.matched == 20);
    let counted = Sweep::count(&keyspace, options.clone())
        .await
        .expect("started");
    assert_eq!(finish(counted).await.matched, 20, "names, there or not");
    let dry = Sweep::dry_run(&keyspace, options, DeleteOptions::default()).await;
    assert_eq!(finish(dry.expect("started")).await.would_delete, 20);
    assert_eq!(sim.count_of("TYPE"), 0);
    for (types, found) in [(vec!["string"], 10), (vec!["hash", "list"], 0)] {
        let types = types.into_iter().map(str::to_owned).collect();
        let scan = ScanOptions::from_keys(piped(&names))
            .with_types(types)
            .expect("valid");
        let sweep = Sweep::count(&keyspace, SweepOptions::new(scan)).await;
        assert_eq!(finish(sweep.expect("started")).await.matched, found);
    }
    no_walk(&sim);
}

#[tokio::test]
async fn a_plan_counts_the_names_and_its_consent_is_for_this_list_only() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let exclude = vec![pattern("session:*7")];
    let scan = ScanOptions::from_keys(piped(sessions(0..1000)));
    let options = SweepOptions::new(scan.with_exclude(exclude).expect("valid"));
    let plan = plan_delete(&keyspace, &options).await.expect("planned");
    assert_eq!((plan.estimate(), plan.is_exact()), (Some(900), true));
    assert_eq!(plan.samples().len(), 5);
    assert_eq!(plan.samples()[0].as_bytes(), b"session:0");
    no_walk(&sim);
    let plan_of = async |names: KeyList| {
        let plan = plan_delete_unseen(&keyspace, &of(names)).await;
        // A list is exact: no pattern has to be guarded.
        plan.expect("planned")
            .confirm(Consent::Scoped)
            .expect("scoped")
    };
    let confirmed = plan_of(piped(["a", "b"])).await;
    let other = Sweep::delete(
        &keyspace,
        of(piped(["a", "c"])),
        DeleteOptions::default(),
        confirmed,
    );
    assert_eq!(other.await.err().expect("refused").kind(), ErrorKind::Guard);
    let confirmed = plan_of(piped(["a", "b"])).await;
    let same = Sweep::delete(
        &keyspace,
        of(piped(["a", "b"])),
        DeleteOptions::default(),
        confirmed,
    );
    assert_eq!(finish(same.await.expect("started")).await.already_gone, 2);
    let scan = ScanOptions::from_keys(piped(sessions(0..1000))).with_limit(250);
    let summary = finish(deleting(&keyspace, &SweepOptions::new(scan)).await).await;
    assert!(
        summary.limited && summary.complete && summary.deleted == 250,
        "{summary:?}"
    );
}

#[tokio::test]
async fn a_resumed_delete_accounts_for_each_name_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint");
    for steps in [1, 7, 20] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let names = || sessions(0..KEYS_AND_SOME);
        let options = of(file_of(folder.path(), names()));
        let mut sweep = deleting(&keyspace, &options).await;
        for _ in 0..steps {
            sweep.next().await.expect("more");
        }
        sweep.save_checkpoint(&path).expect("written");
        sweep.stop_handle().stop();
        // What goes on here is not in the checkpoint, as after a kill.
        while sweep.next().await.is_some() {}
        let checkpoint = Checkpoint::load(&path).expect("read");
        let resumed = options.clone().with_resume(checkpoint.clone());
        let summary = finish(deleting(&keyspace, &resumed).await).await;
        assert!(summary.complete, "{summary:?}");
        assert_eq!(summary.matched, KEYS_AND_SOME, "{steps}: {summary:?}");
        assert_eq!(left(&sim, "session:"), 0);
        let other = of(file_of(folder.path(), sessions(0..10))).with_resume(checkpoint);
        let error = try_delete(&keyspace, other).await;
        assert_eq!(error, Some(ErrorKind::Checkpoint));
        no_walk(&sim);
    }
    let sim = seeded();
    let keyspace = on(&sim).await;
    let piped = of(piped(sessions(0..10))).with_checkpoint(&path);
    assert_eq!(
        try_delete(&keyspace, piped).await,
        Some(ErrorKind::InvalidOption)
    );
}

/// With a few that were never there.
const KEYS_AND_SOME: u64 = common::KEYS + 25;

async fn try_delete(keyspace: &Keyspace, options: SweepOptions) -> Option<ErrorKind> {
    let plan = plan_delete_unseen(keyspace, &options)
        .await
        .expect("planned");
    let confirmed = plan.confirm(Consent::Scoped).expect("scoped");
    let sweep = Sweep::delete(keyspace, options, DeleteOptions::default(), confirmed).await;
    sweep.err().map(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn another_process_has_the_list_read_again() {
    for nth in [1, 3, 8] {
        let sim = seeded();
        sim.script(Rule::on("UNLINK").nth(nth).then(Action::run(|state| {
            // As where the last deletes were not replicated.
            state.insert_strings(0, "session:", 0..100);
            state.new_run_id();
            state.close_connections(None);
        })));
        let keyspace = on(&sim).await;
        let options = of(piped(sessions(0..KEYS_AND_SOME)));
        let summary = finish(deleting(&keyspace, &options).await).await;
        assert!(summary.complete, "{nth}: {summary:?}");
        assert_eq!(left(&sim, "session:"), 0, "{nth}: {summary:?}");
        assert!(summary.matched >= KEYS_AND_SOME, "{nth}: {summary:?}");
        assert!(summary.matched <= KEYS_AND_SOME + 100, "{nth}: {summary:?}");
        no_walk(&sim);
    }
}

#[tokio::test(start_paused = true)]
async fn p04_in_a_cluster_moved_slots_are_read_again() {
    for layout in LAYOUTS {
        for nth in [1, 40, 200] {
            let cluster = harness::seeded(layout, nth);
            let rule = Rule::on("UNLINK").nth(nth);
            harness::at(&cluster, 0, rule, |cluster| {
                cluster.move_slots(100..=2000, 1)
            });
            let keyspace = harness::connect(&cluster).await;
            let gone = 30;
            let options = of(piped(sessions(0..SESSIONS + gone)));
            let summary = finish(deleting(&keyspace, &options).await).await;
            assert!(summary.complete, "{layout:?} {nth}: {summary:?}");
            assert_eq!(
                (summary.deleted, summary.matched),
                (SESSIONS, SESSIONS + gone),
                "{summary:?}"
            );
            let others = harness::left(&cluster, "other:") as u64;
            assert_eq!((harness::left(&cluster, "session:"), others), (0, OTHERS));
            assert_eq!(cluster.count_of("SCAN"), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p04_in_a_cluster_types_are_asked_where_the_keys_are() {
    let cluster = harness::seeded(LAYOUTS[0], 7);
    let rule = Rule::on("TYPE").nth(20);
    harness::at(&cluster, 0, rule, |cluster| {
        cluster.move_slots(100..=2000, 2)
    });
    let keyspace = harness::connect(&cluster).await;
    let scan = ScanOptions::from_keys(piped(sessions(0..SESSIONS + 30)));
    let scan = scan.with_types(vec!["string".to_owned()]).expect("valid");
    let sweep = Sweep::count(&keyspace, SweepOptions::new(scan))
        .await
        .expect("started");
    let summary = finish(sweep).await;
    assert!(summary.complete, "{summary:?}");
    assert_eq!(summary.matched, SESSIONS, "{summary:?}");
    let listed = Sweep::list(&keyspace, of(piped(sessions(0..SESSIONS)))).await;
    let (keys, summary) = list(listed.expect("started")).await;
    let keys: BTreeSet<&[u8]> = keys.iter().map(keypace::Key::as_bytes).collect();
    assert!(
        summary.complete && keys.len() as u64 == SESSIONS,
        "{summary:?}"
    );
    assert_eq!(cluster.count_of("SCAN"), 0);
}

#[tokio::test]
async fn names_of_any_bytes_go_and_types_are_told_apart_on_real_servers() {
    for server in servers() {
        let odd: [&[u8]; 5] = [b"a\nb", b"'\"\\ $x", b"\xff\x80\r\n", b" ", b"*"];
        let mut raw = raw(&server);
        for name in odd {
            run(&mut raw, &[&[b"SET", name, b"v"]]);
        }
        run(
            &mut raw,
            &[
                &[b"SET", b"kept", b"v"],
                &[b"RPUSH", b"list", b"v"],
                &[b"HSET", b"hash", b"f", b"v"],
            ],
        );
        let keyspace = connect(&server).await;
        let summary = finish(deleting(&keyspace, &of(piped(odd))).await).await;
        assert_eq!((summary.deleted, summary.matched), (5, 5), "{summary:?}");
        let mixed = ["kept", "list", "hash", "none"];
        let types = vec!["list".to_owned(), "hash".to_owned()];
        let scan = ScanOptions::from_keys(piped(mixed))
            .with_types(types)
            .expect("valid");
        let summary = finish(deleting(&keyspace, &SweepOptions::new(scan)).await).await;
        assert_eq!((summary.deleted, summary.matched), (2, 2), "{summary:?}");
        assert_eq!(keyspace.dbsize().await.expect("asked"), 1);
        let stats = raw.info("commandstats").expect("told");
        assert!(!stats.contains_key("cmdstat_scan"), "{stats:?}");
    }
}

#[tokio::test]
async fn behind_sentinels_the_list_is_read_again_of_the_next_primary() {
    for program in Program::all() {
        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        let mut raw = set.raw(0).expect("connected");
        keypace_lab::seed::strings(&mut raw, b"session:", 0..2000, 8).expect("seeded");
        set.wait_until_settled().expect("in step");
        let endpoints = set.sentinel_endpoints();
        let places = endpoints.iter();
        let places: Vec<String> = places
            .map(|place| place.to_string().replace("redis://", ""))
            .collect();
        let url = format!(
            "redis-sentinel://{}/{}",
            places.join(","),
            set.master_name()
        );
        let target = keypace::Target::parse(&url).expect("valid");
        let keyspace = Keyspace::connect(target, keypace::ConnectOptions::default());
        let keyspace = keyspace.await.expect("connected");
        let mut sweep = deleting(&keyspace, &of(piped(sessions(0..2010)))).await;
        for _ in 0..4 {
            sweep.next().await.expect("more");
        }
        set.fail_over().expect("failed over");
        let summary = finish(sweep).await;
        assert!(summary.complete, "{summary:?}");
        assert!(summary.matched >= 2010, "{summary:?}");
        assert_eq!(keyspace.dbsize().await.expect("asked"), 0);
    }
}
