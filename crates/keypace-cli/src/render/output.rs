//! Stdout behind a thread: a slow reader slows the walk, and never blocks the runtime that holds connections and
//! signals. Writes bytes as they are; knows no format.

use std::io::{ErrorKind, Write as _};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::exit::{Exit, Halt, io_halt};

/// Pages on their way to the reader: one being written, one ready, one being made. More would only be memory.
const PENDING_PAGES: usize = 2;

/// The reader is gone, or stdout failed: [`Output::finish`] knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// How the writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Everything is out.
    All,
    /// The reader closed the pipe: it has what it wanted.
    ReaderGone,
}

enum Piece {
    Bytes(Vec<u8>),
    /// Answered once everything before it is out.
    Settle(oneshot::Sender<()>),
}

/// Columns of the terminal that stdout is, or of a page where it is none.
pub(crate) fn columns() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(super::wrap::PAGE_COLUMNS, |(_, columns)| {
        usize::from(columns)
    })
}

/// Stdout.
pub(crate) struct Output {
    pieces: mpsc::Sender<Piece>,
    ended: oneshot::Receiver<std::io::Result<()>>,
}

impl Output {
    /// Starts the thread.
    pub(crate) fn stdout() -> Result<Self, Halt> {
        let (pieces, mut queue) = mpsc::channel(PENDING_PAGES);
        let (tell, ended) = oneshot::channel();
        thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                // The queue goes with the thread, so that senders learn of a failure at once.
                let result = write_all(&mut queue);
                drop(queue);
                let _ = tell.send(result);
            })
            .map_err(|error| io_halt(Exit::Incomplete, "start a thread", &error))?;
        Ok(Self { pieces, ended })
    }

    /// Hands bytes on, waiting while the reader is behind. Cancel-safe: bytes that were not handed on are dropped.
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Result<(), Closed> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = self.pieces.send(Piece::Bytes(bytes)).await;
        sent.map_err(|_| Closed)
    }

    /// Waits until everything that was handed on is out.
    pub(crate) async fn settle(&self) -> Result<(), Closed> {
        let (tell, told) = oneshot::channel();
        self.pieces
            .send(Piece::Settle(tell))
            .await
            .map_err(|_| Closed)?;
        told.await.map_err(|_| Closed)
    }

    /// Waits for the end of the writing and says how it went.
    pub(crate) async fn finish(self) -> Result<Written, Halt> {
        drop(self.pieces);
        match self.ended.await {
            Ok(Ok(())) => Ok(Written::All),
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Written::ReaderGone),
            Ok(Err(error)) => Err(io_halt(Exit::Incomplete, "write the output", &error)),
            Err(_) => Err(Halt::new(
                Exit::Incomplete,
                "write the output: its thread ended",
            )),
        }
    }
}

fn write_all(queue: &mut mpsc::Receiver<Piece>) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    while let Some(piece) = queue.blocking_recv() {
        match piece {
            Piece::Bytes(bytes) => stdout.write_all(&bytes)?,
            Piece::Settle(tell) => {
                stdout.flush()?;
                // Whoever asked may have been cancelled.
                let _ = tell.send(());
            }
        }
    }
    stdout.flush()
}
