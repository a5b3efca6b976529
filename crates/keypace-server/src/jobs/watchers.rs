//! Jobs that are watched: one look at the store for all who watch a job, and progress at once where it runs in this process.
//! Sends nobody anything: whoever watches takes the latest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::jobs::id::JobId;
use crate::jobs::job::Job;
use crate::jobs::service::Hands;
use crate::jobs::state::JobState;
use crate::jobs::store::JobStore;
use crate::limits;

type Watched = Arc<Mutex<HashMap<JobId, watch::Sender<Arc<Job>>>>>;

/// Who is watched. As many as there are watchers at most.
#[derive(Clone)]
pub(super) struct Watchers {
    watched: Watched,
    store: Arc<dyn JobStore>,
    hands: Arc<dyn Hands>,
}

impl Watchers {
    pub(super) fn new(store: Arc<dyn JobStore>, hands: Arc<dyn Hands>) -> Self {
        Self {
            watched: Watched::default(),
            store,
            hands,
        }
    }

    /// The job, and what becomes of it: until it has ended, or is there no more.
    pub(super) fn watch(&self, job: Job) -> watch::Receiver<Arc<Job>> {
        if job.state.is_ended() {
            return watch::channel(Arc::new(job)).1;
        }
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(&job.id) {
            return sender.subscribe();
        }
        let id = job.id.clone();
        let (sender, receiver) = watch::channel(Arc::new(job));
        watched.insert(id.clone(), sender.clone());
        drop(watched);
        let looking = self.clone();
        tokio::spawn(async move { looking.look(&id, &sender).await });
        receiver
    }

    async fn look(&self, id: &JobId, sender: &watch::Sender<Arc<Job>>) {
        loop {
            let next = Instant::now() + limits::WATCH_POLL;
            // Until then a runner of this process may say more.
            let live = self
                .hands
                .live(id)
                .filter(|live| live.has_changed().is_ok());
            let is_live = live.is_some();
            follow(live, sender, next).await;
            match self.store.get(id).await {
                Ok(Some(job)) => {
                    let is_ended = job.state.is_ended();
                    sender.send_if_modified(|shown| replace(shown, job, is_live));
                    if is_ended {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => tracing::warn!(job = %id, ?error, "a watched job can't be read"),
            }
            if self.is_unwatched(id, sender) {
                return;
            }
        }
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.remove(id);
    }

    /// Forgets a job that nobody watches; under the lock, so that nobody begins to meanwhile.
    fn is_unwatched(&self, id: &JobId, sender: &watch::Sender<Arc<Job>>) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let nobody = sender.receiver_count() == 0;
        if nobody {
            watched.remove(id);
        }
        nobody
    }
}

/// Passes on what the runner of this process says of a job, until it is time to look at the store, nobody watches, or the
/// runner has left the job: then the store says what became of it.
async fn follow(
    mut live: Option<watch::Receiver<Arc<Value>>>,
    sender: &watch::Sender<Arc<Job>>,
    next: Instant,
) {
    let Some(live) = &mut live else {
        tokio::select! {
            () = sleep_until(next) => {}
            () = sender.closed() => {}
        }
        return;
    };
    loop {
        let progress = live.borrow_and_update().clone();
        sender.send_if_modified(|shown| show(shown, &progress));
        tokio::select! {
            () = sleep_until(next) => return,
            () = sender.closed() => return,
            changed = live.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

fn show(shown: &mut Arc<Job>, progress: &Value) -> bool {
    let is_other = shown.progress.as_ref() != Some(progress);
    if is_other {
        Arc::make_mut(shown).progress = Some(progress.clone());
    }
    is_other
}

/// What a runner of this process says is newer than what it has written, while the job runs.
fn replace(shown: &mut Arc<Job>, mut job: Job, is_live: bool) -> bool {
    if is_live && job.state == JobState::Running {
        job.progress.clone_from(&shown.progress);
    }
    let is_other = **shown != job;
    if is_other {
        *shown = Arc::new(job);
    }
    is_other
}
