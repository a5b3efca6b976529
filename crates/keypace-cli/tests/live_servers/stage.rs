//! A server of one version with a keyspace that is known, and keypace at it. Judges nothing.

use std::collections::BTreeMap;

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, Value};
use serde_json::Value as Json;

use crate::common::{Home, Ran};

/// What a key is: its type, and whether it expires.
pub(crate) type Model = BTreeMap<Vec<u8>, (&'static str, bool)>;

/// Keys of each type.
const KEYS: usize = 120;

pub(crate) struct Stage {
    server: OwnedServer,
    home: Home,
    raw: Raw,
}

impl Stage {
    pub(crate) fn new(program: &Program) -> Self {
        let server = OwnedServer::start(program, ServerOptions::default()).expect("a server");
        let home = Home::with_url(&server.url());
        let raw = Raw::connect(server.endpoint()).expect("a connection");
        Self { server, home, raw }
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// What the program calls itself: name and version.
    pub(crate) fn label(&self) -> String {
        self.server.program().label()
    }

    pub(crate) fn program(&self) -> &Program {
        self.server.program()
    }

    /// keypace at this server.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(arguments)
    }

    /// What `count --json` counts with these arguments.
    pub(crate) fn counted(&self, arguments: &[&str]) -> u64 {
        let all = [&["--json", "count"], arguments].concat();
        let json = self.run(&all).expect(0).json();
        assert_eq!(json["complete"], true, "{json}");
        json["matched"].as_u64().expect("a number")
    }

    /// Names that `scan` writes, sorted.
    pub(crate) fn scanned(&self, arguments: &[&str]) -> Vec<Vec<u8>> {
        // Small pages, so that there are many.
        let words = [&["--count", "10", "scan", "-0"], arguments].concat();
        let ran = self.run(&words).expect(0);
        let names = ran.stdout.split(|byte| *byte == 0);
        let mut names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
        assert_eq!(names.pop(), Some(Vec::new()), "a NUL ends each name");
        names.sort();
        names
    }

    /// One command that has to succeed.
    pub(crate) fn say(&mut self, words: &[&[u8]]) -> Value {
        self.ask(words).checked().expect("accepted")
    }

    /// One command that may be refused.
    pub(crate) fn ask(&mut self, words: &[&[u8]]) -> Value {
        self.raw.command(words).expect("an answer")
    }

    pub(crate) fn keys_left(&mut self) -> i64 {
        self.say(&[b"DBSIZE"]).int().expect("a number")
    }

    /// How often a command was called since `forget`.
    pub(crate) fn calls(&mut self, command: &str) -> u64 {
        let stats = self.raw.info("commandstats").expect("INFO");
        let whole = format!("cmdstat_{command}");
        let part = format!("cmdstat_{command}|");
        let of_command = |field: &str| field == whole || field.starts_with(&part);
        let calls = |value: &str| -> Option<u64> {
            value
                .strip_prefix("calls=")?
                .split(',')
                .next()?
                .parse()
                .ok()
        };
        let counts = stats.iter().filter(|(field, _)| of_command(field));
        counts.filter_map(|(_, value)| calls(value)).sum()
    }

    pub(crate) fn forget(&mut self) {
        self.say(&[b"CONFIG", b"RESETSTAT"]);
    }

    /// Keys of every type that all versions have; every third string expires, and one name is no text.
    pub(crate) fn seed(&mut self) -> Model {
        let mut model = Model::new();
        let mut pipeline = self.raw.pipeline();
        for n in 0..KEYS {
            let name = |kind: &str| format!("{kind}:{n}").into_bytes();
            let expires = n % 3 == 0;
            let mut string: Vec<Vec<u8>> = vec![b"SET".to_vec(), name("string"), b"value".to_vec()];
            if expires {
                string.extend([b"EX".to_vec(), b"1000".to_vec()]);
            }
            model.insert(name("string"), ("string", expires));
            let mut writes = vec![string];
            for (command, kind) in [
                ("RPUSH list a b c", "list"),
                ("HSET hash field value", "hash"),
                ("SADD set a b c", "set"),
                ("ZADD zset 1 a 2 b", "zset"),
            ] {
                let mut words: Vec<Vec<u8>> = command
                    .split(' ')
                    .map(|word| word.as_bytes().to_vec())
                    .collect();
                words[1] = name(kind);
                writes.push(words);
                model.insert(name(kind), (kind, false));
            }
            for words in &writes {
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                pipeline.add(&words);
            }
        }
        pipeline.add(&[b"SET", b"string:\xff\n", b"value"]);
        model.insert(b"string:\xff\n".to_vec(), ("string", false));
        for answer in pipeline.run().expect("answers") {
            answer.checked().expect("accepted");
        }
        model
    }

    /// What a key holds, in an order that doesn't depend on how.
    pub(crate) fn content(&mut self, key: &[u8], kind: &str) -> Vec<Vec<u8>> {
        let words: Vec<&[u8]> = match kind {
            "string" => vec![b"GET", key],
            "list" => vec![b"LRANGE", key, b"0", b"-1"],
            "hash" => vec![b"HGETALL", key],
            "set" => vec![b"SMEMBERS", key],
            "zset" => vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
            other => panic!("no such type: {other}"),
        };
        let answer = self.say(&words);
        let parts = match answer.items() {
            Some(items) => items.to_vec(),
            None => vec![answer],
        };
        let mut parts: Vec<Vec<u8>> = parts
            .iter()
            .filter_map(Value::bytes)
            .map(<[u8]>::to_vec)
            .collect();
        if kind == "set" {
            parts.sort();
        }
        parts
    }

    /// The summary of a command that ends with one.
    pub(crate) fn summary(&self, arguments: &[&str]) -> Json {
        let all = [&["--json"], arguments].concat();
        let json = self.run(&all).expect(0).json();
        assert_eq!(json["complete"], true, "{json}");
        json
    }
}
