//! A node's gauge and its one pacer: carries out what the pace orders, and tells it what was seen. Everything happens
//! while somebody waits for the server anyway, so that work which is not asked for does nothing. Decides nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::canary::{Canary, Opening};
use super::connection::{Class, Connection};
use super::info::Info;
use super::node::Node;
use super::resp::Reply;
use super::turn::{Held, Slot};
use super::vitals::vitals;
use crate::limits;
use crate::pace::{Budget, BudgetHandle, Input, Order, Pacer, QueryKind, Tally, Thresholds};
use crate::report::PauseReason;

/// What all the work on a node shares.
pub(super) struct Gauge {
    epoch: Instant,
    pacer: Mutex<Pacer>,
    canary: Mutex<Canary>,
    slot: Slot,
    /// The figures of each piece of work.
    tallies: Mutex<Vec<Weak<Mutex<Tally>>>>,
}

impl Gauge {
    pub(super) fn new() -> Self {
        let epoch = Instant::now();
        Self {
            epoch,
            pacer: Mutex::new(Pacer::new()),
            canary: Mutex::new(Canary::new(epoch)),
            slot: Slot::default(),
            tallies: Mutex::new(Vec::new()),
        }
    }

    /// Closes the canary's connection: it may be the one that the work needs.
    pub(super) fn give_way(&self) {
        lock(&self.canary).close(Instant::now() + limits::CANARY_MODEST_PAUSE);
    }

    fn tell(&self, input: &Input) -> Option<Order> {
        let mut pacer = lock(&self.pacer);
        let at_us = micros(self.epoch.elapsed());
        let order = pacer.step(at_us, input);
        if tracing::enabled!(target: "keypace::pace", tracing::Level::DEBUG)
            && let Ok(record) = serde_json::to_string(&pacer.record(at_us, input.clone(), order))
        {
            tracing::debug!(target: "keypace::pace", "{record}");
        }
        order
    }

    fn heard(&self, wait: Duration, quiet: bool) {
        let wait_us = micros(wait);
        self.tell(&Input::Canary { wait_us, quiet });
        lock(&self.tallies).retain(|tally| {
            let tally = tally.upgrade();
            if let Some(tally) = &tally {
                lock(tally).canary(wait_us);
            }
            tally.is_some()
        });
    }
}

/// One piece of work under the pace of its node, until it and all its clones are dropped.
#[derive(Clone)]
pub(crate) struct Paced(Arc<Joined>);

struct Joined {
    node: Node,
    budget: BudgetHandle,
    /// What the pacer knows of it.
    promised: Mutex<Budget>,
    frees_memory: bool,
    thresholds: Thresholds,
    tally: Arc<Mutex<Tally>>,
    is_ending: AtomicBool,
}

impl Drop for Joined {
    fn drop(&mut self) {
        let gauge = self.node.gauge();
        gauge.tell(&Input::Left {
            budget_us: lock(&self.promised).as_micros(),
            frees_memory: self.frees_memory,
            thresholds: self.thresholds,
        });
        let mut tallies = lock(&gauge.tallies);
        tallies
            .retain(|tally| tally.as_ptr() != Arc::as_ptr(&self.tally) && tally.strong_count() > 0);
        if tallies.is_empty() {
            lock(&gauge.canary).close(Instant::now());
        }
    }
}

/// The right to send one command of at most so many units. Dropped without `done`, nothing is learned from it.
pub(crate) struct Turn {
    paced: Paced,
    kind: QueryKind,
    units: u32,
    begun: Instant,
    was_watched: bool,
    held: Option<Held>,
}

impl Turn {
    /// COUNT, keys, questions or KiB, as its kind counts them.
    pub(crate) fn units(&self) -> u32 {
        self.units
    }

    /// The command is about to be sent: its time runs from here.
    pub(crate) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// Its answer was there before anybody waited for it: when it came is not known.
    pub(crate) fn was_not_watched(&mut self) {
        self.was_watched = false;
    }

    /// It was answered, and had so many units.
    pub(crate) fn done(self, units: u32) {
        // At full speed it counts how fast answers follow each other, and not what each took.
        if self.held.is_some() && !self.was_watched {
            return;
        }
        self.paced.answered(self.kind, units, self.begun.elapsed());
    }
}

impl Paced {
    /// Work begins on this node.
    pub(crate) fn join(
        node: &Node,
        budget: impl Into<BudgetHandle>,
        thresholds: Thresholds,
        frees_memory: bool,
    ) -> Self {
        let budget = budget.into();
        let promised = budget.get();
        let gauge = node.gauge();
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut tallies = lock(&gauge.tallies);
        if tallies.is_empty() {
            let first_look = Duration::from_micros(limits::PACE_FIRST_LOOK_US);
            lock(&gauge.canary).close(Instant::now() + first_look);
        }
        tallies.push(Arc::downgrade(&tally));
        drop(tallies);
        gauge.tell(&Input::Joined {
            budget_us: promised.as_micros(),
            frees_memory,
            thresholds,
        });
        Self(Arc::new(Joined {
            node: node.clone(),
            budget,
            promised: Mutex::new(promised),
            frees_memory,
            thresholds,
            tally,
            is_ending: AtomicBool::new(false),
        }))
    }

    /// Whether one command goes at a time, so that nothing may be sent ahead.
    pub(crate) fn is_bounded(&self) -> bool {
        self.keep_up();
        lock(&self.gauge().pacer).is_bounded()
    }

    /// A round trip without work took so long.
    pub(crate) fn round_trip(&self, took: Duration) {
        self.gauge().tell(&Input::RoundTrip {
            took_us: micros(took),
        });
    }

    /// No more than what was begun is still to be sent: it goes in small commands, and waits for nothing any more.
    pub(crate) fn end(&self) {
        self.0.is_ending.store(true, Ordering::Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.0.is_ending.load(Ordering::Relaxed)
    }

    /// Tells the pacer where another budget holds than it knows of.
    fn keep_up(&self) {
        let Joined {
            budget,
            promised,
            frees_memory,
            thresholds,
            ..
        } = &*self.0;
        let (now, mut known) = (budget.get(), lock(promised));
        if *known == now {
            return;
        }
        let (frees_memory, thresholds) = (*frees_memory, *thresholds);
        // The new one first: where it is the only work, the pacer would begin from nothing otherwise.
        self.gauge().tell(&Input::Joined {
            budget_us: now.as_micros(),
            frees_memory,
            thresholds,
        });
        self.gauge().tell(&Input::Left {
            budget_us: known.as_micros(),
            frees_memory,
            thresholds,
        });
        *known = now;
    }

    /// Waits until a command of this kind may be sent. Cancel-safe.
    pub(crate) async fn turn(&self, kind: QueryKind) -> Turn {
        let mut paused_for = None;
        loop {
            let held = if self.is_bounded() {
                Some(self.gauge().slot.acquire().await)
            } else {
                None
            };
            let (pause, reason) = loop {
                let ending = self.is_ending();
                match self.gauge().tell(&Input::Ask { kind, ending }) {
                    Some(Order::Listen) => {
                        // To hear whether a pause is over is a part of it.
                        let pausing = paused_for.map(|reason| Pausing::new(&self.0.tally, reason));
                        self.listen().await;
                        drop(pausing);
                    }
                    Some(Order::Inspect) => self.inspect().await,
                    Some(Order::Pause { us, reason }) => break (Duration::from_micros(us), reason),
                    Some(Order::Go { units }) => return self.go(kind, units, held),
                    None => return self.go(kind, limits::COUNT_AUTO, held),
                }
            };
            drop(held);
            paused_for = Some(reason);
            self.pause(pause, reason).await;
        }
    }

    /// Waits, and looks after the canary meanwhile. Cancel-safe.
    pub(crate) async fn pause(&self, pause: Duration, reason: PauseReason) {
        let pausing = Pausing::new(&self.0.tally, reason);
        self.beside(sleep(pause)).await;
        drop(pausing);
    }

    /// A command was answered.
    fn answered(&self, kind: QueryKind, units: u32, took: Duration) {
        let took_us = micros(took);
        self.gauge().tell(&Input::Done {
            kind,
            units,
            took_us,
        });
        if let Some(budget_us) = self.0.budget.get().as_micros()
            && lock(&self.gauge().pacer).is_over(took_us, budget_us)
        {
            self.tally().over_budget();
        }
    }

    /// A SCAN with this COUNT is sent.
    pub(crate) fn scanning(&self, count: u32) {
        self.tally().scan(count);
    }

    /// Waits for something, and looks after the canary meanwhile. As cancel-safe as what is waited for.
    pub(crate) async fn beside<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let gauge = self.gauge();
        // Most waits are over before the canary wants anything: no timer for those.
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut is_watching = false;
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                // What has arrived meanwhile is heard now, since nobody knows when somebody looks again.
                self.look_after_canary(cx, is_watching);
                return Poll::Ready(done);
            }
            loop {
                self.look_after_canary(cx, is_watching);
                is_watching = true;
                let due = lock(&gauge.canary).due();
                if due <= Instant::now() {
                    // Its answer is late, or it is being opened: that wakes us.
                    return Poll::Pending;
                }
                if alarm.deadline() != due {
                    alarm.as_mut().reset(due);
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// The figures, to be looked at from anywhere. Keeps no work alive.
    pub(crate) fn figures(&self) -> Arc<Mutex<Tally>> {
        Arc::clone(&self.0.tally)
    }

    fn go(&self, kind: QueryKind, units: u32, held: Option<Held>) -> Turn {
        Turn {
            paced: self.clone(),
            kind,
            units,
            begun: Instant::now(),
            was_watched: true,
            held,
        }
    }

    fn look_after_canary(&self, cx: &mut Context<'_>, was_watched: bool) {
        let gauge = self.gauge();
        let node = &self.0.node;
        let open = || -> Opening {
            let node = node.clone();
            Box::pin(async move { node.open().await })
        };
        let heard = lock(&gauge.canary).poll(cx, was_watched, open);
        if let Some(wait) = heard {
            gauge.heard(wait, false);
        }
    }

    /// Asks the canary while nothing of ours is on its way.
    async fn listen(&self) {
        let heard = self.alone_with_canary(async |connection| {
            let sent = Instant::now();
            let reply = connection.call("PING", Class::Read, ["PING"].iter()).await;
            reply.ok().map(|_| sent.elapsed())
        });
        match heard.await {
            Some(wait) => self.gauge().heard(wait, true),
            None => {
                self.gauge().tell(&Input::Unheard);
            }
        }
    }

    /// Asks the server how it is.
    async fn inspect(&self) {
        let told = self.alone_with_canary(async |connection| {
            let reply = connection.call("INFO", Class::Read, ["INFO"].iter()).await;
            match reply {
                Ok(Reply::Bulk(text)) => Some(Some(vitals(&Info::parse(&text)))),
                // Who may not ask for INFO can still sing.
                Ok(_) => Some(None),
                Err(_) => connection.is_idle().then_some(None),
            }
        });
        let input = match told.await.flatten() {
            Some(vitals) => Input::Vitals(vitals),
            None => Input::Untold,
        };
        self.gauge().tell(&input);
    }

    /// Something on the canary's connection, once its own answer is in. `None` where it has none, or loses it.
    async fn alone_with_canary<T>(
        &self,
        ask: impl AsyncFnOnce(&mut Connection) -> Option<T>,
    ) -> Option<T> {
        let gauge = self.gauge();
        let (mut connection, sang) = lock(&gauge.canary).take()?;
        let asked = timeout(limits::CANARY_TIMEOUT, async {
            if let Some(sent) = sang {
                // One that lies there already may have done so for long.
                match connection.reply_now() {
                    Some(reply) => drop(reply.ok()?),
                    None => {
                        connection.reply().await.ok()?;
                        gauge.heard(sent.elapsed(), false);
                    }
                }
            }
            ask(&mut connection).await
        });
        match asked.await {
            Ok(Some(answer)) => {
                lock(&gauge.canary).put(connection);
                Some(answer)
            }
            Ok(None) | Err(_) => {
                lock(&gauge.canary).close(Instant::now() + limits::CANARY_REOPEN_PAUSE);
                None
            }
        }
    }

    fn gauge(&self) -> &Gauge {
        self.0.node.gauge()
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.0.tally)
    }
}

/// A pause that is entered into the figures when it is over, cancelled or not.
struct Pausing<'a> {
    tally: &'a Mutex<Tally>,
    reason: PauseReason,
    begun: Instant,
}

impl<'a> Pausing<'a> {
    fn new(tally: &'a Mutex<Tally>, reason: PauseReason) -> Self {
        lock(tally).pause(reason);
        Self {
            tally,
            reason,
            begun: Instant::now(),
        }
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        lock(self.tally).resume(self.reason, self.begun.elapsed());
    }
}

/// A panic elsewhere leaves figures behind that are a little off, and nothing worse.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
