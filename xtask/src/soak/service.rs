//! A `keypace serve` of the soak's own: started, asked over HTTP, killed and started again with the same data.
//! Must not know what a job is.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::proxies::Proxies;
use crate::failure::{Failure, Outcome};
use crate::shell;
use crate::workspace::Workspace;

/// A reply may have to wait for a server that is frozen or half-open, and for all retries.
const REPLY_PATIENCE: Duration = Duration::from_secs(60);
/// On the way down jobs settle the batch in flight, which may have to wait for as long.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a process that is to end.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How it is started, and the process that is.
#[derive(Debug)]
pub(super) struct Service {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    home: PathBuf,
    child: Child,
    authority: String,
}

impl Service {
    /// Starts it in a folder that nobody else has, on the nodes of `urls`.
    pub(super) fn start(
        workspace: &Workspace,
        folder: &std::path::Path,
        urls: &[String],
        proxies: &Proxies,
        timeout: &str,
    ) -> Outcome<Self> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("failed to prepare {}: {error}", folder.display()))
        };
        // Jobs of another soak would be taken up.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(failed)?;
        let config = folder.join("serve.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata_dir = {:?}\n\n[limits]\nrequests_per_second = 100000\nburst = 100000\n\n\
             [servers.default]\nurl = {urls:?}\ntimeout = {timeout:?}\n\n{}",
            folder.join("data").display().to_string(),
            proxies.table("servers.default.address_map"),
        );
        fs::write(&config, text).map_err(failed)?;
        let program = workspace.debug("keypace");
        let log = folder.join("serve.log");
        let (child, authority) = spawn(&program, &config, &log, folder)?;
        Ok(Self {
            program,
            config,
            log,
            home: folder.to_owned(),
            child,
            authority,
        })
    }

    /// SIGKILL, and another process on the same data.
    pub(super) fn kill_and_start(&mut self) -> Outcome {
        // One that has ended by itself would have failed the last request.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let spawned = spawn(&self.program, &self.config, &self.log, &self.home)?;
        (self.child, self.authority) = spawned;
        Ok(())
    }

    /// Status and body of a reply.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<(u16, Value)> {
        let asked = self.exchange(method, path, body);
        let reply = asked
            .map_err(|error| Failure::new(format!("{method} {path}: {error}; {}", self.said())))?;
        let head = reply.split_once("\r\n\r\n");
        let status = reply.split(' ').nth(1).and_then(|code| code.parse().ok());
        match (status, head) {
            (Some(status), Some((_, body))) => {
                Ok((status, serde_json::from_str(body).unwrap_or_default()))
            }
            _ => Err(Failure::new(format!(
                "{method} {path}: no reply: {reply:?}; {}",
                self.said()
            ))),
        }
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let host = &self.authority;
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(REPLY_PATIENCE))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }

    /// SIGTERM; it has to end by itself, and well.
    pub(super) fn stop(mut self) -> Outcome {
        let id = self.child.id().to_string();
        shell::output(Command::new("kill").args(["-s", "TERM", &id]))?;
        let begun = Instant::now();
        while begun.elapsed() < DRAIN_PATIENCE {
            let ended = self.child.try_wait();
            let ended = ended
                .map_err(|error| Failure::new(format!("failed to watch keypace serve: {error}")))?;
            match ended {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Failure::new(format!(
                        "keypace serve ended with {status}; {}",
                        self.said()
                    )));
                }
                None => std::thread::sleep(LOOK_PAUSE),
            }
        }
        Err(Failure::new(format!(
            "keypace serve did not end within {} s; {}",
            DRAIN_PATIENCE.as_secs(),
            self.said()
        )))
    }

    /// The end of its log.
    pub(super) fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(8)..];
        format!("its log ends with\n{}", last.join("\n"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    program: &std::path::Path,
    config: &std::path::Path,
    log: &std::path::Path,
    home: &std::path::Path,
) -> Outcome<(Child, String)> {
    let failed =
        |error: std::io::Error| Failure::new(format!("failed to run keypace serve: {error}"));
    let log_file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(failed)?;
    let mut command = Command::new(program);
    for variable in ["KEYPACE_URL", "KEYPACE_PASSWORD", "KEYPACE_LOG"] {
        command.env_remove(variable);
    }
    let mut child = command
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .args(["--json", "--config"])
        .arg(config)
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(failed)?;
    }
    let told: Value = serde_json::from_str(&line).unwrap_or_default();
    let place = told["listening"].as_str().unwrap_or_default();
    let Some((_, authority)) = place.split_once("://") else {
        let said = fs::read_to_string(log).unwrap_or_default();
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::new(format!(
            "keypace serve did not say where it listens: {line:?} {said}"
        )));
    };
    Ok((child, authority.to_owned()))
}
