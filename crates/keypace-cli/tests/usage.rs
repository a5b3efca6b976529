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
        (&["delete", "--idle-over", "30d", "a"], &["--idle-over"]),
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
    write("use_scan = false");
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
        assert!(
            !help.text().contains("--trust-idle"),
            "flags of later versions are not shown"
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
