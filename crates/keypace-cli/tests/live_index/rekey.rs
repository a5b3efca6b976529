//! Owners that are moved to another owner key while clients of them go on, by a run that is killed on its way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keypace::{
    ConnectOptions, Expiry, Keyspace, Namespace, Owner, OwnerKeys, PageRequest, PutOptions,
    RecordId, Shelf, Target, Version,
};
use keypace_lab::seed::SplitMix64;

use crate::common::under_way::under_way_until;
use crate::place::{Place, places};

const OWNERS_OF_ONE: u64 = 12;
const IDS: u64 = 10;
const HOUR: Duration = Duration::from_secs(3600);
const MOVE: [&str; 6] = ["--json", "index", "rekey", "session", "--move", "--yes"];

/// What a client knows of its owners' records, as the answers said.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    version: Version,
    created_ms: i64,
    body: Vec<u8>,
    expires_ms: Option<i64>,
}

/// A client that alone writes its owners' records, and so knows what has to be there at each moment.
struct Client {
    name: &'static str,
    shelf: Shelf,
    random: SplitMix64,
    known: BTreeMap<(u64, u64), Known>,
}

async fn open(place: &Place, keys: &Path) -> Shelf {
    let target = Target::parse(&place.url()).expect("valid");
    let keyspace = Keyspace::connect(target, ConnectOptions::default());
    let keyspace = keyspace.await.expect("connected");
    let namespace = Namespace::new("session").expect("allowed");
    let keys = OwnerKeys::load(keys).expect("loaded");
    Shelf::open(&keyspace, namespace, keys)
        .await
        .expect("opened")
}

impl Client {
    fn owner(&self, number: u64) -> Owner {
        Owner::new(format!("{}-{number}", self.name)).expect("allowed")
    }

    /// One write, or one look.
    async fn step(&mut self) {
        let number = self.random.next() % OWNERS_OF_ONE;
        let which = self.random.next() % IDS;
        let (owner, id) = (self.owner(number), id_of(which));
        let was = self.known.get(&(number, which)).cloned();
        match self.random.next() % 8 {
            0..=2 => self.put(number, which).await,
            3 => {
                let Some(was) = was else { return };
                let body = self.random.next().to_string().into_bytes();
                let options = PutOptions::default().with_ttl(HOUR);
                let done =
                    self.shelf
                        .update(&owner, &id, was.version, body.clone().into(), &options);
                self.note(number, which, body, done.await.expect("updated"));
            }
            4 => {
                let ttl = self.random.next().is_multiple_of(2).then_some(HOUR);
                let touched = self.shelf.touch(&owner, &id, ttl).await.expect("touched");
                assert_eq!(touched.is_some(), was.is_some(), "touch {number} {which}");
                if let (Some(expires_ms), Some(known)) =
                    (touched, self.known.get_mut(&(number, which)))
                {
                    known.expires_ms = expires_ms;
                }
            }
            5 => {
                let gone = self.shelf.delete(&owner, &id).await.expect("deleted");
                assert_eq!(gone, was.is_some(), "delete {number} {which}");
                self.known.remove(&(number, which));
            }
            6 => {
                let found = self.shelf.get(&owner, &id).await.expect("asked");
                let found = found.map(|found| found.version);
                assert_eq!(found, was.map(|was| was.version), "get {number} {which}");
            }
            _ => self.check(number).await,
        }
    }

    async fn put(&mut self, number: u64, which: u64) {
        let body = self.random.next().to_string().into_bytes();
        let mut options = PutOptions::default();
        if self.random.next().is_multiple_of(2) {
            options = options.with_ttl(HOUR);
        }
        let (owner, id) = (self.owner(number), id_of(which));
        let put = self.shelf.put(&owner, &id, body.clone().into(), &options);
        self.note(number, which, body, put.await.expect("put"));
    }

    fn note(&mut self, number: u64, which: u64, body: Vec<u8>, written: keypace::Written) {
        let known = Known {
            version: written.version,
            created_ms: written.created_ms,
            body,
            expires_ms: written.expires_ms,
        };
        let was = self.known.insert((number, which), known);
        if let Some(was) = was {
            assert!(written.version > was.version, "{number} {which}");
            assert_eq!(written.created_ms, was.created_ms, "{number} {which}");
        }
    }

    /// A list has what is known, and each once.
    async fn check(&self, number: u64) {
        let owner = self.owner(number);
        let first = PageRequest::first(100).expect("a page");
        let page = self.shelf.list(&owner, &first).await.expect("listed");
        let mut listed = BTreeMap::new();
        for record in page.records {
            let known = Known {
                version: record.version,
                created_ms: record.created_ms,
                body: record.value.to_vec(),
                expires_ms: match record.expiry {
                    Expiry::At(at) => Some(at),
                    _ => None,
                },
            };
            let twice = listed.insert(record.id.to_string(), known);
            assert_eq!(twice, None, "{} is listed twice", record.id);
        }
        let own = self.known.range((number, 0)..(number + 1, 0));
        let own: BTreeMap<_, _> = own
            .map(|((_, which), known)| (id_of(*which).to_string(), known.clone()))
            .collect();
        assert_eq!(listed, own, "{} {number}", self.name);
        assert_eq!(page.total, own.len() as u64);
    }
}

fn id_of(which: u64) -> RecordId {
    RecordId::new(format!("r{which}")).expect("allowed")
}

#[test]
fn owners_move_while_their_clients_go_on_and_the_mover_is_killed() {
    let seed = std::env::var("KEYPACE_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(11);
    println!("KEYPACE_SEED={seed}");
    std::thread::scope(|scope| {
        for place in places().collect::<Vec<_>>() {
            scope.spawn(move || moved(&place, seed));
        }
    });
}

fn moved(place: &Place, seed: u64) {
    let path = place.home.path("config/keypace/owner-keys/session.json");
    let before = OwnerKeys::create(&path).expect("made");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // One has heard nothing of the new key, and finds the file when it has to.
    let mut clients = Vec::new();
    for (at, name) in ["ann", "bob"].into_iter().enumerate() {
        if at == 1 {
            add_key(place, &path, &before);
        }
        let mut client = Client {
            name,
            shelf: runtime.block_on(open(place, &path)),
            random: SplitMix64::new(seed + at as u64),
            known: BTreeMap::new(),
        };
        runtime.block_on(async {
            for number in 0..OWNERS_OF_ONE {
                for which in 0..IDS / 2 {
                    client.put(number, which).await;
                }
            }
        });
        clients.push(client);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let running: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let is_over = Arc::clone(&is_over);
            runtime.spawn(async move {
                while !is_over.load(Ordering::Acquire) {
                    client.step().await;
                }
                client
            })
        })
        .collect();
    let slowly = [&["--rate", "25", "--count", "10"], &MOVE[..]].concat();
    let (mut child, ..) = under_way_until(&place.home, &slowly, "matched", 20);
    child.kill().expect("a process of ours");
    child.wait().expect("it is gone");
    let report = place.home.run(MOVE).expect(0).json();
    is_over.store(true, Ordering::Release);
    assert_eq!(report["complete"], true, "{report}");
    assert!(report["moved"].as_u64() > Some(0), "{report}");

    let fresh = runtime.block_on(open(place, &path));
    let mut records = 0;
    for running in running {
        let mut client = runtime.block_on(running).expect("a client");
        records += client.known.len();
        client.shelf = fresh.clone();
        for number in 0..OWNERS_OF_ONE {
            runtime.block_on(client.check(number));
        }
        let owner = client.owner(0);
        assert_ne!(fresh.tag(&owner), before.tag(&owner));
    }
    ended(place, records);
    // The former key alone lists nothing.
    let kept = format!("{}.bak", path.display());
    let words = [
        "index", "list", "session", "--owner", "ann-1", "--keys", &kept,
    ];
    place.home.run(words).expect(4).says(&["out of date"]);
}

/// The first half of a rotation: the file alone.
fn add_key(place: &Place, path: &Path, before: &OwnerKeys) {
    let meta = place.run(&["HGETALL", "kp:session:meta"]);
    let words = ["--json", "index", "rekey", "session"];
    let added = place.home.run(words).expect(0).json();
    assert_eq!(added["key_version"], 2, "{added}");
    assert_eq!(place.run(&["HGETALL", "kp:session:meta"]), meta);
    let kept = OwnerKeys::load(format!("{}.bak", path.display())).expect("kept");
    assert_eq!(kept.fingerprint(), before.fingerprint());
    place.home.run(words).expect(4).says(&["--move"]);
    let verify = ["--budget", "off", "index", "verify", "session"];
    place.home.run(verify).expect(0);
}

/// What the server says of a move that has ended.
fn ended(place: &Place, records: usize) {
    let verify = ["--budget", "off", "--json", "index", "verify", "session"];
    let report = place.home.run(verify).expect(0).json();
    assert_eq!(report["records"], records, "{report}");
    assert_eq!(report["members"], records, "{report}");
    assert_eq!(place.keys("kp:session:*:v"), Vec::<String>::new());
    let fields = ["rekeying_from", "rekeying_by"];
    for field in fields {
        let left = place.run(&["HGET", "kp:session:meta", field]);
        assert_eq!(left.bytes(), None, "{field}");
    }
    place.home.run(MOVE).expect(4).says(&["add one first"]);
}

#[test]
fn records_that_no_index_names_and_tombstones_move_too() {
    std::thread::scope(|scope| {
        for place in places().collect::<Vec<_>>() {
            scope.spawn(move || strays(&place));
        }
    });
}

fn strays(place: &Place) {
    let path = place.home.path("config/keypace/owner-keys/session.json");
    OwnerKeys::create(&path).expect("made");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let shelf = runtime.block_on(open(place, &path));
    let owner = |name: &str| Owner::new(name).expect("allowed");
    let (ann, bob, cid) = (owner("ann"), owner("bob"), owner("cid"));
    let (a, b) = (id_of(1), id_of(2));
    let plain = PutOptions::default();
    let large = vec![b'x'; 200_000];
    runtime.block_on(async {
        for owner in [&ann, &bob, &cid] {
            let put = shelf.put(owner, &a, large.clone().into(), &plain);
            put.await.expect("put");
        }
        let version = Version::new(7).expect("allowed");
        let buried = shelf.bury(&ann, &b, version).await.expect("buried");
        assert_eq!(buried, keypace::Buried::Gone(false));
    });
    let key = |owner: &Owner, part: &str| format!("kp:session:{{{}}}:{part}", shelf.tag(owner));
    // One that is in no index, and one that is no record.
    let (lost, strange) = (key(&bob, "r:r1"), key(&cid, "r:r2"));
    for part in ["c", "e"] {
        place.run(&["DEL", &key(&bob, part)]);
    }
    place.run(&["SET", &strange, "of somebody else"]);
    place.home.run(["index", "rekey", "session"]).expect(0);
    let failed = place
        .home
        .run(MOVE)
        .expect(1)
        .says(&["holds no record of ours"]);
    assert_eq!(failed.json()["complete"], false);
    assert_eq!(place.run(&["EXISTS", &lost]).int(), Some(0));
    let moved = OwnerKeys::load(&path).expect("loaded").tag(&ann);
    let tombstone = format!("kp:session:{{{moved}}}:t:r2");
    assert_eq!(place.run(&["GET", &tombstone]).bytes(), Some(&b"7"[..]));
    place.run(&["DEL", &strange]);
    // A run that was killed right before it opened an owner again has left the seal alone.
    let seal = key(&ann, "s");
    place.run(&["SET", &seal, "2 moving"]);
    place.home.run(MOVE).expect(0);
    assert_eq!(place.run(&["GET", &seal]).bytes(), Some(&b"2"[..]));
    let fresh = runtime.block_on(open(place, &path));
    runtime.block_on(async {
        for owner in [&ann, &bob, &cid] {
            let read = fresh.get(owner, &a).await.expect("asked").expect("there");
            assert_eq!(read.value.len(), large.len());
            assert_eq!(fresh.count(owner).await.expect("counted"), 1);
        }
    });
}
