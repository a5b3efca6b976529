//! Figures on real servers, for who changes the bounds: server time a key by command, and wall time. Gates nothing.

use std::fmt::Write as _;
use std::time::Instant;

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions};

use super::harness::{How, Safe, names};
use crate::key::Key;
use crate::limits;
use crate::port::{ConnectOptions, Keyspace, Target};

const KEYS: u64 = 100_000;

fn ask(raw: &mut Raw, words: &[&[u8]]) {
    let reply = raw.command(words).and_then(keypace_lab::Value::checked);
    reply.expect("accepted");
}

/// Server time in us a key, in all and by command.
fn server_time(raw: &mut Raw) -> String {
    let stats = raw.info("commandstats").expect("told");
    let mut text = String::new();
    let mut total = 0.0;
    for (name, fields) in stats {
        let usec = fields
            .split(',')
            .find_map(|field| field.strip_prefix("usec="));
        let Some(usec) = usec.and_then(|usec| usec.parse::<f64>().ok()) else {
            continue;
        };
        let each = usec / KEYS as f64;
        total += each;
        if each > 0.01 {
            let name = name.trim_start_matches("cmdstat_");
            write!(text, " {name} {each:.2}").expect("a string");
        }
    }
    format!("{total:.2} us a key:{text}")
}

fn cpu(raw: &mut Raw) -> f64 {
    let info = raw.info("cpu").expect("told");
    let field = |name: &str| info[name].parse::<f64>().expect("a number");
    field("used_cpu_user") + field("used_cpu_sys")
}

/// `cargo test --release -p keypace --lib figures -- --ignored --nocapture`
#[tokio::test]
#[ignore = "prints figures, and takes a minute"]
async fn figures_of_a_delete_with_a_backup() {
    let mut text = String::new();
    for program in Program::all() {
        for dumps in [false, true] {
            for batch in [32, 64, 128] {
                let server = OwnedServer::start(&program, ServerOptions::default());
                let server = server.expect("started");
                let mut raw = Raw::connect(server.endpoint()).expect("connected");
                if dumps {
                    let mut pipeline = raw.pipeline();
                    for key in names("k:", KEYS) {
                        pipeline.add(&[b"HSET", key.as_bytes(), b"a", &[b'x'; 100], b"b", b"y"]);
                        if pipeline.pending() >= 1000 {
                            pipeline.run().expect("seeded");
                        }
                    }
                    pipeline.run().expect("seeded");
                } else {
                    keypace_lab::seed::strings(&mut raw, b"k:", 0..KEYS, 1024).expect("seeded");
                }
                ask(&mut raw, &[b"CONFIG", b"RESETSTAT"]);
                let target = Target::parse(&server.url()).expect("valid");
                let keyspace = Keyspace::connect(target, ConnectOptions::default()).await;
                let keyspace = keyspace.expect("connected");
                let safe = Safe::new();
                let keys: Vec<Key> = names("k:", KEYS);
                let how = How {
                    batch,
                    ..How::saving(&safe)
                };
                let (begun, before) = (Instant::now(), cpu(&mut raw));
                let came = how.delete(&keyspace, &keys).await;
                let (wall, cpu) = (begun.elapsed(), cpu(&mut raw) - before);
                assert_eq!(came.tally.deleted, KEYS, "{came:?}");
                writeln!(
                    text,
                    "{}, {} leases, {} by {batch}: wall {:.2} s, cpu {:.2} us a key, {}",
                    program.label(),
                    limits::WATCHED_LEASES_PER_NODE,
                    if dumps { "DUMP" } else { "MGET" },
                    wall.as_secs_f64(),
                    cpu * 1e6 / KEYS as f64,
                    server_time(&mut raw)
                )
                .expect("a string");
            }
        }
    }
    // Shown with --nocapture, or where it fails.
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, text.as_bytes()).expect("shown");
}
