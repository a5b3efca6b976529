//! What a sweep has counted: outcomes by pattern, keys by prefix, failures by kind, sample keys. All bounded.

use std::collections::HashMap;
use std::sync::Arc;

use super::left_alone::LeftAlone;
use super::prefixes::Prefixes;
use crate::delete::{Refused, Tally};
use crate::error::Error;
use crate::key::{Escaped, Facts, Key, Slot, SlotSet};
use crate::limits;
use crate::report::{Failure, PatternCount, PrefixCount};
use crate::stats::{Aggregate, StatsOptions};

/// One pattern's counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) tally: Tally,
    /// Keys found where nothing is removed: listed, counted, or to be deleted by another run.
    pub(super) found: u64,
}

impl Counts {
    pub(super) fn matched(&self) -> u64 {
        self.found + self.tally.sum()
    }
}

/// All that was counted.
#[derive(Debug)]
pub(super) struct Tallies {
    pub(super) by_pattern: Vec<Counts>,
    prefixes: Option<Prefixes>,
    slots: Option<BySlot>,
    stats: Option<Box<Aggregate>>,
    failures: Vec<Failure>,
    samples: Vec<Key>,
    pub(super) left_alone: LeftAlone,
    /// What is found of these was left alone before, and is skipped again.
    expected: Arc<LeftAlone>,
}

impl Tallies {
    pub(super) fn new(patterns: usize, prefix_depth: Option<usize>) -> Self {
        Self {
            by_pattern: vec![Counts::default(); patterns],
            prefixes: prefix_depth.map(Prefixes::new),
            slots: None,
            stats: None,
            failures: Vec::new(),
            samples: Vec::new(),
            left_alone: LeftAlone::default(),
            expected: Arc::default(),
        }
    }

    /// Counts by slot too, so that the counts of some can be taken back.
    pub(super) fn by_slot(mut self) -> Self {
        self.slots = Some(BySlot::default());
        self
    }

    /// Adds up what is learnt of each key, where that is asked for.
    pub(super) fn with_stats(mut self, options: Option<StatsOptions>) -> Self {
        self.stats = options.map(|options| Box::new(Aggregate::new(options)));
        self
    }

    /// Counts keys that a delete left alone apart from those that it did not expect to be left.
    pub(super) fn expecting(self, expected: &Arc<LeftAlone>) -> Self {
        let expected = Arc::clone(expected);
        Self { expected, ..self }
    }

    /// Statistics so far, where they are asked for.
    pub(super) fn stats(&mut self) -> Option<&mut Aggregate> {
        self.stats.as_deref_mut()
    }

    /// Something was learnt of a key that was found.
    pub(super) fn learn(&mut self, key: &Key, facts: Option<&Facts>) {
        if let (Some(stats), Some(facts)) = (&mut self.stats, facts) {
            stats.add(key, facts);
        }
    }

    /// What was counted before is not known by slot.
    pub(super) fn for_the_whole(mut self) -> Self {
        self.slots = None;
        self
    }

    /// Whether `forget_slots` can take back what was counted in some slots alone.
    pub(super) fn knows_slots(&self) -> bool {
        self.slots.is_some()
    }

    /// These slots are walked again: what was only counted in them is counted anew, and what failed is tried again.
    pub(super) fn forget_slots(&mut self, slots: &SlotSet) {
        let Some(by_slot) = &mut self.slots else {
            return;
        };
        self.left_alone.forget_slots(slots);
        by_slot.forget(slots, |pattern, counts| {
            if let Some(mine) = self.by_pattern.get_mut(pattern) {
                mine.found -= counts.found;
                mine.tally.skipped -= counts.skipped;
                mine.tally.failed -= counts.failed;
                mine.tally.unknown -= counts.unknown;
            }
        });
        let left = self.total().tally;
        if left.skipped + left.failed + left.unknown == 0 {
            self.failures.clear();
        }
    }

    /// A key was found that is not to be removed by this run.
    pub(super) fn find(&mut self, key: &Key, pattern: usize) {
        if self.expected.holds(key) {
            let skipped = Tally {
                skipped: 1,
                ..Tally::default()
            };
            return self.settle(pattern, Some(Slot::of(key.as_bytes())), &skipped);
        }
        if let Some(counts) = self.by_pattern.get_mut(pattern) {
            counts.found += 1;
        }
        if let Some(slots) = &mut self.slots {
            slots.of(pattern, Slot::of(key.as_bytes())).found += 1;
        }
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.add(key.as_bytes());
        }
        self.sample(key);
    }

    /// Keeps a few keys to show.
    pub(super) fn sample(&mut self, key: &Key) {
        if self.samples.len() < limits::SAMPLE_KEYS {
            self.samples.push(key.detach());
        }
    }

    /// Keys came to their end; in a cluster all of them are of one slot.
    pub(super) fn settle(&mut self, pattern: usize, slot: Option<Slot>, tally: &Tally) {
        if let Some(counts) = self.by_pattern.get_mut(pattern) {
            counts.tally.add(tally);
        }
        if let (Some(slots), Some(slot)) = (&mut self.slots, slot)
            && tally.skipped + tally.failed + tally.unknown > 0
        {
            let counts = slots.of(pattern, slot);
            counts.skipped += tally.skipped;
            counts.failed += tally.failed;
            counts.unknown += tally.unknown;
        }
    }

    /// The walk began again: what was only counted is counted anew; what was removed stays removed.
    pub(super) fn restart(&mut self) {
        for counts in &mut self.by_pattern {
            counts.found = 0;
            // Found again, and tried again.
            counts.tally.skipped = 0;
            counts.tally.failed = 0;
        }
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.counts.clear();
            prefixes.others = 0;
        }
        if let Some(stats) = &mut self.stats {
            stats.restart();
        }
        if let Some(slots) = &mut self.slots {
            // What is unknown stays so, but in a slot that is walked again.
            *slots = BySlot::default();
        }
        if self.total().tally.unknown == 0 {
            self.failures.clear();
        }
        self.left_alone.forget();
        self.samples.clear();
    }

    /// Other shards walk all of it again, and ask first for the keys whose outcome is unknown.
    pub(super) fn restart_elsewhere(&mut self) {
        self.restart();
        for counts in &mut self.by_pattern {
            counts.tally.unknown = 0;
        }
        self.failures.clear();
    }

    /// Keys that were left alone are found again by another pass, which counts them.
    pub(super) fn forget_skipped(&mut self) -> u64 {
        let skipped = |counts: &mut Counts| std::mem::take(&mut counts.tally.skipped);
        self.failures.clear();
        self.left_alone.forget();
        self.by_pattern.iter_mut().map(skipped).sum()
    }

    /// Keys failed, or a part of the work did (`count` 1 and no key).
    pub(super) fn fail(&mut self, refused: &Refused, count: u64) {
        self.left_alone.note(refused);
        let place = self.place_of(refused.kind.as_str(), &refused.text);
        let failure = &mut self.failures[place];
        failure.count += count;
        let sample = refused.sample.as_ref();
        if let Some(key) = sample.filter(|_| failure.sample_keys.len() < limits::SAMPLE_KEYS) {
            failure.sample_keys.push(key.escaped().to_string());
        }
    }

    /// A part of the work failed.
    pub(super) fn fail_with(&mut self, error: &Error) {
        let refused = Refused {
            kind: error.kind(),
            text: error.to_string(),
            sample: None,
        };
        self.fail(&refused, 1);
    }

    /// Adds what another shard has counted. Bounded as this one is.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.by_pattern.iter_mut().zip(&other.by_pattern) {
            mine.tally.add(&theirs.tally);
            mine.found += theirs.found;
        }
        if let (Some(mine), Some(theirs)) = (&mut self.prefixes, &other.prefixes) {
            mine.absorb(theirs);
        }
        for failure in &other.failures {
            self.add_failure(failure);
        }
        for key in &other.samples {
            self.sample(key);
        }
    }

    /// Adds failures that were counted elsewhere.
    pub(super) fn add_failure(&mut self, failure: &Failure) {
        let place = self.place_of(&failure.kind, &failure.text);
        let mine = &mut self.failures[place];
        mine.count += failure.count;
        let room = limits::SAMPLE_KEYS - mine.sample_keys.len();
        mine.sample_keys
            .extend(failure.sample_keys.iter().take(room).cloned());
    }

    fn place_of(&mut self, kind: &str, text: &str) -> usize {
        let place = self
            .failures
            .iter()
            .position(|failure| failure.kind == kind && failure.text == text);
        place.unwrap_or_else(|| self.new_failure(kind, text))
    }

    /// A place in the list for a failure that is not in it; the last place is for all that find none.
    fn new_failure(&mut self, kind: &str, text: &str) -> usize {
        let (kind, text) = match self.failures.len() {
            limits::MAX_FAILURE_KINDS.. => return limits::MAX_FAILURE_KINDS - 1,
            n if n == limits::MAX_FAILURE_KINDS - 1 => ("others", "further kinds of failure"),
            _ => (kind, text),
        };
        self.failures.push(Failure {
            kind: kind.to_owned(),
            text: text.to_owned(),
            count: 0,
            sample_keys: Vec::new(),
        });
        self.failures.len() - 1
    }

    /// The sum over patterns.
    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in &self.by_pattern {
            total.tally.add(&counts.tally);
            total.found += counts.found;
        }
        total
    }

    pub(super) fn samples(&self) -> &[Key] {
        &self.samples
    }

    pub(super) fn failures(&self) -> &[Failure] {
        &self.failures
    }

    pub(super) fn pattern_counts<'a>(
        &self,
        patterns: impl Iterator<Item = &'a [u8]>,
    ) -> Vec<PatternCount> {
        let shown = patterns.map(|bytes| Escaped::new(bytes).to_string());
        shown
            .zip(&self.by_pattern)
            .map(|(pattern, counts)| PatternCount {
                pattern,
                matched: counts.matched(),
                deleted: counts.tally.deleted,
            })
            .collect()
    }

    /// Counts by prefix, the largest first; `None` where they were not asked for.
    pub(super) fn prefix_counts(&self) -> Option<Vec<PrefixCount>> {
        self.prefixes.as_ref().map(Prefixes::sorted)
    }

    /// The same as bytes, for a checkpoint.
    pub(super) fn prefix_table(&self) -> Vec<(Vec<u8>, u64)> {
        let table = self.prefixes.iter().flat_map(|p| &p.counts);
        table
            .map(|(prefix, count)| (prefix.to_vec(), *count))
            .collect()
    }

    /// Keys of prefixes that are not counted one by one.
    pub(super) fn other_prefixes(&self) -> u64 {
        self.prefixes.as_ref().map_or(0, |prefixes| prefixes.others)
    }

    pub(super) fn restore_prefixes(
        &mut self,
        table: impl Iterator<Item = (Vec<u8>, u64)>,
        others: u64,
    ) {
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.others = others;
            prefixes.counts = table
                .map(|(prefix, count)| (prefix.into(), count))
                .collect();
        }
    }
}

/// What can be taken back of a slot's counts.
#[derive(Debug, Clone, Copy, Default)]
struct SlotCounts {
    found: u64,
    skipped: u64,
    failed: u64,
    unknown: u64,
}

/// Counts by pattern and slot: at most one entry for each of a cluster's slots that had any, per pattern.
#[derive(Debug, Default)]
struct BySlot(HashMap<(usize, Slot), SlotCounts>);

impl BySlot {
    fn of(&mut self, pattern: usize, slot: Slot) -> &mut SlotCounts {
        self.0.entry((pattern, slot)).or_default()
    }

    fn forget(&mut self, slots: &SlotSet, mut forget: impl FnMut(usize, SlotCounts)) {
        self.0.retain(|(pattern, slot), counts| {
            let stays = !slots.contains(*slot);
            if !stays {
                forget(*pattern, *counts);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Tallies;
    use crate::delete::Refused;
    use crate::error::ErrorKind;
    use crate::key::Key;
    use crate::limits;

    #[test]
    fn failures_and_samples_are_bounded() {
        let mut tallies = Tallies::new(1, None);
        for n in 0..1000 {
            let refused = Refused {
                kind: ErrorKind::Server,
                text: format!("text {n}"),
                sample: Some(Key::new("k")),
            };
            tallies.fail(&refused, 2);
            tallies.find(&Key::new(n.to_string()), 0);
        }
        assert_eq!(tallies.failures().len(), limits::MAX_FAILURE_KINDS);
        assert_eq!(
            tallies.failures().iter().map(|f| f.count).sum::<u64>(),
            2000
        );
        assert_eq!(tallies.samples().len(), limits::SAMPLE_KEYS);
        assert_eq!(tallies.total().matched(), 1000);
    }

    #[test]
    fn counts_by_prefix_are_sorted_and_begin_again_at_a_restart() {
        let mut tallies = Tallies::new(1, Some(1));
        for key in ["a:1", "b:1", "b:2", "c"] {
            tallies.find(&Key::new(key), 0);
        }
        let counts = tallies.prefix_counts().expect("asked for");
        let shown: Vec<_> = counts
            .iter()
            .map(|c| (c.prefix.as_str(), c.matched))
            .collect();
        assert_eq!(shown, [("b:", 2), ("", 1), ("a:", 1)]);
        tallies.restart();
        assert_eq!(tallies.prefix_counts().expect("asked for"), []);
    }
}
