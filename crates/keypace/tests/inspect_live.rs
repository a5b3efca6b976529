//! Inspections of real servers: what was planted is found, nothing secret is told, nothing but reads is sent, and a user
//! with few rights gets a report all the same.

mod common;
#[path = "inspect_live/programs.rs"]
mod programs;
#[path = "cluster_live/stage.rs"]
#[expect(dead_code, reason = "a part of it is used here")]
mod stage;

use std::collections::BTreeSet;

use keypace::{
    CapabilityState, ConnectOptions, InspectOptions, InspectReport, Keyspace, LogKind, SinceKind,
    Target, inspect,
};
use keypace_lab::{Raw, seed};

use common::{connect, raw, run, servers};

const SECRET: &[u8] = b"hunter2secret";

async fn looked(keyspace: &Keyspace) -> InspectReport {
    let options = InspectOptions::default().with_capabilities();
    inspect(keyspace, &options).await.expect("looked").report()
}

/// Everything is logged, so that whatever could show would.
fn log_all(raw: &mut Raw) {
    run(
        raw,
        &[
            &[b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0"],
            &[b"CONFIG", b"SET", b"latency-monitor-threshold", b"1"],
        ],
    );
    // Valkey 8.1 and newer; the others have no such settings.
    for name in [
        &b"commandlog-request-larger-than"[..],
        b"commandlog-reply-larger-than",
    ] {
        raw.command(&[b"CONFIG", b"SET", name, b"1"])
            .expect("answered");
    }
}

fn plant_secrets(raw: &mut Raw) {
    run(
        raw,
        &[
            &[b"SET", b"user:12:token", SECRET],
            &[b"HSET", b"user:12", b"password", SECRET],
            &[
                b"EVAL",
                b"return redis.call('keys', ARGV[1]) and #'hunter2secret'",
                b"0",
                SECRET,
            ],
            &[
                b"ACL",
                b"SETUSER",
                b"amy",
                b"on",
                b">hunter2secret",
                b"~*",
                b"+@all",
            ],
            &[b"AUTH", b"amy", SECRET],
            &[b"CONFIG", b"SET", b"masterauth", SECRET],
            &[b"CLIENT", b"SETNAME", b"billing"],
            &[b"KEYS", b"user:12*"],
        ],
    );
    // One that the server doesn't know, and one with too many words.
    for words in [&[&b"NOSUCH"[..], SECRET][..], &[b"GET", b"user:1", SECRET]] {
        raw.command(words).expect("answered");
    }
}

#[tokio::test]
async fn no_value_and_no_password_is_in_a_report() {
    for server in servers() {
        let mut eye = raw(&server);
        log_all(&mut eye);
        plant_secrets(&mut eye);
        let report = looked(&connect(&server).await).await;
        let json = serde_json::to_string(&report).expect("JSON");
        assert!(!json.contains("hunter2"), "{json}");
        assert!(!format!("{report:?}").contains("hunter2"));
        // It was there to be seen.
        let shapes: Vec<_> = report
            .slow
            .iter()
            .map(|row| (&*row.command, row.pattern.as_deref()))
            .collect();
        for shape in [
            ("SET", Some("user:*:token")),
            ("HSET", Some("user:*")),
            ("KEYS", Some("user:*")),
            ("AUTH", None),
        ] {
            // What is secret may be left out of the log by the server itself.
            assert!(
                shapes.contains(&shape) || shape.0 == "AUTH",
                "{shape:?} is not in {shapes:?}"
            );
        }
        let keys = report
            .findings
            .iter()
            .find(|finding| finding.id == "keys-command")
            .expect("found");
        assert!(
            keys.callers.iter().any(|caller| caller.name == "billing"),
            "{keys:?}"
        );
        let script = report
            .slow
            .iter()
            .find(|row| row.command == "EVAL")
            .expect("a row");
        assert_eq!(
            (script.detail.as_deref(), &script.pattern),
            (Some("calls KEYS"), &None)
        );
        assert_eq!(report.nodes[0].no_ttl, 2);
        let sample = report.sample.as_ref().expect("keys were looked at");
        assert_eq!((sample.looked, sample.no_ttl), (2, 2), "{sample:?}");
    }
}

/// What an inspection may send: all of it only reads. Names as servers count them, with their second word from 7.0 on.
const SENT: &[&str] = &[
    "hello",
    "auth",
    "client|setname",
    "client|setinfo",
    "client|no-touch",
    "client|list",
    "client|id",
    "select",
    "info",
    "ping",
    "time",
    "slowlog|get",
    "commandlog|get",
    "commandlog|len",
    "latency|latest",
    "config|get",
    "randomkey",
    "pttl",
    "command|info",
    "scan",
    "memory|usage",
    "object|freq",
    "acl|whoami",
    "expiretime",
];

#[tokio::test]
async fn nothing_but_reads_is_sent() {
    for server in servers() {
        let mut eye = raw(&server);
        seed::strings(&mut eye, b"session:", 0..2_000, 8).expect("seed");
        run(&mut eye, &[&[b"CONFIG", b"RESETSTAT"]]);
        let keyspace = connect(&server).await;
        let before = inspect(&keyspace, &InspectOptions::default())
            .await
            .expect("looked");
        let after = inspect(&keyspace, &InspectOptions::default().with_capabilities())
            .await
            .expect("looked");
        let report = after.report_since(&before);
        assert!(report.complete);
        let counted = eye.info("commandstats").expect("counted");
        let sent: BTreeSet<String> = counted
            .iter()
            .filter(|(_, value)| !value.starts_with("calls=0,"))
            .filter_map(|(name, _)| name.strip_prefix("cmdstat_").map(str::to_owned))
            .filter(|name| name != "config|resetstat")
            .collect();
        let other: Vec<_> = sent
            .iter()
            .filter(|name| !SENT.contains(&&***name))
            .collect();
        assert!(
            other.is_empty(),
            "{other:?} on {}",
            server.program().label()
        );
        // Reset once, and not by us.
        assert!(
            counted["cmdstat_config|resetstat"].starts_with("calls=1,"),
            "{counted:?}"
        );
    }
}

#[tokio::test]
async fn a_reset_of_the_counters_is_told() {
    for server in servers() {
        let keyspace = connect(&server).await;
        let report = looked(&keyspace).await;
        assert_eq!(report.since.kind, SinceKind::Start);
        assert!(
            report.since.seconds.is_some() && report.nodes[0].busy.is_none_or(|busy| busy >= 0.0)
        );
        run(&mut raw(&server), &[&[b"CONFIG", b"RESETSTAT"]]);
        let report = looked(&keyspace).await;
        assert_eq!(
            (report.since.kind, report.since.seconds),
            (SinceKind::Resetstat, None)
        );
    }
}

#[tokio::test]
async fn a_watch_tells_what_happened_in_between() {
    for server in servers() {
        let mut eye = raw(&server);
        log_all(&mut eye);
        run(
            &mut eye,
            &[
                &[b"SET", b"a:1", b"x"],
                &[b"KEYS", b"a:*"],
                &[b"KEYS", b"a:*"],
            ],
        );
        let keyspace = connect(&server).await;
        let before = inspect(&keyspace, &InspectOptions::default())
            .await
            .expect("looked");
        run(&mut eye, &[&[b"KEYS", b"b:*"]]);
        let after = inspect(&keyspace, &InspectOptions::default())
            .await
            .expect("looked");
        let report = after.report_since(&before);
        assert_eq!(report.since.kind, SinceKind::Watch);
        let keys = report
            .commands
            .iter()
            .find(|row| row.command == "keys")
            .expect("a row");
        assert_eq!(keys.calls, 1, "{report:?}");
        let of_keys = report
            .slow
            .iter()
            .filter(|row| row.command == "KEYS" && row.log == LogKind::Slow);
        let patterns: Vec<_> = of_keys.map(|row| row.pattern.as_deref()).collect();
        assert_eq!(patterns, [Some("b:*")], "{report:?}");
        assert!(
            report.commands.iter().all(|row| row.command != "set"),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn a_user_with_few_rights_gets_a_report_that_says_what_is_missing() {
    for server in servers() {
        let mut eye = raw(&server);
        run(
            &mut eye,
            &[
                &[b"SET", b"a:1", b"x"],
                &[b"KEYS", b"*"],
                &[
                    b"ACL",
                    b"SETUSER",
                    b"eye",
                    b"on",
                    b">pw",
                    b"resetkeys",
                    b"-@all",
                    b"+info",
                    b"+ping",
                ],
            ],
        );
        let target = Target::parse(&server.url())
            .expect("valid")
            .with_user("eye")
            .with_password("pw");
        let keyspace = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect("connected");
        let report = looked(&keyspace).await;
        assert!(report.complete);
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.id == "keys-command"),
            "{report:?}"
        );
        let missing: BTreeSet<&str> = report.nodes[0]
            .not_seen
            .iter()
            .map(|missing| &*missing.what)
            .collect();
        for what in [
            "TIME",
            "SLOWLOG GET",
            "CLIENT LIST",
            "LATENCY LATEST",
            "CONFIG GET",
            "a sample of keys",
        ] {
            assert!(missing.contains(what), "{what} is not in {missing:?}");
        }
        let config = report.nodes[0]
            .not_seen
            .iter()
            .find(|missing| missing.what == "CONFIG GET")
            .expect("told");
        assert!(config.why.contains("+config|get"), "{config:?}");
        let acl = report.nodes[0]
            .capabilities
            .iter()
            .find(|own| own.name == "ACL")
            .expect("asked");
        assert_eq!(acl.state, CapabilityState::Forbidden);
    }
}

#[tokio::test]
async fn suggested_rules_are_ones_that_the_server_takes() {
    for server in servers() {
        let mut eye = raw(&server);
        run(
            &mut eye,
            &[
                &[b"FLUSHDB"],
                &[
                    b"ACL", b"SETUSER", b"web", b"on", b"nopass", b"~*", b"+@all",
                ],
            ],
        );
        let mut web = raw(&server);
        run(&mut web, &[&[b"AUTH", b"web", b"x"], &[b"GET", b"a:1"]]);
        let report = looked(&connect(&server).await).await;
        let [advice] = &report.acl[..] else {
            panic!("{:?}", report.acl);
        };
        assert_eq!(advice.user, "web");
        assert!(
            !advice.commands.iter().any(|command| command == "flushdb"),
            "{advice:?}"
        );
        let words: Vec<&[u8]> = advice.rule.split(' ').map(str::as_bytes).collect();
        run(
            &mut eye,
            &[&words[..], &[b"ACL", b"DRYRUN", b"web", b"GET", b"a:1"]],
        );
        let refused = eye
            .command(&[b"ACL", b"DRYRUN", b"web", b"KEYS", b"*"])
            .expect("answered");
        let said = refused.bytes().expect("a text");
        assert!(said.windows(6).any(|part| part == b"'keys'"), "{refused:?}");
    }
}
