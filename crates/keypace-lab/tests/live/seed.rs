//! Seeding: exact counts, and the same keyspace for the same seed.

use crate::with_each;
use keypace_lab::Raw;
use keypace_lab::ServerOptions;
use keypace_lab::seed;
use std::collections::BTreeSet;

fn keys(raw: &mut Raw, pattern: &[u8]) -> BTreeSet<Vec<u8>> {
    let reply = raw.command(&[b"KEYS", pattern]).expect("a reply");
    let items = reply.items().expect("keys").iter();
    items
        .map(|item| item.bytes().expect("a key").to_vec())
        .collect()
}

#[test]
fn strings_are_numbered_and_sized() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        seed::strings(&mut raw, b"session:", 5..1234, 100).expect("seeded");
        assert_eq!(
            raw.command(&[b"DBSIZE"]).expect("a reply").int(),
            Some(1229)
        );
        for (key, bytes) in [
            (b"session:5".as_slice(), 100),
            (b"session:1233", 100),
            (b"session:4", 0),
            (b"session:1234", 0),
        ] {
            assert_eq!(
                raw.command(&[b"STRLEN", key]).expect("a reply").int(),
                Some(bytes)
            );
        }
    });
}

#[test]
fn a_demo_keyspace_has_the_counts_it_says() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let total = 20_007;
        let counts = seed::demo(&mut raw, total).expect("seeded");
        assert_eq!(counts.values().sum::<u64>(), total);
        assert_eq!(
            raw.command(&[b"DBSIZE"]).expect("a reply").int(),
            Some(20_007)
        );
        for (prefix, count) in &counts {
            let found = keys(&mut raw, format!("{prefix}*").as_bytes());
            assert_eq!(found.len() as u64, *count, "{prefix}");
        }
        for (prefix, kind) in [
            ("user:", "hash"),
            ("queue:", "list"),
            ("tag:", "set"),
            ("leaderboard:", "zset"),
            ("odd:", "string"),
        ] {
            let first = keys(&mut raw, format!("{prefix}*").as_bytes())
                .pop_first()
                .expect("a key");
            assert_eq!(
                raw.command(&[b"TYPE", &first]).expect("a reply").bytes(),
                Some(kind.as_bytes())
            );
        }
        let odd = keys(&mut raw, b"odd:*");
        assert!(
            odd.iter().any(|key| key.contains(&b'\n'))
                && odd.iter().any(|key| std::str::from_utf8(key).is_err())
        );
        let with_ttl = &raw.info("keyspace").expect("INFO")["db0"];
        assert!(!with_ttl.contains("expires=0,"), "{with_ttl}");
    });
}

#[test]
fn the_same_seed_gives_the_same_keys() {
    with_each(&ServerOptions::default(), |server| {
        let mut raw = Raw::connect(server.endpoint()).expect("a connection");
        let mut keyspace = |seed: u64| {
            raw.command(&[b"FLUSHALL"])
                .expect("a reply")
                .checked()
                .expect("OK");
            seed::demo_from(&mut raw, 2000, seed).expect("seeded");
            keys(&mut raw, b"*")
        };
        let first = keyspace(7);
        assert_eq!(first, keyspace(7));
        assert_ne!(first, keyspace(8));
    });
}
