//! The raw client: binary names, pipelines, errors in their place.

use crate::with_each;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Value;

#[test]
fn bytes_go_through_unchanged() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let all: Vec<u8> = (0..=255).collect();
        raw.command(&[b"SET", &all, &all])
            .expect("a reply")
            .checked()
            .expect("OK");
        assert_eq!(
            raw.command(&[b"GET", &all]).expect("a reply"),
            Value::Bulk(Some(all.clone()))
        );
        assert_eq!(
            raw.command(&[b"KEYS", b"*"])
                .expect("a reply")
                .items()
                .map(<[Value]>::len),
            Some(1)
        );
        assert_eq!(
            raw.command(&[b"GET", b""]).expect("a reply"),
            Value::Bulk(None)
        );
        let big = vec![b'x'; 3 << 20];
        raw.command(&[b"SET", b"big", &big])
            .expect("a reply")
            .checked()
            .expect("OK");
        assert_eq!(
            raw.command(&[b"GET", b"big"]).expect("a reply"),
            Value::Bulk(Some(big))
        );
    });
}

#[test]
fn a_pipeline_keeps_replies_in_order_and_errors_in_their_place() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        // Never sent, so it must not be seen by the next one.
        raw.pipeline().add(&[b"SET", b"lost", b"1"]);
        let mut pipeline = raw.pipeline();
        pipeline.add(&[b"INCR", b"n"]);
        pipeline.add(&[b"LPOP", b"n"]);
        pipeline.add(&[b"INCR", b"n"]);
        assert_eq!(pipeline.pending(), 3);
        let replies = pipeline.run().expect("replies");
        assert_eq!(pipeline.pending(), 0);
        assert_eq!((replies[0].int(), replies[2].int()), (Some(1), Some(2)));
        assert!(
            matches!(&replies[1], Value::Error(text) if text.starts_with("WRONGTYPE")),
            "{:?}",
            replies[1]
        );
        assert_eq!(raw.command(&[b"DBSIZE"]).expect("a reply").int(), Some(1));
    });
}
