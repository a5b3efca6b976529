//! The binary against the simulator over TCP: servers that refuse, load, stall, cut, lie or go round in circles. Needs
//! no server program.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::time::Duration;

use common::{Home, Ran};
use keypace_testkit::{Action, Rule, Sim, SimListener, SimOptions, User};
use tokio::runtime::Runtime;

/// Enough for several pages of any COUNT that is used here.
const KEYS: u64 = 3_000;

/// A simulated server on a port of its own, served by threads of its own.
struct Simulated {
    sim: Sim,
    listener: SimListener,
    runtime: Runtime,
}

impl Simulated {
    fn with(options: SimOptions) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let sim = Sim::with(options);
        sim.insert_strings("session:", 0..KEYS);
        let listener = runtime.block_on(sim.listen()).expect("a port");
        Self {
            sim,
            listener,
            runtime,
        }
    }

    fn new() -> Self {
        Self::with(SimOptions::default())
    }

    fn home(&self) -> Home {
        Home::with_url(&format!("redis://{}", self.listener.addr()))
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let _entered = self.runtime.enter();
        self.home().run(arguments)
    }
}

fn error(text: &str) -> Action {
    Action::Error(text.to_owned())
}

#[test]
fn a_server_that_is_loading_is_3_and_says_so() {
    let server = Simulated::new();
    let loading = "LOADING Redis is loading the dataset in memory";
    server
        .sim
        .script(Rule::on("INFO").always().then(error(loading)));
    server
        .sim
        .script(Rule::on("DBSIZE").always().then(error(loading)));
    server
        .run(&["--retries", "0", "count", "session:*"])
        .expect(3)
        .says(&["error: failed to", "loading", "hint: "]);
}

#[test]
fn a_wrong_password_is_3_and_the_right_one_works() {
    let server = Simulated::with(SimOptions::default().with_password("right"));
    let home = server.home();
    for (password, code) in [("wrong", 3), ("right", 0)] {
        let mut command = home.keypace(["count", "session:*"]);
        command.env("KEYPACE_PASSWORD", password);
        let ran = common::finished(command).expect(code);
        assert!(!ran.stderr.contains("wrong\n"), "{ran:?}");
    }
    let file = home.path("password");
    std::fs::write(&file, "right\n").expect("write");
    let file = file.to_str().expect("a path").to_owned();
    home.run(["--password-file", &file, "count", "session:*"])
        .expect(0);
    // The file was typed, so it outranks the environment.
    let mut command = home.keypace(["--password-file", &file, "count", "session:*"]);
    command.env("KEYPACE_PASSWORD", "wrong");
    common::finished(command).expect(0);
    home.run(["count", "session:*"]).expect(3).says(&["hint: "]);
}

#[test]
fn a_missing_right_names_the_command_and_the_rule() {
    let user = User::new("reader", "pw")
        .without_command("UNLINK")
        .without_command("DEL");
    let server = Simulated::with(SimOptions::default().with_user(user));
    let home = server.home();
    let mut command = home.keypace(["--user", "reader", "delete", "--yes", "session:1*"]);
    command.env("KEYPACE_PASSWORD", "pw");
    let ran = common::finished(command).says(&["NOPERM", "+unlink"]);
    assert!(ran.code == 1 || ran.code == 3, "{ran:?}");
    assert_eq!(server.sim.keys(0).len() as u64, KEYS, "nothing is deleted");
}

#[test]
fn a_key_out_of_reach_fails_alone() {
    let user = User::new("half", "pw").with_key_prefix("session:1");
    let server = Simulated::with(SimOptions::default().with_user(user));
    let home = server.home();
    let mut command = home.keypace(["--user", "half", "--json", "delete", "--yes", "session:*"]);
    command.env("KEYPACE_PASSWORD", "pw");
    let ran = common::finished(command)
        .expect(1)
        .says(&["could not be deleted"]);
    let summary = ran.json();
    let number = |name: &str| summary[name].as_u64().expect("a number");
    assert_eq!(number("matched"), KEYS);
    assert_eq!(number("deleted") + number("failed"), KEYS, "{summary}");
    assert_eq!(number("deleted"), 1_111, "1, 1x, 1xx and 1xxx");
}

#[test]
fn a_server_that_stalls_is_given_up_on() {
    let server = Simulated::new();
    server
        .sim
        .script(Rule::on("SCAN").nth(2).always().then(Action::Stall));
    server
        .run(&["--timeout", "300ms", "--retries", "0", "count", "session:*"])
        .expect(1)
        .says(&["error: failed to", "hint: "]);
}

#[test]
fn a_torn_reply_is_asked_for_again_and_nothing_is_lost() {
    let server = Simulated::new();
    server.sim.script(
        Rule::on("SCAN")
            .nth(3)
            .then(Action::CutReply { after_bytes: 100 }),
    );
    let ran = server.run(&["count", "session:*"]).expect(0);
    assert_eq!(ran.text(), format!("{KEYS}\n"));
}

#[test]
fn a_reply_that_is_none_is_1() {
    let server = Simulated::new();
    server.sim.script(
        Rule::on("SCAN")
            .nth(2)
            .always()
            .then(Action::Reply(b"+OK\r\n".to_vec())),
    );
    server
        .run(&["--retries", "0", "count", "session:*"])
        .expect(1)
        .says(&["error: failed to"]);
}

#[test]
fn a_cursor_that_never_ends_is_noticed() {
    let server = Simulated::new();
    server
        .sim
        .script(Rule::on("SCAN").nth(2).always().then(Action::SameCursor));
    server
        .run(&["--retries", "0", "count", "session:*"])
        .expect(1)
        .says(&["cursor"]);
}

#[test]
fn duplicates_go_where_that_is_asked_for() {
    let server = Simulated::new();
    for (flag, order) in [("--exact", false), ("--sorted", true)] {
        server
            .sim
            .script(Rule::on("SCAN").times(3).then(Action::Duplicates));
        let ran = server.run(&["scan", flag, "session:*"]).expect(0);
        let mut keys: Vec<&str> = ran.text().lines().collect();
        assert_eq!(keys.len() as u64, KEYS, "{flag}");
        let found = keys.clone();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len() as u64, KEYS, "{flag}");
        assert!(!order || keys == found, "{flag}");
        server.sim.clear_rules();
    }
}

#[test]
fn keys_and_scan_sorted_write_the_same_bytes() {
    let server = Simulated::new();
    let scanned = server.run(&["scan", "--sorted", "session:*"]).expect(0);
    let keys = server
        .run(&["--use-keys", "scan", "session:*"])
        .expect(0)
        .says(&["warning: "]);
    assert_eq!(scanned.stdout, keys.stdout);
}

#[test]
fn retries_have_an_end() {
    let server = Simulated::new();
    server
        .sim
        .script(Rule::on("SCAN").always().then(Action::DropConnection));
    server.sim.script(
        Rule::on("PING")
            .always()
            .then(Action::Delay(Duration::from_millis(1))),
    );
    let ran = server
        .run(&["--retries", "2", "count", "session:*"])
        .expect(1);
    assert_eq!(
        ran.text(),
        "at least 0\n",
        "a count that is not whole is not taken for one"
    );
    assert!(
        server.sim.count_of("SCAN") <= 8,
        "{}",
        server.sim.count_of("SCAN")
    );
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once_where_a_server_keeps_us_waiting() {
    use std::io::{BufRead as _, BufReader};
    let server = Simulated::new();
    let (reached, is_reached) = std::sync::mpsc::channel();
    server.sim.script(
        Rule::on("UNLINK")
            .then(Action::run(move |_| {
                // The test has gone when nobody listens.
                let _ = reached.send(());
            }))
            .then(Action::Stall),
    );
    let mut child = server
        .home()
        .keypace(["--timeout", "10m", "delete", "--yes", "session:*"])
        .spawn()
        .expect("keypace starts");
    is_reached
        .recv_timeout(Duration::from_secs(60))
        .expect("an UNLINK");
    common::signal(&child, "INT");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut seen = String::new();
    while !seen.contains("Ctrl-C again ends at once") {
        assert!(stderr.read_line(&mut seen).expect("a line") > 0, "{seen}");
    }
    common::signal(&child, "INT");
    let ran = common::gathered(child, seen, stderr).expect(130);
    assert!(ran.stdout.is_empty(), "{ran:?}");
}
