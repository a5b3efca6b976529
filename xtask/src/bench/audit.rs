//! How long `keypace audit` reads a million lines, and in how much memory: of a tree where one file of ten is about Redis,
//! and of one where every file is. Must not need a server, and must not count writing the trees.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::figures::{Row, Unit, Verdict, median};
use super::process;
use super::setting::Setting;
use crate::failure::{Failure, Outcome};

/// Code of twelve languages, below the workspace: the trees are made of it.
const FIXTURES: &str = "crates/keypace-audit/fixtures";
/// How often the peak is read; the kernel keeps it.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
const LINES: usize = 1_000_000;
/// Files as people write them: a few hundred lines.
const LINES_PER_FILE: usize = 400;
const FILES_PER_FOLDER: usize = 100;
/// What a million lines may take on two cores.
const WALL_LIMIT_MS: f64 = 10_000.0;
/// A file is in memory only while it is read, and findings are all that is kept.
const PEAK_LIMIT_BYTES: u64 = 256 << 20;

/// A tree: one file of so many speaks of Redis.
struct Tree {
    name: &'static str,
    one_in: usize,
}

const TREES: [Tree; 2] = [
    Tree {
        name: "one file of ten about Redis",
        one_in: 10,
    },
    Tree {
        name: "every file about Redis",
        one_in: 1,
    },
];

pub(crate) fn measure(setting: &Setting<'_>) -> Outcome<Vec<Row>> {
    let sources = sources(&setting.workspace.root.join(FIXTURES))?;
    TREES
        .iter()
        .map(|tree| {
            let folder = setting.workspace.target.join("bench-audit");
            eprintln!("writing {LINES} lines, {}", tree.name);
            write(&folder, &sources, tree)?;
            let row = row(setting, tree, &folder);
            clear(&folder)?;
            row
        })
        .collect()
}

fn row(setting: &Setting<'_>, tree: &Tree, folder: &Path) -> Outcome<Row> {
    let (mut walls, mut rounds, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..setting.rounds {
        let mut audit = setting.keypace();
        audit.args(["audit", "--fail-on", "never", "--format", "json"]);
        audit.arg(folder);
        let wall = process::watched_unread(audit, &[0], LOOK_PAUSE, |pid| {
            peak = peak.max(process::resident_peak(pid).unwrap_or(0));
            Ok(())
        })?;
        let wall_ms = wall.as_secs_f64() * 1000.0;
        rounds.push(json!({ "wall_ms": wall_ms.round() }));
        walls.push(wall_ms);
    }
    let took = Verdict::at_most(
        "a million lines",
        median(&walls),
        WALL_LIMIT_MS,
        Unit::Milliseconds,
    );
    let kept = Verdict::at_most("peak", peak as f64, PEAK_LIMIT_BYTES as f64, Unit::Bytes);
    Ok(Row::new(tree.name)
        .with_field("lines", LINES)
        .with_rounds(rounds)
        .with_verdict(took)
        .with_verdict(kept))
}

/// The fixtures' texts with the endings of their names, in the order of their paths.
fn sources(fixtures: &Path) -> Outcome<Vec<(String, String)>> {
    let mut paths = Vec::new();
    for folder in entries(fixtures)?.into_iter().filter(|path| path.is_dir()) {
        paths.extend(entries(&folder)?);
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let ending = path.extension()?.to_str()?.to_owned();
        Some((ending, fs::read_to_string(path).ok()?))
    };
    let sources: Vec<_> = paths.iter().filter_map(read).collect();
    if sources.is_empty() {
        return Err(Failure::new("there are no fixtures to make trees of"));
    }
    Ok(sources)
}

fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |error| Failure::new(format!("failed to read {}: {error}", folder.display()));
    let read = fs::read_dir(folder).map_err(failed)?;
    let paths: Result<Vec<_>, _> = read
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect();
    paths
}

/// A tree of a million lines: each source over and over until a file is full.
fn write(folder: &Path, sources: &[(String, String)], tree: &Tree) -> Outcome {
    clear(folder)?;
    let failed = |error| Failure::new(format!("failed to write {}: {error}", folder.display()));
    for (at, (ending, text)) in (0..LINES / LINES_PER_FILE).zip(sources.iter().cycle()) {
        let lines = text.lines().cycle().take(LINES_PER_FILE);
        let mut file: String = lines.flat_map(|line| [line, "\n"]).collect();
        if at % tree.one_in != 0 {
            file = file.chars().map(another).collect();
        }
        let inner = folder.join((at / FILES_PER_FOLDER).to_string());
        fs::create_dir_all(&inner).map_err(failed)?;
        fs::write(inner.join(format!("file{at}.{ending}")), file).map_err(failed)?;
    }
    Ok(())
}

/// The same text about nothing: each letter becomes another.
fn another(letter: char) -> char {
    const HALF: u8 = 13;
    let turned = |first: u8| char::from(first + (letter as u8 - first + HALF) % (2 * HALF));
    match letter {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        other => other,
    }
}

fn clear(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if folder.exists() => Err(Failure::new(format!(
            "failed to clear {}: {error}",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::another;

    #[test]
    fn a_text_about_nothing_keeps_its_shape() {
        let turned: String = "Redis.keys(\"a*\")\n".chars().map(another).collect();
        assert_eq!(turned, "Erqvf.xrlf(\"n*\")\n");
    }
}
