//! Brings records to one node: several in flight at full speed, one turn's worth under a budget. Asks again where an
//! answer did not come; knows no other node.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::drive::Common;
use super::options::Existing;
use super::state::{Answer, Fate, Parcel, Place, answer};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::{Backoff, Class, Lease, Node, Paced, Reply};
use crate::report::PauseReason;

const RESTORE: &str = "RESTORE";

/// One node's.
pub(super) struct Courier {
    pub(super) node: Node,
    pub(super) paced: Paced,
    place: Place,
    lease: Option<Lease>,
    /// The server's time in milliseconds, and when it was told.
    clock: Option<(u64, Instant)>,
    /// The server doesn't know ABSTTL (before 5.0), or no option at all (before 3.0).
    is_relative: bool,
    backoff: Backoff,
    obstacle: Option<Error>,
    /// Nothing more will pass. What is on its way is heard first: an answer is no unknown outcome.
    refusal: Option<Error>,
    pub(super) waited: Duration,
    pub(super) waiting: VecDeque<Parcel>,
    flying: VecDeque<Parcel>,
    /// What came to its end.
    pub(super) ended: Vec<(Parcel, Fate)>,
    /// What is another node's.
    pub(super) elsewhere: Vec<Parcel>,
    /// Records that came to their end here.
    pub(super) matched: u64,
    pub(super) restored: u64,
}

impl Courier {
    fn end(&mut self, parcel: Parcel, fate: Fate) {
        self.matched += 1;
        self.restored += u64::from(matches!(fate, Fate::Restored));
        self.ended.push((parcel, fate));
    }

    pub(super) fn new(node: &Node, paced: Paced, place: Place) -> Self {
        Self {
            node: node.clone(),
            paced,
            place,
            lease: None,
            clock: None,
            is_relative: false,
            backoff: node.backoff(),
            obstacle: None,
            refusal: None,
            waited: Duration::ZERO,
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
            ended: Vec::new(),
            elsewhere: Vec::new(),
            matched: 0,
            restored: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }

    /// Whether records are on their way whose answer is not known.
    pub(super) fn is_flying(&self) -> bool {
        !self.flying.is_empty()
    }

    /// Until nothing waits and nothing is on its way, or the work was stopped and what was sent is answered.
    /// Cancel-safe: the next call goes on.
    pub(super) async fn run(&mut self, common: &Common) -> Result<()> {
        loop {
            if let Some(error) = self.obstacle.take() {
                match self.backoff.pause(error).await {
                    Ok(waited) => self.waited += waited,
                    Err(error) => return self.give_up(error),
                }
            }
            if self.is_idle() || self.flying.is_empty() && common.stop.is_stopped() {
                return Ok(());
            }
            if let Err(error) = self.step(common).await {
                self.lease = None;
                self.node.forget_idle();
                self.lost();
                if error.retry() == Retry::Never && error.kind() != ErrorKind::Protocol {
                    return self.give_up(error);
                }
                self.obstacle = Some(error);
            }
        }
    }

    /// What was on its way may have been done, and is sent again.
    fn lost(&mut self) {
        while let Some(mut parcel) = self.flying.pop_back() {
            parcel.was_sent = true;
            self.waiting.push_front(parcel);
        }
    }

    /// In a cluster another node may have taken over; elsewhere nothing more will pass.
    fn give_up(&mut self, error: Error) -> Result<()> {
        self.lost();
        self.backoff = self.node.backoff();
        let is_gone = matches!(
            error.retry(),
            Retry::Reconnect | Retry::AskAgain | Retry::Redirect
        );
        if self.place == Place::Cluster && is_gone {
            for mut parcel in self.waiting.drain(..) {
                parcel.rounds += limits::ROUNDS_PER_LOST_NODE;
                parcel.asked_at = None;
                self.elsewhere.push(parcel);
            }
            return Ok(());
        }
        for parcel in std::mem::take(&mut self.waiting) {
            // What was never sent is not counted: the run is incomplete.
            if parcel.was_sent {
                let fate = Fate::Failed(error.kind(), error.to_string());
                self.end(parcel, fate);
            }
        }
        Err(error)
    }

    async fn step(&mut self, common: &Common) -> Result<()> {
        if self.lease.is_none() {
            self.lease = Some(self.node.lease().await?);
        }
        let mut turn = None;
        let (mut keys, mut kib) = (0, 0);
        if self.flying.is_empty() {
            if let Some(error) = self.refusal.take() {
                return Err(error);
            }
            let now_ms = self.now_ms().await?;
            let mut room = limits::RESTORE_VOLLEY_KIB;
            if self.paced.is_bounded() {
                let mut begun = self.paced.turn(QueryKind::Restore).await;
                room = begun.units();
                begun.begin();
                turn = Some(begun);
            }
            (keys, kib) = self.queue(room, now_ms, common);
        }
        let Some(lease) = self.lease.as_mut() else {
            return Ok(());
        };
        lease.flush().await?;
        while let Some(parcel) = self.flying.front() {
            let is_asking = parcel.asked_at.is_some();
            let Some(lease) = self.lease.as_mut() else {
                return Ok(());
            };
            let mut reply = self.paced.beside(lease.reply()).await?;
            if is_asking {
                // That was the answer to ASKING. Were this dropped here, the two would be taken for each other.
                if let Some(parcel) = self.flying.front_mut() {
                    parcel.asked_at = None;
                }
                let Some(lease) = self.lease.as_mut() else {
                    return Ok(());
                };
                reply = self.paced.beside(lease.reply()).await?;
            }
            if let Some(parcel) = self.flying.pop_front() {
                self.answered(parcel, &reply, common)?;
            }
        }
        if let Some(turn) = turn.filter(|_| keys > 0) {
            turn.done(kib);
        }
        self.keep_rate(keys, common).await;
        Ok(())
    }

    /// Queues as many as there is room for, and one at least. How many keys and KiB they are.
    fn queue(&mut self, room_kib: u32, now_ms: u64, common: &Common) -> (u64, u32) {
        let (mut keys, mut kib) = (0, 0_u32);
        while let Some(parcel) = self.waiting.front() {
            let is_full = keys > 0 && kib.saturating_add(parcel.kib()) > room_kib;
            if is_full || keys >= common.burst {
                break;
            }
            let Some(mut parcel) = self.waiting.pop_front() else {
                break;
            };
            let expires_at_ms = parcel.saved.expires_at_ms();
            if expires_at_ms.is_some_and(|at| at <= now_ms) {
                self.end(parcel, Fate::Expired);
                continue;
            }
            let Some(lease) = self.lease.as_mut() else {
                break;
            };
            if parcel.asked_at.is_some() {
                lease.queue("ASKING", Class::Read, ["ASKING"].iter());
            }
            let (ttl, is_absolute) = match expires_at_ms {
                None => (0, false),
                Some(at) if self.is_relative => (at - now_ms, false),
                Some(at) => (at, true),
            };
            parcel.is_absolute = is_absolute;
            let ttl = ttl.to_string();
            let payload: Bytes = parcel.saved.payload();
            let mut args: Vec<&[u8]> = vec![
                RESTORE.as_bytes(),
                parcel.saved.key().as_bytes(),
                ttl.as_bytes(),
                &payload,
            ];
            if is_absolute {
                args.push(b"ABSTTL");
            }
            if common.existing == Existing::Replace {
                args.push(b"REPLACE");
            }
            lease.queue(RESTORE, Class::Write, args.into_iter());
            keys += 1;
            kib = kib.saturating_add(parcel.kib());
            self.flying.push_back(parcel);
        }
        (keys, kib)
    }

    fn answered(&mut self, mut parcel: Parcel, reply: &Reply, common: &Common) -> Result<()> {
        let Some(lease) = self.lease.as_ref() else {
            return Ok(());
        };
        let text = match reply {
            Reply::Simple(_) => {
                self.backoff = self.node.backoff();
                self.end(parcel, Fate::Restored);
                return Ok(());
            }
            Reply::Error(text) => text,
            _ => return Err(lease.unexpected(RESTORE)),
        };
        let error = lease.refused(RESTORE, text).during("restore keys");
        let meaning = answer(text, error.context(), &parcel, common.existing, self.place);
        match meaning {
            Answer::Ended(fate) => self.end(parcel, fate),
            Answer::Later => {
                // All that is on its way meets the same: one wait for all of it.
                self.waiting.push_back(parcel);
                self.obstacle = Some(error);
            }
            Answer::NoAbsoluteTimes => {
                self.is_relative = true;
                self.waiting.push_back(parcel);
            }
            Answer::Elsewhere => {
                parcel.asked_at = None;
                self.elsewhere.push(parcel);
            }
            Answer::AskAt(place) => {
                parcel.asked_at = Some(place);
                self.elsewhere.push(parcel);
            }
            Answer::Replaced => {
                self.waiting.push_back(parcel);
                return Err(Error::new(
                    ErrorKind::ReadOnly,
                    Retry::Reconnect,
                    "restore keys",
                    "the server is a replica by now",
                )
                .on_node(self.node.name()));
            }
            Answer::Never => {
                self.waiting.push_back(parcel);
                let hint = error.hint().map(str::to_owned);
                let kind = match error.kind() {
                    // A refusal before anything is done, as for a delete without the rights.
                    ErrorKind::Permission => ErrorKind::Guard,
                    kind => kind,
                };
                let error = Error::new(kind, Retry::Never, "restore keys", error.context())
                    .on_node(self.node.name());
                self.refusal.get_or_insert(match hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
        }
        Ok(())
    }

    /// The caller's own ceiling, over all nodes. Ends with the work.
    async fn keep_rate(&mut self, keys: u64, common: &Common) {
        let pause = common.pause_after(keys);
        if !pause.is_zero() {
            tokio::select! {
                () = self.paced.pause(pause, PauseReason::Rate) => {}
                () = common.stop.stopped() => {}
            }
        }
    }

    /// The server's time.
    async fn now_ms(&mut self) -> Result<u64> {
        if let Some((then_ms, told)) = self.clock {
            return Ok(then_ms + u64::try_from(told.elapsed().as_millis()).unwrap_or(0));
        }
        let Some(lease) = self.lease.as_mut() else {
            return Ok(0);
        };
        let reply = lease.call("TIME", Class::Read, ["TIME"].iter()).await?;
        let Some(now_ms) = time_ms(&reply) else {
            return Err(lease.unexpected("TIME"));
        };
        self.clock = Some((now_ms, Instant::now()));
        Ok(now_ms)
    }
}

/// Seconds and microseconds.
fn time_ms(reply: &Reply) -> Option<u64> {
    let Reply::Array(parts) = reply else {
        return None;
    };
    let number = |at: usize| match parts.get(at) {
        Some(Reply::Bulk(digits)) => std::str::from_utf8(digits).ok()?.parse::<u64>().ok(),
        _ => None,
    };
    Some(number(0)? * 1000 + number(1)? / 1000)
}
