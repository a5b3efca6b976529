//! The delay relay: bytes come later, in order, and many are under way at once.

use crate::with_each;
use keypace_lab::Delay;
use keypace_lab::LabErrorKind;
use keypace_lab::Listen;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Value;
use std::time::{Duration, Instant};

const ONE_WAY: Duration = Duration::from_micros(2500);

#[test]
fn each_round_trip_takes_the_delay_twice() {
    for listen in [Listen::Unix, Listen::Tcp] {
        with_each(&ServerOptions::default().with_listen(listen), |server| {
            let delay = Delay::start(server.endpoint(), ONE_WAY).expect("a relay");
            let mut raw = Raw::connect(delay.endpoint()).expect("a connection");
            let mut waits: Vec<Duration> = (0..50)
                .map(|_| {
                    let began = Instant::now();
                    raw.command(&[b"PING"]).expect("a reply");
                    began.elapsed()
                })
                .collect();
            waits.sort();
            eprintln!(
                "a round trip of 5 ms: {:?}, {:?} in the middle, up to {:?}",
                waits[0], waits[25], waits[49]
            );
            assert!(waits[0] >= 2 * ONE_WAY, "{:?}", waits[0]);
            delay.stop();
        });
    }
}

#[test]
fn a_pipeline_costs_one_round_trip_and_keeps_its_order() {
    with_each(&ServerOptions::default(), |server| {
        let delay = Delay::start(server.endpoint(), 20 * ONE_WAY).expect("a relay");
        let mut raw = Raw::connect(delay.endpoint()).expect("a connection");
        let began = Instant::now();
        let mut pipeline = raw.pipeline();
        for number in 0..20_000 {
            pipeline.add(&[b"ECHO", number.to_string().as_bytes()]);
        }
        let replies = pipeline.run().expect("replies");
        // Twenty thousand single round trips would take over half an hour.
        assert!(began.elapsed() < Duration::from_secs(10));
        for (number, reply) in replies.iter().enumerate() {
            assert_eq!(reply.bytes(), Some(number.to_string().as_bytes()));
        }
    });
}

#[test]
fn values_of_megabytes_arrive_whole() {
    with_each(&ServerOptions::default(), |server| {
        let delay = Delay::start(server.endpoint(), ONE_WAY).expect("a relay");
        let mut raw = Raw::connect(delay.endpoint()).expect("a connection");
        let value: Vec<u8> = (0..3_000_001_u32).map(|number| number as u8).collect();
        raw.command(&[b"SET", b"big", &value])
            .expect("a reply")
            .checked()
            .expect("OK");
        let read = raw.command(&[b"GET", b"big"]).expect("a reply");
        assert!(
            read == Value::Bulk(Some(value)),
            "the value came back changed"
        );
    });
}

#[test]
fn the_end_of_either_side_is_told_to_the_other() {
    with_each(&ServerOptions::default(), |server| {
        let delay = Delay::start(server.endpoint(), ONE_WAY).expect("a relay");
        let mut raw = Raw::connect(delay.endpoint()).expect("a connection");
        raw.command(&[b"PING"]).expect("a reply");
        server.kill().expect("killed");
        let error = raw.command(&[b"PING"]).expect_err("nobody is there");
        assert_eq!(error.kind(), LabErrorKind::Connection);
        server.restart().expect("a restart");
        let mut raw = Raw::connect(delay.endpoint()).expect("a connection");
        raw.command(&[b"PING"]).expect("a reply");
        delay.stop();
        let error = raw.command(&[b"PING"]).expect_err("the relay is gone");
        assert_eq!(error.kind(), LabErrorKind::Connection);
    });
}
