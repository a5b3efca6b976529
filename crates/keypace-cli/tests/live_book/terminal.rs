//! A page's terminal: its commands, one after the other, in a folder of their own, against a server of their own, and
//! what they print held against the page. Knows no command of any page.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keypace_lab::{OwnedServer, Program, Raw, ServerOptions, seed};

use crate::common::{Home, Ran, finished};
use crate::line::fits;
use crate::page::{Block, Mark};
use crate::service::Service;

/// Where the pages' server and service are; other addresses of theirs are not dialled.
const SERVER: &str = "redis://127.0.0.1:6379";
const SERVICE: &str = "127.0.0.1:8420";
/// A person waits a minute for it; what is shown is the same after a second.
const WATCH: (&str, &str) = ("--watch 60s", "--watch 1s");
/// A comment behind a command that does not end with 0.
const CODE: &str = "  # exit code ";

/// What the pages' server holds: so many keys below each prefix.
const KEYS: [(&str, u64); 3] = [("session:", 600), ("user:", 300), ("cache:", 100)];
/// What `<!-- run: beside code that lists by KEYS -->` puts into the folder.
const CODE_WITH_KEYS: &str = "import redis\n\nclient = redis.Redis()\n\n\ndef names():\n    return client.keys(\"session:*\")\n";

/// Answers a question at a terminal. The page's reader sits at one, and our stdin is none.
const TYPIST: &str = r#"
import os, pty, re, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp("bash", ["bash", "-c", sys.argv[1]])
seen, answered = b"", False
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        part = b""
    if not part:
        break
    seen += part
    if not answered and b"Type yes" in seen:
        answered = True
        os.write(terminal, b"yes\n")
text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", seen.decode("utf-8", "replace"))
text = text.replace("\r\n", "\n").replace("\r", "\n")
# The bar fills its line, and what follows stands on the next: the terminal is 80 wide unless it says otherwise.
print(re.sub(r"(.{80})(?=.)", r"\1\n", text))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

/// A command of a block, and the lines below it.
#[derive(Debug, Default)]
struct Shown {
    line: String,
    code: i32,
    wanted: Vec<String>,
}

/// One page's terminal.
pub(crate) struct Terminal {
    home: Home,
    server: OwnedServer,
    service: Option<Service>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let program = Program::find().expect("a program");
        let server = OwnedServer::start(&program, ServerOptions::default()).expect("a server");
        let mut raw = Raw::connect(server.endpoint()).expect("connected");
        for (prefix, keys) in KEYS {
            seed::strings(&mut raw, prefix.as_bytes(), 0..keys, 8).expect("seeded");
        }
        let home = Home::with_url(&server.url());
        fs::create_dir(home.path("work")).expect("a folder");
        Self {
            home,
            server,
            service: None,
        }
    }

    /// Runs a block as its mark says.
    pub(crate) fn run(&mut self, block: &Block) {
        let mut is_typing = false;
        match &block.mark {
            Mark::NotRun(_) => return,
            Mark::None => {}
            Mark::Run(how) => match how.as_str() {
                "typing yes" => is_typing = true,
                "with a service" => {
                    let service = Service::start(&self.home, &[]);
                    self.service = Some(service);
                }
                "beside a file owner.txt" => {
                    fs::write(self.folder().join("owner.txt"), "somebody\n").expect("written");
                }
                "beside code that lists by KEYS" => {
                    fs::write(self.folder().join("cache.py"), CODE_WITH_KEYS).expect("written");
                }
                other => panic!("{}: unknown: run: {other}", block.place()),
            },
        }
        if block.language() != "console" {
            let began = std::time::Instant::now();
            let ran = self.bash(&["-euo", "pipefail", "-c", &self.ours(&block.text)]);
            println!("{:?} {}", began.elapsed(), block.place());
            assert_eq!(ran.code, 0, "{}\n{ran:?}", block.place());
            return;
        }
        for shown in commands(&block.text) {
            let line = self.ours(&shown.line);
            let began = std::time::Instant::now();
            let ran = if is_typing {
                self.typed(&line)
            } else {
                self.bash(&["-c", &line])
            };
            println!("{:?} {}", began.elapsed(), shown.line);
            assert_eq!(ran.code, shown.code, "{}: {line}\n{ran:?}", block.place());
            expect_printed(&shown, &ran, &block.place());
        }
    }

    /// The page's text with our server and service in it.
    fn ours(&self, text: &str) -> String {
        let mut text = text
            .replace(SERVER, &self.server.url())
            .replace(WATCH.0, WATCH.1);
        if let Some(service) = &self.service {
            text = text.replace(SERVICE, &service.authority);
        }
        text
    }

    /// A folder that is empty but for what the page's commands left there.
    fn folder(&self) -> PathBuf {
        self.home.path("work")
    }

    fn bash(&self, arguments: &[&str]) -> Ran {
        let mut command = self.program("bash");
        command.args(arguments);
        finished(command)
    }

    fn typed(&self, line: &str) -> Ran {
        let script = self.home.path("typist.py");
        fs::write(&script, TYPIST).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("set");
        let mut command = self.program("python3");
        command.arg(script).arg(line);
        finished(command)
    }

    /// A program that finds keypace on PATH, and nothing of the user's.
    fn program(&self, name: &str) -> Command {
        let keypace = Path::new(env!("CARGO_BIN_EXE_keypace"));
        let mut folders = vec![keypace.parent().expect("a folder").to_owned()];
        folders.extend(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ));
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", std::env::join_paths(folders).expect("a PATH"))
            .env("HOME", self.home.path("."))
            .env("XDG_STATE_HOME", self.home.path("state"))
            .env("XDG_CONFIG_HOME", self.home.path("config"))
            .env("KEYPACE_URL", self.server.url())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn commands(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("$ ") {
            let (line, code) = line.split_once(CODE).unwrap_or((line, "0"));
            let digits: String = code.chars().take_while(char::is_ascii_digit).collect();
            commands.push(Shown {
                line: line.to_owned(),
                code: digits.parse().expect("a code"),
                wanted: Vec::new(),
            });
        } else {
            let command = commands.last_mut().expect("a command above its output");
            command.wanted.push(line.to_owned());
        }
    }
    commands
}

/// In their order; others, of how long it took, may stand between them.
fn expect_printed(shown: &Shown, ran: &Ran, place: &str) {
    let mut printed = ran.text().lines().chain(ran.stderr.lines());
    for wanted in &shown.wanted {
        let found = printed.any(|line| fits(line.trim_end(), wanted));
        let (line, stdout, stderr) = (&shown.line, ran.text(), &ran.stderr);
        assert!(found, "{place}: {wanted:?} of {line:?}\n{stdout}\n{stderr}");
    }
}
