//! `keypace bench --json` on each server program: its own comparison of KEYS, SCAN, bulk reads, deletes and lists by owner.
//! Must not measure anything itself: it keeps what the program says.

use keypace_lab::SERVER_VARIABLE;
use serde_json::{Value, json};

use super::figures::Row;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};
use crate::shell;

/// Ways whose commands and bytes are the same in each run. Those of a walk are not: how many keys a SCAN returns
/// depends on where the server's random hash seed put them.
const EXACT: [&str; 8] = [
    "keys",
    "del-giant",
    "unlink-giant",
    "get-each",
    "mget-all",
    "mget-chunks",
    "keys-get",
    "smembers-get",
];
/// Ways that choose their steps by the clock, so that their counts differ as the machine does.
const PACED: [&str; 2] = ["adaptive", "adaptive-off"];

/// A row for each job, way and size.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut command = setting.keypace();
    command
        .args(["bench", "--json"])
        .env(SERVER_VARIABLE, &setting.program.path);
    let text = shell::output(&mut command)?;
    let said: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!("failed to read what keypace bench said: {error}"))
    })?;
    expect_this_server(&said, setting)?;
    rows(&said)
}

fn expect_this_server(said: &Value, setting: &Setting<'_>) -> Outcome {
    let version = said["server"]["version"].as_str().unwrap_or_default();
    if version == setting.program.version && said["complete"] == json!(true) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "keypace bench measured version {version:?} and says complete: {}",
        said["complete"]
    )))
}

fn rows(said: &Value) -> Outcome<Vec<Row>> {
    let rows = said["rows"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return Err(Failure::new("keypace bench said nothing"));
    }
    Ok(rows.iter().map(row).collect())
}

fn row(said: &Value) -> Row {
    let text = |field: &str| said[field].as_str().unwrap_or_default();
    let (job, way) = (text("job"), text("way"));
    let name = format!("{job} {}: {way}", said["keys"]);
    let row = ["job", "way", "keys", "found"]
        .into_iter()
        .fold(Row::new(name), |row, field| {
            row.with_field(field, said[field].clone())
        });
    if let Some(why) = said["skipped"].as_str() {
        return row.with_field("skipped", why);
    }
    let wait = &said["wait"];
    let row = row.with_rounds(vec![json!({
        "wall_ms": said["wall_ms"], "commands": said["commands"],
        "bytes_sent": said["bytes_sent"], "bytes_received": said["bytes_received"],
        "p50_us": wait["p50_us"], "p99_us": wait["p99_us"],
        "p999_us": wait["p999_us"], "max_us": wait["max_us"],
    })]);
    if PACED.contains(&way) {
        return row;
    }
    ["commands", "bytes_sent", "bytes_received"]
        .into_iter()
        .filter_map(|field| Some((field, said[field].as_u64()?)))
        .fold(
            row.with_field("exact", EXACT.contains(&way)),
            |row, (field, count)| row.with_count(field, count),
        )
}

#[cfg(test)]
mod tests {
    use super::rows;
    use serde_json::{Value, json};

    fn said(way: &str, skipped: Value) -> Value {
        json!({
            "job": "enumerate", "way": way, "keys": 100_000, "found": 100_000, "wall_ms": 12.5,
            "commands": 7, "bytes_sent": 8, "bytes_received": 9,
            "wait": { "count": 5, "p50_us": 1, "p99_us": 2, "p999_us": 3, "max_us": 4 }, "skipped": skipped,
        })
    }

    fn only(way: &str, skipped: Value) -> Value {
        let mut rows = rows(&json!({ "rows": [said(way, skipped)] })).expect("a row");
        rows.remove(0).into_json()
    }

    #[test]
    fn counts_are_kept_of_ways_that_the_clock_does_not_steer() {
        let keys = only("keys", Value::Null);
        assert_eq!(keys["row"], "enumerate 100000: keys");
        assert_eq!(keys["exact"], true);
        assert_eq!(
            keys["counts"],
            json!({ "commands": 7, "bytes_sent": 8, "bytes_received": 9 })
        );
        assert_eq!(keys["rounds"][0]["max_us"], 4);
        assert_eq!(only("scan-10", Value::Null)["exact"], false);
        assert_eq!(only("adaptive", Value::Null)["counts"], Value::Null);
    }

    #[test]
    fn what_was_skipped_has_a_reason_and_no_figures() {
        let row = only("keys", json!("above 100,000 keys"));
        assert_eq!(row["skipped"], "above 100,000 keys");
        assert!(row["rounds"].is_null() && row["counts"].is_null());
    }

    #[test]
    fn nothing_said_is_a_failure() {
        assert!(rows(&json!({ "rows": [] })).is_err());
    }
}
