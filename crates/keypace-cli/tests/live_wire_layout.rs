//! What docs/wire-layout.md publishes is true: its scripts are the library's, and its snippets in Python, Node and Ruby
//! write records that `Records` reads and `keypace index verify` finds true. Knows no key name of its own.

#[path = "live_wire_layout/blocks.rs"]
mod blocks;
#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[path = "live_wire_layout/language.rs"]
mod language;
#[path = "live_wire_layout/writers.rs"]
mod writers;

use std::fs;
use std::path::Path;

use keypace::{
    ConnectOptions, Expiry, Keyspace, Namespace, Owner, OwnerKeys, PageRequest, RecordId, Records,
    Target,
};
use keypace_lab::{ClusterOptions, Listen, OwnedCluster, OwnedServer, Program, Raw, ServerOptions};
use serde_json::{Value, json};

use common::Home;
use language::{LANGUAGES, Language};

const HOUR_MS: i64 = 3_600_000;

/// Owners that a careless writer would get wrong: text, glob and tag signs, NUL, bytes that are no text, the longest.
fn owners() -> Vec<Vec<u8>> {
    vec![
        b"alice".to_vec(),
        "s\u{e9}bastien *?[a]{b}:c\\\n".as_bytes().to_vec(),
        b"\0\xff\xfe}".to_vec(),
        vec![0x80; 512],
    ]
}

fn owner(bytes: &[u8]) -> Owner {
    Owner::new(bytes).expect("allowed")
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("allowed")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the records of one run are.
struct Stage {
    home: Home,
    keyspace: Keyspace,
    urls: Vec<String>,
    kind: &'static str,
}

impl Stage {
    async fn new(urls: Vec<String>, kind: &'static str) -> Self {
        let home = Home::with_url(&urls.join(","));
        let target = Target::parse(&urls[0]).expect("valid");
        let connected = Keyspace::connect(target, ConnectOptions::default()).await;
        Self {
            home,
            keyspace: connected.expect("connected"),
            urls,
            kind,
        }
    }

    async fn open(&self, keys: &OwnerKeys) -> Records<Value> {
        let namespace = Namespace::new("session").expect("allowed");
        let opened = Records::open(&self.keyspace, namespace, keys.clone()).await;
        opened.expect("opened")
    }

    /// The figures of `index verify`, which ends with `code`.
    fn verified(&self, keys: &Path, code: i32) -> Value {
        let keys = keys.to_str().expect("text");
        let mut words = Vec::new();
        for url in &self.urls {
            words.extend(["--url", url.as_str()]);
        }
        words.extend(["--json", "index", "verify", "session", "--keys", keys]);
        self.home.run(words).expect(code).json()
    }
}

/// Steps of one run and what each is to print.
#[derive(Default)]
struct Play {
    stdin: String,
    wanted: Vec<String>,
}

impl Play {
    fn step(&mut self, step: &Value, wanted: &str) {
        self.stdin.push_str(&format!("{step}\n"));
        self.wanted.push(wanted.to_owned());
    }

    fn put(&mut self, owner: &[u8], id: &str, body: &Value, ttl: &Value, wanted: &str) {
        let body = hex(body.to_string().as_bytes());
        let step = json!({"do": "put", "owner": hex(owner), "id": id, "body": body, "ttl": ttl});
        self.step(&step, wanted);
    }

    fn touch(&mut self, owner: &[u8], id: &str, ttl: i64, wanted: &str) {
        let step = json!({"do": "touch", "owner": hex(owner), "id": id, "ttl": ttl});
        self.step(&step, wanted);
    }

    fn delete(&mut self, owner: &[u8], id: &str, wanted: &str) {
        let step = json!({"do": "delete", "owner": hex(owner), "id": id});
        self.step(&step, wanted);
    }

    #[track_caller]
    fn run(&self, language: &Language, file: &Path, stage: &Stage, keys: &Path) {
        let folder = file.parent().expect("a folder");
        let arguments = [&stage.urls[0], stage.kind, text(keys), text(folder)];
        let output = language.run(file, &arguments, &self.stdin);
        assert!(output.status.success(), "{}: {output:?}", language.name);
        let printed = String::from_utf8(output.stdout).expect("text");
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed, self.wanted, "{}", language.name);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Every owner gets four records, each written another way.
fn writes() -> Play {
    let mut play = Play::default();
    for owner in &owners() {
        play.put(owner, "stays", &json!({"n": 1}), &json!(0), "put");
        play.put(
            owner,
            "ends",
            &json!({"n": "\u{e9}\n"}),
            &json!(HOUR_MS),
            "put",
        );
        play.put(owner, "kept", &json!([1]), &json!(HOUR_MS), "put");
        play.put(owner, "kept", &json!([2]), &json!("keep"), "put");
        play.put(owner, "touched", &json!(null), &json!(0), "put");
        play.touch(owner, "touched", 2 * HOUR_MS, "touch true");
        play.touch(owner, "no-such", HOUR_MS, "touch false");
        play.put(owner, "gone", &json!({}), &json!(HOUR_MS), "put");
        play.delete(owner, "gone", "delete true");
        play.delete(owner, "gone", "delete false");
    }
    play
}

/// What the library reads is what was written, in its order.
async fn expect_written(records: &Records<Value>) {
    for bytes in owners() {
        let owner = owner(&bytes);
        let first = PageRequest::first(10).expect("a page");
        let page = records.list(&owner, &first).await.expect("listed");
        assert_eq!((page.total, page.undecodable), (4, 0));
        let mut found: Vec<_> = page.records.iter().collect();
        assert!(found.is_sorted_by_key(|record| (-record.created_ms, record.id.clone())));
        found.sort_by_key(|record| record.id.clone());
        let values: Vec<_> = found
            .iter()
            .map(|record| (record.id.as_str(), record.value.clone()))
            .collect();
        let wanted = [
            ("ends", json!({"n": "\u{e9}\n"})),
            ("kept", json!([2])),
            ("stays", json!({"n": 1})),
            ("touched", json!(null)),
        ];
        assert_eq!(values, wanted);
        for (record, hours) in found.iter().zip([Some(1), Some(1), None, Some(2)]) {
            // The server's clock is this machine's; a minute is more than the run takes.
            let is_right = match (record.expiry, hours) {
                (Expiry::Never, None) => true,
                (Expiry::At(at), Some(hours)) => {
                    let left = at - record.updated_ms;
                    (hours * HOUR_MS..hours * HOUR_MS + 60_000).contains(&left)
                        || (record.id.as_str() == "kept" && left <= HOUR_MS)
                }
                _ => false,
            };
            assert!(is_right, "{record:?}");
        }
        let one = records.get(&owner, &id("stays")).await.expect("asked");
        assert_eq!(one.expect("there").value, json!({"n": 1}));
        assert_eq!(records.get(&owner, &id("gone")).await.expect("asked"), None);
    }
}

fn expect_no_drift(verified: &Value, records: u64) {
    assert_eq!(verified["records"], records, "{verified}");
    assert_eq!(verified["complete"], true, "{verified}");
    let drift = verified["drift"].as_object().expect("figures");
    assert!(drift.values().all(|count| count == 0), "{verified}");
}

async fn play_all(stage: &Stage, flush: impl Fn()) {
    for language in &LANGUAGES {
        if !language.is_here() || (stage.kind == "cluster" && !language.knows_clusters) {
            continue;
        }
        flush();
        let folder = tempfile::tempdir().expect("a folder");
        let file = language.write(folder.path());
        let keys_file = folder.path().join("keys.json");
        let keys = OwnerKeys::create(&keys_file).expect("made");
        let play = writes();

        // No namespace yet: a writer stops.
        let arguments = [
            &stage.urls[0],
            stage.kind,
            text(&keys_file),
            text(folder.path()),
        ];
        let refused = language.run(&file, &arguments, &play.stdin);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("refused: meta"), "{}: {said}", language.name);

        let records = stage.open(&keys).await;
        play.run(language, &file, stage, &keys_file);
        expect_written(&records).await;
        expect_no_drift(&stage.verified(&keys_file, 0), 4 * owners().len() as u64);

        // Another key would be another name for every owner.
        let other = folder.path().join("other.json");
        OwnerKeys::create(&other).expect("made");
        let arguments = [
            &stage.urls[0],
            stage.kind,
            text(&other),
            text(folder.path()),
        ];
        let refused = language.run(&file, &arguments, &play.stdin);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("refused: meta"), "{}: {said}", language.name);
        expect_written(&records).await;
        println!("{} on {}: as written", language.name, stage.urls[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snippets_of_other_languages_write_records_that_verify_finds_true() {
    let programs = Program::all();
    assert!(!programs.is_empty(), "no server program");
    for program in programs {
        let options = ServerOptions::default().with_listen(Listen::Tcp);
        let server = OwnedServer::start(&program, options).expect("a server");
        let stage = Stage::new(vec![server.url()], "one").await;
        play_all(&stage, || flush(&mut connected(&server))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snippets_of_other_languages_write_to_clusters() {
    let program = Program::find().expect("a program");
    let options = ClusterOptions::default().with_replicas(0);
    let cluster = OwnedCluster::start(&program, options).expect("a cluster");
    let stage = Stage::new(cluster.urls(), "cluster").await;
    let flush_all = || {
        for node in 0..3 {
            flush(&mut cluster.raw(node).expect("connected"));
        }
    };
    play_all(&stage, flush_all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snippets_of_other_languages_know_rotated_keys_and_seals() {
    let program = Program::find().expect("a program");
    let options = ServerOptions::default().with_listen(Listen::Tcp);
    let server = OwnedServer::start(&program, options).expect("a server");
    let stage = Stage::new(vec![server.url()], "one").await;
    let mut raw = connected(&server);
    for language in LANGUAGES.iter().filter(|language| language.is_here()) {
        flush(&mut raw);
        let folder = tempfile::tempdir().expect("a folder");
        let file = language.write(folder.path());
        let keys_file = folder.path().join("keys.json");
        OwnerKeys::create(&keys_file).expect("made");
        // The mode stays: only what is in it changes.
        let digits = ["01".repeat(32), "02".repeat(32), "03".repeat(32)];
        fs::write(&keys_file, json!({"keys": digits}).to_string()).expect("written");
        let keys = OwnerKeys::load(&keys_file).expect("loaded");
        let records = stage.open(&keys).await;
        writes().run(language, &file, &stage, &keys_file);
        expect_written(&records).await;

        let tag = keys.tag(&owner(b"bob"));
        let seal = format!("kp:session:{{{tag}}}:s");
        say(&mut raw, &[b"SET", seal.as_bytes(), b"4"]);
        let mut play = Play::default();
        play.put(b"bob", "id", &json!({}), &json!(0), "refused sealed");
        play.touch(b"bob", "id", HOUR_MS, "refused sealed");
        play.delete(b"bob", "id", "refused sealed");
        play.put(b"carol", "id", &json!({}), &json!(0), "put");
        play.run(language, &file, &stage, &keys_file);
    }
}

/// What is published is what the library sends: the texts, and the digests of all scripts.
#[test]
fn the_scripts_of_the_wire_layout_are_those_of_the_source() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keypace/src/records");
    let mut published = 0;
    for block in blocks::all() {
        if let Some(name) = block.info.strip_prefix("lua ") {
            let source = fs::read_to_string(records.join("scripts").join(name)).expect(name);
            assert_eq!(block.text, source, "{name}");
            published += 1;
        }
    }
    assert_eq!(published, 6);
    let sources = fs::read_to_string(records.join("scripts.rs")).expect("the digests");
    let mut listed = Vec::new();
    for line in blocks::document().lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [name, digest, ..] = cells[..] else {
            continue;
        };
        let (name, digest) = (
            name.trim_start_matches("| ").trim_matches('`'),
            digest.trim_matches('`'),
        );
        if digest.len() != 40 {
            continue;
        }
        let path = format!("scripts/{name}.lua\"");
        let (_, rest) = sources
            .split_once(&path)
            .unwrap_or_else(|| panic!("no script {path}"));
        assert_eq!(rest.split('"').nth(1), Some(digest), "{name}");
        listed.push(name.to_owned());
    }
    for name in ["put", "touch", "delete", "page", "prune", "settle", "bury"] {
        assert!(
            listed.iter().any(|own| own == name),
            "{name} is not listed: {listed:?}"
        );
    }
}

fn connected(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

fn flush(raw: &mut Raw) {
    // Without the scripts too, so that a writer has to send them whole.
    say(raw, &[b"FLUSHALL"]);
    say(raw, &[b"SCRIPT", b"FLUSH"]);
}

fn say(raw: &mut Raw, words: &[&[u8]]) {
    let reply = raw.command(words).and_then(keypace_lab::Value::checked);
    reply.expect("accepted");
}
