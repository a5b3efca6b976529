//! What real servers do to a key's idle time when somebody asks about it: the facts that filters on age rest on.

mod common;

use keypace_lab::{OwnedServer, Raw, Value};

use common::{raw, servers};

const DAY: i64 = 24 * 3600;

/// Makes a key look unused for 40 days.
fn age(raw: &mut Raw, key: &[u8]) {
    let dump = raw.command(&[b"DUMP", key]).expect("dumped");
    let dump = dump.bytes().expect("it is there").to_vec();
    let seconds = (40 * DAY).to_string();
    let words: [&[u8]; 7] = [
        b"RESTORE",
        key,
        b"0",
        &dump,
        b"REPLACE",
        b"IDLETIME",
        seconds.as_bytes(),
    ];
    raw.command(&words)
        .and_then(Value::checked)
        .expect("restored");
}

fn is_young(raw: &mut Raw, key: &[u8]) -> bool {
    let idle = raw.command(&[b"OBJECT", b"IDLETIME", key]).expect("asked");
    idle.int().expect("seconds") < DAY
}

/// Whether a command makes its key young, on a connection of its own.
fn touches(server: &OwnedServer, is_no_touch: bool, command: &[&[u8]]) -> bool {
    let mut eye = raw(server);
    let key = command
        .iter()
        .find(|word| matches!(**word, b"set" | b"text"))
        .expect("a key");
    age(&mut eye, key);
    assert!(!is_young(&mut eye, key));
    let mut asking = raw(server);
    if is_no_touch {
        let said = asking
            .command(&[b"CLIENT", b"NO-TOUCH", b"ON"])
            .expect("asked");
        assert_eq!(said, Value::Simple("OK".to_owned()));
    }
    asking
        .command(command)
        .and_then(Value::checked)
        .expect("answered");
    is_young(&mut eye, key)
}

fn has_no_touch(server: &OwnedServer) -> bool {
    let said = raw(server).command(&[b"CLIENT", b"NO-TOUCH", b"ON"]);
    said.expect("asked") == Value::Simple("OK".to_owned())
}

#[test]
fn p30c_which_questions_make_a_key_young() {
    let silent: [&[&[u8]]; 5] = [
        &[b"OBJECT", b"IDLETIME", b"set"],
        &[b"TYPE", b"set"],
        &[b"PTTL", b"set"],
        &[b"MEMORY", b"USAGE", b"set"],
        &[b"MEMORY", b"USAGE", b"set", b"SAMPLES", b"0"],
    ];
    // Counting elements, and what a backup does.
    let loud: [&[&[u8]]; 5] = [
        &[b"SCARD", b"set"],
        &[b"STRLEN", b"text"],
        &[b"DUMP", b"set"],
        &[b"GET", b"text"],
        &[b"MGET", b"text"],
    ];
    for server in servers() {
        let label = server.program().label();
        let mut seeding = raw(&server);
        for words in [
            [&b"SADD"[..], b"set", b"member"],
            [b"SET", b"text", b"value"],
        ] {
            seeding
                .command(&words)
                .and_then(Value::checked)
                .expect("seeded");
        }
        let shown = |words: &[&[u8]]| words.join(&b' ').escape_ascii().to_string();
        for words in silent {
            let young = touches(&server, false, words);
            assert!(!young, "{label}: {}", shown(words));
        }
        for words in loud {
            let young = touches(&server, false, words);
            assert!(young, "{label}: {}", shown(words));
            if has_no_touch(&server) {
                let young = touches(&server, true, words);
                assert!(!young, "{label}: {} under NO-TOUCH", shown(words));
            }
        }
    }
}
