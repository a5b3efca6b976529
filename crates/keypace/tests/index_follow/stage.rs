//! A server with a namespace that follows an old layout, and what tests do to both. Judges nothing.

use keypace::{
    AssignReport, Budget, ConnectOptions, IndexOptions, IndexVerify, Keyspace, Namespace, Owner,
    OwnerKeys, PageRequest, Rebuild, RebuildOptions, RecordId, Shelf, SweepOptions, SwitchConsent,
    Target, VerifyReport, assign,
};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, Value, install_hint};
use std::cell::RefCell;

use crate::common::sweep;

pub(crate) struct Stage {
    raw: RefCell<Raw>,
    pub(crate) keyspace: Keyspace,
    pub(crate) options: IndexOptions,
    keys: OwnerKeys,
    _server: OwnedServer,
}

pub(crate) async fn stages() -> Vec<Stage> {
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
        stages.push(Stage {
            raw: RefCell::new(raw),
            keyspace: keyspace.expect("connected"),
            options: options_of(keys.clone()),
            keys,
            _server: server,
        });
    }
    stages
}

pub(crate) fn sweep_at_full_speed() -> SweepOptions {
    sweep("*").with_budget(Budget::off())
}

fn options_of(keys: OwnerKeys) -> IndexOptions {
    IndexOptions::new(namespace(), keys).with_walk(sweep_at_full_speed())
}

fn namespace() -> Namespace {
    Namespace::new("session").expect("valid")
}

pub(crate) fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("valid")
}

pub(crate) fn owner(text: &str) -> Owner {
    Owner::new(text).expect("valid")
}

pub(crate) fn switch() -> RebuildOptions {
    RebuildOptions::default().with_switch(SwitchConsent::Confirmed)
}

impl Stage {
    pub(crate) fn run(&self, words: &[&str]) -> Value {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let reply = self.raw.borrow_mut().command(&words);
        reply.expect("a reply").checked().expect("no error")
    }

    pub(crate) fn int(&self, words: &[&str]) -> i64 {
        self.run(words).int().expect("a number")
    }

    pub(crate) fn text(&self, words: &[&str]) -> String {
        let reply = self.run(words);
        String::from_utf8_lossy(reply.bytes().expect("text")).into_owned()
    }

    pub(crate) fn exists(&self, key: &str) -> bool {
        self.int(&["EXISTS", key]) == 1
    }

    /// A record as the application writes it.
    pub(crate) fn old(&self, name: &str, whose: &str) {
        let body = format!(r#"{{"owner_api_key":"{whose}","created_at":"2026-01-05T10:00:00Z"}}"#);
        self.run(&["SET", &format!("session:{name}"), &body]);
    }

    /// The same, for so long.
    pub(crate) fn old_until(&self, name: &str, whose: &str, ms: u64) {
        self.old(name, whose);
        self.run(&["PEXPIRE", &format!("session:{name}"), &ms.to_string()]);
    }

    /// An owner's key: `c`, `r:ID`.
    pub(crate) fn key(&self, whose: &str, part: &str) -> String {
        format!("kp:session:{{{}}}:{part}", self.keys.tag(&owner(whose)))
    }

    pub(crate) fn record(&self, whose: &str, name: &str) -> String {
        self.key(whose, &format!("r:{name}"))
    }

    pub(crate) fn tombstone(&self, whose: &str, name: &str) -> String {
        self.key(whose, &format!("t:{name}"))
    }

    /// When a record expires, by its index.
    pub(crate) fn expires(&self, whose: &str, name: &str) -> i64 {
        let score = self.text(&["ZSCORE", &self.key(whose, "e"), name]);
        score.parse().expect("a time")
    }

    pub(crate) fn options_with(&self, keys: OwnerKeys) -> IndexOptions {
        options_of(keys)
    }

    pub(crate) async fn rebuild(&self, options: RebuildOptions) -> Rebuild {
        let begun = Rebuild::begin(&self.keyspace, self.options.clone(), options).await;
        let mut rebuild = begun.expect("begun");
        while rebuild.next().await.is_some() {}
        rebuild
    }

    pub(crate) async fn verify(&self, repairs: bool) -> VerifyReport {
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

    pub(crate) async fn assign(&self, to: &str, which: &str) -> AssignReport {
        let ids = [id(which)];
        let assigned = assign(&self.keyspace, self.options.clone(), &owner(to), &ids).await;
        assigned.expect("assigned")
    }

    pub(crate) async fn shelf(&self) -> Shelf {
        let shelf = Shelf::open(&self.keyspace, namespace(), self.keys.clone());
        shelf.await.expect("opened")
    }

    /// An owner's ids, in their order.
    pub(crate) async fn ids(&self, whose: &str) -> Vec<String> {
        let first = PageRequest::first(100).expect("valid");
        let page = self.shelf().await.list(&owner(whose), &first).await;
        let records = page.expect("listed").records;
        let mut ids: Vec<String> = records.iter().map(|one| one.id.to_string()).collect();
        ids.sort_unstable();
        ids
    }
}
