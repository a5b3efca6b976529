//! `keypace stats` over a keyspace of many prefixes: its memory, its wall, and what it asks of the server.
//! Must not grow the memory of the machine: the values are small, and the server fills itself.

use std::time::Duration;

use keypace_lab::{Listen, OwnedServer, Raw, ServerOptions};
use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, column, median};
use super::ground;
use super::process;
use super::setting::Setting;
use super::spent;
use crate::failure::{Failure, Outcome};

/// Of the setting's keys: five million at full size.
const KEYS_TIMES: u64 = 5;
/// Fewer than the rows that stats keeps, so that each has one.
const PREFIXES: u64 = 2000;
const VALUE_BYTES: &str = "32";
const FILL_COMMANDS: usize = 16;
/// Resident memory that stats may not pass.
const PEAK_LIMIT_BYTES: f64 = (128 << 20) as f64;
/// A run takes seconds.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// All sizes as MEMORY USAGE samples them, and those of a share of the keys.
const CASES: [(&str, &[&str]); 2] = [
    ("stats", &["stats"]),
    ("stats --sample 1%", &["stats", "--sample", "1%"]),
];

/// A row for each case, of one run: a bound is judged, not a speed.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let options = ServerOptions::default()
        .with_listen(Listen::Tcp)
        .with_arg("enable-debug-command", "yes");
    let server = OwnedServer::start(setting.program, options)?;
    let mut raw = Raw::connect(server.endpoint())?;
    let keys = fill(&mut raw, setting.keys * KEYS_TIMES)?;
    let mut rows = Vec::new();
    for (name, words) in CASES {
        eprintln!("{name} of {keys} keys");
        let mut command = setting.keypace_on(&server.url(), "off");
        command.args(words).arg("--json");
        spent::forget(&mut raw)?;
        let mut peak_bytes = 0;
        let wall = process::watched_unread(command, &[0], LOOK_PAUSE, |pid| {
            peak_bytes = peak_bytes.max(process::resident_peak(pid).unwrap_or(0));
            Ok(())
        })?;
        let spent = spent::read(&mut raw)?;
        let round = json!({
            "wall_ms": (wall.as_secs_f64() * 10_000.0).round() / 10.0,
            "server_us_per_key": (spent.us_per_key(keys) * 1000.0).round() / 1000.0,
            "commands_per_key": (spent.calls_per_key(keys) * 1000.0).round() / 1000.0,
            "peak_bytes": peak_bytes,
        });
        rows.push(row(name, keys, round).with_field("server", spent.shown(keys)));
    }
    server.stop()?;
    Ok(rows)
}

fn row(name: &str, keys: u64, round: Value) -> Row {
    let peak = median(&column(std::slice::from_ref(&round), "peak_bytes"));
    Row::new(name)
        .with_field("keys", keys)
        .with_field("prefixes", PREFIXES)
        .with_rounds(vec![round])
        .with_verdict(Verdict::at_most(
            format!("{name}, peak"),
            peak,
            PEAK_LIMIT_BYTES,
            Unit::Bytes,
        ))
}

/// Has the server write as many keys of each prefix. How many there are.
fn fill(raw: &mut Raw, keys: u64) -> Outcome<u64> {
    eprintln!("seeding {keys} keys");
    let each = keys.div_ceil(PREFIXES).to_string();
    let prefixes: Vec<String> = (0..PREFIXES)
        .map(|prefix| format!("tenant{prefix}"))
        .collect();
    for some in prefixes.chunks(FILL_COMMANDS) {
        let mut pipeline = raw.pipeline();
        for prefix in some {
            let words = ["DEBUG", "POPULATE", &each, prefix, VALUE_BYTES];
            pipeline.add(&words.map(str::as_bytes));
        }
        for reply in pipeline.run()? {
            reply.checked()?;
        }
    }
    match ground::size(raw)? {
        size if size >= keys => Ok(size),
        size => Err(Failure::new(format!("{size} of {keys} keys were written"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{PEAK_LIMIT_BYTES, row};
    use serde_json::json;

    #[test]
    fn the_peak_is_held() {
        let outcome = |bytes: f64| {
            let row = row("stats", 10, json!({ "peak_bytes": bytes })).into_json();
            row["verdicts"][0]["outcome"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let outcomes = [PEAK_LIMIT_BYTES, PEAK_LIMIT_BYTES + 1.0].map(outcome);
        assert_eq!(outcomes, ["met", "missed"]);
    }
}
