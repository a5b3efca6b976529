//! A service that is told to stop in the middle of a delete, and started again: what was under way is settled, the process
//! ends in time, and the job goes on by itself to its end. Waits for states, never for time.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "live_serve/service.rs"]
mod service;

use std::time::{Duration, Instant};

use common::{Home, servers};
use keypace_lab::{OwnedServer, Raw, seed};
use serde_json::{Value, json};
use service::{Service, answer, status};

/// Enough that a delete at a small budget is still under way when its first keys have been seen to go.
const KEYS: u64 = 200_000;
/// The budget that it begins with.
const SLOW: &str = "50us";
/// How long a delete of them may take on a machine that has other work too.
const PATIENCE: Duration = Duration::from_secs(240);

fn dbsize(server: &OwnedServer) -> u64 {
    let mut raw = Raw::connect(server.endpoint()).expect("a connection");
    let reply = raw.command(&[b"DBSIZE"]).expect("DBSIZE");
    reply
        .int()
        .and_then(|size| u64::try_from(size).ok())
        .expect("a size")
}

/// A job once it is in a state that is asked for.
fn job_in(service: &Service, id: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let job = answer(&service.get(&format!("/v1/jobs/{id}"), &[]));
        if is_there(&job) {
            return job;
        }
        assert!(began.elapsed() < PATIENCE, "still {job}");
    }
}

fn start_job(service: &Service, body: &Value) -> String {
    let reply = service.send("POST", "/v1/jobs", &body.to_string());
    assert_eq!(status(&reply), 202, "{reply}");
    let (_, job) = reply.split_once("\r\n\r\n").expect("a body");
    let job: Value = serde_json::from_str(job).expect("JSON");
    job["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_delete_under_way_is_settled_and_goes_on_at_the_next_start() {
    for server in servers() {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        seed::strings(&mut raw, b"session:", 0..KEYS, 8).expect("seed");
        seed::strings(&mut raw, b"other:", 0..1_000, 8).expect("seed");
        let home = Home::with_url(&server.url());
        let first = Service::start(&home, &[]);
        let dry =
            json!({"kind": "delete", "patterns": ["session:*"], "dry_run": true, "budget": SLOW});
        let plan = start_job(&first, &dry);
        let planned = job_in(&first, &plan, |job| job["state"] == "planned");
        assert_eq!(planned["result"]["would_delete"], KEYS, "{planned}");
        let confirm = planned["confirm"].as_str().expect("a token");
        let wet = json!({"kind": "delete", "patterns": ["session:*"], "budget": SLOW, "confirm": confirm});
        let id = start_job(&first, &wet);
        job_in(&first, &id, |job| {
            job["progress"]["deleted"].as_u64() > Some(0)
        });
        let told = Instant::now();
        let log = first.stop();
        assert!(told.elapsed() < Duration::from_secs(25), "{log}");
        let left = dbsize(&server);
        assert!(left > 1_000, "it was done before it was told to stop");

        let second = Service::start(&home, &[]);
        let fast = json!({"budget": "off"}).to_string();
        let reply = second.send("PATCH", &format!("/v1/jobs/{id}"), &fast);
        assert!([200, 409].contains(&status(&reply)), "{reply}");
        let done = job_in(&second, &id, |job| job["state"] == "done");
        assert_eq!(
            done["result"]["deleted"], KEYS,
            "each is counted once: {done}"
        );
        assert_eq!(done["result"]["complete"], true, "{done}");
        assert_eq!(dbsize(&server), 1_000, "{left} were left in between");
        assert!(
            !log.contains("session:"),
            "a key's name stands in the log: {log}"
        );
        second.stop();
    }
}
