//! What saving each key first costs a delete: wall, the server's time for each key, the file, and keypace's memory.
//! Must not let a file pass that lacks a key, nor save values that compress to nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{Row, Unit, Verdict, median};
use super::ground::Ground;
use super::process;
use super::rounds;
use super::setting::Setting;
use super::spent::{self, Spent};
use super::values::Values;
use crate::failure::{Failure, Outcome};

/// Reading, writing and syncing a value takes longer than freeing it, but not without bound.
const WALL_LIMIT_TIMES: f64 = 4.0;
const STRING_BYTES: usize = 1024;
const HASH_FIELDS: usize = 10;
const HASH_FIELD_BYTES: usize = 20;
/// How exact a wall is: the end of a run is seen so late. Half a second is the shortest at full size.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Keys of one sort. The plain delete of the same keys is what theirs is held against.
struct Case {
    name: &'static str,
    values: Values,
    /// How many of the setting's keys there is one for.
    keys_divisor: u64,
    limit_times: Option<f64>,
    /// The loop saves strings only.
    ways: &'static [Way],
}

const CASES: [Case; 2] = [
    Case {
        name: "strings of 1 KiB",
        values: Values::Letters {
            bytes: STRING_BYTES,
        },
        keys_divisor: 2,
        limit_times: Some(WALL_LIMIT_TIMES),
        ways: &[Way::Plain, Way::Backed, Way::Floor],
    },
    Case {
        name: "hashes of 10 fields",
        values: Values::Hash {
            fields: HASH_FIELDS,
            bytes: HASH_FIELD_BYTES,
        },
        keys_divisor: 5,
        limit_times: None,
        ways: &[Way::Plain, Way::Backed],
    },
];

#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Backed,
    /// A loop that does no more than save and remove: what this machine's disk and server take.
    Floor,
}

/// One delete.
struct Deleted {
    wall_ms: f64,
    spent: Spent,
    peak_bytes: u64,
    file_bytes: Option<u64>,
}

/// Two rows for each sort of keys, without and with copies, and one of the loop for strings.
pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for case in &CASES {
        let keys = (setting.keys / case.keys_divisor).max(1);
        let mut ground = Ground::start_with(setting.program, case.values, keys, 0)?;
        // The first delete meets a table that no delete has touched; all that count meet one that was filled again.
        run(setting, &mut ground, Way::Plain)?;
        let seen = rounds::alternate(
            &format!("backup, {}", case.name),
            setting.rounds,
            case.ways,
            |way| run(setting, &mut ground, way),
        )?;
        ground.stop()?;
        rows.extend(rows_of(case, keys, &seen));
    }
    Ok(rows)
}

/// One delete of all that matches; the keys are there again after.
fn run(setting: &Setting<'_>, ground: &mut Ground, way: Way) -> Outcome<Deleted> {
    let file = CopyFile::new(&setting.workspace.target)?;
    let command = match way {
        Way::Plain => setting.delete(&ground.url(), "off"),
        Way::Backed => {
            let mut command = setting.delete(&ground.url(), "off");
            command.arg("--backup").arg(&file.path);
            command
        }
        Way::Floor => {
            let mut command = Command::new(setting.workspace.release("xtask"));
            command.args(["floor", "save", &ground.url()]);
            command.arg(&file.path);
            command
        }
    };
    spent::forget(ground.raw())?;
    let mut peak_bytes = 0;
    let ended = process::watched(command, &[0], LOOK_PAUSE, |pid| {
        peak_bytes = peak_bytes.max(process::resident_peak(pid).unwrap_or(0));
        Ok(())
    })?;
    let spent = spent::read(ground.raw())?;
    ground.expect_gone(&format!("{way:?}"))?;
    let file_bytes = match way {
        Way::Plain => None,
        Way::Floor => Some(file.bytes()?),
        Way::Backed => Some(file.checked_bytes(setting, ground.matching())?),
    };
    drop(file);
    ground.settle()?;
    ground.refill()?;
    Ok(Deleted {
        wall_ms: ended.wall.as_secs_f64() * 1000.0,
        spent,
        peak_bytes,
        file_bytes,
    })
}

/// The file of one run, beside the build: a folder for temporary files may be in memory, where a sync costs nothing.
/// This value owns the file: `Drop` removes it.
struct CopyFile {
    path: PathBuf,
}

impl CopyFile {
    fn new(target: &Path) -> Outcome<Self> {
        let folder = target.join("bench");
        fs::create_dir_all(&folder).map_err(|error| {
            Failure::new(format!("failed to make {}: {error}", folder.display()))
        })?;
        let path = folder.join(format!("copies-{}.kpb", std::process::id()));
        Ok(Self { path })
    }

    /// How large it is, once it is known to name each key.
    fn checked_bytes(&self, setting: &Setting<'_>, keys: u64) -> Outcome<u64> {
        let mut list: Command = setting.keypace();
        list.args(["restore", "--list", "--progress", "none"])
            .arg(&self.path);
        // A key that two groups met has two copies: names count, not copies.
        let mut distinct = Command::new("sort");
        distinct.arg("-u").env("LC_ALL", "C");
        let listed = process::piped(vec![list, distinct])?.lines;
        if listed != keys {
            return Err(Failure::new(format!(
                "the backup names {listed} of {keys} keys that were deleted"
            )));
        }
        self.bytes()
    }

    fn bytes(&self) -> Outcome<u64> {
        let file = fs::metadata(&self.path).map_err(|error| {
            Failure::new(format!(
                "failed to look at {}: {error}",
                self.path.display()
            ))
        })?;
        Ok(file.len())
    }
}

impl Drop for CopyFile {
    fn drop(&mut self) {
        // A plain delete made none.
        let _ = fs::remove_file(&self.path);
    }
}

fn rows_of(case: &Case, keys: u64, seen: &[Vec<Deleted>]) -> Vec<Row> {
    let (plain, backed, floor) = match seen {
        [plain, backed] => (plain, backed, None),
        [plain, backed, floor] => (plain, backed, Some(floor)),
        _ => return Vec::new(),
    };
    let walls = |runs: &[Deleted]| runs.iter().map(|run| run.wall_ms).collect::<Vec<_>>();
    let row = |name: String, runs: &[Deleted]| {
        let row = Row::new(name)
            .with_field("keys", keys)
            .with_rounds(runs.iter().map(|run| run.to_json(keys)).collect());
        match runs.last() {
            Some(last) => row.with_field("server", last.spent.shown(keys)),
            None => row,
        }
    };
    let mut with_copies = row(format!("{}: delete --backup", case.name), backed).with_ratio(
        "--backup / plain",
        &walls(backed),
        &walls(plain),
    );
    if let Some(limit) = case.limit_times {
        let times = median(&walls(backed)) / median(&walls(plain));
        with_copies = with_copies.with_verdict(Verdict::at_most(
            "wall of the plain delete's",
            times,
            limit,
            Unit::Times,
        ));
    }
    let floor = floor.map(|floor| {
        row(format!("{}: the loop", case.name), floor).with_ratio(
            "--backup / the loop",
            &walls(backed),
            &walls(floor),
        )
    });
    let mut rows = vec![row(format!("{}: delete", case.name), plain), with_copies];
    rows.extend(floor);
    rows
}

impl Deleted {
    fn to_json(&self, keys: u64) -> Value {
        let mut round = json!({
            "wall_ms": (self.wall_ms * 10.0).round() / 10.0,
            "server_us_per_key": (self.spent.us_per_key(keys) * 1000.0).round() / 1000.0,
            "commands_per_key": (self.spent.calls_per_key(keys) * 1000.0).round() / 1000.0,
            "peak_bytes": self.peak_bytes,
        });
        if let Some(bytes) = self.file_bytes {
            round["file_bytes"] = bytes.into();
        }
        round
    }
}

#[cfg(test)]
mod tests {
    use super::{CASES, Deleted, Spent, rows_of};

    #[test]
    fn only_strings_have_a_limit() {
        let run = |wall_ms: f64, file_bytes| Deleted {
            wall_ms,
            spent: Spent::default(),
            peak_bytes: 1,
            file_bytes,
        };
        let outcome = |case: usize, backed_ms: f64| {
            let seen = [vec![run(100.0, None)], vec![run(backed_ms, Some(7))]];
            let mut rows = rows_of(&CASES[case], 10, &seen);
            let backed = rows.pop().expect("two rows").into_json();
            assert_eq!(backed["rounds"][0]["file_bytes"], 7);
            let plain = rows.pop().expect("two rows").into_json();
            assert!(plain["rounds"][0]["file_bytes"].is_null());
            backed["verdicts"][0]["outcome"].as_str().map(str::to_owned)
        };
        assert_eq!(outcome(0, 400.0).as_deref(), Some("met"));
        assert_eq!(outcome(0, 401.0).as_deref(), Some("missed"));
        assert_eq!(outcome(1, 900.0), None);
    }
}
