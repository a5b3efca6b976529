//! Clients of the service, and what each must not see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use keypace::{Owner, RecordId};
use keypace_server::sessions::{NewSession, SessionChange, SessionErrorKind, SessionService};

use crate::world::World;

/// What all clients have been told so far.
#[derive(Default)]
pub(crate) struct Told {
    /// The models of sessions whose delete was acknowledged.
    dead: Mutex<BTreeSet<String>>,
    /// By process and model: how many writes of it SQL had carried out up to one that was acknowledged there.
    written: Mutex<BTreeMap<(usize, String), usize>>,
    numbers: AtomicU64,
}

/// What a client does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Do {
    Create,
    Get,
    Update,
    Delete,
}

/// One client: its number, and the process that it asks.
pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) process: usize,
    pub(crate) service: SessionService,
    pub(crate) world: Arc<World>,
    pub(crate) told: Arc<Told>,
}

impl Client {
    /// Works through a script; an error says what was seen and must not be. What the service refuses is passed over.
    pub(crate) async fn work(self, script: Vec<(Do, RecordId)>) -> Result<(), String> {
        let owner = Owner::new("one").map_err(|error| error.to_string())?;
        for (what, id) in script {
            match what {
                Do::Create => {
                    // Each session has a model of its own, so that it is known again.
                    let new = NewSession::new(format!("m{}", self.next_number())).with_id(id);
                    let _ = self.service.create(&owner, new).await;
                }
                Do::Get => self.get(&owner, &id).await?,
                Do::Update => {
                    let turns = self.next_number();
                    let change = SessionChange::default().with_total_turns(turns);
                    if let Ok(session) = self.service.update(&owner, &id, &change).await {
                        let rank = self.world.rank(&session.model, turns);
                        let mut written = self.told.written.lock().expect("no panic");
                        let known = written.entry((self.process, session.model)).or_default();
                        *known = rank.max(*known);
                    }
                }
                Do::Delete => self.delete(&owner, &id).await,
            }
        }
        Ok(())
    }

    async fn get(&self, owner: &Owner, id: &RecordId) -> Result<(), String> {
        let dead = self.told.dead.lock().expect("no panic").clone();
        let written = self.told.written.lock().expect("no panic").clone();
        let Ok(found) = self.service.get(owner, id).await else {
            return Ok(());
        };
        let (model, turns, process) =
            (found.session.model, found.session.total_turns, self.process);
        if dead.contains(&model) {
            return Err(format!(
                "{model} of {id} was deleted, and process {process} sees it"
            ));
        }
        let rank = self.world.rank(&model, turns);
        match written.get(&(process, model)) {
            Some(known) if rank < *known => Err(format!(
                "process {process} has seen write {known} of {id} acknowledged, and reads write {rank}"
            )),
            _ => Ok(()),
        }
    }

    /// Acknowledged: what this call removed is dead, and so is all that had gone before it began.
    async fn delete(&self, owner: &Owner, id: &RecordId) {
        let mut gone = self.world.gone(id);
        match self.service.delete(owner, id).await {
            Ok(()) => gone.extend(self.world.removed_last_by(self.number)),
            Err(error) if error.kind() == SessionErrorKind::NotFound => {}
            Err(_) => return,
        }
        self.told.dead.lock().expect("no panic").extend(gone);
    }

    fn next_number(&self) -> u64 {
        1 + self.told.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
