//! A keyspace whose every value can be told from any other, and where each of them is after a delete that went wrong: on
//! the server, in the backup, or nowhere. Restores into servers of its own; harms nothing by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keypace_lab::seed::SplitMix64;
use keypace_lab::{OwnedServer, Pipeline, Program, Raw, ServerOptions, Value, install_hint};

use super::{Home, Ran};

/// Keys below `session:`.
pub(crate) const KEYS: u64 = 2_000;
/// Keys that nobody deletes.
pub(crate) const OTHERS: u64 = 20;
/// Between two looks at how far a run has come: a look that never rests would take half of a small machine.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_micros(200);
/// Commands that are sent together.
const TOGETHER: usize = 500;
/// 2096: later than any test.
const FAR_MS: u64 = 4_000_000_000_000;

/// What a server tells of a key: the digest of its value, and when it expires.
pub(crate) type Told = BTreeMap<Vec<u8>, (Vec<u8>, i64)>;

/// All server programs of this machine. None at all is a failure.
pub(crate) fn programs() -> Vec<Program> {
    let programs = Program::all();
    assert!(
        !programs.is_empty(),
        "no server program: {}",
        install_hint()
    );
    programs
}

/// A server that tells digests.
pub(crate) fn server(program: &Program) -> OwnedServer {
    let options = ServerOptions::default().with_arg("enable-debug-command", "yes");
    OwnedServer::start(program, options).expect("a server")
}

pub(crate) fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

/// The server's answer, which is no error.
pub(crate) fn ask(raw: &mut Raw, words: &[&[u8]]) -> Value {
    let answer = raw.command(words).and_then(Value::checked);
    answer.unwrap_or_else(|error| panic!("{}: {error}", words[0].escape_ascii()))
}

pub(crate) fn dbsize(raw: &mut Raw) -> u64 {
    let size = ask(raw, &[b"DBSIZE"]).int();
    size.and_then(|size| u64::try_from(size).ok())
        .expect("a size")
}

/// Numbers from `KEYPACE_SEED`, or from the clock; the seed is printed.
pub(crate) fn random() -> SplitMix64 {
    let seed = std::env::var("KEYPACE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(since.expect("a clock").as_nanos()).unwrap_or(u64::MAX)
    });
    println!("KEYPACE_SEED={seed}");
    SplitMix64::new(seed)
}

/// One of `0..bound`.
pub(crate) fn below(random: &mut SplitMix64, bound: u64) -> u64 {
    random.next() % bound
}

fn bytes(random: &mut SplitMix64, most: u64) -> Vec<u8> {
    let length = below(random, most + 1);
    (0..length.div_ceil(8))
        .flat_map(|_| random.next().to_le_bytes())
        .take(usize::try_from(length).expect("a length"))
        .collect()
}

/// The commands that make one key, the same for the same seed: strings for the most part, with values that no
/// compression makes smaller, and one of three expires some day.
pub(crate) fn made(key: &[u8], number: u64, random: &mut SplitMix64) -> Vec<Vec<Vec<u8>>> {
    let verb: &[u8] = match number % 10 {
        0 => b"HSET",
        1 => b"RPUSH",
        2 => b"SADD",
        3 => b"ZADD",
        4 => b"XADD",
        _ => b"SET",
    };
    let mut words = vec![verb.to_vec(), key.to_vec()];
    match verb {
        b"SET" => {
            // Now and then one that is read in pieces.
            let most = if number % 401 == 5 { 600_000 } else { 300 };
            words.push(bytes(random, most));
        }
        b"XADD" => {
            words.extend([b"1-1".to_vec(), b"field".to_vec(), bytes(random, 60)]);
        }
        _ => {
            for member in 0..1 + below(random, 6) {
                if verb == b"HSET" || verb == b"ZADD" {
                    words.push((member + below(random, 99)).to_string().into_bytes());
                }
                let value = [format!("{member}:").into_bytes(), bytes(random, 40)];
                words.push(value.concat());
            }
        }
    }
    let mut all = vec![words];
    if number.is_multiple_of(3) {
        let at = (FAR_MS + below(random, 1_000_000)).to_string().into_bytes();
        all.push(vec![b"PEXPIREAT".to_vec(), key.to_vec(), at]);
    }
    all
}

/// The keys that `fill` makes, with their commands.
pub(crate) fn all_made(seed: u64) -> impl Iterator<Item = (Vec<u8>, Vec<Vec<Vec<u8>>>)> {
    let mut random = SplitMix64::new(seed);
    let sessions = (0..KEYS).map(|number| (number, format!("session:{number}")));
    let others = (0..OTHERS).map(|number| (number, format!("other:{number}")));
    sessions.chain(others).map(move |(number, name)| {
        let key = name.into_bytes();
        let commands = made(&key, number, &mut random);
        (key, commands)
    })
}

/// An empty server, filled anew.
pub(crate) fn fill(raw: &mut Raw, seed: u64) {
    ask(raw, &[b"FLUSHALL"]);
    let commands: Vec<Vec<Vec<u8>>> = all_made(seed).flat_map(|(_, made)| made).collect();
    run_all(raw, &commands);
}

/// Sends commands and checks that each was taken.
pub(crate) fn run_all(raw: &mut Raw, commands: &[Vec<Vec<u8>>]) -> Vec<Value> {
    let mut answers = Vec::with_capacity(commands.len());
    for some in commands.chunks(TOGETHER) {
        let mut pipeline: Pipeline<'_> = raw.pipeline();
        for words in some {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            pipeline.add(&words);
        }
        let came = pipeline.run().expect("answers");
        answers.extend(came.into_iter().map(|one| one.checked().expect("taken")));
    }
    answers
}

/// What the server has, key by key.
pub(crate) fn told(raw: &mut Raw) -> Told {
    let names = ask(raw, &[b"KEYS", b"*"]);
    let names: Vec<Vec<u8>> = (names.items().expect("names").iter())
        .map(|name| name.bytes().expect("a name").to_vec())
        .collect();
    let digests: Vec<Vec<Vec<u8>>> = names
        .iter()
        .map(|name| vec![b"DEBUG".to_vec(), b"DIGEST-VALUE".to_vec(), name.clone()])
        .collect();
    let times: Vec<Vec<Vec<u8>>> = names
        .iter()
        .map(|name| vec![b"PEXPIRETIME".to_vec(), name.clone()])
        .collect();
    let digests = run_all(raw, &digests);
    let times = run_all(raw, &times);
    let facts = digests.iter().zip(&times).map(|(digest, time)| {
        let digest = digest
            .items()
            .and_then(|items| items[0].bytes())
            .expect("a digest");
        (digest.to_vec(), time.int().expect("a time"))
    });
    names.into_iter().zip(facts).collect()
}

/// Only the keys that a delete of `session:*` is about.
pub(crate) fn sessions(told: &Told) -> Told {
    let sessions = told.iter().filter(|(key, _)| key.starts_with(b"session:"));
    sessions
        .map(|(key, facts)| (key.clone(), facts.clone()))
        .collect()
}

/// Both hold the same keys with the same values, and with the same times but for so many ms.
#[track_caller]
pub(crate) fn expect_same(before: &Told, after: &Told, slack_ms: i64, place: &str) {
    let is_same = |key: &Vec<u8>| match (before.get(key), after.get(key)) {
        (Some((value, at)), Some((other, then))) => value == other && (at - then).abs() <= slack_ms,
        _ => false,
    };
    let keys: BTreeSet<&Vec<u8>> = before.keys().chain(after.keys()).collect();
    let others: Vec<&Vec<u8>> = keys.into_iter().filter(|key| !is_same(key)).collect();
    if let Some(first) = others.first() {
        panic!(
            "{place}: {} keys differ, as {}: {:?} was, {:?} is",
            others.len(),
            first.escape_ascii(),
            before.get(*first),
            after.get(*first)
        );
    }
}

/// Where values were found.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) on_server: u64,
    pub(crate) in_file: u64,
    pub(crate) in_both: u64,
}

impl Found {
    pub(crate) fn add(&mut self, other: Self) {
        self.on_server += other.on_server;
        self.in_file += other.in_file;
        self.in_both += other.in_both;
    }
}

/// Every key is on the server as it was, or restored as it was; one that is neither is lost.
#[track_caller]
pub(crate) fn judge(before: &Told, server: &Told, restored: &Told, place: &str) -> Found {
    let mut found = Found::default();
    for (key, facts) in before {
        let name = key.escape_ascii();
        for (whose, all) in [("server", server), ("backup", restored)] {
            let is_right = all.get(key).is_none_or(|there| there == facts);
            assert!(is_right, "{place}: the {whose} has another {name}");
        }
        match (server.contains_key(key), restored.contains_key(key)) {
            (true, true) => found.in_both += 1,
            (true, false) => found.on_server += 1,
            (false, true) => found.in_file += 1,
            (false, false) => panic!("{place}: {name} is lost"),
        }
    }
    let stray = |all: &Told| all.keys().any(|key| !before.contains_key(key));
    assert!(
        !stray(server) && !stray(restored),
        "{place}: a key that was never there"
    );
    found
}

/// A server that backups are restored into, to see what is in them.
pub(crate) struct Spare {
    server: OwnedServer,
    home: Home,
}

impl Spare {
    pub(crate) fn start(program: &Program) -> Self {
        let server = server(program);
        let home = Home::with_url(&server.url());
        Self { server, home }
    }

    pub(crate) fn raw(&self) -> Raw {
        raw(&self.server)
    }

    /// All that these files bring back, the newest copy of each key; the newest file comes last. A file that was never
    /// made holds nothing.
    pub(crate) fn restored(&self, files: &[PathBuf]) -> Told {
        let mut raw = self.raw();
        ask(&mut raw, &[b"FLUSHALL"]);
        for file in files.iter().rev().filter(|file| file.exists()) {
            let file = file.to_str().expect("a path");
            let ran = (self.home)
                .run(["--budget", "off", "--json", "restore", "--yes", file])
                .expect(0)
                .json();
            assert_eq!(ran["complete"], true, "{ran}");
        }
        told(&mut raw)
    }
}

/// The arguments of a backed delete of all sessions, with the file of its place.
pub(crate) fn backed<'a>(file: &'a Path, place: &'a Path) -> Vec<&'a str> {
    let (file, place) = (file.to_str(), place.to_str());
    let flags = ["--json", "--progress", "none", "--count", "100"];
    let work = ["delete", "--yes", "session:*", "--backup"];
    let mut all = [&flags[..], &work[..]].concat();
    all.extend([
        file.expect("a path"),
        "--checkpoint",
        place.expect("a path"),
    ]);
    all
}

/// Starts a command whose few words nobody reads before its end.
pub(crate) fn started(mut command: Command) -> Child {
    command.stdin(Stdio::null()).spawn().expect("keypace runs")
}

/// What a child left that was started with `started`.
pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().expect("the child ends");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
