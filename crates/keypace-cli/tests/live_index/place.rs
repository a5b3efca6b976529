//! A server or a cluster with an application's own records on it. Asserts nothing about keypace.

use std::cell::RefCell;

use keypace_lab::{OwnedCluster, OwnedServer, Raw, Value, slot_of};
use serde_json::json;

use crate::common::clusters::{clusters, lone};
use crate::common::{Home, servers};

/// Records of the fixture.
pub(crate) const RECORDS: usize = 60;
/// Owners of them.
pub(crate) const OWNERS: usize = 3;

/// What the records lie on.
pub(crate) struct Place {
    what: What,
    nodes: RefCell<Vec<Raw>>,
    owners: Vec<usize>,
    pub(crate) home: Home,
}

enum What {
    Server(OwnedServer),
    Cluster(OwnedCluster),
}

/// A server and a cluster of each program, one after the other.
pub(crate) fn places() -> impl Iterator<Item = Place> {
    let servers = servers().into_iter().map(Place::from);
    let options = lone();
    let clusters: Vec<_> = clusters(&options).collect();
    servers.chain(clusters.into_iter().map(Place::cluster))
}

impl Place {
    pub(crate) fn from(server: OwnedServer) -> Self {
        Self {
            nodes: RefCell::new(vec![Raw::connect(server.endpoint()).expect("a connection")]),
            owners: Vec::new(),
            home: Home::with_url(&server.url()),
            what: What::Server(server),
        }
    }

    fn cluster(cluster: OwnedCluster) -> Self {
        let count = cluster.nodes().count();
        let raws = (0..count).map(|node| cluster.raw(node).expect("a connection"));
        let owners = cluster.owners().expect("owners").into_iter();
        Self {
            nodes: RefCell::new(raws.collect()),
            owners: owners
                .map(|owner| owner.expect("all slots are served"))
                .collect(),
            home: Home::with_url(&cluster.urls()[0]),
            what: What::Cluster(cluster),
        }
    }

    pub(crate) fn name(&self) -> String {
        match &self.what {
            What::Server(server) => server.url(),
            What::Cluster(cluster) => cluster.urls().join(" "),
        }
    }

    /// One that a client connects to.
    pub(crate) fn url(&self) -> String {
        match &self.what {
            What::Server(server) => server.url(),
            What::Cluster(cluster) => cluster.urls()[0].clone(),
        }
    }

    /// A command about the key that is its second word.
    pub(crate) fn run(&self, words: &[&str]) -> Value {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let node = match self.owners.as_slice() {
            [] => 0,
            owners => owners[usize::from(slot_of(words[1]))],
        };
        let reply = self.nodes.borrow_mut()[node].command(&words);
        reply.expect("a reply").checked().expect("no error")
    }

    /// All keys that begin so, sorted.
    pub(crate) fn keys(&self, pattern: &str) -> Vec<String> {
        let mut keys = Vec::new();
        for raw in self.nodes.borrow_mut().iter_mut() {
            let reply = raw.command(&[b"KEYS", pattern.as_bytes()]).expect("keys");
            for key in reply.items().expect("an array") {
                keys.push(String::from_utf8(key.bytes().expect("a key").to_vec()).expect("text"));
            }
        }
        keys.sort();
        keys
    }

    /// The new record's key.
    pub(crate) fn record(&self, id: &str) -> String {
        let keys = self.keys(&format!("kp:session:*:r:{id}"));
        assert_eq!(keys.len(), 1, "{id}: {keys:?}");
        keys[0].clone()
    }

    /// An index of the owner of this record.
    pub(crate) fn index(&self, id: &str, part: &str) -> String {
        let record = self.record(id);
        let (lead, _) = record.split_once("r:").expect("a record");
        format!("{lead}{part}")
    }

    /// The application writes a record.
    pub(crate) fn put(&self, id: &str, owner: &str, more: &str) {
        let key = format!("session:{id}");
        self.run(&["SET", &key, &body(id, owner, more)]);
        self.run(&["SADD", &format!("session:owner:{owner}"), id]);
    }

    pub(crate) fn seed(&self) {
        for number in 0..RECORDS {
            let (id, owner) = (format!("s{number}"), format!("key-{}", number % OWNERS));
            self.put(&id, &owner, "");
            if number % 3 == 0 {
                self.run(&["PEXPIRE", &format!("session:{id}"), "3600000"]);
            }
        }
    }
}

/// What the application writes.
pub(crate) fn body(id: &str, owner: &str, more: &str) -> String {
    let minute = id.len() % 60;
    json!({
        "id": id,
        "owner_api_key": owner,
        "created_at": format!("2026-11-21T14:{minute:02}:00.250000"),
        "updated_at": "2026-11-21 15:00:00",
        "note": more,
    })
    .to_string()
}
