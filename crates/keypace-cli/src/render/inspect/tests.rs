//! An inspection's text at several widths.

use keypace::{
    AclAdvice, Caller, ClientGroup, CommandFigures, InspectFinding, InspectNode, InspectReport,
    KeySample, LatencyEvent, NotSeen, SampledPattern, Severity, SlowShape, SourceLine,
};

use super::text;
use crate::render::paint::Paint;

fn shown(report: &InspectReport, columns: usize) -> String {
    text(report, columns, Paint::stderr_plain())
}

fn caller() -> Caller {
    let mut caller = Caller::default();
    "billing".clone_into(&mut caller.name);
    "redis-py 5.0.1".clone_into(&mut caller.library);
    "10.0.0.5".clone_into(&mut caller.host);
    caller
}

fn source() -> SourceLine {
    SourceLine {
        command: None,
        pattern: "session:*".to_owned(),
        file: "src/a.py".to_owned(),
        line: 10,
    }
}

fn finding() -> InspectFinding {
    let mut finding = InspectFinding::default();
    finding.id = "keys-command";
    finding.severity = Severity::High;
    "KEYS was called 1,204 times".clone_into(&mut finding.text);
    "SCAN in its place".clone_into(&mut finding.fix);
    finding.callers = vec![caller()];
    finding.patterns = vec!["session:*".to_owned()];
    finding.nodes = vec!["a:1".to_owned()];
    finding.sources = vec![source()];
    finding
}

fn node(name: &str) -> InspectNode {
    let mut node = InspectNode::default();
    name.clone_into(&mut node.node);
    "primary".clone_into(&mut node.role);
    "Redis".clone_into(&mut node.product);
    "7.0.15".clone_into(&mut node.version);
    (node.uptime_s, node.keys, node.no_ttl, node.slots) = (600, 1_000, 250, Some(5_461));
    node.memory_bytes = 123_456_789;
    node.busy = Some(0.25);
    node.settings = vec![
        ("timeout".to_owned(), "0".to_owned()),
        (
            "client-output-buffer-limit".to_owned(),
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60".to_owned(),
        ),
    ];
    let mut event = LatencyEvent::default();
    "fork".clone_into(&mut event.event);
    event.max_ms = 1_200;
    node.latency = vec![event];
    let mut missing = NotSeen::default();
    "CONFIG GET".clone_into(&mut missing.what);
    "the ACL user may not: add the right to the ACL user: ACL SETUSER <user> +config|get"
        .clone_into(&mut missing.why);
    node.not_seen = vec![missing];
    node
}

fn report(nodes: &[&str]) -> InspectReport {
    let mut report = InspectReport::default();
    report.complete = true;
    report.since.seconds = Some(600);
    report.findings = vec![finding(), InspectFinding::default()];
    let mut keys = CommandFigures::default();
    "keys".clone_into(&mut keys.command);
    (keys.calls, keys.usec, keys.usec_per_call, keys.share) = (1_204, 14_568_400, 12_100.0, 0.38);
    keys.p99_us = Some(440_000);
    report.commands = vec![keys];
    let mut row = SlowShape::default();
    "KEYS".clone_into(&mut row.command);
    row.pattern = Some("a-rather-long-prefix-of-keys:*:with-an-end".to_owned());
    (row.times, row.max, row.total, row.last_ago_s) = (12, 440_000, 900_000, 7_300);
    row.callers = vec![caller()];
    row.sources = vec![source()];
    report.slow = vec![row];
    let mut group = ClientGroup::default();
    "10.0.0.5".clone_into(&mut group.host);
    (group.connections, group.commands) = (20, vec!["keys".to_owned(), "client|list".to_owned()]);
    report.clients = vec![group];
    let mut pattern = SampledPattern::default();
    "cart:*".clone_into(&mut pattern.pattern);
    (pattern.looked, pattern.no_ttl) = (300, 290);
    let mut sample = KeySample::default();
    (sample.looked, sample.no_ttl, sample.patterns) = (500, 290, vec![pattern]);
    report.sample = Some(sample);
    let mut advice = AclAdvice::default();
    "ACL SETUSER app -flushall".clone_into(&mut advice.rule);
    report.acl = vec![advice];
    report.nodes = nodes.iter().map(|name| node(name)).collect();
    report
}

#[test]
fn findings_come_first_and_say_who_and_how() {
    let text = shown(&report(&["a:1"]), 80);
    let expected = "a:1 (Redis 7.0.15, primary), up 10 min
counted since the start 10 min ago; commands took 25 % of that time

2 findings: 1 high, 1 low
high keys-command
  KEYS was called 1,204 times
  by: billing (redis-py 5.0.1) at 10.0.0.5
  keys: session:*
  from: src/a.py:10
  fix: SCAN in its place
";
    assert!(text.starts_with(expected), "{text}");
    for part in [
        "keys     1,204   12 ms       440 ms   38 %\n",
        "2.0 h  billing  src/a.py:10",
        "(no name)           20  10.0.0.5  keys, client list",
        "1,000 keys, 123 MB in memory; 250 never expire (25 %)",
        "cart:*          60 %          97 %",
        "what nobody has called in 10 min can be forbidden",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("\nnodes\n"), "{text}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in [
        report(&["a:1"]),
        report(&["10.0.0.1:7000", "10.0.0.2:7000"]),
        InspectReport::default(),
    ] {
        for columns in 40..140 {
            let text = shown(&report, columns);
            let wide = text
                .lines()
                .find(|line| console::measure_text_width(line) > columns);
            assert_eq!(wide, None, "{columns}: {text}");
            assert!(text.contains("finding"), "{text}");
        }
    }
}

#[test]
fn nodes_that_are_alike_are_told_once() {
    let mut cluster = report(&["a:1", "b:1"]);
    cluster.nodes[1].settings[0].1 = "300".to_owned();
    let mut silent = InspectNode::default();
    "c:1".clone_into(&mut silent.node);
    "primary".clone_into(&mut silent.role);
    cluster.nodes.push(silent);
    let text = shown(&cluster, 80);
    for part in [
        "a cluster of 3 primaries, Redis 7.0.15\n",
        "  timeout 0 (on a:1)\n  timeout 300 (on b:1)\n",
        "  on: a:1\n",
        "2,000 keys",
        "\nc:1   primary\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert_eq!(text.matches("normal 0 0 0").count(), 1, "{text}");
}
