//! Ctrl-C, SIGTERM and the deadline against real servers: what is in flight is settled, the place is kept, and the
//! command that is printed finishes the work. Waits for lines, never for time.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use common::under_way::{RATE, interrupted, resumed};
use common::{Home, Ran, gathered, only_file, servers, signal};
use keypace_lab::{OwnedServer, Raw, seed};

const KEYS: u64 = 40_000;

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn seeded(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seed");
    seed::strings(&mut raw, b"other:", 0..1_000, 8).expect("seed");
    Home::with_url(&server.url())
}

fn dbsize(server: &OwnedServer) -> u64 {
    let reply = raw(server).command(&[b"DBSIZE"]).expect("DBSIZE");
    reply
        .int()
        .and_then(|size| u64::try_from(size).ok())
        .expect("a size")
}

#[test]
fn an_interrupted_delete_is_finished_by_the_printed_command() {
    for (server, name) in servers()
        .into_iter()
        .zip(["INT", "TERM"].into_iter().cycle())
    {
        let home = seeded(&server);
        let ran = interrupted(
            &home,
            &["--json", "delete", "--yes", "session:*"],
            "deleted",
            name,
        )
        .expect(130);
        let summary = ran.json();
        let deleted = summary["deleted"].as_u64().expect("a number");
        assert!(deleted > 0 && deleted < KEYS, "{summary}");
        assert_eq!(summary["complete"], false);
        assert_eq!(summary["unknown"], 0, "what was in flight is settled");
        assert_eq!(
            dbsize(&server),
            KEYS + 1_000 - deleted,
            "what is said to be deleted is"
        );

        let kept = only_file(&home.state());
        assert_eq!(
            kept.metadata().expect("a file").permissions().mode() & 0o777,
            0o600
        );
        let finished = resumed(&home, &ran).expect(0).json();
        assert_eq!(finished["complete"], true);
        assert_eq!(
            finished["deleted"], KEYS,
            "the account goes on where it stood"
        );
        assert_eq!(dbsize(&server), 1_000);
    }
}

#[test]
fn an_interrupted_scan_and_its_resumption_miss_no_key() {
    for server in servers() {
        let home = seeded(&server);
        let place = home.path("scan.ckpt");
        let place = place.to_str().expect("a path");
        let first = interrupted(
            &home,
            &["scan", "--checkpoint", place, "session:*"],
            "matched",
            "INT",
        )
        .expect(130);
        let second = resumed(&home, &first).expect(0);
        let keys = |ran: &Ran| ran.text().lines().map(str::to_owned).collect::<Vec<_>>();
        let mut all = keys(&first);
        assert!(!all.is_empty() && (all.len() as u64) < KEYS);
        all.extend(keys(&second));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len() as u64, KEYS);
    }
}

#[test]
fn a_place_is_of_use_for_the_same_work_only() {
    for server in servers() {
        let home = seeded(&server);
        let place = home.path("count.ckpt");
        let place = place.to_str().expect("a path");
        interrupted(
            &home,
            &["count", "--checkpoint", place, "session:*"],
            "matched",
            "INT",
        )
        .expect(130);
        home.run(["count", "--resume", place, "other:*"])
            .expect(4)
            .says(&["hint: "]);
        home.run(["delete", "--yes", "--resume", place, "session:*"])
            .expect(4);
        std::fs::write(place, "no checkpoint").expect("write");
        home.run(["count", "--resume", place, "session:*"])
            .expect(4)
            .says(&["hint: "]);
        assert_eq!(dbsize(&server), KEYS + 1_000);
    }
}

#[test]
fn a_deadline_stops_likewise_and_is_incomplete() {
    for server in servers() {
        let home = seeded(&server);
        let ran = home
            .run(["--rate", RATE, "--deadline", "300ms", "count", "session:*"])
            .expect(1)
            .says(&["deadline", "--resume"]);
        assert!(ran.text().starts_with("at least "), "{ran:?}");
        assert_eq!(
            home.run(["--deadline", "1h", "count", "session:*"])
                .expect(0)
                .text(),
            format!("{KEYS}\n")
        );
    }
}

#[test]
fn a_reader_that_is_behind_does_not_keep_ctrl_c_from_being_heard() {
    for server in servers() {
        let home = seeded(&server);
        let many = 300_000;
        seed::strings(&mut raw(&server), b"session:", KEYS..many, 8).expect("seed");
        let mut child = home
            .keypace(["--progress", "json", "scan", "session:*"])
            .spawn()
            .expect("keypace starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        let mut seen = String::new();
        stderr.read_line(&mut seen).expect("a line");
        // Nobody reads stdout, and a pipe doesn't hold all these keys.
        signal(&child, "INT");
        while !seen.contains("stopping") {
            assert!(stderr.read_line(&mut seen).expect("a line") > 0, "{seen}");
        }
        let ran = gathered(child, seen, stderr).expect(130);
        let lines = ran.text().lines().count() as u64;
        assert!(lines < many, "{lines}");
        assert!(
            ran.stdout.is_empty() || ran.stdout.ends_with(b"\n"),
            "no key is cut"
        );
    }
}
