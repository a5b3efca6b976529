//! One start of a server process: its command line, and waiting until it answers.
//! Must not outlive a failure: where the start fails, no process is left.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::options::ServerOptions;
use crate::program::Program;
use crate::raw::{Raw, Value};

/// What the server writes to, in its folder.
const LOG_NAME: &str = "server.log";
/// The config file's name, where there is one.
const CONFIG_NAME: &str = "server.conf";
/// The unix socket's name in its folder: short, as the whole path is bounded.
pub(crate) const SOCKET_NAME: &str = "s";

/// Why a start did not come to a server that answers.
pub(crate) enum NotReady {
    /// Somebody else has the port.
    AddressTaken(LabError),
    Failed(LabError),
}

/// Starts the process and waits until it answers; leaves no process behind where it fails.
pub(crate) fn launch(
    program: &Program,
    options: &ServerOptions,
    endpoint: &Endpoint,
    folder: &Path,
) -> Result<Child, NotReady> {
    let mut child = spawn(program, options, endpoint, folder).map_err(|error| {
        NotReady::Failed(
            LabError::new(
                LabErrorKind::Start,
                format!("start {}", program.path.display()),
            )
            .because(error),
        )
    })?;
    let ready = wait_until_ready(&mut child, program, endpoint, folder);
    if ready.is_err() {
        // The reason for the failed start is worth more than one for a failed kill.
        let _ = end(&mut child);
    }
    ready.map(|()| child)
}

fn spawn(
    program: &Program,
    options: &ServerOptions,
    endpoint: &Endpoint,
    folder: &Path,
) -> std::io::Result<Child> {
    // A log of its own catches what is printed before a configured logfile is opened.
    let log = File::create(folder.join(LOG_NAME))?;
    let mut command = Command::new(&program.path);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if let Some(text) = &options.config_file {
        let path = folder.join(CONFIG_NAME);
        if !path.exists() {
            fs::write(&path, text)?;
        }
        command.arg(path);
    }
    // A group of its own: a Ctrl-C at the terminal is for its owner, who ends it in its own time.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    match endpoint {
        Endpoint::Unix(path) => command
            .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"])
            .arg(path),
        Endpoint::Tcp(address) => {
            command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        }
    };
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    for (name, values) in &options.arguments {
        command.arg(format!("--{name}")).args(values);
    }
    command.spawn()
}

fn wait_until_ready(
    child: &mut Child,
    program: &Program,
    endpoint: &Endpoint,
    folder: &Path,
) -> Result<(), NotReady> {
    for _ in 0..limits::READY_TRIES {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Err(ended_early(program, status, folder)),
            Err(error) => return Err(NotReady::Failed(system("watch a server start", error))),
        }
        match answer(endpoint, folder) {
            Answer::Ours => return Ok(()),
            Answer::Foreign => {
                let error =
                    start_error(program, folder).because("another server answers on its port");
                return Err(NotReady::AddressTaken(error));
            }
            Answer::NotYet => thread::sleep(limits::READY_PAUSE),
        }
    }
    Err(NotReady::Failed(
        start_error(program, folder).because("it did not answer in time"),
    ))
}

enum Answer {
    Ours,
    Foreign,
    NotYet,
}

/// Asks who is there. On TCP the port may be a stranger's by now, so the server is also asked for its folder.
fn answer(endpoint: &Endpoint, folder: &Path) -> Answer {
    let Ok(mut raw) = Raw::connect_within(endpoint, limits::READY_REPLY_TIMEOUT) else {
        return Answer::NotYet;
    };
    match raw.command(&[b"PING"]) {
        Ok(Value::Error(text)) if text.starts_with("LOADING") => return Answer::NotYet,
        Ok(_) => {}
        Err(_) => return Answer::NotYet,
    }
    match (endpoint, raw.command(&[b"CONFIG", b"GET", b"dir"])) {
        (Endpoint::Tcp(_), Ok(Value::Array(Some(pair)))) => {
            let theirs = pair
                .get(1)
                .and_then(Value::bytes)
                .map(String::from_utf8_lossy);
            match theirs.map(|path| PathBuf::from(path.as_ref())) {
                Some(path) if path.canonicalize().is_ok_and(|path| path == folder) => Answer::Ours,
                Some(_) | None => Answer::Foreign,
            }
        }
        // A password that our own options set forbids the question; the child is alive, so the port is its own.
        (Endpoint::Tcp(_), Ok(_)) | (Endpoint::Unix(_), _) => Answer::Ours,
        (Endpoint::Tcp(_), Err(_)) => Answer::NotYet,
    }
}

fn ended_early(program: &Program, status: ExitStatus, folder: &Path) -> NotReady {
    let error = start_error(program, folder).because(format!("it ended early, with {status}"));
    if log_tail(folder).contains("Address already in use") {
        NotReady::AddressTaken(error)
    } else {
        NotReady::Failed(error)
    }
}

fn start_error(program: &Program, folder: &Path) -> LabError {
    let log = log_tail(folder);
    let hint = if log.is_empty() {
        "its log is empty".to_owned()
    } else {
        format!("the end of its log:\n{log}")
    };
    LabError::new(
        LabErrorKind::Start,
        format!("start {} ({})", program.label(), program.path.display()),
    )
    .with_hint(hint)
}

pub(crate) fn log_tail(folder: &Path) -> String {
    let bytes = fs::read(folder.join(LOG_NAME)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(limits::LOG_TAIL_LINES)..].join("\n")
}

pub(crate) fn end(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait().map(|_| ())
}

/// The log in this folder, to be written on behind what it holds.
pub(crate) fn log_file(folder: &Path) -> std::io::Result<File> {
    File::options()
        .append(true)
        .create(true)
        .open(folder.join(LOG_NAME))
}

/// A temporary folder whose path leaves room for our servers' socket.
pub(crate) fn short_folder() -> Result<TempDir, LabError> {
    short_folder_for(SOCKET_NAME)
}

/// A temporary folder whose path leaves room for a socket of this name, even where TMPDIR is long.
pub(crate) fn short_folder_for(socket: &str) -> Result<TempDir, LabError> {
    let make = |parent: &Path| {
        tempfile::Builder::new()
            .prefix("keypace-")
            .tempdir_in(parent)
            .map_err(|error| system("make a folder for a server", error))
    };
    let fits = |directory: &TempDir| {
        let path = directory
            .path()
            .canonicalize()
            .unwrap_or_else(|_| directory.path().to_owned());
        path.join(socket).as_os_str().len() <= limits::MAX_SOCKET_PATH_BYTES
    };
    let directory = make(&std::env::temp_dir())?;
    if fits(&directory) {
        Ok(directory)
    } else {
        make(Path::new("/tmp"))
    }
}

pub(crate) fn system(operation: &str, error: std::io::Error) -> LabError {
    LabError::new(LabErrorKind::System, operation).because(error)
}

#[cfg(test)]
mod tests {
    use super::LOG_NAME;
    use super::SOCKET_NAME;
    use super::log_tail;
    use super::short_folder;
    use crate::limits;
    use std::fs;

    #[test]
    fn a_socket_fits_into_the_folder() {
        let directory = short_folder().expect("a folder");
        assert!(
            directory.path().join(SOCKET_NAME).as_os_str().len() <= limits::MAX_SOCKET_PATH_BYTES
        );
    }

    #[test]
    fn the_tail_of_a_log_is_bounded() {
        let directory = short_folder().expect("a folder");
        assert_eq!(log_tail(directory.path()), "");
        let lines: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        fs::write(directory.path().join(LOG_NAME), lines.join("\n")).expect("a file");
        let tail = log_tail(directory.path());
        assert_eq!(tail.lines().count(), limits::LOG_TAIL_LINES);
        assert!(tail.ends_with("99"));
    }
}
