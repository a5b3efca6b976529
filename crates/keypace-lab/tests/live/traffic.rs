//! The meter: what it reads off a server is what the client itself counted, with a probe beside it or not.

use crate::with_each;
use keypace_lab::LabErrorKind;
use keypace_lab::Meter;
use keypace_lab::Probe;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Visit;
use keypace_lab::floor::Floor;
use keypace_lab::seed;
use std::time::Duration;

#[test]
fn the_server_counts_what_the_client_counts() {
    with_each(&ServerOptions::default(), |server| {
        let visit = Visit::from(server.endpoint());
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        seed::strings(&mut raw, b"session:", 0..5_000, 100).expect("seeded");
        let meter = Meter::start(&visit).expect("a meter");
        let probe = Probe::start(server.endpoint(), Duration::from_micros(100)).expect("a probe");
        probe.warm_up();
        // A listing takes milliseconds, in which a busy machine may not let the probe ask once.
        let mut counted = (0, 0, 0);
        loop {
            let floor = Floor::connect(&visit).expect("a connection");
            let listed = floor.list(b"session:*", 100).expect("listed");
            counted.0 += listed.calls;
            counted.1 += listed.sent;
            counted.2 += listed.bytes;
            if probe.snapshot().count > 0 || !probe.is_alive() {
                break;
            }
        }
        let probed = probe.finish().expect("it lived");
        let passed = meter.finish().expect("a figure") - probed.traffic;
        assert_eq!((passed.commands, passed.sent, passed.received), counted);
        // How many of the waits were asked and how many stand for questions that came too late depends on the machine.
        assert!(probed.traffic.commands > 0, "{probed:?}");
        assert!(!probed.timeline.longest_us().is_empty());
    });
}

#[test]
fn an_idle_server_passes_nothing() {
    with_each(&ServerOptions::default(), |server| {
        let meter = Meter::start(&Visit::from(server.endpoint())).expect("a meter");
        assert_eq!(meter.finish().expect("a figure").commands, 0);
        let meter = Meter::start(&Visit::from(server.endpoint())).expect("a meter");
        let passed = meter.finish().expect("a figure");
        assert_eq!((passed.sent, passed.received), (0, 0));
    });
}

#[test]
fn a_visitor_says_who_it_is_and_where_it_goes() {
    let options = ServerOptions::default().with_arg("requirepass", "secret");
    with_each(&options, |server| {
        let visit = Visit::from(server.endpoint());
        let refused = Raw::visit(&visit)
            .expect("a connection")
            .command(&[b"PING"])
            .and_then(keypace_lab::Value::checked)
            .expect_err("no password was given");
        assert_eq!(refused.kind(), LabErrorKind::Refused);
        let url = format!("{}?db=3", server.url());
        let visit = Visit::parse(&url)
            .expect("an address")
            .with_user("default")
            .with_password("secret");
        let mut raw = Raw::visit(&visit).expect("let in");
        raw.command(&[b"SET", b"k", b"v"]).expect("a reply");
        let space = raw.info("keyspace").expect("INFO");
        assert!(space.contains_key("db3"), "{space:?}");
        Probe::start_visiting(&visit, Duration::from_millis(1))
            .expect("let in")
            .stop()
            .expect("it lived");
    });
}
