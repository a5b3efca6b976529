//! Restoring on real servers: what was there is there again, to the last detail, and what is not brought back is counted.

#[expect(dead_code, reason = "each test file uses its own part")]
mod backup_bytes;
#[path = "restore_live/keyspaces.rs"]
mod keyspaces;
#[path = "restore_live/places.rs"]
mod places;

use backup_bytes::{About, Record, removed};
use keypace::{
    Backup, BackupIndex, Budget, ConnectOptions, ErrorKind, Existing, Keyspace, Pattern, Restore,
    RestoreConsent, RestoreOptions, RestoreSummary, Result, Target,
};
use keypace_lab::{ClusterOptions, OwnedCluster, OwnedServer, Program, Raw, ServerOptions, Value};

fn programs() -> Vec<Program> {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program found");
    programs
}

fn start(program: &Program) -> OwnedServer {
    let options = ServerOptions::default().with_arg("enable-debug-command", "yes");
    OwnedServer::start(program, options).expect("a server")
}

async fn connect(url: &str) -> Keyspace {
    let target = Target::parse(url).expect("valid");
    Keyspace::connect(target, ConnectOptions::default())
        .await
        .expect("connected")
}

fn index(bytes: &[u8]) -> BackupIndex {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.kpb");
    std::fs::write(&path, bytes).expect("written");
    Backup::open(&path).and_then(Backup::index).expect("read")
}

/// A file of these records, from this server.
fn from(keyspace: &Keyspace, records: &[Record]) -> BackupIndex {
    let server = keyspace.server();
    let about = About {
        server: server.address.clone(),
        database: server.database,
    };
    index(&removed(&about, records))
}

fn full_speed() -> RestoreOptions {
    RestoreOptions::default().with_budget(Budget::off())
}

async fn try_restore(
    keyspace: &Keyspace,
    index: BackupIndex,
    options: RestoreOptions,
    consent: RestoreConsent,
) -> Result<RestoreSummary> {
    let mut restore = Restore::begin(keyspace, index, options, consent).await?;
    while restore.next().await.is_some() {}
    let summary = restore.summary();
    let sum =
        summary.restored + summary.existing + summary.expired + summary.refused + summary.failed;
    assert_eq!(summary.matched, sum, "{summary:?}");
    Ok(summary)
}

async fn restore(
    keyspace: &Keyspace,
    index: BackupIndex,
    options: RestoreOptions,
) -> RestoreSummary {
    let consent = RestoreConsent::Confirmed;
    try_restore(keyspace, index, options, consent)
        .await
        .expect("begun")
}

fn ask(raw: &mut Raw, words: &[&[u8]]) -> Value {
    raw.command(words).expect("answered")
}

#[tokio::test]
async fn keys_that_are_there_are_skipped_replaced_or_failures() {
    for program in programs() {
        let server = start(&program);
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        let keyspace = connect(&server.url()).await;
        let records = [Record::text("a", "saved"), Record::text("b", "saved")];
        ask(&mut raw, &[b"SET", b"a", b"there"]);
        for (existing, counts, value) in [
            (Existing::Skip, (1, 1, 0), "there"),
            (Existing::Fail, (1, 0, 1), "there"),
            (Existing::Replace, (2, 0, 0), "saved"),
        ] {
            ask(&mut raw, &[b"DEL", b"b"]);
            let options = full_speed().with_existing(existing);
            let done = restore(&keyspace, from(&keyspace, &records), options).await;
            assert_eq!(
                (done.restored, done.existing, done.failed),
                counts,
                "{existing:?}"
            );
            assert_eq!(done.complete, done.failed == 0);
            assert_eq!(
                ask(&mut raw, &[b"GET", b"a"]).bytes(),
                Some(value.as_bytes())
            );
            assert_eq!(ask(&mut raw, &[b"GET", b"b"]).bytes(), Some(&b"saved"[..]));
        }
    }
}

#[tokio::test]
async fn times_go_on_and_what_is_over_stays_away() {
    for program in programs() {
        let server = start(&program);
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        let keyspace = connect(&server.url()).await;
        let records = [
            Record::text("over", "x").until(1_600_000_000_000),
            Record::text("later", "x").until(4_000_000_000_123),
            Record::text("stays", "x"),
        ];
        let done = restore(&keyspace, from(&keyspace, &records), full_speed()).await;
        assert_eq!((done.restored, done.expired, done.complete), (2, 1, true));
        let at = ask(&mut raw, &[b"PEXPIRETIME", b"later"]).int();
        assert_eq!(at, Some(4_000_000_000_123), "{}", program.label());
        assert_eq!(ask(&mut raw, &[b"PEXPIRETIME", b"stays"]).int(), Some(-1));
        assert_eq!(ask(&mut raw, &[b"DBSIZE"]).int(), Some(2));
    }
}

/// Of a key that the file holds twice the older value is never brought back, whatever became of the newer one.
#[tokio::test]
async fn the_newest_copy_decides_also_where_its_time_has_passed() {
    for program in programs() {
        for existing in [Existing::Skip, Existing::Replace, Existing::Fail] {
            let server = start(&program);
            let keyspace = connect(&server.url()).await;
            let mut raw = Raw::connect(server.endpoint()).expect("connected");
            let records = [
                Record::text("over", "old"),
                Record::text("twice", "old"),
                Record::text("over", "new").until(1),
                Record::text("twice", "new"),
            ];
            let index = from(&keyspace, &records);
            let options = full_speed().with_existing(existing);
            let summary = restore(&keyspace, index, options).await;
            assert_eq!(
                ask(&mut raw, &[b"GET", b"twice"]),
                Value::Bulk(Some(b"new".to_vec()))
            );
            assert_eq!(ask(&mut raw, &[b"EXISTS", b"over"]), Value::Int(0));
            assert_eq!((summary.restored, summary.expired), (1, 1), "{summary:?}");
            assert_eq!((summary.existing, summary.failed), (2, 0), "{summary:?}");
            assert!(summary.complete, "{summary:?}");
        }
    }
}

#[tokio::test]
async fn another_server_or_database_and_overwriting_want_consent() {
    let program = &programs()[0];
    let server = start(program);
    let keyspace = connect(&server.url()).await;
    let other = About {
        server: "elsewhere:1".to_owned(),
        database: 7,
    };
    let bytes = removed(&other, &[Record::text("a", "b")]);
    let refused = try_restore(
        &keyspace,
        index(&bytes),
        full_speed(),
        RestoreConsent::Additive,
    )
    .await;
    let error = refused.expect_err("another server");
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(error.to_string().contains("elsewhere:1"), "{error}");
    let own = from(&keyspace, &[Record::text("a", "b")]);
    let replacing = full_speed().with_existing(Existing::Replace);
    let refused = try_restore(&keyspace, own, replacing, RestoreConsent::Additive).await;
    assert_eq!(refused.expect_err("overwrites").kind(), ErrorKind::Guard);
    let own = from(&keyspace, &[Record::text("a", "b")]);
    let done = try_restore(&keyspace, own, full_speed(), RestoreConsent::Additive).await;
    assert_eq!(done.expect("its own").restored, 1);
}

/// Found by the soak: the node that was asked first at the delete had become a replica.
#[tokio::test]
async fn a_cluster_is_the_same_by_a_node_that_is_a_replica_now() {
    let program = &programs()[0];
    let cluster = OwnedCluster::start(program, ClusterOptions::default()).expect("a cluster");
    let urls = cluster.urls();
    let replica = About {
        server: urls[3].replace("redis://", ""),
        database: 0,
    };
    let bytes = removed(&replica, &[Record::text("a", "b")]);
    let keyspace = connect(&urls[0]).await;
    let consent = RestoreConsent::Additive;
    let done = try_restore(&keyspace, index(&bytes), full_speed(), consent).await;
    assert_eq!(done.expect("the same cluster").restored, 1);
}

#[tokio::test]
async fn patterns_choose_a_rate_holds_and_a_stop_keeps_the_rest() {
    let program = &programs()[0];
    let server = start(program);
    let keyspace = connect(&server.url()).await;
    let records: Vec<_> = (0..60)
        .map(|n| Record::text(&format!("{}:{n}", ["a", "b", "c"][n % 3]), "value"))
        .collect();
    let patterns = ["a:*", "b:1*"].map(|text| Pattern::new(text).expect("valid"));
    let options = RestoreOptions::default()
        .with_patterns(patterns.to_vec())
        .with_rate(100);
    let begun = std::time::Instant::now();
    let done = restore(&keyspace, from(&keyspace, &records), options).await;
    let rows: Vec<_> = done.by_pattern.iter().map(|row| row.restored).collect();
    assert_eq!((rows, done.restored), (vec![20, 5], 25));
    assert!(begun.elapsed().as_millis() >= 100, "a rate of 100 a second");
    assert!(done.pace.paused_ms.rate > 0);
    let options = RestoreOptions::default().with_rate(1);
    let index = from(&keyspace, &records);
    let mut stopped = Restore::begin(&keyspace, index, options, RestoreConsent::Additive)
        .await
        .expect("begun");
    let button = stopped.stop_handle();
    tokio::join!(async { while stopped.next().await.is_some() {} }, async {
        button.stop()
    });
    let summary = stopped.summary();
    assert!(!summary.complete && summary.matched < 60, "{summary:?}");
    assert!(!stopped.is_walked());
}

#[tokio::test]
async fn without_the_right_the_rule_is_named() {
    for program in programs() {
        let server = start(&program);
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        ask(
            &mut raw,
            &[
                b"ACL",
                b"SETUSER",
                b"app",
                b"on",
                b">pw",
                b"~*",
                b"+@all",
                b"-restore",
            ],
        );
        let target = Target::parse(&server.url())
            .expect("valid")
            .with_user("app")
            .with_password("pw");
        let keyspace = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect("connected");
        // Several are on their way when the first is refused.
        let names: Vec<String> = (0..500).map(|n| format!("k:{n}")).collect();
        let records: Vec<Record> = names.iter().map(|name| Record::text(name, "b")).collect();
        let index = from(&keyspace, &records);
        let mut restore = Restore::begin(&keyspace, index, full_speed(), RestoreConsent::Additive)
            .await
            .expect("begun");
        let mut named = restore.take_unrestored();
        while restore.next().await.is_some() {
            named.append(&mut restore.take_unrestored());
        }
        named.append(&mut restore.take_unrestored());
        assert_eq!(named.len(), 0, "{:?}", named.first());
        let error = restore.error().expect("no right");
        assert_eq!(error.kind(), ErrorKind::Guard, "{error}");
        assert!(
            error.hint().expect("a hint").contains("+restore"),
            "{error:?}"
        );
        let summary = restore.summary();
        assert!(!summary.complete, "{summary:?}");
        assert_eq!((summary.matched, summary.failed), (0, 0), "{summary:?}");
        let kinds: Vec<_> = summary.errors.iter().map(|e| (&*e.kind, e.count)).collect();
        assert_eq!(kinds, [("guard", 1)], "{summary:?}");
    }
}
