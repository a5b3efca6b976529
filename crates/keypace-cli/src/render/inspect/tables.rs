//! Commands, logs and clients of an inspection, as tables. Builds text.

use keypace::{Caller, ClientGroup, CommandFigures, InspectReport, LogKind, SlowShape};

use super::grid::{Column, grid};
use super::{age, heading};
use crate::render::figures::{bytes, grouped, percent, wait};
use crate::render::paint::Paint;

/// More rows of a table scroll its head away; `--json` has them all.
const MAX_ROWS: usize = 12;

fn cells<T>(rows: &[T], cell: impl Fn(&T) -> String) -> Vec<String> {
    rows.iter().map(cell).collect()
}

/// The title of a table of which some rows are left out.
fn title(name: &str, shown: usize, all: usize) -> String {
    if all > shown {
        format!("{name} (the first {shown} of {all})")
    } else {
        name.to_owned()
    }
}

/// Commands by their time.
pub(super) fn commands(report: &InspectReport, columns: usize, paint: Paint) -> String {
    // The rows behind the first ones are those that a person looks for by their names.
    let is_named = |row: &&CommandFigures| {
        [
            "keys", "smembers", "hgetall", "flushall", "flushdb", "del", "unlink", "scan",
            "monitor",
        ]
        .contains(&&*row.command)
    };
    let first = report.commands.iter().take(MAX_ROWS);
    let behind = report.commands.iter().skip(MAX_ROWS).filter(is_named);
    let rows: Vec<&CommandFigures> = first.chain(behind).collect();
    if rows.is_empty() {
        return String::new();
    }
    let refused = |row: &&CommandFigures| match row.rejected + row.failed {
        0 => String::new(),
        number => grouped(number),
    };
    let micros = |us: Option<u64>| us.map_or(String::new(), wait);
    let table = grid(
        vec![
            Column::names(
                "command",
                None,
                cells(&rows, |row| row.command.replace('|', " ")),
            ),
            Column::numbers("calls", None, cells(&rows, |row| grouped(row.calls))),
            Column::numbers("a call", None, cells(&rows, |row| call(row.usec_per_call))),
            Column::numbers(
                "99 % within",
                Some(2),
                cells(&rows, |row| micros(row.p99_us)),
            ),
            Column::numbers("share", Some(9), cells(&rows, |row| percent(row.share))),
            Column::numbers(
                "of the time",
                Some(3),
                cells(&rows, |row| row.busy.map_or(String::new(), percent)),
            ),
            Column::numbers("failed", Some(1), cells(&rows, refused)),
        ],
        columns,
        paint,
    );
    let title = title(
        "commands, by their share of all commands' time",
        rows.len(),
        report.commands.len(),
    );
    format!("{}{table}", heading(&title, columns, paint))
}

/// What one call takes.
fn call(micros: f64) -> String {
    if micros < 0.95 {
        "under 1 us".to_owned()
    } else {
        wait(micros.round() as u64)
    }
}

/// The logs.
pub(super) fn slow(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let logs = [
        (LogKind::Slow, "slow log, by shape of the command"),
        (LogKind::LargeRequest, "large requests"),
        (LogKind::LargeReply, "large replies"),
    ];
    let tables = logs.map(|(kind, name)| {
        let all: Vec<&SlowShape> = report.slow.iter().filter(|row| row.log == kind).collect();
        let rows = &all[..all.len().min(MAX_ROWS)];
        if rows.is_empty() {
            return String::new();
        }
        let amount = |amount: u64| match kind {
            LogKind::Slow => wait(amount),
            _ => bytes(amount),
        };
        let longest = if kind == LogKind::Slow {
            "longest"
        } else {
            "largest"
        };
        let table = grid(
            vec![
                Column::names("command", None, cells(rows, |row| shape(row))),
                Column::numbers("times", None, cells(rows, |row| grouped(row.times))),
                Column::numbers(
                    "keys",
                    Some(3),
                    cells(rows, |row| row.most_keys.map_or(String::new(), grouped)),
                ),
                Column::numbers(longest, None, cells(rows, |row| amount(row.max))),
                Column::numbers("together", Some(1), cells(rows, |row| amount(row.total))),
                Column::numbers("last", Some(3), cells(rows, |row| age(row.last_ago_s))),
                Column::names(
                    "by",
                    Some(2),
                    cells(rows, |row| row.callers.first().map_or(String::new(), short)),
                ),
                Column::names("from", Some(4), cells(rows, |row| source(row))),
            ],
            columns,
            paint,
        );
        format!(
            "{}{table}",
            heading(&title(name, rows.len(), all.len()), columns, paint)
        )
    });
    tables.concat()
}

/// `SCAN a:* COUNT 100000`.
fn shape(row: &SlowShape) -> String {
    let parts = [
        Some(&row.command),
        row.pattern.as_ref(),
        row.detail.as_ref(),
    ];
    let parts = parts.into_iter().flatten().map(String::as_str);
    parts.collect::<Vec<_>>().join(" ")
}

/// Who sends something, in a word.
fn short(caller: &Caller) -> String {
    let names = [&caller.name, &caller.library, &caller.host];
    let told = names.into_iter().find(|name| !name.is_empty());
    told.cloned().unwrap_or_default()
}

fn source(row: &SlowShape) -> String {
    row.sources
        .first()
        .map_or(String::new(), |line| format!("{}:{}", line.file, line.line))
}

/// Who is connected.
pub(super) fn clients(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let rows = &report.clients[..report.clients.len().min(MAX_ROWS)];
    if rows.is_empty() {
        return String::new();
    }
    let name = |row: &ClientGroup| match &*row.name {
        "" => "(no name)".to_owned(),
        name => name.to_owned(),
    };
    let waiting = |row: &ClientGroup| match row.output_bytes {
        0 => String::new(),
        number => bytes(number),
    };
    let commands = |row: &ClientGroup| row.commands.join(", ").replace('|', " ");
    let table = grid(
        vec![
            Column::names("name", None, cells(rows, name)),
            Column::numbers(
                "connections",
                None,
                cells(rows, |row| grouped(row.connections)),
            ),
            Column::names("host", Some(6), cells(rows, |row| row.host.clone())),
            Column::names("library", Some(5), cells(rows, |row| row.library.clone())),
            Column::names("last commands", Some(4), cells(rows, commands)),
            Column::numbers("idle", Some(2), cells(rows, |row| age(row.idle_s))),
            Column::numbers("unread", Some(3), cells(rows, waiting)),
            Column::names("user", Some(1), cells(rows, |row| row.user.clone())),
        ],
        columns,
        paint,
    );
    format!(
        "{}{table}",
        heading(
            &title("clients", rows.len(), report.clients.len()),
            columns,
            paint
        )
    )
}
