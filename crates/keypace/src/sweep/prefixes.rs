//! Counts by prefix of the names: bounded, so that names without order cost no memory. Knows no server.

use std::collections::HashMap;

use crate::key::Escaped;
use crate::limits;
use crate::report::PrefixCount;

/// Keys by prefix. A prefix ends with its last separator.
#[derive(Debug)]
pub(super) struct Prefixes {
    depth: usize,
    pub(super) counts: HashMap<Box<[u8]>, u64>,
    /// Keys of prefixes beyond the bound.
    pub(super) others: u64,
}

impl Prefixes {
    pub(super) fn new(depth: usize) -> Self {
        Self {
            depth,
            counts: HashMap::new(),
            others: 0,
        }
    }

    pub(super) fn add(&mut self, key: &[u8]) {
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

    pub(super) fn absorb(&mut self, other: &Self) {
        self.others += other.others;
        for (prefix, count) in &other.counts {
            if let Some(mine) = self.counts.get_mut(prefix) {
                *mine += count;
            } else if self.counts.len() < limits::MAX_PREFIXES {
                self.counts.insert(prefix.clone(), *count);
            } else {
                self.others += count;
            }
        }
    }

    pub(super) fn sorted(&self) -> Vec<PrefixCount> {
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
    use super::prefix_of;

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
}
