//! `keypace serve` as a process: where it listens, who is answered, API keys while it runs, and how it ends. What jobs do is
//! tested elsewhere.

#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "live_serve/service.rs"]
mod service;

use std::os::unix::fs::PermissionsExt as _;

use common::{Home, signal};
use service::{Service, answer, status};

#[test]
fn beyond_loopback_it_begins_only_with_a_key() {
    let home = Home::new();
    home.run(["serve", "--listen", "0.0.0.0:0"])
        .expect(4)
        .says(&["there are no API keys", "--new-key", "127.0.0.1"]);
    home.run(["serve", "--new-key", "operator"]).expect(0);
    let service = Service::start(&home, &["--listen", "0.0.0.0:0"]);
    assert!(!service.keyless);
    assert_eq!(status(&service.get("/v1/servers", &[])), 401);
}

#[test]
fn a_key_is_shown_once_and_kept_as_a_hash_in_a_private_file() {
    let home = Home::new();
    let made = home.run(["serve", "--new-key", "admin"]).expect(0);
    let key = made.text().trim().to_owned();
    assert!(key.starts_with("kp_") && key.len() == 46, "{made:?}");
    let data = home.state().join("serve");
    let mode = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            let bytes = std::fs::read(&path).expect("a file");
            let holds = bytes.windows(key.len()).any(|part| part == key.as_bytes());
            assert!(!holds, "the key stands in {}", path.display());
        }
    }
    let listed = home.run(["--json", "serve", "--list-keys"]).expect(0);
    assert_eq!(listed.json()["scope"], "admin");
    assert!(!listed.text().contains(&key));
}

#[test]
fn an_owner_comes_from_a_file_or_stdin_and_an_owner_s_key_needs_one() {
    let home = Home::new();
    home.run(["serve", "--new-key", "owner"])
        .expect(2)
        .says(&["--owner-file"]);
    home.run(["serve", "--owner", "a"])
        .expect(2)
        .says(&["--new-key"]);
    home.run(["serve", "--new-key", "root"]).expect(2);
    std::fs::write(home.path("owner"), "somebody\n").expect("written");
    let file = home.path("owner").to_string_lossy().into_owned();
    home.run(["serve", "--new-key", "owner", "--owner-file", &file])
        .expect(0);
    let listed = home.run(["--json", "serve", "--list-keys"]).expect(0);
    assert_eq!(listed.json()["has_owner"], true);
    assert!(!listed.text().contains("somebody"));
    home.run(["serve", "--revoke-key", "k_none"])
        .expect(2)
        .says(&["k_none", "--list-keys"]);
}

#[test]
fn without_keys_a_rebound_name_and_a_foreign_page_get_nothing() {
    let home = Home::new();
    let service = Service::start(&home, &[]);
    assert!(service.keyless);
    let own = service.authority.clone();
    let port = own.rsplit(':').next().expect("a port").to_owned();
    assert_eq!(status(&service.get("/v1/servers", &[])), 200);
    let origin = format!("Origin: http://{own}");
    assert_eq!(status(&service.get("/v1/servers", &[&origin])), 200);
    for host in [
        format!("localhost:{port}"),
        "rebound.example".to_owned(),
        String::new(),
    ] {
        for path in ["/", "/healthz", "/v1/servers", "/metrics", "/nothing"] {
            let reply = service.ask("GET", path, &host, &[]);
            assert_eq!(status(&reply), 403, "{host} {path}: {reply}");
        }
    }
    for origin in [
        "Origin: http://evil.example",
        "Origin: null",
        "Origin: https://127.0.0.1",
    ] {
        let reply = service.get("/v1/servers", &[origin]);
        assert_eq!(status(&reply), 403, "{origin}: {reply}");
        assert!(!reply.to_lowercase().contains("access-control"), "{reply}");
    }
}

#[test]
fn keys_are_made_and_revoked_while_it_runs() {
    let home = Home::new();
    let service = Service::start(&home, &[]);
    assert_eq!(status(&service.get("/v1/servers", &[])), 200);
    let made = home
        .run(["--json", "serve", "--new-key", "operator"])
        .expect(0);
    // The first key ends the time without keys, within a second and a little.
    service.until("/v1/servers", &[], 401);
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let bearer = format!("Authorization: Bearer {key}");
    assert_eq!(status(&service.get("/v1/servers", &[&bearer])), 200);
    assert_eq!(status(&service.get("/metrics", &[&bearer])), 200);
    // From anywhere: the name is no secret once a key is asked for.
    assert_eq!(
        status(&service.ask("GET", "/v1/servers", "localhost:1", &[&bearer])),
        200
    );
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    home.run(["serve", "--revoke-key", &id]).expect(0);
    service.until("/v1/servers", &[&bearer], 401);
    // It has ended for good: without any key left nobody is let in.
    assert_eq!(status(&service.get("/v1/servers", &[])), 401);
    let log = service.stop();
    assert!(!log.contains(&key), "the key stands in the log: {log}");
}

#[test]
fn a_config_with_a_fault_names_it_and_ends_with_2() {
    let home = Home::new();
    let rows = [
        (
            "[servers.a]\nurl = \"redis://a\"\nuser_name = \"x\"",
            "[servers.a]",
        ),
        (
            "[caches.all]\npatterns = { x = \"*\" }",
            "[caches.all] patterns.x",
        ),
        ("[tls]\ncert = \"/none/cert\"\nkey = \"/none/key\"", "[tls]"),
        (
            "[keys.a]\nsha256 = \"\"\nscope = \"admin\"",
            "[keys.a] sha256",
        ),
        (
            "[servers.a]\nurl = \"redis://a\"\npassword_file = \"/none/such\"",
            "[servers.a] password_file",
        ),
    ];
    let path = home.path("serve.toml");
    let named = path.to_string_lossy().into_owned();
    for (text, place) in rows {
        std::fs::write(&path, text).expect("written");
        home.run(["--config", &named, "serve", "--listen", "127.0.0.1:0"])
            .expect(2)
            .says(&["error: failed to", place]);
    }
    home.run(["--config", "/none/such.toml", "serve"]).expect(2);
    home.run(["--budget", "1ms", "serve"])
        .expect(2)
        .says(&["--budget"]);
    home.run(["serve", "--listen", "here"])
        .expect(2)
        .says(&["--listen", "127.0.0.1:8420"]);
}

#[test]
fn an_address_in_use_is_told() {
    let home = Home::new();
    let service = Service::start(&home, &[]);
    let other = Home::new();
    other
        .run(["serve", "--listen", &service.authority])
        .expect(2)
        .says(&["listen on", "--listen"]);
}

#[test]
fn a_signal_ends_it_with_0_and_the_log_is_json() {
    for name in ["TERM", "INT"] {
        let home = Home::new();
        let service = Service::start(&home, &["--log", "json"]);
        assert_eq!(answer(&service.get("/healthz", &[]))["status"], "ok");
        assert_eq!(answer(&service.get("/readyz", &[]))["status"], "ok");
        signal(&service.child, name);
        let log = service.ended(0);
        let lines: Vec<serde_json::Value> = log
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect();
        assert!(
            lines
                .iter()
                .any(|line| line["message"] == "listening" && line["keyless"] == true),
            "{log}"
        );
        assert!(
            lines.iter().any(|line| line["message"] == "stopped"),
            "{log}"
        );
    }
}

#[test]
fn the_openapi_document_is_of_version_3_1() {
    let service_home = Home::new();
    let service = Service::start(&service_home, &[]);
    let document = answer(&service.get("/openapi.json", &[]));
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1."), "{version}");
    assert!(document["paths"]["/healthz"]["get"].is_object());
}
