//! The floor: it counts what is there, and removes what matches and nothing else.

use crate::with_each;
use keypace_lab::LabErrorKind;
use keypace_lab::Listen;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::floor;
use keypace_lab::seed;

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
