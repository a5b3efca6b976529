//! A client that writes to a tenth of the keys while they are deleted with a backup: whatever the server told it is there,
//! and it did not replace or delete itself, is on the server or in the backup. Knows nothing of other faults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use keypace::Backup;
use keypace_lab::seed::SplitMix64;
use keypace_lab::{Program, Raw, Value};

use crate::common::copies::{
    KEYS, LOOK_PAUSE, OTHERS, Spare, Told, ask, backed, below, dbsize, ended, fill, judge,
    programs, random, raw, server, started, told,
};
use crate::common::{Home, Ran};

/// One of ten that there are then.
const HOT_KEYS: u64 = KEYS / 9;
/// Fields of a hash that the client writes to.
const FIELDS: u64 = 4;
/// One of so many commands deletes.
const DELETES: u64 = 40;

/// How the client writes to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Set,
    Append,
    Hash,
    List,
}

const FORMS: [Form; 4] = [Form::Set, Form::Append, Form::Hash, Form::List];

fn form_of(number: u64) -> Form {
    FORMS[usize::try_from(number % 4).expect("one of four")]
}

fn name_of(number: u64) -> Vec<u8> {
    format!("session:hot:{number}").into_bytes()
}

/// A client on a connection of its own.
struct Writer {
    raw: Raw,
    random: SplitMix64,
    written: u64,
    /// Of each key the tokens that are there as far as the client was told; a hash's by field.
    owed: BTreeMap<u64, BTreeMap<u64, Vec<u8>>>,
}

impl Writer {
    /// Every key has been written to.
    fn new(raw: Raw, seed: u64) -> Self {
        let mut writer = Self {
            raw,
            random: SplitMix64::new(seed),
            written: 0,
            owed: BTreeMap::new(),
        };
        (0..HOT_KEYS).for_each(|number| writer.write(number));
        writer
    }

    fn run(mut self, is_over: &AtomicBool) -> Self {
        while !is_over.load(Ordering::Relaxed) {
            let number = below(&mut self.random, HOT_KEYS);
            if below(&mut self.random, DELETES) == 0 {
                ask(&mut self.raw, &[b"DEL", &name_of(number)]);
                self.owed.remove(&number);
            } else {
                self.write(number);
            }
        }
        self
    }

    /// A token that was never written before; once the server has answered, it is owed.
    fn write(&mut self, number: u64) {
        self.written += 1;
        let token = format!("w{};", self.written).into_bytes();
        let name = name_of(number);
        let owed = self.owed.entry(number).or_default();
        let (verb, place): (&[u8], u64) = match form_of(number) {
            Form::Set => (b"SET", 0),
            Form::Append => (b"APPEND", self.written),
            Form::Hash => (b"HSET", self.random.next() % FIELDS),
            Form::List => (b"RPUSH", self.written),
        };
        let field = place.to_string();
        let mut words: Vec<&[u8]> = vec![verb, &name];
        if verb == b"HSET" {
            words.push(field.as_bytes());
        }
        words.push(&token);
        ask(&mut self.raw, &words);
        owed.insert(place, token);
    }
}

/// The tokens in a key's value, of whatever type.
fn tokens(raw: &mut Raw, key: &[u8]) -> BTreeSet<Vec<u8>> {
    let kind = ask(raw, &[b"TYPE", key]);
    let value = match kind.bytes() {
        Some(b"string") => ask(raw, &[b"GET", key]),
        Some(b"hash") => ask(raw, &[b"HVALS", key]),
        Some(b"list") => ask(raw, &[b"LRANGE", key, b"0", b"-1"]),
        _ => return BTreeSet::new(),
    };
    let parts: Vec<&[u8]> = match &value {
        Value::Array(Some(items)) => items.iter().filter_map(Value::bytes).collect(),
        text => text.bytes().into_iter().collect(),
    };
    parts
        .iter()
        .flat_map(|part| part.split_inclusive(|byte| *byte == b';'))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The tokens of every copy of each hot key in the file, oldest first.
fn copies(spare: &mut Raw, file: &Path) -> BTreeMap<Vec<u8>, Vec<BTreeSet<Vec<u8>>>> {
    let index = Backup::open(file)
        .and_then(Backup::index)
        .expect("a backup");
    let mut copies: BTreeMap<Vec<u8>, Vec<BTreeSet<Vec<u8>>>> = BTreeMap::new();
    for nth in 0..index.blocks() {
        for saved in index.block(nth).expect("a block") {
            let key = saved.key().as_bytes().to_vec();
            if key.starts_with(b"session:hot:") {
                ask(
                    spare,
                    &[b"RESTORE", b"copy", b"0", &saved.payload(), b"REPLACE"],
                );
                copies.entry(key).or_default().push(tokens(spare, b"copy"));
            }
        }
    }
    copies
}

/// Where the tokens that are owed were found.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "some are only printed")]
struct Figures {
    written: u64,
    owed: u64,
    on_server: u64,
    newest: u64,
    /// Of a value that was deleted, and written to anew, and deleted again.
    older: u64,
    skipped: u64,
}

/// How the delete goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Full,
    Budget,
    /// Killed when half of the keys are gone, and taken up again.
    Killed,
}

fn trial(program: &Program, random: &mut SplitMix64, how: Run) -> Figures {
    let place = format!("{}, {how:?}", program.label());
    let (server, spare) = (server(program), Spare::start(program));
    let mut own = raw(&server);
    fill(&mut own, random.next());
    let before = told(&mut own);
    let home = Home::with_url(&server.url());
    let (file, saved) = (home.path("run.kpb"), home.path("run.ckpt"));
    let work = backed(&file, &saved);
    let writer = Writer::new(raw(&server), random.next());
    let is_over = AtomicBool::new(false);
    let (writer, ran) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| writer.run(&is_over));
        let ran = delete(&home, &work, &mut own, how);
        is_over.store(true, Ordering::Relaxed);
        (writing.join().expect("the client writes on"), ran)
    });
    let summary = ran.expect(0).json();
    assert_eq!(summary["complete"], true, "{place}: {summary}");
    assert_eq!(summary["failed"], 0, "{place}: {summary}");

    let restored = spare.restored(std::slice::from_ref(&file));
    let cold = |told: &Told| -> Told {
        let cold = told
            .iter()
            .filter(|(key, _)| !key.starts_with(b"session:hot:"));
        cold.map(|(key, facts)| (key.clone(), facts.clone()))
            .collect()
    };
    let left = told(&mut own);
    assert_eq!(cold(&left).len() as u64, OTHERS, "{place}");
    judge(
        &before,
        &cold(&left),
        &both(&cold(&restored), &cold(&left)),
        &place,
    );
    let mut figures = Figures {
        written: writer.written,
        skipped: summary["skipped"].as_u64().expect("a number"),
        ..Figures::default()
    };
    let mut there = spare.raw();
    let newest: BTreeMap<u64, BTreeSet<Vec<u8>>> = (writer.owed.keys())
        .map(|number| (*number, tokens(&mut there, &name_of(*number))))
        .collect();
    let copies = copies(&mut there, &file);
    for (number, owed) in &writer.owed {
        let name = name_of(*number);
        let on_server = tokens(&mut own, &name);
        for token in owed.values() {
            figures.owed += 1;
            if on_server.contains(token) {
                figures.on_server += 1;
            } else if newest[number].contains(token) {
                figures.newest += 1;
            } else {
                let all = copies.get(&name).map_or(&[][..], Vec::as_slice);
                let is_older = all.iter().any(|copy| copy.contains(token));
                let form = form_of(*number);
                // Only what is added to may be in a copy that is not the newest.
                assert!(
                    form != Form::Set && is_older,
                    "{place}: {} of {} is lost: {form:?}, {on_server:?} on the server, {} copies",
                    token.escape_ascii(),
                    name.escape_ascii(),
                    all.len()
                );
                figures.older += 1;
            }
        }
    }
    figures
}

fn both(one: &Told, other: &Told) -> Told {
    let all = one.iter().chain(other);
    all.map(|(key, facts)| (key.clone(), facts.clone()))
        .collect()
}

fn delete(home: &Home, work: &[&str], raw: &mut Raw, how: Run) -> Ran {
    let flags: &[&str] = match how {
        Run::Full => &["--budget", "off"],
        Run::Budget => &["--budget", "10ms"],
        // Held back, so that its place is saved on the way.
        Run::Killed => &["--budget", "off", "--rate", "1800"],
    };
    let mut child = started(home.keypace([flags, work].concat()));
    if how != Run::Killed {
        return ended(child);
    }
    while dbsize(raw) > OTHERS + HOT_KEYS + KEYS * 2 / 5 {
        assert!(child.try_wait().expect("ours").is_none(), "ended early");
        std::thread::sleep(LOOK_PAUSE);
    }
    child.kill().expect("a process of ours");
    ended(child);
    let place = home.path("run.ckpt");
    let place = place.to_str().expect("a path");
    home.run([&["--budget", "off"], work, &["--resume", place]].concat())
}

#[test]
fn what_a_client_writes_meanwhile_is_on_the_server_or_in_the_backup() {
    let mut random = random();
    for program in &programs() {
        for how in [Run::Full, Run::Budget, Run::Killed] {
            let figures = trial(program, &mut random, how);
            println!("{}, {how:?}: {figures:?}, none lost", program.label());
            assert!(figures.on_server > 0 && figures.newest > 0, "{figures:?}");
        }
    }
}
