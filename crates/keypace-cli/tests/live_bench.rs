//! `keypace bench` against real servers: the rows and what each way came to, what it may touch, and what it leaves.
//! Compares no times.

#![cfg(unix)]

#[path = "live_bench/by_owner.rs"]
mod by_owner;
#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use common::{Home, Ran, finished, gathered, servers, signal};
use keypace_lab::{OwnedServer, Program, Raw, seed};
use serde_json::Value;

const ENUMERATE: [&str; 7] = [
    "keys",
    "scan-10",
    "scan-100",
    "scan-1000",
    "scan-10000",
    "adaptive",
    "adaptive-off",
];
const DELETE: [&str; 5] = [
    "del-giant",
    "unlink-giant",
    "batches-500",
    "adaptive",
    "adaptive-off",
];
const READ: [&str; 3] = ["get-each", "mget-all", "mget-chunks"];
const OWNER: [&str; 6] = [
    "keys-get",
    "scan-get",
    "scan-mget",
    "smembers-get",
    "index-page",
    "index-list",
];

/// A bench whose private server is of this program, and whose folder can be looked at.
fn bench(home: &Home, program: &Program, arguments: &[&str]) -> Command {
    let folder = home.path("tmp");
    std::fs::create_dir_all(&folder).expect("folder");
    let mut command = home.keypace(
        ["--json", "--progress", "none", "bench"]
            .iter()
            .chain(arguments),
    );
    command
        .env("TMPDIR", &folder)
        .env(keypace_lab::SERVER_VARIABLE, &program.path);
    command
}

fn assert_nothing_is_left(home: &Home) {
    let left: Vec<_> = std::fs::read_dir(home.path("tmp"))
        .expect("folder")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

fn programs() -> Vec<Program> {
    Program::find().expect("a server program");
    Program::all()
}

/// A bench on a server that is somebody's.
fn on(home: &Home, server: &OwnedServer, arguments: &[&str]) -> Ran {
    let url = server.url();
    let typed = [
        "--json",
        "--progress",
        "none",
        "bench",
        "--on",
        url.as_str(),
    ];
    home.run(typed.iter().chain(arguments))
}

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn dbsize(server: &OwnedServer) -> Option<i64> {
    raw(server).command(&[b"DBSIZE"]).expect("DBSIZE").int()
}

/// The rows of a job at a size, in their order.
fn rows<'a>(found: &'a Value, job: &str, keys: u64) -> Vec<&'a Value> {
    let rows = found["rows"].as_array().expect("rows");
    rows.iter()
        .filter(|row| row["job"] == job && row["keys"] == keys)
        .collect()
}

/// What a right row has found: of one owner's sessions a page of 20, or all 50.
fn expected(row: &Value) -> Value {
    match (row["job"].as_str(), row["way"].as_str()) {
        (Some("owner"), Some("index-page")) => Value::from(20),
        (Some("owner"), _) => Value::from(50),
        _ => row["keys"].clone(),
    }
}

fn ways<'a>(rows: &[&'a Value]) -> Vec<&'a str> {
    rows.iter()
        .map(|row| row["way"].as_str().expect("a way"))
        .collect()
}

#[test]
fn every_way_does_its_job_at_every_size() {
    for program in programs() {
        let home = Home::new();
        let mut command = bench(&home, &program, &["--keys", "1000,100"]);
        // It has a server of its own, whatever the environment says.
        command.env("KEYPACE_URL", "redis://127.0.0.1:1");
        let ran = finished(command).expect(0);
        assert_eq!(ran.stderr, "", "--progress none");
        let found = ran.json();
        assert_eq!(found["command"], "bench");
        assert_eq!(found["complete"], true);
        assert_eq!(found["server"]["own"], true);
        assert_eq!(found["server"]["version"], program.version);
        assert_eq!(found["budget_us"], 1000);
        assert_eq!(found["probe_interval_us"], 100);
        assert_eq!(found["rounds"], 1);
        assert!(found["idle"]["count"].as_u64() > Some(100), "{found}");
        assert_eq!(found["rows"].as_array().expect("rows").len(), 2 * 21);
        for keys in [100, 1000] {
            assert_eq!(ways(&rows(&found, "enumerate", keys)), ENUMERATE);
            assert_eq!(ways(&rows(&found, "delete", keys)), DELETE);
            assert_eq!(ways(&rows(&found, "read", keys)), READ);
            let of_owner = rows(&found, "owner", keys);
            assert_eq!(ways(&of_owner), OWNER);
            for row in &of_owner[4..] {
                assert_eq!(row["commands"], 2, "two round trips: {row}");
            }
            assert_eq!(of_owner[3]["commands"], 51, "{}", of_owner[3]);
        }
        for row in found["rows"].as_array().expect("rows") {
            assert_eq!(row["found"], expected(row), "{row}");
            assert!(row["skipped"].is_null(), "{row}");
            for figure in ["wall_ms", "commands", "bytes_sent", "bytes_received"] {
                assert!(row[figure].as_f64() > Some(0.0), "{figure} in {row}");
            }
            let wait = &row["wait"];
            assert!(wait["p50_us"].as_u64() <= wait["max_us"].as_u64(), "{row}");
        }
        assert_nothing_is_left(&home);
    }
}

#[test]
fn raw_ways_that_don_t_walk_cost_the_same_on_every_server() {
    for program in programs() {
        let costs = |_| {
            let home = Home::new();
            let ran = finished(bench(&home, &program, &["--keys", "1000", "--rounds", "2"]));
            let found = ran.expect(0).json();
            assert_eq!(found["rounds"], 2);
            let same = [
                "keys",
                "del-giant",
                "unlink-giant",
                "get-each",
                "mget-all",
                "mget-chunks",
                "keys-get",
                "smembers-get",
            ];
            let rows = found["rows"].as_array().expect("rows").clone();
            rows.into_iter()
                .filter(|row| same.iter().any(|way| row["way"] == *way))
                .map(|row| {
                    let figures = ["way", "commands", "bytes_sent", "bytes_received"];
                    figures.map(|name| row[name].clone())
                })
                .collect::<Vec<_>>()
        };
        let (first, second) = (costs(1), costs(2));
        assert_eq!(first.len(), 8);
        assert_eq!(first, second);
    }
}

#[test]
fn only_the_chosen_jobs_are_run_and_drawn() {
    for program in programs() {
        let home = Home::new();
        let picture = home.path("waits.svg");
        let path = picture.to_string_lossy().into_owned();
        let arguments = [
            "--keys",
            "100,2000",
            "--only",
            "delete,enumerate",
            "--svg",
            &path,
        ];
        let found = finished(bench(&home, &program, &arguments))
            .expect(0)
            .json();
        assert!(rows(&found, "read", 2000).is_empty());
        let svg = std::fs::read_to_string(&picture).expect("a picture");
        assert_is_well_formed(&svg);
        assert_eq!(
            svg.matches("class=\"way\"").count(),
            ENUMERATE.len() + DELETE.len()
        );
        assert_eq!(svg.matches("class=\"label\"").count(), 12);
        for part in [
            "while 2,000 of 4,000 keys are listed",
            "are deleted",
            ">KEYS<",
            " us<",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }
}

/// Every element is closed where it belongs, every attribute is quoted, and no `&` stands for itself.
fn assert_is_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let words = &rest[..start];
        assert!(!words.contains('>'), "{words}");
        for entity in words.split('&').skip(1) {
            let name = entity.split(';').next().expect("a part");
            assert!(["amp", "lt", "gt"].contains(&name), "&{entity}");
        }
        let end = rest[start..].find('>').expect("the tag ends") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

#[test]
fn the_table_is_for_people() {
    let home = Home::new();
    let program = Program::find().expect("a server program");
    let mut command = home.keypace(["bench", "--keys", "100", "--only", "read,enumerate"]);
    command.env(keypace_lab::SERVER_VARIABLE, &program.path);
    let ran = finished(command).expect(0);
    for part in [
        "100 keys of 200",
        "SCAN 10000",
        "p99.9",
        "MGET by bytes",
        "raw socket",
    ] {
        assert!(ran.text().contains(part), "{part} is not in {}", ran.text());
    }
    assert!(
        ran.text().lines().all(|line| line.chars().count() <= 80),
        "{}",
        ran.text()
    );
    assert!(
        ran.stderr.contains("1 of 10: list 100 keys by KEYS"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_can_t_be_meant_is_2_and_a_missing_program_is_3() {
    let home = Home::new();
    let refused: [(&[&str], &str); 7] = [
        (
            &["--url", "redis://127.0.0.1:1", "bench"],
            "--on URL --i-know",
        ),
        (&["--rate", "5", "bench"], "--rate"),
        (&["--budget", "off", "bench"], "--budget 1ms"),
        (&["bench", "--keys", "0"], "--keys"),
        (&["bench", "--keys", "10", "--large"], "--large"),
        (&["bench", "--svg", "/none/such/waits.svg"], "no folder"),
        (&["--i-know", "bench", "--on", "rediss://h"], "TLS"),
    ];
    for (arguments, text) in refused {
        home.run(arguments).expect(2).says(&[text]);
    }
    let mut command = home.keypace(["bench"]);
    command.env(keypace_lab::SERVER_VARIABLE, "/none/such");
    finished(command)
        .expect(3)
        .says(&[keypace_lab::SERVER_VARIABLE, "hint: "]);
}

#[test]
fn another_server_is_not_asked_anything_without_i_know() {
    for server in servers() {
        let mut raw = raw(&server);
        let commands = |raw: &mut Raw| raw.info("commandstats").expect("INFO");
        commands(&mut raw);
        let clients =
            |raw: &mut Raw| raw.info("stats").expect("INFO")["total_connections_received"].clone();
        let (before, came) = (commands(&mut raw), clients(&mut raw));
        on(&Home::new(), &server, &["--keys", "100"])
            .expect(4)
            .says(&["207 keys", "random prefix", "hint: ", "--i-know"]);
        let names = |stats: std::collections::HashMap<String, String>| {
            let mut names: Vec<String> = stats.into_keys().collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(commands(&mut raw)), names(before));
        assert_eq!(clients(&mut raw), came, "nobody else came");
    }
}

#[test]
fn on_another_server_only_its_own_keys_come_and_go() {
    for server in servers() {
        let mut raw = raw(&server);
        seed::strings(&mut raw, b"session:", 0..500, 10).expect("seed");
        seed::strings(&mut raw, b"other:", 0..500, 10).expect("seed");
        let ran = on(&Home::new(), &server, &["--i-know", "--keys", "100,1000"]).expect(0);
        let ran = ran.says(&["keypace-bench:", "keypace delete", "'kp:keypace-bench:"]);
        let found = ran.json();
        assert_eq!(found["complete"], true);
        assert_eq!(found["server"]["own"], false);
        for row in found["rows"].as_array().expect("rows") {
            assert_eq!(row["found"], expected(row), "{row}");
        }
        assert_eq!(dbsize(&server), Some(1000));
        for (prefix, number) in [("session:", 0), ("session:", 499), ("other:", 250)] {
            let name = format!("{prefix}{number}");
            let value = raw.command(&[b"GET", name.as_bytes()]).expect("GET");
            assert_eq!(value.bytes(), Some(b"vvvvvvvvvv".as_slice()));
        }
        let stats = raw.info("commandstats").expect("INFO");
        assert!(
            !stats.keys().any(|name| name.contains("flush")),
            "{stats:?}"
        );
    }
}

#[test]
fn commands_over_all_keys_are_left_out_on_a_large_database_of_others() {
    for server in servers() {
        seed::strings(&mut raw(&server), b"theirs:", 0..100_000, 4).expect("seed");
        let found = on(&Home::new(), &server, &["--i-know", "--keys", "100"])
            .expect(0)
            .json();
        for row in found["rows"].as_array().expect("rows") {
            let way = row["way"].as_str().expect("a way");
            let giants = ["keys", "del-giant", "unlink-giant", "mget-all", "keys-get"];
            if giants.contains(&way) {
                let why = row["skipped"].as_str().expect("a reason");
                let totals = ["100,200", "100,100", "100,206"];
                assert!(totals.iter().any(|total| why.contains(total)), "{why}");
                assert!(row["wall_ms"].is_null() && row["wait"].is_null(), "{row}");
            } else {
                assert_eq!(row["found"], expected(row), "{row}");
            }
        }
        assert_eq!(dbsize(&server), Some(100_000));
        let stats = raw(&server).info("commandstats").expect("INFO");
        assert!(!stats.contains_key("cmdstat_keys"), "{stats:?}");
    }
}

#[test]
fn keys_that_have_no_room_are_not_written() {
    for server in servers() {
        let mut raw = raw(&server);
        for (name, value) in [("maxmemory", "64mb"), ("maxmemory-policy", "allkeys-lru")] {
            raw.command(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()])
                .expect("CONFIG");
        }
        on(&Home::new(), &server, &["--i-know", "--keys", "1000000"])
            .expect(4)
            .says(&["evicted", "--keys"]);
        assert_eq!(dbsize(&server), Some(0));
    }
}

/// Starts a bench and stops it in its first measurements.
fn interrupted(home: &Home, mut command: Command, name: &str) -> Ran {
    command.env("TMPDIR", home.path("tmp"));
    let mut child = command.spawn().expect("keypace starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut seen = String::new();
    while !seen.contains("2 of ") {
        assert!(stderr.read_line(&mut seen).expect("a line") > 0, "{seen}");
    }
    signal(&child, name);
    gathered(child, seen, stderr)
}

#[test]
fn an_interrupted_bench_leaves_no_server_and_no_keys() {
    for (server, name) in servers()
        .into_iter()
        .zip(["INT", "TERM"].into_iter().cycle())
    {
        let home = Home::new();
        std::fs::create_dir_all(home.path("tmp")).expect("folder");
        let mut own = home.keypace(["bench", "--keys", "100000"]);
        own.env(keypace_lab::SERVER_VARIABLE, &server.program().path);
        interrupted(&home, own, name)
            .expect(130)
            .says(&["interrupted", "private server is stopped"]);
        assert_nothing_is_left(&home);

        seed::strings(&mut raw(&server), b"session:", 0..10, 4).expect("seed");
        let url = server.url();
        let typed = ["--i-know", "bench", "--keys", "20000", "--on", url.as_str()];
        interrupted(&home, home.keypace(typed), name)
            .expect(130)
            .says(&["interrupted", "keys of this bench are removed"]);
        assert_eq!(dbsize(&server), Some(10));
        let owner = [&typed[..], &["--only", "owner"]].concat();
        interrupted(&home, home.keypace(owner), name)
            .expect(130)
            .says(&["interrupted", "keys of this bench are removed"]);
        assert_eq!(dbsize(&server), Some(10));
    }
}

#[test]
fn a_password_and_a_database_reach_every_connection() {
    for server in servers() {
        raw(&server)
            .command(&[b"CONFIG", b"SET", b"requirepass", b"hunter2"])
            .expect("CONFIG");
        let url = format!("{}?db=3", server.url());
        let typed = [
            "--json",
            "--i-know",
            "bench",
            "--keys",
            "100",
            "--on",
            url.as_str(),
        ];
        let home = Home::new();
        let mut command = home.keypace(typed);
        command.env("KEYPACE_PASSWORD", "hunter2");
        let ran = finished(command).expect(0);
        assert_eq!(ran.json()["complete"], true);
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
        home.run(typed).expect(3).says(&["error: failed to"]);
    }
}
