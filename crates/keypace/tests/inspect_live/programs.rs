//! What differs from program to program and from one setup to another: capabilities, logs of large commands, clusters,
//! Sentinels, renamed commands.

use keypace::{CapabilityState, ConnectOptions, Keyspace, LogKind, Target};
use keypace_lab::{ClusterOptions, OwnedSentinels, OwnedServer, SentinelOptions, ServerOptions};

use super::common::{connect, raw, run, servers};
use super::stage::{Stage, each_program};
use super::{log_all, looked};

#[tokio::test]
async fn capabilities_are_those_of_the_program() {
    for server in servers() {
        let report = looked(&connect(&server).await).await;
        let state = |name: &str| {
            let own = report.nodes[0]
                .capabilities
                .iter()
                .find(|own| own.name == name);
            own.unwrap_or_else(|| panic!("{name}")).state
        };
        let program = server.program();
        let major: u32 = program
            .version
            .split('.')
            .next()
            .and_then(|text| text.parse().ok())
            .expect("a version");
        let is_valkey = program.name.contains("valkey");
        let when = |is: bool| {
            if is {
                CapabilityState::Yes
            } else {
                CapabilityState::No
            }
        };
        for (name, expected) in [
            ("UNLINK", when(major >= 4)),
            ("SCAN TYPE", when(major >= 6)),
            ("MEMORY USAGE", when(major >= 4)),
            ("OBJECT FREQ", when(major >= 4)),
            ("HELLO", when(major >= 6)),
            ("ACL", when(major >= 6)),
            ("EXPIRETIME", when(major >= 7)),
            ("CLUSTERSCAN", when(is_valkey && major >= 9)),
            ("slot-ordered SCAN", CapabilityState::No),
        ] {
            assert_eq!(state(name), expected, "{name} on {}", program.label());
        }
        // From 8.1 on, so that the major number doesn't tell for 8.
        if major != 8 {
            assert_eq!(state("COMMANDLOG"), when(is_valkey && major > 8));
        }
    }
}

#[tokio::test]
async fn large_commands_are_told_where_the_server_logs_them() {
    for server in servers() {
        let mut eye = raw(&server);
        log_all(&mut eye);
        run(
            &mut eye,
            &[&[b"SET", b"big:1", &[b'x'; 5_000]], &[b"GET", b"big:1"]],
        );
        let report = looked(&connect(&server).await).await;
        let has_log = report.nodes[0]
            .capabilities
            .iter()
            .any(|own| own.name == "COMMANDLOG" && own.state == CapabilityState::Yes);
        let logged = |log: LogKind| {
            let mut rows = report.slow.iter().filter(|row| row.log == log);
            rows.find(|row| row.pattern.as_deref() == Some("big:*"))
                .map(|row| row.command.clone())
        };
        let expected = |command: &str| has_log.then(|| command.to_owned());
        assert_eq!(logged(LogKind::LargeRequest), expected("SET"), "{report:?}");
        assert_eq!(logged(LogKind::LargeReply), expected("GET"), "{report:?}");
        let is_missing = report.nodes[0]
            .not_seen
            .iter()
            .any(|missing| missing.what == "COMMANDLOG GET");
        assert_eq!(is_missing, !has_log);
    }
}

#[tokio::test]
async fn every_node_of_a_cluster_is_asked() {
    each_program(async |program| {
        let stage = Stage::start(&program, ClusterOptions::default());
        stage.seed("session:", 3_000);
        for node in 0..3 {
            let mut raw = stage.0.raw(node).expect("connected");
            run(&mut raw, &[&[b"KEYS", b"session:1*"]]);
        }
        let keyspace = stage.connect(ConnectOptions::default()).await;
        let report = looked(&keyspace).await;
        let primaries: Vec<_> = report
            .nodes
            .iter()
            .filter(|node| node.role == "primary")
            .collect();
        assert!(report.complete && primaries.len() == 3, "{report:?}");
        assert_eq!(
            report
                .nodes
                .iter()
                .filter(|node| node.role == "replica")
                .count(),
            3,
            "{report:?}"
        );
        assert_eq!(primaries.iter().map(|node| node.keys).sum::<u64>(), 3_000);
        assert_eq!(
            primaries.iter().filter_map(|node| node.slots).sum::<u64>(),
            16_384
        );
        let keys = report
            .commands
            .iter()
            .find(|row| row.command == "keys")
            .expect("a row");
        assert_eq!(keys.calls, 3);
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.id == "keys-command")
            .expect("found");
        assert_eq!(finding.nodes.len(), 3, "{finding:?}");
        let has_order = primaries[0]
            .capabilities
            .iter()
            .find(|own| own.name == "slot-ordered SCAN")
            .expect("asked");
        let major: u32 = program
            .version
            .split('.')
            .next()
            .and_then(|text| text.parse().ok())
            .expect("a version");
        let expected = if major >= 8 {
            CapabilityState::Yes
        } else {
            CapabilityState::No
        };
        assert_eq!(has_order.state, expected, "{}", program.label());
    })
    .await;
}

#[tokio::test]
async fn the_primary_that_sentinels_name_is_inspected() {
    each_program(async |program| {
        let set = OwnedSentinels::start(&program, SentinelOptions::default()).expect("a set");
        run(
            &mut set.raw(0).expect("connected"),
            &[&[b"SET", b"a:1", b"x"], &[b"KEYS", b"*"]],
        );
        let places: Vec<String> = set
            .sentinel_endpoints()
            .iter()
            .map(|endpoint| endpoint.to_string().replace("redis://", ""))
            .collect();
        let url = format!(
            "redis-sentinel://{}/{}",
            places.join(","),
            set.master_name()
        );
        let target = Target::parse(&url).expect("valid");
        let keyspace = Keyspace::connect(target, ConnectOptions::default())
            .await
            .expect("connected");
        let report = looked(&keyspace).await;
        assert_eq!(
            (
                report.nodes.len(),
                &*report.nodes[0].role,
                report.nodes[0].keys
            ),
            (1, "primary", 1)
        );
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.id == "keys-command"),
            "{report:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn renamed_commands_keep_their_secret_name() {
    let programs = keypace_lab::Program::all();
    assert!(!programs.is_empty(), "no server program found");
    for program in programs {
        let options =
            ServerOptions::default().with_config_file("rename-command KEYS hunter2secret\n");
        let server = OwnedServer::start(&program, options).expect("started");
        let mut eye = raw(&server);
        log_all(&mut eye);
        run(&mut eye, &[&[b"hunter2secret", b"*"]]);
        let report = looked(&connect(&server).await).await;
        assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
        assert!(
            report
                .slow
                .iter()
                .any(|row| row.command == "(unknown command)"),
            "{report:?}"
        );
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.id == "keys-command"),
            "{report:?}"
        );
    }
}
