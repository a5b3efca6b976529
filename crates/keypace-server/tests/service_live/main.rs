//! The service on a real listener: what is refused before a handler is asked, headers of every reply, TLS, and the way down.
//! Needs no server that is worked on.

mod world;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use keypace_server::app::{App, StartErrorKind};
use keypace_server::config::{Config, TlsPaths};
use keypace_server::limits;
use world::{Running, config, header, raw, status};

fn get(path: &str, running: &Running, more: &str) -> String {
    let host = running.address;
    raw(
        running,
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
            .as_bytes(),
    )
}

#[test]
fn every_reply_keeps_a_browser_to_the_page() {
    let running = Running::start(config());
    for (path, expected) in [
        ("/healthz", 200),
        ("/", 200),
        ("/nothing", 404),
        ("/v1/servers/x", 404),
    ] {
        let reply = get(path, &running, "");
        assert_eq!(status(&reply), expected, "{path}: {reply}");
        assert_eq!(
            header(&reply, "x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            header(&reply, "referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        let policy = header(&reply, "content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(header(&reply, "cache-control").is_some(), "{path}");
        assert!(
            header(&reply, "x-request-id").is_some_and(|id| id.len() == 16),
            "{path}"
        );
        assert_eq!(header(&reply, "access-control-allow-origin"), None);
    }
    assert_eq!(
        header(&get("/healthz", &running, ""), "cache-control"),
        Some("no-store")
    );
}

#[test]
fn what_there_is_not_is_told_as_a_problem() {
    let running = Running::start(config());
    let reply = get("/nothing", &running, "");
    assert_eq!(
        header(&reply, "content-type"),
        Some("application/problem+json")
    );
    assert!(reply.contains("\"status\":404"), "{reply}");
    let host = running.address;
    for method in ["POST", "DELETE", "PUT", "OPTIONS", "TRACE"] {
        let request =
            format!("{method} /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = raw(&running, request.as_bytes());
        assert_eq!(status(&reply), 405, "{method}: {reply}");
        assert_eq!(header(&reply, "allow"), Some("GET"), "{reply}");
        assert_eq!(
            header(&reply, "content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let running = Running::start(config());
    let host = running.address;
    let long = "a".repeat(limits::URI_BYTES);
    assert_eq!(status(&get(&format!("/?{long}"), &running, "")), 414);
    let many: String = (0..limits::HEADER_COUNT + 1)
        .map(|n| format!("h{n}: x\r\n"))
        .collect();
    assert_eq!(status(&get("/healthz", &running, &many)), 431);
    let large = format!("h: {}\r\n", "a".repeat(limits::HEADER_BYTES * 2));
    assert_eq!(status(&get("/healthz", &running, &large)), 431);
    let request = format!(
        "GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(&raw(&running, request.as_bytes())), 400);
}

#[test]
fn who_asks_too_much_is_told_when_to_come_again() {
    let mut config = config();
    config.requests.per_second = std::num::NonZeroU32::MIN;
    config.requests.burst = std::num::NonZeroU32::MIN;
    let running = Running::start(config);
    let statuses: Vec<u16> = (0..3)
        .map(|_| status(&get("/v1/servers", &running, "")))
        .collect();
    assert_eq!(statuses[0], 200);
    let reply = get("/v1/servers", &running, "");
    assert_eq!(status(&reply), 429, "{statuses:?} {reply}");
    let after: u64 = header(&reply, "retry-after")
        .expect("a time")
        .parse()
        .expect("a number");
    assert!((1..=5).contains(&after), "{after}");
}

#[test]
fn figures_count_requests_by_route_and_no_path_of_a_caller_s() {
    let running = Running::start(config());
    get("/healthz", &running, "");
    get("/secret-of-somebody?key=1", &running, "");
    let reply = get("/metrics", &running, "");
    assert_eq!(status(&reply), 200);
    assert!(
        reply.contains(
            "keypace_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"}"
        ),
        "{reply}"
    );
    assert!(
        reply.contains("keypace_jobs{state=\"waiting\"} 0"),
        "{reply}"
    );
    assert!(
        reply.contains("keypace_sql_pool_connections{state=\"busy\"}"),
        "{reply}"
    );
    assert!(!reply.contains("secret-of-somebody"), "{reply}");
}

#[test]
fn a_certificate_from_a_file_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let mut config = config();
    config.tls = Some(TlsPaths { cert, key });
    let running = Running::start(config);
    let host = running.address;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let reply = world::over_tls(&running, made.cert.der(), request.as_bytes());
    assert_eq!(status(&reply), 200, "{reply}");
    // In clear nobody is answered.
    let mut stream = TcpStream::connect(running.address).expect("somebody listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    assert!(!reply.starts_with(b"HTTP"), "{reply:?}");
}

#[tokio::test]
async fn a_certificate_that_can_t_be_used_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.pem");
    std::fs::write(&path, "").expect("written");
    let mut config = config().0;
    config.data_dir = Some(folder.path().join("data"));
    config.tls = Some(TlsPaths {
        cert: path.clone(),
        key: path,
    });
    let error = App::build(config).await.expect_err("refused");
    assert_eq!(error.kind(), StartErrorKind::Config);
    assert!(
        error.to_string().contains("[tls]") && error.to_string().contains("empty.pem"),
        "{error}"
    );
    let cause = std::error::Error::source(&error).expect("a cause");
    assert!(!error.to_string().contains(&cause.to_string()), "{cause}");
}

#[tokio::test]
async fn without_a_data_folder_nothing_begins() {
    let error = App::build(Config::default()).await.expect_err("refused");
    assert_eq!(error.kind(), StartErrorKind::Config);
    assert!(error.hint().is_some_and(|hint| hint.contains("--data-dir")));
}

/// Requests under way when it is told to stop are answered whole; whoever comes later finds nobody. Nothing is in between.
#[test]
fn a_drain_under_load_cuts_no_reply() {
    let running = Running::start(config());
    let address = running.address;
    let (begun, has_begun) = std::sync::mpsc::channel();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let begun = begun.clone();
            std::thread::spawn(move || {
                let request = format!(
                    "GET /openapi.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
                );
                let mut whole = 0_u32;
                loop {
                    let Ok(mut stream) = TcpStream::connect(address) else {
                        return whole;
                    };
                    let mut reply = String::new();
                    let sent = stream.write_all(request.as_bytes());
                    let read = sent.and_then(|()| stream.read_to_string(&mut reply));
                    // Hung up on before a byte came: it was not taken any more.
                    if read.is_err() || reply.is_empty() {
                        assert!(reply.is_empty(), "cut: {reply}");
                        return whole;
                    }
                    assert_eq!(status(&reply), 200);
                    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
                    let document: serde_json::Value =
                        serde_json::from_str(body).expect("a whole body");
                    assert!(document["openapi"].is_string());
                    whole += 1;
                    let _ = begun.send(());
                }
            })
        })
        .collect();
    for _ in 0..50 {
        has_begun.recv().expect("clients are at work");
    }
    let told = Instant::now();
    running.stop();
    assert!(told.elapsed() < limits::DRAIN, "{:?}", told.elapsed());
    let whole: u32 = clients
        .into_iter()
        .map(|client| client.join().expect("no reply was cut"))
        .sum();
    assert!(whole >= 50, "{whole}");
}

/// Half a request, and a connection that says nothing, hold the way down up for their part of the time and no longer.
#[test]
fn a_silent_client_does_not_hold_a_drain_up() {
    let running = Running::start(config());
    let mut half = TcpStream::connect(running.address).expect("somebody listens");
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost:")
        .expect("sent");
    let silent = TcpStream::connect(running.address).expect("somebody listens");
    assert_eq!(status(&get("/healthz", &running, "")), 200);
    let told = Instant::now();
    running.stop();
    let most = limits::DRAIN_SOCKETS + Duration::from_secs(5);
    assert!(told.elapsed() < most, "{:?}", told.elapsed());
    drop((half, silent));
}
