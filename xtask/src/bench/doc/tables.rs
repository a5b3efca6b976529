//! The document's tables: machines, figures, a group's rows, and ways by size.
//! Must not decide what is shown: `mod.rs` names it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Figure, Section};
use crate::bench::options::Group;
use crate::bench::shown;

/// All kept documents, and the servers that they are about.
pub(super) struct Kept<'a> {
    documents: &'a [Value],
    /// Name and version.
    servers: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(documents: &'a [Value]) -> Self {
        Self {
            documents,
            servers: documents.iter().map(server).collect(),
        }
    }

    /// What each server was measured on. Groups of one server may come from several machines.
    pub(super) fn machines(&self) -> String {
        let head = [
            "server",
            "groups",
            "processor",
            "cores",
            "memory",
            "system",
            "compiler",
        ];
        let mut lines: Vec<Vec<String>> = Vec::new();
        for &server_of in &self.servers {
            let mut machines: Vec<(&Value, Vec<&str>)> = Vec::new();
            for document in self
                .documents
                .iter()
                .filter(|document| server(document) == server_of)
            {
                let group = document["group"].as_str().unwrap_or_default();
                match machines
                    .iter_mut()
                    .find(|(machine, _)| **machine == document["machine"])
                {
                    Some((_, groups)) => groups.push(group),
                    None => machines.push((&document["machine"], vec![group])),
                }
            }
            for (machine, groups) in machines {
                let field = |name: &str| plain(&machine[name]);
                let mut line = vec![title(server_of), groups.join(", ")];
                line.extend(head[2..].iter().map(|name| field(name)));
                lines.push(line);
            }
        }
        table(&head.map(str::to_owned), &lines)
    }

    /// The table, with a column for each server.
    pub(super) fn figures(&self, figures: &[Figure]) -> String {
        let mut head = vec!["what".to_owned(), "must show".to_owned()];
        head.extend(self.servers.iter().map(|server| title(*server)));
        let line = |figure: &Figure| {
            let cells = self
                .servers
                .iter()
                .map(|server| self.outcome(figure, *server));
            let words = [figure.what.to_owned(), figure.must.to_owned()];
            words.into_iter().chain(cells).collect()
        };
        table(&head, &figures.iter().map(line).collect::<Vec<_>>())
    }

    fn outcome(&self, figure: &Figure, server: (&str, &str)) -> String {
        let mut parts = Vec::new();
        for (group, begin) in figure.from {
            let rows = self.rows(*group, server).into_iter();
            let verdicts = rows
                .filter(|row| name(row).starts_with(begin))
                .flat_map(|row| row["verdicts"].as_array().into_iter().flatten());
            let said: Vec<String> = verdicts.map(verdict).collect();
            // Each source counts: half of a figure is not the figure.
            if said.is_empty() {
                parts.push("*not run*".to_owned());
            }
            parts.extend(said);
        }
        parts.dedup();
        parts.join("<br>")
    }

    /// A table for each server, and its verdicts where the figures above don't have them.
    pub(super) fn section(&self, section: &Section) -> String {
        let mut text = String::new();
        for &server in &self.servers {
            let mut rows = self.rows(section.group, server);
            rows.retain(|row| (section.takes)(name(row)));
            text += &format!("\n**{}**\n\n", title(server));
            if rows.is_empty() {
                text += "Not run.\n";
                continue;
            }
            let columns = shown::columns(&rows);
            let mut head = vec![String::new()];
            head.extend(columns.iter().map(|(_, title)| (*title).to_owned()));
            let line = |row: &&Value| {
                let mut first = name(row).to_owned();
                if let Some(versions) = row["versions"].as_str() {
                    first += &format!(" ({versions})");
                }
                if let Some(why) = row["not_run"].as_str() {
                    first += &format!(": *not run* ({why})");
                }
                let cells = columns.iter().map(|(at, _)| shown::cell(row, *at));
                std::iter::once(first).chain(cells).collect()
            };
            text += &table(&head, &rows.iter().map(line).collect::<Vec<_>>());
            if matches!(section.group, Group::List | Group::Delete | Group::Memory) {
                text += "\n";
                for row in rows {
                    let verdicts = row["verdicts"].as_array().into_iter().flatten();
                    let said: Vec<String> = verdicts.map(verdict).collect();
                    text += &format!("- {}: {}\n", name(row), said.join("; "));
                }
            }
        }
        text
    }

    /// A table for each server: a line for each way, a column for each size.
    pub(super) fn ways(&self) -> String {
        let mut text = String::new();
        for &server in &self.servers {
            let rows = self.rows(Group::Ways, server);
            text += &format!("\n**{}**\n\n", title(server));
            if rows.is_empty() {
                text += "Not run.\n";
                continue;
            }
            let sizes: BTreeSet<u64> = rows.iter().filter_map(|row| row["keys"].as_u64()).collect();
            let mut ways: Vec<(&Value, &Value)> = Vec::new();
            for row in &rows {
                let way = (&row["job"], &row["way"]);
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
            let cell = |way: &(&Value, &Value), size: u64| {
                let is_it =
                    |row: &&&Value| (&row["job"], &row["way"]) == *way && row["keys"] == size;
                rows.iter()
                    .find(is_it)
                    .map_or_else(String::new, |row| wall_and_wait(row))
            };
            let mut head = vec!["job".to_owned(), "way".to_owned()];
            head.extend(sizes.iter().map(|size| format!("{size} keys")));
            let line = |way: &(&Value, &Value)| {
                let cells = sizes.iter().map(|size| cell(way, *size));
                [plain(way.0), plain(way.1)]
                    .into_iter()
                    .chain(cells)
                    .collect()
            };
            text += &table(&head, &ways.iter().map(line).collect::<Vec<_>>());
        }
        text
    }

    /// Their names and versions, in the order of the columns.
    pub(super) fn servers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.servers.iter().copied()
    }

    /// A group's rows of one server.
    pub(super) fn rows(&self, group: Group, of: (&str, &str)) -> Vec<&'a Value> {
        let documents = self.documents.iter();
        documents
            .filter(|document| document["group"] == group.name() && server(document) == of)
            .flat_map(|document| document["rows"].as_array().into_iter().flatten())
            .collect()
    }
}

fn server(document: &Value) -> (&str, &str) {
    let field = |name: &str| document["server"][name].as_str().unwrap_or_default();
    (field("name"), field("version"))
}

/// `Redis 7.0.15`
pub(super) fn title((name, version): (&str, &str)) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    format!(
        "{}{} {version}",
        first.map(String::from).unwrap_or_default(),
        letters.as_str()
    )
}

pub(super) fn name(row: &Value) -> &str {
    row["row"].as_str().unwrap_or_default()
}

fn verdict(verdict: &Value) -> String {
    let said = shown::verdict(verdict);
    said.replace(", missed", ", **missed**")
        .replace(": not run", ": *not run*")
}

fn wall_and_wait(row: &Value) -> String {
    if row["skipped"].is_string() {
        return "skipped".to_owned();
    }
    let round = &row["rounds"][0];
    let ms = |value: Option<f64>| value.map_or_else(String::new, shown::number);
    let wait_ms = round["max_us"].as_f64().map(|us| us / 1000.0);
    format!("{} / {}", ms(round["wall_ms"].as_f64()), ms(wait_ms))
}

/// A text without its quotes, or a number.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn table(head: &[String], lines: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head);
    text += &format!("|{}\n", "---|".repeat(head.len()));
    for cells in lines {
        text += &line(cells);
    }
    text
}
