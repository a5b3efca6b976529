//! Findings about settings. Pure.

use super::{NodeLook, Scene, finding};
use crate::inspect::settings::Settings;
use crate::report::{InspectFinding, Severity};

/// What one node's settings may be worth saying: an id, how bad, what, and how to mend it.
type Said = (&'static str, Severity, String, &'static str);

pub(super) fn findings(scene: &Scene<'_>) -> Vec<InspectFinding> {
    let mut findings: Vec<InspectFinding> = Vec::new();
    for look in scene.looks.iter().filter(|look| !look.settings.is_empty()) {
        for (id, severity, text, fix) in said(look) {
            // Nodes of a cluster are set alike, as a rule.
            match findings
                .iter_mut()
                .find(|own| own.id == id && own.text == text)
            {
                Some(own) => own.nodes.push(look.node.clone()),
                None => {
                    let mut told = finding(id, severity, text, fix);
                    told.nodes = vec![look.node.clone()];
                    findings.push(told);
                }
            }
        }
    }
    findings
}

fn said(look: &NodeLook) -> Vec<Said> {
    let settings = Settings(&look.settings);
    [
        lazyfree(&settings),
        ceiling(&settings),
        events(&settings),
        buffer(&settings),
        keepalive(&settings),
        slowlog(&settings),
        slowlog_length(&settings),
        latency(&settings),
        fsync(&settings),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lazyfree(settings: &Settings<'_>) -> Option<Said> {
    let names = [
        "lazyfree-lazy-eviction",
        "lazyfree-lazy-expire",
        "lazyfree-lazy-server-del",
        "lazyfree-lazy-user-del",
        "lazyfree-lazy-user-flush",
    ];
    let off: Vec<&str> = names
        .into_iter()
        .filter(|name| settings.is_off(name))
        .collect();
    if off.is_empty() {
        return None;
    }
    let text = format!(
        "large values are freed while everybody waits: {} {} no",
        off.join(", "),
        if off.len() == 1 { "is" } else { "are" }
    );
    Some((
        "lazyfree-off",
        Severity::Low,
        text,
        "CONFIG SET each of them yes; Valkey has that by default",
    ))
}

fn ceiling(settings: &Settings<'_>) -> Option<Said> {
    let text = "maxmemory is 0: it grows until the system ends it".to_owned();
    let fix = "CONFIG SET maxmemory below what the machine or container has, with room for a fork";
    (settings.number("maxmemory") == Some(0)).then_some(("no-maxmemory", Severity::Low, text, fix))
}

fn events(settings: &Settings<'_>) -> Option<Said> {
    let flags = settings
        .get("notify-keyspace-events")
        .filter(|flags| !flags.is_empty())?;
    // What is deleted is told where generic events or all of them are on.
    let tells_deletes = flags.contains(['g', 'A']);
    let severity = if tells_deletes {
        Severity::Medium
    } else {
        Severity::Low
    };
    let what = if tells_deletes {
        ", deletions of many keys too"
    } else {
        ""
    };
    let text = format!(
        "notify-keyspace-events is `{flags}`: every such change is published to whoever subscribed{what}"
    );
    let fix = "only the classes that somebody listens to, or none: CONFIG SET notify-keyspace-events \"\"";
    Some(("keyspace-events", severity, text, fix))
}

fn buffer(settings: &Settings<'_>) -> Option<Said> {
    let limit = settings.normal_buffer()?;
    let text = "client-output-buffer-limit has no bound for ordinary clients: one that doesn't read its answers fills the memory".to_owned();
    let fix = "CONFIG SET client-output-buffer-limit \"normal 256mb 64mb 60\", or maxmemory-clients from 7.0 on";
    (limit[0] == 0 && limit[1] == 0).then_some(("no-output-limit", Severity::Low, text, fix))
}

fn keepalive(settings: &Settings<'_>) -> Option<Said> {
    let text =
        "tcp-keepalive is 0: connections of machines that went away are kept for ever".to_owned();
    (settings.number("tcp-keepalive") == Some(0)).then_some((
        "no-keepalive",
        Severity::Medium,
        text,
        "CONFIG SET tcp-keepalive 300",
    ))
}

fn slowlog(settings: &Settings<'_>) -> Option<Said> {
    let name = [
        "slowlog-log-slower-than",
        "commandlog-execution-slower-than",
    ]
    .into_iter()
    .find(|name| settings.get(name).is_some())?;
    let fix = "CONFIG SET slowlog-log-slower-than 10000 (microseconds)";
    match settings.number(name)? {
        ..0 => Some((
            "slowlog-off",
            Severity::Medium,
            format!("{name} is negative: nothing slow is logged"),
            fix,
        )),
        100_000.. => {
            let text =
                format!("{name} is above 100 ms: what holds others up for less is not logged");
            Some(("slowlog-off", Severity::Low, text, fix))
        }
        _ => None,
    }
}

fn slowlog_length(settings: &Settings<'_>) -> Option<Said> {
    let length = settings
        .number("slowlog-max-len")
        .filter(|length| *length < 128)?;
    let text = format!("slowlog-max-len is {length}: older entries are lost");
    Some((
        "slowlog-short",
        Severity::Low,
        text,
        "CONFIG SET slowlog-max-len 1024: an entry takes a few hundred bytes",
    ))
}

fn latency(settings: &Settings<'_>) -> Option<Said> {
    let text =
        "latency-monitor-threshold is 0: forks, slow disks and expiry are not timed".to_owned();
    let fix = "CONFIG SET latency-monitor-threshold 100 (milliseconds); it costs nothing";
    (settings.number("latency-monitor-threshold") == Some(0)).then_some((
        "latency-monitor-off",
        Severity::Low,
        text,
        fix,
    ))
}

fn fsync(settings: &Settings<'_>) -> Option<Said> {
    let text = "appendfsync is always: every write waits for the disk".to_owned();
    (settings.get("appendfsync") == Some("always")).then_some((
        "fsync-always",
        Severity::Low,
        text,
        "appendfsync everysec, unless no second may be lost",
    ))
}
