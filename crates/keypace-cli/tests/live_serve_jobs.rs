//! Jobs of `keypace serve` as a process: killed again and again in the middle of a delete, and two replicas on one store of
//! which one is frozen and woken. The seed is printed, and `KEYPACE_SEED` replays it.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "live_serve/service.rs"]
mod service;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{Home, servers, signal};
use keypace_lab::seed::{self, SplitMix64};
use keypace_lab::{
    OwnedPostgres, OwnedServer, PostgresProgram, Raw, Value as Answer, postgres_install_hint,
};
use serde_json::{Value, json};
use service::{Service, answer, status};

const KEYS: u64 = 300_000;
const OTHERS: u64 = 100;
/// As slow as it goes.
const BUDGET: &str = "50us";
/// A lease runs out within ten seconds, and the delete takes some; the rest is for a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(150);

#[test]
fn a_service_that_is_killed_again_and_again_ends_its_delete() {
    let running: Vec<_> = servers()
        .into_iter()
        .map(|server| thread::spawn(move || killed(&server, 4)))
        .collect();
    for one in running {
        if let Err(panic) = one.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
#[ignore = "five minutes: twenty leases that run out, on each server program"]
fn a_service_that_is_killed_twenty_times_ends_its_delete() {
    for server in servers() {
        killed(&server, 20);
    }
}

fn killed(server: &OwnedServer, kills: u32) {
    let mut random = random();
    let home = Home::with_url(&server.url());
    fill(server);
    let mut service = Service::start(&home, &[]);
    let id = delete(&service, true, BUDGET);
    for kill in 0..kills {
        let job = until(&service, &id, |job| {
            job["state"] == "running" && job["restarts"] == kill && deleted(job) > 0
        });
        assert_eq!(job["has_backup"], true, "{job:#}");
        // Up to more than a checkpoint's interval: the moment is what is tried, not waited for.
        let most = 12_000 / u64::from(kills);
        thread::sleep(Duration::from_millis(random.next() % most));
        service.child.kill().expect("killed");
        service.child.wait().expect("gone");
        assert!(
            size(server) > OTHERS + 1_000,
            "killed {kill} times, and it was to be in mid-run"
        );
        service = Service::start(&home, &[]);
    }
    until(&service, &id, |job| job["restarts"] == kills);
    faster(&service, &id);
    let job = until(&service, &id, |job| job["state"] == "done");
    assert_eq!(size(server), OTHERS);
    let result = &job["result"];
    let count = |name: &str| result[name].as_u64().expect("a count");
    println!(
        "{}: killed {kills} times; {KEYS} keys went: {} counted as deleted, {} found gone, {} in no count",
        server.program().label(),
        count("deleted"),
        count("already_gone"),
        KEYS.saturating_sub(count("deleted") + count("already_gone"))
    );
    // A key that went after the last checkpoint and before the kill is found gone, or not found and in no count: none is
    // counted as deleted twice.
    assert!(count("deleted") <= KEYS, "{result:#}");
    assert_eq!((count("failed"), count("unknown")), (0, 0), "{result:#}");
    let history = answer(&service.get("/v1/jobs", &[]));
    let states: Vec<_> = history["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| &job["state"])
        .collect();
    assert_eq!(states, ["done", "planned"], "{history:#}");
    assert_eq!(job["restarts"], kills);

    // Whatever the counts say, the backup has every key.
    let back = json!({"kind": "restore", "patterns": [], "from_job": id, "budget": "off"});
    let back = post(&service, "/v1/jobs", &back, 202);
    let back = until(&service, back["id"].as_str().expect("an id"), |job| {
        job["state"] == "done"
    });
    assert_eq!(size(server), OTHERS + KEYS, "{back:#}");
    service.stop();
}

#[test]
fn a_replica_that_is_frozen_and_woken_does_nothing_more() {
    let program = PostgresProgram::find()
        .unwrap_or_else(|error| panic!("{error}: {}", postgres_install_hint()));
    for server in servers() {
        let postgres = OwnedPostgres::start(&program).expect("a PostgreSQL");
        fill(&server);
        let mut raw = raw(&server);
        for user in ["one", "two"] {
            // Each replica comes as another user, so that the server can tell who asks for what.
            said(
                &mut raw,
                &["ACL", "SETUSER", user, "on", ">secret", "~*", "&*", "+@all"],
            );
        }
        let (home_one, home_two) = (Home::new(), Home::new());
        let one = replica(&home_one, &server, &postgres, "one");
        let id = delete(&one, false, BUDGET);
        until(&one, &id, |job| deleted(job) > 1_000);
        let two = replica(&home_two, &server, &postgres, "two");
        signal(&one.child, "STOP");
        let job = until(&two, &id, |job| {
            job["restarts"] == 1 && job["state"] == "running"
        });
        assert!(size(&server) > OTHERS + 1_000, "it was to be in mid-run");
        let before = deleted(&job);
        // From now on the first one's deletes are refused, and written down.
        said(
            &mut raw,
            &[
                "ACL", "SETUSER", "one", "-unlink", "-del", "-eval", "-evalsha",
            ],
        );
        said(&mut raw, &["ACL", "LOG", "RESET"]);
        signal(&one.child, "CONT");
        until(&two, &id, |job| {
            deleted(job) > before + 1_000 || job["state"] == "done"
        });
        faster(&two, &id);
        let job = until(&two, &id, |job| job["state"] == "done");
        let tried = said(&mut raw, &["ACL", "LOG"]);
        let tried = tried.items().map_or(0, <[Answer]>::len);
        // One command may have been on its way out when it was frozen.
        assert!(
            tried <= 1,
            "{tried} deletes of a replica that has lost its lease"
        );
        assert_eq!((size(&server), &job["restarts"]), (OTHERS, &json!(1)));
        let count = |name: &str| job["result"][name].as_u64().expect("a count");
        println!(
            "{}: frozen and woken: {} counted as deleted, {} found gone, {tried} commands refused",
            server.program().label(),
            count("deleted"),
            count("already_gone")
        );
        assert!(count("deleted") <= KEYS, "{job:#}");
        // It goes on as a replica like any other: what it says of the job is what the store says.
        let seen = until(&one, &id, |job| job["state"] == "done");
        assert_eq!(seen["result"], job["result"]);
        let log = one.stop();
        assert!(log.contains("the lease was lost"), "{log}");
        two.stop();
        server.stop().expect("stopped");
    }
}

/// A replica with a folder of its own, as this user of the server.
fn replica(home: &Home, server: &OwnedServer, postgres: &OwnedPostgres, user: &str) -> Service {
    let password = home.path("password");
    private(&password, "secret\n");
    let config = home.path("serve.toml");
    let text = format!(
        "data_dir = {:?}\n[store]\nurl = {:?}\n[servers.default]\nurl = {:?}\nuser = {user:?}\npassword_file = {:?}\n",
        home.path("data"),
        postgres.url(),
        server.url(),
        password,
    );
    private(&config, &text);
    Service::start(home, &["--config", &config.to_string_lossy()])
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

fn random() -> SplitMix64 {
    let seed = std::env::var("KEYPACE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| u64::from(now.subsec_nanos()))
    });
    println!("KEYPACE_SEED={seed}");
    SplitMix64::new(seed)
}

fn raw(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("a connection")
}

fn said(raw: &mut Raw, words: &[&str]) -> Answer {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    raw.command(&words).expect("answered")
}

fn fill(server: &OwnedServer) {
    let mut raw = raw(server);
    seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seeded");
    seed::strings(&mut raw, b"other:", 0..OTHERS, 8).expect("seeded");
}

fn size(server: &OwnedServer) -> u64 {
    let size = said(&mut raw(server), &["DBSIZE"]).int();
    size.and_then(|size| u64::try_from(size).ok())
        .expect("a size")
}

fn deleted(job: &Value) -> u64 {
    job["progress"]["deleted"].as_u64().unwrap_or(0)
}

/// A delete of all sessions that was planned and is confirmed.
fn delete(service: &Service, backup: bool, budget: &str) -> String {
    let mut wanted = json!({"kind": "delete", "patterns": ["session:*"], "backup": backup, "dry_run": true, "budget": "off"});
    let planned = post(service, "/v1/jobs", &wanted, 202);
    let planned = planned["id"].as_str().expect("an id").to_owned();
    let planned = until(service, &planned, |job| job["state"] == "planned");
    wanted["dry_run"] = json!(false);
    wanted["budget"] = json!(budget);
    wanted["confirm"] = planned["confirm"].clone();
    let job = post(service, "/v1/jobs", &wanted, 202);
    job["id"].as_str().expect("an id").to_owned()
}

/// Looks at a job until it is as wanted.
fn until(service: &Service, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let job = answer(&service.get(&format!("/v1/jobs/{id}"), &[]));
        if wanted(&job) {
            return job;
        }
        let ended = ["done", "failed", "incomplete", "cancelled", "planned"];
        let is_ended = job["state"]
            .as_str()
            .is_some_and(|state| ended.contains(&state));
        assert!(
            !is_ended && began.elapsed() < PATIENCE,
            "never as wanted: {job:#}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

fn post(service: &Service, path: &str, body: &Value, wanted: u16) -> Value {
    send(service, "POST", path, body, &[wanted])
}

/// What is left of a job goes at full speed, unless it has ended.
fn faster(service: &Service, id: &str) {
    let body = json!({"budget": "off"});
    send(
        service,
        "PATCH",
        &format!("/v1/jobs/{id}"),
        &body,
        &[200, 409],
    );
}

fn send(service: &Service, method: &str, path: &str, body: &Value, wanted: &[u16]) -> Value {
    let body = body.to_string();
    let host = &service.authority;
    let mut stream = TcpStream::connect(host).expect("somebody listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(wanted.contains(&status(&reply)), "{reply}");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).expect("JSON")
}
