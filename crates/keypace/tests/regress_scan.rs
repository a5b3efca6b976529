//! What a review once broke in connecting, walking and counting, held for good: who a connection is, whose reply it
//! reads, when a walk begins again, and what an end looks like. On the simulator, and on real servers at the end.

mod common;

use std::time::Duration;

use common::{all_keys, connect, finish, list, on, raw, run, scan, servers, sweep, target, try_on};
use keypace::{
    Checkpoint, ConnectOptions, Count, CountChoice, ErrorKind, Event, Keyspace, Order, Pages,
    PauseReason, Protocol, ScanOptions, Step, Strategy, Sweep, SweepOptions, Target, limits,
};
use keypace_lab::seed;
use keypace_testkit::{Action, Rule, Sim, SimOptions, User};

const KEYS: u64 = 5_000;
const BUSY: &str = "BUSY Redis is busy running a script";

fn seeded() -> Sim {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..KEYS);
    sim
}

async fn counting(keyspace: &Keyspace, options: SweepOptions) -> Sweep {
    Sweep::count(keyspace, options).await.expect("started")
}

/// Counts some pages, stops, and gives what was counted and the checkpoint, read back from its file.
async fn stopped_count(
    keyspace: &Keyspace,
    options: SweepOptions,
    pages: usize,
) -> (u64, Checkpoint) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoint");
    let mut count = counting(keyspace, options).await;
    for _ in 0..pages {
        count.next().await.expect("goes on");
    }
    count.stop_handle().stop();
    while count.next().await.is_some() {}
    count.save_checkpoint(&file).expect("saved");
    let checkpoint = Checkpoint::load(&file).expect("readable");
    (count.summary().matched, checkpoint)
}

#[tokio::test]
async fn a_user_named_without_a_password_is_not_let_in_as_somebody_else() {
    let alice = User::new("alice", "secret");
    let nobody_asks_bob = User::new("bob", "");
    let options = SimOptions::default().with_user(alice);
    let sim = Sim::with(options.with_user(nobody_asks_bob));
    for protocol in [Protocol::Auto, Protocol::Resp2] {
        let options = ConnectOptions::default().with_protocol(protocol);
        let error = try_on(&sim, target().with_user("alice"), options.clone())
            .await
            .expect_err("the default user would have been let in");
        assert_eq!(error.kind(), ErrorKind::Auth, "{protocol:?}");
        try_on(&sim, target().with_user("bob"), options)
            .await
            .expect("a user without a password comes with an empty one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_asked_for_is_not_taken_for_the_next_answer() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let pause = Duration::from_millis(5);
    // The true reply is the first piece; the stray one comes while the connection is idle.
    let stray = Rule::on("DBSIZE").then(Action::Reply(b":7\r\n:999\r\n".to_vec()));
    sim.script(stray.then(Action::TrickleReply { chunk: 4, pause }));
    assert_eq!(keyspace.dbsize().await.expect("asked"), 7);
    tokio::time::sleep(pause * 10).await;
    assert_eq!(keyspace.dbsize().await.expect("asked"), KEYS);
    assert_eq!(sim.count_of("HELLO"), 2, "on a connection of its own");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_question_before_keys_is_asked_again() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    for question in ["DBSIZE", "KEYS"] {
        sim.script(Rule::on(question).then(Action::Delay(Duration::from_secs(1))));
        let options = scan("session:*").with_strategy(Strategy::Keys);
        let mut pages = Pages::new(&keyspace, options);
        tokio::time::timeout(Duration::from_millis(100), pages.next())
            .await
            .expect_err("its reply is late");
        let mut keys = 0;
        while let Some(step) = pages.next().await.expect(question) {
            let Step::Page(page) = step else {
                panic!("nobody restarted")
            };
            keys += page.keys().len() as u64;
        }
        assert_eq!(keys, KEYS, "{question}");
    }
}

#[tokio::test]
async fn p12_finding_out_that_there_is_no_scan_type_costs_no_try() {
    let sim = Sim::with(SimOptions::default().without_command("SCAN TYPE"));
    sim.insert_strings("session:", 0..100);
    let no_retries = ConnectOptions::default().with_retries(0);
    let keyspace = try_on(&sim, target(), no_retries).await.expect("connected");
    let strings = scan("session:*").with_types(vec!["string".into()]);
    let keys = all_keys(&keyspace, strings.expect("valid")).await;
    assert_eq!(keys.expect("each key is asked").len(), 100);
}

#[tokio::test]
async fn p15_a_server_that_loses_match_adds_no_keys() {
    let sim = seeded();
    let page = b"*2\r\n$1\r\n0\r\n*2\r\n$9\r\nbilling:1\r\n$9\r\nsession:1\r\n".to_vec();
    sim.script(Rule::on("SCAN").then(Action::Reply(page)));
    let keys = all_keys(&on(&sim).await, scan("session:*")).await;
    assert_eq!(keys.expect("walked"), [b"session:1"]);
}

#[tokio::test]
async fn behind_the_last_mark_there_is_nothing() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut pages = Pages::new(&keyspace, scan("session:*"));
    let mut last = None;
    while let Some(step) = pages.next().await.expect("walks") {
        let Step::Page(page) = step else {
            panic!("nobody restarted")
        };
        last = page.mark().cloned();
    }
    let scans = sim.count_of("SCAN");
    let mut pages = Pages::resume(&keyspace, scan("session:*"), &last.expect("a mark"));
    assert!(pages.next().await.expect("ends").is_none());
    assert_eq!(sim.count_of("SCAN"), scans);
}

#[tokio::test]
async fn a_count_that_was_stopped_behind_its_last_page_does_not_count_twice() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let whole = SweepOptions::new(
        scan("session:*").with_count(CountChoice::Fixed(Count::new(i64::from(limits::COUNT_MAX)))),
    );
    let (first, checkpoint) = stopped_count(&keyspace, whole.clone(), 1).await;
    assert_eq!(first, KEYS, "one page had them all");
    let resumed = counting(&keyspace, whole.with_resume(checkpoint)).await;
    let summary = finish(resumed).await;
    assert_eq!((summary.matched, summary.complete), (KEYS, true));
}

#[tokio::test(start_paused = true)]
async fn p01_a_busy_server_is_not_taken_for_another_process() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    sim.script(Rule::on("SCAN").nth(4).then(Action::Error(BUSY.into())));
    sim.script(Rule::on("INFO").then(Action::Error(BUSY.into())));
    let walk = Sweep::list(&keyspace, sweep("session:*")).await;
    let (keys, summary) = list(walk.expect("started")).await;
    assert_eq!(sim.rules_left(), 0, "it was busy for both");
    assert_eq!((keys.len() as u64, summary.shards[0].restarts), (KEYS, 0));
}

#[tokio::test(start_paused = true)]
async fn p01_a_walk_does_not_begin_again_for_ever() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let dies = Rule::on("SCAN").every(2);
    sim.script(dies.then(Action::NewRunId).then(Action::DropConnection));
    let mut count = counting(&keyspace, sweep("session:*")).await;
    // One page, one restart: far fewer steps than these.
    let mut steps = 0..100;
    while steps.next().is_some() && count.next().await.is_some() {}
    let error = count.error().expect("given up");
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.hint().expect("hint").contains("restart"));
    let summary = count.summary();
    assert!(!summary.complete);
    assert_eq!(summary.shards[0].restarts, limits::MAX_RESTARTS);
    assert!(sim.count_of("SCAN") <= 3 * (limits::MAX_RESTARTS + 1));
}

#[tokio::test(start_paused = true)]
async fn p01_a_walk_that_was_given_up_sends_no_old_cursor_when_it_is_asked_again() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let dies = Rule::on("SCAN").every(2);
    sim.script(dies.then(Action::NewRunId).then(Action::DropConnection));
    let mut pages = Pages::new(&keyspace, scan("session:*"));
    while pages.next().await.is_ok() {
        assert!(!pages.is_ended(), "it should have been given up");
    }
    sim.clear_rules();
    let asked = sim.count_of("SCAN");
    pages.next().await.expect_err("it is still another process");
    assert_eq!(sim.count_of("SCAN"), asked);
}

#[tokio::test(start_paused = true)]
async fn p01_an_exact_count_begins_again_with_all_keys() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let other = Rule::on("SCAN").nth(6).then(Action::NewRunId);
    sim.script(other.then(Action::DropConnection));
    let exact = SweepOptions::new(scan("session:*").with_order(Order::Exact));
    let summary = finish(counting(&keyspace, exact).await).await;
    assert_eq!(summary.shards[0].restarts, 1, "the fault works");
    assert_eq!((summary.matched, summary.complete), (KEYS, true));
}

#[tokio::test]
async fn p01_a_limit_holds_for_the_whole_count_when_a_resumed_run_meets_another_process() {
    const LIMIT: u64 = 3_000;
    let sim = seeded();
    let limited = SweepOptions::new(scan("session:*").with_limit(LIMIT));
    let (first, checkpoint) = stopped_count(&on(&sim).await, limited.clone(), 4).await;
    assert!(first > 0 && first < LIMIT, "{first}");
    sim.with_state(|state| {
        state.new_run_id();
        state.close_connections(None);
    });
    let resumed = counting(&on(&sim).await, limited.with_resume(checkpoint)).await;
    let summary = finish(resumed).await;
    assert_eq!(summary.shards[0].restarts, 1, "nothing was kept");
    assert_eq!((summary.matched, summary.limited), (LIMIT, true));
}

#[tokio::test]
async fn what_keeps_no_place_takes_no_checkpoint() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let (_, checkpoint) = stopped_count(&keyspace, sweep("session:*"), 2).await;
    let placeless: [fn(ScanOptions) -> ScanOptions; 3] = [
        |scan| scan.with_order(Order::Exact),
        |scan| scan.with_order(Order::Sorted),
        |scan| scan.with_strategy(Strategy::Keys),
    ];
    for choose in placeless {
        let options = SweepOptions::new(choose(scan("session:*")));
        for refused in [
            options.clone().with_resume(checkpoint.clone()),
            options.with_checkpoint("/nonexistent/folder/checkpoint"),
        ] {
            let started = Sweep::count(&keyspace, refused).await;
            let error = started.err().expect("its file would be of no use");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
        }
    }
}

#[tokio::test]
async fn long_prefixes_are_counted_together_also_behind_a_checkpoint() {
    let sim = Sim::new();
    let long = "x".repeat(limits::MAX_PREFIX_BYTES);
    sim.insert_strings("short:", 0..KEYS);
    for n in 0..KEYS {
        sim.set(0, format!("{long}{n}:k"), "v");
    }
    let keyspace = on(&sim).await;
    let options = SweepOptions::new(scan("*")).with_prefix_depth(1);
    let (first, checkpoint) = stopped_count(&keyspace, options.clone(), 4).await;
    assert!(first > 0 && first < 2 * KEYS, "{first}");
    let resumed = counting(&keyspace, options.with_resume(checkpoint)).await;
    let prefixes = finish(resumed).await.prefixes.expect("asked for");
    let short = prefixes.iter().find(|p| p.prefix == "short:");
    assert_eq!(short.expect("counted").matched, KEYS);
    assert_eq!(prefixes.len(), 2, "one for all the others: {prefixes:?}");
    assert_eq!(prefixes.iter().map(|p| p.matched).sum::<u64>(), 2 * KEYS);
}

#[tokio::test(start_paused = true)]
async fn what_a_resumed_run_found_done_does_not_shorten_its_estimate() {
    let sim = Sim::new();
    sim.insert_strings("session:", 0..10 * KEYS);
    let keyspace = on(&sim).await;
    let pages =
        || SweepOptions::new(scan("session:*").with_count(CountChoice::Fixed(Count::new(500))));
    let (first, checkpoint) = stopped_count(&keyspace, pages(), 80).await;
    assert!(first > 7 * KEYS, "most is done: {first}");
    let mut count = counting(&keyspace, pages().with_resume(checkpoint)).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    count.next().await.expect("a page");
    let progress = count.progress();
    // One page of 500 a second, and some 9,500 keys to go.
    let eta = Duration::from_millis(progress.eta_ms.expect("known"));
    assert!(eta > Duration::from_secs(10), "{eta:?}");
    assert!(eta < Duration::from_secs(40), "{eta:?}");
    let speed = progress.keys_per_s;
    assert!(
        speed < 2000,
        "what other runs walked is not of this one: {speed}"
    );
}

#[tokio::test(start_paused = true)]
async fn ended_sweeps_that_somebody_keeps_hold_no_connection() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let mut kept = Vec::new();
    let all = async {
        for _ in 0..limits::MAX_CONNECTIONS_PER_NODE {
            let mut count = counting(&keyspace, sweep("session:*")).await;
            while count.next().await.is_some() {}
            kept.push(count);
        }
        keyspace.dbsize().await
    };
    let hour = Duration::from_secs(3600);
    let size = tokio::time::timeout(hour, all).await.expect("no waiting");
    assert_eq!(size.expect("asked"), KEYS);
    assert_eq!(kept.len(), limits::MAX_CONNECTIONS_PER_NODE);
}

#[tokio::test]
async fn a_user_without_a_password_comes_as_that_user_to_a_real_server() {
    for server in servers() {
        let mut admin = raw(&server);
        for (name, password) in [("alice", ">secret"), ("bob", "nopass")] {
            let rights: [&[u8]; 7] = [
                b"ACL",
                b"SETUSER",
                name.as_bytes(),
                b"on",
                password.as_bytes(),
                b"~*",
                b"+@all",
            ];
            run(&mut admin, &[&rights]);
        }
        let target = Target::parse(&server.url()).expect("valid");
        let alice = target.clone().with_user("alice");
        let error = Keyspace::connect(alice, ConnectOptions::default())
            .await
            .expect_err("alice has a password");
        assert_eq!(
            error.kind(),
            ErrorKind::Auth,
            "{}",
            server.program().label()
        );
        Keyspace::connect(target.with_user("bob"), ConnectOptions::default())
            .await
            .expect("bob has none");
    }
}

#[tokio::test]
async fn p01_a_script_that_holds_a_real_server_up_does_not_restart_the_walk() {
    for server in servers() {
        let label = server.program().label();
        let mut admin = raw(&server);
        seed::strings(&mut admin, b"session:", 0..KEYS, 3).expect("seeded");
        // BUSY is said after so many ms.
        run(
            &mut admin,
            &[&[b"CONFIG", b"SET", b"lua-time-limit", b"50"]],
        );
        let keyspace = connect(&server).await;
        let mut walk = Sweep::list(&keyspace, sweep("session:*"))
            .await
            .expect("started");
        let Some(Event::Page(first)) = walk.next().await else {
            panic!("{label}: no page")
        };

        let mut stuck = raw(&server);
        let script = std::thread::spawn(move || {
            // Killed below: an error is its reply.
            let _ = stuck.command(&[b"EVAL", b"while true do end", b"0"]);
        });
        while admin
            .command(&[b"PING"])
            .expect("answered")
            .checked()
            .is_ok()
        {}
        let progress = walk.progress_handle();
        let (rest, ()) = tokio::join!(list(walk), async {
            while progress.get().paused_for != Some(PauseReason::Server) {
                tokio::task::yield_now().await;
            }
            run(&mut admin, &[&[b"SCRIPT", b"KILL"]]);
        });
        script.join().expect("ended");
        let (keys, summary) = rest;
        assert_eq!((keys.len() + first.keys().len()) as u64, KEYS, "{label}");
        assert_eq!(summary.shards[0].restarts, 0, "{label}");
        assert!(summary.complete, "{label}");
    }
}
