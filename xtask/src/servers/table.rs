//! `cargo xtask servers --doc`: the table of docs/servers.md, from what the tests see on each version.
//! Must not write a table with a version that did not run.

use std::fs;
use std::path::Path;

use super::have;
use super::pins::Pin;
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// Where the tests put what they saw, as `tests/live_servers` reads it.
const SEEN_VARIABLE: &str = "KEYPACE_SERVERS_SEEN";
const BEGIN: &str = "<!-- seen -->\n";
const END: &str = "<!-- end -->";

/// Rows of one version: what was looked at, and what was seen.
type Column = Vec<(String, String)>;

pub(super) fn write(workspace: &Workspace, pins: &[Pin]) -> Outcome {
    for had in have(workspace, pins)? {
        had?;
    }
    let folder = workspace.target.join("servers-seen");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
    shell::run(
        shell::cargo(&workspace.root)
            .args(["test", "--package", "keypace-cli", "--test", "live_servers"])
            .env(SEEN_VARIABLE, &folder),
    )?;
    let mut columns = Vec::new();
    for pin in pins {
        let path = folder.join(&pin.name);
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
        columns.push((heading(&pin.name), column(&text)));
    }
    let page = workspace.root.join("docs/servers.md");
    let text = fs::read_to_string(&page).map_err(|error| failed(&page, &error))?;
    let table = render(&columns)?;
    let written = within(&text, &table)
        .ok_or_else(|| Failure::new("docs/servers.md has no place for the table"))?;
    fs::write(&page, written).map_err(|error| failed(&page, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("failed with {}: {error}", path.display()))
}

/// `Redis 7.0` of `redis-7.0`.
fn heading(name: &str) -> String {
    let (product, version) = name.split_once('-').unwrap_or((name, ""));
    let (first, rest) = product.split_at(1);
    format!("{}{rest} {version}", first.to_uppercase())
}

fn column(text: &str) -> Column {
    let pairs = text.lines().filter_map(|line| line.split_once('\t'));
    pairs
        .map(|(row, cell)| (row.to_owned(), cell.to_owned()))
        .collect()
}

fn render(columns: &[(String, Column)]) -> Outcome<String> {
    let rows =
        |column: &Column| -> Vec<String> { column.iter().map(|(row, _)| row.clone()).collect() };
    let names = columns.first().map(|(_, column)| rows(column));
    let names = names.unwrap_or_default();
    if columns.iter().any(|(_, column)| rows(column) != names) {
        return Err(Failure::new("the versions were not asked the same"));
    }
    let line = |first: &str, cells: Vec<&str>| format!("| {first} | {} |\n", cells.join(" | "));
    let headings = columns.iter().map(|(heading, _)| heading.as_str());
    let mut table = line("", headings.collect()).replace("|  |", "| |");
    table.push_str(&format!("{}\n", "|---".repeat(columns.len() + 1) + "|"));
    for (at, name) in names.iter().enumerate() {
        let cells = columns.iter().map(|(_, column)| column[at].1.as_str());
        table.push_str(&line(name, cells.collect()));
    }
    Ok(table)
}

/// The page with another table.
fn within(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{column, heading, render, within};

    #[test]
    fn columns_become_a_table_between_the_marks() {
        let columns = vec![
            (heading("redis-2.8"), column("scan\tyes\ndelete\tby DEL\n")),
            (
                heading("valkey-9.1"),
                column("scan\tyes\ndelete\tby UNLINK\n"),
            ),
        ];
        let table = render(&columns).expect("a table");
        assert_eq!(
            table,
            "| | Redis 2.8 | Valkey 9.1 |\n|---|---|---|\n| scan | yes | yes |\n| delete | by DEL | by UNLINK |\n"
        );
        let page = "a\n<!-- seen -->\nold\n<!-- end -->\nb\n";
        assert_eq!(
            within(page, "new\n").as_deref(),
            Some("a\n<!-- seen -->\nnew\n<!-- end -->\nb\n")
        );
    }

    #[test]
    fn versions_that_were_asked_otherwise_are_no_table() {
        let columns = vec![
            (heading("redis-2.8"), column("scan\tyes\n")),
            (heading("valkey-9.1"), column("count\tyes\n")),
        ];
        assert!(render(&columns).is_err());
    }
}
