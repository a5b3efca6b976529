//! Reports as a whole, from what servers would say: each finding with what brings it about, and nothing secret in any.

use std::collections::BTreeSet;

use proptest::prelude::{prop_assert, proptest};

use super::clients::clients;
use super::commandstats::counts;
use super::look::NodeLook;
use super::sample;
use super::settings::pairs;
use super::state::{Silent, report};
use crate::port::{Info, Reply};
use crate::report::{
    InspectReport, KeySample, LatencyEvent, LogKind, SampledPattern, Severity, SourceLine,
};

fn look(info: &str, commandstats: &str) -> NodeLook {
    let info = format!(
        "run_id:a\r\nrole:master\r\nredis_version:7.0.15\r\nuptime_in_seconds:100\r\n{info}"
    );
    let mut look = NodeLook::new("a:1".to_owned(), None, Info::parse(info.as_bytes()));
    look.now = 5_000;
    look.count(counts(commandstats.as_bytes(), b""));
    look
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(bytes::Bytes::copy_from_slice(text.as_bytes()))
}

fn logged(look: &mut NodeLook, kind: LogKind, lines: &[(i64, &str)]) {
    let rows = lines.iter().enumerate().map(|(id, (amount, line))| {
        let words = Reply::Array(
            line.split(' ')
                .map(|word| bulk(&word.replace('~', " ")))
                .collect(),
        );
        let fields = [
            Reply::Int(id as i64),
            Reply::Int(4_000),
            Reply::Int(*amount),
            words,
        ];
        Reply::Array(
            fields
                .into_iter()
                .chain([bulk("10.0.0.5:1"), bulk("billing")])
                .collect(),
        )
    });
    look.logs
        .push((kind, super::log::entries(&Reply::Array(rows.collect()))));
}

fn set(look: &mut NodeLook, words: &[&str]) {
    look.settings.extend(pairs(&Reply::Array(
        words.iter().map(|word| bulk(word)).collect(),
    )));
}

fn ids(report: &InspectReport) -> Vec<(&'static str, Severity)> {
    report
        .findings
        .iter()
        .map(|finding| (finding.id, finding.severity))
        .collect()
}

fn reported(looks: &[NodeLook]) -> InspectReport {
    report(looks, &Silent::default())
}

/// A server on which everything is wrong.
fn awful() -> NodeLook {
    let mut awful = look(
        "used_memory:950\r\nmaxmemory:1000\r\ndb0:keys=5000,expires=100,avg_ttl=1\r\n",
        "cmdstat_keys:calls=1204,usec=14568400\r\ncmdstat_flushall:calls=1,usec=10\r\ncmdstat_save:calls=1,usec=900000\r\n\
         cmdstat_smembers:calls=10,usec=900000\r\ncmdstat_del:calls=5,usec=50000\r\ncmdstat_eval:calls=2,usec=90000\r\n\
         cmdstat_scan:calls=900,usec=20000000\r\ncmdstat_zunionstore:calls=1,usec=70000\r\ncmdstat_monitor:calls=1,usec=1\r\n",
    );
    logged(
        &mut awful,
        LogKind::Slow,
        &[
            (440_000, "keys session:*"),
            (90_000, "scan 0 MATCH a:* COUNT 100000"),
            (80_000, "mget k:1 k:2 ...~(4969~more~arguments)"),
            (70_000, "set user:12 hunter2"),
        ],
    );
    logged(
        &mut awful,
        LogKind::LargeReply,
        &[(5_000_000, "hgetall h:1")],
    );
    logged(
        &mut awful,
        LogKind::LargeRequest,
        &[(5_000_000, "set big:1 hunter2")],
    );
    awful.clients = clients(
        b"id=1 addr=10.0.0.5:1 name=billing lib-name=jedis lib-ver=5 user=web cmd=keys omem=9000000 flags=N\n\
          id=2 addr=10.0.0.6:1 name=eye flags=O cmd=monitor user=web\n",
    );
    let idle = "id=9 addr=10.0.0.9:1 name=pool idle=9999 flags=N cmd=get user=web\n".repeat(150);
    awful.clients.extend(clients(idle.as_bytes()));
    awful.latency = vec![LatencyEvent {
        event: "fork".to_owned(),
        last_at: 4_500,
        last_ms: 100,
        max_ms: 1_300,
    }];
    set(
        &mut awful,
        &[
            "lazyfree-lazy-user-del",
            "no",
            "maxmemory-policy",
            "volatile-lru",
            "maxmemory",
            "0",
            "notify-keyspace-events",
            "AKE",
            "client-output-buffer-limit",
            "normal 0 0 0 slave 1 1 1",
            "timeout",
            "0",
            "tcp-keepalive",
            "0",
            "slowlog-log-slower-than",
            "-1",
            "slowlog-max-len",
            "64",
            "latency-monitor-threshold",
            "0",
            "appendfsync",
            "always",
        ],
    );
    let forever = SampledPattern {
        pattern: "cart:*".to_owned(),
        looked: 10,
        no_ttl: 9,
    };
    awful.sample = Some(KeySample {
        looked: 10,
        no_ttl: 9,
        patterns: vec![forever],
    });
    awful
}

const AWFUL: [&str; 27] = [
    "keys-command",
    "flush-command",
    "blocking-save",
    "big-read",
    "slow-del",
    "slow-script",
    "scan-heavy",
    "slow-command",
    "monitor-attached",
    "scan-large-count",
    "giant-multikey",
    "large-reply",
    "large-request",
    "latency-event",
    "volatile-without-ttl",
    "memory-full",
    "unread-output",
    "idle-clients",
    "lazyfree-off",
    "no-maxmemory",
    "keyspace-events",
    "no-output-limit",
    "no-keepalive",
    "slowlog-off",
    "slowlog-short",
    "latency-monitor-off",
    "fsync-always",
];

#[test]
fn everything_that_is_wrong_is_found() {
    let report = reported(&[awful()]);
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(found, AWFUL.into_iter().collect());
    assert!(report.findings.is_sorted_by_key(|finding| finding.severity));
    let keys = report
        .findings
        .iter()
        .find(|finding| finding.id == "keys-command")
        .expect("found");
    assert_eq!(
        keys.text,
        "KEYS was called 1,204 times since the start 100 s ago: 12 ms a call, 40 % of the commands' time; it looks at every key, and nobody else is served meanwhile"
    );
    assert_eq!(
        (&*keys.patterns, &*keys.nodes),
        (&["session:*".to_owned()][..], &["a:1".to_owned()][..])
    );
    assert_eq!(
        (&*keys.callers[0].name, &*keys.callers[0].library),
        ("billing", "jedis 5")
    );
    let busy = report.nodes[0].busy.expect("known");
    assert!(busy > 0.3 && busy < 0.4, "{busy}");
    // Debug was never called, and KEYS was.
    assert_eq!(
        report.acl[0].rule,
        "ACL SETUSER web -flushdb -swapdb -debug -shutdown -replicaof -slaveof -module"
    );
}

#[test]
fn a_quiet_server_has_no_findings() {
    let mut quiet = look(
        "used_memory:10\r\ndb0:keys=5000,expires=4900\r\n",
        "cmdstat_get:calls=500,usec=900\r\ncmdstat_del:calls=5,usec=9\r\n",
    );
    set(
        &mut quiet,
        &[
            "maxmemory",
            "1000",
            "maxmemory-policy",
            "allkeys-lru",
            "tcp-keepalive",
            "300",
            "slowlog-log-slower-than",
            "10000",
            "timeout",
            "0",
        ],
    );
    assert_eq!(ids(&reported(&[quiet])), []);
    assert_eq!(ids(&reported(&[])), []);
}

#[test]
fn cheap_keys_are_less_bad_and_other_findings_have_their_own_words() {
    let mut cheap = look(
        "db0:keys=5000,expires=0\r\n",
        "cmdstat_keys:calls=2,usec=20\r\ncmdstat_get:calls=500,usec=9000\r\ncmdstat_monitor:calls=1,usec=1\r\n",
    );
    cheap.settings = Vec::new();
    let report = reported(&[cheap]);
    let expected = [
        ("keys-command", Severity::Medium),
        ("monitor-used", Severity::Low),
        ("no-ttl", Severity::Low),
    ];
    let mut found = ids(&report);
    found.sort_by_key(|(id, _)| *id);
    assert_eq!(found, expected);
}

#[test]
fn nodes_of_a_cluster_are_one_picture() {
    let node = |name: &str, keys: u64, calls: u64| {
        let mut node = look(
            &format!("used_memory:100\r\ndb0:keys={keys},expires={keys}\r\n"),
            &format!(
                "cmdstat_keys:calls={calls},usec={}\r\ncmdstat_get:calls=1,usec=100\r\n",
                calls * 1000
            ),
        );
        node.node = name.to_owned();
        node.slots = Some(5461);
        node
    };
    let report = reported(&[
        node("a:1", 9_000, 0),
        node("b:1", 1_000, 3),
        node("c:1", 1_000, 0),
    ]);
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.id, &*finding.nodes[0]))
        .collect();
    assert_eq!(
        told,
        [("keys-command", "b:1"), ("cluster-imbalance", "a:1")]
    );
    assert!(
        report.findings[1].text.contains("82 % of the keys"),
        "{report:?}"
    );
    let keys = report
        .commands
        .iter()
        .find(|row| row.command == "keys")
        .expect("a row");
    assert_eq!((keys.calls, keys.busy), (3, Some(3_000.0 / 300e6)));
    let silent = Silent {
        primaries: vec![("d:1".to_owned(), "it is away".to_owned())],
        ..Silent::default()
    };
    let report = super::state::report(&[node("a:1", 1, 0)], &silent);
    assert!(!report.complete && report.nodes[1].not_seen[0].why == "it is away");
}

#[test]
fn a_watch_tells_what_is_new() {
    let mut before = look("", "cmdstat_keys:calls=5,usec=50000\r\n");
    logged(&mut before, LogKind::Slow, &[(50_000, "keys a:*")]);
    let mut after = look("", "cmdstat_keys:calls=6,usec=90000\r\n");
    logged(
        &mut after,
        LogKind::Slow,
        &[(50_000, "keys a:*"), (40_000, "keys b:*")],
    );
    let report = reported(&[after.since(&before)]);
    assert_eq!(
        (report.commands[0].calls, report.commands[0].usec),
        (1, 40_000)
    );
    let patterns: Vec<_> = report
        .slow
        .iter()
        .map(|row| row.pattern.as_deref())
        .collect();
    assert_eq!(patterns, [Some("b:*")]);
    assert!(
        report.findings[0]
            .text
            .starts_with("KEYS was called once in 1 s"),
        "{report:?}"
    );
}

#[test]
fn lines_of_source_are_named_and_names_are_shortened() {
    let mut report = reported(&[awful()]);
    let line = SourceLine {
        command: Some("keys".to_owned()),
        pattern: "session:{id}".to_owned(),
        file: "src/a.py".to_owned(),
        line: 10,
    };
    report.join_sources(&[SourceLine {
        pattern: "session:*".to_owned(),
        ..line
    }]);
    let keys = report
        .findings
        .iter()
        .find(|finding| finding.id == "keys-command")
        .expect("found");
    assert_eq!(
        (&*keys.sources[0].file, keys.sources[0].line),
        ("src/a.py", 10)
    );
    report.redact();
    let text = serde_json::to_string(&report).expect("JSON");
    assert!(
        text.contains("ses..:*") && !text.contains("session:*"),
        "{text}"
    );
}

#[test]
fn no_value_is_in_a_report() {
    let text = serde_json::to_string(&reported(&[awful()])).expect("JSON");
    assert!(
        text.contains("user:*") && !text.contains("hunter2"),
        "{text}"
    );
}

/// Ids are what scripts look for; the page says what each means.
#[test]
fn the_page_names_every_finding() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/inspect.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for id in AWFUL
        .iter()
        .chain(&["monitor-used", "no-ttl", "cluster-imbalance"])
    {
        assert!(
            page.contains(&format!("| `{id}` |")),
            "{id} is not in docs/inspect.md"
        );
    }
}

#[test]
fn samples_of_nodes_are_added_up() {
    let row = |pattern: &str, looked, no_ttl| SampledPattern {
        pattern: pattern.to_owned(),
        looked,
        no_ttl,
    };
    let one = KeySample {
        looked: 3,
        no_ttl: 1,
        patterns: vec![row("a:*", 2, 0), row("b:*", 1, 1)],
    };
    let sum = sample::merged([&one, &one].into_iter()).expect("rows");
    assert_eq!((sum.looked, sum.no_ttl), (6, 2));
    assert_eq!(sum.patterns, [row("b:*", 2, 2), row("a:*", 4, 0)]);
    assert_eq!(sample::merged([].into_iter()), None);
}

proptest! {
    #[test]
    fn any_texts_make_a_report(info: Vec<u8>, stats: Vec<u8>, list: Vec<u8>, words: Vec<String>, numbers: [u64; 4]) {
        let mut node = NodeLook::new("a:1".to_owned(), Some(1), Info::parse(&info));
        let made = format!(
            "uptime_in_seconds:{}\r\nused_memory:{}\r\nmaxmemory:{}\r\ndb0:keys={},expires={}\r\n",
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[0]
        );
        node.info = Info::parse(&[made.as_bytes(), &info].concat());
        let made = format!("cmdstat_keys:calls={},usec={}\r\ncmdstat_del:calls={},usec={}\r\n", numbers[0], numbers[1], numbers[2], numbers[3]);
        node.count(counts(&[made.as_bytes(), &stats].concat(), &stats));
        node.clients = clients(&list);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        set(&mut node, &words);
        let mut report = reported(&[node.clone(), node.since(&node)]);
        report.redact();
        prop_assert!(serde_json::to_string(&report).is_ok());
    }
}
