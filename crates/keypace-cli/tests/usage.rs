//! What is refused before any server is asked, help, manual and completions. Starts no server and needs none.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::ffi::OsString;

use common::Home;

#[test]
fn usage_errors_end_with_2() {
    let home = Home::new();
    let long = "x".repeat(10_000);
    let rows: &[(&[&str], &[&str])] = &[
        (&["scan"], &["PATTERN"]),
        (
            &["scan", ""],
            &["error: failed to", "the pattern is empty", "hint: "],
        ),
        (
            &["scan", long.as_str()],
            &["10000 bytes long", "1024", "hint: "],
        ),
        (&["count", "--exclude", "", "a"], &["the pattern is empty"]),
        (&["delete", "--batch", "0", "a"], &["batch", "hint: "]),
        (
            &["--url", "http://localhost", "count", "a"],
            &["scheme", "hint: "],
        ),
        (&["--budget", "5", "count", "a"], &["--budget", "250ms"]),
        (&["--timeout", "15", "count", "a"], &["--timeout", "250ms"]),
        (
            &["--deadline", "26:00", "count", "a"],
            &["--deadline", "06:30"],
        ),
        (&["--rate", "0", "count", "a"], &["--rate"]),
        (&["--count", "many", "count", "a"], &["--count", "auto"]),
        (&["--lanes", "0", "count", "a"], &["--lanes", "1 to 64"]),
        (
            &["--use-keys", "scan", "--checkpoint", "c", "a"],
            &["--use-keys", "--checkpoint", "hint: "],
        ),
        (
            &["--use-keys", "delete", "--yes", "--resume", "c", "a"],
            &["--resume"],
        ),
        (
            &["scan", "--sorted", "--checkpoint", "c", "a"],
            &["--sorted"],
        ),
        (&["scan", "--resume", "/none/such", "a"], &["checkpoint"]),
        (
            &["count", "--checkpoint", "/none/such/c", "a"],
            &["no folder"],
        ),
        (&["--json", "scan", "-0", "a"], &["--json", "-0"]),
        (&["scan", "--type", "", "a"], &["type"]),
        (&["index", "rekey"], &["NAMESPACE"]),
        (&["index", "rekey", "session", "--yes"], &["--move"]),
        (
            &["--config", "/none/such.toml", "count", "a"],
            &["/none/such.toml"],
        ),
        (
            &["--password-file", "/none/such", "count", "a"],
            &["/none/such"],
        ),
        (&["--topology", "ring", "count", "a"], &["--topology"]),
        (&["--max-nodes", "0", "count", "a"], &["--max-nodes"]),
        (
            &["--url", "redis://a", "--url", "redis://:pw@b", "count", "a"],
            &["--url", "passwords", "hint: "],
        ),
        (
            &["--url", "redis-sentinel://a", "count", "a"],
            &["which primary", "hint: "],
        ),
        (
            &["--topology", "cluster", "bench"],
            &["--topology", "hint: "],
        ),
        (
            &["--user", "amy", "bench"],
            &["--user", "private server", "--on URL"],
        ),
        (
            &["--password-file", "/none/such", "bench"],
            &["--password-file", "private server", "--on URL"],
        ),
        (&["--retries", "9", "bench"], &["--retries", "hint: "]),
        (&["nonsense"], &["nonsense"]),
        (&[], &["Usage"]),
    ];
    for (arguments, texts) in rows {
        let ran = home.run(arguments.iter()).expect(2).says(texts);
        assert!(ran.stdout.is_empty(), "{ran:?}");
    }
}

#[test]
fn filters_that_can_t_be_meant_end_with_2() {
    let home = Home::new();
    let rows: &[(&[&str], &[&str])] = &[
        (&["--idle-over", "30"], &["--idle-over", "no unit", "30d"]),
        (&["--idle-over", "195d"], &["194 days", "hint: "]),
        (&["--idle-over", "28w"], &["194 days"]),
        (&["--idle-over", "0s"], &["idle"]),
        (&["--ttl-under", "soon"], &["--ttl-under", "30d"]),
        (&["--ttl-over", "1y"], &["--ttl-over", "h, d, w"]),
        (&["--size-over", "5"], &["--size-over", "4MiB"]),
        (&["--size-under", "1mb"], &["--size-under", "4MiB"]),
        (&["--has-ttl", "--no-ttl"], &["no key can pass", "hint: "]),
        (
            &["--no-ttl", "--ttl-under", "1h"],
            &["no key can pass", "hint: "],
        ),
        (
            &["--ttl-over", "2d", "--ttl-under", "1d"],
            &["no key can pass", "hint: "],
        ),
        (
            &["--size-over", "1MiB", "--size-under", "4KiB"],
            &["no key can pass", "hint: "],
        ),
    ];
    for (flags, texts) in rows {
        for command in [&["scan"][..], &["count"], &["delete"], &["delete", "--yes"]] {
            let arguments = [command, flags, &["a*"]].concat();
            let ran = home.run(arguments).expect(2).says(texts);
            assert!(ran.stdout.is_empty(), "{ran:?}");
        }
    }
}

#[test]
fn a_listing_s_fields_are_four_and_not_for_nul() {
    let home = Home::new();
    home.run(["scan", "--with", "age", "a"])
        .expect(2)
        .says(&["--with", "type, ttl, idle, size"]);
    home.run(["scan", "-0", "--with", "ttl", "a"])
        .expect(2)
        .says(&["-0", "--with", "hint: ", "--json"]);
    home.run(["count", "--with", "ttl", "a"]).expect(2);
}

#[test]
fn a_list_of_keys_takes_the_place_of_patterns() {
    let home = Home::new();
    let path = |name: &str| home.path(name).to_str().expect("a path").to_owned();
    let list = path("names");
    std::fs::write(&list, "a\0b\0").expect("write");
    let empty = path("empty");
    std::fs::write(&empty, "a\0\0b\0").expect("write");
    let lines = path("lines");
    std::fs::write(&lines, "name\n".repeat(1_000)).expect("write");
    let none = path("none");
    for (arguments, texts) in [
        (&["--keys-from", &list, "a*"][..], &["--keys-from"][..]),
        (&["--yes", "--keys-from", &none], &["none", "cause: "]),
        (&["--yes", "--keys-from", &empty], &["empty"]),
        (&["--yes", "--keys-from", &lines], &["-0"]),
        (
            &["--yes", "--keys-from", "-", "--checkpoint", "c"],
            &["stdin", "hint: "],
        ),
        (
            &["--yes", "--keys-from", "-", "--password-file", "-"],
            &["stdin", "hint: "],
        ),
        (
            &["--yes", "--use-keys", "--keys-from", &list],
            &["--use-keys"],
        ),
    ] {
        let arguments = [&["delete"], arguments].concat();
        home.run(arguments).expect(2).says(texts);
    }
    home.run(["delete", "--keys-from", "-"])
        .expect(4)
        .says(&["stdin", "--yes"]);
}

#[test]
fn a_backup_is_a_new_file_in_a_folder_that_is_there() {
    let home = Home::new();
    let there = home.path("there.kpb");
    std::fs::write(&there, "mine").expect("write");
    let there = there.to_str().expect("a path");
    home.run(["delete", "--yes", "--backup", there, "a*"])
        .expect(4)
        .says(&["there already", "hint: ", "--resume"]);
    assert_eq!(std::fs::read(there).expect("read"), b"mine");
    for (arguments, texts) in [
        (&["--backup", "/none/such/file"][..], &["no folder"][..]),
        (&["--backup-max-value", "1MiB"], &["--backup"]),
        (
            &["--backup", "b", "--backup-max-value", "1"],
            &["--backup-max-value", "4MiB"],
        ),
        (
            &["--backup", "b", "--backup-max-value", "0B"],
            &["--backup-max-value"],
        ),
        (&["--dry-run", "--verify"], &["--dry-run", "--verify"]),
        (&["--verify-until-empty", "0"], &["--verify-until-empty"]),
    ] {
        let arguments = [&["delete", "--yes"], arguments, &["a*"]].concat();
        home.run(arguments).expect(2).says(texts);
    }
}

#[test]
fn help_says_what_age_is() {
    for command in ["scan", "count", "delete"] {
        let help = Home::new().run([command, "--help"]).expect(0);
        let text = help.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.contains("idle time: the time since the key was last read or written"),
            "{text}"
        );
        assert!(text.contains("--trust-idle"), "{text}");
    }
}

#[test]
fn a_pattern_that_could_stall_a_server_is_refused_with_4() {
    let pattern = format!("*[{}]*", "abcdefghij".repeat(10));
    Home::new()
        .run(["scan", &pattern])
        .expect(4)
        .says(&["could stall the server", "hint: "]);
}

#[test]
fn nobody_at_the_terminal_and_no_yes_is_refused_with_4() {
    Home::new().run(["delete", "session:*"]).expect(4).says(&[
        "nobody is at a terminal",
        "--yes",
        "--dry-run",
    ]);
}

#[test]
fn nobody_listening_is_3() {
    let home = Home::new();
    let nowhere = home.path("no.sock");
    home.run([
        OsString::from("--url"),
        format!("unix://{}", nowhere.display()).into(),
        "count".into(),
        "a".into(),
    ])
    .expect(3)
    .says(&["error: failed to", "hint: "]);
    // A port that was free a moment ago; whoever takes it meanwhile is no Redis.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    home.run([
        "--retries",
        "0",
        "--url",
        &format!("redis://127.0.0.1:{port}"),
        "count",
        "a",
    ])
    .expect(3)
    .says(&["refused", "hint: "]);
}

#[test]
fn a_password_in_the_url_is_warned_about_and_never_printed() {
    let home = Home::new();
    for url in [
        "redis://amy:hunter2@127.0.0.1:1",
        "unix:///none?password=hunter2",
    ] {
        let ran = home.run(["--url", url, "--retries", "0", "count", "a"]);
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
        assert!(ran.code == 3 || ran.code == 2, "{ran:?}");
    }
    home.run([
        "--url",
        "redis://amy:hunter2@127.0.0.1:1",
        "--retries",
        "0",
        "count",
        "a",
    ])
    .expect(3)
    .says(&["warning: the password in --url", "KEYPACE_PASSWORD"]);
}

#[test]
fn settings_come_from_the_file_in_the_users_folder_and_unknown_names_are_refused() {
    let home = Home::new();
    let folder = home.path("config/keypace");
    std::fs::create_dir_all(&folder).expect("folder");
    let write = |text: &str| std::fs::write(folder.join("config.toml"), text).expect("write");
    write("url = \"http://from-the-file\"");
    home.run(["count", "a"]).expect(2).says(&["scheme"]);
    home.run(["--url", "ftp://from-the-flag", "count", "a"])
        .expect(2)
        .says(&["ftp"]);
    let mut command = home.keypace(["count", "a"]);
    command.env("KEYPACE_URL", "gopher://from-the-environment");
    common::finished(command).expect(2).says(&["gopher"]);
    for (text, name) in [
        ("yes = true", "yes"),
        ("all = true", "all"),
        ("budgett = \"1ms\"", "budgett"),
    ] {
        write(text);
        home.run(["count", "a"]).expect(2).says(&[
            &format!("unknown name `{name}`"),
            "config.toml",
            "hint: ",
        ]);
    }
    for (line, texts) in [
        ("memory_percent = 900", ["memory_percent", "1 to 100"]),
        (
            "stale_percent_growth = 0",
            ["stale_percent_growth", "1 to 100"],
        ),
        ("lazyfree_pending = 0", ["lazyfree_pending", "less than 1"]),
        ("replica_lag = \"0B\"", ["replica_lag", "64KiB"]),
    ] {
        write(&format!("[pressure]\n{line}"));
        home.run(["count", "a"]).expect(2).says(&texts);
    }
    write("trust_idle = \"yes\"");
    home.run(["count", "a"]).expect(2).says(&["trust_idle"]);
    write("trust_idle = true\nuse_scan = false");
    home.run(["scan", "--checkpoint", "c", "a"])
        .expect(2)
        .says(&["--use-keys"]);
}

#[test]
fn help_is_short_or_long_and_ends_with_an_example() {
    let home = Home::new();
    let short = home.run(["-h"]).expect(0);
    let long = home.run(["--help"]).expect(0);
    assert!(short.text().lines().count() < 50, "{}", short.text());
    assert!(long.text().len() > 2 * short.text().len());
    for command in [
        "scan",
        "count",
        "delete",
        "demo",
        "bench",
        "completions",
        "man",
    ] {
        let help = home.run([command, "--help"]).expect(0);
        let end = help
            .text()
            .rsplit("Example")
            .next()
            .expect("an end")
            .to_owned();
        assert!(
            end.contains("keypace") && end.contains(command),
            "{command}: {end}"
        );
    }
    assert!(
        home.run(["--version"])
            .expect(0)
            .text()
            .starts_with("keypace ")
    );
}

#[test]
fn a_move_to_another_owner_key_needs_somebody_to_confirm_it() {
    let home = Home::new();
    home.run(["index", "rekey", "session", "--move"])
        .expect(4)
        .says(&["nobody is at a terminal", "--yes confirms"]);
    let help = home.run(["index", "rekey", "--help"]).expect(0);
    let help = help.text();
    assert!(
        help.contains("keypace index rekey session --move"),
        "{help}"
    );
}

#[test]
fn manual_and_completions_go_to_stdout() {
    let home = Home::new();
    assert!(home.run(["man"]).expect(0).text().contains(".TH keypace 1"));
    assert!(
        home.run(["man", "delete"])
            .expect(0)
            .text()
            .contains("keypace\\-delete")
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            home.run(["completions", shell])
                .expect(0)
                .text()
                .contains("delete")
        );
    }
}
