//! One version's column of the table in docs/servers.md: what was seen, and what the page says. Asks no server itself.

use std::fs;
use std::path::{Path, PathBuf};

use keypace_lab::Program;

use crate::stage::Stage;
use crate::{changing, reading};

/// A folder that takes what was seen, in place of a comparison: `cargo xtask servers --doc` writes the table from it.
const SEEN_VARIABLE: &str = "KEYPACE_SERVERS_SEEN";

type Feature = (&'static str, fn(&mut Stage) -> String);

const FEATURES: [Feature; 18] = [
    ("every key is walked, once", reading::walk),
    ("`--type`", reading::types),
    ("`count`", reading::count),
    ("`--has-ttl`, `--ttl-under` and the like", reading::ttl),
    ("`--idle-over`", reading::idle),
    ("`--idle-over` under an LFU policy", reading::lfu),
    ("`--size-over`", reading::size),
    ("`stats`", reading::stats),
    ("`inspect`", reading::inspect),
    ("`--use-keys`", reading::keys),
    ("`delete`", changing::delete),
    (
        "a walk behind the delete that verifies it",
        changing::verify,
    ),
    (
        "a delete with filters checks each key again",
        changing::filtered,
    ),
    (
        "`delete` of a collection with 5,000 elements",
        changing::shrunk,
    ),
    ("`delete --backup`, `restore`", changing::undone),
    ("`restore --replace`", changing::replaced),
    ("records, `index`", changing::index),
    ("clusters: `count`, `delete`", changing::cluster),
];

/// Runs every feature on this version and compares with its column. Where the program is not here that is said, and
/// fails where CI asks for all.
pub(crate) fn check(name: &str) {
    let Some(program) = program(name) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "not run: {name}; `cargo xtask servers` fetches it"
        );
        println!("not run: {name}; `cargo xtask servers` fetches it");
        return;
    };
    let seen = seen(&program);
    if let Some(folder) = std::env::var_os(SEEN_VARIABLE) {
        let lines: String = seen
            .iter()
            .map(|(row, cell)| format!("{row}\t{cell}\n"))
            .collect();
        fs::write(Path::new(&folder).join(name), lines).expect("written");
        return;
    }
    assert_eq!(
        seen,
        column(name),
        "docs/servers.md says otherwise of {name}: `cargo xtask servers --doc` writes it anew"
    );
}

fn program(name: &str) -> Option<Program> {
    let file = if name.starts_with("valkey") {
        "valkey-server"
    } else {
        "redis-server"
    };
    let path = root().join("target/servers").join(name).join(file);
    Program::at(path).ok()
}

fn seen(program: &Program) -> Vec<(String, String)> {
    let mut seen = vec![("version run".to_owned(), program.version.clone())];
    for (row, feature) in FEATURES {
        // A server that nothing has happened to yet.
        let mut stage = Stage::new(program);
        seen.push((row.to_owned(), feature(&mut stage)));
    }
    let mut stage = Stage::new(program);
    seen.extend(reading::capabilities(&mut stage));
    seen
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The table's rows, the heading first.
fn table() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/servers.md")).expect("docs/servers.md");
    let (_, rest) = text.split_once("<!-- seen -->\n").expect("a table");
    let (table, _) = rest.split_once("<!-- end -->").expect("its end");
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|');
        inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let mut rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    // The line of dashes.
    rows.remove(1);
    rows
}

/// The versions in the table's heading, as they are called in `servers.toml`.
pub(crate) fn versions() -> Vec<String> {
    let heading = table().swap_remove(0);
    let names = heading.iter().skip(1);
    names
        .map(|name| name.to_lowercase().replace(' ', "-"))
        .collect()
}

fn column(name: &str) -> Vec<(String, String)> {
    let at = versions().iter().position(|version| version == name);
    let at = at.expect("a column") + 1;
    let rows = table().into_iter().skip(1);
    rows.map(|row| (row[0].clone(), row[at].clone())).collect()
}
