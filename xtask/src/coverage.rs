//! `cargo xtask coverage`: line coverage of the rooms where a missed line deletes the wrong key.
//! Must not count a room that has no lines as covered.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::failure::{self, Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// The rooms of the library that decide what is deleted, and what must be covered of each.
const ROOMS: [&str; 4] = ["scan", "delete", "key", "port"];
const FLOOR_PERCENT: f64 = 90.0;
/// Where they are, below the workspace.
const LIBRARY: [&str; 4] = ["crates", "keypace", "src", ""];
/// A walk beside a writing client takes ten seconds untraced, and tracing multiplies that.
const TEST_TIMEOUT_SECONDS: &str = "300";

/// Lines of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    covered: u64,
    coverable: u64,
}

impl Lines {
    fn percent(self) -> f64 {
        // A room without lines is a wrong path, so it is not covered.
        if self.coverable == 0 {
            0.0
        } else {
            self.covered as f64 * 100.0 / self.coverable as f64
        }
    }
}

/// Runs the library's tests under cargo-tarpaulin, which needs no LLVM tools of the compiler's own version, and
/// installs it where it is missing.
pub(crate) fn run(words: &[String]) -> Outcome {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => return Err(failure::usage("coverage takes --check and nothing else")),
    };
    let workspace = Workspace::find()?;
    let has_tarpaulin =
        shell::succeeds(shell::cargo(&workspace.root).args(["tarpaulin", "--version"]));
    if !has_tarpaulin {
        shell::run(shell::cargo(&workspace.root).args(["install", "cargo-tarpaulin", "--locked"]))?;
    }
    // A folder of its own: other flags would rebuild everything in the usual one, and again after.
    let folder = workspace.target.join("coverage");
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("failed to make {}: {error}", folder.display())))?;
    let mut tarpaulin = shell::cargo(&workspace.root);
    tarpaulin.args([
        "tarpaulin",
        "--package",
        "keypace",
        "--engine",
        "llvm",
        "--skip-clean",
        "--out",
        "json",
    ]);
    tarpaulin.args([
        "--timeout",
        TEST_TIMEOUT_SECONDS,
        "--include-files",
        "crates/keypace/src/*",
    ]);
    tarpaulin
        .arg("--output-dir")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&folder);
    shell::run(&mut tarpaulin)?;
    let report = read_report(&folder.join("tarpaulin-report.json"))?;
    print_and_judge(&report, check)
}

fn read_report(path: &Path) -> Outcome<Value> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("failed to read {}: {error}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

fn print_and_judge(report: &Value, check: bool) -> Outcome {
    let mut low = Vec::new();
    for room in ROOMS {
        let lines = room_lines(report, room);
        println!(
            "{room:<8} {:5.1} %  {} of {} lines",
            lines.percent(),
            lines.covered,
            lines.coverable
        );
        if lines.percent() < FLOOR_PERCENT {
            low.push(room);
        }
    }
    let total = sum(report, |_| true);
    println!(
        "{:<8} {:5.1} %  {} of {} lines",
        "total",
        total.percent(),
        total.covered,
        total.coverable
    );
    if check && !low.is_empty() {
        return Err(Failure::new(format!(
            "line coverage is below {FLOOR_PERCENT} % in {}",
            low.join(", ")
        )));
    }
    Ok(())
}

/// A room is a folder or a file of that name.
fn room_lines(report: &Value, room: &str) -> Lines {
    let folder = format!("{}{room}/", LIBRARY.join("/"));
    let file = format!("{}{room}.rs", LIBRARY.join("/"));
    sum(report, |path| {
        path.contains(&folder) || path.ends_with(&file)
    })
}

fn sum(report: &Value, wanted: impl Fn(&str) -> bool) -> Lines {
    let mut lines = Lines::default();
    for entry in report["files"].as_array().into_iter().flatten() {
        let parts: Vec<&str> = entry["path"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let path = parts.join("/");
        if path.contains(&LIBRARY.join("/")) && wanted(&path) {
            lines.covered += entry["covered"].as_u64().unwrap_or(0);
            lines.coverable += entry["coverable"].as_u64().unwrap_or(0);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use super::print_and_judge;
    use super::room_lines;
    use serde_json::{Value, json};

    fn file(path: &str, covered: u64, coverable: u64) -> Value {
        json!({ "path": path.split('|').collect::<Vec<_>>(), "covered": covered, "coverable": coverable })
    }

    #[test]
    fn a_room_is_a_folder_or_a_file_of_the_library() {
        let report = json!({ "files": [
            file("/|w|crates|keypace|src|port|mod.rs", 1, 2),
            file("/|w|crates|keypace|src|port|resp|read.rs", 3, 4),
            file("/|w|crates|keypace|src|key.rs", 5, 6),
            file("/|w|crates|keypace|src|sweep|key.rs", 7, 8),
            file("/|w|crates|keypace-cli|src|port|mod.rs", 9, 10),
        ]});
        assert_eq!(
            room_lines(&report, "port"),
            Lines {
                covered: 4,
                coverable: 6
            }
        );
        assert_eq!(
            room_lines(&report, "key"),
            Lines {
                covered: 5,
                coverable: 6
            }
        );
        assert_eq!(room_lines(&report, "scan"), Lines::default());
    }

    #[test]
    fn a_low_room_fails_a_check_only() {
        let room = |name: &str, covered| {
            file(&format!("/|crates|keypace|src|{name}|mod.rs"), covered, 100)
        };
        let report = |port| json!({ "files": [room("scan", 90), room("delete", 99), room("key", 100), room("port", port)] });
        assert!(print_and_judge(&report(90), true).is_ok());
        assert!(print_and_judge(&report(89), false).is_ok());
        let failure = print_and_judge(&report(89), true).expect_err("port is low");
        assert!(failure.to_string().ends_with("in port"), "{failure}");
        assert!(print_and_judge(&json!({ "files": [] }), true).is_err());
    }
}
