//! `keypace restore` as people and scripts use it: what it says, what it writes, how it ends. Each test has a server and a
//! home of its own.

#[path = "../../keypace/tests/backup_bytes/mod.rs"]
mod backup_bytes;
#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::path::PathBuf;

use backup_bytes::{About, Item, Record, file, removed};
use common::{Home, servers};
use keypace_lab::{OwnedServer, Raw};

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

/// As the library names a server on a socket.
fn about(server: &OwnedServer) -> About {
    About {
        server: server.endpoint().to_string().replace("unix://", ""),
        database: 0,
    }
}

fn kept(home: &Home, bytes: &[u8]) -> PathBuf {
    let path = home.path("run.kpb");
    std::fs::write(&path, bytes).expect("written");
    path
}

fn records() -> Vec<Record> {
    vec![
        Record::text("session:1", "one"),
        Record::text("session:2", "two").until(4_000_000_000_000),
        Record::text("over", "x").until(1_000),
        Record::dump(b"broken", b"\x04no payload"),
    ]
}

#[test]
fn keys_come_back_and_each_has_an_outcome() {
    for server in servers() {
        let home = Home::with_url(&server.url());
        let path = kept(&home, &removed(&about(&server), &records()));
        let path = path.to_str().expect("text");
        raw(&server)
            .command(&[b"SET", b"session:1", b"there"])
            .expect("set");
        let ran = home.run(["--json", "restore", path]).expect(1);
        let ran = ran.says(&["refused: broken: ", "1 record refused", "stays in the file"]);
        let summary = ran.json();
        for (name, number) in [
            ("matched", 4),
            ("restored", 1),
            ("existing", 1),
            ("expired", 1),
            ("refused", 1),
            ("failed", 0),
        ] {
            assert_eq!(summary[name], number, "{name} in {summary}");
        }
        assert_eq!(
            (&summary["command"], &summary["complete"]),
            (&"restore".into(), &false.into())
        );
        assert_eq!(summary["errors"][0]["sample_keys"][0], "broken");
        let value = raw(&server).command(&[b"GET", b"session:1"]).expect("told");
        assert_eq!(value.bytes(), Some(&b"there"[..]));
        // For people; what is chosen by a pattern is all that counts.
        let ran = home
            .run([
                "restore",
                "--replace",
                "--yes",
                "--pattern",
                "session:*",
                path,
            ])
            .expect(0);
        assert!(
            ran.text().starts_with("restored 2 of 2 records in "),
            "{ran:?}"
        );
        let ran = home
            .run(["restore", "--fail", "--pattern", "session:1", path])
            .expect(1);
        ran.says(&["failed: session:1: the key is there", "1 record failed"]);
    }
}

#[test]
fn a_file_is_listed_without_a_server() {
    let home = Home::with_url("unix:///nonexistent.sock");
    let somewhere = About {
        server: "h:1".to_owned(),
        database: 3,
    };
    let path = kept(&home, &removed(&somewhere, &records()));
    let path = path.to_str().expect("text");
    let ran = home.run(["restore", "--list", path]).expect(0);
    assert_eq!(ran.text(), "session:1\nsession:2\nover\nbroken\n");
    let ran = home
        .run(["--json", "restore", "--list", "--pattern", "*:2", path])
        .expect(0);
    assert_eq!(
        ran.json(),
        serde_json::json!({"key": "session:2", "type": "string", "expires_at_ms": 4_000_000_000_000_u64, "bytes": 3})
    );
}

#[test]
fn what_could_go_wrong_is_asked_for_and_nobody_is_there() {
    let server = servers().swap_remove(0);
    let home = Home::with_url(&server.url());
    let other = About {
        server: "elsewhere:6379".to_owned(),
        database: 5,
    };
    let path = kept(&home, &removed(&other, &records()[..2]));
    let path = path.to_str().expect("text");
    let ran = home.run(["restore", path]).expect(4);
    ran.says(&[
        "the backup is of elsewhere:6379",
        "nobody is at a terminal",
        "--yes confirms",
    ]);
    home.run(["restore", "--replace", path])
        .expect(4)
        .says(&["overwritten"]);
    assert_eq!(
        raw(&server).command(&[b"DBSIZE"]).expect("told").int(),
        Some(0)
    );
    home.run(["restore", "--yes", path]).expect(0);
    assert_eq!(
        raw(&server).command(&[b"DBSIZE"]).expect("told").int(),
        Some(2)
    );
}

#[test]
fn no_backup_is_4_and_damage_is_1() {
    let server = servers().swap_remove(0);
    let home = Home::with_url(&server.url());
    for words in ["nowhere", "."] {
        home.run(["restore", words]).expect(4);
    }
    let path = kept(&home, b"something else");
    home.run(["restore", path.to_str().expect("text")])
        .expect(4)
        .says(&["no backup"]);
    for wrong in [
        &["restore"][..],
        &["restore", "--skip", "--replace", "x"],
        &["restore", "--list", "--yes", "x"],
        &["restore", "--pattern", "", "x"],
    ] {
        home.run(wrong).expect(2);
    }
    let block = |n: u64| vec![Item::Entry(n, Record::text(&format!("key:{n}"), "value"))];
    let mut bytes = file(&about(&server), &[block(0), block(1), block(2)]);
    let whole = bytes.clone();
    let marks: Vec<usize> = (0..bytes.len() - 5)
        .filter(|at| bytes[*at..].starts_with(&[0xb1, b'K', b'P', 0xf7, 2]))
        .collect();
    bytes[marks[1] + 30] ^= 4;
    let path = kept(&home, &bytes);
    let path = path.to_str().expect("text");
    let ran = home.run(["--json", "restore", path]).expect(1);
    let ran = ran.says(&[
        "it is damaged",
        "record 2 can't be read",
        "everything else was read",
    ]);
    assert_eq!(
        (&ran.json()["restored"], &ran.json()["failed"]),
        (&2.into(), &0.into())
    );
    home.run(["restore", "--list", path])
        .expect(1)
        .says(&["record 2"]);
    // A torn end is a warning.
    kept(&home, &whole[..whole.len() - 2]);
    let ran = home.run(["restore", path]).expect(0);
    ran.says(&["warning: the last ", "no whole block"]);
}

/// A copy of a file that broke off where a block begins has nothing torn about it.
#[test]
fn a_file_that_was_cut_between_two_blocks_is_a_warning() {
    let server = servers().swap_remove(0);
    let home = Home::with_url(&server.url());
    let block = |n: u64| vec![Item::Entry(n, Record::text(&format!("key:{n}"), "value"))];
    let whole = file(&about(&server), &[block(0), block(1), block(2)]);
    let frames: Vec<usize> = (0..whole.len() - 5)
        .filter(|at| whole[*at..].starts_with(&[0xb1, b'K', b'P', 0xf7]))
        .collect();
    let path = kept(&home, &whole);
    let path = path.to_str().expect("text");
    for typed in [&["restore", "--list", path][..], &["restore", path]] {
        let ran = home.run(typed).expect(0);
        assert!(!ran.stderr.contains("warning: "), "{ran:?}");
    }
    // Behind the two heads: after each block, and in front of the first.
    for cut in &frames[2..] {
        kept(&home, &whole[..*cut]);
        for typed in [&["restore", "--list", path][..], &["restore", path]] {
            let ran = home.run(typed).expect(0);
            ran.says(&["warning: ", "did not come to its end, or the file was cut"]);
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_restore_goes_on_with_the_same_command() {
    let server = servers().swap_remove(0);
    let home = Home::with_url(&server.url());
    let records: Vec<_> = (0..400)
        .map(|n| Record::text(&format!("key:{n}"), "value"))
        .collect();
    let path = kept(&home, &removed(&about(&server), &records));
    let path = path.to_str().expect("text");
    let child = home
        .keypace(["--rate", "50", "--progress", "none", "restore", path])
        .spawn()
        .expect("started");
    let some_are_there = || {
        let size = raw(&server).command(&[b"DBSIZE"]).expect("told").int();
        if size > Some(0) {
            Ok(())
        } else {
            Err("no key is back".into())
        }
    };
    keypace_lab::wait_until(
        "the first keys",
        std::time::Duration::from_secs(10),
        some_are_there,
    )
    .expect("begun");
    common::signal(&child, "INT");
    let output = child.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command goes on"), "{said}");
    home.run(["restore", path]).expect(0);
    assert_eq!(
        raw(&server).command(&[b"DBSIZE"]).expect("told").int(),
        Some(400)
    );
}
