//! What a service asks of running work: another budget in mid-run, and that no other process than the first is meant.

mod common;

use std::time::Duration;

use common::{connect, deleting, finish, on, raw, seeded, servers, sweep};
use keypace::{
    Budget, BudgetHandle, ConnectOptions, ErrorKind, Existing, Keyspace, RestoreOptions, Sweep,
    Target,
};
use keypace_lab::seed;

#[tokio::test]
async fn another_budget_holds_in_mid_run() {
    let sim = seeded();
    let keyspace = on(&sim).await;
    let handle = BudgetHandle::new(Budget::off());
    let options = sweep("session:*").with_budget_handle(handle.clone());
    let mut work = Sweep::count(&keyspace, options).await.expect("started");
    work.next().await.expect("goes on");
    assert_eq!(work.summary().pace.budget_us, None);
    handle.set(Budget::of(Duration::from_micros(250)).expect("valid"));
    work.next().await.expect("goes on");
    assert_eq!(work.summary().pace.budget_us, Some(250));
    handle.set(Budget::off());
    while work.next().await.is_some() {}
    let summary = work.summary();
    assert!(summary.complete && summary.pace.budget_us.is_none());
    // What it left behind on the node is nothing: another piece of work has its own promise only.
    drop(work);
    let after = Sweep::count(&keyspace, sweep("other:*")).await;
    let summary = finish(after.expect("started")).await;
    assert_eq!(
        (summary.matched, summary.pace.budget_us),
        (1_000, Some(1_000))
    );
    let _ = RestoreOptions::default()
        .with_existing(Existing::Skip)
        .with_budget_handle(handle);
}

#[tokio::test]
async fn a_slow_budget_slows_a_real_server_and_a_fast_one_ends_it() {
    for server in servers() {
        seed::strings(&mut raw(&server), b"k:", 0..60_000, 3).expect("seeded");
        let keyspace = connect(&server).await;
        let slowest = Budget::of(keypace::limits::MIN_BUDGET).expect("valid");
        let handle = BudgetHandle::new(slowest);
        let options = sweep("k:*").with_budget_handle(handle.clone());
        let mut work = deleting(&keyspace, &options).await;
        for _ in 0..20 {
            work.next().await.expect("goes on");
        }
        let slow = work.summary().deleted;
        assert!(slow < 50_000, "{slow}");
        handle.set(Budget::off());
        let summary = finish(work).await;
        assert!(summary.complete, "{summary:?}");
        assert_eq!(summary.deleted, 60_000);
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn another_process_at_the_same_place_gets_nothing() {
    for mut server in servers() {
        seed::strings(&mut raw(&server), b"k:", 0..60_000, 3).expect("seeded");
        let target = Target::parse(&server.url()).expect("valid");
        let options = ConnectOptions::default().with_one_process();
        let keyspace = Keyspace::connect(target, options).await.expect("connected");
        let mut work = deleting(&keyspace, &sweep("k:*")).await;
        work.next().await.expect("goes on");
        let (mut server, work) = tokio::task::spawn_blocking(move || {
            server.restart().expect("restarted");
            seed::strings(&mut raw(&server), b"k:", 0..60_000, 3).expect("seeded");
            (server, work)
        })
        .await
        .map(|(server, work)| (server, work))
        .expect("ran");
        let summary = {
            let mut work = work;
            while work.next().await.is_some() {}
            assert_eq!(
                work.error().map(keypace::Error::kind),
                Some(ErrorKind::Guard)
            );
            work.summary()
        };
        assert!(!summary.complete, "{summary:?}");
        let there = raw(&server).command(&[b"DBSIZE"]).expect("asked").int();
        assert_eq!(there, Some(60_000), "{}", server.program().label());
        server.restart().expect("restarted");
        server.stop().expect("stopped");
    }
}
