//! Many values at once, as the library reads them, against as many GETs one after the other.
//! Must not measure a first read: connections are open, and the size of values is known.

use std::process::Command;

use keypace_lab::{Listen, OwnedServer, Raw, ServerOptions};
use serde_json::Value;

use super::figures::{Row, Unit, Verdict, column, median};
use super::process;
use super::setting::Setting;
use super::spent;
use crate::failure::{Failure, Outcome};
use crate::shell;

const KEYS: u64 = 1000;
const VALUE_BYTES: usize = 1024;
/// Of each way in a round, whose medians are kept: one is a few milliseconds.
const PASSES: u64 = 21;
const EXAMPLE: &str = "bulk_speed";
/// How many times faster than single GETs.
const JSON_LEAST_TIMES: f64 = 5.0;
const PLAIN_LEAST_TIMES: f64 = 10.0;

/// One row: all three ways take turns.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let workspace = setting.workspace;
    let example = ["--package", "keypace", "--example", EXAMPLE];
    shell::run(
        shell::cargo(&workspace.root)
            .args(["build", "--release"])
            .args(example),
    )?;
    let server = OwnedServer::start(
        setting.program,
        ServerOptions::default().with_listen(Listen::Tcp),
    )?;
    let mut raw = Raw::connect(server.endpoint())?;
    seed(&mut raw)?;
    let mut command = Command::new(workspace.release("examples").join(EXAMPLE));
    let numbers = [KEYS, setting.rounds as u64, PASSES].map(|number| number.to_string());
    command.arg(server.url()).args(numbers);
    spent::forget(&mut raw)?;
    let said = process::piped(vec![command])?.said()?;
    let reads = 2 * PASSES * setting.rounds as u64;
    let per_read = spent::read(&mut raw)?.calls("mget") as f64 / reads as f64;
    server.stop()?;
    let Value::Array(rounds) = said else {
        return Err(Failure::new(format!("{EXAMPLE} printed no rounds")));
    };
    Ok(vec![row(rounds, per_read)])
}

fn row(rounds: Vec<Value>, per_read: f64) -> Row {
    let [gets, bulk, json] =
        ["gets_ms", "bulk_ms", "json_ms"].map(|field| median(&column(&rounds, field)));
    let at_least = |what: &str, ours: f64, limit: f64| {
        let what = format!("{what}, times as fast as {KEYS} GETs");
        Verdict::at_least(what, gets / ours, limit, Unit::Times)
    };
    Row::new("get_many")
        .with_field("keys", KEYS)
        .with_field("value_bytes", VALUE_BYTES as u64)
        .with_field("mget_commands", (per_read * 100.0).round() / 100.0)
        .with_rounds(rounds)
        .with_verdict(at_least("get_many", bulk, PLAIN_LEAST_TIMES))
        .with_verdict(at_least("get_many_json", json, JSON_LEAST_TIMES))
}

/// Records as applications keep them: JSON with a number and a text.
fn seed(raw: &mut Raw) -> Outcome {
    let mut pipeline = raw.pipeline();
    for n in 0..KEYS {
        let (key, value) = (format!("bulk:{n}"), record(n));
        pipeline.add(&[b"SET", key.as_bytes(), value.as_bytes()]);
    }
    for reply in pipeline.run()? {
        reply.checked()?;
    }
    Ok(())
}

fn record(n: u64) -> String {
    let head = format!(r#"{{"n":{n},"text":""#);
    let text = "x".repeat(VALUE_BYTES - head.len() - 2);
    format!(r#"{head}{text}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::{KEYS, VALUE_BYTES, record, row};
    use serde_json::{Value, json};

    #[test]
    fn records_are_json_of_their_size() {
        for n in [0, KEYS - 1] {
            assert_eq!(record(n).len(), VALUE_BYTES);
            let read: Value = serde_json::from_str(&record(n)).expect("JSON");
            assert_eq!(read["n"], n);
        }
    }

    #[test]
    fn both_ratios_are_held() {
        let round = json!({ "gets_ms": 50.0, "bulk_ms": 5.0, "json_ms": 11.0 });
        let row = row(vec![round], 5.0).into_json();
        let outcome = |at: usize| row["verdicts"][at]["outcome"].clone();
        assert_eq!((outcome(0), outcome(1)), ("met".into(), "missed".into()));
    }
}
