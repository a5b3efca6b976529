//! The canary: a connection that does nothing but PING, about 100 times a second, and so waits as other clients do.
//! It is looked after by whoever waits for the server anyway; nothing runs beside. Judges nothing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Class, Connection};
use super::resp::Reply;
use crate::error::{Error, Result};
use crate::limits;

/// A connection that is being opened.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

/// The canary's connection, and what is on its way on it.
pub(super) struct Canary {
    state: State,
    /// When it sings next, or when another connection is tried.
    due: Instant,
    /// Its answer was not there yet when somebody last looked.
    seen: Instant,
}

enum State {
    Closed,
    Opening(Opening),
    Idle(Connection),
    Singing(Connection, Instant),
}

impl Canary {
    /// Opens nothing before this time.
    pub(super) fn new(due: Instant) -> Self {
        Self {
            state: State::Closed,
            due,
            seen: due,
        }
    }

    /// When it wants to be looked after next, if nothing arrives before.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Closes it, and opens nothing before this time.
    pub(super) fn close(&mut self, due: Instant) {
        *self = Self::new(due);
    }

    /// Does what can be done without waiting: opens, sings, hears. Gives how long an answer took. `was_watched` where
    /// the caller has been waiting since it last looked, and is woken by an answer.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        was_watched: bool,
        open: impl FnOnce() -> Opening,
    ) -> Option<Duration> {
        let now = Instant::now();
        if was_watched {
            self.seen = now;
        }
        let mut heard = None;
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed if now >= self.due => self.opening(open(), cx),
            State::Closed => State::Closed,
            State::Opening(opening) => self.opening(opening, cx),
            State::Idle(connection) => State::Idle(connection),
            State::Singing(connection, sent) => self.hear(connection, sent, cx, &mut heard),
        };
        if now >= self.due && matches!(self.state, State::Idle(_)) {
            self.state = match std::mem::replace(&mut self.state, State::Closed) {
                State::Idle(connection) => self.sing(connection, cx, &mut heard),
                other => other,
            };
        }
        heard
    }

    fn opening(&mut self, mut opening: Opening, cx: &mut Context<'_>) -> State {
        match opening.as_mut().poll(cx) {
            Poll::Pending => State::Opening(opening),
            Poll::Ready(Ok(connection)) => State::Idle(connection),
            Poll::Ready(Err(error)) => self.fallen_silent(&error),
        }
    }

    fn sing(
        &mut self,
        mut connection: Connection,
        cx: &mut Context<'_>,
        heard: &mut Option<Duration>,
    ) -> State {
        connection.queue("PING", Class::Read, ["PING"].iter());
        let sent = Instant::now();
        self.due = sent + limits::CANARY_INTERVAL;
        self.seen = sent;
        // A few bytes on a connection with nothing on its way: where they can't go at once it is of no use.
        let flushed = pin!(connection.flush()).poll(cx);
        match flushed {
            Poll::Ready(Ok(())) => self.hear(connection, sent, cx, heard),
            Poll::Ready(Err(error)) => self.fallen_silent(&error),
            Poll::Pending => self.closed(),
        }
    }

    fn hear(
        &mut self,
        mut connection: Connection,
        sent: Instant,
        cx: &mut Context<'_>,
        heard: &mut Option<Duration>,
    ) -> State {
        let reply = pin!(connection.reply()).poll(cx);
        let now = Instant::now();
        match reply {
            Poll::Pending => {
                self.seen = now;
                State::Singing(connection, sent)
            }
            Poll::Ready(Ok(Reply::Error(text))) => {
                let error = connection.refused("PING", &text);
                self.fallen_silent(&error)
            }
            Poll::Ready(Ok(_)) => {
                // Where nobody looked for a while, it may have been there all the time.
                let wait = now.saturating_duration_since(sent);
                let unseen = now.saturating_duration_since(self.seen);
                if unseen <= limits::CANARY_UNSEEN_MAX.max(wait / 4) {
                    *heard = Some(wait);
                }
                State::Idle(connection)
            }
            Poll::Ready(Err(error)) => self.fallen_silent(&error),
        }
    }

    fn fallen_silent(&mut self, error: &Error) -> State {
        tracing::debug!(%error, "the canary fell silent");
        self.closed()
    }

    fn closed(&mut self) -> State {
        self.due = Instant::now() + limits::CANARY_REOPEN_PAUSE;
        State::Closed
    }

    /// Takes the connection out, for a question of one's own; with when it last sang, where an answer is still to
    /// come. `None` where there is no connection.
    pub(super) fn take(&mut self) -> Option<(Connection, Option<Instant>)> {
        let taken = match std::mem::replace(&mut self.state, State::Closed) {
            State::Idle(connection) => (connection, None),
            State::Singing(connection, sent) => (connection, Some(sent)),
            other => {
                self.state = other;
                return None;
            }
        };
        // Meanwhile nobody opens another one; where it never comes back, somebody does after that.
        self.due = Instant::now() + limits::CANARY_TIMEOUT;
        Some(taken)
    }

    /// Gives it back.
    pub(super) fn put(&mut self, connection: Connection) {
        self.state = State::Idle(connection);
        self.due = Instant::now() + limits::CANARY_INTERVAL;
    }
}
