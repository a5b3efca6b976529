//! Peak resident memory of counting and deleting, in a small and in a ten times larger keyspace.
//! Must not compare commands that do not do the same work at both sizes.

use std::process::Command;

use keypace_lab::{OwnedServer, Raw, ServerOptions, seed};
use serde_json::json;

use super::figures::{Row, Unit, Verdict};
use super::process;
use super::setting::Setting;
use crate::failure::Outcome;

const SMALL_KEYS: u64 = 500_000;
const LARGE_KEYS: u64 = 5_000_000;
/// One in a hundred keys is one that the limited user may not delete.
const FAILING_ONE_IN: u64 = 100;
/// The walk keeps no values, so small ones spare the machine's memory.
const VALUE_BYTES: usize = 8;
/// Resident memory that no command may pass, whatever the keyspace.
const PEAK_LIMIT_BYTES: u64 = 64 << 20;
/// How far the large keyspace may take more than the small one: what an allocator rounds up, not a list of keys.
const GROWTH_LIMIT_BYTES: u64 = 4 << 20;

const LIMITED_USER: &str = "limited";
const LIMITED_PASSWORD: &str = "pw";

/// One command whose memory is measured. Deleting ones come last, as each takes away what the next would need.
struct Case {
    name: &'static str,
    words: &'static [&'static str],
    limited: bool,
    /// Which keys it deletes, to be seeded again after.
    removes: Removes,
    exit_code: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Removes {
    Nothing,
    Allowed,
    All,
}

const CASES: [Case; 5] = [
    Case {
        name: "count",
        words: &["count", "k:*"],
        limited: false,
        removes: Removes::Nothing,
        exit_code: 0,
    },
    Case {
        name: "count --exclude",
        words: &["count", "k:*", "--exclude", "k:bad:*"],
        limited: false,
        removes: Removes::Nothing,
        exit_code: 0,
    },
    Case {
        name: "delete, 1 % failing",
        words: &["delete", "k:*", "--yes"],
        limited: true,
        removes: Removes::Allowed,
        // Incomplete: the keys that it may not delete are counted as failed.
        exit_code: 1,
    },
    Case {
        name: "delete --exclude",
        words: &["delete", "k:*", "--exclude", "k:bad:*", "--yes"],
        limited: false,
        removes: Removes::Allowed,
        exit_code: 0,
    },
    Case {
        name: "delete",
        words: &["delete", "k:*", "--yes"],
        limited: false,
        removes: Removes::All,
        exit_code: 0,
    },
];

/// The rows of memory.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let small = peaks(setting, SMALL_KEYS)?;
    let large = peaks(setting, LARGE_KEYS)?;
    let peaks = small.into_iter().zip(large);
    let rows = CASES.iter().zip(peaks);
    Ok(rows
        .map(|(case, (small, large))| row(case.name, small, large))
        .collect())
}

fn row(name: &str, small_bytes: u64, large_bytes: u64) -> Row {
    let bytes = |what: &str, value: u64, limit: u64| {
        Verdict::at_most(what, value as f64, limit as f64, Unit::Bytes)
    };
    let peak = small_bytes.max(large_bytes);
    let growth = large_bytes.saturating_sub(small_bytes);
    Row::new(name)
        .with_rounds(vec![
            json!({ "small_bytes": small_bytes, "large_bytes": large_bytes }),
        ])
        .with_verdict(bytes("peak", peak, PEAK_LIMIT_BYTES))
        .with_verdict(bytes(
            "growth at ten times the keys",
            growth,
            GROWTH_LIMIT_BYTES,
        ))
}

/// The peak of each case in a keyspace of `keys` keys.
fn peaks(setting: &Setting<'_>, keys: u64) -> Outcome<Vec<u64>> {
    let server = OwnedServer::start(setting.program, ServerOptions::default())?;
    let mut raw = Raw::connect(server.endpoint())?;
    raw.command(&[
        b"ACL",
        b"SETUSER",
        LIMITED_USER.as_bytes(),
        b"on",
        b">pw",
        b"~k:ok:*",
        b"+@all",
    ])?
    .checked()?;
    let failing = keys / FAILING_ONE_IN;
    eprintln!("seeding {keys} keys");
    seed::strings(&mut raw, b"k:bad:", 0..failing, VALUE_BYTES)?;
    seed::strings(&mut raw, b"k:ok:", failing..keys, VALUE_BYTES)?;
    let mut peaks = Vec::new();
    for case in &CASES {
        eprintln!("{} of {keys} keys", case.name);
        peaks.push(process::peak_bytes(
            command(case, setting, &server.url()),
            case.exit_code,
        )?);
        if case.removes == Removes::Allowed {
            seed::strings(&mut raw, b"k:ok:", failing..keys, VALUE_BYTES)?;
        }
    }
    server.stop()?;
    Ok(peaks)
}

fn command(case: &Case, setting: &Setting<'_>, url: &str) -> Command {
    let mut command = setting.keypace_as_the_floor(url);
    if case.limited {
        command
            .args(["--user", LIMITED_USER])
            .env("KEYPACE_PASSWORD", LIMITED_PASSWORD);
    }
    command.args(case.words);
    command
}

#[cfg(test)]
mod tests {
    use super::CASES;
    use super::LIMITED_PASSWORD;
    use super::PEAK_LIMIT_BYTES;
    use super::Removes;
    use super::row;

    #[test]
    fn both_limits_are_held() {
        let outcomes = |small, large| {
            let row = row("count", small, large).into_json();
            [0, 1].map(|at| {
                row["verdicts"][at]["outcome"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
        };
        assert_eq!(outcomes(6 << 20, 7 << 20), ["met", "met"]);
        assert_eq!(outcomes(6 << 20, 11 << 20), ["met", "missed"]);
        assert_eq!(outcomes(PEAK_LIMIT_BYTES + 1, 0), ["missed", "met"]);
    }

    #[test]
    fn no_case_runs_after_all_keys_are_gone() {
        let last = CASES.len() - 1;
        assert!(
            CASES[..last]
                .iter()
                .all(|case| case.removes != Removes::All)
        );
        assert_eq!(LIMITED_PASSWORD, "pw", "the ACL rule above has it too");
    }
}
