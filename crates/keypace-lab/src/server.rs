//! A server process that belongs to a value: started in a temporary folder of its own, killed when the value goes.
//! Must not touch any server that it did not start, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::endpoint::Endpoint;
use crate::error::{LabError, LabErrorKind};
use crate::launch::{self, NotReady};
use crate::limits;
use crate::options::{Listen, ServerOptions};
use crate::ports;
use crate::program::Program;

/// A running server and the folder it runs in. It saves nothing to disk unless its options say so.
///
/// This value owns a process: `Drop` kills it and waits for its end, then removes its folder. The program must be
/// the server itself or replace itself by it (`exec`), since signals go to the process that was started.
#[derive(Debug)]
pub struct OwnedServer {
    program: Program,
    options: ServerOptions,
    endpoint: Endpoint,
    child: Child,
    folder: PathBuf,
    // Held for its Drop, which comes after ours: the folder goes when the process is gone.
    _directory: TempDir,
}

impl OwnedServer {
    /// Starts `program` and returns once it answers.
    ///
    /// # Errors
    /// `Start` where it ends early or does not answer within 20 s, with the end of its log as the hint; `System`
    /// where no folder or process can be made.
    pub fn start(program: &Program, options: ServerOptions) -> Result<Self, LabError> {
        match options.listen {
            Listen::Unix => Self::start_among(program, options, 1, |folder| {
                Ok(Endpoint::Unix(folder.join(launch::SOCKET_NAME)))
            }),
            Listen::Tcp => Self::start_among(program, options, limits::BIND_TRIES, |_| {
                ports::free().map(Endpoint::Tcp)
            }),
        }
    }

    /// Starts `program` on a TCP port that stays free while it is down, with its bus port free as well.
    pub(crate) fn start_steady(
        program: &Program,
        options: ServerOptions,
    ) -> Result<Self, LabError> {
        Self::start_among(program, options, limits::BIND_TRIES, |_| {
            ports::free_steady()
        })
    }

    /// Starts `program` on the first of up to `tries` addresses that nobody else has taken; each is asked for anew.
    fn start_among(
        program: &Program,
        options: ServerOptions,
        tries: u32,
        address: impl Fn(&Path) -> Result<Endpoint, LabError>,
    ) -> Result<Self, LabError> {
        let directory = launch::short_folder()?;
        let folder = directory
            .path()
            .canonicalize()
            .map_err(|error| launch::system("make a folder for a server", error))?;
        let mut taken = None;
        for _ in 0..tries {
            let endpoint = address(&folder)?;
            match launch::launch(program, &options, &endpoint, &folder) {
                Ok(child) => {
                    return Ok(Self {
                        program: program.clone(),
                        options,
                        endpoint,
                        child,
                        folder,
                        _directory: directory,
                    });
                }
                Err(NotReady::AddressTaken(error)) => taken = Some(error),
                Err(NotReady::Failed(error)) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| {
            LabError::new(LabErrorKind::Start, format!("start {}", program.label()))
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where it listens, as a URL: `unix:///path` or `redis://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoint.to_string()
    }

    /// The process id; another one after `restart`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The program that runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The folder it runs in, which goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        launch::log_tail(&self.folder)
    }

    /// Kills it and starts it again on the same address with the same settings: a new `run_id`, and no keys.
    ///
    /// # Errors
    /// As `start`. On TCP the port may have been taken in between; the server is gone then.
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.end()?;
        match launch::launch(&self.program, &self.options, &self.endpoint, &self.folder) {
            Ok(child) => {
                self.child = child;
                Ok(())
            }
            Err(NotReady::AddressTaken(error) | NotReady::Failed(error)) => Err(error),
        }
    }

    /// Kills it (SIGKILL) and waits for its end; its folder stays, and `restart` brings it back.
    ///
    /// # Errors
    /// `System` where the process can't be killed.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.end()
    }

    /// Stops the process where it stands: connections stay open and nothing answers.
    ///
    /// # Errors
    /// `System` where the signal can't be sent.
    pub fn pause(&self) -> Result<(), LabError> {
        self.signal("-STOP")
    }

    /// Lets a paused process go on.
    ///
    /// # Errors
    /// `System` where the signal can't be sent.
    pub fn resume(&self) -> Result<(), LabError> {
        self.signal("-CONT")
    }

    /// Kills it, waits for its end and removes its folder. `Drop` does the same and can't say that it failed.
    ///
    /// # Errors
    /// `System` where the process can't be killed.
    pub fn stop(mut self) -> Result<(), LabError> {
        self.end()
    }

    /// Kills and reaps the process; no harm if that has been done. SIGKILL also ends a paused process.
    fn end(&mut self) -> Result<(), LabError> {
        launch::end(&mut self.child).map_err(|error| launch::system("stop a server", error))
    }

    /// The `kill` program sends it, as the standard library can only kill and this workspace forbids unsafe code.
    /// The child is not reaped while we hold it, so its id can't have become somebody else's.
    fn signal(&self, signal: &str) -> Result<(), LabError> {
        let status = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| launch::system("run kill", error))?;
        if status.success() {
            Ok(())
        } else {
            Err(LabError::new(
                LabErrorKind::System,
                format!("send {signal} to server {}", self.pid()),
            )
            .because(status.to_string()))
        }
    }
}

impl Drop for OwnedServer {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure, and the one there can be is that the process is gone already.
        let _ = self.end();
    }
}
