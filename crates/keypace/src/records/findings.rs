//! What a look at a namespace has found: counts, a few keys of each kind, and what could not be judged. Holds data, and
//! counts a key once that comes twice.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use crate::error::ErrorKind;
use crate::key::Key;
use crate::limits::index as limits;

/// Counts of `verify`, as they are kept in a checkpoint too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Counts {
    pub(crate) records: u64,
    pub(crate) members: u64,
    /// In the order of [`Drift::ALL`].
    pub(crate) drift: [u64; 5],
    pub(crate) expired: u64,
    pub(crate) not_records: u64,
    pub(crate) repaired: u64,
    pub(crate) old_members: u64,
    pub(crate) old_stale: u64,
    pub(crate) old_wrong_owner: u64,
}

/// What could not be judged, or mended.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
    pub(crate) key: Option<Key>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) counts: Counts,
    samples: Vec<(Drift, Key)>,
    /// Handed on by whoever drives.
    pub(crate) faults: Vec<Fault>,
    /// Bounded by `limits::REMEMBERED_FINDINGS`.
    seen: HashSet<u64>,
}

impl Findings {
    /// Counts a finding, and says whether it is a new one.
    pub(crate) fn find(&mut self, drift: Drift, key: &Bytes) -> bool {
        if !self.is_new(drift, key) {
            return false;
        }
        self.counts.drift[drift as usize] += 1;
        let named = self.samples.iter().filter(|(kind, _)| *kind == drift);
        if named.count() < limits::SAMPLES_PER_DRIFT {
            self.samples.push((drift, Key::new(key.clone())));
        }
        true
    }

    /// A finding that another one explains: it counts no longer, and not when it is made later.
    pub(crate) fn explain(&mut self, drift: Drift, key: &Bytes) {
        if self.is_new(drift, key) {
            return;
        }
        let counted = &mut self.counts.drift[drift as usize];
        *counted = counted.saturating_sub(1);
        self.samples
            .retain(|(kind, sample)| *kind != drift || sample.as_bytes() != key);
    }

    /// The same for what is no drift.
    pub(crate) fn is_first(&mut self, what: &'static str, key: &[u8]) -> bool {
        self.remember(hash(what.as_bytes(), key))
    }

    pub(crate) fn fault(&mut self, kind: ErrorKind, text: impl Into<String>, key: Option<&Bytes>) {
        if self.faults.len() < limits::REMEMBERED_FINDINGS {
            self.faults.push(Fault {
                kind,
                text: text.into(),
                key: key.map(|key| Key::new(key.clone())),
            });
        }
    }

    pub(crate) fn samples(&self) -> &[(Drift, Key)] {
        &self.samples
    }

    fn is_new(&mut self, drift: Drift, key: &Bytes) -> bool {
        self.remember(hash(drift.as_str().as_bytes(), key))
    }

    /// Beyond the bound every finding is a new one.
    fn remember(&mut self, finding: u64) -> bool {
        if self.seen.len() >= limits::REMEMBERED_FINDINGS {
            return !self.seen.contains(&finding);
        }
        self.seen.insert(finding)
    }
}

fn hash(what: &[u8], key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (what, key).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::Findings;
    use crate::records::drift::Drift;
    use bytes::Bytes;

    const KEY: Bytes = Bytes::from_static(b"session:1");

    #[test]
    fn a_key_that_comes_twice_counts_once() {
        let mut findings = Findings::default();
        assert!(findings.find(Drift::Missing, &KEY));
        assert!(!findings.find(Drift::Missing, &KEY));
        assert!(findings.find(Drift::Stale, &KEY));
        assert_eq!(findings.counts.drift, [1, 1, 0, 0, 0]);
        assert_eq!(findings.samples().len(), 2);
    }

    #[test]
    fn what_is_explained_counts_neither_before_nor_after() {
        let mut findings = Findings::default();
        findings.find(Drift::Missing, &KEY);
        findings.explain(Drift::Missing, &KEY);
        assert_eq!(findings.counts.drift[0], 0);
        assert!(findings.samples().is_empty());
        let other = Bytes::from_static(b"session:2");
        findings.explain(Drift::Missing, &other);
        assert!(!findings.find(Drift::Missing, &other));
        assert_eq!(findings.counts.drift[0], 0);
    }
}
