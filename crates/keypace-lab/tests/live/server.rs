//! Owned servers: they start, answer, restart, pause, and leave nothing behind.

use crate::programs;
use crate::with_each;
use keypace_lab::Endpoint;
use keypace_lab::LabErrorKind;
use keypace_lab::Listen;
use keypace_lab::OwnedServer;
use keypace_lab::Program;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Value;
use std::process::Command;
use std::time::Duration;

/// Whether a process with this id is there, reaped or not.
pub(crate) fn is_alive(pid: u32) -> bool {
    Command::new("kill")
        .args(["-0", &pid.to_string()])
        .output()
        .expect("kill runs")
        .status
        .success()
}

fn run_id(endpoint: &Endpoint) -> String {
    let mut raw = Raw::connect(endpoint).expect("a connection");
    raw.info("server").expect("INFO")["run_id"].clone()
}

#[test]
fn all_holds_what_find_finds_and_one_of_each_name() {
    let found = Program::find().expect("a server program");
    let all = Program::all();
    assert_eq!(all.first(), Some(&found));
    let mut names: Vec<&str> = all.iter().map(|program| &*program.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
}

#[test]
fn it_answers_on_a_unix_socket_and_on_tcp() {
    for listen in [Listen::Unix, Listen::Tcp] {
        with_each(&ServerOptions::default().with_listen(listen), |server| {
            let endpoint: Endpoint = server.url().parse().expect("its own URL");
            assert_eq!(&endpoint, server.endpoint());
            assert_eq!(
                matches!(endpoint, Endpoint::Unix(_)),
                listen == Listen::Unix
            );
            let mut raw = Raw::connect(&endpoint).expect("a connection");
            assert_eq!(
                raw.command(&[b"PING"]).expect("a reply"),
                Value::Simple("PONG".to_owned())
            );
            assert_eq!(
                raw.info("server").expect("INFO")["process_id"],
                server.pid().to_string()
            );
            let version = server.program().version.clone();
            let field = if server.program().name == "valkey" {
                "valkey_version"
            } else {
                "redis_version"
            };
            assert_eq!(raw.info("server").expect("INFO")[field], version);
        });
    }
}

#[test]
fn settings_reach_the_server_and_nothing_is_saved() {
    let options = ServerOptions::default()
        .with_arg("maxmemory-policy", "allkeys-lfu")
        .with_args("client-output-buffer-limit", ["pubsub", "1mb", "1mb", "7"]);
    with_each(&options, |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let mut setting = |name: &str| {
            let reply = raw
                .command(&[b"CONFIG", b"GET", name.as_bytes()])
                .expect("a reply");
            String::from_utf8_lossy(reply.items().expect("a pair")[1].bytes().expect("a value"))
                .into_owned()
        };
        assert_eq!(setting("maxmemory-policy"), "allkeys-lfu");
        assert!(setting("client-output-buffer-limit").ends_with("pubsub 1048576 1048576 7"));
        assert_eq!(setting("save"), "");
        assert_eq!(setting("appendonly"), "no");
    });
}

#[test]
fn a_password_does_not_hinder_the_start() {
    for listen in [Listen::Unix, Listen::Tcp] {
        let options = ServerOptions::default()
            .with_listen(listen)
            .with_arg("requirepass", "secret");
        with_each(&options, |server| {
            let mut raw = Raw::connect(server.endpoint()).expect("a connection");
            let refused = raw.command(&[b"DBSIZE"]).expect("a reply");
            assert_eq!(
                refused.checked().expect_err("a refusal").kind(),
                LabErrorKind::Refused
            );
            assert!(
                raw.command(&[b"AUTH", b"secret"])
                    .expect("a reply")
                    .checked()
                    .is_ok()
            );
        });
    }
}

#[test]
fn process_and_folder_go_with_their_owner() {
    for program in programs() {
        let server = OwnedServer::start(&program, ServerOptions::default()).expect("a server");
        let (pid, folder) = (server.pid(), server.folder().to_owned());
        assert!(is_alive(pid) && folder.is_dir());
        // A stopped process must go too.
        server.pause().expect("paused");
        drop(server);
        assert!(!is_alive(pid), "process {pid} is still there");
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
}

#[test]
fn a_restart_is_a_new_run_on_the_same_address() {
    for listen in [Listen::Unix, Listen::Tcp] {
        with_each(&ServerOptions::default().with_listen(listen), |server| {
            let (endpoint, pid, run) = (
                server.endpoint().clone(),
                server.pid(),
                run_id(server.endpoint()),
            );
            let mut before = Raw::connect(&endpoint).expect("a connection");
            before
                .command(&[b"SET", b"k", b"v"])
                .expect("a reply")
                .checked()
                .expect("OK");
            server.restart().expect("a restart");
            assert_eq!(server.endpoint(), &endpoint);
            assert_ne!(server.pid(), pid);
            assert_ne!(run_id(&endpoint), run);
            let mut after = Raw::connect(&endpoint).expect("a connection");
            assert_eq!(after.command(&[b"DBSIZE"]).expect("a reply").int(), Some(0));
            let error = before
                .command(&[b"PING"])
                .expect_err("the old connection is cut");
            assert_eq!(error.kind(), LabErrorKind::Connection);
        });
    }
}

#[test]
fn a_paused_server_answers_once_it_goes_on() {
    with_each(&ServerOptions::default(), |server| {
        let patience = Duration::from_millis(50);
        server.pause().expect("paused");
        let mut raw =
            Raw::connect_within(server.endpoint(), patience).expect("the kernel still accepts");
        let error = raw.command(&[b"PING"]).expect_err("nothing answers");
        assert_eq!(error.kind(), LabErrorKind::Connection);
        server.resume().expect("resumed");
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        assert!(raw.command(&[b"PING"]).is_ok());
    });
}

#[test]
fn a_setting_that_the_server_refuses_is_shown() {
    for program in programs() {
        let options = ServerOptions::default().with_arg("no-such-setting", "1");
        let error = OwnedServer::start(&program, options).expect_err("a refusal");
        assert_eq!(error.kind(), LabErrorKind::Start);
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("no-such-setting")),
            "{error:?}"
        );
    }
}
