//! Requests that can't be meant, drawn from a seed: each gets a 4xx, none a 500, and none hangs.

use std::fmt::Write as _;

use futures_util::StreamExt;
use futures_util::stream;
use keypace_lab::seed::SplitMix64;
use serde_json::{Value, json};

use crate::line::Line;
use crate::world::{Who, World};

const REQUESTS: u64 = 10_000;
const AT_ONCE: usize = 8;
const SEED: u64 = 0x6b65_7970_6163_6537;

/// A request as bytes, and what it is, where that can be told.
struct Drawn {
    kind: &'static str,
    bytes: Vec<u8>,
    /// Method and path, where both are good enough for the document.
    route: Option<(&'static str, String)>,
}

struct Dice(SplitMix64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.next() % bound as u64).expect("small")
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..=self.below(most))
            .map(|_| self.0.next().to_le_bytes()[0])
            .collect()
    }

    /// Letters that need no escaping anywhere.
    fn word(&mut self, most: usize) -> String {
        (0..=self.below(most))
            .map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("a letter")))
            .collect()
    }

    /// Any bytes, as a URL has them.
    fn percent(&mut self, most: usize) -> String {
        self.bytes(most)
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "%{byte:02x}");
                text
            })
    }
}

const ADMIN: &str = "Authorization: Bearer kp_admin_anna\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
/// Routes with a body: method and path.
const WRITES: [(&str, &str); 5] = [
    ("POST", "/v1/jobs"),
    ("POST", "/v1/tickets"),
    ("POST", "/v1/sessions"),
    ("PATCH", "/v1/sessions/one"),
    ("PATCH", "/v1/jobs/00000000010000000000000002"),
];
const READS: [&str; 6] = [
    "/v1/jobs",
    "/v1/keys",
    "/v1/sessions",
    "/v1/caches",
    "/v1/servers",
    "/metrics",
];

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}").into_bytes();
    if !body.is_empty() {
        bytes.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

fn written(dice: &mut Dice, kind: &'static str, headers: &str, body: &[u8]) -> Drawn {
    let (method, path) = dice.of(&WRITES);
    Drawn {
        kind,
        bytes: request(method, path, headers, body),
        route: Some((method, path.to_owned())),
    }
}

fn read(kind: &'static str, path: String, headers: &str) -> Drawn {
    Drawn {
        kind,
        bytes: request("GET", &path, headers, b""),
        route: Some(("GET", path)),
    }
}

fn raw(kind: &'static str, bytes: impl Into<Vec<u8>>) -> Drawn {
    Drawn {
        kind,
        bytes: bytes.into(),
        route: None,
    }
}

/// A body that no route takes: cut, broken, or with a field too many.
fn broken_body(dice: &mut Dice) -> Vec<u8> {
    let good = json!({
        "kind": "count", "patterns": ["session:*"], "model": "m", "job": "x", "budget": "1ms", "total_turns": 1,
        "filters": {"types": ["string"], "ttl": "has"},
    })
    .to_string();
    match dice.below(6) {
        0 => good.as_bytes()[..1 + dice.below(good.len() - 1)].to_vec(),
        1 => good.into_bytes(),
        2 => {
            let mut bytes = good.into_bytes();
            let place = dice.below(bytes.len());
            bytes[place] = dice.of(&[0, 7, 0xff, 0xc3, b'{', b'"', b'\\', b'\n']);
            bytes
        }
        3 => format!(
            "{{\"{}\":{}}}",
            dice.word(12),
            dice.of(&["1", "null", "[]", "\"x\"", "1e999", "NaN", "-", "00"])
        )
        .into_bytes(),
        4 => "[".repeat(1 + dice.below(5_000)).into_bytes(),
        _ => dice.bytes(300),
    }
}

fn bad_line(dice: &mut Dice) -> Vec<u8> {
    let path = dice.of(&[
        "/", "/v1/jobs", "/healthz", "*", "http://", "//", "/\u{1}", "/%",
    ]);
    let line = match dice.below(7) {
        0 => format!("GET {path} HTTP/{}.{}", 2 + dice.below(8), dice.below(10)),
        1 => format!("{} {path} HTTP/1.1 x", dice.word(8)),
        2 => format!("GET{}{path}", dice.of(&["\t", "\u{b}", ""])),
        3 => format!("{{}} {path} HTTP/1.1"),
        4 => format!("GET {path} http/1.1"),
        5 => format!("{} {path} HTTP/1.1", dice.word(30).to_uppercase() + "Q"),
        _ => format!(": {path}"),
    };
    format!("{line}\r\nHost: h\r\n\r\n").into_bytes()
}

fn bad_headers(dice: &mut Dice) -> Vec<u8> {
    let header = match dice.below(9) {
        0 => "Content-Length: -1".to_owned(),
        1 => format!("Content-Length: {}", dice.word(5)),
        2 => "Content-Length: 4\r\nContent-Length: 5".to_owned(),
        3 => "Content-Length: 99999999999999999999999".to_owned(),
        4 => format!(
            "Transfer-Encoding: chunked\r\n{ADMIN}{JSON}\r\n{}\r\n",
            dice.word(9).to_uppercase() + "Z"
        ),
        5 => format!("{} : x", dice.word(5)),
        6 => format!(
            "X-{}: {}",
            dice.word(5),
            "y".repeat(20_000 + dice.below(60_000))
        ),
        7 => (0..150)
            .map(|n| format!("X-{n}: y"))
            .collect::<Vec<_>>()
            .join("\r\n"),
        _ => format!("\u{0}{}: x", dice.word(5)),
    };
    format!("POST /v1/jobs HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n").into_bytes()
}

fn bad_query(dice: &mut Dice) -> String {
    let path = dice.of(&[
        "/v1/jobs",
        "/v1/keys",
        "/v1/sessions",
        "/v1/jobs/00000000010000000000000002/events",
    ]);
    let name = dice.of(&[
        "page", "limit", "cursor", "before", "state", "kind", "after", "server", "x", "ticket",
    ]);
    let value = match dice.below(4) {
        0 => dice.percent(40),
        1 => "9".repeat(1 + dice.below(40)) + "x",
        2 => dice
            .of(&["-1", "0", "", "null", "1e3", "%", "%zz", "%00", "*", "{}"])
            .to_owned(),
        _ => dice.word(20),
    };
    // A name that no route has makes every one of them wrong.
    format!("{path}?{name}={value}&{}=1", dice.word(6) + "q")
}

fn draw(dice: &mut Dice) -> Drawn {
    match dice.below(14) {
        0 => {
            let mut bytes = vec![dice.of(&[0, 1, 0x16, 0x80, b'\t', b' ', b'(', 0xff])];
            bytes.extend(dice.bytes(200));
            bytes.extend(b"\r\n\r\n");
            raw("no HTTP", bytes)
        }
        1 => raw("a wrong request line", bad_line(dice)),
        2 => raw("wrong headers", bad_headers(dice)),
        3 => {
            let path = format!("/v1/jobs?x={}", "y".repeat(8 * 1024 + dice.below(4 * 1024)));
            read("a long URL", path, ADMIN)
        }
        4 => {
            let path = format!("/{}/{}", dice.word(9), dice.percent(20));
            read("no such path", path, ADMIN)
        }
        5 => {
            let method = dice.of(&["PUT", "TRACE", "OPTIONS", "BREW", "DELETE", "PROPFIND"]);
            let path = dice.of(&READS);
            raw("no such method", request(method, path, ADMIN, b""))
        }
        6 => {
            let key = dice
                .of(&["Bearer ", "Basic ", "bearer kp_", "", "Bearer\t"])
                .to_owned()
                + &dice.word(300);
            read(
                "no such key",
                dice.of(&READS).to_owned(),
                &format!("Authorization: {key}\r\n"),
            )
        }
        7 => {
            let body = broken_body(dice);
            written(dice, "a broken body", &format!("{ADMIN}{JSON}"), &body)
        }
        8 => {
            let media = dice.of(&[
                "text/plain",
                "application/x-www-form-urlencoded",
                "json",
                "application/xml",
                "\u{7f}",
                "",
            ]);
            written(
                dice,
                "another media type",
                &format!("{ADMIN}Content-Type: {media}\r\n"),
                b"{\"model\":\"m\"}",
            )
        }
        9 if dice.below(20) == 0 => {
            let body = vec![b' '; 300 * 1024];
            written(dice, "a long body", &format!("{ADMIN}{JSON}"), &body)
        }
        9 => {
            let headers = format!(
                "{ADMIN}{JSON}Content-Length: {}\r\n",
                2 + dice.below(1 << 40)
            );
            let (method, path) = dice.of(&WRITES);
            let mut bytes = request(method, path, &headers, b"");
            bytes.push(b'{');
            raw("a body that ends early", bytes)
        }
        10 => read("a wrong query", bad_query(dice), ADMIN),
        11 => {
            let id = dice.percent(30);
            let path = dice
                .of(&["/v1/jobs/", "/v1/caches/", "/v1/sessions/"])
                .to_owned()
                + &id;
            read("no such thing", path, ADMIN)
        }
        12 => {
            let path = format!(
                "/v1/jobs/00000000010000000000000002/events?ticket={}",
                dice.word(80)
            );
            read(
                "no such ticket",
                path,
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
            )
        }
        _ => {
            let field = dice.of(&[
                "kind", "patterns", "filters", "budget", "dry_run", "confirm", "server",
            ]);
            let value = dice.of(&[
                "{}",
                "[[]]",
                "-1",
                "1.5",
                "[null]",
                "\"\\ud800\"",
                "{\"a\":1}",
            ]);
            let body = format!(
                "{{\"kind\":\"count\",\"patterns\":[\"a:*\"],\"{field}\":{value},\"extra\":0}}"
            );
            Drawn {
                kind: "a wrong field",
                bytes: request(
                    "POST",
                    "/v1/jobs",
                    &format!("{ADMIN}{JSON}"),
                    body.as_bytes(),
                ),
                route: Some(("POST", "/v1/jobs".to_owned())),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_that_can_t_be_meant_get_4xx() {
    let world = World::any().await;
    let mut dice = Dice(SplitMix64::new(SEED));
    let drawn: Vec<Drawn> = (0..REQUESTS).map(|_| draw(&mut dice)).collect();
    let sent = stream::iter(drawn.into_iter().enumerate()).map(|(number, drawn)| {
        let world = &world;
        async move {
            // Whoever sends a whole request waits for the reply.
            let ends = drawn.kind == "a body that ends early";
            let mut line = Line::open(world.address).await;
            let reply = line.ask(&drawn.bytes, ends).await;
            let told = || {
                format!(
                    "seed {SEED:#x}, request {number}, {}: {:?}",
                    drawn.kind,
                    String::from_utf8_lossy(&drawn.bytes)
                )
            };
            let Some(reply) = reply else {
                // A line that ends before the request does has nobody to reply to.
                assert!(ends, "no reply: {}", told());
                return (drawn.kind, 0);
            };
            assert!(
                (400..500).contains(&reply.status),
                "{} {}: {}",
                reply.status,
                reply.text(),
                told()
            );
            if let Some((method, path)) = &drawn.route {
                world.documented.check(method, path, &reply);
            }
            (drawn.kind, reply.status)
        }
    });
    let mut counts = std::collections::BTreeMap::<_, u64>::new();
    let mut sent = sent.buffer_unordered(AT_ONCE);
    while let Some(kind) = sent.next().await {
        *counts.entry(kind).or_default() += 1;
    }
    println!("{counts:#?}");
    drop(sent);
    assert_eq!(world.get(Who::Nobody, "/healthz").await.status, 200);
    let jobs: Value = world.get(Who::Admin, "/v1/jobs").await.json();
    assert_eq!(jobs["jobs"], json!([]), "nothing was started");
    world.stop().await;
}
