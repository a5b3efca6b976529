//! What statistics say, as JSON: by prefix, and the biggest keys. Holds data; computes nothing.

use serde::Serialize;
use serde::ser::Serializer;

use super::{Failure, PaceSummary, ShardSummary};

/// What a keyspace is made of.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct StatsReport {
    /// Every part was walked, and every key was asked.
    pub complete: bool,
    /// A limit ended the walk; what lies beyond was not asked for.
    pub limited: bool,
    /// Keys that matched and were there when they were asked.
    pub keys: u64,
    /// What they take in memory: exact where all were measured, else an estimate.
    pub bytes: u64,
    /// Standard error of `bytes`, from having measured some keys only; 0 where all were. Two of them to either side are
    /// right 19 times of 20. That servers look at a sample of a collection's elements comes on top.
    pub bytes_error: u64,
    /// Keys that were measured.
    pub measured: u64,
    /// The share of keys that was meant to be measured beyond the first of each prefix.
    pub sample: f64,
    /// Elements of a collection that the server looked at to measure it; 0 for all of them.
    pub samples: u32,
    /// By prefix, the most keys first; what is in no row of its own is in the last, `(others)`.
    pub prefixes: Vec<PrefixStats>,
    /// So many keys at most are missing from a row and counted among the others; 0 where all prefixes have a row.
    pub prefix_keys_error: u64,
    /// The biggest keys of those that were measured, the biggest first.
    pub biggest: Vec<BigKey>,
    /// Why there are no idle times, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_note: Option<String>,
    /// Why there are no bytes, where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_note: Option<String>,
    /// Wall time.
    pub elapsed_ms: u64,
    /// One entry a node.
    pub shards: Vec<ShardSummary>,
    /// What the pace did.
    pub pace: PaceSummary,
    /// Failures by kind and text, bounded, with sample keys.
    pub errors: Vec<Failure>,
}

/// One prefix's part of [`StatsReport`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PrefixStats {
    /// The prefix with its last separator, unprintable bytes escaped; empty for names without a separator.
    pub prefix: String,
    /// Keys that begin with it.
    pub keys: u64,
    /// What they take in memory.
    pub bytes: u64,
    /// Standard error of `bytes`.
    pub bytes_error: u64,
    /// Keys of it that were measured.
    pub measured: u64,
    /// Keys by type, the most first.
    pub types: Named,
    /// Keys that never expire.
    pub no_ttl: u64,
    /// Keys by the seconds that are left to them: the upper bound of each class (`inf` for the last), the shortest first,
    /// without empty ones.
    pub ttl_seconds: Named,
    /// Keys by the seconds that nobody used them, likewise; empty where servers can't tell.
    pub idle_seconds: Named,
}

/// One of the biggest keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct BigKey {
    /// Its name; unprintable bytes are escaped where it is no text.
    pub key: String,
    /// Its name in base64 where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_b64: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it takes in memory; 0 where the server can't say.
    pub bytes: u64,
    /// Its elements, where the server can say no bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<u64>,
}

/// Counts with names, in an order: an object in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named(pub Vec<(String, u64)>);

impl Named {
    /// The count with this name; 0 where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        let own = self.0.iter().find(|(own, _)| own == name);
        own.map_or(0, |(_, count)| *count)
    }

    /// Adds the counts of another by name; new names come last.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            match self.0.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => *own += count,
                None => self.0.push((name.clone(), *count)),
            }
        }
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}
