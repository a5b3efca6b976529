//! What a backup holds: entries as they are put in, as they come out again, and how many there are. Data only.

use bytes::Bytes;

use crate::key::Key;

/// One key on its way into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// Milliseconds since 1970 by the server's clock; `None` for a key that stays.
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) value: Value,
}

/// Its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A string's own bytes.
    Text(Bytes),
    /// What DUMP answered.
    Dump(Bytes),
}

impl Value {
    pub(super) fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Dump(bytes) => bytes,
        }
    }
}

/// What became of a group of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its keys were removed, so its entries are the only copies.
    Removed,
    /// Its keys were left: its entries are void, as newer ones may follow.
    Kept,
}

/// How much a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupTotals {
    /// Records that can be brought back; a key may have more than one.
    pub records: u64,
    /// Records that are void: their keys were changed and not deleted then, or newer copies that say the same
    /// follow.
    pub void: u64,
    /// Bytes of the names and values of both.
    pub raw_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// How a value was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedKind {
    /// A string's own bytes.
    Text,
    /// A payload as DUMP gives it, of whatever type.
    Dump,
}

/// One key as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub(super) key: Key,
    pub(super) expires_at_ms: Option<u64>,
    pub(super) kind: SavedKind,
    pub(super) value: Bytes,
    pub(super) group: u64,
    pub(super) block: u64,
}

impl Saved {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// When it expires, in milliseconds since 1970; `None` for a key that stays.
    #[must_use]
    pub fn expires_at_ms(&self) -> Option<u64> {
        self.expires_at_ms
    }

    /// How its value was saved.
    #[must_use]
    pub fn kind(&self) -> SavedKind {
        self.kind
    }

    /// The string, or the payload of DUMP.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The block that it stands in, as messages about damage count them.
    #[must_use]
    pub fn block(&self) -> u64 {
        self.block
    }

    /// The type's name where the file tells it: a string, or what stands in front of a payload.
    #[must_use]
    pub fn type_name(&self) -> Option<&'static str> {
        match self.kind {
            SavedKind::Text => Some("string"),
            SavedKind::Dump => super::payload::type_name(&self.value),
        }
    }

    /// What RESTORE takes.
    #[must_use]
    pub fn payload(&self) -> Bytes {
        match self.kind {
            SavedKind::Text => super::payload::text_payload(&self.value).into(),
            SavedKind::Dump => self.value.clone(),
        }
    }
}
