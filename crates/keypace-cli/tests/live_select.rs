//! Selecting by age, expiry, size and by name, against every server program of this machine: what is listed, counted,
//! foretold and deleted is the same. Each test has servers of its own.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use common::{Home, Ran, servers};
use keypace_lab::{OwnedServer, Program, Raw, ServerOptions};

/// Forty days, in seconds.
const OLD_S: &str = "3456000";
/// Every key of the fixture.
const ALL: [&str; 6] = [
    "k:big",
    "k:brief",
    "k:hash",
    "k:lasting",
    "k:old",
    "k:plain",
];

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn run(raw: &mut Raw, words: &[&[u8]]) -> keypace_lab::Value {
    raw.command(words)
        .expect("a reply")
        .checked()
        .expect("no error")
}

/// Puts a key back with an idle time: servers take one since 5.0.
fn make_old(raw: &mut Raw, name: &[u8]) {
    let dumped = run(raw, &[b"DUMP", name]);
    let payload = dumped.bytes().expect("a payload").to_vec();
    let old = OLD_S.as_bytes();
    run(
        raw,
        &[
            b"RESTORE",
            name,
            b"0",
            &payload,
            b"REPLACE",
            b"IDLETIME",
            old,
        ],
    );
}

fn seeded(server: &OwnedServer) -> Home {
    let mut raw = raw(server);
    run(&mut raw, &[b"SET", b"k:plain", b"x"]);
    run(
        &mut raw,
        &[b"SET", b"k:big", "y".repeat(100_000).as_bytes()],
    );
    run(&mut raw, &[b"SET", b"k:brief", b"x", b"EX", b"3600"]);
    run(&mut raw, &[b"SET", b"k:lasting", b"x", b"EX", b"8640000"]);
    run(&mut raw, &[b"HSET", b"k:hash", b"f", b"v"]);
    run(&mut raw, &[b"SET", b"k:old", b"x"]);
    run(&mut raw, &[b"SET", b"other", b"x"]);
    make_old(&mut raw, b"k:old");
    Home::with_url(&server.url())
}

fn lines(ran: &Ran) -> BTreeSet<String> {
    ran.text().lines().map(str::to_owned).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Flags, and the keys of the fixture that they leave.
const TABLE: &[(&[&str], &[&str])] = &[
    (&["--idle-over", "30d"], &["k:old"]),
    (&["--idle-over", "6w"], &[]),
    (&["--has-ttl"], &["k:brief", "k:lasting"]),
    (&["--no-ttl"], &["k:big", "k:hash", "k:old", "k:plain"]),
    (&["--ttl-under", "2h"], &["k:brief"]),
    (&["--ttl-over", "2h"], &["k:lasting"]),
    (&["--ttl-over", "2h", "--ttl-under", "1d"], &[]),
    (&["--size-over", "64KiB"], &["k:big"]),
    (&["--size-under", "64KiB", "--type", "hash"], &["k:hash"]),
    (
        &["--no-ttl", "--size-under", "64KiB", "--exclude", "*old"],
        &["k:hash", "k:plain"],
    ),
];

#[test]
fn listed_counted_foretold_and_deleted_are_the_same() {
    for server in servers() {
        for (flags, expected) in TABLE {
            let home = seeded(&server);
            let with = |command: &[&str]| home.run([command, flags, &["k:*"]].concat()).expect(0);
            assert_eq!(lines(&with(&["scan"])), names(expected), "{flags:?}");
            let number = expected.len() as u64;
            assert_eq!(with(&["count"]).text(), format!("{number}\n"), "{flags:?}");
            let foretold = with(&["--json", "delete", "--dry-run"]).json();
            assert_eq!(foretold["would_delete"], number, "{flags:?} {foretold}");
            assert_eq!(lines(&home.run(["scan", "k:*"])), names(&ALL), "{flags:?}");

            let deleted = with(&["--json", "delete", "--yes"]).json();
            assert_eq!(deleted["deleted"], number, "{flags:?} {deleted}");
            assert_eq!(deleted["matched"], number, "{flags:?} {deleted}");
            assert_eq!(deleted["complete"], true);
            let left: BTreeSet<String> = &names(&ALL) - &names(expected);
            assert_eq!(lines(&home.run(["scan", "k:*"])), left, "{flags:?}");
        }
    }
}

#[test]
fn a_listing_says_what_it_is_asked_for() {
    for server in servers() {
        let home = seeded(&server);
        run(&mut raw(&server), &[b"SET", b"t\ta\nb\xff", b"x"]);
        let listed = home
            .run(["scan", "--with", "ttl,type,idle", "k:*"])
            .expect(0);
        for line in listed.text().lines() {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells.len(), 4, "{line}");
            let (ttl, kind, idle) = (cells[1], cells[2], cells[3]);
            assert_eq!(
                kind,
                if cells[0] == "k:hash" {
                    "hash"
                } else {
                    "string"
                }
            );
            match cells[0] {
                "k:brief" => assert_eq!(ttl, "3600"),
                "k:lasting" => assert_eq!(ttl, "8640000"),
                _ => assert_eq!(ttl, "-", "{line}"),
            }
            let idle: u64 = idle.parse().expect("seconds");
            assert_eq!(idle >= 3_456_000, cells[0] == "k:old", "{line}");
        }
        let odd = home.run(["scan", "--with", "type", "t*"]).expect(0);
        assert_eq!(odd.text(), "t\\ta\\nb\\xff\tstring\n");

        let json = home
            .run(["--json", "scan", "--with", "type,ttl,idle,size", "k:big"])
            .expect(0);
        let first = json.text().lines().next().expect("a line");
        let key: serde_json::Value = serde_json::from_str(first).expect("JSON");
        assert_eq!(key["key"], "k:big");
        assert_eq!(key["type"], "string");
        assert!(key["ttl"].is_null() && key["idle"].is_u64(), "{key}");
        assert!(key["size"].as_u64().is_some_and(|size| size >= 100_000));
        assert!(key.get("size_is_elements").is_none(), "{key}");

        let sorted = home
            .run(["scan", "--sorted", "--with", "size", "k:*"])
            .expect(0);
        let keys: Vec<&str> = sorted
            .text()
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        assert_eq!(keys, ALL);
    }
}

#[test]
fn sizes_without_memory_usage_are_elements_and_said_to_be() {
    for program in Program::all() {
        let options = ServerOptions::default().with_config_file("rename-command MEMORY \"\"\n");
        let server = OwnedServer::start(&program, options).expect("a server");
        let home = seeded(&server);
        let listed = home
            .run(["--json", "scan", "--with", "size", "k:hash"])
            .expect(0)
            .says(&["elements"]);
        let first = listed.text().lines().next().expect("a line");
        let key: serde_json::Value = serde_json::from_str(first).expect("JSON");
        assert_eq!(key["size"], 1);
        assert_eq!(key["size_is_elements"], true);
    }
}

#[test]
fn p30_age_is_refused_with_4_where_it_can_t_be_had() {
    for program in Program::all() {
        let options = ServerOptions::default().with_arg("maxmemory-policy", "allkeys-lfu");
        let server = OwnedServer::start(&program, options).expect("a server");
        run(&mut raw(&server), &[b"SET", b"k:plain", b"x"]);
        let home = Home::with_url(&server.url());
        for command in [&["count"][..], &["scan"], &["delete", "--yes"]] {
            for trust in [&[][..], &["--trust-idle"]] {
                let arguments = [command, trust, &["--idle-over", "1d", "k:*"]].concat();
                home.run(arguments)
                    .expect(4)
                    .says(&["maxmemory-policy", "hint: "]);
            }
        }
    }
}

#[test]
fn p30b_age_on_a_promoted_server_needs_trust() {
    for server in servers() {
        let home = seeded(&server);
        let mut raw = raw(&server);
        run(&mut raw, &[b"REPLICAOF", b"127.0.0.1", b"1"]);
        run(&mut raw, &[b"REPLICAOF", b"NO", b"ONE"]);
        let asked = ["count", "--idle-over", "30d", "k:*"];
        home.run(asked).expect(4).says(&["--trust-idle"]);
        let trusting = home.run([&["--trust-idle"], &asked[..]].concat()).expect(0);
        assert_eq!(trusting.text(), "1\n");
        // The settings file may say so too.
        let folder = home.path("config/keypace");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.toml"), "trust_idle = true").expect("write");
        assert_eq!(home.run(asked).expect(0).text(), "1\n");
    }
}

#[test]
fn a_filtered_delete_without_rights_is_4_and_names_the_rule() {
    for server in servers() {
        seeded(&server);
        let user: &[&[u8]] = &[
            b"ACL",
            b"SETUSER",
            b"amy",
            b"on",
            b">pw",
            b"~*",
            b"+@all",
            b"-eval",
            b"-evalsha",
            b"-watch",
            b"-multi",
            b"-exec",
        ];
        run(&mut raw(&server), user);
        let home = Home::with_url(&server.url());
        let mut command = home.keypace(["--user", "amy", "delete", "--yes", "--no-ttl", "k:*"]);
        command.env("KEYPACE_PASSWORD", "pw");
        common::finished(command).expect(4).says(&["hint: ", "+"]);
        assert_eq!(lines(&home.run(["scan", "k:*"])), names(&ALL));
    }
}

/// Without a script a read between the look and the delete goes unseen: that is two steps, and somebody has to want it.
#[test]
fn a_delete_by_age_without_scripts_is_refused() {
    for server in servers() {
        let home = seeded(&server);
        let user: &[&[u8]] = &[
            b"ACL",
            b"SETUSER",
            b"amy",
            b"on",
            b">pw",
            b"~*",
            b"+@all",
            b"-eval",
            b"-evalsha",
        ];
        run(&mut raw(&server), user);
        let typed = |flags: &[&str]| {
            let delete = ["--user", "amy", "--json", "delete", "--yes"];
            let age = ["--idle-over", "30d", "k:*"];
            let mut command = home.keypace([&delete[..], flags, &age].concat());
            command.env("KEYPACE_PASSWORD", "pw");
            common::finished(command)
        };
        let path = home.path("s.kpb");
        let file = path.to_str().expect("text");
        let rights = "+eval +evalsha +object|idletime +object|refcount +unlink";
        for flags in [&[][..], &["--max-delete", "5"]] {
            typed(flags).expect(4).says(&[rights, "--trust-idle"]);
        }
        // Below 7.2 a backup wants trust for another reason.
        typed(&["--backup", file]).expect(4).says(&["--trust-idle"]);
        assert!(!path.exists());
        assert_eq!(lines(&home.run(["scan", "k:*"])), names(&ALL));
        let trusting = ["--trust-idle", "--backup", file];
        assert_eq!(typed(&trusting).expect(0).json()["deleted"], 1);
        assert!(path.exists());
    }
}

/// All four go by one account of a number that many keys may share.
#[test]
fn p30_shared_numbers_are_listed_counted_foretold_and_deleted_alike() {
    for server in servers() {
        let home = seeded(&server);
        let mut raw = raw(&server);
        keypace_lab::wait_until("be old enough", std::time::Duration::from_secs(30), || {
            let seconds: u64 = raw.info("server")?["uptime_in_seconds"].parse()?;
            if seconds >= 3 {
                Ok(())
            } else {
                Err(format!("{seconds} s").into())
            }
        })
        .expect("it gets older");
        run(&mut raw, &[b"SET", b"k:number", b"4321"]);
        let path = home.path("s.kpb");
        let file = path.to_str().expect("text");
        for typed in [
            &["--json", "count", "--idle-over", "2s", "k:number"][..],
            &[
                "--json",
                "delete",
                "--dry-run",
                "--idle-over",
                "2s",
                "k:number",
            ],
            &["--json", "delete", "--yes", "--idle-over", "2s", "k:number"],
            &[
                "--json",
                "delete",
                "--yes",
                "--max-delete",
                "9",
                "--idle-over",
                "2s",
                "k:number",
            ],
        ] {
            let summary = home.run(typed).expect(0).json();
            assert_eq!(summary["matched"], 0, "{typed:?}: {summary}");
        }
        let listed = home
            .run(["scan", "--idle-over", "2s", "k:number"])
            .expect(0);
        assert_eq!(listed.text(), "");
        // Reading the copies makes keys young before 7.2, so trust is wanted there.
        if server.program().label().contains("Valkey") {
            let backed = [
                "delete",
                "--yes",
                "--backup",
                file,
                "--idle-over",
                "2s",
                "k:number",
            ];
            let summary = home
                .run([&["--json"], &backed[..]].concat())
                .expect(0)
                .json();
            assert_eq!(
                (&summary["matched"], &summary["skipped"]),
                (&0.into(), &0.into())
            );
        }
    }
}

/// Names that a line of text can't hold safely.
const ODD: [&[u8]; 4] = [b"odd a", b"odd\nb", b"odd\xff\xfe", b"odd'\"\\"];

#[test]
fn exactly_the_keys_of_a_list_are_deleted() {
    for server in servers() {
        let home = seeded(&server);
        let mut raw = raw(&server);
        for name in ODD {
            run(&mut raw, &[b"SET", name, b"x"]);
        }
        let mut list = ODD.join(&b'\0');
        list.extend_from_slice(b"\0k:plain\0k:none\0k:brief\0");
        let file = home.path("names");
        std::fs::write(&file, list).expect("write");
        let file = file.to_str().expect("a path");

        let ran = home.run(["--json", "delete", "--yes", "--no-ttl", "--keys-from", file]);
        let summary = ran.expect(0).json();
        assert_eq!(
            summary["deleted"], 5,
            "those of the list without a TTL: {summary}"
        );
        let summary = home
            .run(["--json", "delete", "--yes", "--keys-from", file])
            .expect(0)
            .json();
        assert_eq!(summary["deleted"], 1, "{summary}");
        assert_eq!(summary["already_gone"], 6, "{summary}");
        let left = home.run(["scan", "--sorted", "*"]);
        assert_eq!(
            left.text().lines().collect::<Vec<_>>(),
            ["k:big", "k:hash", "k:lasting", "k:old", "other"]
        );
    }
}

#[test]
fn what_a_scan_lists_with_nul_a_delete_takes_from_stdin() {
    for server in servers() {
        let home = seeded(&server);
        let listed = home
            .run(["scan", "-0", "--idle-over", "30d", "k:*"])
            .expect(0);
        let mut child = home
            .keypace(["--json", "delete", "--yes", "--keys-from", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("keypace starts");
        let mut stdin = child.stdin.take().expect("stdin");
        stdin.write_all(&listed.stdout).expect("written");
        drop(stdin);
        let output = child.wait_with_output().expect("keypace ends");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(summary["deleted"], 1, "{summary}");
        let left = &names(&ALL) - &names(&["k:old"]);
        assert_eq!(lines(&home.run(["scan", "k:*"])), left);
    }
}
