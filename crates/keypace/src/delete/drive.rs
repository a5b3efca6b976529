//! Sends batches, several in flight, and has their answers read; asks again where an answer did not come. In a cluster,
//! where one slot's keys are a command, several commands go under one turn: a volley.

mod answers;

use std::time::Duration;

use super::command::Words;
use super::meaning::{Place, refused};
use super::plan::Confirmed;
use super::script::Check;
use super::shrink::Shrinker;
use super::state::{Batch, Piece, Pieces, Refused, Room, Settled};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Backoff, Class, Lease, Node, Paced, Removal, Reply, Turn};
use crate::select::{Ground, Guard};

/// Removes the keys it is given. Exists only where a delete was confirmed.
pub(crate) struct Deleter {
    node: Node,
    removal: Removal,
    /// The script in place of the removal alone.
    guarded: Option<Guarded>,
    /// Where removing a big value would hold everybody up, it is made small before.
    shrinker: Option<Shrinker>,
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

/// What a filtered delete sends, and what a refusal means there.
struct Guarded {
    check: Check,
    /// Another process may answer on another connection, with idle times that are not those of its clients.
    ground: Ground,
    /// Nobody has looked at the keys before: what is refused never matched.
    is_first_look: bool,
    /// The next command brings the whole text: the server has yet to hear it, or has forgotten it.
    with_text: bool,
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
        let removal = confirmed.removal();
        let shrinker = match removal {
            Removal::Unlink => None,
            Removal::Del => Some(Shrinker::new(node, &paced)),
        };
        Self {
            node: node.clone(),
            removal,
            guarded: None,
            shrinker,
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

    /// Has the server check each key against the guard and remove it in the same step. A key that is refused never
    /// matched, where this is the first look at it; otherwise it has changed since, and is skipped, as is one of another
    /// type than asked for, since its type was looked at in any case. Values are not shrunk: a key that was is not what
    /// was checked.
    pub(crate) fn guarded(mut self, guard: &Guard, is_first_look: bool) -> Self {
        self.guarded = Some(Guarded {
            check: Check::new(guard, self.removal),
            ground: Ground::new(&self.node, guard),
            is_first_look,
            with_text: true,
        });
        self.shrinker = None;
        self.pieces = Pieces::cut_to(limits::MAX_CHECKED_KEYS);
        self
    }

    /// Takes a batch; `run` sends it.
    pub(crate) fn push(&mut self, batch: Batch) {
        match &mut self.shrinker {
            Some(shrinker) => shrinker.push(batch, false),
            None => self.pieces.push(batch),
        }
    }

    /// Takes keys that an earlier deleter sent and had no answer for.
    pub(crate) fn push_again(&mut self, batch: Batch) {
        match &mut self.shrinker {
            Some(shrinker) => shrinker.push(batch, true),
            None => self.pieces.push_again(batch),
        }
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
            if let Err(error) = self.shrink().await {
                if is_final(&error) {
                    return self.stop(error).await;
                }
                // Its connection was its own: what is on its way is not lost with it.
                self.obstacle = Some(error);
                continue;
            }
            if let Err(error) = self.step(until).await {
                if is_final(&error) {
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

    /// What has no outcome yet, on its way or still to be sent.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.open()
    }

    /// Whether batches wait to be sent.
    pub(crate) fn has_waiting(&self) -> bool {
        self.pieces.has_waiting() || self.is_shrinking()
    }

    fn is_shrinking(&self) -> bool {
        (self.shrinker.as_ref()).is_some_and(|shrinker| !shrinker.is_empty())
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
        for ready in self.shrinker.iter_mut().flat_map(Shrinker::take_all) {
            self.pieces.push_ready(ready);
        }
        self.settled.extend(self.pieces.give_up(refused));
    }

    fn is_done(&self, until: Until) -> bool {
        match until {
            // Under a budget nothing is sent behind it, so nothing is gained by leaving it there.
            Until::Sent if self.paced.is_bounded() => {
                self.pieces.is_empty() && !self.is_shrinking()
            }
            Until::Sent => !self.has_waiting(),
            Until::Settled => self.pieces.is_empty() && !self.is_shrinking(),
        }
    }

    /// The next batch whose values are small enough to be removed is ready to be sent.
    async fn shrink(&mut self) -> Result<()> {
        let Some(shrinker) = &mut self.shrinker else {
            return Ok(());
        };
        if !self.pieces.has_waiting()
            && let Some(ready) = shrinker.next().await?
        {
            self.pieces.push_ready(ready);
        }
        Ok(())
    }

    /// Sends what may be sent, then reads answers until more may be sent.
    async fn step(&mut self, until: Until) -> Result<()> {
        if self.lease.is_none() {
            let mut lease = self.node.lease().await?;
            if let Some(guarded) = &mut self.guarded {
                guarded.ground.hold(&mut lease, &self.paced).await?;
                guarded.check.on(lease.is_no_touch());
            }
            self.lease = Some(lease);
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
            self.answered(reply, false)?;
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
        let command = self.command();
        let (Some(lease), Some(piece)) = (self.lease.as_mut(), self.pieces.send_next(room)) else {
            return false;
        };
        let mut digits = [0; 20];
        let words = match &mut self.guarded {
            Some(guarded) => {
                let with_text = std::mem::take(&mut guarded.with_text);
                Words::script(with_text, piece.keys(), guarded.check.args(), &mut digits)
            }
            None => Words::plain(self.removal, piece.keys()),
        };
        lease.queue(command, Class::Write, words);
        true
    }

    fn kind(&self) -> QueryKind {
        match (&self.guarded, self.removal) {
            (Some(_), _) => QueryKind::Check,
            (None, Removal::Unlink) => QueryKind::Unlink,
            (None, Removal::Del) => QueryKind::Del,
        }
    }

    /// The command's name, for error texts.
    fn command(&self) -> &'static str {
        match self.guarded {
            Some(_) => "EVALSHA",
            None => self.removal.command(),
        }
    }
}

/// Whether no other try is of use.
fn is_final(error: &Error) -> bool {
    error.retry() == Retry::Never && error.kind() != ErrorKind::Protocol
}

impl Volley {
    /// One of its commands, of so many keys, was answered. Tells the pace when something was done and the last answer
    /// is in; `None` from then on.
    fn answered(mut self, reply: &Reply, asked: usize, more: bool) -> Option<Self> {
        if matches!(reply, Reply::Int(_) | Reply::Bulk(_)) {
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
