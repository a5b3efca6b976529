//! An inspection as people read it: findings first, then what they were drawn from. Fits the width it is given; says with
//! words what colour only repeats. Builds text; writes nothing, and judges nothing.

mod findings;
mod grid;
mod nodes;
mod tables;

use std::fmt::Write as _;

use keypace::{InspectNode, InspectReport, SinceKind};

use super::figures::{percent, plural};
use super::paint::Paint;
use super::wrap::wrap;

/// Nothing reads well below.
const MIN_COLUMNS: usize = 30;

/// An inspection, for stdout.
pub(crate) fn text(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let columns = columns.max(MIN_COLUMNS);
    let mut text = head(report, columns, paint);
    text.push_str(&findings::list(report, columns, paint));
    text.push_str(&tables::commands(report, columns, paint));
    text.push_str(&tables::slow(report, columns, paint));
    text.push_str(&tables::clients(report, columns, paint));
    text.push_str(&nodes::keys(report, columns, paint));
    text.push_str(&nodes::nodes(report, columns, paint));
    text.push_str(&nodes::latency(report, columns, paint));
    text.push_str(&nodes::settings(report, columns, paint));
    text.push_str(&nodes::capabilities(report, columns, paint));
    text.push_str(&findings::acl(report, columns, paint));
    text.push_str(&nodes::not_seen(report, columns, paint));
    text
}

/// A heading with a line of its own above it.
fn heading(title: &str, columns: usize, paint: Paint) -> String {
    format!("\n{}\n", paint.strong(&wrap(title, columns, "")))
}

/// The nodes that told who they are.
fn answered(report: &InspectReport) -> impl Iterator<Item = &InspectNode> {
    report.nodes.iter().filter(|node| !node.version.is_empty())
}

/// Who was asked, and of which time the figures are.
fn head(report: &InspectReport, columns: usize, paint: Paint) -> String {
    let who = match &report.nodes[..] {
        [one] => format!(
            "{} ({} {}, {}), up {}",
            one.node,
            one.product,
            one.version,
            one.role,
            age(one.uptime_s)
        ),
        several => {
            let primaries = several.iter().filter(|node| node.role == "primary").count();
            let replicas = several.len() - primaries;
            let first = answered(report).next();
            let version = first.map_or(String::new(), |node| {
                format!(", {} {}", node.product, node.version)
            });
            let following = match replicas {
                0 => String::new(),
                number => format!(" and {}", plural(number as u64, "replica")),
            };
            let primaries = match primaries {
                1 => "1 primary".to_owned(),
                number => format!("{number} primaries"),
            };
            format!("a cluster of {primaries}{following}{version}")
        }
    };
    let mut text = format!("{}\n", paint.strong(&wrap(&who, columns, "")));
    let _ = writeln!(text, "{}", wrap(&since(report), columns, ""));
    text
}

/// Since when calls are counted, and how busy that was.
fn since(report: &InspectReport) -> String {
    let of = if report.nodes.len() > 1 {
        " on at least one node"
    } else {
        ""
    };
    let ago = report
        .since
        .seconds
        .map_or(String::new(), |seconds| format!(" {} ago", age(seconds)));
    let counted = match report.since.kind {
        SinceKind::Watch => match report.watched_ms {
            Some(ms) => format!(
                "watched for {}",
                super::figures::span(std::time::Duration::from_millis(ms))
            ),
            None => "watched".to_owned(),
        },
        SinceKind::Resetstat => {
            format!("counted since the last CONFIG RESETSTAT{of}; when that was is not told")
        }
        SinceKind::Start if is_old(report) => {
            format!(
                "counted since the start{ago}, or since a later CONFIG RESETSTAT, which this version doesn't tell"
            )
        }
        _ => format!("counted since the start{ago}{of}"),
    };
    let busy: Vec<f64> = answered(report).filter_map(|node| node.busy).collect();
    let busiest = busy.iter().copied().fold(0.0, f64::max);
    let anew = report.nodes.iter().any(|node| node.began_anew);
    let anew = if anew {
        "; a node began anew meanwhile, and is told as a whole"
    } else {
        ""
    };
    match busy.len() {
        0 => format!("{counted}{anew}"),
        1 => format!(
            "{counted}; commands took {} of that time{anew}",
            percent(busiest)
        ),
        _ => format!(
            "{counted}; commands took up to {} of that time on a node{anew}",
            percent(busiest)
        ),
    }
}

/// Before 7.0 the reset of the counters is not counted by itself.
fn is_old(report: &InspectReport) -> bool {
    let major = |node: &InspectNode| {
        node.version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok())
    };
    answered(report)
        .any(|node| node.product == "Redis" && major(node).is_some_and(|major| major < 7))
}

/// `45 s`, `12 min`, `3.4 h`, `12 d`.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{:.1} h", seconds as f64 / 3600.0),
        _ => format!("{} d", super::figures::grouped(seconds / 86_400)),
    }
}

#[cfg(test)]
mod tests;
