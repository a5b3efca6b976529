//! Rebuilding and verifying while somebody else writes natively, switches, or comes back after a while: nothing that
//! somebody has written is lost, and nothing that was deleted comes back.

#[path = "common/mod.rs"]
mod common;

use common::sweep;
use keypace::{
    AssignReport, Budget, Checkpoint, ConnectOptions, DriftCounts, Import, Imported, IndexOptions,
    IndexVerify, Keyspace, Namespace, Owner, OwnerKeys, PageRequest, PutOptions, Rebuild,
    RebuildOptions, RecordId, Shelf, SwitchConsent, Target, VerifyReport, Version, assign,
};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, install_hint};

const RECORDS: u64 = 2_000;

struct Stage {
    raw: Raw,
    keyspace: Keyspace,
    options: IndexOptions,
    keys: OwnerKeys,
    _server: OwnedServer,
}

async fn stages() -> Vec<Stage> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program: {}",
        install_hint()
    );
    let mut stages = Vec::new();
    for program in programs {
        let server = OwnedServer::start(&program, ServerOptions::default()).expect("a server");
        let raw = Raw::connect(server.endpoint()).expect("a connection");
        let target = Target::parse(&server.url()).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
        let keys = OwnerKeys::generate_in_memory().expect("random");
        let walk = sweep("*").with_budget(Budget::off());
        stages.push(Stage {
            raw,
            keyspace: keyspace.expect("connected"),
            options: IndexOptions::new(namespace(), keys.clone()).with_walk(walk),
            keys,
            _server: server,
        });
    }
    stages
}

fn namespace() -> Namespace {
    Namespace::new("session").expect("valid")
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("valid")
}

fn owner(text: &str) -> Owner {
    Owner::new(text).expect("valid")
}

fn switch() -> RebuildOptions {
    RebuildOptions::default().with_switch(SwitchConsent::Confirmed)
}

impl Stage {
    fn run(&mut self, words: &[&str]) {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let reply = self.raw.command(&words);
        reply.expect("a reply").checked().expect("no error");
    }

    fn seed(&mut self) {
        for number in 0..RECORDS {
            self.run(&[
                "SET",
                &format!("session:s{number}"),
                r#"{"owner_api_key":"a"}"#,
            ]);
        }
    }

    async fn begin(&self, rebuild: RebuildOptions) -> Rebuild {
        let begun = Rebuild::begin(&self.keyspace, self.options.clone(), rebuild).await;
        begun.expect("begun")
    }

    async fn rebuild(&self, options: RebuildOptions) -> Rebuild {
        let mut rebuild = self.begin(options).await;
        while rebuild.next().await.is_some() {}
        rebuild
    }

    async fn verify(&self, repairs: bool) -> VerifyReport {
        let options = self.options.clone();
        let begun = if repairs {
            IndexVerify::repair(&self.keyspace, options, None).await
        } else {
            IndexVerify::begin(&self.keyspace, options).await
        };
        let mut verify = begun.expect("begun");
        while verify.next().await.is_some() {}
        assert!(verify.is_walked(), "{:?}", verify.error());
        verify.report()
    }

    async fn assign(&self, to: &str, which: &str) -> AssignReport {
        let ids = [id(which)];
        let assigned = assign(&self.keyspace, self.options.clone(), &owner(to), &ids).await;
        assigned.expect("assigned")
    }

    async fn shelf(&self) -> Shelf {
        let shelf = Shelf::open(&self.keyspace, namespace(), self.keys.clone());
        shelf.await.expect("opened")
    }
}

async fn total(shelf: &Shelf, whose: &str) -> u64 {
    shelf.count(&owner(whose)).await.expect("counted")
}

#[tokio::test]
async fn what_is_written_while_a_rebuild_takes_records_away_stays() {
    for mut stage in stages().await {
        stage.seed();
        stage.rebuild(RebuildOptions::default()).await;
        for number in 0..RECORDS {
            stage.run(&["DEL", &format!("session:s{number}")]);
        }
        let shelf = stage.shelf().await;
        let mut rebuild = stage.begin(RebuildOptions::default()).await;
        let working = async {
            while rebuild.next().await.is_some() {}
            rebuild.report()
        };
        let writing = async {
            for number in 0..RECORDS {
                let (id, options) = (id(&format!("s{number}")), PutOptions::default());
                let put = shelf.put(&owner("a"), &id, "{}".into(), &options).await;
                put.expect("written");
            }
        };
        let (report, ()) = tokio::join!(working, writing);
        println!("{} removed", report.removed);
        assert!(report.complete, "{report:?}");
        assert_eq!(total(&shelf, "a").await, RECORDS, "{report:?}");
    }
}

/// What changes lies behind the place, all of it, so that the rest of the pass finds nothing.
#[tokio::test]
async fn a_resumed_pass_that_finds_nothing_walks_once_more_before_the_switch() {
    for mut stage in stages().await {
        stage.seed();
        stage.rebuild(RebuildOptions::default()).await;
        let mut rebuild = stage.begin(switch()).await;
        while rebuild.report().scanned < RECORDS {
            rebuild.next().await.expect("more to walk");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint");
        rebuild.save_checkpoint(&path).expect("saved");
        drop(rebuild);
        let scanned = stage
            .raw
            .command(&[b"SCAN", b"0", b"MATCH", b"session:*", b"COUNT", b"20"]);
        let scanned = scanned.expect("a reply");
        let first = scanned.items().expect("two")[1].items().expect("keys")[0].clone();
        let first = String::from_utf8(first.bytes().expect("a key").to_vec()).expect("text");
        stage.run(&["SET", &first, r#"{"owner_api_key":"b"}"#]);
        let checkpoint = Checkpoint::load(&path).expect("loaded");
        let walk = sweep("*").with_budget(Budget::off());
        let options = stage
            .options
            .clone()
            .with_walk(walk.with_resume(checkpoint));
        let mut rebuild = Rebuild::begin(&stage.keyspace, options, switch())
            .await
            .expect("begun");
        while rebuild.next().await.is_some() {}
        let report = rebuild.report();
        let shelf = stage.shelf().await;
        assert!(
            !report.switched || total(&shelf, "b").await == 1,
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn a_rebuild_stops_where_somebody_else_has_switched() {
    for mut stage in stages().await {
        stage.seed();
        stage.rebuild(RebuildOptions::default()).await;
        let mut late = stage.begin(RebuildOptions::default()).await;
        assert!(stage.rebuild(switch()).await.report().switched);
        let shelf = stage.shelf().await;
        let gone = shelf.delete_owner(&owner("a")).await.expect("deleted");
        assert_eq!(gone, RECORDS);
        while late.next().await.is_some() {}
        let error = late.error().expect("refused");
        assert_eq!(error.kind(), keypace::ErrorKind::Guard, "{error}");
        assert!(!late.report().complete);
        assert_eq!(total(&shelf, "a").await, 0);
    }
}

#[tokio::test]
async fn versions_of_another_source_are_no_drift_in_a_native_namespace() {
    for stage in stages().await {
        let shelf = stage.shelf().await;
        let import = Import::new(Version::new(7).expect("valid"), 1_000, 1_000);
        let imported = shelf
            .import(&owner("a"), &id("x"), "{}".into(), &import)
            .await;
        assert!(matches!(imported, Ok(Imported::Written(_))));
        let report = stage.verify(true).await;
        assert_eq!(report.drift, DriftCounts::default(), "{report:?}");
        assert_eq!(total(&shelf, "a").await, 1);
    }
}

#[tokio::test]
async fn a_record_that_is_assigned_to_another_is_the_first_ones_no_longer() {
    for mut stage in stages().await {
        stage.run(&["SET", "session:s0", "{}"]);
        stage.rebuild(RebuildOptions::default()).await;
        for whose in ["a", "b", "b"] {
            assert_eq!(stage.assign(whose, "s0").await.assigned, ["s0"]);
        }
        let shelf = stage.shelf().await;
        assert_eq!((total(&shelf, "a").await, total(&shelf, "b").await), (0, 1));
        assert_eq!(stage.verify(false).await.drift, DriftCounts::default());
    }
}

#[tokio::test]
async fn a_large_record_of_another_owner_is_found() {
    for stage in stages().await {
        let shelf = stage.shelf().await;
        let body = format!(
            r#"{{"more":"{}","owner_api_key":"b"}}"#,
            "x".repeat(200_000)
        );
        for (whose, name) in [("a", "wrong"), ("b", "right")] {
            let (whose, id, options) = (owner(whose), id(name), PutOptions::default());
            let put = shelf.put(&whose, &id, body.clone().into(), &options).await;
            put.expect("written");
        }
        let report = stage.verify(false).await;
        assert_eq!(report.drift.wrong_owner, 1, "{report:?}");
        assert_eq!(report.drift.total(), 1, "{report:?}");
    }
}

#[tokio::test]
async fn members_that_are_no_ids_keep_no_record_from_being_deleted() {
    for mut stage in stages().await {
        let shelf = stage.shelf().await;
        let whose = owner("a");
        let number = 1_700;
        for number in 0..number {
            let (id, options) = (id(&format!("s{number}")), PutOptions::default());
            let put = shelf.put(&whose, &id, "{}".into(), &options).await;
            put.expect("written");
        }
        let lead = format!("kp:session:{{{}}}:", shelf.tag(&whose));
        for (part, first) in [("c", "-inf"), ("e", "+inf")] {
            stage.run(&["ZADD", &format!("{lead}{part}"), first, "a b"]);
        }
        assert_eq!(shelf.delete_owner(&whose).await.expect("deleted"), number);
        let first = PageRequest::first(20).expect("valid");
        let page = shelf.list(&whose, &first).await.expect("listed");
        assert!(page.records.is_empty());
    }
}
