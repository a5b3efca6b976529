//! What is decided on our side about the keys of a page, for all lanes together: slots, excludes, attribution to patterns,
//! duplicates, order. Sends nothing.

use std::sync::Arc;

use super::estimate::SlotsSeen;
use super::mark::{Mark, Span};
use super::options::{Order, Strategy};
use super::order::{Found, Held};
use super::page::Page;
use super::walker::Query;
use crate::key::{Key, Slot, SlotSet};
use crate::limits;

pub(super) struct Sieve {
    query: Arc<Query>,
    held: Held,
    slots: Option<SlotSet>,
    /// Pages cut from sorted keys, or from KEYS, that are still to be handed out.
    cut: Option<std::vec::IntoIter<Found>>,
}

impl Sieve {
    pub(super) fn new(query: &Arc<Query>) -> Self {
        let order = if query.options.list.is_some() || query.options.strategy == Strategy::Scan {
            query.options.order
        } else {
            Order::Sorted
        };
        Self {
            query: Arc::clone(query),
            held: Held::new(order),
            slots: None,
            cut: None,
        }
    }

    pub(super) fn only_slots(&mut self, slots: SlotSet) {
        self.slots = Some(slots);
    }

    pub(super) fn slots(&self) -> Option<&SlotSet> {
        self.slots.as_ref()
    }

    /// Whether pages have Marks: what is held back, or cut by us, can't be taken up.
    pub(super) fn keeps_place(&self) -> bool {
        let options = &self.query.options;
        let is_in_steps = options.list.is_some() || options.strategy == Strategy::Scan;
        options.order == Order::AsFound && is_in_steps
    }

    /// Drops keys that are not this walk's or not this lane's to hand out. Nothing is hashed outside clusters.
    pub(super) fn drop_foreign(&self, keys: &mut Vec<Key>, span: Option<Span>) -> SlotsSeen {
        let mut seen = SlotsSeen::default();
        if let Some(slots) = &self.slots {
            keys.retain(|key| {
                let slot = Slot::of(key.as_bytes());
                seen.see(slot);
                slots.contains(slot) && span.is_none_or(|span| span.holds(slot))
            });
        }
        seen
    }

    /// The keys that are wanted, each with the pattern that it matched first.
    pub(super) fn select(&mut self, mut keys: Vec<Key>, mark: Option<Mark>) -> Page {
        let mut pattern_of = Vec::new();
        let options = &self.query.options;
        let many = options.patterns.len() > 1;
        keys.retain(|key| {
            let bytes = key.as_bytes();
            // Also for one pattern: a proxy that loses MATCH must not get other keys deleted.
            let first = match options.list {
                Some(_) => Some(0),
                None => options.patterns.iter().position(|p| p.matches(bytes)),
            };
            let Some(first) = first.and_then(|place| u8::try_from(place).ok()) else {
                return false;
            };
            let wanted = !options.exclude.iter().any(|p| p.matches(bytes))
                && self.held.admit(key, first, None);
            if wanted && many {
                pattern_of.push(first);
            }
            wanted
        });
        Page {
            keys,
            pattern_of,
            facts: Vec::new(),
            mark,
        }
    }

    /// The walk begins again: what was held back is found again.
    pub(super) fn restart(&mut self) {
        self.held.restart();
    }

    /// What has gone out counts no longer.
    pub(super) fn forget(&mut self) {
        self.held.forget();
    }

    /// The walk has ended: what was held back can be cut into pages. False where there is nothing.
    pub(super) fn cut_sorted(&mut self) -> bool {
        if self.cut.is_some() || !matches!(self.held, Held::All(_)) {
            return false;
        }
        self.cut = Some(
            std::mem::replace(&mut self.held, Held::Nothing)
                .into_sorted()
                .into_iter(),
        );
        true
    }

    pub(super) fn next_cut(&mut self) -> Option<Page> {
        let cut = self.cut.as_mut()?;
        let found: Vec<_> = cut.take(limits::PAGE_KEYS).collect();
        (!found.is_empty()).then(|| Page::of(found))
    }

    pub(super) fn is_cut_out(&self) -> bool {
        self.cut.as_ref().is_none_or(|cut| cut.len() == 0)
    }
}
