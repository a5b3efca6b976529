//! What all turns of a runner share: the store, the servers, the folders, who is watched, and the bell that tells of news.
//! Does no work itself.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::RunnerLimits;
use super::files::Files;
use super::held::HeldWorks;
use super::index::IndexConfig;
use crate::jobs::id::JobId;
use crate::jobs::store::JobStore;
use crate::servers::Servers;

type Live = HashMap<JobId, watch::Sender<Arc<Value>>>;

/// What all turns of a runner share.
pub(super) struct Shop {
    pub(super) store: Arc<dyn JobStore>,
    pub(super) servers: Servers,
    pub(super) files: Files,
    pub(super) limits: RunnerLimits,
    pub(super) indexes: BTreeMap<String, IndexConfig>,
    /// Names this runner to the store: no other has the same, not even the one before it in this folder.
    pub(super) holder: String,
    held: Mutex<HeldWorks>,
    live: Mutex<Live>,
    /// Rung where there may be something to do, or another order.
    bell: watch::Sender<u64>,
    closing: watch::Sender<bool>,
}

impl Shop {
    pub(super) fn new(
        store: Arc<dyn JobStore>,
        servers: Servers,
        files: Files,
        limits: RunnerLimits,
        indexes: BTreeMap<String, IndexConfig>,
    ) -> io::Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        Ok(Self {
            store,
            servers,
            files,
            limits,
            indexes,
            holder: hex::encode(name),
            held: Mutex::default(),
            live: Mutex::default(),
            bell: watch::Sender::new(0),
            closing: watch::Sender::new(false),
        })
    }

    pub(super) fn wake(&self) {
        self.bell.send_modify(|rung| *rung += 1);
    }

    /// Changes whenever there may be something to do.
    pub(super) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Nothing more is begun.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Waits until nothing more is to be begun. Cancel-safe.
    pub(super) async fn closed(&self) {
        // The sender is ours, so that it can't be gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// The progress of a job that runs here.
    pub(super) fn live(&self, id: &JobId) -> Option<watch::Receiver<Arc<Value>>> {
        self.watched().get(id).map(watch::Sender::subscribe)
    }

    /// From now on a job runs here.
    pub(super) fn open_live(
        &self,
        id: &JobId,
        progress: Option<&Value>,
    ) -> watch::Sender<Arc<Value>> {
        let first = progress
            .cloned()
            .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let sender = watch::Sender::new(Arc::new(first));
        self.watched().insert(id.clone(), sender.clone());
        sender
    }

    /// It runs here no longer.
    pub(super) fn close_live(&self, id: &JobId) {
        self.watched().remove(id);
    }

    /// Work that was paused in memory.
    pub(super) fn held(&self) -> MutexGuard<'_, HeldWorks> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was kept for these jobs to go on, or to be undone, goes.
    pub(super) fn forget(&self, ids: &[JobId]) {
        for id in ids {
            drop(self.held().take(id));
        }
        let (files, ids) = (self.files.clone(), ids.to_vec());
        tokio::task::spawn_blocking(move || ids.iter().for_each(|id| files.forget(id)));
    }

    fn watched(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
