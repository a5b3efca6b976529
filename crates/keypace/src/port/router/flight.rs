//! Calls on their way to one node: pipelined, one flight at a time, under its pace where there is one. Knows no other
//! node, and repeats nothing but a script that the server said it doesn't know.

use std::collections::VecDeque;
use std::sync::Arc;

use super::meaning::{Meaning, Place, meaning};
use super::table::Station;
use crate::error::{Error, Result, Retry};
use crate::limits;
use crate::pace::QueryKind;
use crate::port::connection::Class;
use crate::port::gauge::{Paced, Turn};
use crate::port::keyspace::is_lost;
use crate::port::node::Lease;
use crate::port::request::{Call, Script, What};
use crate::port::resp::Reply;

/// A call, and how far it has come.
pub(super) struct Passenger {
    /// Its place in what was asked for.
    pub(super) at: usize,
    pub(super) call: Call,
    pub(super) redirects: u32,
    /// The node that takes it only when asked so, as its slot is on its way there.
    pub(super) asking: Option<Arc<Station>>,
    /// The script's text goes with it.
    with_text: bool,
    /// The server has said so once already.
    was_unknown: bool,
}

impl Passenger {
    pub(super) fn new(at: usize, call: Call) -> Self {
        Self {
            at,
            call,
            redirects: 0,
            asking: None,
            with_text: false,
            was_unknown: false,
        }
    }
}

/// What came of a call at one node.
pub(super) enum Outcome {
    /// Answered; the answer may be an error of its own.
    Landed(Reply),
    Moved(String),
    Ask(String),
    /// It has not run, or may run twice: it goes again once the obstacle is waited for.
    Again,
}

/// What came of all calls to one node.
#[derive(Default)]
pub(super) struct Report {
    pub(super) outcomes: Vec<(Passenger, Outcome)>,
    /// What those that go again have to wait for.
    pub(super) obstacle: Option<Error>,
    /// What makes the whole of no use: a write without an answer, a command that may not be run.
    pub(super) failure: Option<Error>,
    /// The node is not reached, or is not what it was.
    pub(super) is_lost: bool,
}

impl Report {
    fn meet(&mut self, error: Error) {
        self.obstacle.get_or_insert(error);
    }

    fn fail(&mut self, error: Error) {
        self.failure = Some(match self.failure.take() {
            Some(first) => graver(first, error),
            None => error,
        });
    }

    fn is_stopped(&self) -> bool {
        self.obstacle.is_some() || self.failure.is_some()
    }
}

/// Which of two failures of one volley is told: that a write may have run, before that another was refused.
pub(super) fn graver(first: Error, other: Error) -> Error {
    match (first.retry(), other.retry()) {
        (Retry::AskAgain, _) => first,
        (_, Retry::AskAgain) => other,
        _ => first,
    }
}

/// Sends all of them, in as many flights as it takes, until one meets an obstacle.
pub(super) async fn fly(station: &Station, place: Place, passengers: Vec<Passenger>) -> Report {
    let mut report = Report::default();
    let mut waiting: VecDeque<Passenger> = passengers.into();
    match station.node.lease().await {
        Ok(mut lease) => {
            while !waiting.is_empty() && !report.is_stopped() {
                let turn = turn(station.paced(), &waiting).await;
                let flight = Flight {
                    place,
                    paced: station.paced(),
                    report: &mut report,
                };
                flight.run(&mut lease, &mut waiting, turn).await;
            }
        }
        Err(error) => {
            // Nothing was sent.
            report.is_lost = is_lost(&error);
            match error.retry() {
                Retry::Never => report.fail(error),
                _ => report.meet(error),
            }
        }
    }
    let left = waiting.into_iter();
    (report.outcomes).extend(left.map(|passenger| (passenger, Outcome::Again)));
    if report.is_lost {
        station.node.forget_idle();
    }
    report
}

/// The right to send, where one is needed. At full speed none is.
async fn turn(paced: Option<&Paced>, waiting: &VecDeque<Passenger>) -> Option<Turn> {
    let paced = paced.filter(|paced| paced.is_bounded())?;
    let mut turn = paced.turn(kind(waiting.front()?)).await;
    turn.begin();
    Some(turn)
}

/// What says nothing of its cost is a cheap question.
fn kind(passenger: &Passenger) -> QueryKind {
    passenger.call.kind.unwrap_or(QueryKind::Ask)
}

struct Flight<'a> {
    place: Place,
    paced: Option<&'a Paced>,
    report: &'a mut Report,
}

impl Flight<'_> {
    /// Sends as many as there is room for, and reads all answers.
    async fn run(
        mut self,
        lease: &mut Lease,
        waiting: &mut VecDeque<Passenger>,
        turn: Option<Turn>,
    ) {
        let mut aboard = board(waiting, turn.as_ref());
        let mut units = 0_u32;
        // By digest; with the text where that is not known; and once more where that went to a node that didn't run it.
        while !aboard.is_empty() {
            let mut unknown = Vec::new();
            let flown = self.round(lease, &mut aboard, &mut units, &mut unknown);
            if let Err(error) = flown.await {
                self.lost(aboard, error);
                for passenger in unknown {
                    self.end(passenger, Outcome::Again);
                }
                return;
            }
            aboard = with_texts(unknown);
        }
        if let Some(turn) = turn.filter(|_| units > 0) {
            turn.done(units);
        }
    }

    /// One round trip. Where it fails, `aboard` holds what was on its way; `unknown` those whose script the server doesn't
    /// have.
    async fn round(
        &mut self,
        lease: &mut Lease,
        aboard: &mut VecDeque<Passenger>,
        units: &mut u32,
        unknown: &mut Vec<Passenger>,
    ) -> Result<()> {
        for passenger in &*aboard {
            if passenger.asking.is_some() {
                lease.queue("ASKING", passenger.call.class, ["ASKING"].iter());
            }
            passenger.call.queue(lease, passenger.with_text);
        }
        lease.flush().await?;
        while let Some(passenger) = aboard.front() {
            if passenger.asking.is_some() {
                self.reply(lease).await?;
            }
            let reply = self.reply(lease).await?;
            let Some(passenger) = aboard.pop_front() else {
                break;
            };
            self.answered(lease, passenger, reply, units, unknown);
        }
        Ok(())
    }

    async fn reply(&self, lease: &mut Lease) -> Result<Reply> {
        match self.paced {
            Some(paced) => paced.beside(lease.reply()).await,
            None => lease.reply().await,
        }
    }

    fn answered(
        &mut self,
        lease: &Lease,
        mut passenger: Passenger,
        reply: Reply,
        units: &mut u32,
        unknown: &mut Vec<Passenger>,
    ) {
        let Reply::Error(text) = &reply else {
            *units = units.saturating_add(units_of(&passenger.call, &reply));
            self.end(passenger, Outcome::Landed(reply));
            return;
        };
        let refused = |passenger: &Passenger| lease.refused(passenger.call.name(), text);
        match meaning(text, self.place) {
            Meaning::NoScript if is_script(&passenger.call) && !passenger.with_text => {
                unknown.push(passenger);
            }
            Meaning::Own | Meaning::NoScript => self.end(passenger, Outcome::Landed(reply)),
            Meaning::Later => {
                self.report.meet(refused(&passenger));
                self.end(passenger, Outcome::Again);
            }
            Meaning::Replaced => {
                // The advice is the server's, which knows no other.
                let error = refused(&passenger).with_retry(Retry::Reconnect);
                self.report.is_lost = true;
                self.report.meet(error);
                self.end(passenger, Outcome::Again);
            }
            Meaning::Moved(place) => {
                passenger.asking = None;
                self.end(passenger, Outcome::Moved(place));
            }
            Meaning::Ask(place) => self.end(passenger, Outcome::Ask(place)),
            Meaning::Never => {
                self.report.fail(refused(&passenger));
                self.end(passenger, Outcome::Again);
            }
        }
    }

    /// The connection ended: reads go again, writes may have run.
    fn lost(&mut self, aboard: VecDeque<Passenger>, error: Error) {
        self.report.is_lost = true;
        let is_write = |passenger: &Passenger| passenger.call.class == Class::Write;
        if error.retry() == Retry::Never {
            self.report.fail(error);
        } else if aboard.iter().any(is_write) {
            self.report.fail(error.with_retry(Retry::AskAgain));
        } else {
            self.report.meet(error);
        }
        for passenger in aboard {
            self.end(passenger, Outcome::Again);
        }
    }

    fn end(&mut self, mut passenger: Passenger, outcome: Outcome) {
        (passenger.with_text, passenger.was_unknown) = (false, false);
        self.report.outcomes.push((passenger, outcome));
    }
}

/// As many as there is room for, and one at least; under one turn those of one kind.
fn board(waiting: &mut VecDeque<Passenger>, turn: Option<&Turn>) -> VecDeque<Passenger> {
    let mut aboard = VecDeque::new();
    let (mut bytes, mut units) = (0_usize, 0_u32);
    let first_kind = waiting.front().map(kind);
    while let Some(next) = waiting.front() {
        bytes = bytes.saturating_add(next.call.bytes());
        units = units.saturating_add(next.call.units);
        let is_beyond = bytes > limits::VOLLEY_MAX_BYTES
            || aboard.len() >= limits::VOLLEY_MAX_CALLS
            || turn.is_some_and(|turn| units > turn.units() || Some(kind(next)) != first_kind);
        if is_beyond && !aboard.is_empty() {
            break;
        }
        aboard.extend(waiting.pop_front());
    }
    aboard
}

/// The first of each script brings its text, and what stands behind it finds it there. What was sent so already brings it
/// itself.
fn with_texts(unknown: Vec<Passenger>) -> VecDeque<Passenger> {
    let mut brought: Vec<&'static Script> = Vec::new();
    let mut aboard: VecDeque<Passenger> = unknown.into();
    for passenger in &mut aboard {
        let What::Script(script, ..) = &passenger.call.what else {
            continue;
        };
        let is_brought = brought.iter().any(|known| known.digest == script.digest);
        passenger.with_text = !is_brought || passenger.was_unknown;
        passenger.was_unknown = true;
        brought.push(script);
    }
    aboard
}

fn is_script(call: &Call) -> bool {
    matches!(call.what, What::Script(..))
}

/// What it was in its kind's unit: what is read is known when it is there.
fn units_of(call: &Call, reply: &Reply) -> u32 {
    match call.kind {
        Some(QueryKind::Read | QueryKind::Dump) => {
            let kib = weight(reply).div_ceil(1024).max(1);
            u32::try_from(kib).unwrap_or(u32::MAX)
        }
        _ => call.units,
    }
}

fn weight(reply: &Reply) -> usize {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) => bytes.len(),
        Reply::Array(parts) => parts.iter().map(weight).sum(),
        _ => 0,
    }
}
