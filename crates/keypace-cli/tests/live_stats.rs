//! `keypace stats` against every server program of this machine: the JSON that callers rely on, the table at its width,
//! and what is refused.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use common::{Home, servers};
use keypace_lab::{OwnedServer, Raw, seed};

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn seeded(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    seed::strings(&mut raw, b"session:", 0..3_000, 8).expect("seed");
    for words in [
        &[&b"SADD"[..], b"tags:a/b", b"x", b"y"][..],
        &[b"SET", b"\xff\x1b[2J", b"x"],
        &[b"SET", b"soon:1", b"x", b"EX", b"500"],
    ] {
        raw.command(words).expect("seed");
    }
    Home::with_url(&server.url())
}

#[test]
fn json_has_the_shape_that_callers_rely_on() {
    for server in servers() {
        let home = seeded(&server);
        let ran = home.run(["--json", "stats"]).expect(0);
        let json = ran.json();
        assert_eq!(
            (&json["complete"], &json["keys"]),
            (&true.into(), &3_003.into()),
            "{json}"
        );
        assert!(
            json["bytes"].as_u64().is_some_and(|bytes| bytes > 100_000),
            "{json}"
        );
        assert_eq!(json["bytes_error"], 0);
        let rows = json["prefixes"].as_array().expect("rows");
        assert_eq!(rows[0]["prefix"], "session:");
        assert_eq!(
            (&rows[0]["keys"], &rows[0]["no_ttl"]),
            (&3_000.into(), &3_000.into())
        );
        assert_eq!(rows[0]["types"], serde_json::json!({"string": 3_000}));
        assert_eq!(rows[0]["idle_seconds"], serde_json::json!({"60": 3_000}));
        let soon = rows
            .iter()
            .find(|row| row["prefix"] == "soon:")
            .expect("a row");
        assert_eq!(soon["ttl_seconds"], serde_json::json!({"600": 1}));
        assert_eq!(json["biggest"].as_array().map(Vec::len), Some(10));
        assert!(json["biggest"][0]["bytes"].is_u64() && json["biggest"][0]["type"].is_string());

        let ran = home.run([
            "--json",
            "stats",
            "--top",
            "0",
            "--separator",
            "/",
            "--sample",
            "1%",
            "tags:*",
        ]);
        let json = ran.expect(0).json();
        assert_eq!(
            (&json["keys"], &json["prefixes"][0]["prefix"]),
            (&1.into(), &"tags:a/".into())
        );
        assert_eq!(json["biggest"], serde_json::json!([]));
    }
}

#[test]
fn the_table_is_for_people() {
    for server in servers() {
        let home = seeded(&server);
        let ran = home.run(["stats"]).expect(0);
        let text = ran.text();
        assert!(text.starts_with("3,003 keys, "), "{text}");
        for part in [
            "\nprefix ",
            "\nsession:",
            "\n(none)",
            "\ntotal ",
            "\ntypes\n",
            "never expire",
            "\nbiggest keys\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(
            !text.contains('\x1b'),
            "no name steers the terminal: {text:?}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let ran = home
            .run(["stats", "--limit", "10"])
            .expect(0)
            .says(&["--limit"]);
        assert!(ran.text().starts_with("10 keys, "), "{ran:?}");
        let ran = home.run(["stats", "nothing:*"]).expect(0);
        assert_eq!(ran.text(), "0 keys\n");
    }
}

#[test]
fn wrong_values_end_with_2() {
    let home = Home::new();
    for (typed, says) in [
        (["stats", "--sample", "0"], "like 1%"),
        (["stats", "--separator", "::"], "not one byte"),
        (["stats", "--depth", "0"], "--depth"),
        (["stats", "--checkpoint", "c"], "--checkpoint"),
    ] {
        home.run(typed).expect(2).says(&[says]);
    }
}
