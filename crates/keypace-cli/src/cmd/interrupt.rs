//! Ctrl-C, SIGTERM and a lost terminal, as one event that a run can wait for. Stops nothing by itself, except that a
//! second signal ends the process where a command allows it.

use std::future::Future;

use tokio::sync::watch;

use crate::exit::{Exit, Halt, io_halt};

/// What a second signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// Ends the process at once: whoever asks twice means it.
    ExitAtOnce,
    /// Nothing: the command ends by itself in a moment, and has a server to stop.
    Waits,
}

/// Whether somebody asked to stop.
#[derive(Clone)]
pub(super) struct Interrupt {
    asked: watch::Receiver<bool>,
    second: Second,
}

impl Interrupt {
    /// Listens from now on, instead of dying.
    pub(super) fn listen(second: Second) -> Result<Self, Halt> {
        let mut signals = Signals::new()
            .map_err(|error| io_halt(Exit::Incomplete, "listen for signals", &error))?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                signals.next().await;
                if ask.send_replace(true) && second == Second::ExitAtOnce {
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
            }
        });
        Ok(Self { asked, second })
    }

    /// Whether somebody has asked to stop.
    pub(super) fn has_happened(&self) -> bool {
        *self.asked.borrow()
    }

    /// What a second signal does.
    pub(super) fn second(&self) -> Second {
        self.second
    }

    /// Waits until somebody asks, or returns at once if it has happened. Cancel-safe.
    pub(super) async fn happened(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            // The listener lives as long as the runtime; without it nobody can ask.
            std::future::pending::<()>().await;
        }
    }

    /// Does `work`, unless somebody asks to stop: then the work is dropped where it stands.
    pub(super) async fn or<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            // What fails because of the same Ctrl-C is no failure of its own.
            biased;
            () = self.happened() => Err(Halt::new(
                Exit::Interrupted,
                "finish: interrupted before anything was done",
            )),
            done = work => Ok(done),
        }
    }
}

/// SIGXFSZ: a file would be longer than `ulimit -f` allows. The number of Linux, macOS and the BSDs.
#[cfg(unix)]
const FILE_TOO_LONG: i32 = 25;

/// The signals that mean *stop, and keep your place*.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Heard by nobody; but a write beyond the limit fails from now on, as on a full disk, and ends no process.
        drop(signal(SignalKind::from_raw(FILE_TOO_LONG))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Elsewhere there is Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
