//! A client that keeps a server as busy as it can be: what an application at its peak is to a job beside it.
//! Must not write any key but its own few, and must not outlive its owner.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::endpoint::{Endpoint, Stream};
use crate::error::{LabError, LabErrorKind};
use crate::limits;
use crate::raw::{Raw, broken, encode, lost};

/// What the names of its keys begin with. Each connection has one, which stays when the load ends.
const KEY_PREFIX: &str = "keypace:load:";
/// More connections than this only add switches between threads: a handful keeps a server busy.
const MAX_CONNECTIONS: usize = 64;
/// A GET and a SET each: as many as applications pipeline, and a batch holds the server for some 0.1 ms.
const BATCH_PAIRS: usize = 50;
/// A small session, as the seeded ones.
const VALUE_BYTES: usize = 100;
/// Enough of a wrong answer to see what it is.
const SHOWN_BYTES: usize = 80;

/// Connections that send pipelined batches of GET and SET back to back: while one batch is carried out, each has the
/// next one on its way, so the server always finds work.
///
/// Dropped, it ends by itself after the batches that are out; `stop` waits for that and says whether all connections
/// lived until then.
#[derive(Debug)]
pub struct Saturate {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<(), LabError>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
}

impl Saturate {
    /// Connects `connections` times, which is held within 1 and 64, and begins.
    ///
    /// # Errors
    /// `Connection` where nobody listens there, `Refused` where its keys can't be written, `System` where no thread
    /// can be had.
    pub fn start(endpoint: &Endpoint, connections: usize) -> Result<Self, LabError> {
        // Owned from the first thread on, so that a failure ends those that run already.
        let mut load = Self {
            shared: Arc::new(Shared::default()),
            threads: Vec::new(),
        };
        for number in 0..connections.clamp(1, MAX_CONNECTIONS) {
            let key = format!("{KEY_PREFIX}{number}");
            let batch = Batch::new(key.as_bytes());
            let written = [b"SET".as_slice(), key.as_bytes(), &batch.value];
            Raw::connect(endpoint)?.command(&written)?.checked()?;
            let stream = Stream::connect(endpoint, limits::REPLY_TIMEOUT).map_err(|error| {
                LabError::new(LabErrorKind::Connection, format!("connect to {endpoint}"))
                    .because(error)
            })?;
            let shared = Arc::clone(&load.shared);
            let thread = thread::Builder::new()
                .name(format!("keypace-load-{number}"))
                .spawn(move || send_until_stopped(stream, &batch, &shared))
                .map_err(|error| {
                    LabError::new(LabErrorKind::System, "start a load").because(error)
                })?;
            load.threads.push(thread);
        }
        Ok(load)
    }

    /// How many commands were answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Whether all connections still send. `stop` says why one doesn't.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }

    /// Ends it and returns how many commands were answered.
    ///
    /// # Errors
    /// What ended a connection early, if something did: the load was smaller than it should have been.
    pub fn stop(mut self) -> Result<u64, LabError> {
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_else(|_| {
                Err(LabError::new(LabErrorKind::System, "run a load")
                    .because("a thread of it panicked"))
            })?;
        }
        Ok(self.answered())
    }
}

impl Drop for Saturate {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

/// What one connection sends again and again, and the one answer that there is to it. Both are made once: the load
/// runs on the server's own machine and should take none of its time to think.
#[derive(Debug)]
struct Batch {
    value: Vec<u8>,
    wire: Vec<u8>,
    answer: Vec<u8>,
}

impl Batch {
    fn new(key: &[u8]) -> Self {
        let value = vec![b'v'; VALUE_BYTES];
        let mut wire = Vec::new();
        let mut answer = Vec::new();
        for _ in 0..BATCH_PAIRS {
            encode(&mut wire, &[b"GET", key]);
            encode(&mut wire, &[b"SET", key, &value]);
            answer.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
            answer.extend_from_slice(&value);
            answer.extend_from_slice(b"\r\n+OK\r\n");
        }
        Self {
            value,
            wire,
            answer,
        }
    }

    fn commands() -> u64 {
        2 * BATCH_PAIRS as u64
    }
}

/// Two batches are out at any time, so that the server has one while the answer to the other is on its way.
fn send_until_stopped(mut stream: Stream, batch: &Batch, shared: &Shared) -> Result<(), LabError> {
    let mut buffer = vec![0; limits::READ_BUFFER_BYTES];
    send(&mut stream, batch)?;
    while !shared.stop.load(Ordering::Acquire) {
        send(&mut stream, batch)?;
        hear(&mut stream, batch, &mut buffer)?;
        shared
            .answered
            .fetch_add(Batch::commands(), Ordering::Relaxed);
    }
    hear(&mut stream, batch, &mut buffer)?;
    shared
        .answered
        .fetch_add(Batch::commands(), Ordering::Relaxed);
    Ok(())
}

fn send(stream: &mut Stream, batch: &Batch) -> Result<(), LabError> {
    stream
        .write_all(&batch.wire)
        .map_err(|error| lost("send a batch", error))
}

/// Reads one answer, and holds each part against what it must be as it comes: an error reply has another length, and
/// waiting for the rest of it would be waiting for ever.
fn hear(stream: &mut impl Read, batch: &Batch, buffer: &mut [u8]) -> Result<(), LabError> {
    let mut heard = 0;
    while heard < batch.answer.len() {
        let wanted = buffer.len().min(batch.answer.len() - heard);
        let read = stream
            .read(&mut buffer[..wanted])
            .map_err(|error| lost("read an answer", error))?;
        if read == 0 {
            return Err(lost(
                "read an answer",
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        if buffer[..read] != batch.answer[heard..heard + read] {
            let shown = String::from_utf8_lossy(&buffer[..read.min(SHOWN_BYTES)]);
            return Err(broken(format!("another answer to GET or SET: {shown:?}")));
        }
        heard += read;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use super::Saturate;
    use super::hear;
    use crate::LabErrorKind;
    use crate::OwnedServer;
    use crate::Program;
    use crate::Raw;
    use crate::ServerOptions;
    use std::time::{Duration, Instant};

    #[test]
    fn only_the_right_answer_is_an_answer() {
        let batch = Batch::new(b"k");
        // Smaller than an answer, so that it comes in parts.
        let mut buffer = [0; 100];
        assert!(hear(&mut batch.answer.as_slice(), &batch, &mut buffer).is_ok());

        let mut refused = batch.answer.clone();
        let tail = refused.len() - 5;
        refused.splice(tail.., *b"-OOM no\r\n");
        let error = hear(&mut refused.as_slice(), &batch, &mut buffer).expect_err("an error reply");
        assert_eq!(error.kind(), LabErrorKind::Reply);

        let torn = &batch.answer[..batch.answer.len() - 1];
        let error = hear(&mut &*torn, &batch, &mut buffer).expect_err("a torn answer");
        assert_eq!(error.kind(), LabErrorKind::Connection);
    }

    /// Runs `check` with a fresh server of every program.
    fn with_each(check: impl Fn(&mut OwnedServer)) {
        Program::find().expect("a server program");
        for program in Program::all() {
            let mut server =
                OwnedServer::start(&program, ServerOptions::default()).expect("a server");
            check(&mut server);
            server.stop().expect("a stopped server");
        }
    }

    /// Far more than anything here takes, on a loaded machine too.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn await_that(what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?}: {what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_load_is_answered_and_writes_its_own_keys_only() {
        with_each(|server| {
            let load = Saturate::start(server.endpoint(), 3).expect("a load");
            await_that("too few are answered", || load.answered() >= 10_000);
            assert!(load.is_alive());
            let answered = load.stop().expect("it lived");
            assert!(answered >= 10_000, "{answered}");

            let mut raw = Raw::connect(server.endpoint()).expect("a connection");
            let keys = raw.command(&[b"DBSIZE"]).expect("a reply").int();
            assert_eq!(keys, Some(3));
            let stats = raw.info("commandstats").expect("statistics");
            let gets = stats.get("cmdstat_get").expect("GETs");
            let sent = format!("calls={},", answered / 2);
            assert!(gets.starts_with(&sent), "{gets}, not {sent}");
        });
    }

    #[test]
    fn a_load_that_lost_its_server_says_so() {
        with_each(|server| {
            let load = Saturate::start(server.endpoint(), 2).expect("a load");
            await_that("none is answered", || load.answered() > 0);
            server.restart().expect("a restart");
            await_that("it still sends", || !load.is_alive());
            let error = load.stop().expect_err("its connections were cut");
            assert_eq!(error.kind(), LabErrorKind::Connection);
        });
    }
}
