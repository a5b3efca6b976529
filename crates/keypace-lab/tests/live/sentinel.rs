//! Owned Sentinel sets: they start with and without passwords, fail over by order and by death, and leave nothing.

use crate::programs;
use crate::server::is_alive;
use keypace_lab::Endpoint;
use keypace_lab::LabErrorKind;
use keypace_lab::OwnedSentinels;
use keypace_lab::OwnedServer;
use keypace_lab::Raw;
use keypace_lab::SentinelOptions;
use keypace_lab::Value;
use std::time::Instant;

fn with_each(options: &SentinelOptions, check: impl Fn(OwnedSentinels)) {
    for program in programs() {
        let began = Instant::now();
        let set = OwnedSentinels::start(&program, options.clone()).expect("a Sentinel set");
        eprintln!("on {}, ready in {:?}", program.label(), began.elapsed());
        check(set);
        eprintln!("done after {:?}", began.elapsed());
    }
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.bytes().expect("a text")).into_owned()
}

#[test]
fn all_sentinels_name_the_primary() {
    with_each(
        &SentinelOptions::default().with_master_name("cache"),
        |set| {
            assert_eq!(set.master_name(), "cache");
            assert_eq!(set.sentinel_endpoints().len(), 3);
            for endpoint in set.sentinel_endpoints() {
                let mut raw = Raw::connect(&endpoint).expect("a connection");
                let words: [&[u8]; 3] = [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"cache"];
                let reply = raw.command(&words).expect("a reply");
                let named: Vec<String> = reply.items().expect("a pair").iter().map(text).collect();
                let endpoint: Endpoint = format!("redis://{}", named.join(":"))
                    .parse()
                    .expect("an address");
                assert_eq!(&endpoint, set.servers()[0].endpoint());
                // Valkey's own name for it is another.
                let info = raw.info("server").expect("INFO");
                let mode = info.get("server_mode").or(info.get("redis_mode"));
                assert_eq!(mode.map(String::as_str), Some("sentinel"));
            }
            set.stop().expect("a stopped set");
        },
    );
}

#[test]
fn the_replica_takes_over_by_order_and_by_death() {
    with_each(&SentinelOptions::default(), |mut set| {
        set.raw(0)
            .expect("a connection")
            .command(&[b"SET", b"k", b"v"])
            .expect("a reply")
            .checked()
            .expect("OK");
        let began = Instant::now();
        assert_eq!(set.fail_over().expect("a failover"), 1);
        eprintln!("by order: {:?}", began.elapsed());
        set.wait_until_settled().expect("settled");
        eprintln!("settled: {:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!(set.kill_primary().expect("a promotion"), 0);
        eprintln!("by death: {:?}", began.elapsed());
        assert_eq!(set.primary().expect("a name"), 0);
        let mut raw = set.raw(0).expect("a connection");
        assert_eq!(
            raw.command(&[b"GET", b"k"]).expect("a reply").bytes(),
            Some(b"v".as_slice())
        );
        let began = Instant::now();
        set.restart(1).expect("a restart");
        set.wait_until_settled().expect("settled");
        eprintln!("settled: {:?}", began.elapsed());
        set.stop().expect("a stopped set");
    });
}

#[test]
fn passwords_are_asked_for_on_either_side() {
    let options = SentinelOptions::default()
        .with_sentinel_password("watch")
        .with_data_password("keep");
    with_each(&options, |mut set| {
        let servers = set.servers().iter().chain(set.sentinels());
        for endpoint in servers.map(OwnedServer::endpoint) {
            let mut stranger = Raw::connect(endpoint).expect("a connection");
            let refused = stranger.command(&[b"INFO"]).expect("a reply").checked();
            assert_eq!(
                refused.expect_err("a refusal").kind(),
                LabErrorKind::Refused
            );
        }
        set.raw_sentinel(2).expect("let in");
        assert_eq!(set.kill_primary().expect("a promotion"), 1);
    });
}

#[test]
fn processes_and_folders_go_with_their_owner() {
    with_each(&SentinelOptions::default(), |set| {
        let left: Vec<_> = set
            .servers()
            .iter()
            .chain(set.sentinels())
            .map(|server| (server.pid(), server.folder().to_owned()))
            .collect();
        assert_eq!(left.len(), 5);
        drop(set);
        for (pid, folder) in left {
            assert!(!is_alive(pid), "process {pid} is still there");
            assert!(!folder.exists(), "{} is still there", folder.display());
        }
    });
}
