//! Owns the five types of values and what stands beside a value: its expiry and when it was last touched.
//! It must not know databases or commands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes that a value costs beside its content, for MEMORY USAGE: about what Redis's object, key and table entry take.
const OVERHEAD_BYTES: usize = 48;

/// Bytes that an element costs beside its content.
const ELEMENT_OVERHEAD_BYTES: usize = 16;

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Str(Vec<u8>),
    /// A list.
    List(VecDeque<Vec<u8>>),
    /// A set.
    Set(BTreeSet<Vec<u8>>),
    /// A hash.
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    /// A sorted set: scores by member.
    Zset(BTreeMap<Vec<u8>, f64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Str(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Str(bytes)
    }
}

impl Value {
    /// What TYPE answers.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Hash(_) => "hash",
            Self::Zset(_) => "zset",
        }
    }

    /// An estimate for MEMORY USAGE: it grows as the value does, and is no server's own figure.
    pub(crate) fn cost_bytes(&self, key: &[u8]) -> usize {
        let content: usize = match self {
            Self::Str(bytes) => bytes.len(),
            Self::List(items) => items
                .iter()
                .map(|item| item.len() + ELEMENT_OVERHEAD_BYTES)
                .sum(),
            Self::Set(items) => items
                .iter()
                .map(|item| item.len() + ELEMENT_OVERHEAD_BYTES)
                .sum(),
            Self::Hash(fields) => fields
                .iter()
                .map(|(f, v)| f.len() + v.len() + 2 * ELEMENT_OVERHEAD_BYTES)
                .sum(),
            Self::Zset(members) => members
                .keys()
                .map(|member| member.len() + 2 * ELEMENT_OVERHEAD_BYTES)
                .sum(),
        };
        OVERHEAD_BYTES + key.len() + content
    }
}

/// A key's value with its times, both as milliseconds of the simulated server's clock.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) expires_at_ms: Option<i64>,
    pub(crate) touched_at_ms: i64,
}
