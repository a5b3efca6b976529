//! A turn's hold on its job: heartbeats that say how the work stands, orders that come back with them, and what watchers of
//! this process see. Moves no work on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keypace::BudgetHandle;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use super::fence::{Fence, Lost};
use super::figures::{self, Meter};
use super::files::Files;
use super::shop::Shop;
use super::work::{Begun, Gauge};
use crate::jobs::filters::budget_of;
use crate::jobs::id::JobId;
use crate::jobs::job::{Job, Wanted};
use crate::jobs::store::{Beat, Orders};
use crate::limits;
use crate::servers::Identity;

/// A hold on a job.
pub(super) struct Lease {
    pub(super) shop: Arc<Shop>,
    pub(super) id: JobId,
    pub(super) number: i64,
    pub(super) fence: Fence,
    server: String,
    /// What somebody wants of the job.
    wanted: watch::Sender<Wanted>,
    news: Mutex<News>,
    /// One heartbeat at a time.
    beating: tokio::sync::Mutex<()>,
    live: watch::Sender<Arc<Value>>,
}

/// What the next heartbeat says.
struct News {
    work: Option<Attached>,
    identity: Option<Identity>,
    plan: Option<Value>,
    has_backup: bool,
    /// The server is waited for.
    is_away: bool,
    /// The budget's text as it was set last.
    budget: Option<String>,
    /// The checkpoint that the store has.
    sent: Option<Vec<u8>>,
}

/// The work that is moved on at the moment.
struct Attached {
    gauge: Gauge,
    budget: BudgetHandle,
    place: PathBuf,
    meter: Meter,
    looked_at: Instant,
    saves_keys: bool,
}

impl Lease {
    /// A job that was asked for at `asked`, and claimed.
    pub(super) fn new(shop: &Arc<Shop>, job: &Job, asked: Instant) -> Self {
        Self {
            shop: Arc::clone(shop),
            id: job.id.clone(),
            number: job.lease,
            fence: Fence::new(asked + usable(shop)),
            server: job.spec.server.clone(),
            wanted: watch::Sender::new(Wanted::Run),
            news: Mutex::new(News {
                work: None,
                identity: None,
                plan: None,
                has_backup: job.has_backup,
                is_away: false,
                budget: job.spec.budget.clone(),
                sent: None,
            }),
            beating: tokio::sync::Mutex::default(),
            live: shop.open_live(&job.id, job.progress.as_ref()),
        }
    }

    /// Keeps the hold until it is lost. Cancel-safe.
    pub(super) async fn keep(&self) {
        let mut look = interval(limits::JOB_LIVE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut bell = self.shop.bell();
        let mut due = Instant::now();
        loop {
            let mut is_rung = false;
            tokio::select! {
                _ = look.tick() => {}
                // The sender is the shop's, which outlives this.
                _ = bell.changed() => is_rung = true,
            }
            self.show();
            if !self.fence.holds() {
                return;
            }
            if is_rung || Instant::now() >= due {
                if self.beat().await.is_err() {
                    return;
                }
                due = Instant::now() + self.shop.limits.heartbeat;
            }
        }
    }

    /// One heartbeat. That the store does not answer is no loss yet: the lease lasts as long as it was told. Cancel-safe.
    pub(super) async fn beat(&self) -> Result<(), Lost> {
        let _one = self.beating.lock().await;
        let beat = self.next_beat().await;
        let asked = Instant::now();
        let shop = &self.shop;
        let told = (shop.store).heartbeat(&self.id, self.number, &beat, shop.limits.lease);
        match timeout_at(self.fence.until(), told).await {
            Ok(Ok(Some(orders))) => {
                self.fence.extend(asked + usable(shop));
                if beat.checkpoint.is_some() {
                    self.news().sent = beat.checkpoint;
                }
                self.take(&orders);
                Ok(())
            }
            Ok(Ok(None)) => {
                self.fence.close();
                Err(Lost)
            }
            Ok(Err(error)) => {
                tracing::warn!(job = %self.id, ?error, "the store did not take a heartbeat");
                Ok(())
            }
            Err(_) => Err(Lost),
        }
    }

    /// Heartbeats until the store has the work's place, as long as the hold lasts. Cancel-safe.
    pub(super) async fn insist(&self) -> Result<(), Lost> {
        loop {
            self.beat().await?;
            let place = self.newest_checkpoint().await;
            if place.is_some() && self.news().sent == place {
                return Ok(());
            }
            if !self.fence.holds() {
                return Err(Lost);
            }
            sleep(limits::JOB_FINISH_PAUSE).await;
        }
    }

    async fn next_beat(&self) -> Beat {
        let checkpoint = self.newest_checkpoint().await;
        let mut news = self.news();
        let backup = self.shop.files.backup(&self.id);
        let progress = news.work.as_ref().map(|work| (work.gauge)());
        let saves = news.work.as_ref().is_some_and(|work| work.saves_keys);
        let has_deleted = progress.as_ref().is_some_and(|now| now.deleted > 0);
        news.has_backup |= saves && has_deleted && backup.exists();
        Beat {
            progress: progress.map(|progress| shown(&progress, news.is_away)),
            checkpoint: checkpoint.filter(|bytes| news.sent.as_ref() != Some(bytes)),
            identity: news.identity.clone(),
            plan: news.plan.clone(),
            has_backup: news.has_backup,
        }
    }

    /// What stands at this lease's place. Cancel-safe.
    pub(super) async fn newest_checkpoint(&self) -> Option<Vec<u8>> {
        let place = self.news().work.as_ref().map(|work| work.place.clone())?;
        let read = tokio::task::spawn_blocking(move || Files::read(&place)).await;
        match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => {
                tracing::warn!(job = %self.id, ?error, "the checkpoint can't be read");
                None
            }
            Err(_) => None,
        }
    }

    fn take(&self, orders: &Orders) {
        let mut news = self.news();
        if news.budget != orders.budget {
            news.budget.clone_from(&orders.budget);
            // What the service let pass can be read.
            if let (Ok(budget), Some(work)) = (budget_of(orders.budget.as_deref()), &news.work) {
                work.budget.set(budget);
                figures::budget(&self.server, budget);
            }
        }
        drop(news);
        self.wanted
            .send_if_modified(|wanted| std::mem::replace(wanted, orders.wanted) != orders.wanted);
    }

    /// The budget that was asked for last.
    pub(super) fn budget(&self) -> BudgetHandle {
        let text = self.news().budget.clone();
        BudgetHandle::new(budget_of(text.as_deref()).unwrap_or_default())
    }

    /// Waits until somebody wants a pause or the end, or the process ends. Cancel-safe.
    pub(super) async fn asked(&self) {
        let mut wanted = self.wanted.subscribe();
        tokio::select! {
            // The sender is ours.
            _ = wanted.wait_for(|wanted| *wanted != Wanted::Run) => {}
            () = self.shop.closed() => {}
        }
    }

    /// What somebody wants of the job.
    pub(super) fn wanted(&self) -> Wanted {
        *self.wanted.borrow()
    }

    /// This work is moved on from now on.
    pub(super) fn attach(&self, begun: &Begun, place: PathBuf, saves_keys: bool) {
        let gauge = begun.work.gauge();
        let mut news = self.news();
        // Work that was paused in memory knows an older budget, and so does one that began while another was sent.
        let budget = budget_of(news.budget.as_deref()).unwrap_or_default();
        begun.budget.set(budget);
        figures::budget(&self.server, budget);
        let plan = begun.work.plan();
        news.plan = plan.or(news.plan.take());
        news.is_away = false;
        news.work = Some(Attached {
            meter: Meter::new(&self.server, &gauge()),
            gauge,
            budget: begun.budget.clone(),
            place,
            looked_at: Instant::now(),
            saves_keys,
        });
    }

    /// What is known of the server by now.
    pub(super) fn tell_identity(&self, identity: &Identity) {
        self.news().identity = Some(identity.clone());
    }

    /// What is planned.
    pub(super) fn tell_plan(&self, plan: Option<Value>) {
        let mut news = self.news();
        news.plan = plan.or(news.plan.take());
    }

    /// The server is waited for.
    pub(super) fn tell_away(&self) {
        self.news().is_away = true;
    }

    /// The latest progress, for whoever watches in this process.
    pub(super) fn show(&self) -> Option<Value> {
        let mut news = self.news();
        let is_away = news.is_away;
        let work = news.work.as_mut()?;
        let progress = (work.gauge)();
        let now = Instant::now();
        work.meter.observe(&progress, now - work.looked_at);
        work.looked_at = now;
        drop(news);
        let shown = shown(&progress, is_away);
        self.live.send_if_modified(|old| {
            let is_new = **old != shown;
            if is_new {
                *old = Arc::new(shown.clone());
            }
            is_new
        });
        Some(shown)
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shop.close_live(&self.id);
    }
}

/// The part of a lease that work is moved on in.
fn usable(shop: &Shop) -> std::time::Duration {
    let lease = shop.limits.lease;
    lease - lease / limits::JOB_LEASE_MARGIN
}

fn shown(progress: &keypace::Progress, is_away: bool) -> Value {
    // Plain data can always be written.
    let mut shown = serde_json::to_value(progress).unwrap_or_default();
    if is_away {
        shown["state"] = json!("running");
        shown["paused_for"] = json!("server");
    }
    shown
}
