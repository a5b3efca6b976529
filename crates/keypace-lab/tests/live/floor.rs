//! The floor: it counts what is there, and removes what matches and nothing else.

use crate::with_each;
use keypace_lab::LabErrorKind;
use keypace_lab::Listen;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::Visit;
use keypace_lab::floor;
use keypace_lab::floor::Floor;
use keypace_lab::floor::Numbered;
use keypace_lab::seed;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[test]
fn it_lists_and_deletes_what_matches() {
    with_each(
        &ServerOptions::default().with_listen(Listen::Tcp),
        |server| {
            let mut raw = Raw::connect(server.endpoint()).expect("a connection");
            seed::strings(&mut raw, b"session:", 0..20_000, 10).expect("seeded");
            seed::strings(&mut raw, b"other:", 0..20_000, 10).expect("seeded");
            let listed = floor::list(server.endpoint(), b"session:*", 1000).expect("listed");
            // SCAN may return a key twice while the table settles, never less.
            assert!(
                listed.keys >= 20_000 && listed.calls >= 20 && listed.bytes > 20_000 * 12,
                "{listed:?}"
            );
            assert_eq!(
                floor::keys(server.endpoint(), b"session:*")
                    .expect("listed")
                    .keys,
                20_000
            );
            let deleted =
                floor::delete(server.endpoint(), b"session:*", 1000, 300).expect("deleted");
            assert_eq!(deleted.removed, 20_000);
            assert_eq!(
                raw.command(&[b"DBSIZE"]).expect("a reply").int(),
                Some(20_000)
            );
            assert_eq!(
                floor::list(server.endpoint(), b"session:*", 1000)
                    .expect("listed")
                    .keys,
                0
            );
        },
    );
}

#[test]
fn names_larger_than_its_buffer_and_binary_ones_are_counted() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let big = vec![b'\n'; 3 << 20];
        for key in [big.as_slice(), b"", b"\r\n$3\r\n", b"\xff"] {
            raw.command(&[b"SET", key, b"v"])
                .expect("a reply")
                .checked()
                .expect("OK");
        }
        assert_eq!(
            floor::list(server.endpoint(), b"*", 10)
                .expect("listed")
                .keys,
            4
        );
        assert_eq!(
            floor::delete(server.endpoint(), b"*", 10, 1)
                .expect("deleted")
                .removed,
            4
        );
    });
}

#[test]
fn an_error_reply_is_shown() {
    with_each(
        &ServerOptions::default().with_arg("requirepass", "secret"),
        |server| {
            let error = floor::list(server.endpoint(), b"*", 10).expect_err("a refusal");
            assert_eq!(error.kind(), LabErrorKind::Refused);
            assert!(format!("{error:?}").contains("NOAUTH"), "{error:?}");
        },
    );
}

#[test]
fn reads_bring_every_value_and_big_commands_remove_every_key() {
    with_each(&ServerOptions::default(), |server| {
        let visit = Visit::from(server.endpoint());
        let floor = || Floor::connect(&visit).expect("a connection");
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        seed::strings(&mut raw, b"session:", 0..10_000, 100).expect("seeded");
        seed::strings(&mut raw, b"other:", 0..10, 100).expect("seeded");
        let all = Numbered::new(b"session:", 0..10_000);
        let each = floor().get_each(&all).expect("read");
        assert_eq!((each.keys, each.calls), (10_000, 10_000));
        let once = floor().mget_all(&all).expect("read");
        assert_eq!((once.keys, once.calls), (10_000, 1));
        let chunks = floor().mget_chunks(&all).expect("read");
        // 100 keys first, then 2,000 of 100 bytes a reply.
        assert_eq!((chunks.keys, chunks.calls), (10_000, 6));
        assert_eq!(floor().mget_chunks(&all).expect("read"), chunks);
        let missing = Numbered::new(b"absent:", 0..300);
        assert_eq!(floor().mget_chunks(&missing).expect("read").keys, 0);
        assert_eq!(floor().get_each(&missing).expect("read").keys, 0);
        let half = Numbered::new(b"session:", 0..5_000);
        let deleted = floor().del_all(&half).expect("deleted");
        assert_eq!((deleted.removed, deleted.calls), (5_000, 1));
        assert_eq!(floor().unlink_all(&all).expect("deleted").removed, 5_000);
        assert_eq!(raw.command(&[b"DBSIZE"]).expect("a reply").int(), Some(10));
    });
}

#[test]
fn a_loop_stops_between_two_commands_when_asked() {
    with_each(&ServerOptions::default(), |server| {
        let visit = Visit::from(server.endpoint());
        let floor = Floor::connect_until(&visit, Arc::new(AtomicBool::new(true)));
        let error = floor
            .expect("a connection")
            .get_each(&Numbered::new(b"session:", 0..10))
            .expect_err("it was stopped");
        assert_eq!(error.kind(), LabErrorKind::Stopped);
    });
}

#[test]
fn a_walk_of_an_unchanged_keyspace_costs_the_same_each_time() {
    with_each(&ServerOptions::default(), |server| {
        let visit = Visit::from(server.endpoint());
        let floor = || Floor::connect(&visit).expect("a connection");
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        for prefix in [b"session:".as_slice(), b"other:"] {
            seed::strings(&mut raw, prefix, 0..10_000, 100).expect("seeded");
            // Looking each key up ends a rehash that is under way.
            let all = Numbered::new(prefix, 0..10_000);
            floor().mget_chunks(&all).expect("read");
        }
        let first = floor().keys(b"session:*").expect("listed");
        assert_eq!((first.keys, first.calls), (10_000, 1));
        assert_eq!(floor().keys(b"session:*").expect("listed"), first);
        for count in [10, 100, 1_000, 10_000] {
            let first = floor().list(b"session:*", count).expect("listed");
            assert_eq!(first.keys, 10_000, "COUNT {count}");
            assert!(first.calls <= 20_000 / count + 1, "{first:?}");
            let again = floor().list(b"session:*", count).expect("listed");
            assert_eq!(again, first, "COUNT {count}");
        }
        let named = Numbered::new(b"session:", 0..10_000);
        let removed = floor().del_named(&named, 100).expect("deleted");
        assert_eq!((removed.removed, removed.calls), (10_000, 100));
    });
}
