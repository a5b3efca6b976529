//! One connection: bytes out, replies in, in order, each within its timeout. It belongs to one user at a time
//! and repeats nothing: a request whose reply did not come is the caller's to settle.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::dial::Stream;
use super::resp::{Decoder, Reply, encode_command};
use super::server_error;
use crate::error::{Error, ErrorKind, Result, Retry};

/// How long an answer may take, and what it means when none comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The handshake and its questions.
    Handshake,
    /// A bounded read: asking again is harmless.
    Read,
    /// A write: without a reply its outcome is unknown.
    Write,
    /// Blocks the server for as long as the keyspace is large (KEYS).
    Blocking,
}

/// The timeout of each class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) command: Duration,
    pub(crate) handshake: Duration,
    pub(crate) blocking: Duration,
}

impl Timeouts {
    pub(super) fn of(&self, class: Class) -> Duration {
        match class {
            Class::Handshake => self.handshake,
            Class::Read | Class::Write => self.command,
            Class::Blocking => self.blocking,
        }
    }
}

/// A request on its way.
#[derive(Debug, Clone, Copy)]
struct Owed {
    command: &'static str,
    class: Class,
}

/// One connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    out: Vec<u8>,
    owed: VecDeque<Owed>,
    /// Set while bytes are on their way out or a failure was seen: half a request may be on the wire.
    broken: bool,
    /// Since when the oldest reply is awaited: a dropped and repeated wait is one wait.
    awaited_since: Option<Instant>,
    timeouts: Timeouts,
    node: Arc<str>,
    /// The process at the other end, where it told.
    pub(super) run_id: Option<Bytes>,
    /// The server has said that our commands make no key young.
    pub(super) is_no_touch: bool,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, node: Arc<str>, timeouts: Timeouts) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            out: Vec::new(),
            owed: VecDeque::new(),
            broken: false,
            awaited_since: None,
            timeouts,
            node,
            run_id: None,
            is_no_touch: false,
        }
    }

    /// Queues one command; `flush` sends what is queued. `command` is its name for error texts.
    pub(crate) fn queue<A: AsRef<[u8]>>(
        &mut self,
        command: &'static str,
        class: Class,
        args: impl ExactSizeIterator<Item = A>,
    ) {
        encode_command(&mut self.out, args);
        self.owed.push_back(Owed { command, class });
    }

    /// Sends what is queued. Not cancel-safe: when dropped half-way the connection is of no more use, and says so.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.check()?;
        let class = self.owed.back().map_or(Class::Read, |owed| owed.class);
        let command = self.owed.back().map_or("", |owed| owed.command);
        self.broken = true;
        let sent = timeout(self.timeouts.of(class), async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        });
        match sent.await {
            Ok(Ok(())) => {
                self.broken = false;
                self.out.clear();
                Ok(())
            }
            Ok(Err(cause)) => Err(self.lost(command, class, &cause)),
            Err(_) => Err(self.timed_out(command, class)),
        }
    }

    /// The reply to the oldest request without one; an error reply is `Ok(Reply::Error)`. Cancel-safe: what has
    /// arrived is kept.
    pub(crate) async fn reply(&mut self) -> Result<Reply> {
        if let Some(reply) = self.arrived() {
            return reply;
        }
        self.check()?;
        let Owed { command, class } = *self.owed.front().ok_or_else(|| {
            self.failure(
                ErrorKind::Protocol,
                Retry::Never,
                "",
                "a reply was awaited that nothing asked for",
            )
        })?;
        let limit = self.timeouts.of(class);
        let deadline = *self.awaited_since.get_or_insert_with(Instant::now) + limit;
        match timeout_at(deadline, self.read()).await {
            Ok(Ok(reply)) => {
                self.awaited_since = None;
                self.owed.pop_front();
                Ok(reply)
            }
            Ok(Err(cause)) => {
                self.broken = true;
                Err(self.lost(command, class, &cause))
            }
            Err(_) => {
                self.broken = true;
                Err(self.timed_out(command, class))
            }
        }
    }

    /// The same where its bytes were read along with those of an earlier one: no clock and no socket is asked, which would
    /// cost more than a short reply itself. `None` where it has to be awaited.
    pub(crate) fn arrived(&mut self) -> Option<Result<Reply>> {
        if self.broken {
            return None;
        }
        let Owed { command, class } = *self.owed.front()?;
        loop {
            match self.decoder.next() {
                Ok(Some(Reply::Push(_))) => {}
                Ok(Some(reply)) => {
                    self.awaited_since = None;
                    self.owed.pop_front();
                    return Some(Ok(reply));
                }
                Ok(None) => return None,
                Err(cause) => {
                    self.broken = true;
                    let cause = io::Error::new(io::ErrorKind::InvalidData, cause);
                    return Some(Err(self.lost(command, class, &cause)));
                }
            }
        }
    }

    /// The same where the reply is here already; `None` where it would have to be waited for.
    pub(crate) fn reply_now(&mut self) -> Option<Result<Reply>> {
        ready(self.reply())
    }

    /// Queues, sends, and reads one command; an error reply is an `Err`. Not cancel-safe: a dropped call leaves its
    /// reply owed, and the connection is of no use to the next call, which says so.
    pub(crate) async fn call<A: AsRef<[u8]>>(
        &mut self,
        command: &'static str,
        class: Class,
        args: impl ExactSizeIterator<Item = A>,
    ) -> Result<Reply> {
        // The next reply would be taken for this command's.
        self.broken |= !self.owed.is_empty();
        self.check()?;
        self.queue(command, class, args);
        self.flush().await?;
        match self.reply().await? {
            Reply::Error(text) => Err(self.refused(command, &text)),
            reply => Ok(reply),
        }
    }

    async fn read(&mut self) -> io::Result<Reply> {
        loop {
            match self.decoder.next() {
                Ok(Some(Reply::Push(_))) => {}
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {
                    if self.stream.read_buf(self.decoder.space()).await? == 0 {
                        let torn = !self.decoder.is_between_replies();
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            if torn {
                                "the server closed the connection in mid-reply"
                            } else {
                                "the server closed the connection"
                            },
                        ));
                    }
                }
                Err(cause) => return Err(io::Error::new(io::ErrorKind::InvalidData, cause)),
            }
        }
    }

    /// Keeps no more memory than an idle connection needs.
    pub(super) fn shed(&mut self) {
        self.decoder.shed();
        self.out = Vec::new();
    }

    /// Whether it can be handed to the next user: nothing is owed and nothing has failed.
    pub(super) fn is_idle(&self) -> bool {
        !self.broken
            && self.owed.is_empty()
            && self.out.is_empty()
            && self.decoder.is_between_replies()
    }

    /// Whether the server still holds its end open, as far as can be told without asking.
    pub(super) fn is_open(&mut self) -> bool {
        let arrived = ready(self.stream.read_buf(self.decoder.space()));
        // Nobody waits for anything: bytes are a server's push, an end or an error is the end.
        // Anything but a push would be taken for the answer to the next command.
        match arrived {
            None => true,
            Some(Ok(1..)) => self.decoder.begins_with(b'>'),
            Some(_) => false,
        }
    }

    /// The process at the other end, where it told.
    pub(crate) fn run_id(&self) -> Option<&Bytes> {
        self.run_id.as_ref()
    }

    /// Whether reading leaves idle times as they are (`CLIENT NO-TOUCH`, accepted in the handshake).
    pub(crate) fn is_no_touch(&self) -> bool {
        self.is_no_touch
    }

    /// The address at the other end.
    pub(crate) fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// An error reply as an error.
    pub(crate) fn refused(&self, command: &'static str, text: &[u8]) -> Error {
        server_error::from_reply("ask the server", command, text)
            .on_node(&self.node)
            .during(format!("run {command}"))
    }

    /// A reply of another shape than the command's.
    pub(crate) fn unexpected(&self, command: &'static str) -> Error {
        self.failure(
            ErrorKind::Protocol,
            Retry::Never,
            command,
            &format!("the reply is none that {command} gives"),
        )
        .with_hint("is a proxy in between, or another service behind this address?")
    }

    fn check(&self) -> Result<()> {
        if self.broken {
            return Err(self.failure(
                ErrorKind::Disconnected,
                Retry::Reconnect,
                "",
                "the connection failed before",
            ));
        }
        Ok(())
    }

    fn failure(
        &self,
        kind: ErrorKind,
        retry: Retry,
        command: &'static str,
        context: &str,
    ) -> Error {
        let operation = if command.is_empty() {
            "use the connection".to_owned()
        } else {
            format!("run {command}")
        };
        Error::new(kind, retry, operation, context).on_node(&self.node)
    }

    fn lost(&self, command: &'static str, class: Class, cause: &io::Error) -> Error {
        if cause.kind() == io::ErrorKind::InvalidData {
            return self
                .failure(
                    ErrorKind::Protocol,
                    Retry::Never,
                    command,
                    &cause.to_string(),
                )
                .with_hint("is this a Redis or Valkey server, and does it want TLS (rediss://)?");
        }
        let error = self.failure(
            ErrorKind::Disconnected,
            advice(class),
            command,
            &cause.to_string(),
        );
        if class == Class::Handshake {
            return error
                .with_hint("is this a Redis or Valkey server, and does it want TLS (rediss://)?");
        }
        error
    }

    fn timed_out(&self, command: &'static str, class: Class) -> Error {
        let limit = self.timeouts.of(class);
        self.failure(
            ErrorKind::Timeout,
            advice(class),
            command,
            &format!("no answer within {limit:?}"),
        )
        .with_hint("the server is stalled or overloaded; --timeout allows it longer")
    }
}

/// What a future gives at once, if it does. Only for those that lose nothing when they are dropped.
fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A write without a reply may have run; anything else can be asked again.
fn advice(class: Class) -> Retry {
    match class {
        Class::Write => Retry::AskAgain,
        Class::Handshake | Class::Read | Class::Blocking => Retry::Reconnect,
    }
}
