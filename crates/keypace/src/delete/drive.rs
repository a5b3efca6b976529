//! Sends batches, several in flight, and reads their answers; asks again where an answer did not come. In a cluster,
//! where one slot's keys are a command, several commands go under one turn: a volley.

use std::time::Duration;

use super::meaning::{Meaning, Place, refused};
use super::plan::Confirmed;
use super::state::{Answer, Batch, Pieces, Refused, Room, Settled};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::key::Key;
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Backoff, Class, Lease, Node, Paced, Removal, Reply, Turn};

/// Removes the keys it is given. Exists only where a delete was confirmed.
pub(crate) struct Deleter {
    node: Node,
    removal: Removal,
    place: Place,
    /// What may be on its way at full speed.
    full: Room,
    lease: Option<Lease>,
    backoff: Backoff,
    pieces: Pieces,
    settled: Vec<Settled>,
    /// What has to be waited for before anything is sent again.
    obstacle: Option<Error>,
    /// Going on was of no use: nothing is sent any more.
    has_given_up: bool,
    waited: Duration,
    paced: Paced,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Everything is on its way.
    Sent,
    /// Everything is answered.
    Settled,
}

/// The turn that commands were sent under, and what came of them.
struct Volley {
    turn: Turn,
    /// Keys that the server looked for.
    keys: u32,
}

impl Deleter {
    /// For a server that has all the keys. Sends nothing yet.
    pub(crate) fn new(node: &Node, confirmed: &Confirmed, paced: Paced) -> Self {
        let full = Room::batches();
        let place = if node.is_watched() {
            Place::Watched
        } else {
            Place::Alone
        };
        Self::sending(node, confirmed, paced, place, full)
    }

    /// For one primary of a cluster: each batch holds keys of one slot, and of so many keys at most. Keys that are
    /// on another node by now are settled as elsewhere. Sends nothing yet.
    pub(crate) fn in_cluster(
        node: &Node,
        confirmed: &Confirmed,
        paced: Paced,
        batch: usize,
    ) -> Self {
        let full = Room::slots(batch);
        Self::sending(node, confirmed, paced, Place::Cluster, full)
    }

    fn sending(node: &Node, confirmed: &Confirmed, paced: Paced, place: Place, full: Room) -> Self {
        Self {
            node: node.clone(),
            removal: confirmed.removal(),
            place,
            full,
            lease: None,
            backoff: node.backoff(),
            pieces: Pieces::default(),
            settled: Vec::new(),
            obstacle: None,
            has_given_up: false,
            waited: Duration::ZERO,
            paced,
        }
    }

    /// Takes a batch; `run` sends it.
    pub(crate) fn push(&mut self, batch: Batch) {
        self.pieces.push(batch);
    }

    /// Takes keys that an earlier deleter sent and had no answer for.
    pub(crate) fn push_again(&mut self, batch: Batch) {
        self.pieces.push_again(batch);
    }

    /// Sends what was pushed, as much at once as there is `Room` for, and reads answers. Cancel-safe: the next call
    /// goes on, and a batch that was half-way out counts as one whose reply did not come.
    ///
    /// # Errors
    /// What makes going on useless, after as many tries as the options allow. Batches that were sent without an
    /// answer are unknown then; `take_settled` has them.
    pub(crate) async fn run(&mut self, until: Until) -> Result<()> {
        loop {
            if let Some(error) = self.obstacle.take() {
                let refused = refused(&error, None);
                match self.backoff.pause(error).await {
                    Ok(waited) => self.waited += waited,
                    Err(error) => {
                        self.lease = None;
                        self.give_up(&refused);
                        return Err(error);
                    }
                }
            }
            if self.is_done(until) {
                return Ok(());
            }
            if let Err(error) = self.step(until).await {
                if error.retry() == Retry::Never && error.kind() != ErrorKind::Protocol {
                    return self.stop(error).await;
                }
                self.lease = None;
                self.node.forget_idle();
                self.pieces.lost();
                self.obstacle = Some(error);
            }
        }
    }

    /// What came to its end since the last call.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// Whether batches wait to be sent.
    pub(crate) fn has_waiting(&self) -> bool {
        self.pieces.has_waiting()
    }

    /// Time spent waiting to try again.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Whether `run` has failed for good.
    pub(crate) fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    fn give_up(&mut self, refused: &Refused) {
        self.has_given_up = true;
        self.settled.extend(self.pieces.give_up(refused));
    }

    fn is_done(&self, until: Until) -> bool {
        match until {
            // Under a budget nothing is sent behind it, so nothing is gained by leaving it there.
            Until::Sent if self.paced.is_bounded() => self.pieces.is_empty(),
            Until::Sent => !self.pieces.has_waiting(),
            Until::Settled => self.pieces.is_empty(),
        }
    }

    /// Sends what may be sent, then reads answers until more may be sent.
    async fn step(&mut self, until: Until) -> Result<()> {
        if self.lease.is_none() {
            self.lease = Some(self.node.lease().await?);
        }
        let mut volley = None;
        if !self.paced.is_bounded() {
            while self.send(self.full) {}
        } else if !self.pieces.is_flying() && self.pieces.has_waiting() {
            let mut turn = self.paced.turn(self.kind()).await;
            turn.begin();
            let room = self.room_under(&turn);
            while self.send(room) {}
            volley = Some(Volley { turn, keys: 0 });
        }
        let Some(lease) = self.lease.as_mut() else {
            return Ok(());
        };
        lease.flush().await?;
        while self.pieces.is_flying() {
            let is_done = self.is_done(until);
            let Some(lease) = self.lease.as_mut() else {
                return Ok(());
            };
            let reply = if is_done {
                // Nothing needs to be waited for, but what is there already need not wait either.
                match lease.reply_now() {
                    Some(reply) => reply?,
                    None => return Ok(()),
                }
            } else {
                self.paced.beside(lease.reply()).await?
            };
            let (asked, more) = (self.pieces.asked(), self.pieces.flying() > 1);
            volley = volley.and_then(|volley| volley.answered(&reply, asked, more));
            self.answered(reply)?;
            // What is in flight met the same obstacle: all of it is heard before one wait, so that one incident
            // costs one try and not one for each batch. And a turn is over when all of its volley is answered.
            if self.obstacle.is_none() && volley.is_none() && self.pieces.can_send(self.full) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn room_under(&self, turn: &Turn) -> Room {
        let keys = turn.units() as usize;
        match self.place {
            Place::Alone | Place::Watched => Room::one(keys),
            Place::Cluster => Room::volley(keys),
        }
    }

    /// Queues the next command, if there is room for it.
    fn send(&mut self, room: Room) -> bool {
        let (Some(lease), Some(piece)) = (self.lease.as_mut(), self.pieces.send_next(room)) else {
            return false;
        };
        let command = self.removal.command();
        let args = Args {
            command,
            keys: piece.keys(),
            at: 0,
        };
        lease.queue(command, Class::Write, args);
        true
    }

    fn kind(&self) -> QueryKind {
        match self.removal {
            Removal::Unlink => QueryKind::Unlink,
            Removal::Del => QueryKind::Del,
        }
    }

    fn answered(&mut self, reply: Reply) -> Result<()> {
        let Some(lease) = self.lease.as_ref() else {
            return Ok(());
        };
        let command = self.removal.command();
        let answer = match reply {
            Reply::Int(removed) => match self.pieces.checked(removed) {
                Some(removed) => Answer::Removed(removed),
                None => return Err(lease.unexpected(command)),
            },
            Reply::Error(text) => {
                let error = lease.refused(command, &text).during("delete keys");
                match Meaning::of(&text, &error, self.place) {
                    Meaning::Torn if self.pieces.asked() > 1 => Answer::Torn,
                    Meaning::Later | Meaning::Torn => {
                        self.obstacle = Some(error);
                        Answer::Later
                    }
                    Meaning::Elsewhere => Answer::Elsewhere,
                    // Asked again where the Sentinels point by then; nothing was removed here.
                    Meaning::Replaced => return Err(replaced(&self.node).with_source(error)),
                    Meaning::Keys => Answer::Keys(refused(&error, None)),
                    Meaning::Never => {
                        self.settled
                            .extend(self.pieces.answered(Answer::Never(refused(&error, None))));
                        return Err(error);
                    }
                }
            }
            _ => return Err(lease.unexpected(command)),
        };
        if matches!(answer, Answer::Removed(_)) {
            self.backoff = self.node.backoff();
        }
        self.settled.extend(self.pieces.answered(answer));
        if self.pieces.is_hopeless() {
            return Err(Error::new(
                ErrorKind::Permission,
                Retry::Never,
                "delete keys",
                format!(
                    "{} keys failed one after the other, and none was removed",
                    limits::MAX_FAILED_IN_A_ROW
                ),
            )
            .on_node(self.node.name())
            .with_hint(
                "see the errors for the reason: the user's key patterns may not cover these keys",
            ));
        }
        Ok(())
    }

    /// Nothing more will pass: reads what is still to come for batches on their way, then gives up.
    async fn stop(&mut self, error: Error) -> Result<()> {
        let command = self.removal.command();
        while let Some(lease) = self.lease.as_mut().filter(|_| self.pieces.is_flying()) {
            let answer = match lease.reply().await {
                Ok(Reply::Int(removed)) => match self.pieces.checked(removed) {
                    Some(removed) => Answer::Removed(removed),
                    None => break,
                },
                Ok(Reply::Error(text)) => {
                    let error = lease.refused(command, &text).during("delete keys");
                    match Meaning::of(&text, &error, self.place) {
                        Meaning::Elsewhere => Answer::Elsewhere,
                        Meaning::Later
                        | Meaning::Torn
                        | Meaning::Replaced
                        | Meaning::Keys
                        | Meaning::Never => Answer::Never(refused(&error, None)),
                    }
                }
                Ok(_) | Err(_) => break,
            };
            self.settled.extend(self.pieces.answered(answer));
        }
        self.lease = None;
        self.give_up(&refused(&error, None));
        Err(error)
    }
}

fn replaced(node: &Node) -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        Retry::Reconnect,
        "delete keys",
        "the server is a replica by now",
    )
    .on_node(node.name())
}

impl Volley {
    /// One of its commands, of so many keys, was answered. Tells the pace when something was done and the last answer
    /// is in; `None` from then on.
    fn answered(mut self, reply: &Reply, asked: usize, more: bool) -> Option<Self> {
        if matches!(reply, Reply::Int(_)) {
            let asked = u32::try_from(asked).unwrap_or(u32::MAX);
            self.keys = self.keys.saturating_add(asked);
        }
        if more {
            return Some(self);
        }
        if self.keys > 0 {
            self.turn.done(self.keys);
        }
        None
    }
}

/// A command's name and its keys, without a list of their own.
struct Args<'a> {
    command: &'static str,
    keys: &'a [Key],
    at: usize,
}

impl<'a> Iterator for Args<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let arg = match self.at {
            0 => Some(self.command.as_bytes()),
            at => self.keys.get(at - 1).map(Key::as_bytes),
        };
        self.at += 1;
        arg
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.keys.len() + 1).saturating_sub(self.at);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Args<'_> {}
