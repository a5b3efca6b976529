//! One shard of a checkpoint: where its walk stands, and what it has counted. Reads and writes no file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::super::books::Books;
use super::super::left_alone::ON_PURPOSE;
use super::super::tallies::{Counts, Tallies};
use super::{parse_slots, unreadable};
use crate::delete::Tally;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, SlotSet};
use crate::limits;
use crate::port::Carried;
use crate::report::Failure;
use crate::scan::{Claim, Mark, SavedMark};

/// One shard: where its walk stands, and what it has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sweep) struct SavedShard {
    pub(super) node: String,
    /// In a cluster: what it answers for, and what its node owned when the walk began.
    slots: Option<String>,
    claim: Option<SavedClaim>,
    pub(super) mark: SavedMark,
    walked: bool,
    pub(super) counts: Vec<SavedCounts>,
    /// In a cluster: slots of keys that were met elsewhere.
    elsewhere: String,
    /// Keys that may have been removed, lost or on their way, with the number of their pattern.
    lost: Vec<(usize, String)>,
    prefixes: Vec<(String, u64)>,
    other_prefixes: u64,
    /// Why keys were left alone or failed, as far as it is known. Files from before this have none.
    #[serde(default)]
    reasons: Vec<SavedReason>,
    /// Keys that were left alone on purpose, for the walk that verifies.
    #[serde(default)]
    left_alone: Vec<String>,
}

/// Why some keys were left alone or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedReason {
    kind: String,
    text: String,
    count: u64,
    samples: Vec<String>,
}

/// What is left, over all shards, of the bytes of key names that a checkpoint holds.
pub(super) struct Room {
    in_flight: usize,
    reasons: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            in_flight: limits::MAX_SAVED_IN_FLIGHT_BYTES,
            reasons: limits::MAX_SAVED_REASON_BYTES,
        }
    }
}

impl Room {
    /// Whether there was room for so many bytes of a reason's keys.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.reasons.checked_sub(bytes);
        self.reasons = left.unwrap_or(self.reasons);
        left.is_some()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedClaim {
    id: String,
    epoch: u64,
    at_rest: String,
    is_highest: bool,
    is_agreed: bool,
    #[serde(default)]
    carried: Option<Carried>,
}

/// One pattern's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedCounts {
    found: u64,
    deleted: u64,
    already_gone: u64,
    skipped: u64,
    failed: u64,
    unknown: u64,
}

impl SavedShard {
    pub(super) fn of(books: &Books, room: &mut Room) -> Self {
        let tallies = &books.tallies;
        Self {
            node: books.node.to_string(),
            slots: books.slots.as_ref().map(ToString::to_string),
            claim: books.claim.as_ref().map(|claim| SavedClaim {
                id: claim.id.clone(),
                epoch: claim.epoch,
                at_rest: claim.at_rest.to_string(),
                is_highest: claim.is_highest,
                is_agreed: claim.is_agreed,
                carried: claim.carried.clone(),
            }),
            mark: books.ledger.mark().to_saved(),
            walked: books.has_walked,
            counts: tallies.by_pattern.iter().map(SavedCounts::of).collect(),
            elsewhere: books.elsewhere.to_string(),
            lost: lost_of(books, &mut room.in_flight),
            prefixes: tallies
                .prefix_table()
                .into_iter()
                .map(|(name, n)| (BASE64.encode(name), n))
                .collect(),
            other_prefixes: tallies.other_prefixes(),
            reasons: reasons_of(tallies, room),
            left_alone: (tallies.left_alone.names())
                .filter(|key| room.takes(key.as_bytes().len()))
                .map(|key| BASE64.encode(key.as_bytes()))
                .collect(),
        }
    }

    pub(in crate::sweep) fn mark(&self) -> Result<Mark> {
        self.mark.to_mark()
    }

    pub(in crate::sweep) fn node(&self) -> &str {
        &self.node
    }

    pub(in crate::sweep) fn has_walked(&self) -> bool {
        self.walked
    }

    pub(in crate::sweep) fn slots(&self) -> Result<SlotSet> {
        self.slots
            .as_deref()
            .map_or_else(|| Ok(SlotSet::default()), parse_slots)
    }

    pub(in crate::sweep) fn elsewhere(&self) -> Result<SlotSet> {
        parse_slots(&self.elsewhere)
    }

    pub(in crate::sweep) fn claim(&self) -> Result<Option<Claim>> {
        let claim = self.claim.as_ref().map(|saved| {
            Ok(Claim {
                id: saved.id.clone(),
                epoch: saved.epoch,
                at_rest: parse_slots(&saved.at_rest)?,
                is_highest: saved.is_highest,
                is_agreed: saved.is_agreed,
                carried: saved.carried.clone(),
            })
        });
        claim.transpose()
    }

    pub(in crate::sweep) fn lost(&self) -> Result<Vec<(usize, Key)>> {
        let read = |(pattern, name): &(usize, String)| {
            let name = BASE64.decode(name).ok()?;
            (*pattern < self.counts.len()).then(|| (*pattern, Key::new(name)))
        };
        let lost: Option<Vec<_>> = self.lost.iter().map(read).collect();
        lost.ok_or_else(|| unreadable("its keys can't be read"))
    }

    /// Puts back what was counted.
    pub(in crate::sweep) fn restore(&self, tallies: &mut Tallies) {
        tallies.by_pattern = self.counts.iter().map(|saved| saved.restored()).collect();
        let prefixes = self.prefixes.iter();
        tallies.restore_prefixes(
            prefixes.filter_map(|(name, n)| Some((BASE64.decode(name).ok()?, *n))),
            self.other_prefixes,
        );
        for reason in &self.reasons {
            tallies.add_failure(&Failure {
                kind: reason.kind.clone(),
                text: reason.text.clone(),
                count: reason.count,
                sample_keys: reason.samples.clone(),
            });
        }
        let names = self
            .left_alone
            .iter()
            .filter_map(|name| BASE64.decode(name).ok());
        names.for_each(|name| tallies.left_alone.add(&Key::new(name)));
    }
}

/// Reasons of the counts that go into the file: what is unknown is asked for again, and its reasons with it.
fn reasons_of(tallies: &Tallies, room: &mut Room) -> Vec<SavedReason> {
    let has_unknown = tallies.total().tally.unknown > 0;
    let on_purpose = ON_PURPOSE.map(ErrorKind::as_str);
    let failures = tallies.failures().iter();
    let settled =
        failures.filter(|failure| !has_unknown || on_purpose.contains(&failure.kind.as_str()));
    let saved = settled.map(|failure| SavedReason {
        kind: failure.kind.clone(),
        text: failure.text.clone(),
        count: failure.count,
        samples: (failure.sample_keys.iter())
            .filter(|key| room.takes(key.len()))
            .cloned()
            .collect(),
    });
    saved.collect()
}

/// Keys that may have been removed: those that are known to be lost, and those that are on their way, as far as there is
/// room for these.
fn lost_of(books: &Books, room: &mut usize) -> Vec<(usize, String)> {
    let in_flight = books.in_flight.iter().flat_map(|(pattern, piece)| {
        let keys = piece.keys().iter();
        keys.map(move |key| (*pattern, key))
    });
    let in_flight = in_flight.map_while(|(pattern, key)| {
        *room = room.checked_sub(key.as_bytes().len())?;
        Some((pattern, key))
    });
    let lost = books.lost.iter().map(|(pattern, key)| (*pattern, key));
    lost.chain(in_flight)
        .map(|(pattern, key)| (pattern, BASE64.encode(key.as_bytes())))
        .collect()
}

impl SavedCounts {
    fn of(counts: &Counts) -> Self {
        let Tally {
            deleted,
            already_gone,
            skipped,
            failed,
            unknown,
        } = counts.tally;
        Self {
            found: counts.found,
            deleted,
            already_gone,
            skipped,
            failed,
            unknown,
        }
    }

    pub(super) fn restored(self) -> Counts {
        let Self {
            found,
            deleted,
            already_gone,
            skipped,
            failed,
            unknown: _,
        } = self;
        Counts {
            found,
            tally: Tally {
                deleted,
                already_gone,
                skipped,
                failed,
                // Found again, as no Mark passes them.
                unknown: 0,
            },
        }
    }
}
