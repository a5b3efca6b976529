//! `cargo xtask schema`: a served keypace against its own OpenAPI document, by schemathesis: no fault of ours, no reply that is
//! not documented. The seed is fixed and the cases are bounded, so that a finding comes again. Installs schemathesis below
//! `target/schema`. Must not leave a service behind.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use keypace_lab::{OwnedServer, Program, ServerOptions};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::failure::{self, Failure, Outcome};
use crate::setup;
use crate::shell;
use crate::workspace::Workspace;

/// What schemathesis is told, and which one it is, below the workspace.
const FOLDER: &str = "crates/keypace-server/tests/schema";
/// Says which one is installed.
const LOCK: &str = "requirements.txt";
/// The API key of the one who asks: of a service that lives as long as this run, on loopback.
const KEY: &str = "kp_schema";
/// Cases of one operation in a phase, where nobody says otherwise: about a minute in all.
const CASES: u32 = 20;
/// The same among all other tests, which take long enough.
const FEW_CASES: u32 = 5;
const SEED: u64 = 1;

/// What was asked for.
struct Options {
    seed: u64,
    cases: u32,
}

impl Options {
    fn read(words: &[String]) -> Outcome<Self> {
        let mut options = Self {
            seed: SEED,
            cases: CASES,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().map(String::as_str).unwrap_or_default();
            let wrong = || failure::usage(format!("{word} needs a number, not {value:?}"));
            match word.as_str() {
                "--seed" => options.seed = value.parse().map_err(|_| wrong())?,
                "--cases" => options.cases = value.parse().map_err(|_| wrong())?,
                other => return Err(failure::usage(format!("there is no option {other:?}"))),
            }
        }
        Ok(options)
    }
}

/// Runs it on one server program, after building keypace.
pub(crate) fn run(words: &[String]) -> Outcome {
    let options = Options::read(words)?;
    let workspace = Workspace::find()?;
    let program = setup::any(&workspace)?;
    let python = have(&workspace).map_err(Failure::new)?;
    shell::run(shell::cargo(&workspace.root).args(["build", "-p", "keypace-cli"]))?;
    check(&workspace, &program, &python, &options)
}

/// Runs a part of it, with what is built.
pub(crate) fn test(workspace: &Workspace, program: &Program, python: &Path) -> Outcome {
    let options = Options {
        seed: SEED,
        cases: FEW_CASES,
    };
    check(workspace, program, python, &options)
}

/// Finds or installs schemathesis, and gives the Python that has it, or says what goes without.
pub(crate) fn have(workspace: &Workspace) -> Result<PathBuf, String> {
    installed(workspace).map_err(|reason| format!("not run: the OpenAPI document ({reason})"))
}

fn installed(workspace: &Workspace) -> Outcome<PathBuf> {
    if shell::which("python3").is_none() {
        setup::packages(&["python3", "python3-venv"])?;
    }
    let folder = workspace.target.join("schema");
    let (python, wanted) = (
        folder.join("bin/python"),
        workspace.root.join(FOLDER).join(LOCK),
    );
    let is_same = fs::read(&wanted).ok() == fs::read(folder.join(LOCK)).ok();
    if is_same && python.is_file() {
        return Ok(python);
    }
    eprintln!("installing schemathesis");
    let venv = |folder: &Path| {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(folder);
        shell::output(&mut command)
    };
    if venv(&folder).is_err() {
        // Debian has it in a package of its own.
        setup::packages(&["python3-venv"])?;
        venv(&folder)?;
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(&wanted);
    shell::output(&mut pip)?;
    // Last, so that half of it does not pass for the whole next time.
    fs::copy(&wanted, folder.join(LOCK))
        .map_err(|error| Failure::new(format!("failed to write {LOCK}: {error}")))?;
    Ok(python)
}

fn check(workspace: &Workspace, program: &Program, python: &Path, options: &Options) -> Outcome {
    println!("the OpenAPI document, on {}", program.label());
    let server = OwnedServer::start(program, ServerOptions::default())?;
    let folder = workspace.target.join("schema/run");
    // What an earlier run has left would be found by this one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("failed to make {}: {error}", folder.display())))?;
    let service = Service::start(workspace, &server, &folder)?;
    let mut checks = Command::new(python);
    checks
        .current_dir(&folder)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(workspace.root.join(FOLDER).join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", service.place))
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        .args(["--continue-on-failure", "--no-color"])
        .args(["--warnings", "off", "--request-timeout", "60"])
        .args(["--seed", &options.seed.to_string()])
        .args(["--max-examples", &options.cases.to_string()]);
    shell::run(&mut checks)
}

/// A service that ends with this value.
struct Service {
    child: Child,
    place: String,
}

impl Service {
    fn start(workspace: &Workspace, server: &OwnedServer, folder: &Path) -> Outcome<Self> {
        let config = folder.join("serve.toml");
        fs::write(&config, text(server, folder))
            .map_err(|error| Failure::new(format!("failed to write the config: {error}")))?;
        let mut serve = workspace.keypace(&workspace.debug("keypace"));
        serve
            .arg("--json")
            .arg("--config")
            .arg(&config)
            .arg("serve");
        let shown = shell::show(&serve);
        let failed =
            |error: std::io::Error| Failure::new(format!("failed to run {shown}: {error}"));
        let mut child = serve.stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(failed)?;
        }
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        let place = told["listening"].as_str().unwrap_or_default().to_owned();
        let service = Self { child, place };
        if service.place.is_empty() {
            return Err(Failure::new(format!(
                "{shown} did not say where it listens"
            )));
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It keeps nothing that anybody wants, and may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(server: &OwnedServer, folder: &Path) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        r#"
listen = "127.0.0.1:0"
data_dir = {data:?}

[limits]
requests_per_second = 100000
burst = 100000

[servers.default]
url = {url:?}

[caches.images]
patterns = {{ images = "image_proxy:*", metadata = "image_metadata:*" }}

[keys.schema]
sha256 = "{sha256}"
scope = "admin"
owner = "somebody"

[sessions]
source = "redis"
owner_keys = {keys:?}
"#,
        data = path("data"),
        url = server.url(),
        sha256 = hex::encode(Sha256::digest(KEY)),
        keys = path("owner-keys.json"),
    )
}
