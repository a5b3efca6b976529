//! A delete that can be undone, as a person types it, against every server program of this machine: the file, the words
//! about it, Ctrl-C in the middle, and the command that brings everything back. Each test has servers of its own.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::under_way::{interrupted, resumed};
use common::{Home, servers};
use keypace_lab::{OwnedServer, Raw, seed};

const KEYS: u64 = 20_000;

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn seeded(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seed");
    raw.command(&[b"HSET", b"session:hash", b"f", b"v"])
        .expect("HSET");
    raw.command(&[b"SET", b"other", b"x"]).expect("SET");
    Home::with_url(&server.url())
}

fn dbsize(server: &OwnedServer) -> u64 {
    let reply = raw(server).command(&[b"DBSIZE"]).expect("DBSIZE");
    let size = reply.int().expect("a number");
    u64::try_from(size).expect("a size")
}

fn text_of(path: &std::path::Path) -> String {
    path.to_str().expect("a path").to_owned()
}

#[test]
fn a_backed_delete_says_how_to_undo_it_and_that_undoes_it() {
    for server in servers() {
        let home = seeded(&server);
        let path = home.path("s.kpb");
        let file = text_of(&path);
        let ran = home
            .run(["delete", "--yes", "--backup", &file, "session:*"])
            .expect(0);
        assert_eq!(dbsize(&server), 1);
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (_, after) = ran
            .text()
            .split_once("bring them back:\n")
            .expect("a command");
        assert_eq!(
            after
                .lines()
                .next()
                .and_then(|line| line.split_once("restore ")),
            Some((
                format!("  {} ", env!("CARGO_BIN_EXE_keypace")).as_str(),
                file.as_str()
            )),
        );
        home.run(["restore", "--yes", &file]).expect(0);
        assert_eq!(dbsize(&server), KEYS + 2);

        // The same file is of no use for another run.
        home.run(["delete", "--yes", "--backup", &file, "session:*"])
            .expect(4)
            .says(&["there already"]);
        assert_eq!(dbsize(&server), KEYS + 2);
    }
}

#[test]
fn an_interrupted_backed_delete_goes_on_in_the_same_file() {
    for server in servers() {
        let home = seeded(&server);
        let path = home.path("s.kpb");
        let file = text_of(&path);
        let typed = ["--json", "delete", "--yes", "--backup", &file, "session:*"];
        let ran = interrupted(&home, &typed, "deleted", "INT").expect(130);
        let deleted = ran.json()["deleted"].as_u64().expect("a number");
        assert!(deleted > 0 && deleted < KEYS, "{deleted}");
        assert!(ran.stderr.contains(&format!("--backup {file}")), "{ran:?}");
        let finished = resumed(&home, &ran).expect(0).json();
        assert_eq!(finished["deleted"], KEYS + 1, "{finished}");
        assert_eq!(dbsize(&server), 1);

        let restored = home.run(["--json", "restore", "--yes", &file]).expect(0);
        assert_eq!(restored.json()["restored"], KEYS + 1);
        assert_eq!(dbsize(&server), KEYS + 2);
    }
}

#[test]
fn a_place_and_its_backup_go_together() {
    for server in servers() {
        let home = seeded(&server);
        let file = text_of(&home.path("s.kpb"));
        let place = text_of(&home.path("run.ckpt"));
        let flags = ["--checkpoint", &place, "--backup", &file, "session:*"];
        interrupted(
            &home,
            &[&["delete", "--yes"], &flags[..]].concat(),
            "deleted",
            "INT",
        )
        .expect(130);
        let left = dbsize(&server);
        let other = text_of(&home.path("other.kpb"));
        for backup in [&[][..], &["--backup", &other]] {
            let arguments = [
                &["delete", "--yes", "--resume", &place],
                backup,
                &["session:*"],
            ];
            home.run(arguments.concat()).expect(4).says(&["hint: "]);
            assert_eq!(dbsize(&server), left);
        }
        std::fs::write(&file, "no backup").expect("write");
        home.run([
            "delete",
            "--yes",
            "--resume",
            &place,
            "--backup",
            &file,
            "session:*",
        ])
        .expect(4)
        .says(&["hint: "]);
        assert_eq!(dbsize(&server), left);
    }
}

#[test]
fn a_backup_that_holds_nothing_leaves_its_name_free() {
    for server in servers() {
        let home = seeded(&server);
        let path = home.path("s.kpb");
        let file = text_of(&path);
        let user: &[&[u8]] = &[
            b"ACL", b"SETUSER", b"amy", b"on", b">pw", b"~*", b"+@all", b"-watch",
        ];
        let said = raw(&server).command(user).expect("a reply");
        said.checked().expect("accepted");
        let typed = ["delete", "--yes", "--backup", &file, "session:*"];
        let mut command = home.keypace([&["--user", "amy"], &typed[..]].concat());
        command.env("KEYPACE_PASSWORD", "pw");
        common::finished(command).expect(4).says(&["hint: "]);
        assert!(!path.exists(), "refused");
        let nothing = ["delete", "--yes", "--backup", &file, "nothing:*"];
        let ran = home.run(nothing).expect(0);
        assert!(!path.exists(), "nothing matched");
        assert!(!ran.text().contains("bring them back"), "{ran:?}");
        let ran = home.run(typed).expect(0);
        assert!(path.exists() && ran.text().contains("bring them back"));
        assert_eq!(dbsize(&server), 1);
    }
}

#[test]
fn a_backup_that_is_missing_stops_the_run_that_wants_to_go_on_in_it() {
    for server in servers() {
        let home = seeded(&server);
        let (path, elsewhere) = (home.path("s.kpb"), home.path("moved.kpb"));
        let file = text_of(&path);
        let typed = ["--json", "delete", "--yes", "--backup", &file, "session:*"];
        let ran = interrupted(&home, &typed, "deleted", "INT").expect(130);
        let left = dbsize(&server);
        std::fs::rename(&path, &elsewhere).expect("moved");
        resumed(&home, &ran)
            .expect(4)
            .says(&[&file, "is not there", "hint: put it back"]);
        assert_eq!(dbsize(&server), left);
        assert!(!path.exists(), "no second file in its place");
        std::fs::rename(&elsewhere, &path).expect("moved back");
        resumed(&home, &ran).expect(0);
        assert_eq!(dbsize(&server), 1);
    }
}

/// A file that nothing was put into went with the run that made it.
#[test]
fn a_run_that_deleted_nothing_goes_on_without_its_backup() {
    for server in servers() {
        let home = seeded(&server);
        let (path, place) = (home.path("s.kpb"), text_of(&home.path("run.ckpt")));
        let file = text_of(&path);
        let typed = ["--backup", &file, "--checkpoint", &place, "session:*"];
        let stopped = ["--deadline", "1ms", "delete", "--yes"];
        home.run([&stopped[..], &typed].concat()).expect(1);
        assert!(!path.exists() && dbsize(&server) == KEYS + 2);
        home.run([&["delete", "--yes", "--resume", &place], &typed[..]].concat())
            .expect(0);
        assert_eq!(dbsize(&server), 1);
    }
}

/// A path that was typed and can't be used is a wrong command line, as with any other file.
#[test]
fn a_backup_file_that_can_t_be_made_is_a_usage_error() {
    for server in servers() {
        let home = seeded(&server);
        std::fs::write(home.path("file"), "x").expect("written");
        for (path, why) in [
            (home.path("none/s.kpb"), &["no folder", "hint: make"][..]),
            (home.path("file/s.kpb"), &["no folder", "hint: make"]),
            // Nobody makes files there, whoever the user is.
            #[cfg(target_os = "linux")]
            (
                std::path::PathBuf::from("/sys/s.kpb"),
                &[
                    "/sys/s.kpb: Permission denied\n",
                    "hint: nothing is deleted",
                ],
            ),
        ] {
            let file = text_of(&path);
            home.run(["delete", "--yes", "--backup", &file, "session:*"])
                .expect(2)
                .says(why);
            assert_eq!(dbsize(&server), KEYS + 2);
        }
    }
}

#[test]
fn a_checkpoint_takes_the_place_of_no_other_file() {
    for server in servers() {
        let home = seeded(&server);
        let backup = text_of(&home.path("s.kpb"));
        home.run(["delete", "--yes", "--backup", &backup, "session:hash"])
            .expect(0);
        let notes = text_of(&home.path("notes.txt"));
        std::fs::write(&notes, "mine").expect("written");
        let left = dbsize(&server);
        for file in [&backup, &notes] {
            let before = std::fs::read(file).expect("read");
            for typed in [
                &["delete", "--yes", "--checkpoint", file, "session:*"][..],
                &["count", "--checkpoint", file, "session:*"],
                &["scan", "--checkpoint", file, "session:*"],
            ] {
                home.run(typed)
                    .expect(4)
                    .says(&[file, "no checkpoint is there", "hint: "]);
                assert_eq!(std::fs::read(file).expect("read"), before, "{typed:?}");
            }
            assert_eq!(dbsize(&server), left);
        }
        // One name for both, and nothing of that name is there.
        let both = text_of(&home.path("both"));
        let typed = ["--checkpoint", &both, "--backup", &both, "session:*"];
        home.run([&["delete", "--yes"], &typed[..]].concat())
            .expect(4)
            .says(&["hint: "]);
        assert_eq!(dbsize(&server), left);
        assert!(!home.path("both").exists());
    }
}

#[test]
fn a_value_that_is_too_large_for_the_backup_stays() {
    for server in servers() {
        let home = seeded(&server);
        let large = "y".repeat(5_000);
        raw(&server)
            .command(&[b"SET", b"session:large", large.as_bytes()])
            .expect("SET");
        let file = text_of(&home.path("s.kpb"));
        let typed = ["--backup", &file, "--backup-max-value", "4KiB", "session:*"];
        let ran = home
            .run([&["delete", "--yes", "--verify"], &typed[..]].concat())
            .expect(0);
        assert!(ran.text().contains("1 left alone"), "{ran:?}");
        let verified = "walked once more: nothing matches but 1 key that was left alone\n";
        assert!(ran.text().contains(verified), "{ran:?}");
        let why = "    1: the value is larger than 4096 bytes";
        assert!(ran.text().contains(why), "{ran:?}");
        assert!(ran.text().contains("session:large"), "{ran:?}");
        assert_eq!(dbsize(&server), 2);
        let left = home.run(["scan", "session:*"]).expect(0);
        assert_eq!(left.text(), "session:large\n");
    }
}

#[test]
fn a_backup_that_can_t_be_written_deletes_nothing() {
    for server in servers() {
        let home = seeded(&server);
        // Every write to it fails, whoever the user is.
        let ran = home.run(["delete", "--yes", "--backup", "/dev/full", "session:*"]);
        assert!(ran.code == 4 || ran.code == 2, "{ran:?}");
        assert_eq!(dbsize(&server), KEYS + 2);
    }
}

#[test]
fn a_verified_delete_says_that_nothing_is_left() {
    for server in servers() {
        for flags in [&["--verify"][..], &["--verify-until-empty", "3"]] {
            let home = seeded(&server);
            let arguments = [&["--json", "delete", "--yes"], flags, &["session:*"]].concat();
            let summary = home.run(arguments).expect(0).json();
            assert_eq!(summary["verified"]["remaining"], 0, "{summary}");
            assert_eq!(summary["deleted"], KEYS + 1, "{summary}");
        }
    }
}
