//! `keypace inspect` against every server program of this machine: the page at its width, the JSON, exit codes, and that
//! nothing secret is in any of it.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::io::{BufRead as _, BufReader};

use common::clusters::{clusters, lone, seed};
use common::{Home, gathered, servers, signal};
use keypace_lab::{OwnedServer, Raw};

const SECRET: &[u8] = b"hunter2secret";

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn commands(raw: &mut Raw, commands: &[&[&[u8]]]) {
    for words in commands {
        raw.command(words)
            .and_then(keypace_lab::Value::checked)
            .expect("accepted");
    }
}

/// A server that somebody has hurt, and that knows a password and a value that nobody may see.
fn hurt(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    commands(
        &mut raw,
        &[
            &[b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0"],
            &[b"CONFIG", b"SET", b"notify-keyspace-events", b"AKE"],
            &[b"CONFIG", b"SET", b"masterauth", SECRET],
            &[
                b"ACL",
                b"SETUSER",
                b"amy",
                b"on",
                b">hunter2secret",
                b"~*",
                b"+@all",
            ],
            &[b"AUTH", b"amy", SECRET],
            &[b"CLIENT", b"SETNAME", b"billing"],
            &[b"SET", b"user:12:token", SECRET],
            &[b"HSET", b"user:13", b"password", SECRET],
            &[b"KEYS", b"user:1*"],
            &[b"FLUSHDB"],
            &[b"SET", b"user:12:token", SECRET],
        ],
    );
    // The home's own login has a password too.
    commands(
        &mut raw,
        &[&[
            b"ACL",
            b"SETUSER",
            b"eye",
            b"on",
            b">hunter2secret",
            b"~*",
            b"+@all",
        ]],
    );
    Home::with_url(&server.url())
}

#[test]
fn the_page_is_for_people_and_holds_no_secret() {
    for server in servers() {
        let home = hurt(&server);
        for extra in [
            &[][..],
            &["--capabilities"],
            &["--redact"],
            &["--sample", "0"],
            &["--watch", "1ms"],
        ] {
            let mut command = home.keypace(["--user", "eye", "inspect"].iter().chain(extra));
            command.env("KEYPACE_PASSWORD", "hunter2secret");
            let ran = common::finished(command).expect(0);
            let text = ran.text();
            assert!(
                !text.contains("hunter2") && !ran.stderr.contains("hunter2"),
                "{text}\n{}",
                ran.stderr
            );
            assert!(!text.contains('\x1b'), "{text:?}");
            let is_wide = |line: &&str| line.chars().count() > 80 && !line.contains("ACL SETUSER");
            assert_eq!(text.lines().find(is_wide), None, "{text}");
            assert!(
                text.contains("keyspace-events") && text.contains("\nsettings\n"),
                "{text}"
            );
            let watched = extra.contains(&"--watch");
            assert_eq!(text.contains("KEYS was called once"), !watched, "{text}");
            assert_eq!(text.contains("watched for"), watched, "{text}");
            assert_eq!(
                text.contains("\ncapabilities\n"),
                extra.contains(&"--capabilities"),
                "{text}"
            );
            assert_eq!(text.contains("by chance"), !extra.contains(&"0"), "{text}");
            if !watched {
                assert!(
                    text.contains("flush-command") && text.contains("billing"),
                    "{text}"
                );
                assert_eq!(
                    text.contains("user:*"),
                    !extra.contains(&"--redact"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn json_is_one_object_with_everything() {
    for server in servers() {
        let home = hurt(&server);
        let ran = home.run(["--json", "inspect", "--capabilities"]).expect(0);
        assert!(!ran.text().contains("hunter2"), "{}", ran.text());
        let json = ran.json();
        assert_eq!(
            (&json["complete"], &json["since"]["kind"]),
            (&true.into(), &"start".into())
        );
        let finding = &json["findings"].as_array().expect("a list")[0];
        for field in ["id", "severity", "text", "fix"] {
            assert!(finding[field].is_string(), "{finding}");
        }
        let severities: Vec<_> = json["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|own| own["severity"].clone())
            .collect();
        assert!(
            severities
                .iter()
                .all(|own| ["high", "medium", "low"].contains(&own.as_str().expect("a word")))
        );
        let keys = json["commands"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["command"] == "keys")
            .expect("a row");
        assert_eq!(keys["calls"], 1);
        assert!(
            keys["share"].is_f64() && keys["usec_per_call"].is_f64() && keys["p99_us"].is_u64(),
            "{keys}"
        );
        let slow = json["slow"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["command"] == "KEYS")
            .expect("a row");
        assert_eq!(
            (&slow["log"], &slow["pattern"], &slow["times"]),
            (&"slow".into(), &"user:*".into(), &1.into())
        );
        assert_eq!(slow["callers"][0]["name"], "billing");
        let node = &json["nodes"][0];
        assert_eq!(
            (&node["keys"], &node["no_ttl"], &node["role"]),
            (&1.into(), &1.into(), &"primary".into())
        );
        assert_eq!(node["settings"]["notify-keyspace-events"], "AKE");
        assert_eq!(node["capabilities"]["UNLINK"], "yes");
        assert!(
            json["acl"][0]["rule"]
                .as_str()
                .is_some_and(|rule| rule.starts_with("ACL SETUSER ")),
            "{json}"
        );
        assert!(
            json["sample"]["patterns"][0]["pattern"].is_string(),
            "{json}"
        );
    }
}

#[cfg(feature = "audit")]
#[test]
fn lines_of_source_are_joined_with_what_was_logged() {
    for server in servers() {
        let home = hurt(&server);
        std::fs::create_dir(home.path("src")).expect("a folder");
        let code = "import redis\nr = redis.Redis()\n\ndef tokens(number):\n    return r.keys(f\"user:{number}*\")\n";
        std::fs::write(home.path("src/app.py"), code).expect("written");
        let path = home.path("src").display().to_string();
        let json = home
            .run(["--json", "inspect", "--with-source", &path])
            .expect(0)
            .json();
        let slow = json["slow"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["command"] == "KEYS")
            .expect("a row");
        assert_eq!(
            (&slow["sources"][0]["file"], &slow["sources"][0]["line"]),
            (&"app.py".into(), &5.into()),
            "{json}"
        );
        let text = home.run(["inspect", "--with-source", &path]).expect(0);
        assert!(text.text().contains("from: app.py:5"), "{text:?}");
        home.run(["inspect", "--with-source", "/none/such"])
            .expect(2);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_watch_with_what_was_seen() {
    for server in servers() {
        let home = hurt(&server);
        let mut child = home
            .keypace(["--json", "inspect", "--watch", "10h"])
            .spawn()
            .expect("keypace starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        let mut seen = String::new();
        stderr.read_line(&mut seen).expect("a line");
        assert!(seen.contains("watching for 10 h 00 m"), "{seen}");
        commands(&mut raw(&server), &[&[b"KEYS", b"late:*"]]);
        signal(&child, "INT");
        let json = gathered(child, seen, stderr).expect(130).json();
        assert!(json["watched_ms"].is_u64(), "{json}");
        let keys = json["commands"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["command"] == "keys")
            .expect("a row");
        assert_eq!(keys["calls"], 1);
        assert_eq!(json["findings"][0]["id"], "keys-command");
    }
}

#[test]
fn a_cluster_is_one_page_and_a_node_that_is_away_makes_it_incomplete() {
    for mut cluster in clusters(&lone()) {
        seed(&cluster);
        let home = Home::with_url(&cluster.urls()[0]);
        let ran = home.run(["inspect"]).expect(0);
        let text = ran.text();
        assert!(text.starts_with("a cluster of 3 primaries, "), "{text}");
        assert!(
            text.contains("\nnodes\n") && text.contains("12,500 keys"),
            "{text}"
        );
        let is_wide = |line: &&str| line.chars().count() > 80 && !line.contains("ACL SETUSER");
        assert_eq!(text.lines().find(is_wide), None, "{text}");
        cluster.kill(2).expect("killed");
        let ran = home
            .run(["--retries", "0", "--timeout", "1s", "inspect"])
            .expect(1);
        assert!(ran.text().contains("\nnot seen\n"), "{ran:?}");
    }
}

#[test]
fn wrong_values_end_with_2_and_nobody_there_with_3() {
    let home = Home::new();
    for (typed, says) in [
        (["inspect", "--watch", "60"], "--watch"),
        (["inspect", "--watch", "0s"], "--watch"),
        (["inspect", "--sample", "many"], "--sample"),
        (["inspect", "--checkpoint", "c"], "--checkpoint"),
    ] {
        home.run(typed).expect(2).says(&[says]);
    }
    let url = common::clusters::dead_url();
    Home::with_url(&url).run(["inspect"]).expect(3);
}
