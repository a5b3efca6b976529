//! What the commands write, against every server program of this machine: keys as bytes, JSON in the shapes that callers
//! rely on, accounts that add up. Each test has servers of its own.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Stdio;

use common::{Home, Ran, servers};
use keypace_lab::{OwnedServer, Raw, seed};
use serde_json::{Value, json};

/// Names that a line of text can't hold safely.
const ODD: [&[u8]; 7] = [
    b"odd:a b",
    b"odd:line\nbreak",
    b"odd:nul\0byte",
    b"odd:\xff\xfe",
    b"odd:\x1b[2J",
    b"odd:'\"\\",
    b"odd:*[a]?",
];

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn with_odd_keys(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    for name in ODD {
        raw.command(&[b"SET", name, b"x"]).expect("SET");
    }
    Home::with_url(&server.url())
}

fn with_sessions(server: &OwnedServer, number: u64) -> Home {
    seed::strings(&mut raw(server), b"session:", 0..number, 8).expect("seed");
    Home::with_url(&server.url())
}

fn dbsize(server: &OwnedServer) -> i64 {
    let reply = raw(server).command(&[b"DBSIZE"]).expect("DBSIZE");
    reply.int().expect("a number")
}

/// The names of an object's fields, and those of the objects in it, as `a`, `a.b`, `a[].b`.
fn shape(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, at: &str, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let at = if at.is_empty() {
                        name.clone()
                    } else {
                        format!("{at}.{name}")
                    };
                    names.insert(at.clone());
                    walk(field, &at, names);
                }
            }
            Value::Array(items) => items
                .iter()
                .for_each(|item| walk(item, &format!("{at}[]"), names)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut names = BTreeSet::new();
    walk(value, "", &mut names);
    names
}

#[track_caller]
fn assert_has(value: &Value, names: &[&str]) {
    let found = shape(value);
    for name in names {
        assert!(found.contains(*name), "{name} is not in {value}");
    }
}

const SUMMARY: [&str; 38] = [
    "command",
    "dry_run",
    "complete",
    "limited",
    "matched",
    "deleted",
    "already_gone",
    "skipped",
    "failed",
    "unknown",
    "would_delete",
    "elapsed_ms",
    "by_pattern",
    "by_pattern[].pattern",
    "by_pattern[].matched",
    "by_pattern[].deleted",
    "shards",
    "shards[].node",
    "shards[].complete",
    "shards[].matched",
    "shards[].calls",
    "shards[].lanes",
    "shards[].restarts",
    "pace",
    "pace.budget_us",
    "pace.count_median",
    "pace.count_max",
    "pace.canary_p50_us",
    "pace.canary_p99_us",
    "pace.canary_max_us",
    "pace.over_budget",
    "pace.paused_ms",
    "pace.paused_ms.latency",
    "pace.paused_ms.replica",
    "pace.paused_ms.memory",
    "pace.paused_ms.lazyfree",
    "errors",
    "elapsed_ms",
];

const PROGRESS: [&str; 16] = [
    "state",
    "share",
    "scanned",
    "matched",
    "deleted",
    "failed",
    "keys_per_s",
    "eta_ms",
    "paused_for",
    "nodes",
    "nodes[].node",
    "nodes[].share",
    "nodes[].count",
    "nodes[].canary_p50_us",
    "nodes[].canary_p99_us",
    "state",
];

#[track_caller]
fn number(value: &Value, name: &str) -> u64 {
    value[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} of {value}"))
}

#[test]
fn odd_names_are_bytes_from_the_server_to_stdout() {
    for server in servers() {
        let home = with_odd_keys(&server);
        let ran = home.run(["scan", "-0", "odd:*"]).expect(0);
        let found: BTreeSet<&[u8]> = ran
            .stdout
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .collect();
        // The one with a NUL in it is cut by the very separator; all others come whole.
        for name in ODD.iter().filter(|name| !name.contains(&0)) {
            assert!(found.contains(name), "{name:?} on {}", server.url());
        }
        let ran = home.run(["--json", "scan", "odd:*"]).expect(0);
        let lines: Vec<Value> = ran
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.len(), ODD.len() + 1);
        assert!(lines.contains(&json!({"key": "odd:nul\u{0}byte"})));
        assert!(lines.contains(&json!({"key": "odd:line\nbreak"})));
        assert!(lines.contains(&json!({"key_b64": "b2RkOv/+"})));
        let last = lines.last().expect("a last line");
        assert_has(&last["summary"], &SUMMARY);
        assert_eq!(number(&last["summary"], "matched"), ODD.len() as u64);
    }
}

#[cfg(unix)]
#[test]
fn a_pattern_of_any_bytes_selects_and_deletes_just_those() {
    use std::os::unix::ffi::OsStringExt as _;
    for server in servers() {
        let home = with_odd_keys(&server);
        let pattern = OsString::from_vec(b"odd:\xff*".to_vec());
        let ran = home
            .run([OsString::from("delete"), "--yes".into(), pattern])
            .expect(0);
        assert!(
            ran.text().starts_with("deleted 1 of 1 matched key"),
            "{ran:?}"
        );
        assert_eq!(dbsize(&server), ODD.len() as i64 - 1);
        home.run(["delete", "--yes", "odd:*"]).expect(0);
        assert_eq!(
            dbsize(&server),
            0,
            "spaces, newlines, NULs and quotes are no obstacle"
        );
    }
}

#[test]
fn count_writes_a_number_a_table_or_a_summary() {
    for server in servers() {
        let home = with_sessions(&server, 5_000);
        seed::strings(&mut raw(&server), b"cache:page:", 0..700, 8).expect("seed");
        assert_eq!(home.run(["count", "session:*"]).expect(0).text(), "5000\n");
        assert_eq!(
            home.run(["count", "--exclude", "session:1*", "session:*"])
                .expect(0)
                .text(),
            "3889\n"
        );
        assert_eq!(
            home.run(["count", "--type", "hash", "session:*"])
                .expect(0)
                .text(),
            "0\n"
        );
        assert_eq!(
            home.run(["count", "cache:*", "none:*", "session:*"])
                .expect(0)
                .text(),
            "session:*  5000\ncache:*     700\nnone:*        0\ntotal      5700\n"
        );
        assert_eq!(
            home.run(["count", "--by-prefix", "1", "*"])
                .expect(0)
                .text(),
            "session:  5000\ncache:     700\ntotal     5700\n"
        );
        let ran = home
            .run(["count", "--json", "--by-prefix", "2", "*"])
            .expect(0);
        let summary = ran.json();
        assert_has(&summary, &SUMMARY);
        assert_has(
            &summary,
            &["prefixes", "prefixes[].prefix", "prefixes[].matched"],
        );
        assert_eq!(summary["command"], "count");
        assert_eq!(number(&summary, "matched"), 5_700);
        let limited = home
            .run(["--json", "count", "--limit", "10", "*"])
            .expect(0)
            .says(&["--limit"])
            .json();
        assert_eq!(limited["limited"], true);
        assert_eq!(limited["complete"], true);
        assert_eq!(number(&limited, "matched"), 10);
    }
}

#[test]
fn a_delete_accounts_for_every_key_and_a_dry_run_deletes_none() {
    for server in servers() {
        let home = with_sessions(&server, 3_000);
        let dry = home
            .run(["--json", "delete", "--dry-run", "session:*"])
            .expect(0)
            .json();
        assert_has(&dry, &SUMMARY);
        assert_eq!(dry["dry_run"], true);
        assert_eq!(
            number(&dry, "matched"),
            number(&dry, "would_delete") + number(&dry, "skipped")
        );
        assert_eq!(number(&dry, "would_delete"), 3_000);
        let shown = home.run(["delete", "--dry-run", "session:*"]).expect(0);
        assert!(
            shown.text().starts_with(
                "would delete 3,000 keys, 100 % of the 3,000 there; nothing was deleted"
            )
        );
        assert_eq!(dbsize(&server), 3_000);

        let limited = home
            .run(["--json", "delete", "--yes", "--limit", "100", "session:*"])
            .expect(0)
            .json();
        assert_eq!(number(&limited, "deleted"), 100);
        assert_eq!(dbsize(&server), 2_900);

        let capped = home
            .run([
                "--json",
                "delete",
                "--yes",
                "--max-delete",
                "50",
                "session:*",
            ])
            .expect(1)
            .json();
        assert_eq!(capped["complete"], false);
        assert!(number(&capped, "deleted") <= 50, "{capped}");

        let done = home
            .run(["--json", "delete", "--yes", "session:*"])
            .expect(0)
            .json();
        let sum: u64 = ["deleted", "already_gone", "skipped", "failed", "unknown"]
            .iter()
            .map(|name| number(&done, name))
            .sum();
        assert_eq!(number(&done, "matched"), sum);
        assert_eq!(done["complete"], true);
        assert_eq!(dbsize(&server), 0);
    }
}

#[test]
fn a_catch_all_needs_all_besides_yes() {
    for server in servers() {
        let home = with_sessions(&server, 50);
        for pattern in ["*", "**", "?*", "[^]*"] {
            home.run(["delete", "--yes", pattern])
                .expect(4)
                .says(&["every key", "--all"]);
        }
        assert_eq!(dbsize(&server), 50);
        home.run(["delete", "--yes", "--all", "*"]).expect(0);
        assert_eq!(dbsize(&server), 0);
    }
}

#[test]
fn progress_is_json_lines_with_every_field() {
    for server in servers() {
        let home = with_sessions(&server, 2_000);
        let ran = home
            .run(["--progress", "json", "count", "session:*"])
            .expect(0);
        let lines: Vec<Value> = ran
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert!(lines.len() >= 2, "one at once and one at the end");
        lines.iter().for_each(|line| assert_has(line, &PROGRESS));
        let last = lines.last().expect("a last line");
        assert_eq!(last["state"], "done");
        assert_eq!(last["share"], 1.0);
        assert_eq!(number(last, "matched"), 2_000);
    }
}

#[test]
fn quiet_runs_write_nothing_to_stderr() {
    for server in servers() {
        let home = with_sessions(&server, 2_000);
        for arguments in [
            &["scan", "session:*"][..],
            &["count", "session:*"],
            &["delete", "--yes", "session:1*"],
        ] {
            let Ran { stderr, .. } = home.run(arguments).expect(0);
            assert_eq!(stderr, "", "{arguments:?}");
        }
    }
}

#[test]
fn a_reader_that_leaves_early_ends_the_run_quietly() {
    use std::io::{BufRead as _, BufReader, Read as _};
    for server in servers() {
        let home = with_sessions(&server, 200_000);
        let mut child = home
            .keypace(["scan", "session:*"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("keypace starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        stdout.read_line(&mut line).expect("a key");
        assert!(line.starts_with("session:"), "{line}");
        drop(stdout);
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .expect("stderr")
            .read_to_string(&mut stderr)
            .expect("stderr");
        assert_eq!(child.wait().expect("the end").code(), Some(0));
        assert_eq!(stderr, "");
    }
}

#[test]
fn wrong_passwords_and_missing_rights_are_3_with_the_rule_to_add() {
    for server in servers() {
        let home = with_sessions(&server, 10);
        raw(&server)
            .command(&[
                b"ACL", b"SETUSER", b"amy", b"on", b">right", b"~*", b"+@all", b"-dbsize",
            ])
            .expect("ACL");
        let as_amy = |password: &str| {
            let mut command = home.keypace(["--user", "amy", "count", "session:*"]);
            command.env("KEYPACE_PASSWORD", password);
            common::finished(command)
        };
        as_amy("wrong").expect(3).says(&["WRONGPASS", "hint: "]);
        as_amy("right")
            .expect(3)
            .says(&["NOPERM", "dbsize", "+dbsize"]);
    }
}

#[test]
fn flags_outrank_the_environment_which_outranks_the_file() {
    for server in servers() {
        let home = with_sessions(&server, 10);
        let file = home.path("settings.toml");
        std::fs::write(
            &file,
            "url = \"redis://nowhere.invalid\"\nbudget = \"3ms\"\ncount = 7\n",
        )
        .expect("write");
        let file = file.to_str().expect("a path");
        let pace = |arguments: &[&str]| {
            let all = [
                &["--config", file, "--json", "count", "session:*"],
                arguments,
            ]
            .concat();
            home.run(all).expect(0).json()["pace"].clone()
        };
        assert_eq!(
            pace(&[])["budget_us"],
            3_000,
            "the environment's URL, the file's budget"
        );
        assert_eq!(pace(&[])["count_max"], 7);
        assert_eq!(
            pace(&["--budget", "250us", "--count", "9"])["budget_us"],
            250
        );
        assert_eq!(pace(&["--budget", "off", "--count", "9"])["count_max"], 9);
        assert_eq!(pace(&["--budget", "off"])["budget_us"], Value::Null);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_is_1() {
    for server in servers() {
        let home = with_sessions(&server, 1_000);
        for arguments in [&["scan", "session:*"][..], &["count", "session:*"]] {
            let full = std::fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .expect("/dev/full");
            let mut command = home.keypace(arguments);
            command.stdout(full);
            common::finished(command)
                .expect(1)
                .says(&["failed to write the output", "no space left"]);
        }
    }
}
