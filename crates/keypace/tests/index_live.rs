//! Rebuilding and verifying through the library, on every server program of this machine: what is written and what is not,
//! next to records that somebody writes natively. What the command line shows is tested beside it.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use common::sweep;
use keypace::{
    Budget, ConnectOptions, DriftCounts, IndexOptions, IndexVerify, Keyspace, Namespace, Owner,
    OwnerKeys, PutOptions, Rebuild, RebuildOptions, RebuildReport, RecordId, Shelf, SwitchConsent,
    Target, VerifyReport, Version,
};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, install_hint};

const RECORDS: u64 = 500;
/// Commands that change something.
const WRITES: [&str; 8] = [
    "set",
    "del",
    "unlink",
    "zadd",
    "zrem",
    "pexpireat",
    "persist",
    "hset",
];

/// A server with an application's own records, and one connection to it.
struct Stage {
    raw: Raw,
    keyspace: Keyspace,
    options: IndexOptions,
    keys: OwnerKeys,
    _server: OwnedServer,
}

fn namespace() -> Namespace {
    Namespace::new("session").expect("valid")
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
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        for number in 0..RECORDS {
            put(
                &mut raw,
                &format!("s{number}"),
                &format!("key-{}", number % 7),
            );
        }
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

fn put(raw: &mut Raw, id: &str, owner: &str) {
    let key = format!("session:{id}");
    let body = format!(r#"{{"owner_api_key":"{owner}","created_at":1795272361}}"#);
    let reply = raw.command(&[b"SET", key.as_bytes(), body.as_bytes()]);
    reply.expect("a reply").checked().expect("no error");
}

impl Stage {
    async fn rebuild(&self, options: RebuildOptions) -> RebuildReport {
        let begun = Rebuild::begin(&self.keyspace, self.options.clone(), options).await;
        let mut rebuild = begun.expect("begun");
        while rebuild.next().await.is_some() {}
        assert!(rebuild.error().is_none(), "{:?}", rebuild.error());
        rebuild.report()
    }

    async fn verify(&self) -> VerifyReport {
        let begun = IndexVerify::begin(&self.keyspace, self.options.clone()).await;
        let mut verify = begun.expect("begun");
        while verify.next().await.is_some() {}
        assert!(verify.is_walked(), "{:?}", verify.error());
        verify.report()
    }

    async fn shelf(&self) -> Shelf {
        let shelf = Shelf::open(&self.keyspace, namespace(), self.keys.clone());
        shelf.await.expect("opened")
    }

    /// How often each command was called, also from within scripts.
    fn calls(&mut self) -> BTreeMap<String, u64> {
        let stats = self.raw.info("commandstats").expect("statistics");
        let calls = stats.into_iter().filter_map(|(name, text)| {
            let calls = text.split(',').next()?.strip_prefix("calls=")?.parse();
            Some((name.strip_prefix("cmdstat_")?.to_owned(), calls.ok()?))
        });
        calls.collect()
    }
}

#[tokio::test]
async fn a_pass_that_finds_nothing_to_do_writes_nothing() {
    for mut stage in stages().await {
        let first = stage.rebuild(RebuildOptions::default()).await;
        assert_eq!(
            (first.imported, first.complete),
            (RECORDS, true),
            "{first:?}"
        );
        let before = stage.calls();
        let second = stage.rebuild(RebuildOptions::default()).await;
        assert_eq!(
            (second.imported, second.unchanged),
            (0, RECORDS),
            "{second:?}"
        );
        let report = stage.verify().await;
        assert_eq!(report.drift, DriftCounts::default());
        let after = stage.calls();
        let of = |calls: &BTreeMap<String, u64>, name: &str| calls.get(name).copied().unwrap_or(0);
        for name in WRITES {
            assert_eq!(of(&before, name), of(&after, name), "{name}");
        }
        // One of each new record and of each old one's new one in the pass; in the look also one of each member of both sets.
        // Old records are read many at a time.
        let asked = of(&after, "evalsha") - of(&before, "evalsha");
        assert!(asked <= 6 * RECORDS + RECORDS / 4, "{asked} scripts");
    }
}

#[tokio::test]
async fn what_is_written_natively_is_neither_overwritten_nor_removed() {
    for mut stage in stages().await {
        stage.rebuild(RebuildOptions::default()).await;
        let shelf = stage.shelf().await;
        let owner = Owner::new("key-1").expect("valid");
        let id = |text: &str| RecordId::new(text).expect("valid");
        let options = PutOptions::default();
        // One that the old layout never had, and one that it has otherwise.
        for name in ["native", "s1"] {
            let body = r#"{"owner_api_key":"key-1","by":"us"}"#;
            let written = shelf.put(&owner, &id(name), body.into(), &options).await;
            assert!(
                written.expect("written").version > Version::new(1_000_000_000_000).expect("valid")
            );
        }
        // Its old record goes, or becomes another's; what was written since stays.
        stage
            .raw
            .command(&[b"DEL", b"session:s1"])
            .expect("a reply");
        put(&mut stage.raw, "native", "key-2");
        let report = stage.rebuild(RebuildOptions::default()).await;
        assert_eq!((report.imported, report.removed), (1, 0), "{report:?}");
        for name in ["native", "s1"] {
            let stored = shelf
                .get(&owner, &id(name))
                .await
                .expect("read")
                .expect("there");
            assert!(stored.value.ends_with(b"\"by\":\"us\"}"), "{name}");
        }
        let report = stage.verify().await;
        assert_eq!(report.drift, DriftCounts::default(), "{report:?}");
        let switch = RebuildOptions::default().with_switch(SwitchConsent::Confirmed);
        assert!(stage.rebuild(switch).await.switched);
        let refused = Rebuild::begin(
            &stage.keyspace,
            stage.options.clone(),
            RebuildOptions::default(),
        );
        let error = refused.await.err().expect("refused");
        assert_eq!(error.kind(), keypace::ErrorKind::Guard);
    }
}
