//! Walking, against the simulator: everything that can go wrong on the way, and what must not get lost by it.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{KEYS, all_keys, on, scan, seeded, sorted_keys, target, try_on};
use keypace::{ConnectOptions, Count, CountChoice, ErrorKind, Pages, ScanOptions, Step};
use keypace_testkit::{Action, Resize, Rule, Sim, SimOptions};

fn small_pages() -> ScanOptions {
    scan("session:*").with_count(CountChoice::Fixed(Count::new(100)))
}

async fn expect_all(sim: &Sim, options: ScanOptions) {
    let keyspace = on(sim).await;
    let keys = sorted_keys(&keyspace, options).await;
    assert_eq!(keys.len() as u64, KEYS);
    assert!(keys.iter().all(|key| key.starts_with(b"session:")));
}

#[tokio::test]
async fn walks_everything_once() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let keys = all_keys(&keyspace, small_pages()).await.expect("walked");
    assert_eq!(keys.len() as u64, KEYS, "a quiet table gives no duplicates");
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len() as u64, KEYS);
    assert_eq!(sim.count_of("KEYS"), 0);
}

#[tokio::test]
async fn p07_a_desert_of_empty_pages_is_crossed() {
    let sim = seeded();
    sim.script(Rule::on("SCAN").nth(2).then(Action::EmptyPages(500)));
    expect_all(&sim, small_pages()).await;
    assert!(sim.count_of("SCAN") > 500);
}

#[tokio::test]
async fn p08_a_page_may_hold_far_more_than_count() {
    let sim = seeded();
    let mut page = b"*2\r\n$1\r\n0\r\n*20000\r\n".to_vec();
    for n in 0..20_000 {
        page.extend(format!("$13\r\nsession:{n:05}\r\n").bytes());
    }
    sim.script(Rule::on("SCAN").then(Action::Reply(page)));
    let keyspace = on(&sim).await;
    assert_eq!(
        all_keys(&keyspace, small_pages())
            .await
            .expect("walked")
            .len(),
        20_000
    );
}

#[tokio::test]
async fn p09_a_cursor_is_bytes_and_comes_back_as_it_went() {
    let sim = seeded();
    let page = |cursor: &str| format!("*2\r\n${}\r\n{cursor}\r\n*0\r\n", cursor.len()).into_bytes();
    sim.script(
        Rule::on("SCAN")
            .with_arg("0")
            .then(Action::Reply(page("0B3a21-{06S}-96"))),
    );
    sim.script(
        Rule::on("SCAN")
            .with_arg("0B3a21-{06S}-96")
            .then(Action::Reply(page("18446744073709551615"))),
    );
    sim.script(
        Rule::on("SCAN")
            .with_arg("18446744073709551615")
            .then(Action::Reply(page("0"))),
    );
    let keyspace = on(&sim).await;
    assert!(
        all_keys(&keyspace, scan("*"))
            .await
            .expect("walked")
            .is_empty()
    );
    assert_eq!(sim.rules_left(), 0);
}

#[tokio::test]
async fn p15_cursors_that_go_round_are_an_error_and_end_the_walk() {
    let sim = seeded();
    sim.script(Rule::on("SCAN").nth(3).always().then(Action::SameCursor));
    let keyspace = on(&sim).await;
    let error = all_keys(&keyspace, small_pages())
        .await
        .expect_err("goes round");
    assert_eq!(error.kind(), ErrorKind::CursorLoop);
    assert!(sim.count_of("SCAN") < 20, "{}", sim.count_of("SCAN"));
}

#[tokio::test]
async fn p15_a_reply_that_is_no_scan_reply_is_an_error() {
    for reply in [
        "+OK\r\n",
        "*1\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\n0\r\n$1\r\n0\r\n",
        ":7\r\n",
        "*2\r\n$0\r\n\r\n*0\r\n",
        "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n",
        "$-1\r\n",
    ] {
        let sim = seeded();
        sim.script(Rule::on("SCAN").nth(2).then(Action::Reply(reply.into())));
        let keyspace = on(&sim).await;
        let error = all_keys(&keyspace, small_pages()).await.expect_err(reply);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{reply:?} {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_on_the_way_lose_nothing() {
    let faults: [(&str, Action); 8] = [
        ("closed", Action::DropConnection),
        ("closed after running", Action::ExecuteThenDrop),
        ("torn reply", Action::CutReply { after_bytes: 700 }),
        (
            "trickle",
            Action::TrickleReply {
                chunk: 3,
                pause: Duration::from_millis(1),
            },
        ),
        ("stall", Action::Stall),
        ("late", Action::Delay(Duration::from_secs(10))),
        ("loading", {
            Action::Error("LOADING Redis is loading the dataset in memory".into())
        }),
        ("busy", {
            Action::Error("BUSY Redis is busy running a script".into())
        }),
    ];
    for (name, fault) in faults {
        let sim = seeded();
        sim.script(Rule::on("SCAN").every(7).times(4).then(fault));
        println!("fault: {name}");
        expect_all(&sim, small_pages()).await;
        assert_eq!(sim.rules_left(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_goes_on_from_the_last_cursor() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    all_keys(&keyspace, small_pages()).await.expect("walked");
    let undisturbed = sim.count_of("SCAN");
    sim.reset_counts();
    sim.script(Rule::on("SCAN").nth(20).then(Action::DropConnection));
    all_keys(&keyspace, small_pages()).await.expect("walked");
    assert!(
        sim.count_of("SCAN") <= undisturbed + 2,
        "{} {undisturbed}",
        sim.count_of("SCAN")
    );
}

#[tokio::test(start_paused = true)]
async fn p01_another_process_begins_again_and_never_sees_the_old_cursor() {
    let sim = seeded();
    sim.script(
        Rule::on("SCAN")
            .nth(10)
            .then(Action::NewRunId)
            .then(Action::DropConnection),
    );
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, small_pages());
    let (mut keys, mut restarts) = (BTreeSet::new(), 0);
    while let Some(step) = pages.next().await.expect("walked") {
        match step {
            Step::Page(page) => keys.extend(page.into_keys()),
            Step::Restarted => restarts += 1,
            _ => unreachable!("there are two steps"),
        }
    }
    assert_eq!(
        (keys.len() as u64, restarts, pages.restarts()),
        (KEYS, 1, 1)
    );
    let commands = sim.commands();
    let scans: Vec<_> = commands.iter().filter(|c| c.name == "SCAN").collect();
    let cursors: Vec<_> = scans.iter().map(|c| c.args[1].clone()).collect();
    let begins = cursors
        .iter()
        .filter(|cursor| cursor.as_slice() == b"0")
        .count();
    assert_eq!(begins, 2, "the walk began twice");
    assert_eq!(
        cursors[10], b"0",
        "the first cursor that the new process saw"
    );
}

#[tokio::test(start_paused = true)]
async fn p01_a_server_that_does_not_say_who_it_is_is_not_trusted_to_be_the_same() {
    let sim = Sim::with(SimOptions::default());
    sim.insert_strings("session:", 0..KEYS);
    let keyspace = on(&sim).await;
    sim.script(
        Rule::on("INFO")
            .always()
            .then(Action::Error("NOPERM no".into())),
    );
    sim.script(Rule::on("SCAN").nth(5).then(Action::DropConnection));
    let mut pages = Pages::new(&keyspace, small_pages());
    while pages.next().await.expect("walked").is_some() {}
    assert_eq!(pages.restarts(), 1);
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_its_tries_and_can_be_asked_again() {
    let sim = seeded();
    let keyspace = try_on(&sim, target(), ConnectOptions::default().with_retries(2))
        .await
        .expect("connected");
    sim.script(
        Rule::on("SCAN")
            .nth(4)
            .times(3)
            .then(Action::Error("LOADING Redis is loading".into())),
    );
    let mut pages = Pages::new(&keyspace, small_pages());
    let mut keys = BTreeSet::new();
    let error = loop {
        match pages.next().await {
            Ok(Some(Step::Page(page))) => keys.extend(page.into_keys()),
            Ok(_) => panic!("it should have failed"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Loading);
    assert!(pages.waited() > Duration::ZERO);
    while let Some(step) = pages.next().await.expect("goes on") {
        if let Step::Page(page) = step {
            keys.extend(page.into_keys());
        }
    }
    assert_eq!(keys.len() as u64, KEYS);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_loses_no_key() {
    let sim = seeded();
    sim.script(Rule::on("SCAN").every(2).then(Action::TrickleReply {
        chunk: 100,
        pause: Duration::from_millis(2),
    }));
    let keyspace = on(&sim).await;
    for types in [vec![], vec!["string".to_owned(), "hash".to_owned()]] {
        let mut pages = Pages::new(&keyspace, small_pages().with_types(types).expect("valid"));
        let mut keys = BTreeSet::new();
        let mut dropped = 0;
        while !pages.is_ended() {
            match tokio::time::timeout(Duration::from_millis(3), pages.next()).await {
                Ok(step) => match step.expect("walks") {
                    Some(Step::Page(page)) => keys.extend(page.into_keys()),
                    Some(_) => panic!("nobody restarted"),
                    None => break,
                },
                Err(_) => dropped += 1,
            }
        }
        assert_eq!(keys.len() as u64, KEYS);
        assert!(dropped > 10, "{dropped}");
        assert_eq!(pages.restarts(), 0);
    }
}

#[tokio::test]
async fn p05_stable_keys_survive_a_table_that_grows_and_shrinks() {
    for way in [Resize::Grow, Resize::Shrink] {
        let sim = seeded();
        sim.script(Rule::on("SCAN").every(9).times(4).then(Action::Rehash(way)));
        sim.script(
            Rule::on("SCAN")
                .every(2)
                .times(40)
                .then(Action::run(|state| {
                    state.insert_strings(0, "churn:", 0..300);
                    for n in 0..150 {
                        state.remove(0, format!("churn:{n}"));
                    }
                })),
        );
        expect_all(&sim, small_pages()).await;
    }
}
