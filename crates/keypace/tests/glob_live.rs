//! `Pattern::matches` against live servers: millions of random (pattern, key) pairs, each a private server's own answer.
//! It needs a server program and fails without one; what it says of a mismatch reproduces it.

use std::collections::HashSet;
use std::env;
use std::hash::{BuildHasher, RandomState};

use keypace::{Key, Pattern};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, Value};

/// Every byte that means something in a pattern, a few that don't, and the awkward ones: NUL, newline, above 0x7f.
const ALPHABET: &[u8] = b"aabbc*?[]^-\\:{}/\x00\n\x80\xff";
/// With `PATTERNS` this makes 3.6 million pairs a server, in a second or two.
const KEYS: usize = 3000;
const PATTERNS: usize = 1200;
/// Each so many patterns go through `SCAN ... MATCH` as well: a full walk costs more than `KEYS`, and shares its matching.
const SCANNED_ONE_IN: usize = 10;
/// Patterns that have some keys and not all; with fewer the patterns were too strange, and the test would prove little.
const MIN_TELLING_PATTERNS: usize = PATTERNS / 3;
/// Replays a run: the seed that a failure printed.
const SEED_VARIABLE: &str = "KEYPACE_SEED";

/// Splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("64 bits");
        usize::try_from(self.next() % bound).expect("less than a usize")
    }

    fn byte(&mut self) -> u8 {
        ALPHABET[self.below(ALPHABET.len())]
    }

    fn bytes(&mut self, lengths: std::ops::RangeInclusive<usize>) -> Vec<u8> {
        let length = lengths.start() + self.below(lengths.end() - lengths.start() + 1);
        (0..length).map(|_| self.byte()).collect()
    }

    /// A pattern that was a key once: without these, long keys would hardly ever match.
    fn pattern_like(&mut self, key: &[u8]) -> Vec<u8> {
        let mut pattern = Vec::new();
        for byte in key {
            match self.below(10) {
                0 => pattern.push(b'?'),
                1 => pattern.push(b'*'),
                2 => pattern.extend([b'*', *byte]),
                3 | 4 => pattern.extend([b'\\', *byte]),
                5 | 6 => {
                    pattern.push(b'[');
                    pattern.extend(self.bytes(0..=3));
                    pattern.push(*byte);
                    pattern.extend(self.bytes(0..=2));
                    pattern.push(b']');
                }
                _ => pattern.push(*byte),
            }
        }
        pattern
    }

    fn pattern(&mut self, keys: &[Vec<u8>]) -> Vec<u8> {
        if self.below(2) == 0 {
            return self.bytes(1..=8);
        }
        let key = self.below(keys.len());
        self.pattern_like(&keys[key])
    }
}

/// A new seed each run, so that runs add up; a failure prints it.
fn seed() -> u64 {
    match env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().expect("the seed is a number"),
        Err(_) => RandomState::new().hash_one(0),
    }
}

/// A private server with random keys, and what it is asked with.
struct Trial {
    name: String,
    seed: u64,
    random: Random,
    keys: Vec<Vec<u8>>,
    raw: Raw,
    // Last, so that the connection is closed before its server goes.
    _server: OwnedServer,
}

impl Trial {
    fn start(program: &Program) -> Self {
        let seed = seed();
        let server = OwnedServer::start(program, ServerOptions::default()).expect("a server");
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let mut random = Random(seed);
        // The empty key and all short ones are few and are where servers have their special cases.
        let mut keys: HashSet<Vec<u8>> = ALPHABET.iter().map(|byte| vec![*byte]).collect();
        keys.insert(Vec::new());
        while keys.len() < KEYS {
            keys.insert(random.bytes(1..=7));
        }
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort();
        let mut words: Vec<&[u8]> = vec![b"MSET"];
        words.extend(keys.iter().flat_map(|key| [key.as_slice(), b"1"]));
        let stored = raw.command(&words).expect("a reply");
        assert_eq!(stored, Value::Simple("OK".to_owned()));
        let name = program.label();
        Self {
            name,
            seed,
            random,
            keys,
            raw,
            _server: server,
        }
    }

    fn ask_keys(&mut self, pattern: &[u8]) -> HashSet<Vec<u8>> {
        names(&self.raw.command(&[b"KEYS", pattern]).expect("a reply"))
    }

    fn ask_scan(&mut self, pattern: &[u8]) -> HashSet<Vec<u8>> {
        let mut found = HashSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let reply = self
                .raw
                .command(&[b"SCAN", &cursor, b"MATCH", pattern, b"COUNT", b"500"])
                .expect("a reply");
            let Some([next, page]) = reply.items() else {
                panic!("no SCAN reply: {reply:?}")
            };
            found.extend(names(page));
            cursor = next.bytes().expect("a cursor").to_vec();
            if cursor == b"0" {
                return found;
            }
        }
    }

    /// Compares a server's answer with ours over all keys; returns how many matched.
    fn compare(&self, pattern: &Pattern, command: &str, returned: &HashSet<Vec<u8>>) -> usize {
        for key in &self.keys {
            assert_eq!(
                pattern.matches(key),
                returned.contains(key),
                "matches({}) (left) and {command} {pattern} of {} (right) differ; {SEED_VARIABLE}={}",
                Key::new(key.clone()).escaped(),
                self.name,
                self.seed,
            );
        }
        returned.len()
    }
}

fn names(reply: &Value) -> HashSet<Vec<u8>> {
    let items = reply
        .items()
        .unwrap_or_else(|| panic!("no list of keys: {reply:?}"));
    items
        .iter()
        .map(|item| item.bytes().expect("a name").to_vec())
        .collect()
}

/// All server programs of this machine; with none the test fails with the text that says how to get one.
fn programs() -> Vec<Program> {
    let programs = Program::all();
    if programs.is_empty() {
        panic!(
            "{:?}",
            Program::find().expect_err("none was found a moment ago")
        );
    }
    programs
}

#[test]
fn random_patterns_match_what_servers_match() {
    for program in programs() {
        let mut trial = Trial::start(&program);
        let (mut asked, mut matched, mut telling) = (0, 0, 0);
        while asked < PATTERNS {
            // What the guard refuses is never sent, so it needs no meaning.
            let Ok(pattern) = Pattern::new(trial.random.pattern(&trial.keys)) else {
                continue;
            };
            let returned = trial.ask_keys(pattern.as_bytes());
            let found = trial.compare(&pattern, "KEYS", &returned);
            matched += found;
            telling += usize::from((1..trial.keys.len()).contains(&found));
            if asked % SCANNED_ONE_IN == 0 {
                let returned = trial.ask_scan(pattern.as_bytes());
                trial.compare(&pattern, "SCAN MATCH", &returned);
            }
            asked += 1;
        }
        let (name, seed) = (&trial.name, trial.seed);
        let pairs = asked * trial.keys.len();
        println!(
            "{name}: {pairs} pairs, {matched} matched; {telling} of {asked} patterns telling; {SEED_VARIABLE}={seed}"
        );
        assert!(
            telling >= MIN_TELLING_PATTERNS,
            "{name}: only {telling} of {asked} patterns were telling; {SEED_VARIABLE}={seed}"
        );
    }
}

#[test]
fn literals_and_prefixes_reach_exactly_their_keys() {
    for program in programs() {
        let mut trial = Trial::start(&program);
        for key in trial.keys.clone() {
            let of_literal = trial.ask_keys(Pattern::literal(&key).as_bytes());
            let prefix = Pattern::prefix(&key);
            let of_prefix = trial.ask_keys(prefix.as_bytes());
            let told = Key::new(key.clone());
            let (told, name, seed) = (told.escaped(), &trial.name, trial.seed);
            assert_eq!(
                of_literal,
                HashSet::from([key.clone()]),
                "{told} on {name}; {SEED_VARIABLE}={seed}"
            );
            let begin_so = trial
                .keys
                .iter()
                .filter(|other| other.starts_with(&key))
                .cloned()
                .collect();
            assert_eq!(
                of_prefix, begin_so,
                "{prefix} on {name}; {SEED_VARIABLE}={seed}"
            );
        }
    }
}
