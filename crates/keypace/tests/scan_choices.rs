//! What a caller can choose of a walk, against the simulator: limits, types, patterns, order, strategy, marks.

mod common;

use std::collections::BTreeSet;

use common::{KEYS, all_keys, on, pattern, scan, seeded, sorted_keys};
use keypace::{
    Count, CountChoice, ErrorKind, Order, Pages, ScanOptions, Step, Strategy, collect, limits,
};
use keypace_testkit::{Action, Rule, Sim, Value};

fn small_pages() -> ScanOptions {
    scan("session:*").with_count(CountChoice::Fixed(Count::new(100)))
}

#[tokio::test]
async fn the_next_call_is_on_its_way_before_the_page_is_handed_on() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, small_pages());
    for handed_on in 1..=5 {
        pages.next().await.expect("walks").expect("goes on");
        // The server's task runs when this one waits.
        while sim.count_of("SCAN") < handed_on + 1 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_limit_stops_the_walk_and_sends_no_call_too_many() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let keys = all_keys(&keyspace, small_pages().with_limit(10))
        .await
        .expect("walked");
    assert_eq!(keys.len(), 10);
    assert_eq!(sim.count_of("SCAN"), 1);
    let keys = all_keys(&keyspace, small_pages().with_limit(0))
        .await
        .expect("walked");
    assert!(keys.is_empty());
}

#[tokio::test]
async fn p03_duplicates_are_removed_where_asked_for() {
    for order in [Order::Exact, Order::Sorted] {
        let sim = seeded();
        sim.script(Rule::on("SCAN").every(3).then(Action::Duplicates));
        let keyspace = on(&sim).await;
        assert!(
            all_keys(&keyspace, small_pages())
                .await
                .expect("walked")
                .len() as u64
                > KEYS,
            "the fault works"
        );
        let keys = all_keys(&keyspace, small_pages().with_order(order))
            .await
            .expect("walked");
        assert_eq!(keys.len() as u64, KEYS, "{order:?}");
        assert_eq!(order == Order::Sorted, keys.is_sorted(), "{order:?}");
    }
}

#[tokio::test]
async fn p12_types_are_filtered_by_the_server_or_by_asking_each_key() {
    let with_types = Sim::new();
    let without_type = Sim::new();
    without_type.script(
        Rule::on("SCAN")
            .with_arg("TYPE")
            .always()
            .then(Action::Error("ERR syntax error".into())),
    );
    for sim in [&with_types, &without_type] {
        sim.insert_strings("k:", 0..300);
        for n in 0..200 {
            sim.set(0, format!("l:{n}"), Value::List([b"x".to_vec()].into()));
        }
    }
    for (sim, types, expected, asks) in [
        (&with_types, vec!["LIST"], 200, false),
        (&with_types, vec!["list", "string"], 500, true),
        (&with_types, vec!["hash"], 0, false),
        (&without_type, vec!["list"], 200, true),
    ] {
        sim.reset_counts();
        let keyspace = on(sim).await;
        let types = types.into_iter().map(str::to_owned).collect();
        let keys = sorted_keys(&keyspace, scan("*").with_types(types).expect("valid")).await;
        assert_eq!(keys.len(), expected);
        assert_eq!(sim.count_of("TYPE") > 0, asks);
    }
}

#[tokio::test]
async fn several_patterns_are_one_walk_and_each_key_counts_once() {
    let sim = Sim::new();
    sim.insert_strings("image_proxy:", 0..100);
    sim.insert_strings("image_metadata:", 0..50);
    sim.insert_strings("image_other:", 0..25);
    let keyspace = on(&sim).await;
    let patterns = ["image_proxy:*", "image_metadata:*", "image_*:1"]
        .map(pattern)
        .to_vec();
    let options = ScanOptions::new(patterns)
        .expect("valid")
        .with_exclude(vec![pattern("*:7")])
        .expect("valid");
    let mut pages = Pages::new(&keyspace, options);
    let mut counts = [0; 3];
    while let Some(step) = pages.next().await.expect("walked") {
        let Step::Page(page) = step else {
            panic!("nobody restarted")
        };
        for place in 0..page.keys().len() {
            counts[page.pattern_of(place)] += 1;
        }
    }
    assert_eq!(counts, [99, 49, 1]);
    let asked = sim
        .commands()
        .into_iter()
        .find(|c| c.name == "SCAN")
        .expect("scanned");
    assert!(
        asked.args.contains(&b"image_*".to_vec()),
        "the server filters by what the patterns share: {asked:?}"
    );
}

#[tokio::test]
async fn both_strategies_give_the_same_and_keys_is_warned_about_and_bounded() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let by_scan = collect(&keyspace, scan("session:1*").with_limit(5000))
        .await
        .expect("collected");
    let by_keys = collect(
        &keyspace,
        scan("session:1*")
            .with_limit(5000)
            .with_strategy(Strategy::Keys),
    )
    .await
    .expect("collected");
    assert_eq!(by_scan, by_keys);
    assert!(!by_scan.truncated && by_scan.keys.is_sorted());
    assert_eq!(sim.count_of("KEYS"), 1);

    sim.script(
        Rule::on("DBSIZE")
            .times(1)
            .then(Action::Reply(b":1000001\r\n".to_vec())),
    );
    let error = collect(&keyspace, scan("session:*").with_strategy(Strategy::Keys))
        .await
        .expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(error.hint().expect("hint").contains("--i-know"));
    assert_eq!(sim.count_of("KEYS"), 1, "it was never sent");
    collect(
        &keyspace,
        scan("session:*").with_strategy(Strategy::KeysAnySize),
    )
    .await
    .expect("somebody knows");
}

#[tokio::test]
async fn p16_a_service_that_refuses_keys_is_explained() {
    let sim = seeded();
    sim.script(Rule::on("KEYS").then(Action::Error(
        "ERR too many keys to fetch, please use SCAN".into(),
    )));
    let keyspace = on(&sim).await;
    let error = collect(&keyspace, scan("session:*").with_strategy(Strategy::Keys))
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::KeysRefused);
    assert!(error.hint().expect("hint").contains("SCAN"));
}

#[tokio::test]
async fn collecting_is_bounded_and_says_what_to_do() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let some = collect(&keyspace, scan("session:*"))
        .await
        .expect("collected");
    assert_eq!(
        (some.keys.len(), some.truncated),
        (limits::COLLECT_DEFAULT_KEYS, true)
    );
    let by_keys = collect(&keyspace, scan("session:*").with_strategy(Strategy::Keys))
        .await
        .expect("collected");
    assert_eq!(
        (by_keys.keys.len(), by_keys.truncated),
        (limits::COLLECT_DEFAULT_KEYS, true)
    );
    let error = collect(&keyspace, scan("session:*").with_limit(10_001))
        .await
        .expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Limit);
    let hint = error.hint().expect("hint");
    assert!(hint.contains("index") && hint.contains("stream"), "{hint}");
}

#[tokio::test]
async fn a_resumed_walk_goes_on_behind_its_mark() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, small_pages());
    let mut keys = BTreeSet::new();
    let mut mark = None;
    for _ in 0..20 {
        if let Some(Step::Page(page)) = pages.next().await.expect("walks") {
            mark = page.mark().cloned();
            keys.extend(page.into_keys());
        }
    }
    drop(pages);
    let before = sim.count_of("SCAN");
    let mut pages = Pages::resume(&keyspace, small_pages(), &mark.expect("a mark"));
    while let Some(Step::Page(page)) = pages.next().await.expect("walks") {
        keys.extend(page.into_keys());
    }
    assert_eq!(keys.len() as u64, KEYS);
    let walked = KEYS + KEYS / 5;
    assert!(
        sim.count_of("SCAN") - before < walked / 100,
        "nothing is walked again from 0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_keys_command_is_asked_again_on_a_connection_of_its_own() {
    let sim = seeded();
    sim.script(
        Rule::on("KEYS")
            .times(2)
            .then(Action::Delay(std::time::Duration::from_secs(1))),
    );
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, scan("session:*").with_strategy(Strategy::Keys));
    let mut keys = BTreeSet::new();
    let mut dropped = 0;
    loop {
        match tokio::time::timeout(std::time::Duration::from_millis(300), pages.next()).await {
            Ok(step) => match step.expect("walked") {
                Some(Step::Page(page)) => keys.extend(page.into_keys()),
                Some(_) => panic!("nobody restarted"),
                None => break,
            },
            Err(_) => dropped += 1,
        }
    }
    assert_eq!((keys.len() as u64, dropped), (KEYS, 2));
}
