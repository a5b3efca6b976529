//! Spans of requests and jobs reach a collector, and what must not stand in them doesn't. Built with the feature `otel` alone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use keypace_server::access::hash_of;
use keypace_server::app::App;
use keypace_server::config::Config;
use keypace_server::otel::Traces;
use tokio::sync::oneshot;
use tracing_subscriber::layer::SubscriberExt as _;

const KEY: &str = "kp_secret-of-somebody";

/// Takes whatever comes over HTTP, and hands on each request whole.
fn collector() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = taken(stream.expect("a connection"));
            if tell.send(request).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn taken(mut stream: TcpStream) -> Vec<u8> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut part).expect("bytes");
        request.extend_from_slice(&part[..read]);
        let head = request.windows(4).position(|end| end == b"\r\n\r\n");
        let Some(head) = head else { continue };
        let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        if request.len() >= head + 4 + length {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).expect("answered");
            return request;
        }
    }
}

fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_sees_requests_and_jobs_and_no_secret() {
    let (place, told) = collector();
    let traces = Traces::to(&format!("http://{place}")).expect("an endpoint");
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::set_global_default(subscriber).expect("the first");

    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[servers.shop]\nurl = \"unix:///nonexistent.sock\"\n\
         [keys.k]\nsha256 = \"{}\"\nscope = \"admin\"",
        hash_of(KEY)
    );
    let mut config = Config::parse(&text).expect("a config");
    config.data_dir = Some(folder.path().join("data"));
    let app = App::build(config).await.expect("built");
    let address = app.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(app.run(async {
        let _ = stopped.await;
    }));
    let asking = tokio::task::spawn_blocking(move || {
        let body = r#"{"kind":"count","patterns":["pattern-of-somebody:*"]}"#;
        let made = ask(address, "POST", "/v1/jobs", body);
        assert!(made.starts_with("HTTP/1.1 202"), "{made}");
        let listed = ask(address, "GET", "/v1/sessions?after=query-of-somebody", "");
        assert!(listed.starts_with("HTTP/1.1 40"), "{listed}");
        // It was claimed, and its server is away.
        loop {
            if ask(address, "GET", "/v1/jobs", "").contains("\"state\":\"running\"") {
                return;
            }
        }
    });
    asking.await.expect("asked");
    stop.send(()).expect("it runs");
    running.await.expect("no panic").expect("an orderly end");
    traces.finish().await;

    let mut sent = Vec::new();
    while let Ok(request) = told.recv_timeout(Duration::from_millis(100)) {
        sent.extend(request);
    }
    let text = String::from_utf8_lossy(&sent).into_owned();
    assert!(text.starts_with("POST /v1/traces HTTP/1.1"), "{text}");
    for seen in [
        "application/x-protobuf",
        "service.name",
        "keypace",
        "request",
        "/v1/jobs",
        "/v1/sessions",
        "POST",
        "status",
        "job",
        "shop",
        "count",
        "waiting",
    ] {
        assert!(text.contains(seen), "no {seen} in {text}");
    }
    for hidden in ["of-somebody", "nonexistent", "Bearer"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}
