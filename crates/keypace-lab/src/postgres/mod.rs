//! A PostgreSQL that belongs to a value: a cluster of its own in a temporary folder, on a unix socket, ended by its
//! process id. Must not touch a PostgreSQL that it did not start.

mod account;
mod program;

pub use program::POSTGRES_VARIABLE;
pub use program::PostgresProgram;
pub use program::postgres_install_hint;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::error::{LabError, LabErrorKind};
use crate::launch;
use crate::limits;
use account::Account;

/// The role and the database that it has, both with all rights.
const ROLE: &str = "keypace";
const DATABASE: &str = "postgres";
/// What PostgreSQL calls its socket for the port that is its default.
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// A running PostgreSQL, and the folder that its data is in. It is not made to survive a loss of power.
///
/// This value owns a process: `Drop` ends it, waits for its end, and removes the folder.
#[derive(Debug)]
pub struct OwnedPostgres {
    program: PostgresProgram,
    account: Account,
    child: Child,
    folder: PathBuf,
    // Held for its Drop, which comes after ours: the folder goes when the process is gone.
    _directory: TempDir,
}

impl OwnedPostgres {
    /// Makes a cluster, starts a server over it and returns once it answers. PostgreSQL refuses to run as root, so
    /// there it runs as the user `postgres`, or as `nobody`.
    ///
    /// # Errors
    /// `Start` where it ends early or does not answer within 20 s, with the end of its log as the hint; `System`
    /// where no folder or process can be made.
    pub fn start(program: &PostgresProgram) -> Result<Self, LabError> {
        let directory = launch::short_folder_for(SOCKET_NAME)?;
        let folder = directory
            .path()
            .canonicalize()
            .map_err(|error| launch::system("make a folder for a PostgreSQL", error))?;
        let account = Account::for_folder(&folder)?;
        make_cluster(program, &account, &folder)?;
        let child = serve(program, &account, &folder)?;
        Ok(Self {
            program: program.clone(),
            account,
            child,
            folder,
            _directory: directory,
        })
    }

    /// Where it listens, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let mut host = String::new();
        for byte in self.folder.to_string_lossy().bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                    host.push(char::from(byte));
                }
                other => host.push_str(&format!("%{other:02X}")),
            }
        }
        format!("postgres://{ROLE}@localhost/{DATABASE}?host={host}")
    }

    /// The process id; another one after `restart`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a crash would, and waits for its end; the data stays, and `restart` brings it back.
    ///
    /// # Errors
    /// `System` where the process can't be ended.
    pub fn kill(&mut self) -> Result<(), LabError> {
        end(&mut self.child)
    }

    /// Ends it and starts it again over the same data.
    ///
    /// # Errors
    /// As `start`.
    pub fn restart(&mut self) -> Result<(), LabError> {
        end(&mut self.child)?;
        self.child = serve(&self.program, &self.account, &self.folder)?;
        Ok(())
    }
}

impl Drop for OwnedPostgres {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure, and the one there can be is that the process is gone already.
        let _ = end(&mut self.child);
    }
}

fn make_cluster(
    program: &PostgresProgram,
    account: &Account,
    folder: &Path,
) -> Result<(), LabError> {
    let log = launch::log_file(folder)
        .map_err(|error| launch::system("open the log of a PostgreSQL", error))?;
    let mut command = Command::new(program.folder.join("initdb"));
    command
        .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
        .args(["--username", ROLE, "--pgdata"])
        .arg(folder.join("data"));
    let status = prepared(&mut command, account, folder, log)
        .status()
        .map_err(|error| failed(program, folder).because(error))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(program, folder).because(format!("initdb ended with {status}")))
}

fn serve(program: &PostgresProgram, account: &Account, folder: &Path) -> Result<Child, LabError> {
    let log = launch::log_file(folder)
        .map_err(|error| launch::system("open the log of a PostgreSQL", error))?;
    let mut command = Command::new(program.folder.join("postgres"));
    command.arg("-D").arg(folder.join("data"));
    command.arg("-k").arg(folder);
    // No TCP. What was committed survives the end of the process, not that of the machine: nothing waits for a disk.
    for setting in [
        "listen_addresses=",
        "port=5432",
        "fsync=off",
        "full_page_writes=off",
        "max_connections=64",
        "shared_buffers=16MB",
    ] {
        command.args(["-c", setting]);
    }
    let mut child = prepared(&mut command, account, folder, log)
        .spawn()
        .map_err(|error| failed(program, folder).because(error))?;
    let ready = wait_until_ready(&mut child, program, folder);
    if ready.is_err() {
        // The reason for the failed start is worth more than one for a failed end.
        let _ = end(&mut child);
    }
    ready.map(|()| child)
}

fn prepared<'a>(
    command: &'a mut Command,
    account: &Account,
    folder: &Path,
    log: File,
) -> &'a mut Command {
    command.current_dir(folder).stdin(Stdio::null()).stderr(log);
    command.stdout(Stdio::null()).env_remove("PGDATA");
    // A group of its own: a Ctrl-C at the terminal is for its owner, who ends it in its own time.
    std::os::unix::process::CommandExt::process_group(command, 0);
    account.run_as(command)
}

fn wait_until_ready(
    child: &mut Child,
    program: &PostgresProgram,
    folder: &Path,
) -> Result<(), LabError> {
    for _ in 0..limits::READY_TRIES {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                return Err(
                    failed(program, folder).because(format!("it ended early, with {status}"))
                );
            }
            Err(error) => return Err(launch::system("watch a PostgreSQL start", error)),
        }
        if lets_us_in(folder).unwrap_or(false) {
            return Ok(());
        }
        thread::sleep(limits::READY_PAUSE);
    }
    Err(failed(program, folder).because("it did not answer in time"))
}

/// Greets it as a client does. While it recovers it answers with an error, which begins with another letter.
fn lets_us_in(folder: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(folder.join(SOCKET_NAME))?;
    stream.set_read_timeout(Some(limits::READY_REPLY_TIMEOUT))?;
    let mut words = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", ROLE, "database", DATABASE, ""] {
        words.extend_from_slice(word.as_bytes());
        words.push(0);
    }
    let length = u32::try_from(words.len() + 4).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&words)?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    Ok(first == *b"R")
}

/// Asks for an immediate end, which also ends the processes it has for its clients and gives its shared memory back;
/// kills it where that takes too long. No harm if it has ended already.
fn end(child: &mut Child) -> Result<(), LabError> {
    let system = |error| launch::system("end a PostgreSQL", error);
    if child.try_wait().map_err(system)?.is_some() {
        return Ok(());
    }
    // Not reaped yet, so its id can't have become somebody else's.
    Command::new("kill")
        .args(["-QUIT", &child.id().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(system)?;
    for _ in 0..limits::READY_TRIES {
        if child.try_wait().map_err(system)?.is_some() {
            return Ok(());
        }
        thread::sleep(limits::READY_PAUSE);
    }
    child.kill().map_err(system)?;
    child.wait().map(|_| ()).map_err(system)
}

fn failed(program: &PostgresProgram, folder: &Path) -> LabError {
    LabError::new(
        LabErrorKind::Start,
        format!(
            "start PostgreSQL {} ({})",
            program.version,
            program.folder.display()
        ),
    )
    .with_hint(format!("the end of its log:\n{}", launch::log_tail(folder)))
}
