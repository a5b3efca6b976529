//! Keys, nodes, latency, settings and what was not seen of an inspection. Builds text.

use std::fmt::Write as _;

use keypace::{InspectNode, InspectReport};

use super::grid::{Column, grid};
use super::{answered, heading};
use crate::render::figures::{bytes, grouped, percent, plural};
use crate::render::paint::Paint;
use crate::render::wrap::wrap;

/// Patterns that are shown of a sample.
const MAX_PATTERNS: usize = 10;

/// How many keys there are, how many never expire, and of which patterns those are.
pub(super) fn keys(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let primaries =
        || answered(report).filter(|node| node.role == "primary" || report.nodes.len() == 1);
    let keys: u64 = primaries().map(|node| node.keys).sum();
    let no_ttl: u64 = primaries().map(|node| node.no_ttl).sum();
    let memory: u64 = primaries().map(|node| node.memory_bytes).sum();
    let share = percent(no_ttl as f64 / keys.max(1) as f64);
    let title = format!(
        "{}, {} in memory; {} never expire ({share})",
        plural(keys, "key"),
        bytes(memory),
        grouped(no_ttl)
    );
    let mut text = heading(&title, columns, paint);
    let Some(sample) = &report.sample else {
        return text;
    };
    let rows: Vec<_> = sample.patterns.iter().take(MAX_PATTERNS).collect();
    let of = |number: u64| percent(number as f64 / sample.looked.max(1) as f64);
    let table = grid(
        vec![
            Column::names(
                "pattern",
                None,
                rows.iter().map(|row| row.pattern.clone()).collect(),
            ),
            Column::numbers(
                "of all keys",
                Some(1),
                rows.iter().map(|row| of(row.looked)).collect(),
            ),
            Column::numbers(
                "never expire",
                None,
                rows.iter()
                    .map(|row| percent(row.no_ttl as f64 / row.looked.max(1) as f64))
                    .collect(),
            ),
        ],
        columns,
        paint,
    );
    let note = format!(
        "from {} that were looked at by chance",
        plural(sample.looked, "key")
    );
    let _ = writeln!(text, "{table}{}", wrap(&note, columns, "  "));
    text
}

/// How a cluster's nodes share the work.
pub(super) fn nodes(report: &InspectReport, columns: usize, paint: Paint) -> String {
    if report.nodes.len() < 2 {
        return String::new();
    }
    let cells = |cell: fn(&InspectNode) -> String| -> Vec<String> {
        let told = |node: &InspectNode| {
            if node.version.is_empty() {
                String::new()
            } else {
                cell(node)
            }
        };
        report.nodes.iter().map(told).collect()
    };
    let names = report.nodes.iter().map(|node| node.node.clone()).collect();
    let roles = report.nodes.iter().map(|node| node.role.clone()).collect();
    let table = grid(
        vec![
            Column::names("node", None, names),
            Column::names("role", Some(3), roles),
            Column::numbers("keys", None, cells(|node| grouped(node.keys))),
            Column::numbers("memory", Some(6), cells(|node| bytes(node.memory_bytes))),
            Column::numbers(
                "slots",
                Some(5),
                cells(|node| node.slots.map_or(String::new(), grouped)),
            ),
            Column::numbers(
                "busy",
                Some(4),
                cells(|node| node.busy.map_or(String::new(), percent)),
            ),
            Column::numbers("clients", Some(2), cells(|node| grouped(node.connections))),
            Column::names("version", Some(1), cells(|node| node.version.clone())),
        ],
        columns,
        paint,
    );
    format!("{}{table}", heading("nodes", columns, paint))
}

/// What the servers' latency monitors saw.
pub(super) fn latency(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let rows: Vec<_> = report
        .nodes
        .iter()
        .flat_map(|node| node.latency.iter().map(move |event| (node, event)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let millis = |ms: u64| format!("{} ms", grouped(ms));
    let mut table = vec![
        Column::names(
            "event",
            None,
            rows.iter().map(|(_, event)| event.event.clone()).collect(),
        ),
        Column::numbers(
            "last",
            Some(2),
            rows.iter()
                .map(|(_, event)| millis(event.last_ms))
                .collect(),
        ),
        Column::numbers(
            "longest",
            None,
            rows.iter().map(|(_, event)| millis(event.max_ms)).collect(),
        ),
    ];
    if report.nodes.len() > 1 {
        table.push(Column::names(
            "node",
            Some(1),
            rows.iter().map(|(node, _)| node.node.clone()).collect(),
        ));
    }
    format!(
        "{}{}",
        heading("latency monitor", columns, paint),
        grid(table, columns, paint)
    )
}

/// The settings; those in which nodes differ stand with the node.
pub(super) fn settings(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let mut lines: Vec<(String, String, Vec<&str>)> = Vec::new();
    for node in &report.nodes {
        for (name, value) in &node.settings {
            match lines
                .iter_mut()
                .find(|line| (&line.0, &line.1) == (name, value))
            {
                Some(line) => line.2.push(&node.node),
                None => lines.push((name.clone(), value.clone(), vec![&node.node])),
            }
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    // Beside each other what is called alike.
    let order: Vec<String> = lines.iter().map(|line| line.0.clone()).collect();
    lines.sort_by_key(|line| order.iter().position(|name| *name == line.0));
    let with_settings = report
        .nodes
        .iter()
        .filter(|node| !node.settings.is_empty())
        .count();
    let mut text = heading("settings", columns, paint);
    for (name, value, nodes) in &lines {
        let value = if value.is_empty() { "\"\"" } else { value };
        let on = if nodes.len() == with_settings {
            String::new()
        } else {
            format!(" (on {})", nodes.join(", "))
        };
        let _ = writeln!(text, "{}", hanging(&format!("{name} {value}{on}"), columns));
    }
    text
}

/// What the nodes can do.
pub(super) fn capabilities(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let asked: Vec<&InspectNode> = report
        .nodes
        .iter()
        .filter(|node| !node.capabilities.is_empty())
        .collect();
    let Some(first) = asked.first() else {
        return String::new();
    };
    let names: Vec<String> = first
        .capabilities
        .iter()
        .map(|own| own.name.to_owned())
        .collect();
    let state = |name: &str| {
        let states: Vec<&str> = asked
            .iter()
            .flat_map(|node| node.capabilities.iter().filter(|own| own.name == name))
            .map(|own| own.state.as_str())
            .collect();
        let first = states.first().copied().unwrap_or_default();
        let alike = states.iter().filter(|own| **own == first).count();
        if alike == states.len() {
            first.to_owned()
        } else {
            format!("{first} on {alike} of {} nodes", states.len())
        }
    };
    let states = names.iter().map(|name| state(name)).collect();
    let table = vec![
        Column::names("what", None, names),
        Column::names("can be used", None, states),
    ];
    format!(
        "{}{}",
        heading("capabilities", columns, paint),
        grid(table, columns, paint)
    )
}

/// What the servers would not tell.
pub(super) fn not_seen(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for node in &report.nodes {
        for missing in &node.not_seen {
            let said = format!("{}: {}", missing.what, missing.why);
            match lines.iter_mut().find(|(own, _)| *own == said) {
                Some((_, nodes)) => nodes.push(&node.node),
                None => lines.push((said, vec![&node.node])),
            }
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = heading("not seen", columns, paint);
    for (said, nodes) in &lines {
        let on = if nodes.len() == report.nodes.len() {
            String::new()
        } else {
            format!(" (on {})", nodes.join(", "))
        };
        let _ = writeln!(text, "{}", hanging(&format!("{said}{on}"), columns));
    }
    text
}

/// A line of a list whose further lines stand a little to the right.
fn hanging(text: &str, columns: usize) -> String {
    let wrapped = wrap(text, columns.saturating_sub(2), "  ");
    let mut lines = wrapped.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |sum, line| format!("{sum}\n  {line}"))
}
