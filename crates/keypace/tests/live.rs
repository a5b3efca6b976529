//! Against real servers only: a table that grows and shrinks under the walk, faults on a real wire, rights, restarts,
//! TLS, and several deletes at once. Every server is the test's own.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Random, connect, deleting, finish, raw, run, scan, servers, sorted_keys, sweep};
use keypace::{
    ConnectOptions, Count, CountChoice, ErrorKind, Keyspace, Pages, Step, Sweep, Target,
};
use keypace_lab::{Endpoint, Listen, OwnedServer, Program, ServerOptions, seed};
use keypace_testkit::{Fault, FaultProxy, FaultRule};

const STABLE: u64 = 20_000;

/// Another client that makes the table grow to several times its size and shrink again, until told to stop.
fn churn(server: &OwnedServer, seed: u64, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let mut raw = raw(server);
    std::thread::spawn(move || {
        let mut random = Random(seed);
        let mut rounds = 0;
        while !stop.load(Ordering::Relaxed) {
            rounds += 1;
            let from = random.below(1_000_000);
            let size = STABLE * 2 + random.below(STABLE * 3);
            seed::strings(&mut raw, b"churn:", from..from + size, 3).expect("written");
            let mut pipeline = raw.pipeline();
            for n in from..from + size {
                pipeline.add(&[b"DEL", format!("churn:{n}").as_bytes()]);
                if pipeline.pending() >= 1000 {
                    pipeline.run().expect("deleted");
                }
            }
            pipeline.run().expect("deleted");
        }
        rounds
    })
}

#[tokio::test]
async fn p05_every_key_that_was_there_throughout_is_returned_while_the_table_grows_and_shrinks() {
    let mut random = Random::seeded();
    for server in servers() {
        seed::strings(&mut raw(&server), b"stable:", 0..STABLE, 3).expect("seeded");
        let stop = Arc::new(AtomicBool::new(false));
        let churner = churn(&server, random.next(), Arc::clone(&stop));
        let keyspace = connect(&server).await;
        let mut smallest = u64::MAX;
        let mut largest = 0;
        for walk in 0..10 {
            let options = scan("stable:*").with_count(CountChoice::Fixed(Count::new(100)));
            let mut pages = Pages::new(&keyspace, options);
            let mut keys = BTreeSet::new();
            while let Some(step) = pages.next().await.expect("walked") {
                let Step::Page(page) = step else {
                    panic!("nobody restarted")
                };
                keys.extend(page.into_keys());
                if pages.calls().is_multiple_of(20) {
                    let size = keyspace.dbsize().await.expect("asked");
                    smallest = smallest.min(size);
                    largest = largest.max(size);
                }
            }
            assert_eq!(
                keys.len() as u64,
                STABLE,
                "walk {walk} on {}",
                server.program().label()
            );
        }
        stop.store(true, Ordering::Relaxed);
        let rounds = churner.join().expect("ended");
        println!(
            "{}: {rounds} rounds, between {smallest} and {largest} keys",
            server.program().label()
        );
        assert!(
            largest > smallest * 3 / 2,
            "the table changed its size: {smallest} to {largest}"
        );
        server.stop().expect("stopped");
    }
}

async fn through(proxy: &FaultProxy, options: ConnectOptions) -> Keyspace {
    let target = Target::parse(&format!("redis://{}", proxy.addr())).expect("valid");
    Keyspace::connect(target, options).await.expect("connected")
}

fn path(server: &OwnedServer) -> std::path::PathBuf {
    match server.endpoint() {
        Endpoint::Unix(path) => path.clone(),
        Endpoint::Tcp(_) => panic!("unix sockets are the default"),
    }
}

#[tokio::test]
async fn a_real_wire_that_fails_loses_nothing() {
    for server in servers() {
        for (name, fault) in [
            ("cut", Fault::Cut),
            ("reset", Fault::Reset),
            ("stall", Fault::Stall),
        ] {
            seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
            seed::strings(&mut raw(&server), b"keep:", 0..100, 3).expect("seeded");
            let proxy = FaultProxy::start(path(&server)).await.expect("listening");
            let quick = ConnectOptions::default()
                .with_timeout(Duration::from_millis(300))
                .expect("valid");
            let keyspace = through(&proxy, quick).await;
            // The first connection fails in mid-page of the listing, and so does one of the delete's.
            proxy.script(FaultRule::new(fault).after_bytes(40_000).times(2));
            let keys = sorted_keys(&keyspace, scan("k:*")).await;
            assert_eq!(keys.len() as u64, STABLE, "{name}");
            proxy.script(FaultRule::new(fault).after_bytes(30_000).times(2));
            let summary = finish(deleting(&keyspace, &sweep("k:*")).await).await;
            assert!(summary.complete, "{name} {summary:?}");
            assert_eq!(keyspace.dbsize().await.expect("asked"), 100, "{name}");
            assert!(proxy.connections() > 2, "{name}: the fault worked");
        }
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn replies_that_are_torn_or_damaged_are_an_error_and_not_a_wrong_answer() {
    for server in servers() {
        seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
        for fault in [Fault::Truncate(40), Fault::Corrupt(0xff)] {
            let proxy = FaultProxy::start(path(&server)).await.expect("listening");
            let quick = ConnectOptions::default()
                .with_timeout(Duration::from_millis(300))
                .expect("valid");
            let keyspace = through(&proxy, quick.with_retries(1)).await;
            let mut random = Random::seeded();
            proxy.script(
                FaultRule::new(fault)
                    .after_bytes(20_000 + random.below(20_000))
                    .times(1),
            );
            let mut count = Sweep::count(&keyspace, sweep("k:*"))
                .await
                .expect("started");
            while count.next().await.is_some() {}
            let summary = count.summary();
            // A byte inside a name can't be told from another name; everything else shows.
            let is_whole = summary.complete && summary.matched.abs_diff(STABLE) <= 1;
            assert!(is_whole || count.error().is_some(), "{fault:?} {summary:?}");
        }
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn p01_a_restarted_server_is_walked_anew() {
    for server in servers() {
        let label = server.program().label();
        seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
        let keyspace = connect(&server).await;
        let options = scan("k:*").with_count(CountChoice::Fixed(Count::new(100)));
        let mut pages = Pages::new(&keyspace, options);
        for _ in 0..20 {
            pages.next().await.expect("walks").expect("goes on");
        }
        let server = Arc::new(Mutex::new(server));
        let restarted = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            let mut server = restarted.lock().expect("not poisoned");
            server.restart().expect("restarted");
            seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
        })
        .await
        .expect("ran");
        let mut keys = BTreeSet::new();
        let mut restarts = 0;
        while let Some(step) = pages.next().await.expect("walked") {
            match step {
                Step::Page(page) => keys.extend(page.into_keys()),
                Step::Restarted => {
                    keys.clear();
                    restarts += 1;
                }
                _ => unreachable!("there are two steps"),
            }
        }
        assert_eq!((keys.len() as u64, restarts), (STABLE, 1), "{label}");
    }
}

#[tokio::test]
async fn rights_are_named_where_they_lack() {
    for server in servers() {
        let mut raw = raw(&server);
        seed::strings(&mut raw, b"k:", 0..2000, 3).expect("seeded");
        for (rules, kind, hint) in [
            (vec!["+@all", "-unlink"], ErrorKind::Permission, "+unlink"),
            (vec!["+@all", "-scan"], ErrorKind::Permission, "+scan"),
        ] {
            let mut command: Vec<&[u8]> = vec![
                b"ACL", b"SETUSER", b"limited", b"reset", b"on", b">pw", b"~*",
            ];
            command.extend(rules.iter().map(|rule| rule.as_bytes()));
            run(&mut raw, &[&command]);
            let target = Target::parse(&server.url())
                .expect("valid")
                .with_user("limited")
                .with_password("pw");
            let keyspace = Keyspace::connect(target, ConnectOptions::default())
                .await
                .expect("connected");
            let mut delete = deleting(&keyspace, &sweep("k:*")).await;
            while delete.next().await.is_some() {}
            let error = delete.error().expect("refused");
            assert_eq!(error.kind(), kind, "{rules:?}");
            assert!(error.hint().expect("hint").contains(hint), "{error:?}");
            assert_eq!(delete.summary().deleted, 0);
        }
        let all: &[&[u8]] = &[
            b"ACL", b"SETUSER", b"limited", b"reset", b"on", b">pw", b"~k:1*", b"+@all",
        ];
        run(&mut raw, &[all]);
        let target = Target::parse(&server.url())
            .expect("valid")
            .with_user("limited")
            .with_password("pw");
        let keyspace = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect("connected");
        let summary = finish(deleting(&keyspace, &sweep("k:*")).await).await;
        assert_eq!(
            (summary.deleted, summary.failed, summary.complete),
            (1111, 889, false),
            "{}",
            server.program().label()
        );
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn deletes_beside_each_other_account_for_every_key_once() {
    for server in servers() {
        seed::strings(&mut raw(&server), b"k:", 0..STABLE, 3).expect("seeded");
        let keyspace = connect(&server).await;
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let delete = deleting(&keyspace, &sweep("k:*")).await;
            runs.spawn(finish(delete));
        }
        let summaries = runs.join_all().await;
        assert_eq!(
            summaries.iter().map(|s| s.deleted).sum::<u64>(),
            STABLE,
            "{}",
            server.program().label()
        );
        assert!(summaries.iter().all(|s| s.complete));
        server.stop().expect("stopped");
    }
}

#[tokio::test]
async fn tls_with_a_private_authority_works_and_without_it_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    std::fs::write(path("cert.pem"), made.cert.pem()).expect("written");
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let mut ran = 0;
    for program in Program::all() {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = probe.local_addr().expect("bound").port();
        drop(probe);
        let options = ServerOptions::default()
            .with_listen(Listen::Unix)
            .with_arg("tls-port", port.to_string())
            .with_arg("tls-cert-file", path("cert.pem"))
            .with_arg("tls-key-file", path("key.pem"))
            .with_arg("tls-ca-cert-file", path("cert.pem"))
            .with_arg("tls-auth-clients", "no");
        let server = match OwnedServer::start(&program, options) {
            Ok(server) => server,
            Err(error) => {
                println!(
                    "not run on {}: built without TLS? {error:?}",
                    program.label()
                );
                continue;
            }
        };
        let target = Target::parse(&format!("rediss://localhost:{port}")).expect("valid");
        let trusted = target
            .clone()
            .with_tls(keypace::TlsFiles::default().with_ca(path("cert.pem")));
        let keyspace = Keyspace::connect(trusted, ConnectOptions::default())
            .await
            .expect("trusted");
        assert_eq!(keyspace.dbsize().await.expect("asked"), 0);
        let stranger =
            rcgen::generate_simple_self_signed(vec!["stranger".to_owned()]).expect("made");
        std::fs::write(path("stranger.pem"), stranger.cert.pem()).expect("written");
        let strange = target.with_tls(keypace::TlsFiles::default().with_ca(path("stranger.pem")));
        let error = Keyspace::connect(strange, ConnectOptions::default())
            .await
            .expect_err("not trusted");
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        ran += 1;
        server.stop().expect("stopped");
    }
    assert!(ran > 0, "no server here speaks TLS");
}
