//! One node walked in several lanes, against the simulator: nothing is missed, whatever happens to connections, cursors,
//! tables and futures meanwhile; and what doesn't fit goes on in one lane. Real servers: `lanes_live`.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{KEYS, Random, all_keys, on, scan, seeded, sorted_keys};
use keypace::{
    Count, CountChoice, ErrorKind, Keyspace, Lanes, Mark, Order, Pages, ScanOptions, Step,
};
use keypace_testkit::{Action, Resize, Rule};

type Names = BTreeSet<Vec<u8>>;

fn in_lanes(lanes: u32) -> ScanOptions {
    scan("session:*")
        .with_count(CountChoice::Fixed(Count::new(50)))
        .with_lanes(Lanes::Fixed(lanes))
}

fn names(page: &keypace::Page) -> impl Iterator<Item = Vec<u8>> + '_ {
    page.keys().iter().map(|key| key.as_bytes().to_vec())
}

/// Walks to the end; what was found, and how often the walk began again.
async fn walk(pages: &mut Pages) -> (Names, u64, u64) {
    let (mut found, mut keys) = (Names::new(), 0);
    while let Some(step) = pages.next().await.expect("walks") {
        match step {
            Step::Page(page) => {
                keys += page.keys().len() as u64;
                found.extend(names(&page));
            }
            _ => {
                found.clear();
                keys = 0;
            }
        }
    }
    assert!(pages.is_ended());
    assert!((pages.share() - 1.0).abs() < f64::EPSILON);
    (found, keys, pages.restarts())
}

#[tokio::test]
async fn lanes_find_every_key_and_few_of_them_twice() {
    for (wanted, lanes) in [(1, 1), (2, 2), (3, 2), (16, 16), (64, 64), (1000, 64)] {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let mut pages = Pages::new(&keyspace, in_lanes(wanted));
        let (found, keys, restarts) = walk(&mut pages).await;
        assert_eq!((found.len() as u64, restarts), (KEYS, 0), "{wanted}");
        assert_eq!(pages.lanes(), lanes);
        // A page of a lane may go a little into the next one.
        assert!(keys <= KEYS + 20 * u64::from(lanes), "{wanted}: {keys}");
        if lanes > 1 {
            assert!(sim.count_of("SCAN") >= u64::from(lanes));
        }
    }
}

#[tokio::test]
async fn each_lane_has_a_connection_and_gives_it_back() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let before = sim.connections();
    let mut pages = Pages::new(&keyspace, in_lanes(16));
    pages.next().await.expect("walks").expect("goes on");
    assert!(sim.connections() >= 8, "{}", sim.connections());
    walk(&mut pages).await;
    while sim.connections() > before + 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_room_is_walked_in_fewer_lanes() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    sim.limit_connections(4);
    let mut pages = Pages::new(&keyspace, in_lanes(16));
    let (found, _, restarts) = walk(&mut pages).await;
    assert_eq!((found.len() as u64, restarts), (KEYS, 0));
}

#[tokio::test]
async fn two_walks_in_lanes_share_what_a_node_allows() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut first = Pages::new(&keyspace, in_lanes(64));
    let mut second = Pages::new(&keyspace, in_lanes(64));
    first.next().await.expect("walks").expect("goes on");
    second.next().await.expect("walks").expect("goes on");
    assert_eq!(first.lanes() + second.lanes(), 66);
    let (found, ..) = walk(&mut second).await;
    assert!(found.len() as u64 >= KEYS - 100);
    keyspace.dbsize().await.expect("others are not kept out");
}

#[tokio::test]
async fn cursors_that_do_not_fit_begin_the_walk_again_in_one_lane() {
    // Another lane's, back, an end too early, and what is no number.
    for cursor in ["12345678901234567891", "1", "0", "0B3a21-{06S}-96"] {
        for nth in [2, 7, 30] {
            let sim = seeded();
            let keyspace = on(&sim).await;
            let reply = format!("*2\r\n${}\r\n{cursor}\r\n*0\r\n", cursor.len());
            let odd = Rule::on("SCAN").nth(nth).times(3);
            sim.script(odd.then(Action::Reply(reply.into_bytes())));
            let mut pages = Pages::new(&keyspace, in_lanes(8));
            let mut found = Names::new();
            let mut restarts = 0;
            while let Some(step) = pages.next().await.expect("walks") {
                match step {
                    Step::Page(page) => found.extend(names(&page)),
                    _ => {
                        restarts += 1;
                        sim.clear_rules();
                    }
                }
            }
            assert_eq!(
                (restarts, pages.restarts(), pages.lanes()),
                (1, 1, 1),
                "{cursor} {nth}"
            );
            assert_eq!(found.len() as u64, KEYS, "{cursor} {nth}");
        }
    }
}

#[tokio::test]
async fn p01_another_process_begins_all_lanes_again() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let dies = Rule::on("SCAN").nth(20).then(Action::NewRunId);
    sim.script(dies.then(Action::run(|state| state.close_connections(None))));
    let mut pages = Pages::new(&keyspace, in_lanes(8));
    let (found, _, restarts) = walk(&mut pages).await;
    assert_eq!((found.len() as u64, restarts), (KEYS, 1));
    assert_eq!(pages.lanes(), 8, "the new process is walked in lanes too");
}

#[tokio::test(start_paused = true)]
async fn lost_connections_lose_no_key() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    sim.script(Rule::on("SCAN").every(7).then(Action::DropConnection));
    let mut pages = Pages::new(&keyspace, in_lanes(8));
    let (found, _, restarts) = walk(&mut pages).await;
    assert_eq!((found.len() as u64, restarts), (KEYS, 0));
}

#[tokio::test]
async fn a_server_that_may_not_be_scanned_says_so_once() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let refused = Rule::on("SCAN").every(1).always();
    sim.script(refused.then(Action::Error("NOPERM no rights".into())));
    let error = all_keys(&keyspace, in_lanes(8)).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Permission);
}

#[tokio::test(start_paused = true)]
async fn dropped_questions_lose_no_key() {
    let mut random = Random::seeded();
    for _ in 0..20 {
        let sim = seeded();
        let keyspace = on(&sim).await;
        let late = Rule::on("SCAN").every(1 + random.below(4)).always();
        sim.script(late.then(Action::Delay(Duration::from_millis(1 + random.below(9)))));
        let mut pages = Pages::new(&keyspace, in_lanes(1 << random.below(5)));
        let mut found = Names::new();
        loop {
            let patience = Duration::from_millis(random.below(12));
            match tokio::time::timeout(patience, pages.next()).await {
                Err(_) => {}
                Ok(Ok(Some(Step::Page(page)))) => found.extend(names(&page)),
                Ok(Ok(None)) => break,
                Ok(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(found.len() as u64, KEYS);
    }
}

#[tokio::test]
async fn p02_whatever_mark_a_walk_is_taken_up_behind_nothing_is_missed() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let options = in_lanes(8);
    let mut pages = Pages::new(&keyspace, options.clone());
    let mut handed_out = Names::new();
    let mut number = 0;
    while let Some(step) = pages.next().await.expect("walks") {
        let Step::Page(page) = step else {
            panic!("nobody restarted")
        };
        handed_out.extend(names(&page));
        number += 1;
        if number % 9 == 0 {
            let mark = page.mark().expect("a mark");
            // In as many lanes as the Mark has, worked on by one walker or several.
            for lanes in [1, 4, 16] {
                assert_goes_on(&keyspace, in_lanes(lanes), mark, &handed_out).await;
            }
        }
    }
}

async fn assert_goes_on(keyspace: &Keyspace, options: ScanOptions, mark: &Mark, before: &Names) {
    let mut pages = Pages::resume(keyspace, options, mark);
    assert!(pages.share() > 0.0 && pages.share() < 1.0);
    let (mut found, _, restarts) = walk(&mut pages).await;
    assert_eq!(restarts, 0);
    let again = found.intersection(before).count();
    assert!(again < 500, "{again} came again");
    found.extend(before.iter().cloned());
    assert_eq!(found.len() as u64, KEYS);
}

#[tokio::test]
async fn behind_the_last_mark_of_lanes_there_is_nothing() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, in_lanes(4));
    let mut last = None;
    while let Some(step) = pages.next().await.expect("walks") {
        if let Step::Page(page) = step {
            last = page.mark().cloned();
        }
    }
    let scans = sim.count_of("SCAN");
    let mut pages = Pages::resume(&keyspace, in_lanes(4), &last.expect("a mark"));
    assert!(pages.next().await.expect("ends").is_none());
    assert_eq!(sim.count_of("SCAN"), scans);
}

#[tokio::test]
async fn p01_a_mark_of_lanes_is_not_used_with_another_process() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, in_lanes(4));
    let mut mark = None;
    for _ in 0..5 {
        if let Some(Step::Page(page)) = pages.next().await.expect("walks") {
            mark = page.mark().cloned();
        }
    }
    drop(pages);
    sim.with_state(|state| {
        state.new_run_id();
        state.close_connections(None);
    });
    let keyspace = on(&sim).await;
    let mut pages = Pages::resume(&keyspace, in_lanes(4), &mark.expect("a mark"));
    let (found, _, restarts) = walk(&mut pages).await;
    assert_eq!((found.len() as u64, restarts), (KEYS, 1));
}

#[tokio::test]
async fn limits_and_orders_hold_for_all_lanes_together() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    for limit in [1, 77, 3000] {
        let keys = all_keys(&keyspace, in_lanes(16).with_limit(limit)).await;
        assert_eq!(keys.expect("walked").len() as u64, limit);
    }
    sim.script(Rule::on("SCAN").every(3).always().then(Action::Duplicates));
    for order in [Order::Exact, Order::Sorted] {
        let options = in_lanes(16).with_order(order);
        let keys = all_keys(&keyspace, options).await.expect("walked");
        assert_eq!(keys.len() as u64, KEYS, "{order:?}");
        assert!(order == Order::Exact || keys.is_sorted());
    }
    let strings = in_lanes(8).with_types(vec!["string".into(), "hash".into()]);
    let keys = sorted_keys(&keyspace, strings.expect("valid")).await;
    assert_eq!(keys.len() as u64, KEYS, "types asked for by each lane");
}

#[tokio::test]
async fn p05_stable_keys_are_found_while_the_table_changes_its_size() {
    let mut random = Random::seeded();
    for _ in 0..20 {
        let sim = seeded();
        let keyspace = on(&sim).await;
        for resize in [Resize::Grow, Resize::Shrink] {
            let rule = Rule::on("SCAN").every(3 + random.below(20)).times(2);
            sim.script(rule.then(Action::Rehash(resize)));
        }
        let mut pages = Pages::new(&keyspace, in_lanes(1 << (1 + random.below(5))));
        let (found, _, restarts) = walk(&mut pages).await;
        assert_eq!((found.len() as u64, restarts), (KEYS, 0));
    }
}
