//! What docs/security.md says of rights is so: a user with each set of rules runs the commands that stand beside it, and
//! one without a rule of them does not. Knows no rule of its own.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use keypace_lab::{OwnedServer, Raw, Value};

use common::{Home, Ran, servers};

const PAGE: &str = include_str!("../../../docs/security.md");
/// What the page's user may touch, and how it logs in.
const USER: [&str; 5] = ["on", ">secret", "resetkeys", "~session:*", "-@all"];

/// A row: commands, and rules.
struct Row {
    commands: Vec<String>,
    rules: Vec<String>,
}

fn rows() -> Vec<Row> {
    let lines = PAGE.lines().filter(|line| line.starts_with("| `"));
    let cells = lines.filter_map(|line| {
        // The table's own strokes have blanks beside them, those of rules have a backslash.
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        Some((cells.next()?, cells.next()?))
    });
    let rules = cells.filter(|(_, rules)| rules.starts_with("`+"));
    rules
        .map(|(commands, rules)| Row {
            commands: commands
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
            rules: rules
                .trim_matches('`')
                .replace("\\|", "|")
                .split(' ')
                .map(str::to_owned)
                .collect(),
        })
        .collect()
}

/// A key of each type, one of them large and one that expires.
fn fill(raw: &mut Raw) {
    let large = vec![b'x'; 1_200_000];
    let commands: [&[&[u8]]; 8] = [
        &[b"SET", b"session:a", b"1"],
        &[b"SET", b"session:b", b"2", b"EX", b"5000"],
        &[b"SET", b"session:large", &large],
        &[b"HSET", b"session:h", b"f", b"1"],
        &[b"RPUSH", b"session:l", b"a", b"b"],
        &[b"SADD", b"session:s", b"a"],
        &[b"ZADD", b"session:z", b"1", b"a"],
        &[b"XADD", b"session:x", b"1-1", b"f", b"1"],
    ];
    say(raw, &[b"FLUSHALL"]);
    for command in commands {
        say(raw, command);
    }
}

fn say(raw: &mut Raw, words: &[&[u8]]) {
    let reply = raw.command(words).and_then(Value::checked);
    reply.unwrap_or_else(|error| panic!("{}: {error}", words[0].escape_ascii()));
}

/// Runs a command of the page's as a user with these rules.
fn run(home: &Home, raw: &mut Raw, command: &str, rules: &[String]) -> Ran {
    let user = USER.iter().copied().chain(rules.iter().map(String::as_str));
    let mut words: Vec<&[u8]> = vec![b"ACL", b"SETUSER", b"keypace", b"reset"];
    let user: Vec<&str> = user.collect();
    words.extend(user.iter().map(|word| word.as_bytes()));
    say(raw, &words);
    fill(raw);
    let backup = home.path("a.kpb");
    let backup = backup.to_string_lossy();
    let mut words: Vec<&str> = vec!["--user", "keypace", "--retries", "0"];
    let own: Vec<&str> = command.split(' ').collect();
    words.extend(&own);
    match own[0] {
        "delete" => words.extend(["--yes", "session:*"]),
        "count" | "scan" | "stats" => words.push("session:*"),
        "restore" => words.extend(["--yes", "--replace", &*backup]),
        "inspect" => {}
        other => panic!("how is {other} run?"),
    }
    if let Some(at) = words.iter().position(|word| *word == "--backup") {
        let _ = std::fs::remove_file(&*backup);
        words.insert(at + 1, &backup);
    }
    let mut process = home.keypace(&words);
    process.env("KEYPACE_PASSWORD", "secret");
    common::finished(process)
}

/// Whether the server knows every rule of the page: servers before 7.0 have none for subcommands.
fn knows_rules(raw: &mut Raw) -> bool {
    let reply = raw.command(&[
        b"ACL",
        b"SETUSER",
        b"probe",
        b"+memory|usage",
        b"+command|info",
    ]);
    let reply = reply.and_then(Value::checked);
    reply.is_ok()
}

fn connected(server: &OwnedServer) -> Raw {
    Raw::connect(server.endpoint()).expect("connected")
}

#[test]
fn the_rules_of_the_security_page_are_enough() {
    let rows = rows();
    assert!(rows.len() >= 7, "too few are found");
    let mut tried = 0;
    for server in servers() {
        let mut raw = connected(&server);
        if !knows_rules(&mut raw) {
            println!("not run: {} knows no rules for subcommands", server.url());
            continue;
        }
        let home = Home::with_url(&server.url());
        for row in &rows {
            for command in &row.commands {
                let ran = run(&home, &mut raw, command, &row.rules).expect(0);
                assert!(!ran.text().contains("NOPERM"), "{command}: {ran:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 0, "no server with such rules");
}

#[test]
fn without_the_right_to_its_own_work_a_command_is_refused() {
    let server = servers().into_iter().next().expect("a server");
    let mut raw = connected(&server);
    let home = Home::with_url(&server.url());
    for (command, rule) in [
        ("count", "+scan"),
        ("delete", "+unlink"),
        ("delete --backup", "+watch"),
        ("stats", "+type"),
    ] {
        let rows = rows();
        let row = rows
            .iter()
            .find(|row| row.commands.iter().any(|own| own == command))
            .unwrap_or_else(|| panic!("no row of {command}"));
        let mut rules = row.rules.clone();
        rules.retain(|own| own != rule);
        assert_ne!(rules.len(), row.rules.len(), "{command} has no {rule}");
        let ran = run(&home, &mut raw, command, &rules);
        assert!([1, 4].contains(&ran.code), "{command}: {ran:?}");
        assert!(
            ran.stderr.contains(rule),
            "{command}: the hint has no {rule}\n{ran:?}"
        );
    }
}
