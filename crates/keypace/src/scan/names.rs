//! A walk over a list in place of SCAN: pages of its names, and where that is asked for the server's word on which of them are
//! there. The cursor is the place in the list, so that a walk stands, ends and is taken up as any other.

use bytes::Bytes;

use super::cursor::EDGE;
use super::key_list::KeyList;
use super::options::{Asks, CountChoice, ScanOptions};
use super::walker::{Candidates, Raw, Stage, Walker};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Slot, SlotSet};
use crate::limits;
use crate::port::decimal;

/// Which names of which list a walker reads.
pub(super) struct ListWalk {
    list: KeyList,
    slots: Option<SlotSet>,
    /// Names that are not there are left out.
    pub(super) asks: bool,
    /// Slots that another node had when it was asked for one of their keys.
    elsewhere: Vec<Slot>,
}

impl ListWalk {
    pub(super) fn new(options: &ScanOptions) -> Option<Self> {
        let from = options.list.as_ref()?;
        Some(Self {
            list: from.list.clone(),
            slots: None,
            asks: from.asks == Asks::Always,
            elsewhere: Vec::new(),
        })
    }

    pub(super) fn only_slots(&mut self, slots: SlotSet) {
        self.slots = Some(slots);
    }

    pub(super) fn take_elsewhere(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.elsewhere)
    }

    /// Whether a question failed only because another node has the slot, or is about to have it: its names are read again.
    pub(super) fn is_elsewhere(&mut self, error: &Error, key: &Key) -> bool {
        let is_moved = matches!(error.kind(), ErrorKind::Moved | ErrorKind::Ask);
        if !is_moved || self.slots.is_none() {
            return false;
        }
        let slot = Slot::of(key.as_bytes());
        if self.elsewhere.last() != Some(&slot) {
            self.elsewhere.push(slot);
        }
        true
    }

    fn is_wanted(&self, name: &[u8], options: &ScanOptions) -> bool {
        let is_here = (self.slots.as_ref()).is_none_or(|slots| slots.contains(Slot::of(name)));
        is_here && !options.exclude.iter().any(|pattern| pattern.matches(name))
    }
}

impl Walker {
    /// The page of names at the cursor. Cancel-safe: a dropped future loses no key.
    pub(super) async fn read_names(&mut self) -> Result<Raw> {
        if let Stage::Typing(_) = self.stage {
            return self.find_types().await;
        }
        // Reading a file never waits: others have their turn between two pages.
        tokio::task::yield_now().await;
        let most = self.most_names();
        let options = &self.query.options;
        let Some(walk) = &self.names else {
            return Err(super::walker::no_connection());
        };
        let from = place(&self.cursor)?;
        let names = walk
            .list
            .page(from, most, |name| walk.is_wanted(name, options))?;
        let mut digits = [0; 20];
        let next = names.next.map_or_else(
            || Bytes::from_static(EDGE),
            |next| Bytes::copy_from_slice(decimal(next, &mut digits)),
        );
        let asks = walk.asks || !options.types.is_empty();
        if !asks || names.keys.is_empty() {
            return Ok(Raw {
                keys: names.keys,
                next,
            });
        }
        self.stage = Stage::Typing(Candidates {
            wanted: Vec::with_capacity(names.keys.len()),
            keys: names.keys,
            asked: 0,
            next,
        });
        self.find_types().await
    }

    fn most_names(&self) -> usize {
        let chosen = match self.query.options.count {
            CountChoice::Fixed(count) => count.get() as usize,
            CountChoice::Auto => limits::PAGE_KEYS,
        };
        let most = self
            .pacing
            .as_ref()
            .map_or(usize::MAX, |pacing| pacing.most as usize);
        chosen.min(most)
    }
}

/// The place in the list that a cursor says.
fn place(cursor: &[u8]) -> Result<u64> {
    let number = std::str::from_utf8(cursor)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        Error::new(
            ErrorKind::Checkpoint,
            crate::error::Retry::Never,
            "read the list of keys",
            "the place to go on from is none of a list",
        )
        .with_hint("start anew without --resume")
    })
}
