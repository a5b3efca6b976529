//! The pure part: groups of keys that are watched together, what a group does next given an answer, and how each key
//! of it ends. Holds no await, clock or randomness.

use std::collections::{HashSet, VecDeque};

use super::reads::Wanted;
use super::seen::{Found, Seen};
use crate::delete::script::Fate;
use crate::delete::state::{Batch, Piece, Refused, Settled, Tally};
use crate::error::ErrorKind;
use crate::key::{Key, Slot};
use crate::limits;

/// Keys of one batch that go together from WATCH to EXEC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    batch: u64,
    keys: Vec<Key>,
    /// How often an EXEC of these very keys did nothing because one had changed.
    changes: u32,
    /// An EXEC for them was sent and had no answer, by this delete or an earlier one.
    may_have_run: bool,
    /// They passed the guard once.
    has_passed: bool,
    /// Their values are read under WATCH.
    is_watched_first: bool,
}

/// What a delete demands of its keys beside being unchanged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The guard is asked here first: a key that it refuses never matched.
    pub(super) is_first_look: bool,
    /// Values are saved, and none that is larger.
    pub(super) max_value_bytes: Option<u64>,
}

/// What a group came to.
#[derive(Debug)]
pub(super) enum Came {
    /// No key was left to remove.
    Nothing,
    /// The server removed so many in one step; the others had gone.
    Removed(u64),
    /// The script looked once more, and says of each key how it ended.
    Checked(Vec<Fate>),
    /// One of the keys changed: nothing was removed.
    Changed,
    /// It may pass later as it is: nothing was removed.
    Later,
    /// Some of its keys are here and some have moved on (TRYAGAIN): one by one they have an answer.
    Torn,
    /// The keys are another node's by now (MOVED, ASK): nothing was removed.
    Elsewhere,
    /// Some of its keys are at fault: nothing was removed, and others may pass.
    Keys(Refused),
    /// Nothing will pass: nothing was removed.
    Never(Refused),
    /// The connection is gone; the EXEC was on its way by then, or was not.
    Lost { may_have_run: bool },
    /// The delete ends: the group was let go before its EXEC.
    LetGo,
}

impl Group {
    /// For whoever saves what is without an outcome.
    pub(super) fn as_piece(&self) -> Piece {
        Piece::whole(Batch {
            id: self.batch,
            keys: self.keys.as_slice().into(),
        })
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Leaves at most so many keys, one at least, and gives the rest back as a group of its own.
    pub(super) fn cut(&mut self, most: usize) -> Option<Self> {
        let most = most.max(1);
        if self.keys.len() <= most {
            return None;
        }
        let keys = self.keys.split_off(most);
        Some(Self {
            keys,
            ..self.clone_empty()
        })
    }

    /// Takes out those that are here and no short strings, with what was seen of them: their values are read under WATCH.
    pub(super) fn part(&mut self, seen: &mut Vec<Seen>) -> Option<Self> {
        let is_ahead = |seen: &Seen| seen.is_short() || !matches!(seen, Seen::Here(_));
        let all = self.keys.drain(..).zip(seen.iter());
        let (ahead, rest): (Vec<_>, Vec<_>) = all.partition(|(_, seen)| is_ahead(seen));
        let names = |pairs: Vec<(Key, &Seen)>| pairs.into_iter().map(|(key, _)| key).collect();
        let (ahead, rest): (Vec<Key>, Vec<Key>) = (names(ahead), names(rest));
        self.keys = ahead;
        seen.retain(is_ahead);
        (!rest.is_empty()).then(|| Self {
            keys: rest,
            is_watched_first: true,
            ..self.clone_empty()
        })
    }

    pub(super) fn is_watched_first(&self) -> bool {
        self.is_watched_first
    }

    /// Takes the answers to the questions, one a key and in their order. What stays in the group is to be removed, and
    /// `Looked::found` says what is known of it, in the same order.
    pub(super) fn looked(&mut self, seen: &[Seen], rules: Rules) -> Looked {
        let mut looked = Looked::default();
        let (mut gone, mut refused, mut large) = (0, Vec::new(), Vec::new());
        let mut kept = Vec::with_capacity(self.keys.len());
        for (key, seen) in self.keys.drain(..).zip(seen) {
            match seen {
                Seen::Gone => gone += 1,
                Seen::Refused => refused.push(key),
                Seen::Here(found) if rules.max_value_bytes.is_some_and(|max| found.bytes > max) => {
                    large.push(key);
                }
                Seen::Here(found) => {
                    kept.push(key);
                    looked.found.push(*found);
                }
            }
        }
        self.keys = kept;
        if gone > 0 {
            let tally = Tally {
                already_gone: gone,
                ..Tally::default()
            };
            looked.settled.push(self.settled(tally, None));
        }
        if rules.is_first_look && !self.has_passed {
            looked.settled.extend(self.unmatched(refused.len() as u64));
        } else {
            looked.settled.extend(self.skipped(&refused, &changed()));
        }
        if let Some(max) = rules.max_value_bytes {
            looked.settled.extend(self.skipped(&large, &too_large(max)));
        }
        self.has_passed = true;
        looked
    }

    /// Leaves the keys whose values are held together, one at least, and gives the rest back.
    pub(super) fn cut_to_bytes(&mut self, found: &mut Vec<Found>, most: u64) -> Option<Self> {
        let mut bytes: u64 = 0;
        let fits = found.iter().take_while(|found| {
            bytes = bytes.saturating_add(found.bytes);
            bytes <= most
        });
        let fits = fits.count().max(1);
        found.truncate(fits);
        self.cut(fits)
    }

    /// Takes out keys whose values turned out to be too large when they were read; `places` ascend.
    pub(super) fn without_large(&mut self, places: &[usize], max: u64) -> Vec<Settled> {
        let mut large = Vec::with_capacity(places.len());
        for place in places.iter().rev() {
            large.push(self.keys.remove(*place));
        }
        self.skipped(&large, &too_large(max))
    }

    /// All of it, which leaves a group without keys.
    pub(super) fn take(&mut self) -> Self {
        Self {
            keys: std::mem::take(&mut self.keys),
            ..self.clone_empty()
        }
    }

    fn clone_empty(&self) -> Self {
        Self {
            keys: Vec::new(),
            ..*self
        }
    }

    fn settled(&self, tally: Tally, refused: Option<Refused>) -> Settled {
        Settled {
            batch: self.batch,
            keys: tally.sum(),
            tally,
            unmatched: 0,
            refused,
            lost: Vec::new(),
            elsewhere: Vec::new(),
        }
    }

    fn unmatched(&self, keys: u64) -> Option<Settled> {
        (keys > 0).then(|| Settled {
            keys,
            unmatched: keys,
            ..self.settled(Tally::default(), None)
        })
    }

    /// One by one, so that each is known by its name: a verifying walk meets them again.
    fn skipped(&self, keys: &[Key], why: &Refused) -> Vec<Settled> {
        let one = |key: &Key| {
            let tally = Tally {
                skipped: 1,
                ..Tally::default()
            };
            let refused = Refused {
                sample: Some(key.clone()),
                ..why.clone()
            };
            self.settled(tally, Some(refused))
        };
        keys.iter().map(one).collect()
    }

    fn failed(&self, why: Refused) -> Settled {
        let tally = Tally {
            failed: self.keys.len() as u64,
            ..Tally::default()
        };
        let sample = self.keys.first().cloned();
        self.settled(tally, Some(Refused { sample, ..why }))
    }

    fn elsewhere(self) -> Settled {
        let keys = self.keys.iter();
        let mut elsewhere: Vec<Slot> = keys.map(|key| Slot::of(key.as_bytes())).collect();
        elsewhere.sort_unstable();
        elsewhere.dedup();
        Settled {
            keys: self.keys.len() as u64,
            elsewhere,
            lost: if self.may_have_run {
                self.keys.clone()
            } else {
                Vec::new()
            },
            ..self.settled(Tally::default(), None)
        }
    }

    /// As the script says, one fate a key.
    fn checked(&self, fates: &[Fate]) -> Vec<Settled> {
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count() as u64;
        let tally = Tally {
            deleted: count(Fate::Deleted),
            already_gone: count(Fate::Gone),
            ..Tally::default()
        };
        let keys = self.keys.iter().zip(fates);
        let refused: Vec<Key> = keys
            .filter(|(_, fate)| matches!(fate, Fate::Refused | Fate::OtherType))
            .map(|(key, _)| key.clone())
            .collect();
        let mut settled = Vec::new();
        if tally.sum() > 0 {
            settled.push(self.settled(tally, None));
        }
        settled.extend(self.skipped(&refused, &changed()));
        settled
    }
}

/// What the questions came to.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Of the keys that stay, in their order.
    pub(super) found: Vec<Found>,
    pub(super) settled: Vec<Settled>,
}

impl Looked {
    /// What is to be read of them.
    pub(super) fn wanted(found: &[Found]) -> Vec<Wanted> {
        let found = found.iter().enumerate();
        found
            .map(|(place, found)| Wanted {
                place,
                form: found.form,
                bytes: found.bytes,
            })
            .collect()
    }
}

/// All groups of a delete that have not come to their end.
#[derive(Debug)]
pub(super) struct Groups {
    /// Keys of one, at most.
    most: usize,
    waiting: VecDeque<Group>,
    settled: Vec<Settled>,
    failed_in_a_row: u64,
}

impl Groups {
    /// Groups of at most so many keys, one at least.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            waiting: VecDeque::new(),
            settled: Vec::new(),
            failed_in_a_row: 0,
        }
    }

    pub(super) fn push(&mut self, batch: Batch) {
        self.push_as(batch, false);
    }

    /// Keys that an earlier EXEC may have removed: wherever they are met, their outcome is still owed.
    pub(super) fn push_again(&mut self, batch: Batch) {
        self.push_as(batch, true);
    }

    fn push_as(&mut self, batch: Batch, may_have_run: bool) {
        for all in batch.keys.chunks(self.most) {
            let mut seen = HashSet::new();
            let keys: Vec<Key> = all
                .iter()
                .filter(|key| seen.insert(*key))
                .cloned()
                .collect();
            // SCAN may give a key twice, and one copy of it is enough: it goes with the first.
            let twice = (all.len() - keys.len()) as u64;
            if twice > 0 {
                let tally = Tally {
                    already_gone: twice,
                    ..Tally::default()
                };
                self.settled.push(Settled {
                    batch: batch.id,
                    keys: twice,
                    tally,
                    unmatched: 0,
                    refused: None,
                    lost: Vec::new(),
                    elsewhere: Vec::new(),
                });
            }
            self.waiting.push_back(Group {
                batch: batch.id,
                keys,
                changes: 0,
                may_have_run,
                has_passed: may_have_run,
                is_watched_first: false,
            });
        }
    }

    /// The next group to carry, of `most` keys at most, or as many as are watched together where they are watched first. It is
    /// nobody's concern here until it comes back.
    pub(super) fn next(&mut self, most: usize) -> Option<Group> {
        let mut group = self.waiting.pop_front()?;
        let most = match group.is_watched_first {
            true => limits::WATCH_GROUP_KEYS,
            false => most,
        };
        if let Some(rest) = group.cut(most) {
            self.waiting.push_front(rest);
        }
        Some(group)
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Group> {
        self.waiting.iter()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What a group cut off: it waits as if it had not begun.
    pub(super) fn back(&mut self, group: Group) {
        if !group.keys.is_empty() {
            self.waiting.push_front(group);
        }
    }

    /// Outcomes that are known before their group is done.
    pub(super) fn settle(&mut self, settled: impl IntoIterator<Item = Settled>) {
        self.settled.extend(settled);
    }

    pub(super) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// A group came back: its keys have their outcome, or it waits to be watched again, whole or in parts.
    pub(super) fn came(&mut self, mut group: Group, came: Came) {
        let size = group.keys.len() as u64;
        if size == 0 {
            return;
        }
        match came {
            Came::Nothing => debug_assert!(false, "{size} keys have no outcome"),
            Came::Removed(removed) => {
                self.failed_in_a_row = 0;
                let tally = Tally {
                    deleted: removed.min(size),
                    already_gone: size.saturating_sub(removed),
                    ..Tally::default()
                };
                self.settled.push(group.settled(tally, None));
            }
            Came::Checked(fates) => {
                self.failed_in_a_row = 0;
                self.settled.extend(group.checked(&fates));
            }
            Came::Changed => self.changed(group),
            Came::Torn | Came::Keys(_) if size > 1 => self.halve(group),
            Came::Later | Came::Torn | Came::LetGo => self.waiting.push_front(group),
            Came::Elsewhere => self.settled.push(group.elsewhere()),
            Came::Keys(refused) => {
                self.failed_in_a_row += 1;
                self.settled.push(group.failed(refused));
            }
            Came::Never(refused) => self.settled.push(group.failed(refused)),
            Came::Lost { may_have_run } => {
                group.may_have_run |= may_have_run;
                self.waiting.push_front(group);
            }
        }
    }

    /// Which of them changed is not told: halves find it in a few round trips, and one key that changes all the time
    /// is left alone in the end.
    fn changed(&mut self, mut group: Group) {
        if group.keys.len() > 1 {
            self.halve(group);
            return;
        }
        group.changes += 1;
        if group.changes < limits::MAX_WATCH_TRIES {
            self.waiting.push_front(group);
            return;
        }
        let skipped = group.skipped(&group.keys, &changed());
        self.settled.extend(skipped);
    }

    fn halve(&mut self, mut group: Group) {
        group.changes = 0;
        let rest = group.cut(group.keys.len() / 2);
        if let Some(rest) = rest {
            self.waiting.push_front(rest);
        }
        self.waiting.push_front(group);
    }

    /// Nothing is sent any more: a group whose EXEC had no answer is unknown, what was never sent is forgotten, as if it
    /// had not been found.
    pub(super) fn give_up(&mut self, why: &Refused) {
        for group in self.waiting.drain(..).filter(|group| group.may_have_run) {
            let tally = Tally {
                unknown: group.keys.len() as u64,
                ..Tally::default()
            };
            let why = Refused {
                sample: group.keys.first().cloned(),
                ..why.clone()
            };
            self.settled.push(Settled {
                lost: group.keys.clone(),
                ..group.settled(tally, Some(why))
            });
        }
    }

    /// So many keys failed with none removed in between that the rest will too.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failed_in_a_row >= limits::MAX_FAILED_IN_A_ROW
    }
}

fn changed() -> Refused {
    Refused {
        kind: ErrorKind::Changed,
        text: "delete keys: the key changed since it was looked at".to_owned(),
        sample: None,
    }
}

fn too_large(max: u64) -> Refused {
    Refused {
        kind: ErrorKind::TooLarge,
        text: format!("back up keys: the value is larger than {max} bytes (--backup-max-value)"),
        sample: None,
    }
}

#[cfg(test)]
mod tests;
