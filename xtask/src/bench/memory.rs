//! Peak resident memory of counting and deleting, in a small and in a ten times larger keyspace.
//! Must not compare commands that do not do the same work at both sizes.

use std::process::Command;

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, seed};

use super::measure;
use super::results::Line;
use super::speed::keypace;
use crate::failure::Outcome;
use crate::workspace::Workspace;

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
pub(crate) fn measure(program: &Program, workspace: &Workspace) -> Outcome<Vec<Line>> {
    let small = peaks(program, workspace, SMALL_KEYS)?;
    let large = peaks(program, workspace, LARGE_KEYS)?;
    let peaks = small.into_iter().zip(large);
    Ok(CASES
        .iter()
        .zip(peaks)
        .map(|(case, (small, large))| {
            Line::memory(
                case.name,
                small,
                large,
                PEAK_LIMIT_BYTES,
                GROWTH_LIMIT_BYTES,
            )
        })
        .collect())
}

/// The peak of each case in a keyspace of `keys` keys.
fn peaks(program: &Program, workspace: &Workspace, keys: u64) -> Outcome<Vec<u64>> {
    let server = OwnedServer::start(program, ServerOptions::default())?;
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
        peaks.push(measure::peak_bytes(
            &mut command(case, workspace, &server.url()),
            case.exit_code,
        )?);
        if case.removes == Removes::Allowed {
            seed::strings(&mut raw, b"k:ok:", failing..keys, VALUE_BYTES)?;
        }
    }
    server.stop()?;
    Ok(peaks)
}

fn command(case: &Case, workspace: &Workspace, url: &str) -> Command {
    let mut command = keypace(workspace, url);
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
    use super::Removes;

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
