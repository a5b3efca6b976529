//! What a sweep has counted: outcomes by pattern, keys by prefix, failures by kind, sample keys. All bounded.

use std::collections::HashMap;

use crate::delete::{Refused, Tally};
use crate::key::{Escaped, Key};
use crate::limits;
use crate::report::{Failure, PatternCount, PrefixCount};

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
    failures: Vec<Failure>,
    samples: Vec<Key>,
}

impl Tallies {
    pub(super) fn new(patterns: usize, prefix_depth: Option<usize>) -> Self {
        Self {
            by_pattern: vec![Counts::default(); patterns],
            prefixes: prefix_depth.map(Prefixes::new),
            failures: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// A key was found that is not to be removed by this run.
    pub(super) fn find(&mut self, key: &Key, pattern: usize) {
        if let Some(counts) = self.by_pattern.get_mut(pattern) {
            counts.found += 1;
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

    /// Keys came to their end.
    pub(super) fn settle(&mut self, pattern: usize, tally: &Tally) {
        if let Some(counts) = self.by_pattern.get_mut(pattern) {
            counts.tally.add(tally);
        }
    }

    /// The walk began again: what was only counted is counted anew; what was removed stays removed.
    pub(super) fn restart(&mut self) {
        for counts in &mut self.by_pattern {
            counts.found = 0;
            // Found again, and tried again.
            counts.tally.failed = 0;
        }
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.counts.clear();
            prefixes.others = 0;
        }
        self.samples.clear();
    }

    /// Keys failed, or a part of the work did (`count` 1 and no key).
    pub(super) fn fail(&mut self, refused: &Refused, count: u64) {
        let place = self
            .failures
            .iter()
            .position(|f| f.kind == refused.kind.as_str() && f.text == refused.text);
        let place = place.unwrap_or_else(|| self.new_failure(refused));
        let failure = &mut self.failures[place];
        failure.count += count;
        let sample = refused.sample.as_ref();
        if let Some(key) = sample.filter(|_| failure.sample_keys.len() < limits::SAMPLE_KEYS) {
            failure.sample_keys.push(key.escaped().to_string());
        }
    }

    /// A place in the list for a failure that is not in it; the last place is for all that find none.
    fn new_failure(&mut self, refused: &Refused) -> usize {
        let (kind, text) = match self.failures.len() {
            limits::MAX_FAILURE_KINDS.. => return limits::MAX_FAILURE_KINDS - 1,
            n if n == limits::MAX_FAILURE_KINDS - 1 => ("others", "further kinds of failure"),
            _ => (refused.kind.as_str(), refused.text.as_str()),
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

/// Keys by prefix. A prefix ends with its last separator.
#[derive(Debug)]
struct Prefixes {
    depth: usize,
    counts: HashMap<Box<[u8]>, u64>,
    /// Keys of prefixes beyond the bound.
    others: u64,
}

impl Prefixes {
    fn new(depth: usize) -> Self {
        Self {
            depth,
            counts: HashMap::new(),
            others: 0,
        }
    }

    fn add(&mut self, key: &[u8]) {
        let prefix = prefix_of(key, self.depth);
        if let Some(count) = self.counts.get_mut(prefix) {
            *count += 1;
        } else if self.counts.len() < limits::MAX_PREFIXES
            && prefix.len() <= limits::MAX_PREFIX_BYTES
        {
            self.counts.insert(prefix.into(), 1);
        } else {
            self.others += 1;
        }
    }

    fn sorted(&self) -> Vec<PrefixCount> {
        let mut counts: Vec<(&[u8], u64)> = self
            .counts
            .iter()
            .map(|(prefix, count)| (&**prefix, *count))
            .collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut counts: Vec<PrefixCount> = counts
            .into_iter()
            .map(|(prefix, matched)| PrefixCount {
                prefix: Escaped::new(prefix).to_string(),
                matched,
            })
            .collect();
        if self.others > 0 {
            counts.push(PrefixCount {
                prefix: "(others)".to_owned(),
                matched: self.others,
            });
        }
        counts
    }
}

/// The first `depth` segments of a name with their separators, or as many as it has.
fn prefix_of(key: &[u8], depth: usize) -> &[u8] {
    let ends = key
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == limits::DEFAULT_SEPARATOR)
        .map(|(at, _)| at + 1);
    ends.take(depth).last().map_or(&[], |end| &key[..end])
}

#[cfg(test)]
mod tests {
    use super::{Tallies, prefix_of};
    use crate::delete::Refused;
    use crate::error::ErrorKind;
    use crate::key::Key;
    use crate::limits;

    #[test]
    fn prefixes_end_with_a_separator() {
        for (key, depth, prefix) in [
            ("session:1:data", 1, "session:"),
            ("session:1:data", 2, "session:1:"),
            ("session:1", 2, "session:"),
            ("plain", 1, ""),
            (":x", 1, ":"),
        ] {
            assert_eq!(
                prefix_of(key.as_bytes(), depth),
                prefix.as_bytes(),
                "{key} {depth}"
            );
        }
    }

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
