//! One shard's books: what was found, handed on and settled, and how far its walk is. The shard writes them, and whoever
//! shows or saves the sweep reads them meanwhile. Holds no await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::Ledger;
use super::tallies::Tallies;
use crate::delete::Piece;
use crate::error::Error;
use crate::key::{Key, SlotSet};
use crate::pace;
use crate::port::Waits;
use crate::scan::{Claim, Ground, Mark};

/// How far a shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Walking,
    Settling,
    Ended,
}

/// What a walk says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WalkState {
    pub(super) share: f64,
    pub(super) calls: u64,
    pub(super) restarts: u64,
    pub(super) lanes: u32,
    pub(super) is_limited: bool,
    /// Time spent waiting to try again.
    pub(super) waited: Duration,
}

/// One shard's books.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) node: Arc<str>,
    /// The slots that it answers for; `None` outside a cluster, where it answers for every key.
    pub(super) slots: Option<SlotSet>,
    /// What its node owned when the walk began.
    pub(super) claim: Option<Claim>,
    /// Keys that may have been removed, by pattern: to be asked for again before anything else is. Bounded by what may be
    /// on its way at once.
    pub(super) lost: Vec<(usize, Key)>,
    /// Keys that were handed to be removed and have no outcome here yet, by pattern: where nothing else is heard of this
    /// shard, they may have been removed. Kept where the sweep saves checkpoints, and bounded as `lost` is.
    pub(super) in_flight: Vec<(usize, Piece)>,
    /// Slots of keys that another node had when they were to be removed.
    pub(super) elsewhere: SlotSet,
    /// How many of them had been walked before, without proof that all their keys were met.
    pub(super) repeated_slots: u64,
    pub(super) ledger: Ledger,
    pub(super) tallies: Tallies,
    pub(super) walk: WalkState,
    pub(super) phase: Phase,
    /// The walk came to its own end.
    pub(super) has_walked: bool,
    /// What ended the shard, if anything did.
    pub(super) error: Option<Error>,
    /// The node is a replica.
    pub(super) from_replica: bool,
    /// Keys of the node when the walk began.
    pub(super) total_keys: u64,
    /// The share that lay behind a resumed run when it began.
    pub(super) share_before: f64,
    /// Keys that other runs had counted before a resumed one.
    pub(super) matched_before: u64,
    /// Time the deletes spent waiting to try again.
    pub(super) delete_waited: Duration,
    pub(super) figures: Arc<Mutex<pace::Tally>>,
    pub(super) waits: Waits,
}

/// Where a shard begins.
pub(super) struct Beginning {
    pub(super) mark: Mark,
    pub(super) tallies: Tallies,
    /// There is nothing left to walk.
    pub(super) has_ended: bool,
    pub(super) total_keys: u64,
    /// What decides about lanes; `None` for one.
    pub(super) ground: Option<Ground>,
    /// Its slots are few of those that the node has.
    pub(super) is_narrow: bool,
    /// What it answers for; `None` outside a cluster.
    pub(super) slots: Option<SlotSet>,
    /// What its node owns when the walk begins.
    pub(super) claim: Option<Claim>,
    /// Keys to be asked for before anything is walked, by pattern.
    pub(super) lost: Vec<(usize, Key)>,
    /// Slots of keys that an earlier run met elsewhere.
    pub(super) elsewhere: SlotSet,
    /// How many of its slots were walked before.
    pub(super) repeated_slots: u64,
}

impl Books {
    /// Of a shard that has not begun; the mark and the counts are where it begins.
    pub(super) fn new(node: Arc<str>, beginning: Beginning) -> Self {
        Self {
            node,
            slots: beginning.slots,
            claim: beginning.claim,
            lost: beginning.lost,
            in_flight: Vec::new(),
            elsewhere: beginning.elsewhere,
            repeated_slots: beginning.repeated_slots,
            ledger: Ledger::new(beginning.mark),
            walk: WalkState::default(),
            phase: Phase::Ended,
            has_walked: beginning.has_ended,
            error: None,
            from_replica: false,
            total_keys: beginning.total_keys,
            share_before: 0.0,
            matched_before: beginning.tallies.total().matched(),
            delete_waited: Duration::ZERO,
            figures: Arc::default(),
            waits: Waits::default(),
            tallies: beginning.tallies,
        }
    }

    /// Of a shard that an earlier run has brought to its end, or that can't go on where it was.
    pub(super) fn remembered(node: &str, beginning: Beginning) -> Self {
        let mut books = Self::new(node.into(), beginning);
        books.walk.share = 1.0;
        books.share_before = 1.0;
        books
    }

    /// Keys the server has looked at in this run, as far as can be told.
    pub(super) fn scanned(&self) -> u64 {
        let walked = (self.walk.share - self.share_before).max(0.0);
        ((walked * self.total_keys as f64) as u64).max(self.matched())
    }

    /// Keys that this run has counted.
    pub(super) fn matched(&self) -> u64 {
        let total = self.tallies.total().matched();
        total.saturating_sub(self.matched_before)
    }
}

/// Books that the shard and whoever shows them share.
#[derive(Debug, Clone)]
pub(super) struct SharedBooks(Arc<Mutex<Books>>);

impl SharedBooks {
    pub(super) fn new(books: Books) -> Self {
        Self(Arc::new(Mutex::new(books)))
    }

    /// For a moment: nobody waits with them open. A panic elsewhere leaves a count behind that is a little off, and
    /// nothing worse.
    pub(super) fn open(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
