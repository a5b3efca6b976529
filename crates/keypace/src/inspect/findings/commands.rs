//! Findings from what servers count of their commands. Pure.

use super::{Scene, finding};
use crate::inspect::commandstats::Counted;
use crate::inspect::said::{micros, times};
use crate::limits::inspect::{
    NOTABLE_SCAN_SHARE, NOTABLE_SHARE, SLOW_CALL_US, SLOW_DEL_US, STALLING_CALL_US,
};
use crate::report::{InspectFinding, Severity};

/// Reads of whole values, which are as slow as values are large.
const BIG_READS: [&str; 17] = [
    "hgetall",
    "hkeys",
    "hvals",
    "smembers",
    "sunion",
    "sinter",
    "sdiff",
    "lrange",
    "zrange",
    "zrevrange",
    "zrangebyscore",
    "zrevrangebyscore",
    "zunion",
    "zinter",
    "xrange",
    "sort",
    "sort_ro",
];
/// Commands that run a script.
const SCRIPTS: [&str; 6] = [
    "eval",
    "evalsha",
    "eval_ro",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
];
/// Commands with a finding of their own, or that administrators wait for.
const NOT_SLOW: [&str; 17] = [
    "keys",
    "flushall",
    "flushdb",
    "del",
    "scan",
    "save",
    "debug",
    "exec",
    "bgsave",
    "bgrewriteaof",
    "info",
    "client|list",
    "slowlog|get",
    "psync",
    "sync",
    "replicaof",
    "shutdown",
];

pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let mut findings = Vec::new();
    findings.extend(keys(scene));
    findings.extend(flush(scene));
    findings.extend(save(scene));
    findings.extend(big_reads(scene));
    findings.extend(del(scene));
    findings.extend(scripts(scene));
    findings.extend(scan(scene));
    findings.extend(slow(scene));
    findings.extend(monitor(scene));
    findings
}

fn per_call(counted: &Counted) -> f64 {
    counted.usec as f64 / counted.calls.max(1) as f64
}

/// On average, or once in a hundred calls.
fn is_slow(counted: &Counted, average_us: f64) -> bool {
    let p99 = counted.p99_us.unwrap_or(0) as f64;
    per_call(counted) >= average_us || p99 >= average_us.max(STALLING_CALL_US)
}

/// `1.2 ms a call, 99 of 100 within 12 ms`.
fn said_cost(counted: &Counted) -> String {
    let average = micros(per_call(counted));
    // Of a few calls the slowest is not one in a hundred.
    match counted.p99_us.filter(|_| counted.calls >= 100) {
        Some(p99) => format!("{average} a call, 99 of 100 within {}", micros(p99 as f64)),
        None => format!("{average} a call"),
    }
}

fn keys(scene: &Scene<'_>) -> Option<InspectFinding> {
    let counted = scene.called("keys")?;
    let hurts = is_slow(counted, SLOW_CALL_US) || scene.share(counted) >= NOTABLE_SHARE;
    let severity = if hurts {
        Severity::High
    } else {
        Severity::Medium
    };
    let text = format!(
        "KEYS was called {} {}: {}, {}; it looks at every key, and nobody else is served meanwhile",
        times(counted.calls),
        scene.when(),
        said_cost(counted),
        scene.said_share(counted)
    );
    let fix = "SCAN in its place, or an index of what is looked for; keypace audit finds the lines; then forbid it: ACL SETUSER app -keys";
    Some(scene.about(finding("keys-command", severity, text, fix), &["keys"]))
}

fn flush(scene: &Scene<'_>) -> Option<InspectFinding> {
    let commands = ["flushall", "flushdb"];
    let calls: u64 = commands
        .iter()
        .filter_map(|command| scene.called(command))
        .map(|counted| counted.calls)
        .sum();
    if calls == 0 {
        return None;
    }
    let severity = if scene.is_watched() {
        Severity::High
    } else {
        Severity::Medium
    };
    let text = format!(
        "FLUSHALL or FLUSHDB was called {} {}: all keys went, whoever they belonged to",
        times(calls),
        scene.when()
    );
    let fix =
        "delete by pattern (keypace delete), and forbid it: ACL SETUSER app -flushall -flushdb";
    Some(scene.about(finding("flush-command", severity, text, fix), &commands))
}

fn save(scene: &Scene<'_>) -> Option<InspectFinding> {
    let counted = scene.called("save")?;
    let text = format!(
        "SAVE was called {} {}: {}; nobody else is served meanwhile",
        times(counted.calls),
        scene.when(),
        said_cost(counted)
    );
    let fix = "BGSAVE in its place";
    Some(scene.about(
        finding("blocking-save", Severity::High, text, fix),
        &["save"],
    ))
}

fn big_reads(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let slow = |command: &&&str| {
        scene
            .called(command)
            .is_some_and(|counted| is_slow(counted, SLOW_CALL_US))
    };
    let commands: Vec<&str> = BIG_READS.iter().filter(slow).copied().collect();
    let told = commands.iter().filter_map(|command| {
        let counted = scene.called(command)?;
        let severity = if scene.share(counted) >= NOTABLE_SHARE { Severity::High } else { Severity::Medium };
        let text = format!(
            "{} reads whole values that are large: {} {}, {}, {}",
            command.to_ascii_uppercase(),
            times(counted.calls),
            scene.when(),
            said_cost(counted),
            scene.said_share(counted)
        );
        let fix = "read in pieces (HSCAN, SSCAN, ZSCAN, ranges with a bound), or only the fields that are needed (HMGET, SMISMEMBER)";
        Some(scene.about(finding("big-read", severity, text, fix), &[command]))
    });
    told.collect()
}

fn del(scene: &Scene<'_>) -> Option<InspectFinding> {
    let counted = scene
        .called("del")
        .filter(|counted| is_slow(counted, SLOW_DEL_US))?;
    // Where every node frees beside, DEL is as good as UNLINK.
    let frees = |look: &super::NodeLook| {
        look.settings
            .iter()
            .any(|(name, value)| name == "lazyfree-lazy-user-del" && value == "yes")
    };
    if !scene.looks.is_empty() && scene.looks.iter().all(frees) {
        return None;
    }
    let unlinks = scene
        .called("unlink")
        .map_or("never".to_owned(), |unlink| times(unlink.calls));
    let text = format!(
        "DEL frees large values while everybody waits: {} {}, {}, {}; UNLINK was called {}",
        times(counted.calls),
        scene.when(),
        said_cost(counted),
        scene.said_share(counted),
        unlinks
    );
    let fix = "UNLINK in its place, or CONFIG SET lazyfree-lazy-user-del yes";
    Some(scene.about(finding("slow-del", Severity::Medium, text, fix), &["del"]))
}

fn scripts(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let told = SCRIPTS.iter().filter_map(|command| {
        let counted = scene
            .called(command)
            .filter(|counted| is_slow(counted, SLOW_CALL_US))?;
        let severity = if scene.share(counted) >= NOTABLE_SHARE {
            Severity::High
        } else {
            Severity::Medium
        };
        let text = format!(
            "scripts run long: {} was called {} {}, {}; nobody else is served meanwhile",
            command.to_ascii_uppercase(),
            times(counted.calls),
            scene.when(),
            said_cost(counted)
        );
        let fix = "no loops over keys in scripts: hand each call one bounded batch";
        Some(scene.about(finding("slow-script", severity, text, fix), &[command]))
    });
    told.collect()
}

fn scan(scene: &Scene<'_>) -> Option<InspectFinding> {
    let counted = scene
        .called("scan")
        .filter(|counted| scene.share(counted) >= NOTABLE_SCAN_SHARE)?;
    let text = format!(
        "walks of the keyspace take {}: SCAN was called {} {}, {}",
        scene.said_share(counted),
        times(counted.calls),
        scene.when(),
        said_cost(counted)
    );
    let fix = "each walk looks at every key, whatever its MATCH: keep an index of what is looked for, or walk once for all who ask";
    Some(scene.about(
        finding("scan-heavy", Severity::Medium, text, fix),
        &["scan"],
    ))
}

/// Whatever else is slow on average; what is slow at times shows in the log.
fn slow(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let is_other = |command: &str| {
        let known = [&BIG_READS[..], &SCRIPTS, &NOT_SLOW].concat();
        !known.contains(&command)
            && !command.starts_with("debug")
            && !command.starts_with("cluster|")
    };
    let told = scene.counts.iter().filter_map(|(command, counted)| {
        let is_notable =
            scene.share(counted) >= NOTABLE_SHARE || per_call(counted) >= STALLING_CALL_US;
        let is_slow = counted.calls > 0 && is_notable && per_call(counted) >= SLOW_CALL_US;
        if !is_slow || !is_other(command) {
            return None;
        }
        let text = format!(
            "{} is slow: {} {}, {}, {}",
            command.replace('|', " ").to_ascii_uppercase(),
            times(counted.calls),
            scene.when(),
            said_cost(counted),
            scene.said_share(counted)
        );
        let fix = "see its rows in the log: fewer keys or elements in one call";
        Some(scene.about(
            finding("slow-command", Severity::Medium, text, fix),
            &[command],
        ))
    });
    told.collect()
}

fn monitor(scene: &Scene<'_>) -> Option<InspectFinding> {
    let is_on = |look: &super::NodeLook| {
        look.clients
            .iter()
            .any(super::super::clients::Client::is_monitor)
    };
    let nodes: Vec<String> = scene
        .looks
        .iter()
        .filter(|look| is_on(look))
        .map(|look| look.node.clone())
        .collect();
    if !nodes.is_empty() {
        let text =
            "somebody watches with MONITOR: every command is sent to them as well, with its values"
                .to_owned();
        let fix = "end it (CLIENT LIST names it), and forbid it: ACL SETUSER app -monitor";
        let mut told = finding("monitor-attached", Severity::High, text, fix);
        told.nodes = nodes;
        told.callers = scene.callers(&["monitor"]);
        return Some(told);
    }
    let counted = scene.called("monitor")?;
    let text = format!(
        "MONITOR was called {} {}: it showed every command with its values, and slows a server down",
        times(counted.calls),
        scene.when()
    );
    let fix = "SLOWLOG and keypace inspect in its place, and forbid it: ACL SETUSER app -monitor";
    Some(scene.about(
        finding("monitor-used", Severity::Low, text, fix),
        &["monitor"],
    ))
}
